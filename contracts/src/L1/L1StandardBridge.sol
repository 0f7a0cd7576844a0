// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Constants} from "../libraries/Constants.sol";
import {StandardBridge} from "../universal/StandardBridge.sol";
import {ICrossDomainMessenger} from "../universal/interfaces/ICrossDomainMessenger.sol";
import {ISuperchainConfig} from "./interfaces/ISuperchainConfig.sol";
import {ISystemConfig} from "./interfaces/ISystemConfig.sol";

/**
 * @title L1StandardBridge
 * @notice The bridge on L1, with the functions and events that it had before Bedrock beside the
 * newer ones. It holds the tokens of L1 that were sent to L2; ether is held by the portal. It
 * stands behind a proxy.
 *
 * | slot | content                         |
 * |------|---------------------------------|
 * | 50   | systemConfig                    |
 */
contract L1StandardBridge is StandardBridge {
    /// @notice Where the pause is read.
    ISystemConfig public systemConfig;

    /// @notice Older form of ETHBridgeInitiated.
    event ETHDepositInitiated(
        address indexed from, address indexed to, uint256 amount, bytes extraData
    );

    /// @notice Older form of ETHBridgeFinalized.
    event ETHWithdrawalFinalized(
        address indexed from, address indexed to, uint256 amount, bytes extraData
    );

    /// @notice Older form of ERC20BridgeInitiated.
    event ERC20DepositInitiated(
        address indexed l1Token,
        address indexed l2Token,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );

    /// @notice Older form of ERC20BridgeFinalized.
    event ERC20WithdrawalFinalized(
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

    /// @notice Sends ether without a call to the sender's own address on L2.
    receive() external payable override onlyEOA {
        _initiateBridgeETH(msg.sender, msg.sender, msg.value, RECEIVE_DEFAULT_GAS_LIMIT, "");
    }

    /**
     * @notice Sets the contracts that this one depends on, once, in the transaction that installs
     * the implementation.
     * @param messenger_    The messenger on L1.
     * @param systemConfig_ Where the pause is read.
     */
    function initialize(ICrossDomainMessenger messenger_, ISystemConfig systemConfig_)
        external
        initializer
        onlyProxyAdminOrOwner
    {
        systemConfig = systemConfig_;
        __StandardBridge_init(messenger_, Constants.L2_STANDARD_BRIDGE);
    }

    /**
     * @notice Older form of bridgeETH: sends the attached ether to the caller's address on L2.
     * @param minGasLimit Least gas of the arrival there.
     * @param extraData   Bytes for the events, not used otherwise.
     */
    function depositETH(uint32 minGasLimit, bytes calldata extraData) external payable onlyEOA {
        _initiateBridgeETH(msg.sender, msg.sender, msg.value, minGasLimit, extraData);
    }

    /**
     * @notice Older form of bridgeETHTo: sends the attached ether to any address on L2.
     * @param to          Receiver.
     * @param minGasLimit Least gas of the arrival there.
     * @param extraData   Bytes for the events, not used otherwise.
     */
    function depositETHTo(address to, uint32 minGasLimit, bytes calldata extraData)
        external
        payable
    {
        _initiateBridgeETH(msg.sender, to, msg.value, minGasLimit, extraData);
    }

    /**
     * @notice Older form of bridgeERC20: sends tokens to the caller's address on L2.
     * @param l1Token     Token on L1.
     * @param l2Token     Its counterpart on L2.
     * @param amount      How much, in units of the token.
     * @param minGasLimit Least gas of the arrival there.
     * @param extraData   Bytes for the events, not used otherwise.
     */
    function depositERC20(
        address l1Token,
        address l2Token,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external onlyEOA {
        _initiateBridgeERC20(
            l1Token, l2Token, msg.sender, msg.sender, amount, minGasLimit, extraData
        );
    }

    /**
     * @notice Older form of bridgeERC20To: sends tokens to any address on L2.
     * @param l1Token     Token on L1.
     * @param l2Token     Its counterpart on L2.
     * @param to          Receiver.
     * @param amount      How much, in units of the token.
     * @param minGasLimit Least gas of the arrival there.
     * @param extraData   Bytes for the events, not used otherwise.
     */
    function depositERC20To(
        address l1Token,
        address l2Token,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external {
        _initiateBridgeERC20(l1Token, l2Token, msg.sender, to, amount, minGasLimit, extraData);
    }

    /**
     * @notice Older form of finalizeBridgeETH, with the same guard.
     * @param from      Who sent it on L2.
     * @param to        Receiver.
     * @param amount    How much, in wei; the message brings it along.
     * @param extraData Bytes for the events, not used otherwise.
     */
    function finalizeETHWithdrawal(
        address from,
        address to,
        uint256 amount,
        bytes calldata extraData
    ) external payable {
        finalizeBridgeETH(from, to, amount, extraData);
    }

    /**
     * @notice Older form of finalizeBridgeERC20, with the same guard.
     * @param l1Token   Token on L1.
     * @param l2Token   Its counterpart on L2.
     * @param from      Who sent it on L2.
     * @param to        Receiver.
     * @param amount    How much, in units of the token.
     * @param extraData Bytes for the events, not used otherwise.
     */
    function finalizeERC20Withdrawal(
        address l1Token,
        address l2Token,
        address from,
        address to,
        uint256 amount,
        bytes calldata extraData
    ) external {
        finalizeBridgeERC20(l1Token, l2Token, from, to, amount, extraData);
    }

    /// @notice Where the pause is kept.
    function superchainConfig() external view returns (ISuperchainConfig) {
        return systemConfig.superchainConfig();
    }

    /// @notice The bridge on L2, by its oldest name.
    function l2TokenBridge() external view returns (address) {
        return otherBridge;
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "1.0.0";
    }

    /// @notice Whether the guardian holds back what arrives from L2.
    function paused() public view override returns (bool) {
        return systemConfig.paused();
    }

    function _emitETHBridgeInitiated(
        address from,
        address to,
        uint256 amount,
        bytes memory extraData
    ) internal override {
        emit ETHDepositInitiated(from, to, amount, extraData);
        super._emitETHBridgeInitiated(from, to, amount, extraData);
    }

    function _emitETHBridgeFinalized(
        address from,
        address to,
        uint256 amount,
        bytes memory extraData
    ) internal override {
        emit ETHWithdrawalFinalized(from, to, amount, extraData);
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
        emit ERC20DepositInitiated(localToken, remoteToken, from, to, amount, extraData);
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
        emit ERC20WithdrawalFinalized(localToken, remoteToken, from, to, amount, extraData);
        super._emitERC20BridgeFinalized(localToken, remoteToken, from, to, amount, extraData);
    }
}
