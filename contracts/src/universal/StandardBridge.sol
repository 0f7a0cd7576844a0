// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ERC165Checker} from "@openzeppelin/contracts/utils/introspection/ERC165Checker.sol";

import {EOA} from "../libraries/EOA.sol";
import {SafeCall} from "../libraries/SafeCall.sol";
import {ProxyAdminOwned} from "./ProxyAdminOwned.sol";
import {ICrossDomainMessenger} from "./interfaces/ICrossDomainMessenger.sol";
import {ILegacyMintableERC20} from "./interfaces/ILegacyMintableERC20.sol";
import {IOptimismMintableERC20} from "./interfaces/IOptimismMintableERC20.sol";

/**
 * @title StandardBridge
 * @notice What the bridges of both layers share. A token lives on one layer, where the bridge
 * holds what was sent over, and is stood for by a mintable token on the other, which the bridge
 * mints and burns (OP Stack specs, standard bridges).
 *
 * The escrow is counted per pair of tokens, by the amount that was asked to be sent. A token that
 * takes a fee on transfer, changes balances by itself or blocks accounts is therefore not
 * supported: more may be owed than is held, and the last to withdraw it go away empty-handed.
 * What is owed in one pair can never be taken for another one.
 *
 * Genesis writes the storage of the bridge on L2, so the layout is part of the protocol. The
 * flags of Initializable live in OpenZeppelin's own namespace.
 *
 * | slot | content                                        |
 * |------|------------------------------------------------|
 * | 0, 1 | unused, held other contracts before Bedrock    |
 * | 2    | deposits                                       |
 * | 3    | messenger                                      |
 * | 4    | otherBridge                                    |
 * | 5-49 | unused                                         |
 * | 50   | first slot of the contract that inherits       |
 */
