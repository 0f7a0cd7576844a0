// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title IOptimismMintableERC20
/// @notice A token that stands for one of the other layer and that the bridge mints and burns. Its
/// ERC-165 id, 0xec4fc8e3, is how the bridge recognizes it.
interface IOptimismMintableERC20 {
    /// @notice The token on the other layer.
    function remoteToken() external view returns (address);

    /// @notice The bridge that mints and burns.
    function bridge() external returns (address);

    /// @notice Mints amount to an account. Only the bridge may.
    function mint(address to, uint256 amount) external;

    /// @notice Burns amount of an account. Only the bridge may.
    function burn(address from, uint256 amount) external;
}
