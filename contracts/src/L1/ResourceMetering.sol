// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IResourceMetering} from "./interfaces/IResourceMetering.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";

/**
 * @title ResourceMetering
 * @notice Sells the gas that deposits use on L2, which nobody pays for there, at a price that follows
 * demand, and takes the payment by burning gas of L1 (OP Stack specs, guaranteed gas market).
 *
 * | slot | content, from the least significant byte up          |
 * |------|------------------------------------------------------|
 * | 0    | prevBaseFee (16), prevBoughtGas (8), prevBlockNum (8) |
 */
abstract contract ResourceMetering is IResourceMetering {
    /**
     * @notice State of the market.
     * @custom:field prevBaseFee   Price in the last block with a deposit, in wei per gas.
     * @custom:field prevBoughtGas Gas sold in that block.
     * @custom:field prevBlockNum  Its number.
     */
    struct ResourceParams {
        uint128 prevBaseFee;
        uint64 prevBoughtGas;
        uint64 prevBlockNum;
    }

    /// @dev One, in the fixed-point numbers of the price's decay.
    uint256 private constant WAD = 1e18;

    /// @dev Price of L1 gas that payments are reckoned with at least, in wei.
    uint256 private constant MIN_L1_BASE_FEE = 1 gwei;

    /// @dev Price of L2 gas that the market opens with, in wei.
    uint128 private constant INITIAL_BASE_FEE = 1 gwei;

    /// @notice State of the market.
    ResourceParams public params;

    /// @notice The deposits of this block have used up the gas that they may buy.
    error OutOfGas();

    /// @dev Sells gas for what the function does, and counts what the function itself costs towards
    /// the payment.
    modifier metered(uint64 amount) {
        uint256 initialGas = gasleft();
        _;
        _metered(amount, initialGas);
    }

    /// @dev Parameters of the market.
    function _resourceConfig() internal view virtual returns (ResourceConfig memory);

    function _openMarket() internal {
        params = ResourceParams({
            prevBaseFee: INITIAL_BASE_FEE, prevBoughtGas: 0, prevBlockNum: uint64(block.number)
        });
    }

    function _metered(uint64 amount, uint256 initialGas) private {
        ResourceConfig memory config = _resourceConfig();
        ResourceParams memory market = params;
        uint256 blockDiff = block.number - market.prevBlockNum;
        if (blockDiff > 0) {
            market.prevBaseFee = _nextBaseFee(config, market, blockDiff);
            market.prevBoughtGas = 0;
            market.prevBlockNum = uint64(block.number);
        }
        uint256 bought = uint256(market.prevBoughtGas) + amount;
        if (bought > config.maxResourceLimit) revert OutOfGas();
        // casting to 'uint64' is safe because the limit has 32 bits
        // forge-lint: disable-next-line(unsafe-typecast)
        market.prevBoughtGas = uint64(bought);
        params = market;

        uint256 resourceCost = uint256(amount) * market.prevBaseFee;
        uint256 gasCost = resourceCost / Math.max(block.basefee, MIN_L1_BASE_FEE);
        while (initialGas - gasleft() < gasCost) {}
    }

    /// @dev The price after blockDiff blocks, of which the first saw what market says, and the
    /// others nothing.
    function _nextBaseFee(
        ResourceConfig memory config,
        ResourceParams memory market,
        uint256 blockDiff
    ) private pure returns (uint128) {
        int256 target = int256(
            uint256(config.maxResourceLimit) / uint256(config.elasticityMultiplier)
        );
        int256 usedDelta = int256(uint256(market.prevBoughtGas)) - target;
        int256 price = int256(uint256(market.prevBaseFee));
        int256 priceDelta =
            price * usedDelta / (target * int256(uint256(config.baseFeeMaxChangeDenominator)));
        uint256 next = _clamp(config, uint256(SignedMath.max(price + priceDelta, 0)));
        if (blockDiff > 1) {
            uint256 factor = WAD - WAD / uint256(config.baseFeeMaxChangeDenominator);
            next = _clamp(config, next * _power(factor, blockDiff - 1) / WAD);
        }
        // casting to 'uint128' is safe because the price is clamped to a 128-bit maximum
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint128(next);
    }

    function _clamp(ResourceConfig memory config, uint256 price) private pure returns (uint256) {
        return Math.min(Math.max(price, config.minimumBaseFee), config.maximumBaseFee);
    }

    /// @dev Power of a number in [0, 1], by squaring.
    function _power(uint256 base, uint256 exponent) private pure returns (uint256 result) {
        result = WAD;
        while (exponent > 0 && result > 0) {
            if (exponent & 1 == 1) result = result * base / WAD;
            base = base * base / WAD;
            exponent >>= 1;
        }
    }
}
