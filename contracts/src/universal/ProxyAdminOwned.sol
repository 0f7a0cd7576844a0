// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC1967Utils} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Utils.sol";

/// @title ProxyAdminOwned
/// @notice Base of contracts behind a proxy whose initializer only the proxy's admin may call, so
/// that nobody slips in between an upgrade and the initialization that belongs to it.
abstract contract ProxyAdminOwned {
    /// @notice The caller is not the admin of this proxy.
    error NotProxyAdmin();

    modifier onlyProxyAdmin() {
        _requireProxyAdmin();
        _;
    }

    function _requireProxyAdmin() internal view {
        if (msg.sender != ERC1967Utils.getAdmin()) revert NotProxyAdmin();
    }
}
