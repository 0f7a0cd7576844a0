// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title IPreimageOracle
/// @notice What the fault-proof machine and games ask of the oracle (OP Stack specs, fault proof,
/// pre-image oracle).
interface IPreimageOracle {
    /// @notice A part of a preimage: 32 bytes of its length (8 bytes) and its bytes. Reverts unless
    /// that part was loaded.
    /// @param key    Type and hash that name the preimage.
    /// @param offset Where the part starts.
    /// @return part  The part, with zeros behind the end.
    /// @return count How many of its bytes belong to length and preimage.
    function readPreimage(bytes32 key, uint256 offset)
        external
        view
        returns (bytes32 part, uint256 count);

    /// @notice Loads a part of what the caller, a game, says about itself.
    /// @param ident        Number of the local key.
    /// @param localContext What distinguishes the caller's disputes.
    /// @param word         The data, from its highest byte on.
    /// @param size         Its bytes, at most 32.
    /// @param partOffset   Where the part starts.
    /// @return key         The key it is found under.
    function loadLocalData(
        uint256 ident,
        bytes32 localContext,
        bytes32 word,
        uint256 size,
        uint256 partOffset
    ) external returns (bytes32 key);

    /// @notice Seconds in which a large preimage can be challenged.
    function challengePeriod() external view returns (uint256);
}
