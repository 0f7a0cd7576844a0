// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ImmutableArgsClone} from "../libraries/ImmutableArgsClone.sol";
import {ProxyAdminOwned} from "../universal/ProxyAdminOwned.sol";
import {IDisputeGame} from "./interfaces/IDisputeGame.sol";
import {IDisputeGameFactory} from "./interfaces/IDisputeGameFactory.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";

/**
 * @title DisputeGameFactory
 * @notice Creates dispute games and lists them (OP Stack specs, dispute game interface). Anyone may
 * create a game of a type that has an implementation; who may hold which claim is the game's matter.
 *
 * A game is a clone with these constants: creator (20), root claim (32), hash of the last L1 block
 * (32), extra data. In the list a game is one word: type u32 ‖ timestamp u64 ‖ address.
 *
 * | slot | content                             |
 * |------|-------------------------------------|
 * | 0    | owner                               |
 * | 1    | gameImpls                           |
 * | 2    | initBonds                           |
 * | 3    | games by hash of what identifies it |
 * | 4    | list of all games                   |
 */
contract DisputeGameFactory is IDisputeGameFactory, Ownable, Initializable, ProxyAdminOwned {
    /// @inheritdoc IDisputeGameFactory
    mapping(uint32 gameType => IDisputeGame) public gameImpls;

    /// @inheritdoc IDisputeGameFactory
    mapping(uint32 gameType => uint256) public initBonds;

    mapping(bytes32 uuid => bytes32) private _games;

    bytes32[] private _list;

    /// @notice Games of this type cannot be created.
    error NoImplementation(uint32 gameType);

    /// @notice The attached ether is not exactly the bond.
    error IncorrectBondAmount();

    /// @notice There is a game over this claim already.
    error GameAlreadyExists(bytes32 uuid);

    constructor() Ownable(address(0xdEaD)) {
        _disableInitializers();
    }

    /// @notice Sets the contract up, once.
    /// @param initialOwner Account that may set implementations and bonds.
    function initialize(address initialOwner) external initializer onlyProxyAdminOrOwner {
        _transferOwnership(initialOwner);
    }

    /// @inheritdoc IDisputeGameFactory
    function create(uint32 gameType, bytes32 rootClaim, bytes calldata extraData)
        external
        payable
        returns (IDisputeGame proxy)
    {
        IDisputeGame implementation = gameImpls[gameType];
        if (address(implementation) == address(0)) revert NoImplementation(gameType);
        if (msg.value != initBonds[gameType]) revert IncorrectBondAmount();
        bytes32 uuid = getGameUUID(gameType, rootClaim, extraData);
        if (_games[uuid] != 0) revert GameAlreadyExists(uuid);

        bytes memory args =
            abi.encodePacked(msg.sender, rootClaim, blockhash(block.number - 1), extraData);
        proxy = IDisputeGame(ImmutableArgsClone.clone(address(implementation), args));
        bytes32 id = _pack(gameType, proxy);
        _games[uuid] = id;
        _list.push(id);
        emit DisputeGameCreated(address(proxy), gameType, rootClaim);

        proxy.initialize{value: msg.value}();
    }

    /// @notice Sets what games of a type run. Owner only.
    /// @param gameType       Kind of game.
    /// @param implementation Zero: games of this type can no longer be created.
    function setImplementation(uint32 gameType, IDisputeGame implementation) external onlyOwner {
        gameImpls[gameType] = implementation;
        emit ImplementationSet(address(implementation), gameType);
    }

    /// @notice Sets the bond of a type. Owner only.
    /// @param gameType Kind of game.
    /// @param bond     Wei that creating such a game takes.
    function setInitBond(uint32 gameType, uint256 bond) external onlyOwner {
        initBonds[gameType] = bond;
        emit InitBondUpdated(gameType, bond);
    }

    /// @inheritdoc IDisputeGameFactory
    function games(uint32 gameType, bytes32 rootClaim, bytes calldata extraData)
        external
        view
        returns (IDisputeGame proxy, uint64 timestamp)
    {
        (, timestamp, proxy) = _unpack(_games[getGameUUID(gameType, rootClaim, extraData)]);
    }

    /// @inheritdoc IDisputeGameFactory
    function gameAtIndex(uint256 index)
        external
        view
        returns (uint32 gameType, uint64 timestamp, IDisputeGame proxy)
    {
        return _unpack(_list[index]);
    }

    /// @inheritdoc IDisputeGameFactory
    function gameCount() external view returns (uint256) {
        return _list.length;
    }

    /**
     * @notice Searches the list backwards for games of a type.
     * @param gameType Kind of game.
     * @param start    Index to start from; past the end of the list nothing is found.
     * @param n        Greatest number of games to find.
     * @return found What was found, newest first.
     */
    function findLatestGames(uint32 gameType, uint256 start, uint256 n)
        external
        view
        returns (GameSearchResult[] memory found)
    {
        if (start >= _list.length || n == 0) return found;
        uint256 capacity = n <= start ? n : start + 1;
        found = new GameSearchResult[](capacity);
        uint256 count = 0;
        for (uint256 i = start + 1; i > 0 && count < capacity; --i) {
            bytes32 id = _list[i - 1];
            (uint32 type_, uint64 timestamp, IDisputeGame proxy) = _unpack(id);
            if (type_ != gameType) continue;
            found[count++] = GameSearchResult({
                index: i - 1,
                metadata: id,
                timestamp: timestamp,
                rootClaim: proxy.rootClaim(),
                extraData: proxy.extraData()
            });
        }
        // Shortening an array in memory leaves its tail unused, nothing else.
        assembly ("memory-safe") {
            mstore(found, count)
        }
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "1.2.0";
    }

    /// @notice Hash of what identifies a game.
    /// @param gameType  Kind of game.
    /// @param rootClaim Output root claimed.
    /// @param extraData The L2 block number claimed, as 32 bytes.
    function getGameUUID(uint32 gameType, bytes32 rootClaim, bytes calldata extraData)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(gameType, rootClaim, extraData));
    }

    function _pack(uint32 gameType, IDisputeGame proxy) private view returns (bytes32) {
        return bytes32(
            uint256(gameType) << 224 | uint256(uint64(block.timestamp)) << 160
                | uint160(address(proxy))
        );
    }

    function _unpack(bytes32 id) private pure returns (uint32, uint64, IDisputeGame) {
        uint256 word = uint256(id);
        // Each cast takes the bits that _pack has put there.
        // forge-lint: disable-next-line(unsafe-typecast)
        return (uint32(word >> 224), uint64(word >> 160), IDisputeGame(address(uint160(word))));
    }
}
