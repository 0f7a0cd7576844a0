// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {OptimismPortal2} from "../src/L1/OptimismPortal2.sol";
import {ResourceMetering} from "../src/L1/ResourceMetering.sol";
import {Settlement} from "./settlement/Settlement.sol";

contract Depositor {
    function deposit(OptimismPortal2 portal) external payable {
        portal.depositTransaction{value: msg.value}(address(1), 2, 100_000, false, hex"03");
    }
}

contract DepositsTest is Settlement {
    event TransactionDeposited(
        address indexed from, address indexed to, uint256 indexed version, bytes opaqueData
    );

    function setUp() public override {
        super.setUp();
        vm.fee(1 gwei);
    }

    function test_event_hasThePublishedTopic() public pure {
        vm.assertEq(
            TransactionDeposited.selector,
            0xb3813568d9991fc951961fcb4c784893574240a28925604d09fc577c55bb7c32
        );
        vm.assertEq(
            bytes32(OptimismPortal2.depositTransaction.selector), bytes32(bytes4(0xe9e05c42))
        );
    }

    function testFuzz_deposit_announcesItself(
        address to,
        uint256 value,
        uint256 mint,
        uint64 gasLimit,
        bool isCreation,
        bytes memory data
    ) public {
        if (isCreation) to = address(0);
        mint = _bound(mint, 0, 1000 ether);
        gasLimit = uint64(_bound(gasLimit, 21_000 + 40 * data.length, 1_000_000));
        uint256 before = address(portal).balance;
        vm.expectEmit(address(portal));
        emit TransactionDeposited(
            USER, to, 0, abi.encodePacked(mint, value, gasLimit, isCreation, data)
        );
        vm.prank(USER, USER);
        portal.depositTransaction{value: mint}(to, value, gasLimit, isCreation, data);
        vm.assertEq(address(portal).balance, before + mint);
    }

    function test_receive_depositsToTheSender() public {
        vm.expectEmit(address(portal));
        emit TransactionDeposited(
            USER,
            USER,
            0,
            abi.encodePacked(uint256(1 ether), uint256(1 ether), uint64(100_000), false)
        );
        vm.prank(USER, USER);
        (bool success,) = address(portal).call{value: 1 ether}("");
        vm.assertTrue(success);
    }

    function test_donate_announcesNothing() public {
        vm.recordLogs();
        vm.prank(USER);
        portal.donateETH{value: 3}();
        vm.assertEq(vm.getRecordedLogs().length, 0);
        vm.assertEq(address(portal).balance, 3);
    }

    function test_deposit_aliasesContracts() public {
        // op-chain-ops/crossdomain/alias_test.go, first case.
        address l1 = 0x24EB0F74A434b2f4F07744652630cE90367aAb71;
        address l2 = 0x35Fc0F74a434b2F4f07744652630ce90367Abc82;
        vm.etch(l1, type(Depositor).runtimeCode);
        vm.expectEmit(address(portal));
        emit TransactionDeposited(
            l2,
            address(1),
            0,
            abi.encodePacked(uint256(5), uint256(2), uint64(100_000), false, hex"03")
        );
        vm.prank(USER, USER);
        Depositor(l1).deposit{value: 5}(portal);
    }

    /// An account that delegates to a contract holds its key on L2 as well (EIP-7702).
    function test_deposit_doesNotAliasDelegatedAccounts() public {
        address account = address(0x7702);
        Depositor code = new Depositor();
        vm.etch(account, abi.encodePacked(hex"ef0100", address(code)));
        vm.expectEmit(address(portal));
        emit TransactionDeposited(
            account,
            address(1),
            0,
            abi.encodePacked(uint256(0), uint256(2), uint64(100_000), false, hex"03")
        );
        vm.prank(USER, USER);
        Depositor(account).deposit(portal);
    }

    function test_deposit_refusesTargetOfCreation() public {
        vm.expectRevert(OptimismPortal2.OptimismPortal_BadTarget.selector);
        portal.depositTransaction(address(1), 0, 100_000, true, "");
    }

    function testFuzz_deposit_refusesLittleGas(uint16 length) public {
        uint64 minimum = 21_000 + 40 * uint64(length);
        vm.assertEq(uint256(portal.minimumGasLimit(length)), minimum);
        vm.expectRevert(OptimismPortal2.OptimismPortal_GasLimitTooLow.selector);
        portal.depositTransaction(address(1), 0, minimum - 1, false, new bytes(length));
        portal.depositTransaction(address(1), 0, minimum, false, new bytes(length));
    }

    function test_deposit_refusesLargeCalldata() public {
        portal.depositTransaction(address(1), 0, 5_000_000, false, new bytes(120_000));
        vm.expectRevert(OptimismPortal2.OptimismPortal_CalldataTooLarge.selector);
        portal.depositTransaction(address(1), 0, 5_000_000, false, new bytes(120_001));
    }

    /// Nobody keeps deposits out, not even the guardian.
    function test_deposit_isNotPaused() public {
        vm.prank(GUARDIAN);
        superchain.pause(address(0));
        vm.prank(USER);
        portal.depositTransaction{value: 1}(USER, 1, 100_000, false, "");
        vm.assertEq(address(portal).balance, 1);
    }

    function test_market_startsAtItsFloor() public view {
        (uint128 price, uint64 bought, uint64 number) = portal.params();
        vm.assertEq(uint256(price), 1 gwei);
        vm.assertEq(uint256(bought), 0);
        vm.assertEq(uint256(number), 1000);
    }

    function test_market_sellsUpToItsLimit() public {
        vm.fee(10_000 gwei);
        portal.depositTransaction(address(1), 0, 12_000_000, false, "");
        portal.depositTransaction(address(1), 0, 8_000_000, false, "");
        vm.expectRevert(ResourceMetering.OutOfGas.selector);
        portal.depositTransaction(address(1), 0, 21_000, false, "");
        vm.roll(block.number + 1);
        portal.depositTransaction(address(1), 0, 21_000, false, "");
        vm.roll(block.number + 1);
        vm.expectRevert(ResourceMetering.OutOfGas.selector);
        portal.depositTransaction(address(1), 0, type(uint64).max, false, "");
    }

    /// The price against the formula of the specs (guaranteed gas market), block by block.
    function testFuzz_market_followsTheFormula(uint256 seed) public {
        vm.fee(1_000_000 gwei);
        (uint128 first,,) = portal.params();
        uint256 price = first;
        uint256 bought = 0;
        uint256 last = 1000;
        for (uint256 i = 0; i < 20; ++i) {
            uint256 random = uint256(keccak256(abi.encode(seed, i)));
            vm.roll(block.number + random % 4);
            uint256 amount = _bound(random >> 8, 21_000, random % 2 == 0 ? 20_000_000 : 4_000_000);
            if (block.number != last) {
                price = _modelPrice(price, bought, block.number - last);
                bought = 0;
                last = block.number;
            }
            if (bought + amount > 20_000_000) continue;
            bought += amount;
            portal.depositTransaction(address(1), 0, uint64(amount), false, "");
            (uint128 newPrice, uint64 newBought, uint64 number) = portal.params();
            vm.assertEq(uint256(newBought), bought);
            vm.assertEq(uint256(number), block.number);
            // The decay over empty blocks is reckoned with eighteen digits.
            vm.assertTrue(_near(newPrice, price));
            price = newPrice;
        }
    }

    function test_market_fallsToItsFloorOverAnyTime() public {
        vm.fee(1_000_000 gwei);
        for (uint256 i = 0; i < 10; ++i) {
            portal.depositTransaction(address(1), 0, 20_000_000, false, "");
            vm.roll(block.number + 1);
        }
        (uint128 high,,) = portal.params();
        vm.assertTrue(high > 10 gwei);
        vm.roll(type(uint64).max);
        portal.depositTransaction(address(1), 0, 21_000, false, "");
        (uint128 price,,) = portal.params();
        vm.assertEq(uint256(price), 1 gwei);
    }

    function testFuzz_deposit_burnsWhatItsGasCosts(uint64 gasLimit, uint64 basefee) public {
        gasLimit = uint64(_bound(gasLimit, 60_000, 2_000_000));
        basefee = uint64(_bound(basefee, 0, 100 gwei));
        vm.fee(basefee);
        uint256 due = uint256(gasLimit) * 1 gwei / (basefee > 1 gwei ? basefee : 1 gwei);
        // The first deposit opens accounts and slots, which costs gas of its own.
        portal.depositTransaction(address(1), 0, 21_000, false, "");
        uint256 before = gasleft();
        portal.depositTransaction(address(1), 0, gasLimit, false, "");
        uint256 used = before - gasleft();
        vm.assertTrue(used >= due);
        vm.assertTrue(used < due + 35_000);
    }

    function _modelPrice(uint256 price, uint256 bought, uint256 blocks)
        private
        pure
        returns (uint256)
    {
        int256 target = 2_000_000;
        int256 delta = int256(price) * (int256(bought) - target) / target / 8;
        price = _floor(uint256(int256(price) + delta));
        for (uint256 i = 1; i < blocks; ++i) {
            price = price * 7 / 8;
        }
        return _floor(price);
    }

    function _floor(uint256 price) private pure returns (uint256) {
        return price < 1 gwei ? 1 gwei : price;
    }

    function _near(uint256 left, uint256 right) private pure returns (bool) {
        return left > right ? left - right <= 4 : right - left <= 4;
    }
}
