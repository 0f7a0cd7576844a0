// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {Constants} from "../libraries/Constants.sol";
import {FastLZ} from "../libraries/FastLZ.sol";
import {L1Block} from "./L1Block.sol";

/**
 * @title GasPriceOracle
 * @notice The predeploy at 0x420000000000000000000000000000000000000F: what a transaction will pay
 * beside its gas on L2, for wallets that must say so beforehand. The execution engine charges by the
 * same formulas but does not call this contract.
 *
 * The chain begins with Isthmus, so the rules of Fjord and Isthmus always hold. The flags exist for
 * clients that ask; genesis sets them, and the contract of a later upgrade takes its place.
 *
 * | slot | content, from the least significant byte up  |
 * |------|----------------------------------------------|
 * | 0    | isEcotone (1), isFjord (1), isIsthmus (1)    |
 */
contract GasPriceOracle {
    /// @notice Decimals of the scalars.
    uint256 public constant DECIMALS = 6;

    /// @dev What a signature adds to a transaction, in bytes that do not compress.
    uint256 internal constant SIGNATURE_SIZE = 68;

    /// @dev The regression from FastLZ's length to that of a batch's compression, and its least
    /// value, all in millionths of a byte.
    uint256 internal constant COST_INTERCEPT = 42_585_600;
    uint256 internal constant COST_PER_BYTE = 836_500;
    uint256 internal constant MIN_SIZE = 100_000_000;

    /// @notice Whether the rules of Ecotone hold.
    bool public isEcotone;

    /// @notice Whether the rules of Fjord hold.
    bool public isFjord;

    /// @notice Whether the rules of Isthmus hold.
    bool public isIsthmus;

    /// @notice The value is of the fee formula before Ecotone, which this chain never had.
    error Deprecated();

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "1.4.0";
    }

    /// @notice Whether the rules of Jovian hold, which multiply the operator fee by 100: never by
    /// this contract.
    function isJovian() external pure returns (bool) {
        return false;
    }

    /**
     * @notice The L1 data fee of a transaction, in wei.
     * @param data The transaction's serialization without its signature.
     */
    function getL1Fee(bytes memory data) external view returns (uint256) {
        return _l1Fee(FastLZ.compressedLength(data) + SIGNATURE_SIZE);
    }

    /**
     * @notice An upper bound of the L1 data fee for nearly every transaction of a size, in wei, at
     * much less gas than getL1Fee.
     * @param unsignedTxSize Length of the transaction's serialization without its signature.
     */
    function getL1FeeUpperBound(uint256 unsignedTxSize) external view returns (uint256) {
        uint256 size = unsignedTxSize + SIGNATURE_SIZE;
        // FastLZ grows what it cannot compress by one byte in 255, and by 16 at most besides.
        return _l1Fee(size + size / 255 + 16);
    }

    /**
     * @notice The L1 gas that a transaction's share of a batch would cost as calldata.
     * @param data The transaction's serialization without its signature.
     */
    function getL1GasUsed(bytes memory data) external pure returns (uint256) {
        return _estimatedSize(FastLZ.compressedLength(data) + SIGNATURE_SIZE) * 16 / 10 ** DECIMALS;
    }

    /**
     * @notice The operator fee of a transaction, in wei.
     * @dev No amount of gas may make it fail, so it stops at the largest number.
     * @param gasUsed Gas of the transaction.
     */
    function getOperatorFee(uint256 gasUsed) external view returns (uint256) {
        uint256 scaled = Math.saturatingMul(gasUsed, _l1Block().operatorFeeScalar());
        return Math.saturatingAdd(scaled / 10 ** DECIMALS, _l1Block().operatorFeeConstant());
    }

    /// @notice Base fee of the current block, in wei per gas.
    function gasPrice() external view returns (uint256) {
        return block.basefee;
    }

    /// @notice Base fee of the current block, in wei per gas.
    function baseFee() external view returns (uint256) {
        return block.basefee;
    }

    /// @notice Base fee of the L1 origin, in wei per gas.
    function l1BaseFee() public view returns (uint256) {
        return _l1Block().basefee();
    }

    /// @notice Blob base fee of the L1 origin, in wei per blob gas.
    function blobBaseFee() public view returns (uint256) {
        return _l1Block().blobBaseFee();
    }

    /// @notice Scalar on the L1 base fee, in millionths.
    function baseFeeScalar() public view returns (uint32) {
        return _l1Block().baseFeeScalar();
    }

    /// @notice Scalar on the L1 blob base fee, in millionths.
    function blobBaseFeeScalar() public view returns (uint32) {
        return _l1Block().blobBaseFeeScalar();
    }

    /// @notice Reverts: overhead of the fee formula before Ecotone.
    function overhead() external pure returns (uint256) {
        revert Deprecated();
    }

    /// @notice Reverts: scalar of the fee formula before Ecotone.
    function scalar() external pure returns (uint256) {
        revert Deprecated();
    }

    /// @notice Decimals of the scalars.
    function decimals() external pure returns (uint256) {
        return DECIMALS;
    }

    function _l1Fee(uint256 fastLzLength) private view returns (uint256) {
        // A base fee counts per gas and calldata costs 16 gas a byte; a blob's bytes cost 1 each.
        uint256 perByte = 16 * uint256(baseFeeScalar()) * l1BaseFee() + uint256(blobBaseFeeScalar())
            * blobBaseFee();
        return _estimatedSize(fastLzLength) * perByte / 10 ** (2 * DECIMALS);
    }

    function _estimatedSize(uint256 fastLzLength) private pure returns (uint256) {
        uint256 scaled = COST_PER_BYTE * fastLzLength;
        return scaled < MIN_SIZE + COST_INTERCEPT ? MIN_SIZE : scaled - COST_INTERCEPT;
    }

    function _l1Block() private pure returns (L1Block) {
        return L1Block(Constants.L1_BLOCK);
    }
}
