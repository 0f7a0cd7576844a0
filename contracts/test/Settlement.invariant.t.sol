// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {OptimismPortal2} from "../src/L1/OptimismPortal2.sol";
import {SuperchainConfig} from "../src/L1/SuperchainConfig.sol";
import {AnchorStateRegistry} from "../src/dispute/AnchorStateRegistry.sol";
import {DisputeGameFactory} from "../src/dispute/DisputeGameFactory.sol";
import {FaultDisputeGame} from "../src/dispute/FaultDisputeGame.sol";
import {GameStatus, IDisputeGame} from "../src/dispute/interfaces/IDisputeGame.sol";
import {Types} from "../src/libraries/Types.sol";
import {Test, Vm} from "./Test.sol";
import {FaultGames} from "./dispute/FaultGames.sol";
import {TrieBuilder} from "./settlement/TrieBuilder.sol";

/// @title Actor
/// @notice Everyone at once: depositors, the proposer, who disputes, the guardian, whoever proves and
/// finalizes, honestly or not. It keeps books of its own by which the portal is judged. Every function
/// takes numbers alone, so that any sequence of random words is a sequence of calls.
contract Actor is Test {
    struct Proof {
        IDisputeGame game;
        uint256 timestamp;
    }

    address private constant PROPOSER = address(0x9409053);
    address private constant CHALLENGER = address(0xc4a11);
    address private constant GUARDIAN = address(0x6a4d1a);
    uint32 private constant FAULT_TYPE = 101;
    uint256 private constant BOND = 0.08 ether;
    uint256 private constant CLOCK = 3.5 days;
    uint256 private constant MATURITY_DELAY = 7 days;
    uint256 private constant FINALITY_DELAY = 3.5 days;

    OptimismPortal2 private immutable PORTAL;
    SuperchainConfig private immutable SUPERCHAIN;
    DisputeGameFactory private immutable FACTORY;
    AnchorStateRegistry private immutable REGISTRY;

    Types.WithdrawalTransaction[] private _withdrawals;
    mapping(uint256 index => bytes[]) private _proofs;
    bytes32 private _storageRoot;
    // Withdrawals from this index on were never initiated.
    uint256 private immutable FORGED_FROM;

    uint256 public deposited;
    uint256 public finalizations;
    uint256 public refusals;
    uint256 public newestAnchor;
    string public complaint;
    mapping(uint256 index => uint256) public finalized;
    mapping(address game => bool) public countered;
    mapping(uint256 index => mapping(address submitter => Proof)) private _books;
    mapping(uint256 gameIndex => bytes32) private _stateRoots;
    mapping(address game => bool) private _blacklisted;
    uint256 private _retiredUntil;
    bool private _paused;

    constructor(
        OptimismPortal2 portal,
        SuperchainConfig superchain,
        DisputeGameFactory factory,
        AnchorStateRegistry registry,
        uint256 forgedFrom
    ) {
        PORTAL = portal;
        SUPERCHAIN = superchain;
        FACTORY = factory;
        REGISTRY = registry;
        FORGED_FROM = forgedFrom;
        _retiredUntil = registry.retirementTimestamp();
    }

    function load(
        Types.WithdrawalTransaction calldata withdrawal,
        bytes[] calldata proof,
        bytes32 root
    ) external {
        for (uint256 i = 0; i < proof.length; ++i) {
            _proofs[_withdrawals.length].push(proof[i]);
        }
        _withdrawals.push(withdrawal);
        _storageRoot = root;
    }

    function deposit(uint256 amount, uint256 how) external {
        amount = _bound(amount, 0, 3 ether);
        vm.deal(address(this), amount);
        if (how % 2 == 0) {
            (bool success,) = address(PORTAL).call{value: amount}("");
            if (!success) return;
        } else {
            try PORTAL.depositTransaction{value: amount}(address(1), 0, 100_000, false, "") {}
            catch {
                return;
            }
        }
        deposited += amount;
    }

    function pass(uint256 duration) external {
        _pass(_bound(duration, 1, 3 days));
    }

    /// Anyone may propose; what is claimed here stands unless it is countered.
    function propose(uint256 seed) external {
        bytes32 stateRoot = keccak256(abi.encode(seed));
        (, uint256 anchor) = REGISTRY.getAnchorRoot();
        bytes32 root = keccak256(abi.encode(0, stateRoot, _storageRoot, bytes32(0)));
        _stateRoots[FACTORY.gameCount()] = stateRoot;
        vm.deal(PROPOSER, BOND);
        vm.prank(PROPOSER);
        // The number may be that of an older game that is still to come in, or far ahead.
        FACTORY.create{value: BOND}(FAULT_TYPE, root, abi.encode(anchor + 1 + seed % 1000));
    }

    /// Someone counters a root claim, and nobody answers.
    function counter(uint256 gameIndex, uint256 chance) external {
        if (chance % 4 != 0) return;
        FaultDisputeGame game = _game(gameIndex);
        bytes32 root = game.rootClaim();
        vm.deal(CHALLENGER, BOND);
        vm.prank(CHALLENGER);
        game.attack{value: BOND}(root, 0, keccak256(abi.encode(root, chance)));
        countered[address(game)] = true;
    }

    function prove(uint256 which, uint256 gameIndex, uint256 as_) external {
        which %= _withdrawals.length;
        address submitter = _submitter(as_);
        uint256 count = FACTORY.gameCount();
        if (count == 0) return;
        // Mostly on one of the newest.
        gameIndex = gameIndex % 4 == 0 || count < 3 ? gameIndex % count : count - 1 - gameIndex % 3;
        Types.OutputRootProof memory output = Types.OutputRootProof({
            version: 0,
            stateRoot: _stateRoots[gameIndex],
            messagePasserStorageRoot: _storageRoot,
            latestBlockhash: 0
        });
        vm.prank(submitter);
        try PORTAL.proveWithdrawalTransaction(
            _withdrawals[which], gameIndex, output, _proofs[which]
        ) {
            (,, IDisputeGame game) = FACTORY.gameAtIndex(gameIndex);
            _books[which][submitter] = Proof({game: game, timestamp: block.timestamp});
            if (which >= FORGED_FROM) complaint = "proved what was never initiated";
        } catch {}
    }

    /// Every other time after all the clocks.
    function resolve(uint256 gameIndex, uint256 wait) external {
        FaultDisputeGame game = _game(gameIndex);
        if (wait % 2 == 0) _pass(CLOCK);
        for (uint256 i = game.claimDataLen(); i > 0; --i) {
            game.resolveClaim(i - 1, 0);
        }
        bool isWon = game.resolve() == GameStatus.DEFENDER_WINS;
        if (isWon == countered[address(game)]) complaint = "resolved for the wrong side";
    }

    function close(uint256 gameIndex, uint256 whose) external {
        _game(gameIndex).claimCredit(whose % 2 == 0 ? PROPOSER : CHALLENGER);
        (, uint256 anchor) = REGISTRY.getAnchorRoot();
        if (anchor < newestAnchor) complaint = "the anchor went back";
        newestAnchor = anchor;
    }

    /// Now and then after the delays of what was just proven, or with too little gas.
    function finalize(uint256 which, uint256 as_, uint256 seed) external {
        which %= _withdrawals.length;
        address submitter = _submitter(as_);
        if (seed % 3 == 0) _pass(MATURITY_DELAY + 1);
        uint256 gasGiven = seed % 8 == 0 ? _bound(seed, 50_000, 250_000) : 2_000_000;
        try PORTAL.finalizeWithdrawalTransactionExternalProof{gas: gasGiven}(
            _withdrawals[which], submitter
        ) {
            ++finalized[which];
            ++finalizations;
            _judge(which, submitter);
        } catch {
            ++refusals;
        }
    }

    function blacklist(uint256 gameIndex, uint256 chance) external {
        if (chance % 8 != 0) return;
        IDisputeGame game = _game(gameIndex);
        vm.prank(GUARDIAN);
        REGISTRY.blacklistDisputeGame(game);
        _blacklisted[address(game)] = true;
    }

    function retire(uint256 chance) external {
        if (chance % 16 != 0) return;
        vm.prank(GUARDIAN);
        REGISTRY.updateRetirementTimestamp();
        _retiredUntil = block.timestamp;
    }

    function pause(uint256 chance) external {
        bool stop = chance % 8 == 0;
        vm.startPrank(GUARDIAN);
        SUPERCHAIN.unpause(address(0));
        if (stop) SUPERCHAIN.pause(address(0));
        vm.stopPrank();
        _paused = stop;
    }

    /// @dev Whether the withdrawal that was just finalized should have been, by these books.
    function _judge(uint256 which, address submitter) private {
        Proof memory proof = _books[which][submitter];
        if (which >= FORGED_FROM) complaint = "finalized what was never initiated";
        if (proof.timestamp == 0) complaint = "finalized what was not proven";
        if (block.timestamp <= proof.timestamp + MATURITY_DELAY) complaint = "proof too young";
        if (_paused) complaint = "finalized while paused";
        if (_blacklisted[address(proof.game)]) complaint = "finalized on a blacklisted game";
        if (proof.game.createdAt() <= _retiredUntil) complaint = "finalized on a retired game";
        if (countered[address(proof.game)]) complaint = "finalized on a game that was lost";
        if (proof.game.status() != GameStatus.DEFENDER_WINS) complaint = "game not won";
        if (block.timestamp <= proof.game.resolvedAt() + FINALITY_DELAY) complaint = "no air gap";
    }

    /// @dev One of the games, mostly of the newest; reverts while there is none.
    function _game(uint256 seed) private view returns (FaultDisputeGame) {
        uint256 count = FACTORY.gameCount();
        uint256 index = seed % 4 == 0 || count < 3 ? seed % count : count - 1 - seed % 3;
        (,, IDisputeGame game) = FACTORY.gameAtIndex(index);
        return FaultDisputeGame(address(game));
    }

    function _submitter(uint256 seed) private pure returns (address) {
        return seed % 8 == 0 ? address(2) : address(1);
    }

    function _pass(uint256 duration) private {
        vm.warp(block.timestamp + duration);
        vm.roll(block.number + 1);
    }
}

