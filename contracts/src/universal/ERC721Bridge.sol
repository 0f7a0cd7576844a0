// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";

import {EOA} from "../libraries/EOA.sol";
import {ProxyAdminOwned} from "./ProxyAdminOwned.sol";
import {ICrossDomainMessenger} from "./interfaces/ICrossDomainMessenger.sol";

/**
 * @title ERC721Bridge
 * @notice What the bridges of ERC-721 tokens share. They carry collections of L1 to L2 and back;
 * a collection of L2 cannot be sent to L1.
 *
 * | slot | content                                       |
 * |------|-----------------------------------------------|
 * | 0    | unused                                        |
 * | 1    | messenger                                     |
 * | 2    | otherBridge                                   |
 * | 3-48 | unused                                        |
 * | 49   | first slot of the contract that inherits      |
 */
abstract contract ERC721Bridge is Initializable, ProxyAdminOwned {
    uint256 private _unused;

    /// @notice The messenger of this layer.
    ICrossDomainMessenger public messenger;

    /// @notice The bridge of the other layer.
    address public otherBridge;

    uint256[46] private _gap;

    /// @notice A token was sent to the other layer.
    event ERC721BridgeInitiated(
        address indexed localToken,
        address indexed remoteToken,
        address indexed from,
        address to,
        uint256 tokenId,
        bytes extraData
    );

    /// @notice A token arrived from the other layer.
    event ERC721BridgeFinalized(
        address indexed localToken,
        address indexed remoteToken,
        address indexed from,
        address to,
        uint256 tokenId,
        bytes extraData
    );

    /// @notice The caller is a contract, which may have no owner on the other layer.
    error OnlyEOA();

    /// @notice The caller is not the messenger, or the message is not one of the other bridge.
    error OnlyOtherBridge();

    /// @notice The guardian has paused withdrawals.
    error Paused();

    /// @notice The receiver or the remote collection is the zero address.
    error ZeroAddress();

    /// @notice The bridge is no collection.
    error UnsafeToken(address localToken);

    modifier onlyOtherBridge() {
        if (msg.sender != address(messenger) || messenger.xDomainMessageSender() != otherBridge) {
            revert OnlyOtherBridge();
        }
        _;
    }

    /// @notice The messenger of this layer, by its older name.
    function MESSENGER() external view returns (ICrossDomainMessenger) {
        return messenger;
    }

    /// @notice The bridge of the other layer, by its older name.
    function OTHER_BRIDGE() external view returns (address) {
        return otherBridge;
    }

    /**
     * @notice Sends a token to the caller's own address on the other layer.
     * @param localToken  Collection on this layer.
     * @param remoteToken Its counterpart on the other; a wrong one makes the arrival fail for good.
     * @param tokenId     Which token.
     * @param minGasLimit Least gas of the arrival there.
     * @param extraData   Bytes for the events, not used otherwise.
     */
    function bridgeERC721(
        address localToken,
        address remoteToken,
        uint256 tokenId,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external {
        if (!EOA.isSenderEOA()) revert OnlyEOA();
        _initiateBridgeERC721(localToken, remoteToken, msg.sender, tokenId, minGasLimit, extraData);
    }

    /**
     * @notice Sends a token to any address on the other layer. A contract there must accept it
     * (ERC-721, onERC721Received), else the message waits for a replay.
     * @param localToken  Collection on this layer.
     * @param remoteToken Its counterpart on the other; a wrong one makes the arrival fail for good.
     * @param to          Receiver.
     * @param tokenId     Which token.
     * @param minGasLimit Least gas of the arrival there.
     * @param extraData   Bytes for the events, not used otherwise.
     */
    function bridgeERC721To(
        address localToken,
        address remoteToken,
        address to,
        uint256 tokenId,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external {
        if (to == address(0)) revert ZeroAddress();
        _initiateBridgeERC721(localToken, remoteToken, to, tokenId, minGasLimit, extraData);
    }

    /**
     * @notice Pays out a token from the other layer. Only a message of the other bridge may.
     * @param localToken  Collection on this layer.
     * @param remoteToken Its counterpart on the other.
     * @param from        Who sent it.
     * @param to          Receiver.
     * @param tokenId     Which token.
     * @param extraData   Bytes for the events, not used otherwise.
     */
    function finalizeBridgeERC721(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 tokenId,
        bytes calldata extraData
    ) external onlyOtherBridge {
        if (paused()) revert Paused();
        if (localToken == address(this)) revert UnsafeToken(localToken);
        _release(localToken, remoteToken, to, tokenId);
        emit ERC721BridgeFinalized(localToken, remoteToken, from, to, tokenId, extraData);
    }

    /// @notice Whether what arrives from the other layer is held back; on L2 it never is.
    function paused() public view virtual returns (bool) {
        return false;
    }

    // forge-lint: disable-next-item(mixed-case-function)
    function __ERC721Bridge_init(ICrossDomainMessenger messenger_, address otherBridge_)
        internal
        onlyInitializing
    {
        messenger = messenger_;
        otherBridge = otherBridge_;
    }

    function _initiateBridgeERC721(
        address localToken,
        address remoteToken,
        address to,
        uint256 tokenId,
        uint32 minGasLimit,
        bytes calldata extraData
    ) private {
        if (remoteToken == address(0)) revert ZeroAddress();
        _take(localToken, remoteToken, tokenId);
        // Local and remote change places, since the call is made on the other layer.
        messenger.sendMessage(
            otherBridge,
            abi.encodeCall(
                this.finalizeBridgeERC721,
                (remoteToken, localToken, msg.sender, to, tokenId, extraData)
            ),
            minGasLimit
        );
        emit ERC721BridgeInitiated(localToken, remoteToken, msg.sender, to, tokenId, extraData);
    }

    /// @dev Takes the token from the caller, who must own it or be allowed to move it.
    function _take(address localToken, address remoteToken, uint256 tokenId) internal virtual;

    /// @dev Gives the token to its receiver.
    function _release(address localToken, address remoteToken, address to, uint256 tokenId)
        internal
        virtual;
}
