// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {SuperchainConfig} from "../src/L1/SuperchainConfig.sol";
import {Settlement} from "./settlement/Settlement.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";

contract SuperchainConfigTest is Settlement {
    address private constant CHAIN = address(0xc4a1);

    function test_initialize_worksOnce() public {
        vm.assertEq(superchain.guardian(), GUARDIAN);
        vm.assertEq(superchain.pauseExpiry(), PAUSE_EXPIRY);
        vm.assertEq(superchain.version(), "2.0.0");
        vm.prank(OWNER);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        superchain.initialize(USER);
        SuperchainConfig implementation = new SuperchainConfig(1);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        implementation.initialize(USER);
    }

    function test_pause_isTheGuardiansAlone() public {
        vm.startPrank(USER);
        vm.expectRevert(SuperchainConfig.SuperchainConfig_OnlyGuardian.selector);
        superchain.pause(CHAIN);
        vm.expectRevert(SuperchainConfig.SuperchainConfig_OnlyGuardian.selector);
        superchain.unpause(CHAIN);
        vm.expectRevert(SuperchainConfig.SuperchainConfig_OnlyGuardian.selector);
        superchain.extend(CHAIN);
        vm.stopPrank();
    }

    function test_pause_ofOneChainLeavesTheOthers() public {
        vm.prank(GUARDIAN);
        superchain.pause(CHAIN);
        vm.assertTrue(superchain.paused(CHAIN));
        vm.assertFalse(superchain.paused());
        vm.assertFalse(superchain.paused(address(0)));
        vm.assertFalse(superchain.paused(USER));
        vm.prank(GUARDIAN);
        superchain.unpause(CHAIN);
        vm.assertFalse(superchain.paused(CHAIN));
    }

    function test_pause_ofEverythingHoldsForEachChain() public {
        vm.prank(GUARDIAN);
        superchain.pause(address(0));
        vm.assertTrue(superchain.paused());
        vm.assertTrue(superchain.paused(address(0)));
        vm.assertTrue(superchain.paused(CHAIN));
    }

    function test_pause_endsByItselfAndIsNotRenewed() public {
        vm.startPrank(GUARDIAN);
        superchain.pause(CHAIN);
        vm.assertEq(superchain.expiration(CHAIN), block.timestamp + PAUSE_EXPIRY);
        vm.warp(block.timestamp + PAUSE_EXPIRY - 1);
        vm.assertTrue(superchain.paused(CHAIN));
        vm.warp(block.timestamp + 1);
        vm.assertFalse(superchain.paused(CHAIN));
        vm.assertFalse(superchain.pausable(CHAIN));
        vm.expectRevert(
            abi.encodeWithSelector(SuperchainConfig.SuperchainConfig_AlreadyPaused.selector, CHAIN)
        );
        superchain.pause(CHAIN);
        superchain.unpause(CHAIN);
        vm.assertTrue(superchain.pausable(CHAIN));
        vm.assertEq(superchain.expiration(CHAIN), 0);
        superchain.pause(CHAIN);
        vm.assertTrue(superchain.paused(CHAIN));
        vm.stopPrank();
    }

    function test_extend_startsThePauseAnew() public {
        vm.startPrank(GUARDIAN);
        vm.expectRevert(
            abi.encodeWithSelector(
                SuperchainConfig.SuperchainConfig_NotAlreadyPaused.selector, CHAIN
            )
        );
        superchain.extend(CHAIN);
        superchain.pause(CHAIN);
        vm.warp(block.timestamp + PAUSE_EXPIRY - 1);
        superchain.extend(CHAIN);
        vm.warp(block.timestamp + PAUSE_EXPIRY - 1);
        vm.assertTrue(superchain.paused(CHAIN));
        vm.stopPrank();
    }
}
