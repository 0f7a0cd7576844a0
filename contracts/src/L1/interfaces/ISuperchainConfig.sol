// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title ISuperchainConfig
/// @notice Who may pause withdrawals, and what is paused.
interface ISuperchainConfig {
    /// @notice The account that may pause, blacklist and retire games.
    function guardian() external view returns (address);

    /// @notice Whether everything is paused.
    function paused() external view returns (bool);

    /**
     * @notice Whether a chain is paused, on its own or together with everything.
     * @param identifier The chain's portal; zero asks for the global pause alone.
     */
    function paused(address identifier) external view returns (bool);
}
