// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IBigStepper} from "../../vm/interfaces/IBigStepper.sol";
import {IAnchorStateRegistry} from "./IAnchorStateRegistry.sol";
import {IDelayedWETH} from "./IDelayedWETH.sol";
import {BondDistributionMode, IDisputeGame} from "./IDisputeGame.sol";

/// @title IFaultDisputeGame
/// @notice What a fault dispute game says, refuses and takes (OP Stack specs, fault dispute game).
interface IFaultDisputeGame is IDisputeGame {
    /**
     * @notice What distinguishes the games of a deployment.
     * @custom:field gameType            Type under which the factory knows this game.
     * @custom:field absolutePrestate    Hash of the machine's state before its first step.
     * @custom:field maxGameDepth        Depth of the leaves of the whole tree.
     * @custom:field splitDepth          Depth of the leaves that are output roots.
     * @custom:field clockExtension      Seconds that are always left to answer a claim.
     * @custom:field maxClockDuration    Seconds that each side has for all its moves along one path.
     * @custom:field vm                  Computes a step of the machine.
     * @custom:field weth                Where bonds are kept.
     * @custom:field anchorStateRegistry Judge of the games.
     * @custom:field l2ChainId           Chain id of the rollup.
     * @custom:field bisectionBond       Wei that a move costs, but for those of the last two depths.
     * @custom:field stepBond            Wei that a move of the last two depths costs: it must pay for
     *                                   the step that refutes it, preimages included.
     */
    struct GameConstructorParams {
        uint32 gameType;
        bytes32 absolutePrestate;
        uint256 maxGameDepth;
        uint256 splitDepth;
        uint64 clockExtension;
        uint64 maxClockDuration;
        IBigStepper vm;
        IDelayedWETH weth;
        IAnchorStateRegistry anchorStateRegistry;
        uint256 l2ChainId;
        uint96 bisectionBond;
        uint96 stepBond;
    }

    /**
     * @notice How far a claim is resolved whose counters are too many for one transaction.
     * @custom:field initialCheckpointComplete Whether there is a checkpoint.
     * @custom:field subgameIndex              Number of counters that were looked at.
     * @custom:field leftmostPosition          Where the left-most standing one of them is.
     * @custom:field counteredBy               Who made that one.
     */
    struct ResolutionCheckpoint {
        bool initialCheckpointComplete;
        uint32 subgameIndex;
        uint128 leftmostPosition;
        address counteredBy;
    }

    /// @notice A claim was countered.
    event Move(uint256 indexed parentIndex, bytes32 indexed claim, address indexed claimant);

    /// @notice The game was closed and its bonds go where it says.
    event GameClosed(BondDistributionMode bondDistributionMode);

    /// @notice The tree is deeper than positions can say.
    error MaxDepthTooLarge();

    /// @notice One of the tree's two parts has too few levels.
    error InvalidSplitDepth();

    /// @notice The oracle's challenge period is longer than a clock can say.
    error InvalidChallengePeriod();

    /// @notice An extension is longer than the whole clock, or this than 48 bits can say.
    error InvalidClockExtension();

    /// @notice The chain id does not fit the eight bytes in which the machine reads it.
    error InvalidChainId();

    /// @notice No game may have this type.
    error ReservedGameType();

    /// @notice The game is set up already.
    error AlreadyInitialized();

    /// @notice There is no output to start from.
    error AnchorRootNotFound();

    /// @notice The extra data is not one word.
    error BadExtraData();

    /// @notice As a root claim: not newer than the anchor, or out of the tree's reach. As a claim
    /// about a trace: does not end as it must to counter its parent.
    error UnexpectedRootClaim(bytes32 rootClaim);

    /// @notice The game is decided.
    error GameNotInProgress();

    /// @notice The claim at this index is another one.
    error InvalidDisputedClaimIndex();

    /// @notice The root of the tree, or of a trace, covers all there is: nothing comes after it.
    error CannotDefendRootClaim();

    /// @notice The root claim is refuted; there is nothing left to counter.
    error L2BlockNumberChallenged();

    /// @notice Below the leaves there is only the step.
    error GameDepthExceeded();

    /// @notice The attached ether is not exactly the bond.
    error IncorrectBondAmount();

    /// @notice There is no time left to counter this claim.
    error ClockTimeExceeded();

    /// @notice This very counter was made.
    error ClaimAlreadyExists();

    /// @notice The claim is not a leaf.
    error InvalidParent();

    /// @notice These are not the bytes of the state that both sides agree on.
    error InvalidPrestate();

    /// @notice The step does not refute the claim.
    error ValidStep();

    /// @notice The claim is refuted.
    error DuplicateStep();

    /// @notice There is no local data of this number.
    error InvalidLocalIdent();

    /// @notice A claim about outputs, where one about a trace is needed.
    error ClaimAboveSplit();

    /// @notice The output root is not the hash of this.
    error InvalidOutputRootProof();

    /// @notice The block hash is not that of this header.
    error InvalidHeaderRLP();

    /// @notice The root claim names the right block.
    error BlockNumberMatches();

    /// @notice There is time left to counter this claim.
    error ClockNotExpired();

    /// @notice The claim is resolved.
    error ClaimAlreadyResolved();

    /// @notice Something that this depends on is not resolved.
    error OutOfOrderResolution();

    /// @notice The chain is paused.
    error GamePaused();

    /// @notice The game is not decided.
    error GameNotResolved();

    /// @notice The game is not decided for long enough.
    error GameNotFinalized();

    /// @notice This account gets nothing, or has got it.
    error NoCreditToClaim();
}
