// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title ILegacyMintableERC20
/// @notice The same for tokens written before Bedrock; ERC-165 id 0x1d1d8b63.
interface ILegacyMintableERC20 {
    /// @notice The token on L1.
    function l1Token() external view returns (address);

    /// @notice Mints amount to an account. Only the bridge may.
    function mint(address to, uint256 amount) external;

    /// @notice Burns amount of an account. Only the bridge may.
    function burn(address from, uint256 amount) external;
}
