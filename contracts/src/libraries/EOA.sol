// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title EOA
/// @notice Tells accounts held by a key from contracts.
library EOA {
    /// @dev Code of an account that delegates to a contract: this prefix and an address (EIP-7702).
    bytes3 private constant DELEGATION_PREFIX = 0xef0100;
    uint256 private constant DELEGATION_LENGTH = 23;

    /// @notice Whether the caller holds a key of its address. It then holds it on every chain, so
    /// its address on L2 is its own.
    function isSenderEOA() internal view returns (bool) {
        if (msg.sender == tx.origin) return true;
        if (msg.sender.code.length != DELEGATION_LENGTH) return false;
        // EIP-3541 keeps contracts from being deployed with code that starts with 0xef, so only a
        // delegation has this form.
        return bytes3(msg.sender.code) == DELEGATION_PREFIX;
    }
}
