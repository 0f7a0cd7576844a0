// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {FaultDisputeGame} from "../src/dispute/FaultDisputeGame.sol";
import {GameStatus} from "../src/dispute/interfaces/IDisputeGame.sol";
import {IFaultDisputeGame} from "../src/dispute/interfaces/IFaultDisputeGame.sol";
import {Types} from "../src/libraries/Types.sol";
import {RISCV} from "../src/vm/RISCV.sol";
import {Settlement} from "./settlement/Settlement.sol";
import {Machine} from "./vm/Machine.sol";

/// @title FaultStepsTest
/// @notice Disputes that end with a step of the real machine: a program reads the disputed output
/// through the oracle, says that it is wrong, and ends. What each transaction of a dispute costs, on
/// a tree as deep as a deployment's, is recorded in snapshots/dispute.json.
/// forge-config: default.isolate = true
contract FaultStepsTest is Settlement, Machine {
    uint32 private constant FAULT_TYPE = 101;
    uint256 private constant BISECTION_BOND = 0.08 ether;
    address private constant OTHER = address(0x07e4);
    bytes32 private constant WRONG = keccak256("wrong output");

    // States before and after each step, and what the first steps need.
    bytes[] private _witnesses;
    bytes[] private _proofs;

    function setUp() public override(Settlement, Machine) {
        Settlement.setUp();
        Machine.setUp();
        _run();
        vm.deal(USER, 1000 ether);
        vm.deal(OTHER, 1000 ether);
        vm.prank(GUARDIAN);
        registry.setRespectedGameType(FAULT_TYPE);
        vm.fee(1 gwei);
    }

    function test_step_ofARealMachine_refutesAFalseLeaf() public {
        FaultDisputeGame game = _start(6, 2);
        _dispute(game, 6);
        uint256 leaf = game.claimDataLen() - 1;
        // The call reads what only the game can say about itself.
        vm.expectRevert();
        game.step(leaf, true, _witnesses[0], _proofs[0]);
        game.addLocalData(3, leaf, 8);
        vm.prank(USER);
        game.step(leaf, true, _witnesses[0], _proofs[0]);
        _pass(3.5 days);
        for (uint256 i = leaf + 1; i > 0; --i) {
            game.resolveClaim(i - 1, 0);
        }
        vm.assertTrue(game.resolve() == GameStatus.CHALLENGER_WINS);
        vm.assertEq(game.normalModeCredit(OTHER), 0);
        vm.assertEq(game.normalModeCredit(USER), 5 * BISECTION_BOND + 2 * 1.28 ether);
    }

    function test_step_ofARealMachine_doesNotRefuteATrueLeaf() public {
        FaultDisputeGame game = _start(5, 2);
        _dispute(game, 5);
        uint256 leaf = game.claimDataLen() - 1;
        game.addLocalData(3, leaf, 8);
        vm.expectRevert(IFaultDisputeGame.ValidStep.selector);
        game.step(leaf, true, _witnesses[0], _proofs[0]);
        vm.expectRevert(RISCV.RISCV_BadProofLength.selector);
        game.step(leaf, true, _witnesses[0], bytes.concat(_proofs[0], hex"00"));
        vm.expectRevert(IFaultDisputeGame.InvalidPrestate.selector);
        game.step(leaf, true, _witnesses[1], _proofs[0]);
        // What comes after it is claimed wrongly above it, by the other side.
        vm.expectRevert(IFaultDisputeGame.ValidStep.selector);
        game.step(leaf, false, _witnesses[1], _proofs[1]);
    }

    function test_cost() public {
        _start(64, 20);
        _pass(12);
        FaultDisputeGame game = _create("second");
        vm.snapshotGasLastCall("dispute", "create");
        _dispute(game, 64);
        uint256 leaf = game.claimDataLen() - 1;
        vm.assertEq(leaf, 64);
        game.addLocalData(3, leaf, 8);
        vm.snapshotGasLastCall("dispute", "local data");
        vm.prank(USER, USER);
        game.step(leaf, true, _witnesses[0], _proofs[0]);
        vm.snapshotGasLastCall("dispute", "step, reading a preimage");
        _pass(3.5 days);
        for (uint256 i = leaf; i > 0; --i) {
            game.resolveClaim(i, 0);
            if (i == leaf) vm.snapshotGasLastCall("dispute", "resolve a leaf");
            if (i == 40) vm.snapshotGasLastCall("dispute", "resolve a claim");
        }
        game.resolveClaim(0, 0);
        vm.snapshotGasLastCall("dispute", "resolve the root claim");
        game.resolve();
        vm.snapshotGasLastCall("dispute", "resolve");
        _pass(FINALITY_DELAY + 1);
        game.claimCredit(USER);
        vm.snapshotGasLastCall("dispute", "close and unlock");
        _pass(WETH_DELAY);
        game.claimCredit(USER);
        vm.snapshotGasLastCall("dispute", "pay");
        vm.assertEq(weth.balanceOf(address(game)), 0);
    }

    function test_cost_blockNumber() public {
        _start(64, 20);
        // A header as today's: 21 fields, of which the bloom is the longest.
        bytes memory words = abi.encodePacked(
            hex"a0", bytes32("parent"), hex"a0", bytes32("ommers"), hex"94", address(1)
        );
        bytes memory roots = abi.encodePacked(
            hex"a0", bytes32("state"), hex"a0", bytes32("txs"), hex"a0", bytes32("receipts")
        );
        bytes memory rest = abi.encodePacked(
            hex"80830f42408401c9c38083012345846553f100",
            hex"88",
            uint64(1),
            hex"a0",
            bytes32("mix"),
            hex"880000000000000000"
        );
        bytes memory items = bytes.concat(words, roots, hex"b90100", new bytes(256), rest);
        bytes memory header = abi.encodePacked(bytes1(0xf9), uint16(items.length), items);
        Types.OutputRootProof memory output = _outputWith(keccak256("passer"));
        output.latestBlockhash = keccak256(header);
        FaultDisputeGame game = _create(_outputRoot(output));
        vm.prank(USER, USER);
        game.challengeRootL2Block(output, header);
        vm.snapshotGasLastCall("dispute", "challenge the block number");
    }

    /// @dev The program, run by hand: x10 to x12 and x17 are the arguments and the number of a call.
    function _run() private {
        State memory s;
        s.pc = uint64(CODE);
        s.x[10] = uint64(DATA);
        s.x[11] = 8;
        s.x[12] = uint64(DATA + 32);
        s.x[17] = 2001;
        _code(CODE, 0x00000073); // ecall: read the disputed output
        _code(CODE + 4, 0x05d00893); // addi x17, x0, 93
        _code(CODE + 8, 0x00100513); // addi x10, x0, 1
        _code(CODE + 12, 0x00000073); // ecall: exit
        _poke(DATA, abi.encodePacked(bytes32(uint256(1) << 248 | 3)));
        _poke(DATA + 32, new bytes(32));
        _witnesses.push(_witness(s));
        _proofs.push(bytes.concat(_prove(CODE), _prove(DATA), _prove(DATA + 32)));
        _poke(DATA + 32, abi.encodePacked(WRONG));
        (s.pc, s.step, s.x[10]) = (s.pc + 4, 1, 32);
        _witnesses.push(_witness(s));
        _proofs.push(_prove(CODE));
        (s.pc, s.step, s.x[17]) = (s.pc + 4, 2, 93);
        _witnesses.push(_witness(s));
        (s.pc, s.step, s.x[10]) = (s.pc + 4, 3, 1);
        _witnesses.push(_witness(s));
        (s.step, s.exited, s.exitCode) = (4, 1, 1);
        _witnesses.push(_witness(s));
    }

    function _start(uint256 maxDepth, uint256 splitDepth) private returns (FaultDisputeGame) {
        IFaultDisputeGame.GameConstructorParams memory params;
        params.gameType = FAULT_TYPE;
        params.absolutePrestate = _hash(_witnesses[0]);
        params.maxGameDepth = maxDepth;
        params.splitDepth = splitDepth;
        params.clockExtension = 3 hours;
        params.maxClockDuration = 3.5 days;
        params.vm = riscv;
        params.weth = weth;
        params.anchorStateRegistry = registry;
        params.l2ChainId = L2_CHAIN_ID;
        params.bisectionBond = uint96(BISECTION_BOND);
        params.stepBond = 1.28 ether;
        FaultDisputeGame implementation = new FaultDisputeGame(params);
        vm.startPrank(OWNER);
        factory.setImplementation(FAULT_TYPE, implementation);
        factory.setInitBond(FAULT_TYPE, BISECTION_BOND);
        vm.stopPrank();
        return _create("first");
    }

    function _create(bytes32 root) private returns (FaultDisputeGame) {
        vm.prank(PROPOSER, PROPOSER);
        return FaultDisputeGame(
            address(
                factory.create{value: BISECTION_BOND}(
                    FAULT_TYPE, root, abi.encode(ANCHOR_NUMBER + 4)
                )
            )
        );
    }

    /// @dev Attacks all the way to the first step of the first block. The claim at the split depth is
    /// WRONG; those of USER are right from there on, those of OTHER wrong.
    function _dispute(FaultDisputeGame game, uint256 depth) private {
        uint256 split = game.splitDepth();
        for (uint256 d = 1; d <= depth; ++d) {
            (,,,, bytes32 disputed, uint128 position,) = game.claimData(d - 1);
            uint256 bond = game.getRequiredBond(position * 2);
            bytes32 value = d == split ? WRONG : keccak256(abi.encode(d));
            if (d > split && (d - split) % 2 == 1) value = _right(game.maxGameDepth() - d);
            address mover = d % 2 == 1 ? USER : OTHER;
            vm.prank(mover, mover);
            game.attack{value: bond}(disputed, d - 1, value);
            if (depth == 64) _record(d);
        }
    }

    /// @dev The first claim of the level this far above the leaves of a trace is its state after so
    /// many steps, or its end.
    function _right(uint256 height) private view returns (bytes32) {
        uint256 steps = height < 3 ? 2 ** height : 4;
        return _hash(_witnesses[steps]);
    }

    /// @dev Records the cost of the move just made to a depth.
    function _record(uint256 depth) private {
        if (depth == 10) vm.snapshotGasLastCall("dispute", "move");
        if (depth == 21) vm.snapshotGasLastCall("dispute", "move to a trace");
        if (depth == 63) vm.snapshotGasLastCall("dispute", "move before a leaf");
        if (depth == 64) vm.snapshotGasLastCall("dispute", "move to a leaf");
    }
}
