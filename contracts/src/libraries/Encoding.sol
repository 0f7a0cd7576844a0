// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/**
 * @title Encoding
 * @notice How messages between the layers are numbered and encoded (OP Stack specs,
 * cross-domain messengers).
 */
library Encoding {
    /// @dev Puts the version of the message format into the top two bytes of a nonce.
    function encodeVersionedNonce(uint240 nonce, uint16 version) internal pure returns (uint256) {
        return (uint256(version) << 240) | nonce;
    }

    /// @dev Takes a nonce and its version apart.
    function decodeVersionedNonce(uint256 versionedNonce)
        internal
        pure
        returns (uint240 nonce, uint16 version)
    {
        // Both casts keep exactly the bytes that encodeVersionedNonce put there.
        // forge-lint: disable-next-line(unsafe-typecast)
        return (uint240(versionedNonce), uint16(versionedNonce >> 240));
    }

    /// @dev The call that a message of version 0 was, before Bedrock.
    function encodeCrossDomainMessageV0(
        address target,
        address sender,
        bytes memory message,
        uint256 nonce
    ) internal pure returns (bytes memory) {
        return abi.encodeWithSignature(
            "relayMessage(address,address,bytes,uint256)", target, sender, message, nonce
        );
    }

    /// @dev The call that a message of version 1 is; its hash names the message.
    function encodeCrossDomainMessageV1(
        uint256 nonce,
        address sender,
        address target,
        uint256 value,
        uint256 minGasLimit,
        bytes memory message
    ) internal pure returns (bytes memory) {
        return abi.encodeWithSignature(
            "relayMessage(uint256,address,address,uint256,uint256,bytes)",
            nonce,
            sender,
            target,
            value,
            minGasLimit,
            message
        );
    }
}
