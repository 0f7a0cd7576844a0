// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IAnchorStateRegistry} from "./IAnchorStateRegistry.sol";

/// @notice Where a game stands.
enum GameStatus {
    IN_PROGRESS,
    CHALLENGER_WINS,
    DEFENDER_WINS
}

/// @notice Who gets the bonds of a closed game: as it was decided, or everyone their own.
enum BondDistributionMode {
    UNDECIDED,
    NORMAL,
    REFUND
}

/// @title IDisputeGame
/// @notice A game over one claim about the state of L2 (OP Stack specs, dispute game interface).
interface IDisputeGame {
    /// @notice The game was decided.
    event Resolved(GameStatus indexed status);

    /// @notice Sets the game up; the factory does it in the transaction that creates the game.
    function initialize() external payable;

    /// @notice Decides the game.
    function resolve() external returns (GameStatus);

    /// @notice When the game was created, in seconds.
    function createdAt() external view returns (uint64);

    /// @notice When the game was decided, in seconds; zero before.
    function resolvedAt() external view returns (uint64);

    /// @notice Where the game stands.
    function status() external view returns (GameStatus);

    /// @notice The kind of game.
    function gameType() external view returns (uint32);

    /// @notice Who created the game.
    function gameCreator() external view returns (address);

    /// @notice The output root claimed.
    function rootClaim() external view returns (bytes32);

    /// @notice Hash of the last L1 block before the game, on which the claim must be derivable.
    function l1Head() external view returns (bytes32);

    /// @notice The L2 block number that the claim is about, as 32 bytes.
    function extraData() external view returns (bytes memory);

    /// @notice What identifies the game in the factory.
    function gameData() external view returns (uint32, bytes32, bytes memory);

    /// @notice The L2 block number that the claim is about.
    function l2BlockNumber() external view returns (uint256);

    /// @notice The same under its newer name.
    function l2SequenceNumber() external view returns (uint256);

    /// @notice Whether withdrawals could be proven on games of this type when it was created.
    function wasRespectedGameTypeWhenCreated() external view returns (bool);

    /// @notice The registry that judges the game.
    function anchorStateRegistry() external view returns (IAnchorStateRegistry);
}
