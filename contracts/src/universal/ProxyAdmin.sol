// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Proxy} from "./Proxy.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

/**
 * @title ProxyAdmin
 * @notice Admin of all proxies of one chain. Its owner may upgrade every one of them, and with that
 * do anything.
 *
 * | slot | content |
 * |------|---------|
 * | 0    | owner   |
 */
contract ProxyAdmin is Ownable {
    /// @param initialOwner Account that may upgrade the proxies.
    constructor(address initialOwner) Ownable(initialOwner) {}

    /**
     * @notice Sets the implementation of a proxy. Owner only.
     * @param proxy          A proxy whose admin this contract is.
     * @param implementation A contract.
     */
    function upgrade(address payable proxy, address implementation) external onlyOwner {
        Proxy(proxy).upgradeTo(implementation);
    }

    /**
     * @notice Sets the implementation of a proxy and calls it once, passing on the attached ether.
     * Owner only.
     * @param proxy          A proxy whose admin this contract is.
     * @param implementation A contract.
     * @param data           Calldata of the call.
     */
    function upgradeAndCall(address payable proxy, address implementation, bytes calldata data)
        external
        payable
        onlyOwner
    {
        Proxy(proxy).upgradeToAndCall{value: msg.value}(implementation, data);
    }

    /**
     * @notice Hands a proxy to another admin. Owner only.
     * @param proxy    A proxy whose admin this contract is.
     * @param newAdmin Account that may upgrade the proxy from now on.
     */
    function changeProxyAdmin(address payable proxy, address newAdmin) external onlyOwner {
        Proxy(proxy).changeAdmin(newAdmin);
    }

    /// @notice The implementation of a proxy whose admin this contract is.
    function getProxyImplementation(address payable proxy) external returns (address) {
        return Proxy(proxy).implementation();
    }

    /// @notice The admin of a proxy whose admin this contract is.
    function getProxyAdmin(address payable proxy) external returns (address) {
        return Proxy(proxy).admin();
    }
}
