// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {FeeVault} from "./FeeVault.sol";

/**
 * @title OperatorFeeVault
 * @notice The predeploy at 0x420000000000000000000000000000000000001B: it holds the operator fees.
 */
contract OperatorFeeVault is FeeVault {}
