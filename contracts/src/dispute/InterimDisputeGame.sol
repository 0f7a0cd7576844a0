// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ImmutableArgsClone} from "../libraries/ImmutableArgsClone.sol";
import {IAnchorStateRegistry} from "./interfaces/IAnchorStateRegistry.sol";
import {IDelayedWETH} from "./interfaces/IDelayedWETH.sol";
import {BondDistributionMode, GameStatus, IDisputeGame} from "./interfaces/IDisputeGame.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/**
 * @title InterimDisputeGame
 * @notice A dispute game without a dispute: the configured proposer is believed once its clock has
 * run out, unless the guardian blacklists the game before. It stands in until a game with fault
 * proofs takes its place and must never guard what is worth more than the proposer's word. Seen from
 * outside it behaves as the fault game does, down to where its bond goes.
 *
 * A game is a clone whose constants the factory has put at the end of the calldata: creator (20),
 * root claim (32), hash of the last L1 block (32), L2 block number (32).
 *
 * | slot | content, from the least significant byte up                               |
 * |------|---------------------------------------------------------------------------|
 * | 0    | createdAt (8), resolvedAt (8), status (1), bondDistributionMode (1),      |
 * |      | wasRespectedGameTypeWhenCreated (1), whether the bond is unlocked (1),    |
 * |      | bond (11)                                                                 |
 */
