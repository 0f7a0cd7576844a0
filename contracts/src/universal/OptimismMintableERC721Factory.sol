// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";

import {OptimismMintableERC721} from "./OptimismMintableERC721.sol";
import {ProxyAdminOwned} from "./ProxyAdminOwned.sol";

/**
 * @title OptimismMintableERC721Factory
 * @notice Creates collections that stand for one of L1; anyone may. It is the predeploy at
 * 0x4200000000000000000000000000000000000017.
 *
 * Genesis writes slots 1 and 2 and the flag of Initializable.
 *
 * | slot | content                         |
 * |------|---------------------------------|
 * | 0    | isOptimismMintableERC721        |
 * | 1    | bridge                          |
 * | 2    | remoteChainID                   |
 */
contract OptimismMintableERC721Factory is Initializable, ProxyAdminOwned {
    /// @notice Whether a collection was created here.
    mapping(address localToken => bool) public isOptimismMintableERC721;

    /// @notice The bridge that mints and burns the tokens.
    address public bridge;

    /// @notice Chain id of L1.
    uint256 public remoteChainID;

    /// @notice A collection was created.
    event OptimismMintableERC721Created(
        address indexed localToken, address indexed remoteToken, address deployer
    );

    /// @notice A collection must stand for another one.
    error ZeroAddress();

    constructor() {
        _disableInitializers();
    }

    /**
     * @notice Sets bridge and chain, where genesis did not.
     * @param bridge_        The bridge that mints and burns the tokens.
     * @param remoteChainID_ Chain id of L1.
     */
    function initialize(address bridge_, uint256 remoteChainID_)
        external
        initializer
        onlyProxyAdminOrOwner
    {
        bridge = bridge_;
        remoteChainID = remoteChainID_;
    }

    /**
     * @notice Creates a collection. Its address depends on the arguments alone, so the same one
     * cannot be created twice.
     * @param remoteToken The collection on L1.
     * @param name        Name, for display.
     * @param symbol      Symbol, for display.
     */
    function createOptimismMintableERC721(
        address remoteToken,
        string memory name,
        string memory symbol
    ) external returns (address localToken) {
        if (remoteToken == address(0)) revert ZeroAddress();
        bytes32 salt = keccak256(abi.encode(remoteToken, name, symbol));
        localToken = address(
            new OptimismMintableERC721{salt: salt}(bridge, remoteChainID, remoteToken, name, symbol)
        );
        isOptimismMintableERC721[localToken] = true;
        emit OptimismMintableERC721Created(localToken, remoteToken, msg.sender);
    }

    /// @notice The bridge, by its older name.
    function BRIDGE() external view returns (address) {
        return bridge;
    }

    /// @notice Chain id of L1, by its older name.
    function REMOTE_CHAIN_ID() external view returns (uint256) {
        return remoteChainID;
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "1.0.0";
    }
}
