// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/**
 * @title LegacyMessagePasser
 * @notice The predeploy at 0x4200000000000000000000000000000000000000: where messages to L1 were
 * recorded before Bedrock. Nothing proves against it; withdrawals go through L2ToL1MessagePasser.
 *
 * | slot | content      |
 * |------|--------------|
 * | 0    | sentMessages |
 */
contract LegacyMessagePasser {
    /// @notice Whether a message was recorded, by the hash of its bytes and its sender.
    mapping(bytes32 messageHash => bool) public sentMessages;

    /**
     * @notice Records a message, to no effect on L1.
     * @param message Any bytes.
     */
    function passMessageToL1(bytes memory message) external {
        sentMessages[keccak256(abi.encodePacked(message, msg.sender))] = true;
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "1.1.0";
    }
}
