// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {FeeVault} from "./FeeVault.sol";

/**
 * @title BaseFeeVault
 * @notice The predeploy at 0x4200000000000000000000000000000000000019: it holds the base fees, which L2
 * does not burn.
 */
contract BaseFeeVault is FeeVault {}
