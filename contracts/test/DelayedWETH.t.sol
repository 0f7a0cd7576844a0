// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {DelayedWETH} from "../src/dispute/DelayedWETH.sol";
import {Settlement} from "./settlement/Settlement.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";

contract DelayedWETHTest is Settlement {
    event Deposit(address indexed dst, uint256 wad);
    event Withdrawal(address indexed src, uint256 wad);

    function setUp() public override {
        super.setUp();
        vm.prank(USER);
        weth.deposit{value: 10 ether}();
    }

    function test_initialize_worksOnce() public {
        vm.assertEq(weth.owner(), OWNER);
        vm.assertEq(address(weth.systemConfig()), address(config));
        vm.assertEq(weth.delay(), WETH_DELAY);
        vm.assertEq(weth.name(), "Wrapped Ether");
        vm.assertEq(weth.symbol(), "WETH");
        vm.assertEq(uint256(weth.decimals()), 18);
        vm.assertEq(weth.version(), "1.5.0");
        vm.prank(OWNER);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        weth.initialize(USER, config);
        DelayedWETH implementation = new DelayedWETH(1);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        implementation.initialize(USER, config);
    }

    function test_deposit_wraps() public {
        vm.expectEmit(address(weth));
        emit Deposit(USER, 1 ether);
        vm.prank(USER);
        (bool success,) = address(weth).call{value: 1 ether}("");
        vm.assertTrue(success);
        vm.assertEq(weth.balanceOf(USER), 11 ether);
        vm.assertEq(weth.totalSupply(), 11 ether);
        vm.assertEq(address(weth).balance, 11 ether);
    }

    function test_withdraw_waitsForTheDelay() public {
        vm.startPrank(USER);
        vm.expectRevert(DelayedWETH.DelayedWETH_InsufficientUnlocked.selector);
        weth.withdraw(1 ether);
        weth.unlock(USER, 3 ether);
        (uint256 amount, uint256 timestamp) = weth.withdrawals(USER, USER);
        vm.assertEq(amount, 3 ether);
        vm.assertEq(timestamp, block.timestamp);
        vm.warp(block.timestamp + WETH_DELAY - 1);
        vm.expectRevert(DelayedWETH.DelayedWETH_DelayNotMet.selector);
        weth.withdraw(1 ether);
        vm.warp(block.timestamp + 1);
        uint256 before = USER.balance;
        vm.expectEmit(address(weth));
        emit Withdrawal(USER, 1 ether);
        weth.withdraw(1 ether);
        vm.assertEq(USER.balance, before + 1 ether);
        weth.withdraw(USER, 2 ether);
        vm.expectRevert(DelayedWETH.DelayedWETH_InsufficientUnlocked.selector);
        weth.withdraw(1);
        vm.assertEq(weth.balanceOf(USER), 7 ether);
        vm.stopPrank();
    }

    /// More may be unlocked than is there; no more comes out.
    function test_withdraw_isBoundedByTheBalance() public {
        vm.startPrank(USER);
        weth.unlock(USER, 20 ether);
        vm.warp(block.timestamp + WETH_DELAY);
        vm.expectRevert(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientBalance.selector, USER, 10 ether, 20 ether
            )
        );
        weth.withdraw(20 ether);
        vm.stopPrank();
    }

    function test_unlock_startsTheDelayAnew() public {
        vm.startPrank(USER);
        weth.unlock(USER, 1 ether);
        vm.warp(block.timestamp + WETH_DELAY);
        weth.unlock(USER, 1);
        vm.expectRevert(DelayedWETH.DelayedWETH_DelayNotMet.selector);
        weth.withdraw(1 ether);
        vm.stopPrank();
    }

    function test_withdraw_refusesWhilePaused() public {
        vm.startPrank(USER);
        weth.unlock(USER, 1 ether);
        vm.warp(block.timestamp + WETH_DELAY);
        vm.stopPrank();
        vm.prank(GUARDIAN);
        superchain.pause(address(0));
        vm.prank(USER);
        vm.expectRevert(DelayedWETH.DelayedWETH_Paused.selector);
        weth.withdraw(1 ether);
    }

    function test_hold_takesFromAHolder() public {
        vm.startPrank(OWNER);
        weth.hold(USER, 1 ether);
        vm.assertEq(weth.balanceOf(OWNER), 1 ether);
        weth.hold(USER);
        vm.assertEq(weth.balanceOf(OWNER), 10 ether);
        vm.assertEq(weth.balanceOf(USER), 0);
        vm.stopPrank();
    }

    function test_recover_takesWhatThereIs() public {
        vm.startPrank(OWNER);
        weth.recover(1 ether);
        vm.assertEq(OWNER.balance, 1 ether);
        weth.recover(100 ether);
        vm.assertEq(OWNER.balance, 10 ether);
        vm.stopPrank();
    }

    function test_owner_isAlone() public {
        bytes memory reason =
            abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, USER);
        vm.startPrank(USER);
        vm.expectRevert(reason);
        weth.recover(1);
        vm.expectRevert(reason);
        weth.hold(PROPOSER, 1);
        vm.expectRevert(reason);
        weth.hold(PROPOSER);
        vm.stopPrank();
    }
}
