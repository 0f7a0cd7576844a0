// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {AddressAliasHelper} from "../libraries/AddressAliasHelper.sol";
import {Constants} from "../libraries/Constants.sol";
import {CrossDomainMessenger} from "../universal/CrossDomainMessenger.sol";
import {IL2ToL1MessagePasser} from "./interfaces/IL2ToL1MessagePasser.sol";

/**
 * @title L2CrossDomainMessenger
 * @notice The messenger on L2, the predeploy at 0x4200000000000000000000000000000000000007:
 * messages from L1 are deposits of the messenger there, messages to L1 are withdrawals.
 *
 * Genesis writes slot 204, the sender of no message, slot 207, the messenger on L1, and the flag
 * of Initializable; the layout is that of CrossDomainMessenger.
 */
contract L2CrossDomainMessenger is CrossDomainMessenger {
    constructor() {
        _disableInitializers();
    }

    /**
     * @notice Sets the messenger on L1, where genesis did not.
     * @param l1CrossDomainMessenger_ The messenger on L1.
     */
    function initialize(address l1CrossDomainMessenger_)
        external
        initializer
        onlyProxyAdminOrOwner
    {
        __CrossDomainMessenger_init(l1CrossDomainMessenger_);
    }

    /// @notice The messenger on L1, by its older name.
    function l1CrossDomainMessenger() external view returns (address) {
        return otherMessenger;
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "1.0.0";
    }

    /// @inheritdoc CrossDomainMessenger
    function _sendMessage(address to, uint64 gasLimit, uint256 value, bytes memory data)
        internal
        override
    {
        IL2ToL1MessagePasser(Constants.L2_TO_L1_MESSAGE_PASSER).initiateWithdrawal{value: value}(
            to, gasLimit, data
        );
    }

    /// @inheritdoc CrossDomainMessenger
    function _isOtherMessenger() internal view override returns (bool) {
        return AddressAliasHelper.undoL1ToL2Alias(msg.sender) == otherMessenger;
    }

    /// @dev L1 trusts what this contract sends through the message passer.
    function _isUnsafeTarget(address target) internal view override returns (bool) {
        return target == address(this) || target == Constants.L2_TO_L1_MESSAGE_PASSER;
    }
}