contract InterimDisputeGame is IDisputeGame {
    using SafeCast for uint256;

    /// @dev Bytes of calldata in a call without arguments: selector, constants, their length.
    uint256 private constant BARE_CALLDATA_LENGTH = 4 + 20 + 3 * 32 + 2;

    /// @inheritdoc IDisputeGame
    uint32 public immutable gameType;

    /// @notice Seconds between the game's creation and its resolution.
    uint64 public immutable maxClockDuration;

    /// @notice Where the bond is kept.
    IDelayedWETH public immutable weth;

    /// @inheritdoc IDisputeGame
    IAnchorStateRegistry public immutable anchorStateRegistry;

    /// @notice Chain id of the rollup.
    uint256 public immutable l2ChainId;

    /// @notice The only account that may create such games.
    address public immutable proposer;

    /// @inheritdoc IDisputeGame
    uint64 public createdAt;

    /// @inheritdoc IDisputeGame
    uint64 public resolvedAt;

    /// @inheritdoc IDisputeGame
    GameStatus public status;

    /// @notice Who gets the bond; undecided until the game is closed.
    BondDistributionMode public bondDistributionMode;

    /// @inheritdoc IDisputeGame
    bool public wasRespectedGameTypeWhenCreated;

    bool private _bondUnlocked;

    uint88 private _bond;

    /// @notice The game was closed and its bond goes where it says.
    event GameClosed(BondDistributionMode bondDistributionMode);

    /// @notice The game is set up already.
    error AlreadyInitialized();

    /// @notice The creator is not the proposer.
    error BadAuth();

    /// @notice There is no output to start from.
    error AnchorRootNotFound();

    /// @notice The extra data is not one word.
    error BadExtraData();

    /// @notice The claim is not newer than the anchor.
    error UnexpectedRootClaim(bytes32 rootClaim);

    /// @notice The game is decided.
    error GameNotInProgress();

    /// @notice The game cannot be decided yet.
    error ClockNotExpired();

    /// @notice The chain is paused.
    error GamePaused();

    /// @notice The game is not decided, or not long enough.
    error GameNotFinalized();

    /// @notice This account gets nothing, or has got it.
    error NoCreditToClaim();

    /**
     * @param kind          Type under which the factory knows this game.
     * @param clockDuration Seconds between creation and resolution.
     * @param bondVault     Where the bond is kept.
     * @param registry      Judge of the games.
     * @param chainId       Chain id of the rollup.
     * @param creator       The only account that may create such games.
     */
    constructor(
        uint32 kind,
        uint64 clockDuration,
        IDelayedWETH bondVault,
        IAnchorStateRegistry registry,
        uint256 chainId,
        address creator
    ) {
        gameType = kind;
        maxClockDuration = clockDuration;
        weth = bondVault;
        anchorStateRegistry = registry;
        l2ChainId = chainId;
        proposer = creator;
        // Only clones can be initialized.
        createdAt = uint64(block.timestamp);
    }

    /// @inheritdoc IDisputeGame
    function initialize() external payable {
        if (createdAt != 0) revert AlreadyInitialized();
        // Any other length means that the number is not where the getters look for it.
        if (msg.data.length != BARE_CALLDATA_LENGTH) revert BadExtraData();
        if (gameCreator() != proposer) revert BadAuth();
        (bytes32 anchorRoot, uint256 anchorNumber) = anchorStateRegistry.getAnchorRoot();
        if (anchorRoot == 0) revert AnchorRootNotFound();
        if (l2SequenceNumber() <= anchorNumber) revert UnexpectedRootClaim(rootClaim());

        createdAt = uint64(block.timestamp);
        wasRespectedGameTypeWhenCreated = anchorStateRegistry.respectedGameType() == gameType;
        _bond = msg.value.toUint88();
        weth.deposit{value: msg.value}();
    }

    /// @inheritdoc IDisputeGame
    function resolve() external returns (GameStatus decided) {
        if (status != GameStatus.IN_PROGRESS) revert GameNotInProgress();
        if (block.timestamp < uint256(createdAt) + maxClockDuration) revert ClockNotExpired();
        decided = anchorStateRegistry.isGameBlacklisted(this)
            ? GameStatus.CHALLENGER_WINS
            : GameStatus.DEFENDER_WINS;
        status = decided;
        resolvedAt = uint64(block.timestamp);
        emit Resolved(decided);
    }

    /**
     * @notice Gives the bond back in two steps: the first call starts the keeper's delay, the second,
     * after it, pays.
     * @param recipient The creator; nobody else has credit.
     */
    function claimCredit(address recipient) external {
        closeGame();
        uint256 amount = _creditOf(recipient);
        if (amount == 0) revert NoCreditToClaim();
        if (!_bondUnlocked) {
            _bondUnlocked = true;
            weth.unlock(recipient, amount);
            return;
        }
        _bond = 0;
        weth.withdraw(recipient, amount);
        Address.sendValue(payable(recipient), amount);
    }

    /// @inheritdoc IDisputeGame
    function gameData() external view returns (uint32, bytes32, bytes memory) {
        return (gameType, rootClaim(), extraData());
    }

    /// @inheritdoc IDisputeGame
    function l2BlockNumber() external pure returns (uint256) {
        return l2SequenceNumber();
    }

    /// @inheritdoc IDisputeGame
    function l1Head() external pure returns (bytes32) {
        return _word(52);
    }

    /// @notice What an account gets, and whether its delay has started.
    function credit(address recipient) external view returns (uint256, bool) {
        return (_creditOf(recipient), hasUnlockedCredit(recipient));
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "1.0.0";
    }

    /**
     * @notice Fixes who gets the bond, and makes the claim the anchor if it is valid and newer.
     * Possible once the game is finalized and while the chain is not paused; later calls do nothing.
     */
    function closeGame() public {
        if (bondDistributionMode != BondDistributionMode.UNDECIDED) return;
        if (anchorStateRegistry.paused()) revert GamePaused();
        if (!anchorStateRegistry.isGameFinalized(this)) revert GameNotFinalized();
        // An older game than the anchor is refused, which is no reason to keep its bond.
        try anchorStateRegistry.setAnchorState(this) {} catch {}
        bondDistributionMode = anchorStateRegistry.isGameProper(this)
            ? BondDistributionMode.NORMAL
            : BondDistributionMode.REFUND;
        emit GameClosed(bondDistributionMode);
    }

    /// @notice What an account gets if the game is closed as decided. A game that the proposer has
    /// lost has nobody who won; it is never closed as decided, since only a blacklisted game is lost.
    function normalModeCredit(address recipient) public view returns (uint256) {
        return status == GameStatus.CHALLENGER_WINS ? 0 : refundModeCredit(recipient);
    }

    /// @notice What an account gets if everyone gets their own.
    function refundModeCredit(address recipient) public view returns (uint256) {
        return recipient == gameCreator() ? _bond : 0;
    }

    /// @notice Whether the delay of an account's credit has started.
    function hasUnlockedCredit(address recipient) public view returns (bool) {
        return _bondUnlocked && recipient == gameCreator();
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
    function l2SequenceNumber() public pure returns (uint256) {
        return uint256(_word(84));
    }

    /// @inheritdoc IDisputeGame
    function extraData() public pure returns (bytes memory) {
        return abi.encodePacked(_word(84));
    }

    function _creditOf(address recipient) private view returns (uint256) {
        return bondDistributionMode == BondDistributionMode.REFUND
            ? refundModeCredit(recipient)
            : normalModeCredit(recipient);
    }

    function _word(uint256 offset) private pure returns (bytes32) {
        uint256 start = ImmutableArgsClone.argsOffset() + offset;
        return bytes32(msg.data[start:start + 32]);
    }
}
