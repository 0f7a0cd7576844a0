// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Constants} from "../../src/libraries/Constants.sol";
import {CrossDomainMessenger} from "../../src/universal/CrossDomainMessenger.sol";
import {OptimismMintableERC20} from "../../src/universal/OptimismMintableERC20.sol";
import {Vm} from "../Test.sol";
import {Recorder} from "./Targets.sol";
import {OpenToken} from "./Tokens.sol";
import {TwoLayers} from "./TwoLayers.sol";

/**
 * @title BridgeHandler
 * @notice Users of both layers that send ether and tokens back and forth at random, refuse them at
 * random, and replay whatever there ever was, with any gas.
 */
contract BridgeHandler is TwoLayers {
    enum State {
        Sent,
        Arrived
    }

    struct Message {
        bool toL2;
        State state;
        uint256 ether_;
        uint256 tokens;
        Deposit deposit;
        Withdrawal withdrawal;
    }

    uint256 internal constant USERS = 3;
    uint32 internal constant GAS = 300_000;

    OpenToken public l1Token;
    OptimismMintableERC20 public l2Token;
    Recorder[USERS] public l1Users;
    Recorder[USERS] public l2Users;
    Message[] internal _messages;

    /// @notice How often the message with this hash was reported as relayed.
    mapping(bytes32 messageHash => uint256) public relays;

    uint256 public failures;
    uint256 public replays;

    constructor() {
        setUp();
        l1Token = new OpenToken();
        l2Token = OptimismMintableERC20(
            L2_FACTORY.createOptimismMintableERC20(address(l1Token), "Open", "OPEN")
        );
        for (uint256 i = 0; i < USERS; ++i) {
            l1Users[i] = new Recorder();
            l2Users[i] = new Recorder();
            vm.deal(address(l1Users[i]), 1000);
            l1Token.mint(address(l1Users[i]), 1000);
            vm.prank(address(l1Users[i]));
            l1Token.approve(address(l1Bridge), type(uint256).max);
        }
    }

    // What users do.

    function depositEther(uint256 from, uint256 to, uint256 amount) external {
        address user = address(l1Users[from % USERS]);
        if (user.balance == 0) return;
        amount = 1 + amount % user.balance;
        vm.recordLogs();
        vm.prank(user);
        l1Bridge.bridgeETHTo{value: amount}(address(l2Users[to % USERS]), GAS, "");
        _sentToL2(amount, 0);
    }

    function depositTokens(uint256 from, uint256 to, uint256 amount) external {
        address user = address(l1Users[from % USERS]);
        amount %= l1Token.balanceOf(user) + 1;
        // Nobody can receive at the zero address: this message fails for good.
        address receiver = to % 7 == 0 ? address(0) : address(l2Users[to % USERS]);
        vm.recordLogs();
        vm.prank(user);
        l1Bridge.bridgeERC20To(address(l1Token), address(l2Token), receiver, amount, GAS, "");
        _sentToL2(0, amount);
    }

    function withdrawEther(uint256 from, uint256 to, uint256 amount) external {
        address user = address(l2Users[from % USERS]);
        if (user.balance == 0) return;
        amount = 1 + amount % user.balance;
        vm.recordLogs();
        vm.prank(user);
        L2_BRIDGE.withdrawTo{value: amount}(
            Constants.LEGACY_ERC20_ETH, address(l1Users[to % USERS]), amount, GAS, ""
        );
        _sentToL1(amount, 0);
    }

    function withdrawTokens(uint256 from, uint256 to, uint256 amount) external {
        address user = address(l2Users[from % USERS]);
        amount %= l2Token.balanceOf(user) + 1;
        address receiver = to % 7 == 0 ? address(0) : address(l1Users[to % USERS]);
        vm.recordLogs();
        vm.prank(user);
        L2_BRIDGE.withdrawTo(address(l2Token), receiver, amount, GAS, "");
        _sentToL1(0, amount);
    }

    function refuse(uint256 user, bool onL1, bool refuses) external {
        (onL1 ? l1Users : l2Users)[user % USERS].setRefuses(refuses);
    }

    // What the system does.

    function carry(uint256 which) external {
        if (_messages.length == 0) return;
        Message storage message = _messages[which % _messages.length];
        if (message.state != State.Sent) return;
        message.state = State.Arrived;
        vm.recordLogs();
        bool success = message.toL2 ? _execute(message.deposit) : _finalize(message.withdrawal);
        vm.assertTrue(success);
        _countRelays();
    }

    // What anyone may try.

    function replay(uint256 which, uint256 gasLimit, uint256 value) external {
        if (_messages.length == 0) return;
        Message storage message = _messages[which % _messages.length];
        (address messenger, bytes memory data) = _call(message);
        address stranger = address(0xbad);
        vm.deal(stranger, 1);
        vm.recordLogs();
        vm.prank(stranger);
        (bool success,) = messenger.call{
            gas: _bound(gasLimit, 30_000, 1_000_000), value: value % 8 == 0 ? 1 : 0
        }(
            data
        );
        if (success) ++replays;
        _countRelays();
    }

    // What must hold.

    function messageCount() external view returns (uint256) {
        return _messages.length;
    }

    /// @dev Hash and messenger of the message, and whether it has arrived.
    function messageAt(uint256 i)
        external
        view
        returns (bytes32 messageHash, CrossDomainMessenger messenger, bool arrived)
    {
        (address account, bytes memory data) = _call(_messages[i]);
        return (keccak256(data), CrossDomainMessenger(account), _messages[i].state == State.Arrived);
    }

    /// @dev Ether and tokens of messages that did not succeed, by direction and by whether they
    /// have arrived.
    function underway(bool toL2, bool arrived)
        external
        view
        returns (uint256 ether_, uint256 tokens)
    {
        for (uint256 i = 0; i < _messages.length; ++i) {
            Message storage message = _messages[i];
            if (message.toL2 != toL2 || (message.state == State.Arrived) != arrived) continue;
            (address messenger, bytes memory data) = _call(message);
            if (CrossDomainMessenger(messenger).successfulMessages(keccak256(data))) continue;
            ether_ += message.ether_;
            tokens += message.tokens;
        }
    }

    function etherOfUsers(bool onL1) external view returns (uint256 sum) {
        for (uint256 i = 0; i < USERS; ++i) {
            sum += address(onL1 ? l1Users[i] : l2Users[i]).balance;
        }
    }

    function tokensOfUsersOnL1() external view returns (uint256 sum) {
        for (uint256 i = 0; i < USERS; ++i) {
            sum += l1Token.balanceOf(address(l1Users[i]));
        }
    }

    function escrow() external view returns (uint256 counted, uint256 held) {
        counted = l1Bridge.deposits(address(l1Token), address(l2Token));
        held = l1Token.balanceOf(address(l1Bridge));
    }

    function balances() external view returns (uint256 ofPortal, uint256 ofL1, uint256 ofL2) {
        return
            (address(portal).balance, address(l1Messenger).balance, address(L2_MESSENGER).balance);
    }

    function _sentToL2(uint256 ether_, uint256 tokens) private {
        Message storage message = _messages.push();
        message.toL2 = true;
        message.deposit = _deposit(vm.getRecordedLogs());
        message.ether_ = ether_;
        message.tokens = tokens;
    }

    function _sentToL1(uint256 ether_, uint256 tokens) private {
        Message storage message = _messages.push();
        message.withdrawal = _withdrawal(vm.getRecordedLogs());
        message.ether_ = ether_;
        message.tokens = tokens;
    }

    function _call(Message storage message) private view returns (address, bytes memory) {
        if (message.toL2) return (address(L2_MESSENGER), message.deposit.data);
        return (address(l1Messenger), message.withdrawal.data);
    }

    function _countRelays() private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == Constants.TOPIC_RELAYED_MESSAGE) ++relays[logs[i].topics[1]];
            if (logs[i].topics[0] == Constants.TOPIC_FAILED_RELAYED_MESSAGE) ++failures;
        }
    }
}
