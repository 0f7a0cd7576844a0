// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Constants} from "../libraries/Constants.sol";

/**
 * @title L1Block
 * @notice The L1 attributes predeploy at 0x4200000000000000000000000000000000000015: what L2 knows
 * of L1, written by the first transaction of every L2 block.
 *
 * The execution engine reads the fee parameters from storage directly, so the layout is part of
 * the protocol (OP Stack specs, Isthmus L1 attributes):
 *
 * | slot | content, from the least significant byte up                            |
 * |------|------------------------------------------------------------------------|
 * | 0    | number (8), timestamp (8)                                              |
 * | 1    | basefee                                                                |
 * | 2    | hash                                                                   |
 * | 3    | sequenceNumber (8), blobBaseFeeScalar (4), baseFeeScalar (4)           |
 * | 4    | batcherHash                                                            |
 * | 5, 6 | l1FeeOverhead, l1FeeScalar: before Ecotone, zero on this chain         |
 * | 7    | blobBaseFee                                                            |
 * | 8    | operatorFeeConstant (8), operatorFeeScalar (4)                         |
 */
contract L1Block {
    /// @notice The only sender that may set the values: a system address nobody has a key for.
    address public constant DEPOSITOR_ACCOUNT = Constants.L1_ATTRIBUTES_DEPOSITOR;

    /// @notice Number of the L1 origin.
    uint64 public number;

    /// @notice Timestamp of the L1 origin, in seconds.
    uint64 public timestamp;

    /// @notice Base fee of the L1 origin, in wei per gas.
    uint256 public basefee;

    /// @notice Hash of the L1 origin.
    bytes32 public hash;

    /// @notice Distance of this L2 block from the first block of its epoch.
    uint64 public sequenceNumber;

    /// @notice Scalar on the L1 blob base fee in the L1 data fee.
    uint32 public blobBaseFeeScalar;

    /// @notice Scalar on the L1 base fee in the L1 data fee.
    uint32 public baseFeeScalar;

    /// @notice The batcher's address, left-padded to 32 bytes.
    bytes32 public batcherHash;

    /// @notice Overhead of the fee formula before Ecotone.
    uint256 public l1FeeOverhead;

    /// @notice Scalar of the fee formula before Ecotone.
    uint256 public l1FeeScalar;

    /// @notice Blob base fee of the L1 origin, in wei per blob gas.
    uint256 public blobBaseFee;

    /// @notice Constant part of the operator fee, in wei.
    uint64 public operatorFeeConstant;

    /// @notice Operator fee per gas, in millionths of a wei.
    uint32 public operatorFeeScalar;

    /// @notice The caller is not the depositor account.
    error NotDepositor();

    /// @notice The packed calldata does not have the length of its form.
    error BadLength(uint256 expected, uint256 actual);

    modifier onlyDepositor() {
        if (msg.sender != DEPOSITOR_ACCOUNT) revert NotDepositor();
        _;
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "1.0.0";
    }

    /// @notice Token that pays for gas: always ether, by its conventional address, and its decimals.
    function gasPayingToken() external pure returns (address, uint8) {
        return (Constants.ETHER_TOKEN, 18);
    }

    /// @notice Name of the token that pays for gas.
    function gasPayingTokenName() external pure returns (string memory) {
        return "Ether";
    }

    /// @notice Symbol of the token that pays for gas.
    function gasPayingTokenSymbol() external pure returns (string memory) {
        return "ETH";
    }

    /// @notice Whether a token other than ether pays for gas.
    function isCustomGasToken() external pure returns (bool) {
        return false;
    }

    /**
     * @notice Sets the values of a block under Ecotone rules.
     *
     * The arguments are packed behind the selector and not ABI-encoded:
     * baseFeeScalar u32, blobBaseFeeScalar u32, sequenceNumber u64, timestamp u64, number u64,
     * basefee u256, blobBaseFee u256, hash, batcherHash.
     */
    function setL1BlockValuesEcotone() external onlyDepositor {
        _requireLength(164);
        _setEcotoneValues();
    }

    /**
     * @notice Sets the values of a block under Isthmus rules: those of Ecotone, then
     * operatorFeeScalar u32 and operatorFeeConstant u64, all packed.
     */
    function setL1BlockValuesIsthmus() external onlyDepositor {
        _requireLength(176);
        _setEcotoneValues();
        operatorFeeScalar = uint32(bytes4(msg.data[164:168]));
        operatorFeeConstant = uint64(bytes8(msg.data[168:176]));
    }

    function _setEcotoneValues() private {
        baseFeeScalar = uint32(bytes4(msg.data[4:8]));
        blobBaseFeeScalar = uint32(bytes4(msg.data[8:12]));
        sequenceNumber = uint64(bytes8(msg.data[12:20]));
        timestamp = uint64(bytes8(msg.data[20:28]));
        number = uint64(bytes8(msg.data[28:36]));
        basefee = uint256(bytes32(msg.data[36:68]));
        blobBaseFee = uint256(bytes32(msg.data[68:100]));
        hash = bytes32(msg.data[100:132]);
        batcherHash = bytes32(msg.data[132:164]);
    }

    function _requireLength(uint256 expected) private pure {
        if (msg.data.length != expected) revert BadLength(expected, msg.data.length);
    }
}
