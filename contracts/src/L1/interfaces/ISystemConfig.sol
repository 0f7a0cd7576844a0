// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IResourceMetering} from "./IResourceMetering.sol";
import {ISuperchainConfig} from "./ISuperchainConfig.sol";

/// @title ISystemConfig
/// @notice The part of SystemConfig that other contracts on L1 read.
interface ISystemConfig is IResourceMetering {
    /// @notice Parameters of the market for deposited gas.
    function resourceConfig() external view returns (ResourceConfig memory);

    /// @notice Who may pause this chain.
    function superchainConfig() external view returns (ISuperchainConfig);

    /// @notice The account that may pause this chain.
    function guardian() external view returns (address);

    /// @notice Whether this chain is paused.
    function paused() external view returns (bool);

    /// @notice Chain id of the rollup.
    function l2ChainId() external view returns (uint256);

    /// @notice Account that may change parameters.
    function owner() external view returns (address);

    /// @notice The chain's portal.
    function optimismPortal() external view returns (address);

    /// @notice The chain's messenger on L1.
    function l1CrossDomainMessenger() external view returns (address);

    /// @notice The chain's bridge of ether and ERC-20 tokens on L1.
    function l1StandardBridge() external view returns (address);

    /// @notice The chain's bridge of ERC-721 tokens on L1.
    function l1ERC721Bridge() external view returns (address);

    /// @notice The chain's factory of tokens on L1 that stand for tokens of L2.
    function optimismMintableERC20Factory() external view returns (address);

    /// @notice The chain's factory of dispute games.
    function disputeGameFactory() external view returns (address);
}
