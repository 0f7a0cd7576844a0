// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {DeployerWhitelist} from "../src/L2/DeployerWhitelist.sol";
import {L1Block} from "../src/L2/L1Block.sol";
import {L1BlockNumber} from "../src/L2/L1BlockNumber.sol";
import {LegacyMessagePasser} from "../src/L2/LegacyMessagePasser.sol";
import {Constants} from "../src/libraries/Constants.sol";
import {Test} from "./Test.sol";

/// @notice The predeploys that remain from before Bedrock.
contract LegacyPredeploysTest is Test {
    function testFuzz_l1BlockNumber_answersEveryCall(uint64 number, bytes4 selector) public {
        L1BlockNumber target = new L1BlockNumber();
        vm.etch(Constants.L1_BLOCK, address(new L1Block()).code);
        vm.store(Constants.L1_BLOCK, bytes32(0), bytes32(uint256(number)));
        vm.assertEq(target.getL1BlockNumber(), number);
        vm.assume(selector != L1BlockNumber.version.selector);
        (bool ok, bytes memory answer) = address(target).call(abi.encode(selector));
        vm.assertTrue(ok);
        vm.assertEq(answer, abi.encode(number));
        vm.deal(address(this), 1);
        (ok, answer) = address(target).call{value: 1}("");
        vm.assertTrue(ok);
        vm.assertEq(answer, abi.encode(number));
        vm.assertEq(target.version(), "1.1.0");
    }

    function testFuzz_messagePasser_recordsByMessageAndSender(bytes memory message) public {
        LegacyMessagePasser passer = new LegacyMessagePasser();
        vm.prank(address(1));
        passer.passMessageToL1(message);
        vm.assertTrue(passer.sentMessages(keccak256(abi.encodePacked(message, address(1)))));
        vm.assertFalse(passer.sentMessages(keccak256(abi.encodePacked(message, address(2)))));
        vm.assertEq(passer.version(), "1.1.0");
    }

    function testFuzz_whitelist_withoutAnOwnerAllowsAll(address anybody) public {
        DeployerWhitelist list = new DeployerWhitelist();
        vm.assertTrue(list.isDeployerAllowed(anybody));
        vm.assume(anybody != address(0));
        bytes memory reason = abi.encodeWithSelector(DeployerWhitelist.NotOwner.selector);
        vm.expectRevert(reason);
        vm.prank(anybody);
        list.setOwner(anybody);
        vm.expectRevert(reason);
        vm.prank(anybody);
        list.setWhitelistedDeployer(anybody, true);
        vm.expectRevert(reason);
        vm.prank(anybody);
        list.enableArbitraryContractDeployment();
        vm.assertEq(list.version(), "1.1.0");
    }

    function test_whitelist_withAnOwnerAllowsWhomHeLists() public {
        DeployerWhitelist list = new DeployerWhitelist();
        vm.store(address(list), bytes32(0), bytes32(uint256(7)));
        vm.prank(address(7));
        list.setWhitelistedDeployer(address(8), true);
        vm.assertTrue(list.isDeployerAllowed(address(8)));
        vm.assertFalse(list.isDeployerAllowed(address(9)));
        vm.expectRevert(abi.encodeWithSelector(DeployerWhitelist.NoOwner.selector));
        vm.prank(address(7));
        list.setOwner(address(0));
        vm.prank(address(7));
        list.setOwner(address(10));
        vm.prank(address(10));
        list.enableArbitraryContractDeployment();
        vm.assertEq(list.owner(), address(0));
        vm.assertTrue(list.isDeployerAllowed(address(9)));
    }
}
