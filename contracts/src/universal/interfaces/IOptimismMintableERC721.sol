// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {
    IERC721Enumerable
} from "@openzeppelin/contracts/token/ERC721/extensions/IERC721Enumerable.sol";

/// @title IOptimismMintableERC721
/// @notice A collection on L2 that stands for one on L1 and that the bridge mints and burns. Its
/// ERC-165 id, 0x74259ebf, is how the bridge recognizes it.
interface IOptimismMintableERC721 is IERC721Enumerable {
    /// @notice The bridge minted tokenId for account.
    event Mint(address indexed account, uint256 tokenId);

    /// @notice The bridge burnt tokenId of account.
    event Burn(address indexed account, uint256 tokenId);

    /// @notice Mints tokenId to an account, asking it first if it is a contract. Only the bridge may.
    function safeMint(address to, uint256 tokenId) external;

    /// @notice Burns tokenId of an account. Only the bridge may.
    function burn(address from, uint256 tokenId) external;

    /// @notice Chain id of the remote collection, by its older name.
    function REMOTE_CHAIN_ID() external view returns (uint256);

    /// @notice The collection on L1, by its older name.
    function REMOTE_TOKEN() external view returns (address);

    /// @notice The bridge that mints and burns, by its older name.
    function BRIDGE() external view returns (address);

    /// @notice Chain id of the remote collection.
    function remoteChainId() external view returns (uint256);

    /// @notice The collection on L1.
    function remoteToken() external view returns (address);

    /// @notice The bridge that mints and burns.
    function bridge() external view returns (address);
}
