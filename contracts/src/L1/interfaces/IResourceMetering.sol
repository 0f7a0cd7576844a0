// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title IResourceMetering
/// @notice The market on which deposits buy gas of L2 (OP Stack specs, guaranteed gas market).
interface IResourceMetering {
    /**
     * @notice Parameters of the market.
     * @custom:field maxResourceLimit            Gas that all deposits of an L1 block may buy.
     * @custom:field elasticityMultiplier        The limit is this many times the target.
     * @custom:field baseFeeMaxChangeDenominator The price changes by at most price / this a block.
     * @custom:field minimumBaseFee              Least price, in wei per gas.
     * @custom:field systemTxMaxGas              Gas kept for system transactions in an L2 block.
     * @custom:field maximumBaseFee              Greatest price, in wei per gas.
     */
    struct ResourceConfig {
        uint32 maxResourceLimit;
        uint8 elasticityMultiplier;
        uint8 baseFeeMaxChangeDenominator;
        uint32 minimumBaseFee;
        uint32 systemTxMaxGas;
        uint128 maximumBaseFee;
    }
}
