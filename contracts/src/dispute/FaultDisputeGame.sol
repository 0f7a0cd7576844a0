// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Hashing} from "../libraries/Hashing.sol";
import {ImmutableArgsClone} from "../libraries/ImmutableArgsClone.sol";
import {Types} from "../libraries/Types.sol";
import {IBigStepper} from "../vm/interfaces/IBigStepper.sol";
import {IAnchorStateRegistry} from "./interfaces/IAnchorStateRegistry.sol";
import {IDelayedWETH} from "./interfaces/IDelayedWETH.sol";
import {BondDistributionMode, GameStatus, IDisputeGame} from "./interfaces/IDisputeGame.sol";
import {IFaultDisputeGame} from "./interfaces/IFaultDisputeGame.sol";
import {Position} from "./libraries/Position.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/**
 * @title FaultDisputeGame
 * @notice A dispute over one output root (OP Stack specs, fault dispute game). Anyone may claim one,
 * and anyone may counter any claim by a claim about half of what it covers, until the dispute is
 * about one L2 block, then about the states of the machine that derives and executes this block,
 * and at last about one step of it, which is computed here. Who lets a claim stand uncountered until
 * the clock has run out agrees with it. A claim's bond goes to who countered it, or back.
 *
 * The tree of places has two parts. Places at depths up to the split depth stand for output roots:
 * the leaf of index i at the split depth is the block startingBlockNumber + i + 1, and every leaf
 * after the claimed block stands for the claimed block again. Below each leaf hangs the trace of the
 * machine from one output to the next: the leaf of index i is the state after i + 1 steps.
 *
 * A game is a clone whose constants the factory has put at the end of the calldata: creator (20),
 * root claim (32), hash of the last L1 block (32), L2 block number (32).
 *
 * | slot | content, from the least significant byte up                          |
 * |------|----------------------------------------------------------------------|
 * | 0    | createdAt (8), resolvedAt (8), status (1), bondDistributionMode (1), |
 * |      | wasRespectedGameTypeWhenCreated (1), l2BlockNumberChallenged (1)     |
 * | 1    | l2BlockNumberChallenger                                              |
 * | 2, 3 | startingOutputRoot: root, l2SequenceNumber                           |
 * | 4    | claims in the order in which they were made, four slots each         |
 * | 5    | claims: which there are, by hash of value, position and parent       |
 * | 6    | counters of each claim, by index                                     |
 * | 7    | resolutionCheckpoints                                                |
 * | 8-10 | normalModeCredit, refundModeCredit, hasUnlockedCredit                |
 */
