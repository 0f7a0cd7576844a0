// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Constants} from "../libraries/Constants.sol";

/**
 * @title L2ToL1MessagePasser
 * @notice The predeploy at 0x4200000000000000000000000000000000000016 where withdrawals start. L1
 * proves a withdrawal against the storage root of this contract, so slot 0 must stay the mapping
 * of sent messages (OP Stack specs, withdrawals).
 *
 * | slot | content      |
 * |------|--------------|
 * | 0    | sentMessages |
 * | 1    | _msgNonce    |
 */
contract L2ToL1MessagePasser {
    /// @notice Version of the message format, carried in the top two bytes of each nonce.
    uint16 public constant MESSAGE_VERSION = Constants.MESSAGE_VERSION;

    /// @notice Whether a withdrawal with this hash was initiated.
    mapping(bytes32 withdrawalHash => bool) public sentMessages;

    uint240 internal _msgNonce;

    /// @notice A withdrawal was initiated.
    event MessagePassed(
        uint256 indexed nonce,
        address indexed sender,
        address indexed target,
        uint256 value,
        uint256 gasLimit,
        bytes data,
        bytes32 withdrawalHash
    );

    /// @notice The ether of withdrawals left L2's supply; it is paid out on L1.
    event WithdrawerBalanceBurnt(uint256 indexed amount);

    /// @notice Withdraws the transferred ether to the sender's own address on L1.
    receive() external payable {
        _initiateWithdrawal(msg.sender, Constants.RECEIVE_DEFAULT_GAS, "");
    }

    /// @notice Removes the ether held here from L2's supply. Anyone may call it.
    function burn() external {
        uint256 amount = address(this).balance;
        new Burner{value: amount}();
        emit WithdrawerBalanceBurnt(amount);
    }

    /**
     * @notice Sends a message and the attached ether to L1.
     * @param target   Address to call on L1.
     * @param gasLimit Least gas that the call on L1 gets.
     * @param data     Calldata of the call on L1.
     */
    function initiateWithdrawal(address target, uint256 gasLimit, bytes calldata data)
        external
        payable
    {
        _initiateWithdrawal(target, gasLimit, data);
    }

    /// @notice Nonce of the next message, with the message version in its top two bytes.
    function messageNonce() public view returns (uint256) {
        return (uint256(MESSAGE_VERSION) << 240) | _msgNonce;
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "1.0.0";
    }

    function _initiateWithdrawal(address target, uint256 gasLimit, bytes memory data) private {
        uint256 nonce = messageNonce();
        bytes32 withdrawalHash =
            keccak256(abi.encode(nonce, msg.sender, target, msg.value, gasLimit, data));
        sentMessages[withdrawalHash] = true;
        emit MessagePassed(nonce, msg.sender, target, msg.value, gasLimit, data, withdrawalHash);
        ++_msgNonce;
    }
}

/**
 * @title Burner
 * @notice Destroys the ether it is created with. A contract that selfdestructs to itself in the
 * transaction that created it is removed together with its balance (EIP-6780).
 */
contract Burner {
    constructor() payable {
        selfdestruct(payable(address(this)));
    }
}
