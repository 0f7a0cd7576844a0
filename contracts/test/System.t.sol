// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "./Test.sol";

/// @title FileVm
/// @notice The cheatcodes that read the committed artifacts.
interface FileVm {
    function etch(address account, bytes calldata code) external;
    function parseJsonAddress(string calldata json, string calldata key)
        external
        pure
        returns (address);
    function parseJsonBytes(string calldata json, string calldata key)
        external
        pure
        returns (bytes memory);
    function readFile(string calldata path) external view returns (string memory);
    function warp(uint256 timestamp) external;
    function roll(uint256 number) external;
}

/// @notice Runs the published code of the system contracts as artifacts/system holds it.
contract SystemTest is Test {
    address internal constant SYSTEM = 0xffffFFFfFFffffffffffffffFfFFFfffFFFfFFfE;
    FileVm internal constant files = FileVm(address(vm));

    function test_beaconRoots_storesAndAnswers() public {
        address target = _place("BeaconRoots", 0x000F3df6D732807Ef1319fB7B8bB8522d0Beac02);
        // EIP-4788's own code, hashed; the value is the one that block explorers and clients show.
        vm.assertEq(
            target.codehash, 0xf57acd40259872606d76197ef052f3d35588dadf919ee1f0e3cb9b62d3f4b02c
        );
        files.warp(1_700_000_000);
        _systemCall(target, abi.encode(keccak256("root")));
        vm.assertEq(_call(target, abi.encode(1_700_000_000)), abi.encode(keccak256("root")));
        (bool success,) = target.call(abi.encode(1_699_999_999));
        vm.assertFalse(success);
    }

    function test_historyStorage_storesAndAnswers() public {
        address target = _place("HistoryStorage", 0x0000F90827F1C53a10cb7A02335B175320002935);
        // The hash that the rollup protocol states for its Isthmus upgrade.
        vm.assertEq(
            target.codehash, 0x6e49e66782037c0555897870e29fa5e552daf4719552131a0abce779daec0a5d
        );
        files.roll(1000);
        _systemCall(target, abi.encode(keccak256("parent")));
        vm.assertEq(_call(target, abi.encode(999)), abi.encode(keccak256("parent")));
        (bool success,) = target.call(abi.encode(1000));
        vm.assertFalse(success);
    }

    function test_withdrawalRequests_queueAndDequeue() public {
        address target = _place("WithdrawalRequests", 0x00000961Ef480Eb55e80D19ad83579A64c007002);
        vm.assertEq(_call(target, ""), abi.encode(1));
        bytes memory request = abi.encodePacked(new bytes(48), uint64(32));
        (bool success,) = target.call{value: 1}(request);
        vm.assertTrue(success);
        // EIP-7002: a dequeued request is source address, key, amount as little-endian u64.
        bytes memory expected =
            abi.encodePacked(address(this), new bytes(48), hex"2000000000000000");
        vm.assertEq(_systemCall(target, ""), expected);
        vm.assertEq(_systemCall(target, ""), "");
    }

    function test_consolidationRequests_queueAndDequeue() public {
        address target = _place("ConsolidationRequests", 0x0000BBdDc7CE488642fb579F8B00f3a590007251);
        vm.assertEq(_call(target, ""), abi.encode(1));
        bytes memory request = abi.encodePacked(keccak256("source"), keccak256("target"));
        request = abi.encodePacked(request, new bytes(32));
        (bool success,) = target.call{value: 1}(request);
        vm.assertTrue(success);
        // EIP-7251: a dequeued request is source address, source key, target key.
        vm.assertEq(_systemCall(target, ""), abi.encodePacked(address(this), request));
        vm.assertEq(_systemCall(target, ""), "");
    }

    function _place(string memory name, address expected) private returns (address target) {
        string memory json = files.readFile(string.concat("artifacts/system/", name, ".json"));
        target = files.parseJsonAddress(json, ".address");
        vm.assertEq(target, expected);
        files.etch(target, files.parseJsonBytes(json, ".deployedBytecode"));
    }

    function _systemCall(address target, bytes memory data) private returns (bytes memory) {
        vm.prank(SYSTEM);
        return _call(target, data);
    }

    function _call(address target, bytes memory data) private returns (bytes memory) {
        (bool success, bytes memory result) = target.call(data);
        vm.assertTrue(success);
        return result;
    }
}
