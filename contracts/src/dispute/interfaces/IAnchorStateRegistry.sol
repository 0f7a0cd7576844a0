// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ISuperchainConfig} from "../../L1/interfaces/ISuperchainConfig.sol";
import {ISystemConfig} from "../../L1/interfaces/ISystemConfig.sol";
import {IDisputeGame} from "./IDisputeGame.sol";
import {IDisputeGameFactory} from "./IDisputeGameFactory.sol";

/**
 * @title IAnchorStateRegistry
 * @notice Judges dispute games: which may be relied on, and from which of their outputs new games
 * start (OP Stack specs, anchor state registry).
 */
interface IAnchorStateRegistry {
    /**
     * @notice An output root and the L2 block it belongs to.
     * @custom:field root             The output root.
     * @custom:field l2SequenceNumber Number of the block.
     */
    struct Proposal {
        bytes32 root;
        uint256 l2SequenceNumber;
    }

    /// @notice New games start from the output of this game.
    event AnchorUpdated(IDisputeGame indexed game);

    /// @notice Withdrawals can be proven on games of this type.
    event RespectedGameTypeSet(uint32 gameType);

    /// @notice Games created up to this time are retired, in seconds.
    event RetirementTimestampSet(uint256 timestamp);

    /// @notice A game was blacklisted.
    event DisputeGameBlacklisted(IDisputeGame indexed disputeGame);

    /// @notice The output that new games start from.
    function getAnchorRoot() external view returns (bytes32 root, uint256 l2SequenceNumber);

    /// @notice The same, under its older name; the type has no influence.
    function anchors(uint32 gameType) external view returns (bytes32 root, uint256 l2SequenceNumber);

    /// @notice The game whose output is the anchor; zero as long as it is the starting one.
    function anchorGame() external view returns (IDisputeGame);

    /// @notice Makes the output of a valid game, newer than the anchor, the new anchor.
    function setAnchorState(IDisputeGame game) external;

    /// @notice Type of the games on which withdrawals can be proven now.
    function respectedGameType() external view returns (uint32);

    /// @notice Games created at or before this time are retired, in seconds.
    function retirementTimestamp() external view returns (uint64);

    /// @notice Whether the guardian has blacklisted a game.
    function disputeGameBlacklist(IDisputeGame game) external view returns (bool);

    /// @notice Seconds between a game's resolution and the use of its result.
    function disputeGameFinalityDelaySeconds() external view returns (uint256);

    /// @notice Whether the factory created the game and the game answers to this registry.
    function isGameRegistered(IDisputeGame game) external view returns (bool);

    /// @notice Whether the game's type was the respected one when the game was created.
    function isGameRespected(IDisputeGame game) external view returns (bool);

    /// @notice Whether the guardian has blacklisted the game.
    function isGameBlacklisted(IDisputeGame game) external view returns (bool);

    /// @notice Whether the game was created at or before the retirement timestamp.
    function isGameRetired(IDisputeGame game) external view returns (bool);

    /// @notice Registered, not blacklisted, not retired, and the chain is not paused.
    function isGameProper(IDisputeGame game) external view returns (bool);

    /// @notice Whether the game was decided.
    function isGameResolved(IDisputeGame game) external view returns (bool);

    /// @notice Whether the game was decided longer ago than the finality delay.
    function isGameFinalized(IDisputeGame game) external view returns (bool);

    /// @notice Whether the game's claim can be relied on: proper, respected, finalized, defended.
    function isGameClaimValid(IDisputeGame game) external view returns (bool);

    /**
     * @notice The same for a game that was found registered before. A game stays registered, and a
     * registry that takes the place of another retires all games up to then.
     */
    function isRegisteredGameClaimValid(IDisputeGame game) external view returns (bool);

    /// @notice Whether the chain is paused.
    function paused() external view returns (bool);

    /// @notice Parameters of the chain.
    function systemConfig() external view returns (ISystemConfig);

    /// @notice Who may pause this chain.
    function superchainConfig() external view returns (ISuperchainConfig);

    /// @notice Where the games are listed.
    function disputeGameFactory() external view returns (IDisputeGameFactory);
}
