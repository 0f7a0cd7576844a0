// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {OptimismPortal2} from "../src/L1/OptimismPortal2.sol";
import {SuperchainConfig} from "../src/L1/SuperchainConfig.sol";
import {AnchorStateRegistry} from "../src/dispute/AnchorStateRegistry.sol";
import {DisputeGameFactory} from "../src/dispute/DisputeGameFactory.sol";
import {InterimDisputeGame} from "../src/dispute/InterimDisputeGame.sol";
import {GameStatus, IDisputeGame} from "../src/dispute/interfaces/IDisputeGame.sol";
import {Types} from "../src/libraries/Types.sol";
import {Test, Vm} from "./Test.sol";
import {Settlement} from "./settlement/Settlement.sol";
import {TrieBuilder} from "./settlement/TrieBuilder.sol";

/// @title Actor
/// @notice Everyone at once: depositors, the proposer, the guardian, whoever proves and finalizes,
/// honestly or not. It keeps books of its own by which the portal is judged.
contract Actor is Test {
    struct Proof {
        IDisputeGame game;
        uint256 timestamp;
    }

    address private constant PROPOSER = address(0x9409053);
    address private constant GUARDIAN = address(0x6a4d1a);
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
    string public complaint;
    mapping(uint256 index => uint256) public finalized;
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

    function deposit(uint256 amount, bool plain) external {
        amount = _bound(amount, 0, 3 ether);
        vm.deal(address(this), amount);
        if (plain) {
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
        vm.warp(block.timestamp + _bound(duration, 1, 3 days));
        vm.roll(block.number + 1);
    }

    function propose(uint256 seed) external {
        bytes32 stateRoot = keccak256(abi.encode(seed));
        _stateRoots[FACTORY.gameCount()] = stateRoot;
        vm.deal(PROPOSER, 1 ether);
        vm.prank(PROPOSER);
        bytes32 root = keccak256(abi.encode(0, stateRoot, _storageRoot, bytes32(0)));
        FACTORY.create{value: 0.08 ether}(100, root, abi.encode(1000 + seed % 1000));
    }

    function prove(uint256 which, uint256 gameIndex, address submitter) external {
        which %= _withdrawals.length;
        submitter = address(1 + uint160(submitter) % 3);
        uint256 count = FACTORY.gameCount();
        if (count == 0) return;
        gameIndex %= count;
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

    function resolve(uint256 gameIndex) external {
        uint256 count = FACTORY.gameCount();
        if (count == 0) return;
        (,, IDisputeGame game) = FACTORY.gameAtIndex(gameIndex % count);
        game.resolve();
    }

    function close(uint256 gameIndex) external {
        uint256 count = FACTORY.gameCount();
        if (count == 0) return;
        (,, IDisputeGame game) = FACTORY.gameAtIndex(gameIndex % count);
        InterimDisputeGame(address(game)).claimCredit(PROPOSER);
    }

    function finalize(uint256 which, address submitter, uint256 gasGiven) external {
        which %= _withdrawals.length;
        submitter = address(1 + uint160(submitter) % 3);
        gasGiven = gasGiven % 4 == 0 ? _bound(gasGiven, 50_000, 250_000) : 2_000_000;
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
        uint256 count = FACTORY.gameCount();
        if (count == 0 || chance % 4 != 0) return;
        (,, IDisputeGame game) = FACTORY.gameAtIndex(gameIndex % count);
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

    function pause(bool stop, uint256 chance) external {
        if (stop && chance % 8 != 0) return;
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
        if (proof.game.status() != GameStatus.DEFENDER_WINS) complaint = "game not won";
        if (block.timestamp <= proof.game.resolvedAt() + FINALITY_DELAY) complaint = "no air gap";
    }
}

/// @title SettlementInvariants
/// @notice What holds whatever happens, in whatever order.
/// forge-config: default.invariant.runs = 32
/// forge-config: default.invariant.depth = 256
contract SettlementInvariants is Settlement {
    uint256 private constant COUNT = 6;
    uint256 private constant FORGED_FROM = 4;
    address private constant RECIPIENT = address(0x4ec1);

    Actor private actor;

    function setUp() public override {
        super.setUp();
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
        bytes4[] memory selectors = new bytes4[](12);
        selectors[0] = Actor.deposit.selector;
        selectors[1] = Actor.pass.selector;
        selectors[2] = Actor.propose.selector;
        selectors[3] = Actor.prove.selector;
        selectors[4] = Actor.resolve.selector;
        selectors[5] = Actor.close.selector;
        selectors[6] = Actor.finalize.selector;
        selectors[7] = Actor.blacklist.selector;
        selectors[8] = Actor.retire.selector;
        selectors[9] = Actor.pause.selector;
        // What leads to a finalization comes more often.
        selectors[10] = Actor.prove.selector;
        selectors[11] = Actor.pass.selector;
        targets = new Vm.FuzzSelector[](1);
        targets[0] = Vm.FuzzSelector({addr: address(actor), selectors: selectors});
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

    /// The way to a finalization is not closed to the actor, or the invariants would say nothing.
    function test_actor_canFinalize() public {
        actor.deposit(2 ether, true);
        actor.propose(1);
        actor.pass(1 days);
        actor.prove(0, 0, address(0));
        for (uint256 i = 0; i < 3; ++i) {
            actor.pass(3 days - 1);
        }
        actor.resolve(0);
        actor.pass(3 days - 1);
        actor.pass(3 days - 1);
        actor.finalize(0, address(0), 1);
        vm.assertEq(actor.finalized(0), 1);
        vm.assertEq(RECIPIENT.balance, 0.5 ether);
        actor.finalize(0, address(0), 1);
        vm.assertEq(actor.refusals(), 1);
        vm.assertEq(actor.complaint(), "");
    }

    function _made(uint256 index) private pure returns (Types.WithdrawalTransaction memory) {
        return _withdrawal(index, RECIPIENT, 0.5 ether * (index + 1));
    }
}
