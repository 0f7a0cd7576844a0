// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Constants} from "../libraries/Constants.sol";

/**
 * @title LogSource
 * @notice Stands in on L1 for the portal and for the system config in tests and development. A
 * rollup node learns of both through their logs alone, so a contract that can emit any such log,
 * well formed or not, is enough to play either of them. It holds no rights and protects nothing.
 */
contract LogSource {
    /// @notice A deposit, as the portal announces it. The form of opaqueData depends on version.
    event TransactionDeposited(
        address indexed from, address indexed to, uint256 indexed version, bytes opaqueData
    );

    /// @notice A change of the rollup's parameters, as the system config announces it.
    event ConfigUpdate(uint256 indexed version, uint8 indexed updateType, bytes data);

    /// @notice A creation must not name a target.
    error BadTarget();

    /// @notice The deposit asks for less gas than its calldata costs on L2.
    error SmallGasLimit(uint64 minimum);

    /// @notice The deposit carries too much calldata.
    error LargeCalldata();

    /// @notice A log has four topics at most.
    error TooManyTopics(uint256 count);

    /// @notice Deposits the transferred ether to the sender's own address on L2.
    receive() external payable {
        _deposit(msg.sender, msg.value, Constants.RECEIVE_DEFAULT_GAS, false, "");
    }

    /**
     * @notice Deposits a transaction under the portal's rules, but without its gas metering.
     * @param to         Target on L2; zero for a creation.
     * @param value      Wei that the transaction sends on L2; the transferred ether is minted there.
     * @param gasLimit   Gas limit on L2.
     * @param isCreation Whether the transaction creates a contract.
     * @param data       Calldata, or the init code of a creation.
     */
    function depositTransaction(
        address to,
        uint256 value,
        uint64 gasLimit,
        bool isCreation,
        bytes calldata data
    ) external payable {
        _deposit(to, value, gasLimit, isCreation, data);
    }

    /**
     * @notice Emits a deposit with any content.
     * @param from       First topic: the sender on L2, already aliased.
     * @param to         Second topic: the target on L2.
     * @param version    Third topic: the form of opaqueData; the protocol knows only zero.
     * @param opaqueData The packed deposit, or anything else.
     */
    function emitTransactionDeposited(
        address from,
        address to,
        uint256 version,
        bytes calldata opaqueData
    ) external {
        emit TransactionDeposited(from, to, version, opaqueData);
    }

    /**
     * @notice Emits a parameter change with any content.
     * @param version    First topic; the protocol knows only zero.
     * @param updateType Second topic: which parameter changes.
     * @param data       The encoded new value, or anything else.
     */
    function emitConfigUpdate(uint256 version, uint8 updateType, bytes calldata data) external {
        emit ConfigUpdate(version, updateType, data);
    }

    /**
     * @notice Emits a log exactly as given, so that a test can break every rule of its form.
     * @param topics At most four topics.
     * @param data   The log's data, without any encoding around it.
     */
    function emitLog(bytes32[] calldata topics, bytes memory data) external {
        uint256 count = topics.length;
        if (count > 4) revert TooManyTopics(count);
        bytes32[4] memory t;
        for (uint256 i = 0; i < count; ++i) {
            t[i] = topics[i];
        }
        // Solidity has no statement for a log with a number of topics known only at run time.
        assembly ("memory-safe") {
            let start := add(data, 0x20)
            let size := mload(data)
            switch count
            case 0 { log0(start, size) }
            case 1 { log1(start, size, mload(t)) }
            case 2 { log2(start, size, mload(t), mload(add(t, 0x20))) }
            case 3 { log3(start, size, mload(t), mload(add(t, 0x20)), mload(add(t, 0x40))) }
            default {
                log4(
                    start,
                    size,
                    mload(t),
                    mload(add(t, 0x20)),
                    mload(add(t, 0x40)),
                    mload(add(t, 0x60))
                )
            }
        }
    }

    /// @notice Least gas limit that a deposit with this much calldata may ask for.
    function minimumGasLimit(uint64 byteCount) public pure returns (uint64) {
        return Constants.MIN_DEPOSIT_GAS + Constants.MIN_DEPOSIT_GAS_PER_BYTE * byteCount;
    }

    function _deposit(
        address to,
        uint256 value,
        uint64 gasLimit,
        bool isCreation,
        bytes memory data
    ) private {
        if (isCreation && to != address(0)) revert BadTarget();
        if (data.length > Constants.MAX_DEPOSIT_CALLDATA) revert LargeCalldata();
        uint64 minimum = minimumGasLimit(uint64(data.length));
        if (gasLimit < minimum) revert SmallGasLimit(minimum);
        bytes memory opaqueData = abi.encodePacked(msg.value, value, gasLimit, isCreation, data);
        emit TransactionDeposited(_senderOnL2(), to, Constants.DEPOSIT_VERSION, opaqueData);
    }

    function _senderOnL2() private view returns (address) {
        if (msg.sender == tx.origin) return msg.sender;
        // The protocol defines the alias modulo 2^160.
        unchecked {
            return address(uint160(msg.sender) + uint160(Constants.ALIAS_OFFSET));
        }
    }
}
