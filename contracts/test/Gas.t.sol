// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {FaultDisputeGame} from "../src/dispute/FaultDisputeGame.sol";
import {Types} from "../src/libraries/Types.sol";
import {FaultGames} from "./dispute/FaultGames.sol";

/// @title GasTest
/// @notice Records what the transactions of a rollup's everyday life cost on L1, intrinsic gas and
/// cold storage included. A run that comes to other figures than snapshots/settlement.json fails.
/// forge-config: default.isolate = true
contract GasTest is FaultGames {
    address private constant RECIPIENT = address(0x4ec1);

    function setUp() public override {
        super.setUp();
        _useTree(64, 20, 6, SAFE);
        vm.fee(1 gwei);
        vm.deal(RECIPIENT, 1);
        _fund(10 ether);
        // The first of everything writes to storage that was empty, which happens once per chain.
        _create(keccak256("first"), ANCHOR_NUMBER + 1);
        vm.prank(USER);
        portal.depositTransaction{value: 1 ether}(USER, 1 ether, 100_000, false, "");
        _pass(12);
    }

    function test_deposit_cost() public {
        vm.prank(USER, USER);
        portal.depositTransaction{value: 1 ether}(USER, 1 ether, 100_000, false, "");
        vm.snapshotGasLastCall("settlement", "deposit");
    }

    function test_propose_cost() public {
        vm.prank(PROPOSER, PROPOSER);
        factory.create{value: BISECTION_BOND}(
            FAULT_TYPE, keccak256("root"), abi.encode(ANCHOR_NUMBER + 9)
        );
        vm.snapshotGasLastCall("settlement", "propose");
    }

    function test_prove_cost() public {
        Types.WithdrawalTransaction memory transaction = _withdrawal(0, RECIPIENT, 1 ether);
        (Types.OutputRootProof memory output, bytes[] memory proof) = _output(transaction);
        _create(_outputRoot(output), ANCHOR_NUMBER + 9);
        _pass(12);
        vm.prank(USER, USER);
        portal.proveWithdrawalTransaction(transaction, 1, output, proof);
        vm.snapshotGasLastCall("settlement", "prove");
    }

    function test_finalize_cost() public {
        Types.WithdrawalTransaction memory transaction = _withdrawal(0, RECIPIENT, 1 ether);
        (Types.OutputRootProof memory output, bytes[] memory proof) = _output(transaction);
        FaultDisputeGame game = _create(_outputRoot(output), ANCHOR_NUMBER + 9);
        _pass(12);
        vm.prank(USER);
        portal.proveWithdrawalTransaction(transaction, 1, output, proof);
        _resolve(game);
        _pass(MATURITY_DELAY + 1);
        vm.prank(USER, USER);
        portal.finalizeWithdrawalTransaction(transaction);
        vm.snapshotGasLastCall("settlement", "finalize");
        vm.assertEq(RECIPIENT.balance, 1 ether + 1);
    }
}
