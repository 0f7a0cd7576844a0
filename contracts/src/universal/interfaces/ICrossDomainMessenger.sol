// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title ICrossDomainMessenger
/// @notice What a contract that talks to the other layer needs of a messenger.
interface ICrossDomainMessenger {
    /// @notice Sends a message and the attached ether to target on the other layer.
    function sendMessage(address target, bytes calldata message, uint32 minGasLimit)
        external
        payable;

    /// @notice Who sent, on the other layer, the message that is being relayed; reverts outside.
    function xDomainMessageSender() external view returns (address);
}
