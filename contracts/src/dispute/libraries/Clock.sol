// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/**
 * @title Clock
 * @notice Chess clocks of claims (OP Stack specs, fault dispute game, game clock): the seconds that
 * the claim's side had used when it made the claim, in the upper half, and when that was, in seconds,
 * in the lower.
 */
library Clock {
    /// @notice A clock.
    /// @param used Seconds that the claim's side has used.
    /// @param time When the claim was made.
    function make(uint64 used, uint64 time) internal pure returns (uint128) {
        return (uint128(used) << 64) | time;
    }

    /// @notice Seconds that the claim's side had used.
    function duration(uint128 clock) internal pure returns (uint64) {
        // The upper half.
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint64(clock >> 64);
    }

    /// @notice When the claim was made, in seconds.
    function timestamp(uint128 clock) internal pure returns (uint64) {
        // The lower half.
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint64(clock);
    }
}
