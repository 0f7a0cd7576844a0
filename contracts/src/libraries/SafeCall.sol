// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title SafeCall
/// @notice A call whose callee can neither be starved of gas nor make the caller pay for its return
/// data.
library SafeCall {
    /// @dev Upper bound of what CALL itself costs: cold account, transfer of value, new account.
    uint256 private constant CALL_OVERHEAD = 40_000;

    /// @notice The transaction carries too little gas to give the callee what it is owed.
    error SafeCall_NotEnoughGas();

    /**
     * @notice Calls with at most gasLimit and drops what is returned.
     * @param target   Address to call.
     * @param gasLimit Gas to pass on; EIP-150 may make it less.
     * @param value    Wei to send.
     * @param data     Calldata.
     * @return success Whether the call did not revert.
     */
    function call(address target, uint256 gasLimit, uint256 value, bytes memory data)
        internal
        returns (bool success)
    {
        assembly ("memory-safe") {
            success := call(gasLimit, target, value, add(data, 0x20), mload(data), 0, 0)
        }
    }

    /**
     * @notice Whether a call made now gets at least minGas, with reservedGas left after it: by
     * EIP-150 that takes (gasleft - CALL_OVERHEAD - reservedGas) * 63 >= minGas * 64.
     * @param minGas      Least gas that the callee is to get.
     * @param reservedGas Gas that the caller needs besides.
     */
    function hasMinGas(uint256 minGas, uint256 reservedGas) internal view returns (bool) {
        // The first comparison keeps the products of the second from overflowing.
        return
            minGas <= gasleft()
                && gasleft() * 63 >= minGas * 64 + (CALL_OVERHEAD + reservedGas) * 63;
    }

    /**
     * @notice Calls with all gas there is, at least minGas, and drops what is returned.
     *
     * EIP-150 lets CALL pass on at most 63/64 of what is left after its own cost. Whoever sends the
     * transaction chooses its gas, so without this check they could make the call fail, and its
     * effect be lost, at will.
     *
     * @param target Address to call.
     * @param minGas Least gas that the callee gets.
     * @param value  Wei to send.
     * @param data   Calldata.
     * @return success Whether the call did not revert.
     */
    function callWithMinGas(address target, uint256 minGas, uint256 value, bytes memory data)
        internal
        returns (bool success)
    {
        if (!hasMinGas(minGas, 0)) revert SafeCall_NotEnoughGas();
        assembly ("memory-safe") {
            success := call(gas(), target, value, add(data, 0x20), mload(data), 0, 0)
        }
    }
}
