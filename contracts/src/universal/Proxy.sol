// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC1967Utils} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Utils.sol";
import {Proxy as DelegatingProxy} from "@openzeppelin/contracts/proxy/Proxy.sol";

/**
 * @title Proxy
 * @notice A transparent proxy. Its admin, and a caller at the zero address, which exists only in
 * eth_call, see the functions below; everyone else's calls are delegated, and so are all other
 * calls of the admin.
 *
 * | slot (EIP-1967)                                                    | content        |
 * |--------------------------------------------------------------------|----------------|
 * | 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc | implementation |
 * | 0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103 | admin          |
 */
contract Proxy is DelegatingProxy {
    /// @notice The proxy has no implementation yet.
    error ImplementationNotSet();

    modifier proxyCallIfNotAdmin() {
        if (msg.sender == ERC1967Utils.getAdmin() || msg.sender == address(0)) {
            _;
        } else {
            _fallback();
        }
    }

    /// @param initialAdmin Account that may upgrade this proxy.
    constructor(address initialAdmin) payable {
        ERC1967Utils.changeAdmin(initialAdmin);
    }

    /// @notice Accepts ether by the implementation's rules.
    receive() external payable {
        _fallback();
    }

    /**
     * @notice Sets the implementation.
     * @param newImplementation A contract.
     */
    function upgradeTo(address newImplementation) external proxyCallIfNotAdmin {
        ERC1967Utils.upgradeToAndCall(newImplementation, "");
    }

    /**
     * @notice Sets the implementation and calls it once in the proxy's name.
     * @param newImplementation A contract.
     * @param data              Calldata of the call.
     */
    function upgradeToAndCall(address newImplementation, bytes calldata data)
        external
        payable
        proxyCallIfNotAdmin
    {
        ERC1967Utils.upgradeToAndCall(newImplementation, data);
    }

    /**
     * @notice Hands the right to upgrade to another account.
     * @param newAdmin Not zero.
     */
    function changeAdmin(address newAdmin) external proxyCallIfNotAdmin {
        ERC1967Utils.changeAdmin(newAdmin);
    }

    /// @notice The account that may upgrade this proxy.
    function admin() external proxyCallIfNotAdmin returns (address) {
        return ERC1967Utils.getAdmin();
    }

    /// @notice The contract that calls are delegated to.
    function implementation() external proxyCallIfNotAdmin returns (address) {
        return ERC1967Utils.getImplementation();
    }

    function _implementation() internal view override returns (address current) {
        current = ERC1967Utils.getImplementation();
        // A delegated call to an account without code would succeed and do nothing.
        if (current == address(0)) revert ImplementationNotSet();
    }
}
