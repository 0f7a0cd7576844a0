// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ISuperchainConfig} from "../L1/interfaces/ISuperchainConfig.sol";
import {ISystemConfig} from "../L1/interfaces/ISystemConfig.sol";
import {ProxyAdminOwned} from "../universal/ProxyAdminOwned.sol";
import {IAnchorStateRegistry} from "./interfaces/IAnchorStateRegistry.sol";
import {GameStatus, IDisputeGame} from "./interfaces/IDisputeGame.sol";
import {IDisputeGameFactory} from "./interfaces/IDisputeGameFactory.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";

/**
 * @title AnchorStateRegistry
 * @notice Judges dispute games: which may be relied on, and from which of their outputs new games
 * start (OP Stack specs, anchor state registry). The guardian can refuse single games and all games
 * up to now, and choose the type to rely on; it cannot make a game valid that is not.
 *
 * The contracts around it never change, so an implementation carries them as constants.
 *
 * | slot | content, from the least significant byte up      |
 * |------|--------------------------------------------------|
 * | 0    | respectedGameType (4), retirementTimestamp (8)   |
 * | 1    | anchorGame                                       |
 * | 2, 3 | starting anchor: root, l2SequenceNumber          |
 * | 4    | disputeGameBlacklist                             |
 */
contract AnchorStateRegistry is IAnchorStateRegistry, Initializable, ProxyAdminOwned {
    /// @inheritdoc IAnchorStateRegistry
    ISystemConfig public immutable systemConfig;

    /// @inheritdoc IAnchorStateRegistry
    ISuperchainConfig public immutable superchainConfig;

    /// @inheritdoc IAnchorStateRegistry
    IDisputeGameFactory public immutable disputeGameFactory;

    /// @notice The chain's portal, by which the guardian pauses the chain.
    address public immutable optimismPortal;

    /// @inheritdoc IAnchorStateRegistry
    uint256 public immutable disputeGameFinalityDelaySeconds;

    /// @inheritdoc IAnchorStateRegistry
    uint32 public respectedGameType;

    /// @inheritdoc IAnchorStateRegistry
    uint64 public retirementTimestamp;

    /// @inheritdoc IAnchorStateRegistry
    IDisputeGame public anchorGame;

    Proposal private _startingAnchorRoot;

    /// @inheritdoc IAnchorStateRegistry
    mapping(IDisputeGame game => bool) public disputeGameBlacklist;

    /// @notice Only the guardian may do this.
    error AnchorStateRegistry_Unauthorized();

    /// @notice The game's claim is not valid, or not newer than the anchor.
    error AnchorStateRegistry_InvalidAnchorGame();

    modifier onlyGuardian() {
        if (msg.sender != superchainConfig.guardian()) revert AnchorStateRegistry_Unauthorized();
        _;
    }

    /**
     * @param config        Parameters of the chain.
     * @param superchain    Who may pause the chain.
     * @param factory       Where the games are listed.
     * @param portal        By which the guardian pauses the chain.
     * @param finalityDelay Seconds between a game's resolution and the use of its result.
     */
    constructor(
        ISystemConfig config,
        ISuperchainConfig superchain,
        IDisputeGameFactory factory,
        address portal,
        uint256 finalityDelay
    ) {
        systemConfig = config;
        superchainConfig = superchain;
        disputeGameFactory = factory;
        optimismPortal = portal;
        disputeGameFinalityDelaySeconds = finalityDelay;
        _disableInitializers();
    }

    /// @notice Sets the contract up, once. Games created until now are retired.
    /// @param startingAnchorRoot        The output that the first games start from.
    /// @param startingRespectedGameType Type of the games on which withdrawals can be proven.
    function initialize(Proposal calldata startingAnchorRoot, uint32 startingRespectedGameType)
        external
        initializer
        onlyProxyAdminOrOwner
    {
        _startingAnchorRoot = startingAnchorRoot;
        _setRespectedGameType(startingRespectedGameType);
        _updateRetirementTimestamp();
    }

    /// @notice Chooses the type of the games on which withdrawals can be proven from now on. Games
    /// created while their type was respected stay respected. Guardian only.
    /// @param gameType Kind of game.
    function setRespectedGameType(uint32 gameType) external onlyGuardian {
        _setRespectedGameType(gameType);
    }

    /// @notice Retires all games created until now: nothing proven on them finalizes. Guardian only.
    function updateRetirementTimestamp() external onlyGuardian {
        _updateRetirementTimestamp();
    }

    /// @notice Refuses a game for good: nothing proven on it finalizes. Guardian only.
    /// @param game A game.
    function blacklistDisputeGame(IDisputeGame game) external onlyGuardian {
        disputeGameBlacklist[game] = true;
        emit DisputeGameBlacklisted(game);
    }

    /// @inheritdoc IAnchorStateRegistry
    function setAnchorState(IDisputeGame game) external {
        (, uint256 anchorNumber) = getAnchorRoot();
        if (!isGameClaimValid(game) || game.l2SequenceNumber() <= anchorNumber) {
            revert AnchorStateRegistry_InvalidAnchorGame();
        }
        anchorGame = game;
        emit AnchorUpdated(game);
    }

    /// @inheritdoc IAnchorStateRegistry
    function anchors(uint32) external view returns (bytes32, uint256) {
        return getAnchorRoot();
    }

    /// @notice The output that the first games start from.
    function getStartingAnchorRoot() external view returns (Proposal memory) {
        return _startingAnchorRoot;
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "3.0.0";
    }

    /// @inheritdoc IAnchorStateRegistry
    function getAnchorRoot() public view returns (bytes32 root, uint256 l2SequenceNumber) {
        IDisputeGame game = anchorGame;
        if (address(game) == address(0)) {
            return (_startingAnchorRoot.root, _startingAnchorRoot.l2SequenceNumber);
        }
        return (game.rootClaim(), game.l2SequenceNumber());
    }

    /// @inheritdoc IAnchorStateRegistry
    function paused() public view returns (bool) {
        return superchainConfig.paused(optimismPortal);
    }

    /// @inheritdoc IAnchorStateRegistry
    function isGameRegistered(IDisputeGame game) public view returns (bool) {
        (uint32 gameType, bytes32 rootClaim, bytes memory extraData) = game.gameData();
        (IDisputeGame registered,) = disputeGameFactory.games(gameType, rootClaim, extraData);
        return address(registered) == address(game)
            && address(game.anchorStateRegistry()) == address(this);
    }

    /// @inheritdoc IAnchorStateRegistry
    function isGameRespected(IDisputeGame game) public view returns (bool) {
        return game.wasRespectedGameTypeWhenCreated();
    }

    /// @inheritdoc IAnchorStateRegistry
    function isGameBlacklisted(IDisputeGame game) public view returns (bool) {
        return disputeGameBlacklist[game];
    }

    /// @inheritdoc IAnchorStateRegistry
    function isGameRetired(IDisputeGame game) public view returns (bool) {
        return game.createdAt() <= retirementTimestamp;
    }

    /// @inheritdoc IAnchorStateRegistry
    function isGameProper(IDisputeGame game) public view returns (bool) {
        return
            isGameRegistered(game) && !isGameBlacklisted(game) && !isGameRetired(game) && !paused();
    }

    /// @inheritdoc IAnchorStateRegistry
    function isGameResolved(IDisputeGame game) public view returns (bool) {
        return game.resolvedAt() != 0 && game.status() != GameStatus.IN_PROGRESS;
    }

    /// @inheritdoc IAnchorStateRegistry
    function isGameFinalized(IDisputeGame game) public view returns (bool) {
        return isGameResolved(game) && _isAirGapOver(game);
    }

    /// @inheritdoc IAnchorStateRegistry
    function isGameClaimValid(IDisputeGame game) public view returns (bool) {
        return isGameRegistered(game) && isRegisteredGameClaimValid(game);
    }

    /// @inheritdoc IAnchorStateRegistry
    function isRegisteredGameClaimValid(IDisputeGame game) public view returns (bool) {
        return _isStanding(game) && isGameRespected(game)
            && game.status() == GameStatus.DEFENDER_WINS && _isAirGapOver(game);
    }

    /// @dev Whether the finality delay of a game that was decided is over.
    function _isAirGapOver(IDisputeGame game) private view returns (bool) {
        return block.timestamp - game.resolvedAt() > disputeGameFinalityDelaySeconds;
    }

    /// @dev What a game needs beside its registration to be proper.
    function _isStanding(IDisputeGame game) private view returns (bool) {
        return !isGameBlacklisted(game) && !isGameRetired(game) && !paused();
    }

    function _setRespectedGameType(uint32 gameType) private {
        respectedGameType = gameType;
        emit RespectedGameTypeSet(gameType);
    }

    function _updateRetirementTimestamp() private {
        retirementTimestamp = uint64(block.timestamp);
        emit RetirementTimestampSet(block.timestamp);
    }
}
