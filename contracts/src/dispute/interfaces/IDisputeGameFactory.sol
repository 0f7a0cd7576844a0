// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IDisputeGame} from "./IDisputeGame.sol";

/// @title IDisputeGameFactory
/// @notice Creates dispute games and lists them (OP Stack specs, dispute game interface).
interface IDisputeGameFactory {
    /**
     * @notice A game found by a search.
     * @custom:field index     Its index in the list.
     * @custom:field metadata  Type u32 ‖ timestamp u64 ‖ address.
     * @custom:field timestamp When it was created, in seconds.
     * @custom:field rootClaim The output root claimed.
     * @custom:field extraData The L2 block number claimed, as 32 bytes.
     */
    struct GameSearchResult {
        uint256 index;
        bytes32 metadata;
        uint64 timestamp;
        bytes32 rootClaim;
        bytes extraData;
    }

    /// @notice A game was created.
    event DisputeGameCreated(
        address indexed disputeProxy, uint32 indexed gameType, bytes32 indexed rootClaim
    );

    /// @notice Games of a type have a new implementation; zero: none can be created.
    event ImplementationSet(address indexed impl, uint32 indexed gameType);

    /// @notice Creating a game of a type takes a new bond, in wei.
    event InitBondUpdated(uint32 indexed gameType, uint256 indexed newBond);

    /**
     * @notice Creates a game. The attached ether must be exactly the type's bond.
     * @param gameType  Kind of game.
     * @param rootClaim Output root claimed.
     * @param extraData The L2 block number claimed, as 32 bytes.
     */
    function create(uint32 gameType, bytes32 rootClaim, bytes calldata extraData)
        external
        payable
        returns (IDisputeGame proxy);

    /// @notice The game over a claim and when it was created, in seconds; zeros if there is none.
    function games(uint32 gameType, bytes32 rootClaim, bytes calldata extraData)
        external
        view
        returns (IDisputeGame proxy, uint64 timestamp);

    /// @notice A game by its place in the list, oldest first.
    function gameAtIndex(uint256 index)
        external
        view
        returns (uint32 gameType, uint64 timestamp, IDisputeGame proxy);

    /// @notice Number of games in the list.
    function gameCount() external view returns (uint256);

    /// @notice Implementation of a type; zero if games of it cannot be created.
    function gameImpls(uint32 gameType) external view returns (IDisputeGame);

    /// @notice Bond of a type, in wei.
    function initBonds(uint32 gameType) external view returns (uint256);
}
