// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Constants} from "../libraries/Constants.sol";
import {CrossDomainMessenger} from "../universal/CrossDomainMessenger.sol";
import {IOptimismPortal2} from "./interfaces/IOptimismPortal2.sol";
import {ISuperchainConfig} from "./interfaces/ISuperchainConfig.sol";
import {ISystemConfig} from "./interfaces/ISystemConfig.sol";

/**
 * @title L1CrossDomainMessenger
 * @notice The messenger on L1: messages to L2 are deposits, messages from L2 are withdrawals that
 * the portal finalizes. It stands behind a proxy.
 *
 * | slot | content                         |
 * |------|---------------------------------|
 * | 251  | systemConfig                    |
 * | 252  | portal                          |
 */
contract L1CrossDomainMessenger is CrossDomainMessenger {
    /// @notice Where the pause is read.
    ISystemConfig public systemConfig;

    /// @notice The portal through which messages go and come.
    IOptimismPortal2 public portal;

    constructor() {
        _disableInitializers();
    }

    /**
     * @notice Sets the contracts that this one depends on, once, in the transaction that installs
     * the implementation.
     * @param systemConfig_ Where the pause is read.
     * @param portal_       The portal through which messages go and come.
     */
    function initialize(ISystemConfig systemConfig_, IOptimismPortal2 portal_)
        external
        initializer
        onlyProxyAdminOrOwner
    {
        systemConfig = systemConfig_;
        portal = portal_;
        __CrossDomainMessenger_init(Constants.L2_CROSS_DOMAIN_MESSENGER);
    }

    /// @notice Where the pause is kept.
    function superchainConfig() external view returns (ISuperchainConfig) {
        return systemConfig.superchainConfig();
    }

    /// @notice The portal, by its older name.
    function PORTAL() external view returns (IOptimismPortal2) {
        return portal;
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "1.0.0";
    }

    /// @notice Whether the guardian holds messages from L2 back.
    function paused() public view override returns (bool) {
        return systemConfig.paused();
    }

    /// @inheritdoc CrossDomainMessenger
    function _sendMessage(address to, uint64 gasLimit, uint256 value, bytes memory data)
        internal
        override
    {
        portal.depositTransaction{value: value}(to, value, gasLimit, false, data);
    }

    /// @inheritdoc CrossDomainMessenger
    function _isOtherMessenger() internal view override returns (bool) {
        return msg.sender == address(portal) && portal.l2Sender() == otherMessenger;
    }

    /// @dev The portal takes calls of this contract for deposits of the messenger, which L2 trusts.
    function _isUnsafeTarget(address target) internal view override returns (bool) {
        return target == address(this) || target == address(portal);
    }
}