contract FaultDisputeGame is IFaultDisputeGame {
    using Position for uint128;
    using SafeCast for uint256;

    /// @dev A claim. Its fields are those of claimData, packed so that the way up the tree reads one
    /// slot of each; its clock is in two: seconds that its side had used, and when it was made.
    struct Claim {
        address counteredBy;
        bool isResolved;
        address claimant;
        uint96 bond;
        bytes32 value;
        uint128 position;
        uint32 parentIndex;
        uint48 used;
        uint48 time;
    }

    /// @dev The two outputs between which the machine of a dispute runs. The position of the first is
    /// zero if it is the one that the whole game starts from.
    struct Span {
        bytes32 startingClaim;
        uint128 startingPosition;
        bytes32 disputedClaim;
        uint128 disputedPosition;
    }

    /// @dev Bytes of calldata in a call without arguments: selector, constants, their length.
    uint256 private constant BARE_CALLDATA_LENGTH = 4 + 20 + 3 * 32 + 2;

    /// @dev The parent of the root claim, which has none.
    uint32 private constant NO_PARENT = type(uint32).max;

    /// @dev Place of the number in a block header.
    uint256 private constant HEADER_NUMBER_INDEX = 8;

    /// @dev States of the machine, in the first byte of the hash of one.
    uint8 private constant VM_VALID = 0;
    uint8 private constant VM_INVALID = 1;
    uint8 private constant VM_PANIC = 2;

    /// @dev Numbers of the local keys by which the machine learns what is disputed.
    uint256 private constant L1_HEAD = 1;
    uint256 private constant STARTING_OUTPUT_ROOT = 2;
    uint256 private constant DISPUTED_OUTPUT_ROOT = 3;
    uint256 private constant DISPUTED_L2_BLOCK_NUMBER = 4;
    uint256 private constant CHAIN_ID = 5;

    /// @inheritdoc IDisputeGame
    uint32 public immutable gameType;

    /// @notice Hash of the machine's state before its first step: program and configuration.
    bytes32 public immutable absolutePrestate;

    /// @notice Depth of the leaves of the whole tree.
    uint256 public immutable maxGameDepth;

    /// @notice Depth of the leaves that are output roots.
    uint256 public immutable splitDepth;

    /// @notice Seconds that are always left to answer a claim.
    uint64 public immutable clockExtension;

    /// @notice Seconds that each side has for all its moves along one path.
    uint64 public immutable maxClockDuration;

    /// @notice Computes a step of the machine.
    IBigStepper public immutable vm;

    /// @notice Where bonds are kept.
    IDelayedWETH public immutable weth;

    /// @inheritdoc IDisputeGame
    IAnchorStateRegistry public immutable anchorStateRegistry;

    /// @notice Chain id of the rollup.
    uint256 public immutable l2ChainId;

    /// @notice Wei that a move costs, but for those of the last two depths.
    uint256 public immutable bisectionBond;

    /// @notice Wei that a move of the last two depths costs.
    uint256 public immutable stepBond;

    /// @inheritdoc IDisputeGame
    uint64 public createdAt;

    /// @inheritdoc IDisputeGame
    uint64 public resolvedAt;

    /// @inheritdoc IDisputeGame
    GameStatus public status;

    /// @notice Who gets the bonds; undecided until the game is closed.
    BondDistributionMode public bondDistributionMode;

    /// @inheritdoc IDisputeGame
    bool public wasRespectedGameTypeWhenCreated;

    /// @notice Whether the root claim was shown to name another block than its output root does.
    bool public l2BlockNumberChallenged;

    /// @notice Who has shown it.
    address public l2BlockNumberChallenger;

    /// @notice The output that the game starts from: the anchor when the game was created.
    IAnchorStateRegistry.Proposal public startingOutputRoot;

    Claim[] private _claims;

    /// @notice Whether a claim was made: by hash of its value (32 bytes), its position (16) and the
    /// index of what it counters (16).
    mapping(bytes32 claimHash => bool) public claims;

    mapping(uint256 claimIndex => uint32[]) private _counters;

    /// @notice How far a claim is resolved that was not resolved at one go.
    mapping(uint256 claimIndex => ResolutionCheckpoint) public resolutionCheckpoints;

    /// @notice What an account gets if the game is closed as decided, as far as it is resolved.
    mapping(address account => uint256) public normalModeCredit;

    /// @notice What an account gets if everyone gets their own.
    mapping(address account => uint256) public refundModeCredit;

    /// @notice Whether the delay of an account's credit has started.
    mapping(address account => bool) public hasUnlockedCredit;

    modifier onlyInProgress() {
        if (status != GameStatus.IN_PROGRESS) revert GameNotInProgress();
        _;
    }

    /// @param params What distinguishes the games of a deployment.
    constructor(GameConstructorParams memory params) {
        if (params.maxGameDepth > Position.MAX_DEPTH) revert MaxDepthTooLarge();
        // The clock is extended two levels above a trace, which must not be above the root; and a
        // trace has at least a root and leaves.
        if (params.splitDepth < 2 || params.splitDepth + 1 >= params.maxGameDepth) {
            revert InvalidSplitDepth();
        }
        _requireClocks(params);
        if (params.l2ChainId > type(uint64).max) revert InvalidChainId();
        // A factory that is asked for no type at all must not find this one.
        if (params.gameType == type(uint32).max) revert ReservedGameType();

        gameType = params.gameType;
        absolutePrestate = params.absolutePrestate;
        maxGameDepth = params.maxGameDepth;
        splitDepth = params.splitDepth;
        clockExtension = params.clockExtension;
        maxClockDuration = params.maxClockDuration;
        vm = params.vm;
        weth = params.weth;
        anchorStateRegistry = params.anchorStateRegistry;
        l2ChainId = params.l2ChainId;
        bisectionBond = params.bisectionBond;
        stepBond = params.stepBond;
        // Only clones can be initialized.
        createdAt = uint64(block.timestamp);
    }

    /// @inheritdoc IDisputeGame
    function initialize() external payable {
        if (createdAt != 0) revert AlreadyInitialized();
        // Any other length means that the number is not where the getters look for it, or that there
        // could be many games over one claim.
        if (msg.data.length != BARE_CALLDATA_LENGTH) revert BadExtraData();
        (bytes32 anchorRoot, uint256 anchorNumber) = anchorStateRegistry.getAnchorRoot();
        if (anchorRoot == 0) revert AnchorRootNotFound();
        uint256 number = l2SequenceNumber();
        // A block without a leaf of its own would be judged as another one, and a number that the
        // machine cannot read as no block at all; as an anchor it would leave no room for others.
        if (
            number <= anchorNumber || number - anchorNumber > 2 ** splitDepth
                || number > type(uint64).max
        ) revert UnexpectedRootClaim(rootClaim());

        createdAt = uint64(block.timestamp);
        wasRespectedGameTypeWhenCreated = anchorStateRegistry.respectedGameType() == gameType;
        startingOutputRoot = IAnchorStateRegistry.Proposal(anchorRoot, anchorNumber);
        // The creator is who called the factory: an origin could be anyone's who relays a call.
        address creator = gameCreator();
        _push(NO_PARENT, creator, rootClaim(), Position.ROOT, 0);
    }

    /**
     * @notice Counters a claim to its left: what it covers first is not as it says.
     * @param disputed    Value of the claim, so that no reorganization of L1 puts another in its place.
     * @param parentIndex Its index.
     * @param claim       The right value halfway to it.
     */
    function attack(bytes32 disputed, uint256 parentIndex, bytes32 claim) external payable {
        move(disputed, parentIndex, claim, true);
    }

    /**
     * @notice Counters a claim to its right: it is right as far as it goes, but what comes after it,
     * up to what its parent covers, is not as its side says.
     * @param disputed    Value of the claim.
     * @param parentIndex Its index.
     * @param claim       The right value halfway from it.
     */
    function defend(bytes32 disputed, uint256 parentIndex, bytes32 claim) external payable {
        move(disputed, parentIndex, claim, false);
    }

    /**
     * @notice Counters a claim at the leaves by computing the step that it is about.
     * @param claimIndex Index of the claim.
     * @param isAttack   Whether the step is the one that leads to the claim's state, or the one that
     *                   starts from it.
     * @param stateData  Witness of the state before the step.
     * @param proof      What the step reads and writes beyond that.
     */
    function step(uint256 claimIndex, bool isAttack, bytes calldata stateData, bytes calldata proof)
        external
        onlyInProgress
    {
        Claim storage parent = _claims[claimIndex];
        if (parent.position.depth() != maxGameDepth) revert InvalidParent();
        // Its bond is paid; a counter that comes now must not change what follows from it.
        if (parent.isResolved) revert ClaimAlreadyResolved();
        if (parent.counteredBy != address(0)) revert DuplicateStep();

        Claim storage poststate = _poststate(parent, isAttack, keccak256(stateData));
        bytes32 context = _localContext(_spanOf(claimIndex));
        bool isAsClaimed = vm.step(stateData, proof, context) == poststate.value;
        // Claims at depths of the same parity are of the same side. The claim is refuted if a state
        // of its own side is not what the step leads to, or one of the other side is.
        bool isOfSameSide = (maxGameDepth - poststate.position.depth()) % 2 == 0;
        if (isOfSameSide == isAsClaimed) revert ValidStep();
        parent.counteredBy = msg.sender;
    }

    /**
     * @notice Loads a part of what the machine must be told about a dispute into the oracle.
     * @param ident         Number of the local key, 1 to 5.
     * @param execLeafIndex Index of a claim about the trace.
     * @param partOffset    Where the part starts.
     */
    function addLocalData(uint256 ident, uint256 execLeafIndex, uint256 partOffset)
        external
        onlyInProgress
    {
        Span memory span = _spanOf(execLeafIndex);
        bytes32 context = _localContext(span);
        (bytes32 word, uint256 size) = _localData(ident, span);
        vm.oracle().loadLocalData(ident, context, word, size, partOffset);
    }

    /**
     * @notice Refutes a root claim whose output root is that of another block than the claim names.
     * This counter wins over all others, and with it goes the bond of the root claim.
     * @param outputRootProof What the output root commits to.
     * @param headerRLP       Header of the block that it belongs to.
     */
    function challengeRootL2Block(
        Types.OutputRootProof calldata outputRootProof,
        bytes calldata headerRLP
    ) external onlyInProgress {
        if (l2BlockNumberChallenged) revert L2BlockNumberChallenged();
        // Its bond is paid; from now on the status follows from that.
        if (_claims[0].isResolved) revert ClaimAlreadyResolved();
        if (Hashing.hashOutputRootProof(outputRootProof) != rootClaim()) {
            revert InvalidOutputRootProof();
        }
        if (keccak256(headerRLP) != outputRootProof.latestBlockhash) revert InvalidHeaderRLP();
        if (_numberOf(headerRLP) == l2SequenceNumber()) revert BlockNumberMatches();
        l2BlockNumberChallenged = true;
        l2BlockNumberChallenger = msg.sender;
    }

    /**
     * @notice Decides a claim that nobody can counter any more, and where its bond goes. All counters
     * of it must be decided.
     * @param claimIndex   Index of the claim.
     * @param numToResolve How many of its counters to look at now, if they are too many for one
     *                     transaction; zero: all that are left.
     */
    function resolveClaim(uint256 claimIndex, uint256 numToResolve) external onlyInProgress {
        if (getChallengerDuration(claimIndex) < maxClockDuration) revert ClockNotExpired();
        Claim storage claim = _claims[claimIndex];
        if (claim.isResolved) revert ClaimAlreadyResolved();
        if (_counters[claimIndex].length == 0 && claimIndex != 0) {
            // At the leaves it may have been countered by a step.
            _conclude(claim, claim.counteredBy);
            return;
        }
        (bool isComplete, address counteredBy) = _lookAtCounters(claimIndex, numToResolve);
        if (!isComplete) return;
        if (claimIndex == 0 && l2BlockNumberChallenged) counteredBy = l2BlockNumberChallenger;
        _conclude(claim, counteredBy);
    }

    /// @inheritdoc IDisputeGame
    function resolve() external onlyInProgress returns (GameStatus decided) {
        Claim storage root = _claims[0];
        if (!root.isResolved) revert OutOfOrderResolution();
        decided =
            root.counteredBy == address(0) ? GameStatus.DEFENDER_WINS : GameStatus.CHALLENGER_WINS;
        status = decided;
        resolvedAt = uint64(block.timestamp);
        emit Resolved(decided);
    }

    /**
     * @notice Pays an account's bonds in two steps: the first call starts the keeper's delay, the
     * second, after it, pays.
     * @param recipient The account.
     */
    function claimCredit(address recipient) external {
        closeGame();
        uint256 amount = credit(recipient);
        if (amount == 0) revert NoCreditToClaim();
        if (!hasUnlockedCredit[recipient]) {
            hasUnlockedCredit[recipient] = true;
            weth.unlock(recipient, amount);
            return;
        }
        normalModeCredit[recipient] = 0;
        refundModeCredit[recipient] = 0;
        weth.withdraw(recipient, amount);
        Address.sendValue(payable(recipient), amount);
    }

    /// @notice A claim: the index of what it counters (2^32 - 1: the root claim), who countered it
    /// (known once it is resolved; before only if a step did), who made it, its bond in wei, its
    /// value, its place in the tree, and its side's clock.
    function claimData(uint256 claimIndex)
        external
        view
        returns (
            uint32 parentIndex,
            address counteredBy,
            address claimant,
            uint128 bond,
            bytes32 claim,
            uint128 position,
            uint128 clock
        )
    {
        Claim storage data = _claims[claimIndex];
        return (
            data.parentIndex,
            data.counteredBy,
            data.claimant,
            data.bond,
            data.value,
            data.position,
            (uint128(data.used) << 64) | data.time
        );
    }

    /// @notice Number of claims.
    function claimDataLen() external view returns (uint256) {
        return _claims.length;
    }

    /// @notice Whether a claim is resolved.
    function resolvedSubgames(uint256 claimIndex) external view returns (bool) {
        return claimIndex < _claims.length && _claims[claimIndex].isResolved;
    }

    /// @notice Index of a counter of a claim.
    /// @param claimIndex Index of the claim.
    /// @param i          Which of its counters, in the order in which they were made.
    function subgames(uint256 claimIndex, uint256 i) external view returns (uint256) {
        return _counters[claimIndex][i];
    }

    /// @notice How many counters of a claim resolveClaim has still to look at.
    function getNumToResolve(uint256 claimIndex) external view returns (uint256) {
        if (_claims[claimIndex].isResolved) return 0;
        return _counters[claimIndex].length - resolutionCheckpoints[claimIndex].subgameIndex;
    }

    /// @notice Number of the block that the game starts from.
    function startingBlockNumber() external view returns (uint256) {
        return startingOutputRoot.l2SequenceNumber;
    }

    /// @notice Output root of the block that the game starts from.
    function startingRootHash() external view returns (bytes32) {
        return startingOutputRoot.root;
    }

    /// @inheritdoc IDisputeGame
    function gameData() external view returns (uint32, bytes32, bytes memory) {
        return (gameType, rootClaim(), extraData());
    }

    /// @inheritdoc IDisputeGame
    function l2BlockNumber() external pure returns (uint256) {
        return l2SequenceNumber();
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "1.8.0";
    }

    /**
     * @notice Counters a claim.
     * @param disputed       Value of the claim, so that no reorganization of L1 puts another in its
     *                       place.
     * @param challengeIndex Its index.
     * @param claim          The right value where the move leads to.
     * @param isAttack       Whether to its left or to its right.
     */
    function move(bytes32 disputed, uint256 challengeIndex, bytes32 claim, bool isAttack)
        public
        payable
        onlyInProgress
    {
        Claim storage parent = _claims[challengeIndex];
        if (parent.value != disputed) revert InvalidDisputedClaimIndex();
        uint128 position = parent.position.move(isAttack);
        uint256 depth = position.depth();
        if (!isAttack && (challengeIndex == 0 || depth == splitDepth + 2)) {
            revert CannotDefendRootClaim();
        }
        if (challengeIndex == 0 && l2BlockNumberChallenged) revert L2BlockNumberChallenged();
        if (depth > maxGameDepth) revert GameDepthExceeded();
        if (depth == splitDepth + 1) _requireTraceRoot(challengeIndex, claim, isAttack);
        if (msg.value != getRequiredBond(position)) revert IncorrectBondAmount();
        uint48 used = _usedAfterMove(getChallengerDuration(challengeIndex), depth);

        bytes32 id = keccak256(abi.encode(claim, uint256(position) << 128 | challengeIndex));
        if (claims[id]) revert ClaimAlreadyExists();
        claims[id] = true;
        uint32 index = _claims.length.toUint32();
        uint32 parentIndex = challengeIndex.toUint32();
        _counters[parentIndex].push(index);
        _push(parentIndex, msg.sender, claim, position, used);
        emit Move(challengeIndex, claim, msg.sender);
    }

    /**
     * @notice Fixes who gets the bonds, and makes the root claim the anchor if it is valid and newer.
     * Possible once the game is finalized and while the chain is not paused; later calls do nothing.
     */
    function closeGame() public {
        if (bondDistributionMode != BondDistributionMode.UNDECIDED) return;
        if (anchorStateRegistry.paused()) revert GamePaused();
        if (resolvedAt == 0) revert GameNotResolved();
        if (!anchorStateRegistry.isGameFinalized(this)) revert GameNotFinalized();
        // An older game than the anchor is refused, which is no reason to keep its bonds.
        try anchorStateRegistry.setAnchorState(this) {} catch {}
        // What a game that should not be relied on has decided must not move bonds either.
        bondDistributionMode = anchorStateRegistry.isGameProper(this)
            ? BondDistributionMode.NORMAL
            : BondDistributionMode.REFUND;
        emit GameClosed(bondDistributionMode);
    }

    /// @notice What an account gets; before the game is closed, what it gets if it is closed as
    /// decided.
    function credit(address recipient) public view returns (uint256) {
        return bondDistributionMode == BondDistributionMode.REFUND
            ? refundModeCredit[recipient]
            : normalModeCredit[recipient];
    }

    /// @notice Wei that a move to a place costs.
    function getRequiredBond(uint128 position) public view returns (uint256) {
        uint256 depth = position.depth();
        if (depth > maxGameDepth) revert GameDepthExceeded();
        return depth + 1 < maxGameDepth ? bisectionBond : stepBond;
    }

    /// @notice Seconds that the side which would counter a claim has used up to now, the whole clock
    /// at most. While it is less, the claim can be countered; from then on it can be resolved.
    function getChallengerDuration(uint256 claimIndex) public view onlyInProgress returns (uint64) {
        Claim storage claim = _claims[claimIndex];
        uint256 used = claim.parentIndex == NO_PARENT ? 0 : _claims[claim.parentIndex].used;
        used += block.timestamp - claim.time;
        return used < maxClockDuration ? used.toUint64() : maxClockDuration;
    }

    /// @inheritdoc IDisputeGame
    function gameCreator() public pure returns (address) {
        uint256 offset = ImmutableArgsClone.argsOffset();
        return address(bytes20(msg.data[offset:offset + 20]));
    }

    /// @inheritdoc IDisputeGame
    function rootClaim() public pure returns (bytes32) {
        return _word(20);
    }

    /// @inheritdoc IDisputeGame
    function l1Head() public pure returns (bytes32) {
        return _word(52);
    }

    /// @inheritdoc IDisputeGame
    function l2SequenceNumber() public pure returns (uint256) {
        return uint256(_word(84));
    }

    /// @inheritdoc IDisputeGame
    function extraData() public pure returns (bytes memory) {
        return abi.encodePacked(_word(84));
    }

    /// @dev Adds a claim and takes its bond.
    function _push(
        uint32 parentIndex,
        address claimant,
        bytes32 value,
        uint128 position,
        uint48 used
    ) private {
        Claim storage claim = _claims.push();
        claim.parentIndex = parentIndex;
        claim.claimant = claimant;
        claim.bond = msg.value.toUint96();
        claim.value = value;
        claim.position = position;
        claim.used = used;
        claim.time = uint48(block.timestamp);
        refundModeCredit[claimant] += msg.value;
        weth.deposit{value: msg.value}();
    }

    /// @dev Marks a claim as resolved and gives its bond to who countered it, or back.
    function _conclude(Claim storage claim, address counteredBy) private {
        claim.isResolved = true;
        claim.counteredBy = counteredBy;
        address recipient = counteredBy == address(0) ? claim.claimant : counteredBy;
        normalModeCredit[recipient] += claim.bond;
    }

    /// @dev Looks at counters of a claim, as many as asked for, from where it was left. The left-most
    /// that stands gets the bond: a counter further right than it should be cannot be refuted, so it
    /// must not be worth anything beside the right one.
    function _lookAtCounters(uint256 claimIndex, uint256 numToResolve)
        private
        returns (bool isComplete, address counteredBy)
    {
        uint32[] storage counters = _counters[claimIndex];
        ResolutionCheckpoint memory point = resolutionCheckpoints[claimIndex];
        if (!point.initialCheckpointComplete) point.leftmostPosition = type(uint128).max;
        uint256 left = counters.length - point.subgameIndex;
        uint256 end = point.subgameIndex + (numToResolve == 0 ? left : Math.min(numToResolve, left));
        for (uint256 i = point.subgameIndex; i < end; ++i) {
            Claim storage counter = _claims[counters[i]];
            if (!counter.isResolved) revert OutOfOrderResolution();
            uint128 position = counter.position;
            if (counter.counteredBy == address(0) && position < point.leftmostPosition) {
                point.leftmostPosition = position;
                point.counteredBy = counter.claimant;
            }
        }
        isComplete = end == counters.length;
        if (!isComplete) {
            point.initialCheckpointComplete = true;
            point.subgameIndex = end.toUint32();
            resolutionCheckpoints[claimIndex] = point;
        }
        return (isComplete, point.counteredBy);
    }

    /// @dev Seconds that a side has used after a move: what it has used before, but so that enough is
    /// left when its turn comes again, since the time may have been used by others of its side.
    function _usedAfterMove(uint64 used, uint256 depth) private view returns (uint48) {
        if (used == maxClockDuration) revert ClockTimeExceeded();
        uint64 extension = clockExtension;
        if (depth + 1 == maxGameDepth) {
            // Its next turn is a step, whose preimage may have to be proposed first.
            extension += vm.oracle().challengePeriod().toUint64();
        } else if (depth + 1 == splitDepth) {
            // Its next turn is the root of a trace, for which the machine must run.
            extension *= 2;
        }
        uint64 most = maxClockDuration - extension;
        // No clock is longer than 48 bits can say.
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint48(used < most ? used : most);
    }

    /// @dev The root of a trace commits to how the machine ends. A counter from the left says that
    /// the disputed output is wrong; one from the right stands between its parent and the next
    /// output, which may be its own side's, then it says that this is right, or the other's.
    function _requireTraceRoot(uint256 parentIndex, bytes32 claim, bool isAttack) private view {
        bool disputes = isAttack;
        if (!isAttack) {
            uint128 next = _claims[parentIndex].position + 1;
            Claim storage disputed = _findClaim(next.traceAncestor(), parentIndex);
            disputes = disputed.position.depth() % 2 == splitDepth % 2;
        }
        uint8 ending = uint8(claim[0]);
        bool isExpected = disputes ? ending == VM_INVALID || ending == VM_PANIC : ending == VM_VALID;
        if (!isExpected) revert UnexpectedRootClaim(claim);
    }

    /// @dev The claim about the state after the step that a leaf is attacked or defended by. What is
    /// before it must have this hash, but for its first byte: in a claim, that is the status.
    function _poststate(Claim storage parent, bool isAttack, bytes32 stateHash)
        private
        view
        returns (Claim storage poststate)
    {
        uint128 position = parent.position;
        bytes32 prestate;
        if (!isAttack) {
            prestate = parent.value;
            uint128 next = (position + 1).traceAncestorBelow(splitDepth);
            poststate = _findClaim(next, parent.parentIndex);
        } else {
            poststate = parent;
            // Each trace has its own first leaf.
            if (position.indexAtDepth() % 2 ** (maxGameDepth - splitDepth - 1) == 0) {
                prestate = absolutePrestate;
            } else {
                uint128 previous = (position - 1).traceAncestorBelow(splitDepth);
                prestate = _findClaim(previous, parent.parentIndex).value;
            }
        }
        if (stateHash << 8 != prestate << 8) revert InvalidPrestate();
    }

    /// @dev The claim at a place above another claim. It exists wherever this is called: a dispute
    /// comes to a leaf only past the claims about the leaves beside it.
    function _findClaim(uint128 position, uint256 start)
        private
        view
        returns (Claim storage claim)
    {
        claim = _claims[start];
        while (claim.position != position) {
            claim = _claims[claim.parentIndex];
        }
    }

    /// @dev The outputs between which the trace runs that a claim is about.
    function _spanOf(uint256 claimIndex) private view returns (Span memory span) {
        Claim storage claim = _claims[claimIndex];
        if (claim.position.depth() <= splitDepth) revert ClaimAboveSplit();
        uint128 traceRoot;
        while (claim.position.depth() > splitDepth) {
            traceRoot = claim.position;
            claimIndex = claim.parentIndex;
            claim = _claims[claimIndex];
        }
        uint128 leaf = claim.position;
        if (traceRoot >> 1 != leaf) {
            // The leaf was defended, so the trace starts from it.
            Claim storage disputed = _findClaim((leaf + 1).traceAncestor(), claimIndex);
            return Span(claim.value, leaf, disputed.value, disputed.position);
        }
        span = Span(startingOutputRoot.root, 0, claim.value, leaf);
        if (leaf.indexAtDepth() > 0) {
            Claim storage starting = _findClaim((leaf - 1).traceAncestor(), claimIndex);
            span.startingClaim = starting.value;
            span.startingPosition = starting.position;
        }
    }

    /// @dev What the machine reads under a local key, from the highest byte on, and its bytes.
    function _localData(uint256 ident, Span memory span) private view returns (bytes32, uint256) {
        if (ident == L1_HEAD) return (l1Head(), 32);
        if (ident == STARTING_OUTPUT_ROOT) return (span.startingClaim, 32);
        if (ident == DISPUTED_OUTPUT_ROOT) return (span.disputedClaim, 32);
        if (ident == DISPUTED_L2_BLOCK_NUMBER) {
            uint256 number = startingOutputRoot.l2SequenceNumber
                + span.disputedPosition.traceIndex(splitDepth) + 1;
            // Leaves after the claimed block stand for it.
            return (bytes32(Math.min(number, l2SequenceNumber()) << 192), 8);
        }
        if (ident == CHAIN_ID) return (bytes32(l2ChainId << 192), 8);
        revert InvalidLocalIdent();
    }

    function _word(uint256 offset) private pure returns (bytes32) {
        uint256 start = ImmutableArgsClone.argsOffset() + offset;
        return bytes32(msg.data[start:start + 32]);
    }

    /// @dev What distinguishes the disputes of a game in the oracle.
    function _localContext(Span memory span) private pure returns (bytes32) {
        if (span.startingPosition == 0) {
            return keccak256(abi.encode(span.disputedClaim, span.disputedPosition));
        }
        return keccak256(
            abi.encode(
                span.startingClaim, span.startingPosition, span.disputedClaim, span.disputedPosition
            )
        );
    }

    /// @dev Number of the block of a header.
    function _numberOf(bytes calldata headerRLP) private pure returns (uint256) {
        Memory.Slice[] memory header = RLP.decodeList(headerRLP);
        if (header.length <= HEADER_NUMBER_INDEX) revert InvalidHeaderRLP();
        return RLP.readUint256(header[HEADER_NUMBER_INDEX]);
    }

    /// @dev Every extension must fit into the clock that it extends.
    function _requireClocks(GameConstructorParams memory params) private view {
        uint256 challengePeriod = params.vm.oracle().challengePeriod();
        if (challengePeriod > type(uint64).max) revert InvalidChallengePeriod();
        uint256 longest =
            Math.max(2 * uint256(params.clockExtension), params.clockExtension + challengePeriod);
        if (longest > params.maxClockDuration || params.maxClockDuration > type(uint48).max) {
            revert InvalidClockExtension();
        }
    }
}
