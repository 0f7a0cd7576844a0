// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Constants} from "../libraries/Constants.sol";
import {L2ToL1MessagePasser} from "./L2ToL1MessagePasser.sol";

/// @notice What the vaults ask of the predeploy that administers all predeploys.
interface IOwner {
    /// @notice Who may upgrade the predeploys.
    function owner() external view returns (address);
}

/**
 * @title FeeVault
 * @notice What the four fee vaults have in common: the execution engine credits them, and anybody
 * may send what they hold to their recipient.
 *
 * Genesis writes the settings into the storage of the proxy, so a vault needs neither constructor
 * arguments nor an initializer:
 *
 * | slot | content, from the least significant byte up |
 * |------|---------------------------------------------|
 * | 0    | totalProcessed                              |
 * | 1    | minWithdrawalAmount                         |
 * | 2    | recipient (20), withdrawalNetwork (1)       |
 */
abstract contract FeeVault {
    /// @notice Where the recipient is paid.
    enum WithdrawalNetwork {
        L1,
        L2
    }

    /// @notice Wei that left this vault so far.
    uint256 public totalProcessed;

    /// @notice Least balance that can be withdrawn, in wei.
    uint256 public minWithdrawalAmount;

    /// @notice Who gets the fees.
    address public recipient;

    /// @notice Where the recipient gets them.
    WithdrawalNetwork public withdrawalNetwork;

    /// @notice Fees left the vault. Of old; the other event of this name says more.
    event Withdrawal(uint256 value, address to, address from);

    /// @notice Fees left the vault for the recipient `to`; `from` asked for it.
    event Withdrawal(uint256 value, address to, address from, WithdrawalNetwork withdrawalNetwork);

    /// @notice The least balance that can be withdrawn changed.
    event MinWithdrawalAmountUpdated(uint256 oldWithdrawalAmount, uint256 newWithdrawalAmount);

    /// @notice The recipient changed.
    event RecipientUpdated(address oldRecipient, address newRecipient);

    /// @notice The network of the recipient changed.
    event WithdrawalNetworkUpdated(
        WithdrawalNetwork oldWithdrawalNetwork, WithdrawalNetwork newWithdrawalNetwork
    );

    /// @notice The vault holds less than can be withdrawn.
    error BalanceTooSmall(uint256 balance, uint256 minimum);

    /// @notice The recipient on L2 refuses the fees.
    error TransferFailed();

    /// @notice Fees cannot go to the zero address.
    error NoRecipient();

    /// @notice The caller does not own the ProxyAdmin of the predeploys.
    error FeeVault_OnlyProxyAdminOwner();

    modifier onlyProxyAdminOwner() {
        if (msg.sender != IOwner(Constants.L2_PROXY_ADMIN).owner()) {
            revert FeeVault_OnlyProxyAdminOwner();
        }
        _;
    }

    /// @notice Takes ether that is sent outright; fees come without a call.
    receive() external payable {}

    /**
     * @notice Sends everything to the recipient: through the message passer to L1, or on L2. Anyone
     * may call it.
     * @return value Wei that left the vault.
     */
    function withdraw() external returns (uint256 value) {
        value = address(this).balance;
        if (value < minWithdrawalAmount) revert BalanceTooSmall(value, minWithdrawalAmount);
        address to = recipient;
        if (to == address(0)) revert NoRecipient();
        totalProcessed += value;

        emit Withdrawal(value, to, msg.sender);
        emit Withdrawal(value, to, msg.sender, withdrawalNetwork);

        if (withdrawalNetwork == WithdrawalNetwork.L2) {
            (bool ok,) = to.call{value: value}("");
            if (!ok) revert TransferFailed();
        } else {
            L2ToL1MessagePasser(payable(Constants.L2_TO_L1_MESSAGE_PASSER))
            .initiateWithdrawal{value: value}(
                to, Constants.FEE_WITHDRAWAL_GAS, ""
            );
        }
    }

    /**
     * @notice Changes the least balance that can be withdrawn.
     * @param newMinWithdrawalAmount In wei.
     */
    function setMinWithdrawalAmount(uint256 newMinWithdrawalAmount) external onlyProxyAdminOwner {
        emit MinWithdrawalAmountUpdated(minWithdrawalAmount, newMinWithdrawalAmount);
        minWithdrawalAmount = newMinWithdrawalAmount;
    }

    /**
     * @notice Changes who gets the fees.
     * @param newRecipient Any address but zero.
     */
    function setRecipient(address newRecipient) external onlyProxyAdminOwner {
        if (newRecipient == address(0)) revert NoRecipient();
        emit RecipientUpdated(recipient, newRecipient);
        recipient = newRecipient;
    }

    /**
     * @notice Changes where the recipient is paid.
     * @param newWithdrawalNetwork L1 (0) or L2 (1).
     */
    function setWithdrawalNetwork(WithdrawalNetwork newWithdrawalNetwork)
        external
        onlyProxyAdminOwner
    {
        emit WithdrawalNetworkUpdated(withdrawalNetwork, newWithdrawalNetwork);
        withdrawalNetwork = newWithdrawalNetwork;
    }

    // The names below are those of the vaults that held their settings in their code.

    /// @notice Least balance that can be withdrawn, in wei.
    function MIN_WITHDRAWAL_AMOUNT() external view returns (uint256) {
        return minWithdrawalAmount;
    }

    /// @notice Who gets the fees.
    function RECIPIENT() external view returns (address) {
        return recipient;
    }

    /// @notice Where the recipient gets them.
    function WITHDRAWAL_NETWORK() external view returns (WithdrawalNetwork) {
        return withdrawalNetwork;
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "1.6.0";
    }
}