abstract contract StandardBridge is Initializable, ProxyAdminOwned {
    using SafeERC20 for IERC20;

    /// @dev Gas on the other layer of ether that is sent here without a call.
    uint32 internal constant RECEIVE_DEFAULT_GAS_LIMIT = 200_000;

    uint256[2] private _beforeBedrock;

    /// @notice What is held here of a local token for a remote one.
    mapping(address localToken => mapping(address remoteToken => uint256)) public deposits;

    /// @notice The messenger of this layer.
    ICrossDomainMessenger public messenger;

    /// @notice The bridge of the other layer.
    address public otherBridge;

    uint256[45] private _gap;

    /// @notice Ether was sent to the other layer.
    event ETHBridgeInitiated(
        address indexed from, address indexed to, uint256 amount, bytes extraData
    );

    /// @notice Ether arrived from the other layer.
    event ETHBridgeFinalized(
        address indexed from, address indexed to, uint256 amount, bytes extraData
    );

    /// @notice Tokens were sent to the other layer.
    event ERC20BridgeInitiated(
        address indexed localToken,
        address indexed remoteToken,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );

    /// @notice Tokens arrived from the other layer.
    event ERC20BridgeFinalized(
        address indexed localToken,
        address indexed remoteToken,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );

    /// @notice The caller is a contract, which may have no owner on the other layer. Functions that
    /// name a receiver are open to contracts.
    error OnlyEOA();

    /// @notice The caller is not the messenger, or the message is not one of the other bridge.
    error OnlyOtherBridge();

    /// @notice The guardian has paused withdrawals.
    error Paused();

    /// @notice The attached ether is not the amount.
    error WrongValue(uint256 expected, uint256 actual);

    /// @notice No ether is attached.
    error NoValue();

    /// @notice Ether cannot be sent to this bridge or to its messenger.
    error UnsafeReceiver(address to);

    /// @notice The receiver did not take the ether.
    error TransferFailed(address to);

    /// @notice The mintable token stands for another token.
    error WrongRemoteToken(address localToken, address remoteToken);

    /// @notice Less is held for this pair of tokens than is to be paid out.
    error InsufficientEscrow(uint256 held, uint256 amount);

    modifier onlyEOA() {
        if (!EOA.isSenderEOA()) revert OnlyEOA();
        _;
    }

    modifier onlyOtherBridge() {
        if (msg.sender != address(messenger) || messenger.xDomainMessageSender() != otherBridge) {
            revert OnlyOtherBridge();
        }
        _;
    }

    /// @notice Sends ether without a call to the sender's own address on the other layer.
    receive() external payable virtual;

    /// @notice The messenger of this layer, by its older name.
    function MESSENGER() external view returns (ICrossDomainMessenger) {
        return messenger;
    }

    /// @notice The bridge of the other layer, by its older name.
    function OTHER_BRIDGE() external view returns (address) {
        return otherBridge;
    }

    /**
     * @notice Sends the attached ether to the caller's own address on the other layer.
     * @param minGasLimit Least gas of the arrival there.
     * @param extraData   Bytes for the events, not used otherwise.
     */
    function bridgeETH(uint32 minGasLimit, bytes calldata extraData) external payable onlyEOA {
        _initiateBridgeETH(msg.sender, msg.sender, msg.value, minGasLimit, extraData);
    }

    /**
     * @notice Sends the attached ether to any address on the other layer. If the receiver refuses
     * it, it stays with the messenger there until a replay succeeds.
     * @param to          Receiver.
     * @param minGasLimit Least gas of the arrival there.
     * @param extraData   Bytes for the events, not used otherwise.
     */
    function bridgeETHTo(address to, uint32 minGasLimit, bytes calldata extraData)
        external
        payable
    {
        _initiateBridgeETH(msg.sender, to, msg.value, minGasLimit, extraData);
    }

    /**
     * @notice Sends tokens to the caller's own address on the other layer.
     * @param localToken  Token on this layer.
     * @param remoteToken Its counterpart on the other; a wrong one makes the arrival fail for good.
     * @param amount      How much, in units of the local token.
     * @param minGasLimit Least gas of the arrival there.
     * @param extraData   Bytes for the events, not used otherwise.
     */
    function bridgeERC20(
        address localToken,
        address remoteToken,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external onlyEOA {
        _initiateBridgeERC20(
            localToken, remoteToken, msg.sender, msg.sender, amount, minGasLimit, extraData
        );
    }

    /**
     * @notice Sends tokens to any address on the other layer.
     * @param localToken  Token on this layer.
     * @param remoteToken Its counterpart on the other; a wrong one makes the arrival fail for good.
     * @param to          Receiver.
     * @param amount      How much, in units of the local token.
     * @param minGasLimit Least gas of the arrival there.
     * @param extraData   Bytes for the events, not used otherwise.
     */
    function bridgeERC20To(
        address localToken,
        address remoteToken,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external {
        _initiateBridgeERC20(
            localToken, remoteToken, msg.sender, to, amount, minGasLimit, extraData
        );
    }

    /**
     * @notice Pays out ether from the other layer. Only a message of the other bridge may.
     * @param from      Who sent it.
     * @param to        Receiver.
     * @param amount    How much, in wei; the message brings it along.
     * @param extraData Bytes for the events, not used otherwise.
     */
    function finalizeBridgeETH(address from, address to, uint256 amount, bytes calldata extraData)
        public
        payable
        onlyOtherBridge
    {
        if (paused()) revert Paused();
        if (msg.value == 0) revert NoValue();
        if (msg.value != amount) revert WrongValue(amount, msg.value);
        if (to == address(this) || to == address(messenger)) revert UnsafeReceiver(to);

        _emitETHBridgeFinalized(from, to, amount, extraData);
        if (!SafeCall.call(to, gasleft(), amount, "")) revert TransferFailed(to);
    }

    /**
     * @notice Pays out tokens from the other layer: mints one that stands for a remote token,
     * releases any other from the escrow. Only a message of the other bridge may. When it reverts,
     * as for a pair that does not belong together, the message can be replayed.
     * @param localToken  Token on this layer.
     * @param remoteToken Its counterpart on the other.
     * @param from        Who sent it.
     * @param to          Receiver.
     * @param amount      How much, in units of the token.
     * @param extraData   Bytes for the events, not used otherwise.
     */
    function finalizeBridgeERC20(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes calldata extraData
    ) public onlyOtherBridge {
        if (paused()) revert Paused();
        if (_isMintable(localToken)) {
            _checkPair(localToken, remoteToken);
            IOptimismMintableERC20(localToken).mint(to, amount);
        } else {
            uint256 held = deposits[localToken][remoteToken];
            if (held < amount) revert InsufficientEscrow(held, amount);
            // Written before the token is called, which may call back.
            deposits[localToken][remoteToken] = held - amount;
            IERC20(localToken).safeTransfer(to, amount);
        }
        _emitERC20BridgeFinalized(localToken, remoteToken, from, to, amount, extraData);
    }

    /// @notice Whether what arrives from the other layer is held back; on L2 it never is.
    function paused() public view virtual returns (bool) {
        return false;
    }

    // forge-lint: disable-next-item(mixed-case-function)
    function __StandardBridge_init(ICrossDomainMessenger messenger_, address otherBridge_)
        internal
        onlyInitializing
    {
        messenger = messenger_;
        otherBridge = otherBridge_;
    }

    function _initiateBridgeETH(
        address from,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes memory extraData
    ) internal {
        if (msg.value == 0) revert NoValue();
        if (msg.value != amount) revert WrongValue(amount, msg.value);

        _emitETHBridgeInitiated(from, to, amount, extraData);
        messenger.sendMessage{value: amount}(
            otherBridge,
            abi.encodeCall(this.finalizeBridgeETH, (from, to, amount, extraData)),
            minGasLimit
        );
    }

    function _initiateBridgeERC20(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes memory extraData
    ) internal {
        if (_isMintable(localToken)) {
            _checkPair(localToken, remoteToken);
            IOptimismMintableERC20(localToken).burn(from, amount);
        } else {
            IERC20(localToken).safeTransferFrom(from, address(this), amount);
            deposits[localToken][remoteToken] += amount;
        }

        _emitERC20BridgeInitiated(localToken, remoteToken, from, to, amount, extraData);
        // Local and remote change places, since the call is made on the other layer.
        messenger.sendMessage(
            otherBridge,
            abi.encodeCall(
                this.finalizeBridgeERC20, (remoteToken, localToken, from, to, amount, extraData)
            ),
            minGasLimit
        );
    }

    function _emitETHBridgeInitiated(
        address from,
        address to,
        uint256 amount,
        bytes memory extraData
    ) internal virtual {
        emit ETHBridgeInitiated(from, to, amount, extraData);
    }

    function _emitETHBridgeFinalized(
        address from,
        address to,
        uint256 amount,
        bytes memory extraData
    ) internal virtual {
        emit ETHBridgeFinalized(from, to, amount, extraData);
    }

    function _emitERC20BridgeInitiated(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes memory extraData
    ) internal virtual {
        emit ERC20BridgeInitiated(localToken, remoteToken, from, to, amount, extraData);
    }

    function _emitERC20BridgeFinalized(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes memory extraData
    ) internal virtual {
        emit ERC20BridgeFinalized(localToken, remoteToken, from, to, amount, extraData);
    }

    /// @dev A token that claims to be mintable without being so harms its own holders only.
    function _isMintable(address token) private view returns (bool) {
        return ERC165Checker.supportsInterface(token, type(ILegacyMintableERC20).interfaceId)
            || ERC165Checker.supportsInterface(token, type(IOptimismMintableERC20).interfaceId);
    }

    function _checkPair(address mintableToken, address otherToken) private view {
        bool legacy =
            ERC165Checker.supportsInterface(mintableToken, type(ILegacyMintableERC20).interfaceId);
        address expected = legacy
            ? ILegacyMintableERC20(mintableToken).l1Token()
            : IOptimismMintableERC20(mintableToken).remoteToken();
        if (otherToken != expected) revert WrongRemoteToken(mintableToken, otherToken);
    }
}