/// @title SettlementInvariants
/// @notice What holds whatever happens, in whatever order.
/// forge-config: default.invariant.runs = 32
/// forge-config: default.invariant.depth = 256
contract SettlementInvariants is FaultGames {
    uint256 private constant COUNT = 10;
    uint256 private constant FORGED_FROM = 8;
    address private constant RECIPIENT = address(0x4ec1);

    Actor private actor;

    function setUp() public override {
        super.setUp();
        // Claims up to 2^20 blocks ahead, as in a deployment.
        _useTree(64, 20, 6, SAFE);
        actor = new Actor(portal, superchain, factory, registry, FORGED_FROM);
        TrieBuilder.Entry[] memory entries = new TrieBuilder.Entry[](FORGED_FROM);
        for (uint256 i = 0; i < FORGED_FROM; ++i) {
            entries[i] = TrieBuilder.Entry({path: _path(_made(i)), value: hex"01"});
        }
        for (uint256 i = 0; i < COUNT; ++i) {
            bytes[] memory proof = TrieBuilder.prove(entries, _path(_made(i)));
            actor.load(_made(i), proof, TrieBuilder.root(entries));
        }
    }

    /// The functions that the fuzzer calls, by forge's convention.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actor);
    }

    function targetSelectors() external view returns (Vm.FuzzSelector[] memory targets) {
        targets = new Vm.FuzzSelector[](1);
        targets[0] = Vm.FuzzSelector({addr: address(actor), selectors: _selectors()});
    }

    function invariant_withdrawnNeverExceedsDeposited() public view {
        vm.assertTrue(RECIPIENT.balance <= actor.deposited());
        vm.assertEq(address(portal).balance + RECIPIENT.balance, actor.deposited());
    }

    function invariant_eachWithdrawalFinalizesOnce() public view {
        for (uint256 i = 0; i < COUNT; ++i) {
            vm.assertTrue(actor.finalized(i) <= 1);
            vm.assertTrue(portal.finalizedWithdrawals(_hash(_made(i))) == (actor.finalized(i) == 1));
        }
    }

    function invariant_onlyProvenAndResolvedWithdrawalsFinalize() public view {
        vm.assertEq(actor.complaint(), "");
    }

    function invariant_bondsAreCovered() public view {
        vm.assertEq(address(weth).balance, weth.totalSupply());
    }

    function invariant_theDoorIsClosedBetweenTransactions() public view {
        vm.assertEq(portal.l2Sender(), address(0xdEaD));
    }

    /// A game that moved the anchor was won, and only that.
    function invariant_theAnchorIsAGameThatWasWon() public view {
        IDisputeGame game = registry.anchorGame();
        if (address(game) == address(0)) return;
        vm.assertTrue(game.status() == GameStatus.DEFENDER_WINS);
        vm.assertFalse(actor.countered(address(game)));
    }

    /// The way to a finalization is not closed to the actor, or the invariants would say nothing.
    function test_actor_canFinalize() public {
        actor.deposit(2 ether, 0);
        actor.propose(1);
        actor.pass(1 days);
        actor.prove(0, 0, 1);
        actor.resolve(0, 0);
        actor.pass(3 days - 1);
        actor.finalize(0, 1, 1);
        vm.assertEq(actor.refusals(), 1);
        actor.finalize(0, 1, 3);
        vm.assertEq(actor.finalized(0), 1);
        vm.assertEq(RECIPIENT.balance, 0.25 ether);
        actor.finalize(0, 1, 1);
        vm.assertEq(actor.refusals(), 2);
        actor.close(0, 0);
        vm.assertEq(actor.newestAnchor(), ANCHOR_NUMBER + 2);
        vm.assertEq(actor.complaint(), "");
    }

    /// A game that is countered is lost, and what was proven on it is worth nothing.
    function test_actor_finalizesNothingOnAGameThatWasLost() public {
        actor.deposit(2 ether, 0);
        actor.propose(1);
        actor.pass(1 days);
        actor.prove(0, 0, 1);
        actor.counter(0, 0);
        actor.resolve(0, 0);
        actor.finalize(0, 1, 3);
        vm.assertEq(actor.refusals(), 1);
        vm.assertEq(actor.complaint(), "");
    }

    /// As the fuzzer draws its calls, most sequences finalize several withdrawals.
    function test_actor_finalizesSeveralInMostSequences() public {
        uint256 several = 0;
        for (uint256 sequence = 0; sequence < 8; ++sequence) {
            // A call of its own, whose memory ends with it.
            if (this.play(sequence) >= 2) ++several;
            vm.assertEq(actor.complaint(), "");
        }
        vm.assertTrue(several >= 6);
    }

    /// A sequence of random calls on contracts of its own: how many withdrawals it finalizes.
    function play(uint256 sequence) external returns (uint256) {
        setUp();
        bytes4[] memory selectors = _selectors();
        for (uint256 i = 0; i < 256; ++i) {
            bytes32 seed = keccak256(abi.encode(sequence, i));
            // What is not possible now reverts, as under the fuzzer.
            (bool success,) = address(actor)
                .call(
                    abi.encodePacked(
                        selectors[uint256(seed) % selectors.length],
                        keccak256(abi.encode(seed, 1)),
                        keccak256(abi.encode(seed, 2)),
                        keccak256(abi.encode(seed, 3))
                    )
                );
            success;
        }
        return actor.finalizations();
    }

    /// @dev What leads to a finalization comes more often.
    function _selectors() private pure returns (bytes4[] memory selectors) {
        selectors = new bytes4[](18);
        selectors[0] = Actor.deposit.selector;
        selectors[1] = Actor.pass.selector;
        selectors[2] = Actor.propose.selector;
        selectors[3] = Actor.counter.selector;
        selectors[4] = Actor.close.selector;
        selectors[5] = Actor.blacklist.selector;
        selectors[6] = Actor.retire.selector;
        selectors[7] = Actor.pause.selector;
        for (uint256 i = 8; i < 11; ++i) {
            selectors[i] = Actor.prove.selector;
            selectors[i + 3] = Actor.resolve.selector;
            selectors[i + 6] = Actor.finalize.selector;
        }
        selectors[17] = Actor.finalize.selector;
    }

    function _made(uint256 index) private pure returns (Types.WithdrawalTransaction memory) {
        return _withdrawal(index, RECIPIENT, 0.25 ether * (index + 1));
    }
}
