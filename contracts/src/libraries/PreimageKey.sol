// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title PreimageKey
/// @notice Keys of preimages: their type and 31 bytes that name the preimage (OP Stack specs, fault
/// proof, pre-image key types).
library PreimageKey {
    uint256 internal constant LOCAL = 1;
    uint256 internal constant KECCAK256 = 2;
    uint256 internal constant SHA256 = 4;
    uint256 internal constant BLOB = 5;
    uint256 internal constant PRECOMPILE = 6;

    /// @notice The type of a key.
    function typeOf(bytes32 key) internal pure returns (uint256) {
        return uint256(key) >> 248;
    }

    /// @notice The key of a hash.
    function make(uint256 keyType, bytes32 hash) internal pure returns (bytes32) {
        return bytes32((uint256(hash) & (type(uint256).max >> 8)) | (keyType << 248));
    }

    /// @notice The key that local data of a game is found under.
    /// @param key          The key that the program reads.
    /// @param game         The game that it runs for.
    /// @param localContext What distinguishes the game's disputes.
    function localize(bytes32 key, address game, bytes32 localContext)
        internal
        pure
        returns (bytes32)
    {
        return make(LOCAL, keccak256(abi.encode(key, game, localContext)));
    }
}
