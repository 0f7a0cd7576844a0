// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC165Checker} from "@openzeppelin/contracts/utils/introspection/ERC165Checker.sol";

import {Constants} from "../libraries/Constants.sol";
import {ERC721Bridge} from "../universal/ERC721Bridge.sol";
import {ICrossDomainMessenger} from "../universal/interfaces/ICrossDomainMessenger.sol";
import {IOptimismMintableERC721} from "../universal/interfaces/IOptimismMintableERC721.sol";

/**
 * @title L2ERC721Bridge
 * @notice The bridge of ERC-721 tokens on L2, the predeploy at
 * 0x4200000000000000000000000000000000000014. It mints and burns the tokens that stand for those
 * of L1.
 *
 * Genesis writes slot 1, the messenger, slot 2, the bridge on L1, and the flag of Initializable;
 * the layout is that of ERC721Bridge.
 */
contract L2ERC721Bridge is ERC721Bridge {
    /// @notice The collection is not one that the bridge mints.
    error NotMintable(address localToken);

    /// @notice The mintable collection stands for another one.
    error WrongRemoteToken(address localToken, address remoteToken);

    /// @notice Only the owner of a token sends it over; being allowed to move it is not enough.
    error NotOwner(address owner);

    constructor() {
        _disableInitializers();
    }

    /**
     * @notice Sets the bridge on L1, where genesis did not.
     * @param l1ERC721Bridge The bridge on L1.
     */
    function initialize(address l1ERC721Bridge) external initializer onlyProxyAdminOrOwner {
        __ERC721Bridge_init(
            ICrossDomainMessenger(Constants.L2_CROSS_DOMAIN_MESSENGER), l1ERC721Bridge
        );
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "1.0.0";
    }

    /// @inheritdoc ERC721Bridge
    function _take(address localToken, address remoteToken, uint256 tokenId) internal override {
        IOptimismMintableERC721 token = IOptimismMintableERC721(localToken);
        address owner = token.ownerOf(tokenId);
        if (msg.sender != owner) revert NotOwner(owner);
        if (remoteToken != token.remoteToken()) revert WrongRemoteToken(localToken, remoteToken);
        token.burn(msg.sender, tokenId);
    }

    /// @inheritdoc ERC721Bridge
    function _release(address localToken, address remoteToken, address to, uint256 tokenId)
        internal
        override
    {
        bytes4 id = type(IOptimismMintableERC721).interfaceId;
        if (!ERC165Checker.supportsInterface(localToken, id)) revert NotMintable(localToken);
        IOptimismMintableERC721 token = IOptimismMintableERC721(localToken);
        if (remoteToken != token.remoteToken()) revert WrongRemoteToken(localToken, remoteToken);
        token.safeMint(to, tokenId);
    }
}
