// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ERC1967Utils} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Utils.sol";

/// @title ProxyAdminOwned
/// @notice Base of contracts behind a proxy whose initializer only the proxy's admin, or the owner
/// of that admin, may call, so that nobody slips in between an upgrade and the initialization that
/// belongs to it.
abstract contract ProxyAdminOwned {
    /// @notice The caller is neither the admin of this proxy nor that admin's owner.
    error NotProxyAdmin();

    modifier onlyProxyAdminOrOwner() {
        _requireProxyAdminOrOwner();
        _;
    }

    function _requireProxyAdminOrOwner() internal view {
        address admin = ERC1967Utils.getAdmin();
        if (msg.sender == admin) return;
        if (admin.code.length == 0 || msg.sender != Ownable(admin).owner()) revert NotProxyAdmin();
    }
}
