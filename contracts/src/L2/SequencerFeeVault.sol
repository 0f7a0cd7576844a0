// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {FeeVault} from "./FeeVault.sol";

/**
 * @title SequencerFeeVault
 * @notice The predeploy at 0x4200000000000000000000000000000000000011: it holds the priority fees, as
 * the coinbase of every block.
 */
contract SequencerFeeVault is FeeVault {
    /// @notice Who gets the fees, by the name of old.
    function l1FeeWallet() external view returns (address) {
        return recipient;
    }
}
