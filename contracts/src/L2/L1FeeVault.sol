// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {FeeVault} from "./FeeVault.sol";

/**
 * @title L1FeeVault
 * @notice The predeploy at 0x420000000000000000000000000000000000001A: it holds the L1 data fees.
 */
contract L1FeeVault is FeeVault {}
