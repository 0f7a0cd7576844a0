// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RISCV} from "../src/vm/RISCV.sol";
import {IPreimageOracle} from "../src/vm/interfaces/IPreimageOracle.sol";
import {Test} from "./Test.sol";

/// @title OneAnswer
/// @notice An oracle that holds the one part that it was told.
contract OneAnswer {
    bytes32 private _key;
    uint256 private _offset;
    bytes32 private _part;
    uint256 private _count;
    bool private _isLoaded;

    function set(bool isLoaded, bytes32 key, uint256 offset, bytes32 part, uint256 count) external {
        _isLoaded = isLoaded;
        _key = key;
        _offset = offset;
        _part = part;
        _count = count;
    }

    function readPreimage(bytes32 key, uint256 offset) external view returns (bytes32, uint256) {
        require(_isLoaded && key == _key && offset == _offset);
        return (_part, _count);
    }
}

/**
 * @title RISCVCasesTest
 * @notice The steps that tests/conformance/test_vm_contract.c has written to the file that
 * VD_VM_CASES names, which has their form; tests/conformance/vm-forge runs both.
 */
contract RISCVCasesTest is Test {
    RISCV private riscv;
    OneAnswer private oracle;

    /// @dev What forge shows under this name.
    event log_named_uint(string text, uint256 count);

    function setUp() public {
        oracle = new OneAnswer();
        riscv = new RISCV(IPreimageOracle(address(oracle)));
    }

    function test_cases_areThoseOfTheOtherMachines() public {
        string memory path = vm.envOr("VD_VM_CASES", string(""));
        uint256 count = 0;
        if (bytes(path).length > 0) {
            while (this.next(path)) count++;
            vm.assertTrue(count > 1000);
            emit log_named_uint("cases", count);
        } else {
            emit log_named_uint("SKIPPED: VD_VM_CASES not set", 0);
        }
    }

    /// @dev A call of its own for each line, so that memory does not grow.
    function next(string calldata path) external returns (bool) {
        string memory line = vm.readLine(path);
        if (bytes(line).length == 0) return false;
        this.check(vm.parseBytes(line));
        return true;
    }

    function check(bytes calldata c) external {
        uint256 offset = uint32(bytes4(c[33:37]));
        uint256 end = uint256(uint64(bytes8(c[37:45]))) + 8;
        uint256 left = offset < end ? end - offset : 0;
        oracle.set(c[0] == 0x01, bytes32(c[1:33]), offset, bytes32(c[45:77]), left < 32 ? left : 32);
        bytes32 expected = bytes32(c[129:161]);
        vm.prank(address(bytes20(c[77:97])));
        try riscv.step(c[161:459], c[459:], bytes32(c[97:129])) returns (bytes32 got) {
            vm.assertEq(got, expected);
        } catch {
            vm.assertEq(expected, bytes32(0));
        }
    }
}
