// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {WETH} from "../src/L2/WETH.sol";
import {Test, Vm} from "./Test.sol";

/// @notice A holder that takes no ether, or withdraws again while it is paid.
contract Holder {
    WETH internal immutable TOKEN;
    uint256 internal again;
    bool internal refuses;

    constructor(WETH token) payable {
        TOKEN = token;
        token.deposit{value: msg.value}();
    }

    function redeem(uint256 wad, uint256 more, bool refuse) external {
        again = more;
        refuses = refuse;
        TOKEN.withdraw(wad);
    }

    receive() external payable {
        if (refuses) revert();
        uint256 more = again;
        again = 0;
        if (more > 0) TOKEN.withdraw(more);
    }
}

contract WETHTest is Test {
    WETH internal weth;
    address internal constant ALICE = address(0xa11ce);
    address internal constant BOB = address(0xb0b);

    function setUp() public {
        weth = new WETH();
        vm.deal(ALICE, 100 ether);
        vm.prank(ALICE);
        weth.deposit{value: 60 ether}();
    }

    function test_metadata_isThatOfWrappedEther() public view {
        vm.assertEq(weth.name(), "Wrapped Ether");
        vm.assertEq(weth.symbol(), "WETH");
        vm.assertEq(weth.decimals(), 18);
        vm.assertEq(weth.version(), "1.1.0");
    }

    function test_deposit_comesByAnyCall() public {
        vm.recordLogs();
        vm.prank(ALICE);
        (bool ok,) = address(weth).call{value: 1 ether}("");
        vm.assertTrue(ok);
        vm.prank(ALICE);
        (ok,) = address(weth).call{value: 2 ether}(hex"deadbeef");
        vm.assertTrue(ok);
        vm.assertEq(weth.balanceOf(ALICE), 63 ether);
        vm.assertEq(weth.totalSupply(), 63 ether);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 2);
        vm.assertEq(logs[1].topics[0], keccak256("Deposit(address,uint256)"));
        vm.assertEq(address(uint160(uint256(logs[1].topics[1]))), ALICE);
        vm.assertEq(logs[1].data, abi.encode(2 ether));
    }

    function testFuzz_withdraw_returnsTheEther(uint256 wad) public {
        wad = _bound(wad, 0, 60 ether);
        vm.recordLogs();
        vm.prank(ALICE);
        weth.withdraw(wad);
        vm.assertEq(ALICE.balance, 40 ether + wad);
        vm.assertEq(weth.balanceOf(ALICE), 60 ether - wad);
        vm.assertEq(weth.totalSupply(), 60 ether - wad);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs[0].topics[0], keccak256("Withdrawal(address,uint256)"));
    }

    function test_withdraw_refusesMoreThanThereIs() public {
        vm.expectRevert(
            abi.encodeWithSelector(WETH.InsufficientBalance.selector, 60 ether, 60 ether + 1)
        );
        vm.prank(ALICE);
        weth.withdraw(60 ether + 1);
    }

    function test_withdraw_takesNothingTwice() public {
        vm.deal(address(this), 10 ether);
        Holder holder = new Holder{value: 10 ether}(weth);
        // Ten are there; while six are paid, five more are asked for.
        vm.expectRevert(abi.encodeWithSelector(WETH.TransferFailed.selector));
        holder.redeem(6 ether, 5 ether, false);
        holder.redeem(6 ether, 4 ether, false);
        vm.assertEq(address(holder).balance, 10 ether);
        vm.assertEq(weth.balanceOf(address(holder)), 0);
        vm.assertEq(weth.totalSupply(), 60 ether);
    }

    function test_withdraw_keepsTheTokensOfAHolderWhoRefuses() public {
        vm.deal(address(this), 1 ether);
        Holder holder = new Holder{value: 1 ether}(weth);
        vm.expectRevert(abi.encodeWithSelector(WETH.TransferFailed.selector));
        holder.redeem(1 ether, 0, true);
        vm.assertEq(weth.balanceOf(address(holder)), 1 ether);
    }

    function testFuzz_transfer_movesTokens(uint256 wad) public {
        wad = _bound(wad, 0, 60 ether);
        vm.recordLogs();
        vm.prank(ALICE);
        vm.assertTrue(weth.transfer(BOB, wad));
        vm.assertEq(weth.balanceOf(ALICE) + weth.balanceOf(BOB), 60 ether);
        vm.assertEq(weth.balanceOf(BOB), wad);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs[0].topics[0], keccak256("Transfer(address,address,uint256)"));
        vm.assertEq(logs[0].data, abi.encode(wad));
    }

    function test_transfer_toOneselfChangesNothing() public {
        vm.prank(ALICE);
        weth.transfer(ALICE, 60 ether);
        vm.assertEq(weth.balanceOf(ALICE), 60 ether);
    }

    function testFuzz_transferFrom_usesUpTheAllowance(uint256 allowed, uint256 wad) public {
        allowed = _bound(allowed, 0, 60 ether);
        wad = _bound(wad, 0, allowed);
        vm.prank(ALICE);
        vm.assertTrue(weth.approve(BOB, allowed));
        vm.prank(BOB);
        weth.transferFrom(ALICE, BOB, wad);
        vm.assertEq(weth.allowance(ALICE, BOB), allowed - wad);
        vm.assertEq(weth.balanceOf(BOB), wad);
        vm.expectRevert(
            abi.encodeWithSelector(
                WETH.InsufficientAllowance.selector, allowed - wad, allowed - wad + 1
            )
        );
        vm.prank(BOB);
        weth.transferFrom(ALICE, BOB, allowed - wad + 1);
    }

    function test_transferFrom_neverUsesUpTheLargestAllowance() public {
        vm.prank(ALICE);
        weth.approve(BOB, type(uint256).max);
        vm.prank(BOB);
        weth.transferFrom(ALICE, BOB, 60 ether);
        vm.assertEq(weth.allowance(ALICE, BOB), type(uint256).max);
    }
}
