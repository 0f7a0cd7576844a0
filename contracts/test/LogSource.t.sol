// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {LogSource} from "../src/test/LogSource.sol";
import {Test, Vm} from "./Test.sol";

contract LogSourceTest is Test {
    // Both hashes as the protocol states them.
    bytes32 internal constant TRANSACTION_DEPOSITED =
        0xb3813568d9991fc951961fcb4c784893574240a28925604d09fc577c55bb7c32;
    bytes32 internal constant CONFIG_UPDATE =
        0x1d2b0bda21d56b8bd12d4f94ebacffdfb35f5e226f84b461103bb8beab6353be;

    LogSource internal source;

    function setUp() public {
        source = new LogSource();
    }

    function test_interface_isThatOfTheProtocol() public pure {
        vm.assertEq(bytes32(LogSource.depositTransaction.selector), bytes32(bytes4(0xe9e05c42)));
        vm.assertEq(bytes32(LogSource.minimumGasLimit.selector), bytes32(bytes4(0xa35d99df)));
    }

    function testFuzz_emitTransactionDeposited_emitsAsGiven(
        address from,
        address to,
        uint256 version,
        bytes calldata opaqueData
    ) public {
        vm.recordLogs();
        source.emitTransactionDeposited(from, to, version, opaqueData);
        Vm.Log memory log = _onlyLog();
        _checkDeposit(log, from, to, version);
        vm.assertEq(log.data, abi.encode(opaqueData));
    }

    function testFuzz_emitConfigUpdate_emitsAsGiven(
        uint256 version,
        uint8 updateType,
        bytes calldata data
    ) public {
        vm.recordLogs();
        source.emitConfigUpdate(version, updateType, data);
        Vm.Log memory log = _onlyLog();
        vm.assertEq(log.topics.length, 3);
        vm.assertEq(log.topics[0], CONFIG_UPDATE);
        vm.assertEq(uint256(log.topics[1]), version);
        vm.assertEq(uint256(log.topics[2]), updateType);
        vm.assertEq(log.data, abi.encode(data));
    }

    function testFuzz_emitLog_emitsAsGiven(
        uint256 count,
        bytes32[4] calldata words,
        bytes calldata data
    ) public {
        bytes32[] memory topics = new bytes32[](_bound(count, 0, 4));
        for (uint256 i = 0; i < topics.length; ++i) {
            topics[i] = words[i];
        }
        vm.recordLogs();
        source.emitLog(topics, data);
        Vm.Log memory log = _onlyLog();
        vm.assertEq(abi.encode(log.topics), abi.encode(topics));
        vm.assertEq(log.data, data);
    }

    function test_emitLog_refusesFiveTopics() public {
        vm.expectRevert(abi.encodeWithSelector(LogSource.TooManyTopics.selector, 5));
        source.emitLog(new bytes32[](5), "");
    }

    function testFuzz_depositTransaction_packsTheCall(
        address sender,
        address to,
        uint128 mint,
        uint256 value,
        uint64 gasLimit,
        bytes calldata data
    ) public {
        gasLimit = uint64(_bound(gasLimit, 21_000 + 40 * data.length, type(uint64).max));
        vm.deal(sender, mint);
        vm.recordLogs();
        vm.prank(sender, sender);
        source.depositTransaction{value: mint}(to, value, gasLimit, false, data);
        Vm.Log memory log = _onlyLog();
        _checkDeposit(log, sender, to, 0);
        bytes memory opaqueData = abi.encodePacked(uint256(mint), value, gasLimit, uint8(0), data);
        vm.assertEq(log.data, abi.encode(opaqueData));
    }

    function test_depositTransaction_marksCreation() public {
        vm.recordLogs();
        source.depositTransaction(address(0), 7, 100_000, true, hex"00");
        bytes memory opaqueData =
            abi.encodePacked(uint256(0), uint256(7), uint64(100_000), uint8(1), hex"00");
        vm.assertEq(_onlyLog().data, abi.encode(opaqueData));
    }

    function testFuzz_depositTransaction_aliasesContracts(address sender, address origin) public {
        vm.assume(sender != origin);
        vm.recordLogs();
        vm.prank(sender, origin);
        source.depositTransaction(address(1), 0, 100_000, false, "");
        uint256 offset = uint160(0x1111000000000000000000000000000000001111);
        uint256 onL2 = addmod(uint160(sender), offset, uint256(1) << 160);
        vm.assertEq(uint256(_onlyLog().topics[1]), onL2);
    }

    function testFuzz_receive_depositsToSender(address sender, uint128 value) public {
        vm.deal(sender, value);
        vm.recordLogs();
        vm.prank(sender, sender);
        (bool success,) = address(source).call{value: value}("");
        vm.assertTrue(success);
        Vm.Log memory log = _onlyLog();
        _checkDeposit(log, sender, sender, 0);
        bytes memory opaqueData =
            abi.encodePacked(uint256(value), uint256(value), uint64(100_000), uint8(0));
        vm.assertEq(log.data, abi.encode(opaqueData));
    }

    function test_depositTransaction_refusesBadTarget() public {
        vm.expectRevert(abi.encodeWithSelector(LogSource.BadTarget.selector));
        source.depositTransaction(address(1), 0, 100_000, true, "");
    }

    function test_depositTransaction_refusesLittleGas() public {
        vm.expectRevert(abi.encodeWithSelector(LogSource.SmallGasLimit.selector, 21_080));
        source.depositTransaction(address(1), 0, 21_079, false, hex"0102");
    }

    function test_depositTransaction_refusesLargeCalldata() public {
        source.depositTransaction(address(1), 0, 10_000_000, false, new bytes(120_000));
        vm.expectRevert(abi.encodeWithSelector(LogSource.LargeCalldata.selector));
        source.depositTransaction(address(1), 0, 10_000_000, false, new bytes(120_001));
    }

    function _onlyLog() private returns (Vm.Log memory) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 1);
        vm.assertEq(logs[0].emitter, address(source));
        return logs[0];
    }

    function _checkDeposit(Vm.Log memory log, address from, address to, uint256 version)
        private
        pure
    {
        vm.assertEq(log.topics.length, 4);
        vm.assertEq(log.topics[0], TRANSACTION_DEPOSITED);
        vm.assertEq(uint256(log.topics[1]), uint160(from));
        vm.assertEq(uint256(log.topics[2]), uint160(to));
        vm.assertEq(uint256(log.topics[3]), version);
    }
}
