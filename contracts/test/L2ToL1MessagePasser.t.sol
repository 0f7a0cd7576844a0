// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {L2ToL1MessagePasser} from "../src/L2/L2ToL1MessagePasser.sol";
import {Test, Vm} from "./Test.sol";

contract L2ToL1MessagePasserTest is Test {
    // keccak256 of the event's signature as the protocol states it.
    bytes32 internal constant MESSAGE_PASSED =
        0x02a52367d10742d8032712c1bb8e0144ff1ec5ffda1ed7d70bb05a2744955054;

    L2ToL1MessagePasser internal passer;

    function setUp() public {
        passer = new L2ToL1MessagePasser();
    }

    function test_interface_isThatOfTheProtocol() public view {
        vm.assertEq(
            bytes32(L2ToL1MessagePasser.initiateWithdrawal.selector), bytes32(bytes4(0xc2b3e5ac))
        );
        vm.assertEq(bytes32(L2ToL1MessagePasser.messageNonce.selector), bytes32(bytes4(0xecc70428)));
        vm.assertEq(L2ToL1MessagePasser.MessagePassed.selector, MESSAGE_PASSED);
        vm.assertEq(passer.MESSAGE_VERSION(), 1);
    }

    function testFuzz_initiateWithdrawal_recordsAndAnnounces(
        address sender,
        address target,
        uint128 value,
        uint256 gasLimit,
        bytes calldata data
    ) public {
        uint256 nonce = passer.messageNonce();
        vm.deal(sender, value);
        vm.recordLogs();
        vm.prank(sender);
        passer.initiateWithdrawal{value: value}(target, gasLimit, data);
        _check(vm.getRecordedLogs(), nonce, sender, target, value, gasLimit, data);
        vm.assertEq(address(passer).balance, value);
    }

    function testFuzz_receive_withdrawsToSender(address sender, uint128 value) public {
        vm.deal(sender, value);
        vm.recordLogs();
        vm.prank(sender);
        (bool success,) = address(passer).call{value: value}("");
        vm.assertTrue(success);
        _check(vm.getRecordedLogs(), uint256(1) << 240, sender, sender, value, 100_000, "");
    }

    function test_messageNonce_countsInSlotOne() public {
        for (uint256 i = 0; i < 5; ++i) {
            vm.assertEq(passer.messageNonce(), (uint256(1) << 240) + i);
            vm.assertEq(uint256(vm.load(address(passer), bytes32(uint256(1)))), i);
            passer.initiateWithdrawal(address(this), 21_000, "");
        }
    }

    function testFuzz_sentMessages_isFalseForOthers(bytes32 hash) public {
        passer.initiateWithdrawal(address(this), 21_000, "");
        bytes32 sent = keccak256(
            abi.encode(uint256(1) << 240, address(this), address(this), 0, 21_000, bytes(""))
        );
        vm.assertTrue(passer.sentMessages(sent));
        vm.assume(hash != sent);
        vm.assertFalse(passer.sentMessages(hash));
    }

    // Inside forge the burner's removal comes with the end of the test's transaction, so what can
    // be seen here is that the ether left and that the burner was sent all of it.
    function testFuzz_burn_emptiesTheContract(uint128 value) public {
        vm.deal(address(passer), value);
        vm.recordLogs();
        passer.burn();
        vm.assertEq(address(passer).balance, 0);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 1);
        vm.assertEq(logs[0].topics[0], keccak256("WithdrawerBalanceBurnt(uint256)"));
        vm.assertEq(uint256(logs[0].topics[1]), value);
    }

    function _check(
        Vm.Log[] memory logs,
        uint256 nonce,
        address sender,
        address target,
        uint256 value,
        uint256 gasLimit,
        bytes memory data
    ) private view {
        bytes32 hash = keccak256(abi.encode(nonce, sender, target, value, gasLimit, data));
        vm.assertEq(logs.length, 1);
        vm.assertEq(logs[0].emitter, address(passer));
        vm.assertEq(logs[0].topics.length, 4);
        vm.assertEq(logs[0].topics[0], MESSAGE_PASSED);
        vm.assertEq(uint256(logs[0].topics[1]), nonce);
        vm.assertEq(uint256(logs[0].topics[2]), uint160(sender));
        vm.assertEq(uint256(logs[0].topics[3]), uint160(target));
        vm.assertEq(logs[0].data, abi.encode(value, gasLimit, data, hash));
        // What L1 proves: the word at keccak256(hash . slot 0) is one.
        bytes32 slot = keccak256(abi.encode(hash, uint256(0)));
        vm.assertEq(uint256(vm.load(address(passer), slot)), 1);
        vm.assertTrue(passer.sentMessages(hash));
        vm.assertEq(passer.messageNonce(), nonce + 1);
    }
}
