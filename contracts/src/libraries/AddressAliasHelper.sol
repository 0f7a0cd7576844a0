// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Constants} from "./Constants.sol";

/// @title AddressAliasHelper
/// @notice The address on L2 of a contract on L1, which must not pass for an L2 account of the same
/// address (OP Stack specs, deposits, address aliasing).
library AddressAliasHelper {
    /// @dev What is added to the address of a contract on L1.
    uint160 internal constant OFFSET = uint160(Constants.ALIAS_OFFSET);

    /// @notice Alias on L2 of a contract on L1.
    function applyL1ToL2Alias(address l1Address) internal pure returns (address) {
        // The protocol defines the alias modulo 2^160.
        unchecked {
            return address(uint160(l1Address) + OFFSET);
        }
    }

    /// @notice The contract on L1 whose alias on L2 this is.
    function undoL1ToL2Alias(address l2Address) internal pure returns (address) {
        // The protocol defines the alias modulo 2^160.
        unchecked {
            return address(uint160(l2Address) - OFFSET);
        }
    }
}
