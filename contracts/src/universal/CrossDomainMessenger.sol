// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {Constants} from "../libraries/Constants.sol";
import {Encoding} from "../libraries/Encoding.sol";
import {SafeCall} from "../libraries/SafeCall.sol";
import {ProxyAdminOwned} from "./ProxyAdminOwned.sol";

/**
 * @title CrossDomainMessenger
 * @notice What the messengers of both layers share: numbered messages, each of which is delivered
 * with the gas it asked for, succeeds at most once, and can be replayed by anyone after a failure
 * (OP Stack specs, cross-domain messengers).
 *
 * Genesis writes the storage of the messenger on L2, so the layout is part of the protocol. The
 * flags of Initializable live in OpenZeppelin's own namespace.
 *
 * | slot    | content                                       |
 * |---------|-----------------------------------------------|
 * | 0-202   | unused, held other contracts before Bedrock   |
 * | 203     | successfulMessages                            |
 * | 204     | _xDomainMsgSender                             |
 * | 205     | _msgNonce                                     |
 * | 206     | failedMessages                                |
 * | 207     | otherMessenger                                |
 * | 208-250 | unused                                        |
 * | 251     | first slot of the contract that inherits      |
 *
 * The ether of a message whose call failed stays here until a replay succeeds.
 */
abstract contract CrossDomainMessenger is Initializable, ProxyAdminOwned {
    /// @notice Version of the message format, carried in the top two bytes of each nonce.
    uint16 public constant MESSAGE_VERSION = Constants.MESSAGE_VERSION;

    /// @notice Gas of relayMessage that does not depend on the message.
    uint64 public constant RELAY_CONSTANT_OVERHEAD = 200_000;

    /// @notice Numerator of the share of gas that a call must be given more than it gets (EIP-150).
    uint64 public constant MIN_GAS_DYNAMIC_OVERHEAD_NUMERATOR = 64;

    /// @notice Denominator of that share.
    uint64 public constant MIN_GAS_DYNAMIC_OVERHEAD_DENOMINATOR = 63;

    /// @notice Gas per byte of calldata.
    uint64 public constant MIN_GAS_CALLDATA_OVERHEAD = 16;

    /// @notice Gas of the CALL to the target itself.
    uint64 public constant RELAY_CALL_OVERHEAD = 40_000;

    /// @notice Gas that relayMessage keeps for what it does after the call.
    uint64 public constant RELAY_RESERVED_GAS = 40_000;

    /// @notice Gas between the check of the remaining gas and the call.
    uint64 public constant RELAY_GAS_CHECK_BUFFER = 5_000;

    /// @notice Gas of a transaction before its first instruction.
    uint64 public constant TX_BASE_GAS = 21_000;

    /// @notice Least gas per byte of calldata (EIP-7623).
    uint64 public constant FLOOR_CALLDATA_OVERHEAD = 40;

    /// @notice Most that the encoded call of relayMessage is longer than the message in it: a
    /// selector, seven words and the padding of the message.
    uint64 public constant ENCODING_OVERHEAD = 260;

    uint256[203] private _beforeBedrock;

    /// @notice Whether the message with this hash was relayed and its call did not revert.
    mapping(bytes32 messageHash => bool) public successfulMessages;

    address internal _xDomainMsgSender;

    uint240 internal _msgNonce;

    /// @notice Whether the call of the message with this hash failed at least once.
    mapping(bytes32 messageHash => bool) public failedMessages;

    /// @notice The messenger of the other layer.
    address public otherMessenger;

    uint256[43] private _gap;

    /// @notice A message was sent to the other layer.
    event SentMessage(
        address indexed target,
        address sender,
        bytes message,
        uint256 messageNonce,
        uint256 gasLimit
    );

    /// @notice The ether sent with the message of the SentMessage before this one.
    event SentMessageExtension1(address indexed sender, uint256 value);

    /// @notice A message arrived and its call succeeded.
    event RelayedMessage(bytes32 indexed msgHash);

    /// @notice A message arrived but its call failed, or could not be made; it can be replayed.
    event FailedRelayedMessage(bytes32 indexed msgHash);

    /// @notice The guardian has paused withdrawals.
    error Paused();

    /// @notice The nonce names a message format that does not exist.
    error UnsupportedVersion(uint16 version);

    /// @notice The message of before Bedrock, or this one, succeeded already.
    error AlreadyRelayed(bytes32 messageHash);

    /// @notice A message arrives for the first time, yet it was marked as failed before.
    error AlreadyFailed(bytes32 messageHash);

    /// @notice The attached ether is not that of the message; a replay has none attached.
    error WrongValue(uint256 expected, uint256 actual);

    /// @notice Only the other messenger delivers a message that has not failed before.
    error NotReplayable(bytes32 messageHash);

    /// @notice Messages to contracts that trust the messenger itself are never relayed.
    error UnsafeTarget(address target);

    /// @notice The call failed while gas was being estimated, where failure must be seen.
    error RelayFailed(bytes32 messageHash);

    /// @notice No message is being relayed.
    error NoMessage();

    /**
     * @notice Sends a message and the attached ether to target on the other layer. If the call
     * there always reverts, or target is one that messages never reach, the ether is lost.
     * @param target      Account to call on the other layer.
     * @param message     Calldata of that call.
     * @param minGasLimit Least gas that the call gets.
     */
    function sendMessage(address target, bytes calldata message, uint32 minGasLimit)
        external
        payable
    {
        uint256 nonce = messageNonce();
        bytes memory data = Encoding.encodeCrossDomainMessageV1(
            nonce, msg.sender, target, msg.value, minGasLimit, message
        );
        _sendMessage(otherMessenger, baseGas(message, minGasLimit), msg.value, data);

        emit SentMessage(target, msg.sender, message, nonce, minGasLimit);
        emit SentMessageExtension1(msg.sender, msg.value);
        // 2^240 messages are never sent.
        unchecked {
            ++_msgNonce;
        }
    }

    /**
     * @notice Delivers a message. The other messenger does so first, through the portal or a
     * deposit; if the call fails then, or there is too little gas for it, anyone may try again.
     * It does not revert when the call does, so that the ether of the message stays here.
     * @param nonce       Nonce of the message, with its version.
     * @param sender      Who sent it on the other layer.
     * @param target      Account to call.
     * @param value       Ether to send along, in wei.
     * @param minGasLimit Least gas that the call gets.
     * @param message     Calldata of the call.
     */
    function relayMessage(
        uint256 nonce,
        address sender,
        address target,
        uint256 value,
        uint256 minGasLimit,
        bytes calldata message
    ) external payable {
        if (paused()) revert Paused();
        // The message is copied before gas is counted, so that its length does not matter below.
        bytes memory data = message;
        bytes32 messageHash = _hash(nonce, sender, target, value, minGasLimit, data);
        _checkOrigin(messageHash, value);
        if (_isUnsafeTarget(target)) revert UnsafeTarget(target);
        if (successfulMessages[messageHash]) revert AlreadyRelayed(messageHash);

        // A sender that is set means that the target of another message called this function: to
        // go on would show it a sender that is not its own. The message waits for a replay.
        if (
            !SafeCall.hasMinGas(minGasLimit, RELAY_RESERVED_GAS + RELAY_GAS_CHECK_BUFFER)
                || _xDomainMsgSender != Constants.DEFAULT_L2_SENDER
        ) {
            _fail(messageHash);
            return;
        }

        _xDomainMsgSender = sender;
        bool success = SafeCall.call(target, gasleft() - RELAY_RESERVED_GAS, value, data);
        _xDomainMsgSender = Constants.DEFAULT_L2_SENDER;

        if (!success) {
            _fail(messageHash);
            return;
        }
        // Held by the guard above: no message, this one included, was relayed meanwhile.
        assert(!successfulMessages[messageHash]);
        successfulMessages[messageHash] = true;
        emit RelayedMessage(messageHash);
    }

    /// @notice Who sent, on the other layer, the message that is being relayed.
    function xDomainMessageSender() external view returns (address) {
        if (_xDomainMsgSender == Constants.DEFAULT_L2_SENDER) revert NoMessage();
        return _xDomainMsgSender;
    }

    /// @notice The messenger of the other layer, by its older name.
    function OTHER_MESSENGER() external view returns (address) {
        return otherMessenger;
    }

    /// @notice Nonce of the next message, with its version in the top two bytes.
    function messageNonce() public view returns (uint256) {
        return Encoding.encodeVersionedNonce(_msgNonce, MESSAGE_VERSION);
    }

    /**
     * @notice Gas that relayMessage must be given so that the target gets minGasLimit, or else the
     * failure is at least recorded and the message can be replayed. It is never less than the
     * gas that the transaction costs by itself, with the floor of EIP-7623, nor than what the
     * portal demands of a deposit.
     *
     * A minGasLimit above some eight million is not certain to be met at the first delivery: the
     * call through the proxy keeps back a 64th too. Such a message then waits for its replay.
     * @param message     Calldata of the call.
     * @param minGasLimit Least gas that the call gets.
     */
    function baseGas(bytes calldata message, uint32 minGasLimit) public pure returns (uint64) {
        uint256 executionGas = RELAY_CONSTANT_OVERHEAD + RELAY_CALL_OVERHEAD + RELAY_RESERVED_GAS
            + RELAY_GAS_CHECK_BUFFER + (uint256(minGasLimit) * MIN_GAS_DYNAMIC_OVERHEAD_NUMERATOR)
            / MIN_GAS_DYNAMIC_OVERHEAD_DENOMINATOR;
        uint256 size = message.length + ENCODING_OVERHEAD;
        // No calldata is near 2^58 bytes, so the sum fits.
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint64(
            TX_BASE_GAS
                + Math.max(
                    executionGas + size * MIN_GAS_CALLDATA_OVERHEAD, size * FLOOR_CALLDATA_OVERHEAD
                )
        );
    }

    /// @notice Whether messages are held back; on L2 they never are.
    function paused() public view virtual returns (bool) {
        return false;
    }

    // forge-lint: disable-next-item(mixed-case-function)
    function __CrossDomainMessenger_init(address otherMessenger_) internal onlyInitializing {
        // While a message is being relayed an upgrade must not clear its sender: the target could
        // then relay the message again from inside.
        if (_xDomainMsgSender == address(0)) _xDomainMsgSender = Constants.DEFAULT_L2_SENDER;
        otherMessenger = otherMessenger_;
    }

    /// @dev Carries data, a call of relayMessage, to the messenger of the other layer.
    function _sendMessage(address to, uint64 gasLimit, uint256 value, bytes memory data)
        internal
        virtual;

    /// @dev Whether this call comes from the messenger of the other layer.
    function _isOtherMessenger() internal view virtual returns (bool);

    /// @dev Whether target would take a call of the messenger for more than one of its sender.
    function _isUnsafeTarget(address target) internal view virtual returns (bool);

    /// @dev Records that the message waits for a replay. At gas estimation it reverts instead, so
    /// that the estimate is enough for success.
    function _fail(bytes32 messageHash) private {
        failedMessages[messageHash] = true;
        emit FailedRelayedMessage(messageHash);
        // slither-disable-next-line tx-origin
        if (tx.origin == Constants.ESTIMATION_ADDRESS) revert RelayFailed(messageHash);
    }

    /// @dev A message is new when the other messenger brings it, with its ether, and a replay,
    /// whose ether is here already, from anyone else.
    function _checkOrigin(bytes32 messageHash, uint256 value) private view {
        if (_isOtherMessenger()) {
            if (msg.value != value) revert WrongValue(value, msg.value);
            if (failedMessages[messageHash]) revert AlreadyFailed(messageHash);
        } else {
            if (msg.value != 0) revert WrongValue(0, msg.value);
            if (!failedMessages[messageHash]) revert NotReplayable(messageHash);
        }
    }

    /// @dev The name of a message of any version: the hash of version 1, since it commits to value
    /// and gas. One of version 0 must not have been relayed under its own hash either.
    function _hash(
        uint256 nonce,
        address sender,
        address target,
        uint256 value,
        uint256 minGasLimit,
        bytes memory message
    ) private view returns (bytes32) {
        (, uint16 messageVersion) = Encoding.decodeVersionedNonce(nonce);
        if (messageVersion > MESSAGE_VERSION) revert UnsupportedVersion(messageVersion);
        if (messageVersion == 0) {
            bytes32 legacyHash =
                keccak256(Encoding.encodeCrossDomainMessageV0(target, sender, message, nonce));
            if (successfulMessages[legacyHash]) revert AlreadyRelayed(legacyHash);
        }
        return keccak256(
            Encoding.encodeCrossDomainMessageV1(nonce, sender, target, value, minGasLimit, message)
        );
    }
}
