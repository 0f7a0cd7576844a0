// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/**
 * @title Wallet
 * @notice The least contract account: it holds value and makes the calls that its owner asks for.
 * Tests use it to cross the bridge as a contract, whose address is aliased on L2.
 */
contract Wallet {
    /// @notice The account that may call through the wallet.
    address public immutable OWNER;

    /// @notice The sender is not the owner.
    error NotOwner();

    constructor(address owner) {
        OWNER = owner;
    }

    receive() external payable {}

    /// @notice Calls a contract with the wallet's value; a revert comes back as it is.
    function execute(address target, uint256 value, bytes calldata data)
        external
        payable
        returns (bytes memory result)
    {
        if (msg.sender != OWNER) revert NotOwner();
        bool success;
        (success, result) = target.call{value: value}(data);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
    }
}
