// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

import {Constants} from "../libraries/Constants.sol";
import {ERC721Bridge} from "../universal/ERC721Bridge.sol";
import {ICrossDomainMessenger} from "../universal/interfaces/ICrossDomainMessenger.sol";
import {ISuperchainConfig} from "./interfaces/ISuperchainConfig.sol";
import {ISystemConfig} from "./interfaces/ISystemConfig.sol";

/**
 * @title L1ERC721Bridge
 * @notice The bridge of ERC-721 tokens on L1, where those that were sent to L2 are held. It stands
 * behind a proxy.
 *
 * | slot | content                         |
 * |------|---------------------------------|
 * | 49   | deposits                        |
 * | 50   | systemConfig                    |
 */
contract L1ERC721Bridge is ERC721Bridge {
    /// @notice Whether a token of a collection on L1 is held here for a collection on L2.
    mapping(address l1Token => mapping(address l2Token => mapping(uint256 tokenId => bool))) public
        deposits;

    /// @notice Where the pause is read.
    ISystemConfig public systemConfig;

    /// @notice The token is not held here for this pair of collections.
    error NotEscrowed(address l1Token, address l2Token, uint256 tokenId);

    constructor() {
        _disableInitializers();
    }

    /**
     * @notice Sets the contracts that this one depends on, once, in the transaction that installs
     * the implementation.
     * @param messenger_    The messenger on L1.
     * @param systemConfig_ Where the pause is read.
     */
    function initialize(ICrossDomainMessenger messenger_, ISystemConfig systemConfig_)
        external
        initializer
        onlyProxyAdminOrOwner
    {
        systemConfig = systemConfig_;
        __ERC721Bridge_init(messenger_, Constants.L2_ERC721_BRIDGE);
    }

    /// @notice Where the pause is kept.
    function superchainConfig() external view returns (ISuperchainConfig) {
        return systemConfig.superchainConfig();
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "1.0.0";
    }

    /// @notice Whether the guardian holds back what arrives from L2.
    function paused() public view override returns (bool) {
        return systemConfig.paused();
    }

    /// @inheritdoc ERC721Bridge
    function _take(address localToken, address remoteToken, uint256 tokenId) internal override {
        deposits[localToken][remoteToken][tokenId] = true;
        IERC721(localToken).transferFrom(msg.sender, address(this), tokenId);
    }

    /// @inheritdoc ERC721Bridge
    function _release(address localToken, address remoteToken, address to, uint256 tokenId)
        internal
        override
    {
        if (!deposits[localToken][remoteToken][tokenId]) {
            revert NotEscrowed(localToken, remoteToken, tokenId);
        }
        // Written before the token and its receiver are called.
        deposits[localToken][remoteToken][tokenId] = false;
        IERC721(localToken).safeTransferFrom(address(this), to, tokenId);
    }
}
