// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {CrossDomainMessenger} from "../../src/universal/CrossDomainMessenger.sol";

/// @title Recorder
/// @notice Remembers its last call and refuses calls while it is told to.
contract Recorder {
    bool public refuses;
    uint256 public calls;
    uint256 public gasGiven;
    uint256 public value;
    address public sender;
    bytes public data;

    error Refused();

    fallback() external payable {
        uint256 gasAtStart = gasleft();
        if (refuses) revert Refused();
        ++calls;
        gasGiven = gasAtStart;
        value = msg.value;
        data = msg.data;
        // Plain ether comes without a messenger to ask.
        if (msg.data.length != 0) sender = CrossDomainMessenger(msg.sender).xDomainMessageSender();
    }

    receive() external payable {
        if (refuses) revert Refused();
        ++calls;
        value = msg.value;
    }

    function setRefuses(bool refuses_) external {
        refuses = refuses_;
    }
}

/// @title GasMeter
/// @notice Keeps how much gas its caller gave it, at the least cost of doing so.
contract GasMeter {
    uint256 public gasGiven;

    fallback() external payable {
        uint256 gasAtStart = gasleft();
        // Too little gas to keep the answer is no answer.
        if (gasAtStart > 25_000) gasGiven = gasAtStart;
    }

    receive() external payable {}
}

/// @title ReturnBomb
/// @notice Returns as much as its gas allows.
contract ReturnBomb {
    fallback() external payable {
        assembly ("memory-safe") {
            return(0, 500000)
        }
    }

    receive() external payable {}
}

/// @title Reentrant
/// @notice Calls back whoever calls it, once.
contract Reentrant {
    address public target;
    bytes public data;
    bool public called;
    bool public succeeded;
    bool public required;
    address public senderAfter;

    error Failed();

    fallback() external payable {
        if (called) return;
        called = true;
        (succeeded,) = target.call(data);
        if (required && !succeeded) revert Failed();
        try CrossDomainMessenger(msg.sender).xDomainMessageSender() returns (address sender) {
            senderAfter = sender;
        } catch {}
    }

    receive() external payable {}

    /// @dev What to call, from the next call on.
    function aim(address target_, bytes calldata data_) external {
        target = target_;
        data = data_;
        called = false;
    }

    function setRequired(bool required_) external {
        required = required_;
    }
}
