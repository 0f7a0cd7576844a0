// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Constants} from "../libraries/Constants.sol";
import {StandardBridge} from "../universal/StandardBridge.sol";
import {ICrossDomainMessenger} from "../universal/interfaces/ICrossDomainMessenger.sol";
import {ILegacyMintableERC20} from "../universal/interfaces/ILegacyMintableERC20.sol";

/**
 * @title L2StandardBridge
 * @notice The bridge on L2, the predeploy at 0x4200000000000000000000000000000000000010, with the
 * functions and events that it had before Bedrock beside the newer ones. It mints and burns the
 * tokens that stand for those of L1 and holds the tokens of L2 that were sent to L1.
 *
 * Genesis writes slot 3, the messenger, slot 4, the bridge on L1, and the flag of Initializable;
 * the layout is that of StandardBridge.
 */
contract L2StandardBridge is StandardBridge {
    /// @notice Older form of ETHBridgeInitiated and ERC20BridgeInitiated. For ether, l1Token is
    /// zero and l2Token 0xDeadDeAddeAddEAddeadDEaDDEAdDeaDDeAD0000.
    event WithdrawalInitiated(
        address indexed l1Token,
        address indexed l2Token,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );

    /// @notice Older form of ETHBridgeFinalized and ERC20BridgeFinalized, for ether as above.
    event DepositFinalized(
        address indexed l1Token,
        address indexed l2Token,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );

    constructor() {
        _disableInitializers();
    }

    /// @notice Sends ether without a call to the sender's own address on L1.
    receive() external payable override onlyEOA {
        _initiateBridgeETH(msg.sender, msg.sender, msg.value, RECEIVE_DEFAULT_GAS_LIMIT, "");
    }

    /**
     * @notice Sets the bridge on L1, where genesis did not.
     * @param otherBridge_ The bridge on L1.
     */
    function initialize(address otherBridge_) external initializer onlyProxyAdminOrOwner {
        __StandardBridge_init(
            ICrossDomainMessenger(Constants.L2_CROSS_DOMAIN_MESSENGER), otherBridge_
        );
    }

    /**
     * @notice Sends ether or a token that stands for one of L1 to the caller's own address on L1.
     * A token of L2 leaves through bridgeERC20.
     * @param l2Token     Token on L2, or 0xDeadDeAddeAddEAddeadDEaDDEAdDeaDDeAD0000 for ether.
     * @param amount      How much; for ether it must be attached.
     * @param minGasLimit Least gas of the arrival on L1.
     * @param extraData   Bytes for the events, not used otherwise.
     */
    function withdraw(address l2Token, uint256 amount, uint32 minGasLimit, bytes calldata extraData)
        external
        payable
        onlyEOA
    {
        _initiateWithdrawal(l2Token, msg.sender, amount, minGasLimit, extraData);
    }

    /**
     * @notice Sends ether or a token that stands for one of L1 to any address on L1.
     * @param l2Token     Token on L2, or 0xDeadDeAddeAddEAddeadDEaDDEAdDeaDDeAD0000 for ether.
     * @param to          Receiver.
     * @param amount      How much; for ether it must be attached.
     * @param minGasLimit Least gas of the arrival on L1.
     * @param extraData   Bytes for the events, not used otherwise.
     */
    function withdrawTo(
        address l2Token,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external payable {
        _initiateWithdrawal(l2Token, to, amount, minGasLimit, extraData);
    }

    /// @notice The bridge on L1, by its oldest name.
    function l1TokenBridge() external view returns (address) {
        return otherBridge;
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "1.0.0";
    }

    function _initiateWithdrawal(
        address l2Token,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) private {
        if (l2Token == Constants.LEGACY_ERC20_ETH) {
            _initiateBridgeETH(msg.sender, to, amount, minGasLimit, extraData);
            return;
        }
        // The functions take ether for the sake of ether; beside a token it would be lost.
        if (msg.value != 0) revert WrongValue(0, msg.value);
        address l1Token = ILegacyMintableERC20(l2Token).l1Token();
        _initiateBridgeERC20(l2Token, l1Token, msg.sender, to, amount, minGasLimit, extraData);
    }

    function _emitETHBridgeInitiated(
        address from,
        address to,
        uint256 amount,
        bytes memory extraData
    ) internal override {
        emit WithdrawalInitiated(
            address(0), Constants.LEGACY_ERC20_ETH, from, to, amount, extraData
        );
        super._emitETHBridgeInitiated(from, to, amount, extraData);
    }

    function _emitETHBridgeFinalized(
        address from,
        address to,
        uint256 amount,
        bytes memory extraData
    ) internal override {
        emit DepositFinalized(address(0), Constants.LEGACY_ERC20_ETH, from, to, amount, extraData);
        super._emitETHBridgeFinalized(from, to, amount, extraData);
    }

    function _emitERC20BridgeInitiated(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes memory extraData
    ) internal override {
        emit WithdrawalInitiated(remoteToken, localToken, from, to, amount, extraData);
        super._emitERC20BridgeInitiated(localToken, remoteToken, from, to, amount, extraData);
    }

    function _emitERC20BridgeFinalized(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes memory extraData
    ) internal override {
        emit DepositFinalized(remoteToken, localToken, from, to, amount, extraData);
        super._emitERC20BridgeFinalized(localToken, remoteToken, from, to, amount, extraData);
    }
}
