// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {GasPriceOracle} from "../src/L2/GasPriceOracle.sol";
import {L1Block} from "../src/L2/L1Block.sol";
import {Constants} from "../src/libraries/Constants.sol";
import {FastLZ} from "../src/libraries/FastLZ.sol";
import {Test} from "./Test.sol";

contract GasPriceOracleTest is Test {
    GasPriceOracle internal oracle;

    function setUp() public {
        oracle = new GasPriceOracle();
        vm.etch(Constants.L1_BLOCK, address(new L1Block()).code);
    }

    // Genesis writes the flags without the contract's help (OP Stack specs, Isthmus).
    function test_flags_areTheLowBytesOfSlotZero() public {
        vm.store(address(oracle), bytes32(0), bytes32(uint256(0x000001)));
        vm.assertTrue(oracle.isEcotone() && !oracle.isFjord() && !oracle.isIsthmus());
        vm.store(address(oracle), bytes32(0), bytes32(uint256(0x000100)));
        vm.assertTrue(!oracle.isEcotone() && oracle.isFjord() && !oracle.isIsthmus());
        vm.store(address(oracle), bytes32(0), bytes32(uint256(0x010101)));
        vm.assertTrue(oracle.isEcotone() && oracle.isFjord() && oracle.isIsthmus());
        vm.assertFalse(oracle.isJovian());
    }

    // Lengths that go-ethereum's fork for the OP Stack asserts in TestFlzCompressLen.
    function test_fastLZ_hasTheLengthsOfTheReference() public pure {
        vm.assertEq(FastLZ.compressedLength(""), 0);
        vm.assertEq(FastLZ.compressedLength(_repeat(0x01, 1000)), 21);
        vm.assertEq(FastLZ.compressedLength(_repeat(0x00, 1000)), 21);
        vm.assertEq(
            FastLZ.compressedLength(
                hex"dd80808094095e7baea6a6c7c4c2dfeb977efac326af552d878080808080"
            ),
            31
        );
    }

    // The table lies behind the data, in memory that an earlier use may have left dirty.
    function testFuzz_fastLZ_forgetsWhatItReadBefore(bytes memory data) public pure {
        uint256 fresh = FastLZ.compressedLength(data);
        FastLZ.compressedLength(_repeat(0xab, 5000));
        vm.assertEq(FastLZ.compressedLength(data), fresh);
    }

    function testFuzz_fastLZ_equalsThePlainAlgorithm(bytes memory data, uint8 period) public pure {
        vm.assertEq(FastLZ.compressedLength(data), _plainLength(data));
        bytes memory echoing = bytes.concat(data, _repeat(period, period), data, data);
        vm.assertEq(FastLZ.compressedLength(echoing), _plainLength(echoing));
    }

    // The reference's TestFjordL1CostFuncMinimumBounds: any compressed length of up to 170 bytes
    // costs 3203000 wei and 1600 gas under these parameters.
    function test_l1Fee_isTheReferencesAtTheLeastSize() public {
        _setL1(1e9, 1e7, 2, 3);
        vm.assertEq(oracle.getL1Fee(""), 3203000);
        vm.assertEq(oracle.getL1Fee(_repeat(0x01, 1000)), 3203000);
        vm.assertEq(oracle.getL1FeeUpperBound(0), 3203000);
        vm.assertEq(oracle.getL1GasUsed(""), 1600);
    }

    // The reference's TestFjordL1CostSolidityParity: a compressed length of 235, which it adds up
    // from 167 for the transaction without signature and 68 for the signature.
    function test_l1Fee_isTheReferencesOfALongTransaction() public {
        _setL1(2e6, 3e6, 20, 15);
        bytes memory data = _incompressible(167 - 6);
        vm.assertEq(FastLZ.compressedLength(data), 167);
        vm.assertEq(oracle.getL1Fee(data), 105484);
        vm.assertEq(oracle.getL1GasUsed(data), 2463);
    }

    // The specification's formula by hand: 187 + 68 = 255 bytes, at worst 255 + 255 / 255 + 16 = 272
    // after FastLZ, so 836500 * 272 - 42585600 = 184942400 millionths of a byte at 685e6 wei.
    function test_l1FeeUpperBound_isThatOfTheSpecification() public {
        _setL1(2e6, 3e6, 20, 15);
        vm.assertEq(oracle.getL1FeeUpperBound(187), 126685);
    }

    function testFuzz_l1Fee_takesTheLargestScalars(uint32 base, uint32 blob) public {
        _setL1(type(uint96).max, type(uint96).max, base, blob);
        uint256 perByte = (16 * uint256(base) + blob) * type(uint96).max;
        vm.assertEq(oracle.getL1Fee(""), 100e6 * perByte / 1e12);
    }

    // Values of the Isthmus formula, gas * scalar / 1e6 + constant, in whole numbers.
    function test_operatorFee_isThatOfTheProtocol() public {
        _setOperatorFee(5_000_000, 1);
        vm.assertEq(oracle.getOperatorFee(type(uint64).max), 92233720368547758076);
        _setOperatorFee(1, 0);
        vm.assertEq(oracle.getOperatorFee(type(uint64).max), 18446744073709);
        _setOperatorFee(0, type(uint64).max);
        vm.assertEq(oracle.getOperatorFee(0), type(uint64).max);
        _setOperatorFee(type(uint32).max, 1);
        vm.assertEq(oracle.getOperatorFee(30_000_000), 128849018851);
    }

    function test_operatorFee_stopsAtTheLargestNumber() public {
        _setOperatorFee(type(uint32).max, type(uint64).max);
        vm.assertEq(
            oracle.getOperatorFee(type(uint256).max), type(uint256).max / 1e6 + type(uint64).max
        );
    }

    function test_getters_sayWhatL1BlockSays() public {
        _setL1(11, 22, 33, 44);
        vm.fee(55);
        vm.assertEq(oracle.l1BaseFee(), 11);
        vm.assertEq(oracle.blobBaseFee(), 22);
        vm.assertEq(oracle.baseFeeScalar(), 33);
        vm.assertEq(oracle.blobBaseFeeScalar(), 44);
        vm.assertEq(oracle.gasPrice(), 55);
        vm.assertEq(oracle.baseFee(), 55);
        vm.assertEq(oracle.decimals(), 6);
        vm.assertEq(oracle.DECIMALS(), 6);
        vm.assertEq(oracle.version(), "1.4.0");
    }

    function test_valuesOfOldFormulas_areRefused() public {
        vm.expectRevert(abi.encodeWithSelector(GasPriceOracle.Deprecated.selector));
        oracle.overhead();
        vm.expectRevert(abi.encodeWithSelector(GasPriceOracle.Deprecated.selector));
        oracle.scalar();
    }

    // Selectors as clients have them compiled in.
    function test_selectors_areThoseOfClients() public pure {
        vm.assertEq(bytes32(GasPriceOracle.getL1Fee.selector), bytes32(bytes4(0x49948e0e)));
        vm.assertEq(bytes32(GasPriceOracle.getL1GasUsed.selector), bytes32(bytes4(0xde26c4a1)));
        vm.assertEq(
            bytes32(GasPriceOracle.getL1FeeUpperBound.selector), bytes32(bytes4(0xf1c7a58b))
        );
        vm.assertEq(bytes32(GasPriceOracle.l1BaseFee.selector), bytes32(bytes4(0x519b4bd3)));
    }

    // A whole transaction of the largest size that nodes accept must fit the gas of a simulation.
    function test_l1Fee_ofTheLargestTransactionCostsLessThanASimulationMay() public {
        _setL1(1e9, 1e7, 1368, 810949);
        bytes memory data = _incompressible(131072);
        uint256 before = gasleft();
        oracle.getL1Fee(data);
        vm.assertTrue(before - gasleft() < 50_000_000);
    }

    function _setL1(uint256 baseFee, uint256 blobBaseFee, uint32 base, uint32 blob) private {
        bytes memory data = abi.encodePacked(
            Constants.SELECTOR_SET_L1_BLOCK_VALUES_ISTHMUS,
            base,
            blob,
            uint64(0),
            uint64(0),
            uint64(0),
            baseFee,
            blobBaseFee,
            bytes32(0),
            bytes32(0),
            uint32(0),
            uint64(0)
        );
        _asDepositor(data);
    }

    function _setOperatorFee(uint32 operatorScalar, uint64 operatorConstant) private {
        _asDepositor(
            bytes.concat(
                abi.encodePacked(Constants.SELECTOR_SET_L1_BLOCK_VALUES_ISTHMUS),
                new bytes(160),
                abi.encodePacked(operatorScalar, operatorConstant)
            )
        );
    }

    function _asDepositor(bytes memory data) private {
        vm.prank(Constants.L1_ATTRIBUTES_DEPOSITOR);
        (bool ok,) = Constants.L1_BLOCK.call(data);
        vm.assertTrue(ok);
    }

    function _repeat(uint8 value, uint256 count) private pure returns (bytes memory data) {
        data = new bytes(count);
        for (uint256 i = 0; i < count; ++i) {
            data[i] = bytes1(value);
        }
    }

    function _incompressible(uint256 length) private pure returns (bytes memory data) {
        data = new bytes(length);
        for (uint256 i = 0; i < length; i += 32) {
            bytes32 word = keccak256(abi.encode(i));
            for (uint256 j = 0; j < 32 && i + j < length; ++j) {
                data[i + j] = word[j];
            }
        }
    }

    // FastLZ level 1 as the specification words it, with plain arrays.
    function _plainLength(bytes memory b) private pure returns (uint256 n) {
        uint256[] memory table = new uint256[](8192);
        uint256 limit = b.length < 13 ? 0 : b.length - 13;
        uint256 anchor = 0;
        uint256 ip = 2;
        while (ip < limit) {
            uint256 ref;
            bool inside = true;
            while (true) {
                uint256 h = _hash(_load24(b, ip));
                ref = table[h];
                table[h] = ip;
                if (ip >= limit) {
                    inside = false;
                    break;
                }
                ++ip;
                if (ip - 1 - ref <= 0x1fff && _load24(b, ip - 1) == _load24(b, ref)) break;
            }
            if (!inside || ip >= limit) break;
            --ip;
            n += _literals(ip - anchor);
            uint256 count = 0;
            while (count < limit + 9 - (ip + 3)) {
                ++count;
                if (b[ref + 2 + count] != b[ip + 2 + count]) break;
            }
            n += 3 * ((count - 1) / 262) + ((count - 1) % 262 >= 6 ? 3 : 2);
            ip += count;
            table[_hash(_load24(b, ip))] = ip;
            ++ip;
            table[_hash(_load24(b, ip))] = ip;
            ++ip;
            anchor = ip;
        }
        n += _literals(b.length - anchor);
    }

    function _load24(bytes memory b, uint256 index) private pure returns (uint256) {
        return uint256(uint8(b[index])) + uint256(uint8(b[index + 1])) * 256
            + uint256(uint8(b[index + 2])) * 65536;
    }

    function _hash(uint256 sequence) private pure returns (uint256) {
        return (2654435769 * sequence % 2 ** 32 / 2 ** 19) % 8192;
    }

    function _literals(uint256 run) private pure returns (uint256) {
        return 33 * (run / 32) + (run % 32 == 0 ? 0 : run % 32 + 1);
    }
}
