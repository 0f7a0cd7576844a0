// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {AddressAliasHelper} from "../../src/libraries/AddressAliasHelper.sol";
import {Constants} from "../../src/libraries/Constants.sol";
import {EOA} from "../../src/libraries/EOA.sol";
import {SafeCall} from "../../src/libraries/SafeCall.sol";

/// @title PortalStub
/// @notice The portal as messengers see it: the same demands of a deposit and the same call at
/// finalization, but no proofs and no market for gas.
contract PortalStub {
    address public l2Sender = Constants.DEFAULT_L2_SENDER;

    event TransactionDeposited(
        address indexed from, address indexed to, uint256 indexed version, bytes opaqueData
    );

    error BadDeposit();
    error Reentrant();

    receive() external payable {}

    function depositTransaction(
        address to,
        uint256 value,
        uint64 gasLimit,
        bool isCreation,
        bytes memory data
    ) external payable {
        if (data.length > Constants.MAX_DEPOSIT_CALLDATA) revert BadDeposit();
        if (gasLimit < minimumGasLimit(uint64(data.length))) revert BadDeposit();
        address from =
            EOA.isSenderEOA() ? msg.sender : AddressAliasHelper.applyL1ToL2Alias(msg.sender);
        emit TransactionDeposited(
            from, to, 0, abi.encodePacked(msg.value, value, gasLimit, isCreation, data)
        );
    }

    function finalize(
        address sender,
        address target,
        uint256 value,
        uint256 gasLimit,
        bytes memory data
    ) external returns (bool success) {
        if (l2Sender != Constants.DEFAULT_L2_SENDER) revert Reentrant();
        l2Sender = sender;
        success = SafeCall.callWithMinGas(target, gasLimit, value, data);
        l2Sender = Constants.DEFAULT_L2_SENDER;
    }

    function minimumGasLimit(uint64 byteCount) public pure returns (uint64) {
        return Constants.MIN_DEPOSIT_GAS + Constants.MIN_DEPOSIT_GAS_PER_BYTE * byteCount;
    }
}

/// @title SystemConfigStub
/// @notice The pause as messengers and bridges see it.
contract SystemConfigStub {
    bool public paused;
    address public superchainConfig = address(0x5c);

    function setPaused(bool paused_) external {
        paused = paused_;
    }
}
