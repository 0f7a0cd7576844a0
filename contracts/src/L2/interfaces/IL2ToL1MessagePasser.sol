// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title IL2ToL1MessagePasser
/// @notice What the messenger on L2 needs of the message passer.
interface IL2ToL1MessagePasser {
    /// @notice Sends a message and the attached ether to L1.
    function initiateWithdrawal(address target, uint256 gasLimit, bytes calldata data)
        external
        payable;
}
