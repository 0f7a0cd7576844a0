// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {L1Block} from "../src/L2/L1Block.sol";
import {Test} from "./Test.sol";

contract L1BlockTest is Test {
    address internal constant DEPOSITOR = 0xDeaDDEaDDeAdDeAdDEAdDEaddeAddEAdDEAd0001;

    struct Values {
        uint32 baseFeeScalar;
        uint32 blobBaseFeeScalar;
        uint64 sequenceNumber;
        uint64 timestamp;
        uint64 number;
        uint256 basefee;
        uint256 blobBaseFee;
        bytes32 hash;
        bytes32 batcherHash;
        uint32 operatorFeeScalar;
        uint64 operatorFeeConstant;
    }

    L1Block internal l1Block;

    function setUp() public {
        l1Block = new L1Block();
    }

    // The selectors are those that the protocol names, not those of this file's spelling.
    function test_selectors_areThoseOfTheProtocol() public pure {
        vm.assertEq(bytes32(L1Block.setL1BlockValuesEcotone.selector), bytes32(bytes4(0x440a5e20)));
        vm.assertEq(bytes32(L1Block.setL1BlockValuesIsthmus.selector), bytes32(bytes4(0x098999be)));
    }

    function test_depositorAccount_isTheSystemAddress() public view {
        vm.assertEq(l1Block.DEPOSITOR_ACCOUNT(), DEPOSITOR);
    }

    function test_gasToken_isEther() public view {
        (address token, uint8 decimals) = l1Block.gasPayingToken();
        vm.assertEq(token, 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE);
        vm.assertEq(decimals, 18);
        vm.assertEq(l1Block.gasPayingTokenName(), "Ether");
        vm.assertEq(l1Block.gasPayingTokenSymbol(), "ETH");
        vm.assertFalse(l1Block.isCustomGasToken());
    }

    function testFuzz_isthmus_setsEveryGetterAndSlot(Values memory v) public {
        _send(_isthmus(v));
        _checkEcotone(v);
        vm.assertEq(l1Block.operatorFeeScalar(), v.operatorFeeScalar);
        vm.assertEq(l1Block.operatorFeeConstant(), v.operatorFeeConstant);
        uint256 slot8 = (uint256(v.operatorFeeScalar) << 64) | v.operatorFeeConstant;
        vm.assertEq(_slot(8), slot8);
    }

    function testFuzz_ecotone_leavesOperatorFee(Values memory before, Values memory v) public {
        _send(_isthmus(before));
        _send(_ecotone(0x440a5e20, v));
        _checkEcotone(v);
        vm.assertEq(l1Block.operatorFeeScalar(), before.operatorFeeScalar);
        vm.assertEq(l1Block.operatorFeeConstant(), before.operatorFeeConstant);
    }

    function testFuzz_otherSender_isRefused(address sender, Values memory v) public {
        vm.assume(sender != DEPOSITOR);
        _refused(sender, _isthmus(v), abi.encodeWithSelector(L1Block.NotDepositor.selector));
        bytes memory ecotone = _ecotone(0x440a5e20, v);
        _refused(sender, ecotone, abi.encodeWithSelector(L1Block.NotDepositor.selector));
        vm.assertEq(_slot(3), 0);
    }

    function testFuzz_wrongLength_isRefused(uint256 length, Values memory v) public {
        bytes memory data = abi.encodePacked(_isthmus(v), new bytes(64));
        length = _bound(length, 4, data.length);
        vm.assume(length != 176);
        assembly ("memory-safe") {
            mstore(data, length)
        }
        _refused(DEPOSITOR, data, abi.encodeWithSelector(L1Block.BadLength.selector, 176, length));
    }

    function _checkEcotone(Values memory v) private view {
        vm.assertEq(l1Block.number(), v.number);
        vm.assertEq(l1Block.timestamp(), v.timestamp);
        vm.assertEq(l1Block.basefee(), v.basefee);
        vm.assertEq(l1Block.hash(), v.hash);
        vm.assertEq(l1Block.sequenceNumber(), v.sequenceNumber);
        vm.assertEq(l1Block.baseFeeScalar(), v.baseFeeScalar);
        vm.assertEq(l1Block.blobBaseFeeScalar(), v.blobBaseFeeScalar);
        vm.assertEq(l1Block.batcherHash(), v.batcherHash);
        vm.assertEq(l1Block.blobBaseFee(), v.blobBaseFee);
        vm.assertEq(l1Block.l1FeeOverhead(), 0);
        vm.assertEq(l1Block.l1FeeScalar(), 0);
        // Byte positions in the big-endian word, as the protocol's table counts them.
        vm.assertEq(_slot(0), (uint256(v.timestamp) << (8 * 8)) | v.number);
        vm.assertEq(_slot(1), v.basefee);
        vm.assertEq(bytes32(_slot(2)), v.hash);
        uint256 scalars =
            (uint256(v.baseFeeScalar) << (8 * 12)) | (uint256(v.blobBaseFeeScalar) << (8 * 8));
        vm.assertEq(_slot(3), scalars | v.sequenceNumber);
        vm.assertEq(bytes32(_slot(4)), v.batcherHash);
        vm.assertEq(_slot(5), 0);
        vm.assertEq(_slot(6), 0);
        vm.assertEq(_slot(7), v.blobBaseFee);
    }

    function _ecotone(uint32 selector, Values memory v) private pure returns (bytes memory) {
        bytes memory head = abi.encodePacked(
            selector, v.baseFeeScalar, v.blobBaseFeeScalar, v.sequenceNumber, v.timestamp, v.number
        );
        return abi.encodePacked(head, v.basefee, v.blobBaseFee, v.hash, v.batcherHash);
    }

    function _isthmus(Values memory v) private pure returns (bytes memory) {
        return abi.encodePacked(_ecotone(0x098999be, v), v.operatorFeeScalar, v.operatorFeeConstant);
    }

    function _send(bytes memory data) private {
        vm.prank(DEPOSITOR);
        (bool success,) = address(l1Block).call(data);
        vm.assertTrue(success);
    }

    function _refused(address sender, bytes memory data, bytes memory reason) private {
        vm.prank(sender);
        (bool success, bytes memory result) = address(l1Block).call(data);
        vm.assertFalse(success);
        vm.assertEq(result, reason);
    }

    function _slot(uint256 slot) private view returns (uint256) {
        return uint256(vm.load(address(l1Block), bytes32(slot)));
    }
}
