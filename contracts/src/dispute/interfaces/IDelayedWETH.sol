// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title IDelayedWETH
/// @notice Wrapped ether that holds the bonds of games and gives them back after a delay.
interface IDelayedWETH {
    /// @notice Wraps the attached ether.
    function deposit() external payable;

    /**
     * @notice Starts the delay after which the caller may unwrap an amount for an account.
     * @param guy Account within the caller's books.
     * @param wad Wei.
     */
    function unlock(address guy, uint256 wad) external;

    /**
     * @notice Unwraps an amount unlocked for an account and sends it to the caller.
     * @param guy Account within the caller's books.
     * @param wad Wei.
     */
    function withdraw(address guy, uint256 wad) external;

    /// @notice Seconds between unlocking and unwrapping.
    function delay() external view returns (uint256);
}
