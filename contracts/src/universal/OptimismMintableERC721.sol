// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {
    ERC721Enumerable
} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721Enumerable.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {IOptimismMintableERC721} from "./interfaces/IOptimismMintableERC721.sol";

/**
 * @title OptimismMintableERC721
 * @notice A collection on L2 that stands for one on L1. The bridge mints a token when it is sent
 * over and burns it on the way back; its metadata is asked of the collection on L1.
 */
contract OptimismMintableERC721 is ERC721Enumerable, IOptimismMintableERC721 {
    /// @inheritdoc IOptimismMintableERC721
    uint256 public immutable REMOTE_CHAIN_ID;

    /// @inheritdoc IOptimismMintableERC721
    address public immutable REMOTE_TOKEN;

    /// @inheritdoc IOptimismMintableERC721
    address public immutable BRIDGE;

    /// @notice What the id of a token is appended to: a call of tokenURI on L1 (ERC-681).
    string public baseTokenURI;

    /// @notice Only the bridge mints and burns.
    error OnlyBridge();

    /// @notice The bridge, the remote collection or the chain id is zero.
    error ZeroArgument();

    modifier onlyBridge() {
        if (msg.sender != BRIDGE) revert OnlyBridge();
        _;
    }

    /**
     * @param bridge_        The bridge that mints and burns.
     * @param remoteChainId_ Chain id of L1.
     * @param remoteToken_   The collection on L1.
     * @param name_          Name, for display.
     * @param symbol_        Symbol, for display.
     */
    constructor(
        address bridge_,
        uint256 remoteChainId_,
        address remoteToken_,
        string memory name_,
        string memory symbol_
    ) ERC721(name_, symbol_) {
        if (bridge_ == address(0) || remoteChainId_ == 0 || remoteToken_ == address(0)) {
            revert ZeroArgument();
        }
        REMOTE_CHAIN_ID = remoteChainId_;
        REMOTE_TOKEN = remoteToken_;
        BRIDGE = bridge_;
        baseTokenURI = string.concat(
            "ethereum:",
            Strings.toHexString(remoteToken_),
            "@",
            Strings.toString(remoteChainId_),
            "/tokenURI?uint256="
        );
    }

    /// @inheritdoc IOptimismMintableERC721
    function safeMint(address to, uint256 tokenId) external onlyBridge {
        _safeMint(to, tokenId);
        emit Mint(to, tokenId);
    }

    /// @inheritdoc IOptimismMintableERC721
    function burn(address from, uint256 tokenId) external onlyBridge {
        _burn(tokenId);
        emit Burn(from, tokenId);
    }

    /// @inheritdoc IOptimismMintableERC721
    function remoteChainId() external view returns (uint256) {
        return REMOTE_CHAIN_ID;
    }

    /// @inheritdoc IOptimismMintableERC721
    function remoteToken() external view returns (address) {
        return REMOTE_TOKEN;
    }

    /// @inheritdoc IOptimismMintableERC721
    function bridge() external view returns (address) {
        return BRIDGE;
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "1.0.0";
    }

    /// @notice Whether this contract has the interface with this id (ERC-165).
    function supportsInterface(bytes4 interfaceId)
        public
        view
        override(ERC721Enumerable, IERC165)
        returns (bool)
    {
        return interfaceId == type(IOptimismMintableERC721).interfaceId
            || super.supportsInterface(interfaceId);
    }

    function _baseURI() internal view override returns (string memory) {
        return baseTokenURI;
    }
}
