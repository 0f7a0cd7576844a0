// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";

import {L1CrossDomainMessenger} from "../src/L1/L1CrossDomainMessenger.sol";
import {IOptimismPortal2} from "../src/L1/interfaces/IOptimismPortal2.sol";
import {ISystemConfig} from "../src/L1/interfaces/ISystemConfig.sol";
import {L2CrossDomainMessenger} from "../src/L2/L2CrossDomainMessenger.sol";
import {AddressAliasHelper} from "../src/libraries/AddressAliasHelper.sol";
import {Constants} from "../src/libraries/Constants.sol";
import {Encoding} from "../src/libraries/Encoding.sol";
import {CrossDomainMessenger} from "../src/universal/CrossDomainMessenger.sol";
import {Proxy} from "../src/universal/Proxy.sol";
import {ProxyAdminOwned} from "../src/universal/ProxyAdminOwned.sol";
import {Test} from "./Test.sol";
import {GasMeter, Recorder, Reentrant, ReturnBomb} from "./support/Targets.sol";
import {TwoLayers} from "./support/TwoLayers.sol";

contract CrossDomainMessengerTest is TwoLayers {
    // Origin of simulated calls.
    address internal constant ESTIMATOR = address(1);

    Recorder internal target;

    function setUp() public override {
        super.setUp();
        target = new Recorder();
    }

    // What clients rely on.

    function test_interface_isThatOfTheProtocol() public pure {
        _selector(CrossDomainMessenger.sendMessage.selector, 0x3dbb202b);
        _selector(CrossDomainMessenger.relayMessage.selector, 0xd764ad0b);
        _selector(CrossDomainMessenger.xDomainMessageSender.selector, 0x6e296e45);
        // From the ABI of the OP Stack, hashed by hand.
        _selector(bytes4(keccak256("successfulMessages(bytes32)")), 0xb1b1b209);
        _selector(bytes4(keccak256("failedMessages(bytes32)")), 0xa4e7f8bd);
        vm.assertEq(CrossDomainMessenger.SentMessage.selector, Constants.TOPIC_SENT_MESSAGE);
        vm.assertEq(
            CrossDomainMessenger.SentMessageExtension1.selector,
            keccak256("SentMessageExtension1(address,uint256)")
        );
        vm.assertEq(CrossDomainMessenger.RelayedMessage.selector, Constants.TOPIC_RELAYED_MESSAGE);
        vm.assertEq(
            CrossDomainMessenger.FailedRelayedMessage.selector,
            Constants.TOPIC_FAILED_RELAYED_MESSAGE
        );
    }

    function test_getters_answerOnBothLayers() public view {
        vm.assertEq(l1Messenger.otherMessenger(), address(L2_MESSENGER));
        vm.assertEq(l1Messenger.OTHER_MESSENGER(), address(L2_MESSENGER));
        vm.assertEq(address(l1Messenger.portal()), address(portal));
        vm.assertEq(address(l1Messenger.PORTAL()), address(portal));
        vm.assertEq(address(l1Messenger.systemConfig()), address(systemConfig));
        vm.assertEq(
            address(l1Messenger.superchainConfig()), address(systemConfig.superchainConfig())
        );
        vm.assertEq(L2_MESSENGER.otherMessenger(), address(l1Messenger));
        vm.assertEq(L2_MESSENGER.OTHER_MESSENGER(), address(l1Messenger));
        vm.assertEq(L2_MESSENGER.l1CrossDomainMessenger(), address(l1Messenger));
        vm.assertFalse(L2_MESSENGER.paused());
        vm.assertEq(l1Messenger.MESSAGE_VERSION(), 1);
        vm.assertEq(l1Messenger.messageNonce(), uint256(1) << 240);
        vm.assertTrue(bytes(l1Messenger.version()).length != 0);
        vm.assertTrue(bytes(L2_MESSENGER.version()).length != 0);
    }

    function test_layout_isThatOfTheProtocol() public {
        _slot(address(l1Messenger), 204, _word(Constants.DEFAULT_L2_SENDER));
        _slot(address(l1Messenger), 207, _word(address(L2_MESSENGER)));
        _slot(address(l1Messenger), 251, _word(address(systemConfig)));
        _slot(address(l1Messenger), 252, _word(address(portal)));
        vm.assertEq(vm.load(address(l1Messenger), INITIALIZABLE), bytes32(uint256(1)));
        _slot(address(l1Messenger), 205, bytes32(0));
        l1Messenger.sendMessage(BOB, "", 0);
        _slot(address(l1Messenger), 205, bytes32(uint256(1)));

        vm.store(address(L2_MESSENGER), _mapped("message", 203), bytes32(uint256(1)));
        vm.assertTrue(L2_MESSENGER.successfulMessages("message"));
        vm.assertFalse(L2_MESSENGER.failedMessages("message"));
        vm.store(address(L2_MESSENGER), _mapped("other", 206), bytes32(uint256(1)));
        vm.assertTrue(L2_MESSENGER.failedMessages("other"));
    }

    // Initialization.

    function test_initialize_ofL2MatchesWhatGenesisWrites() public {
        address proxy = _install(
            address(new L2CrossDomainMessenger()),
            abi.encodeCall(L2CrossDomainMessenger.initialize, (address(l1Messenger)))
        );
        uint256[5] memory slots = [uint256(203), 204, 205, 206, 207];
        for (uint256 i = 0; i < slots.length; ++i) {
            _slot(proxy, slots[i], vm.load(address(L2_MESSENGER), bytes32(slots[i])));
        }
        vm.assertEq(vm.load(proxy, INITIALIZABLE), vm.load(address(L2_MESSENGER), INITIALIZABLE));
    }

    function test_initialize_twiceReverts() public {
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        vm.prank(address(admin));
        // The admin's calls of other functions are delegated as well.
        l1Messenger.initialize(ISystemConfig(address(1)), IOptimismPortal2(payable(address(2))));
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        L2_MESSENGER.initialize(address(1));
    }

    function test_initialize_byStrangersReverts() public {
        address payable proxy = payable(address(new Proxy(address(admin))));
        admin.upgrade(proxy, address(new L2CrossDomainMessenger()));
        vm.expectRevert(ProxyAdminOwned.NotProxyAdmin.selector);
        vm.prank(ALICE);
        L2CrossDomainMessenger(proxy).initialize(ALICE);
        // The owner of the admin may.
        L2CrossDomainMessenger(proxy).initialize(BOB);
        vm.assertEq(L2CrossDomainMessenger(proxy).otherMessenger(), BOB);
    }

    function test_initialize_ofImplementationsReverts() public {
        L1CrossDomainMessenger l1 = new L1CrossDomainMessenger();
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        l1.initialize(ISystemConfig(address(1)), IOptimismPortal2(payable(address(2))));
        L2CrossDomainMessenger l2 = new L2CrossDomainMessenger();
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        l2.initialize(address(1));
    }

    function test_initialize_duringAMessageKeepsItsSender() public {
        vm.store(address(l1Messenger), bytes32(uint256(204)), _word(ALICE));
        vm.store(address(l1Messenger), INITIALIZABLE, 0);
        l1Messenger.initialize(
            ISystemConfig(address(systemConfig)), IOptimismPortal2(payable(address(portal)))
        );
        vm.assertEq(l1Messenger.xDomainMessageSender(), ALICE);
    }

    // Sending.

    function testFuzz_sendMessage_fromL1IsADeposit(
        address to,
        uint96 value,
        uint32 minGasLimit,
        bytes calldata message
    ) public {
        uint256 nonce = l1Messenger.messageNonce();
        vm.deal(ALICE, value);
        vm.expectEmit(address(l1Messenger));
        emit CrossDomainMessenger.SentMessage(to, ALICE, message, nonce, minGasLimit);
        vm.expectEmit(address(l1Messenger));
        emit CrossDomainMessenger.SentMessageExtension1(ALICE, value);
        vm.recordLogs();
        vm.prank(ALICE);
        l1Messenger.sendMessage{value: value}(to, message, minGasLimit);

        Deposit memory deposit = _deposit(vm.getRecordedLogs());
        vm.assertEq(deposit.from, AddressAliasHelper.applyL1ToL2Alias(address(l1Messenger)));
        vm.assertEq(deposit.to, address(L2_MESSENGER));
        vm.assertEq(deposit.mint, value);
        vm.assertEq(deposit.value, value);
        vm.assertEq(deposit.gasLimit, l1Messenger.baseGas(message, minGasLimit));
        vm.assertEq(deposit.data, _encoded(nonce, ALICE, to, value, minGasLimit, message));
        vm.assertEq(l1Messenger.messageNonce(), nonce + 1);
        vm.assertEq(address(portal).balance, value);
    }

    function testFuzz_sendMessage_fromL2IsAWithdrawal(
        address to,
        uint96 value,
        uint32 minGasLimit,
        bytes calldata message
    ) public {
        uint256 nonce = L2_MESSENGER.messageNonce();
        vm.deal(ALICE, value);
        vm.expectEmit(address(L2_MESSENGER));
        emit CrossDomainMessenger.SentMessage(to, ALICE, message, nonce, minGasLimit);
        vm.expectEmit(address(L2_MESSENGER));
        emit CrossDomainMessenger.SentMessageExtension1(ALICE, value);
        vm.recordLogs();
        vm.prank(ALICE);
        L2_MESSENGER.sendMessage{value: value}(to, message, minGasLimit);

        Withdrawal memory w = _withdrawal(vm.getRecordedLogs());
        vm.assertEq(w.sender, address(L2_MESSENGER));
        vm.assertEq(w.target, address(l1Messenger));
        vm.assertEq(w.value, value);
        vm.assertEq(w.gasLimit, L2_MESSENGER.baseGas(message, minGasLimit));
        vm.assertEq(w.data, _encoded(nonce, ALICE, to, value, minGasLimit, message));
        vm.assertEq(L2_MESSENGER.messageNonce(), nonce + 1);
    }

    // Gas.

    function test_baseGas_isThatOfTheProtocol() public view {
        // 21000 + 285000 + floor(64 * minGasLimit / 63) + 16 * (length + 260), worked out by hand.
        vm.assertEq(l1Messenger.baseGas("", 0), 310_160);
        vm.assertEq(l1Messenger.baseGas("", 200_000), 513_334);
        vm.assertEq(l1Messenger.baseGas(new bytes(100), 100_000), 413_347);
        vm.assertEq(l1Messenger.baseGas("", type(uint32).max), 310_160 + 4_363_141_379);
        // From 11,616 bytes on the floor of 40 gas per byte is more.
        vm.assertEq(l1Messenger.baseGas(new bytes(119_740), 0), 21_000 + 120_000 * 40);
    }

    function testFuzz_baseGas_coversTransactionAndPortal(uint32 length, uint32 minGasLimit)
        public
        view
    {
        bytes memory message = new bytes(_bound(length, 0, 119_700));
        bytes memory data = _encoded(_versioned(1), ALICE, BOB, 1, minGasLimit, message);
        uint64 limit = l1Messenger.baseGas(message, minGasLimit);
        vm.assertTrue(limit >= portal.minimumGasLimit(uint64(data.length)));
        vm.assertTrue(limit >= 21_000 + 16 * data.length + 285_000);
    }

    function testFuzz_relayMessage_givesTheTargetItsGas(
        uint16 length,
        uint32 minGasLimit,
        bool toL2
    ) public {
        GasMeter meter = new GasMeter();
        // Beyond this the 64th that the proxy's own call keeps back is more than the overhead.
        uint32 gasLimit = uint32(_bound(minGasLimit, 30_000, 8_000_000));
        bytes memory message = new bytes(_bound(length, 1, 8_000));
        vm.recordLogs();
        if (toL2) {
            l1Messenger.sendMessage(address(meter), message, gasLimit);
            vm.assertTrue(_carryToL2());
        } else {
            L2_MESSENGER.sendMessage(address(meter), message, gasLimit);
            vm.assertTrue(_carryToL1());
        }
        vm.assertTrue(meter.gasGiven() >= gasLimit);
    }

    function testFuzz_relayMessage_withAnyGasGivesEnoughOrFails(uint32 gasGiven, uint16 length)
        public
    {
        // Whoever replays chooses the gas, and must not be able to starve the target with it.
        GasMeter meter = new GasMeter();
        bytes memory data =
            _failed(address(meter), 0, 100_000, new bytes(_bound(length, 1, 50_000)));
        uint256 limit = _bound(gasGiven, 100_000, 2_000_000);
        (bool success,) = address(L2_MESSENGER).call{gas: limit}(data);
        bytes32 messageHash = keccak256(data);
        if (success && L2_MESSENGER.successfulMessages(messageHash)) {
            vm.assertTrue(meter.gasGiven() >= 100_000);
        } else {
            vm.assertEq(meter.gasGiven(), 0);
            vm.assertTrue(L2_MESSENGER.failedMessages(messageHash));
        }
    }

    function test_relayMessage_neverStarvesTheTargetByALittle() public {
        // From too little gas to enough, in steps that are smaller than any of the reserves. Little
        // gas is bounded by what is reserved after the call, much gas by the 64th of EIP-150.
        _checkBoundary(100_000, 150_000, 250);
        _checkBoundary(10_000_000, 10_100_000, 1000);
    }

    function test_relayMessage_withTooLittleGasCanBeReplayed() public {
        vm.recordLogs();
        vm.prank(ALICE);
        l1Messenger.sendMessage{value: 1 ether}(address(target), "hello", 500_000);
        Deposit memory deposit = _deposit(vm.getRecordedLogs());
        deposit.gasLimit = 300_000;
        vm.recordLogs();
        vm.assertTrue(_execute(deposit));
        vm.assertEq(_count(vm.getRecordedLogs(), Constants.TOPIC_FAILED_RELAYED_MESSAGE), 1);
        vm.assertEq(target.calls(), 0);
        vm.assertEq(address(L2_MESSENGER).balance, 1 ether);

        vm.assertTrue(_replay(address(L2_MESSENGER), deposit.data));
        vm.assertEq(target.calls(), 1);
        vm.assertEq(address(target).balance, 1 ether);
    }

    function test_relayMessage_ofImpossibleGasFails() public {
        bytes memory data =
            _encoded(_versioned(7), ALICE, address(target), 0, type(uint256).max, "message");
        vm.assertTrue(_fromL1Messenger(0, data));
        vm.assertTrue(L2_MESSENGER.failedMessages(keccak256(data)));
        vm.assertEq(target.calls(), 0);
    }

    function test_relayMessage_survivesAHugeAnswer() public {
        address bomb = address(new ReturnBomb());
        vm.recordLogs();
        l1Messenger.sendMessage(bomb, "boom", 600_000);
        Deposit memory deposit = _deposit(vm.getRecordedLogs());
        vm.assertTrue(_execute(deposit));
        vm.assertTrue(L2_MESSENGER.successfulMessages(keccak256(deposit.data)));
    }

    function test_relayMessage_whileEstimatingRevertsOnFailure() public {
        target.setRefuses(true);
        bytes memory data = _encoded(_versioned(3), ALICE, address(target), 0, 0, "message");
        vm.expectRevert(
            abi.encodeWithSelector(CrossDomainMessenger.RelayFailed.selector, keccak256(data))
        );
        vm.prank(AddressAliasHelper.applyL1ToL2Alias(address(l1Messenger)), ESTIMATOR);
        L2_MESSENGER.relayMessage(_versioned(3), ALICE, address(target), 0, 0, "message");
    }

    // Relaying.

    function testFuzz_relayMessage_toL2ReachesTheTarget(
        address sender,
        uint96 value,
        bytes calldata message
    ) public {
        vm.assume(sender != address(0) && sender != address(admin));
        vm.assume(message.length != 0 && sender != Constants.DEFAULT_L2_SENDER);
        vm.deal(sender, value);
        vm.recordLogs();
        vm.prank(sender);
        l1Messenger.sendMessage{value: value}(
            address(target), message, 400_000 + 2000 * uint32(message.length)
        );
        Deposit memory deposit = _deposit(vm.getRecordedLogs());
        vm.expectEmit(address(L2_MESSENGER));
        emit CrossDomainMessenger.RelayedMessage(keccak256(deposit.data));
        vm.assertTrue(_execute(deposit));
        _checkReached(L2_MESSENGER, deposit.data, sender, value, message);
    }

    function testFuzz_relayMessage_toL1ReachesTheTarget(
        address sender,
        uint96 value,
        bytes calldata message
    ) public {
        vm.assume(sender != address(0) && sender != Constants.L2_PROXY_ADMIN);
        vm.assume(message.length != 0 && sender != Constants.DEFAULT_L2_SENDER);
        vm.deal(address(portal), value);
        vm.deal(sender, value);
        vm.recordLogs();
        vm.prank(sender);
        L2_MESSENGER.sendMessage{value: value}(
            address(target), message, 400_000 + 2000 * uint32(message.length)
        );
        Withdrawal memory w = _withdrawal(vm.getRecordedLogs());
        vm.expectEmit(address(l1Messenger));
        emit CrossDomainMessenger.RelayedMessage(keccak256(w.data));
        vm.assertTrue(_finalize(w));
        _checkReached(l1Messenger, w.data, sender, value, message);
    }

    function test_relayMessage_ofAFailedCallIsReplayedOnce() public {
        target.setRefuses(true);
        vm.recordLogs();
        vm.prank(ALICE);
        l1Messenger.sendMessage{value: 2 ether}(address(target), "hello", 200_000);
        Deposit memory deposit = _deposit(vm.getRecordedLogs());
        bytes32 messageHash = keccak256(deposit.data);
        vm.expectEmit(address(L2_MESSENGER));
        emit CrossDomainMessenger.FailedRelayedMessage(messageHash);
        vm.assertTrue(_execute(deposit));
        vm.assertTrue(L2_MESSENGER.failedMessages(messageHash));
        vm.assertFalse(L2_MESSENGER.successfulMessages(messageHash));
        vm.assertEq(address(L2_MESSENGER).balance, 2 ether);

        // A replay may fail again.
        vm.assertTrue(_replay(address(L2_MESSENGER), deposit.data));
        vm.assertFalse(L2_MESSENGER.successfulMessages(messageHash));

        target.setRefuses(false);
        vm.assertTrue(_replay(address(L2_MESSENGER), deposit.data));
        vm.assertTrue(L2_MESSENGER.successfulMessages(messageHash));
        vm.assertEq(address(target).balance, 2 ether);
        vm.assertEq(target.sender(), ALICE);

        vm.expectRevert(
            abi.encodeWithSelector(CrossDomainMessenger.AlreadyRelayed.selector, messageHash)
        );
        L2_MESSENGER.relayMessage(_versioned(0), ALICE, address(target), 2 ether, 200_000, "hello");
        vm.assertEq(target.calls(), 1);
    }

    function test_relayMessage_failedOnL1IsReplayed() public {
        target.setRefuses(true);
        vm.deal(address(portal), 3 ether);
        vm.recordLogs();
        vm.prank(ALICE);
        L2_MESSENGER.sendMessage{value: 3 ether}(address(target), "hello", 200_000);
        Withdrawal memory w = _withdrawal(vm.getRecordedLogs());
        vm.assertTrue(_finalize(w));
        vm.assertEq(address(l1Messenger).balance, 3 ether);
        target.setRefuses(false);
        vm.assertTrue(_replay(address(l1Messenger), w.data));
        vm.assertEq(address(target).balance, 3 ether);
        vm.assertFalse(_replay(address(l1Messenger), w.data));
    }

    function test_relayMessage_anotherTimeByThePeerReverts() public {
        bytes memory data = _encoded(_versioned(0), ALICE, address(target), 0, 0, "message");
        vm.assertTrue(_fromL1Messenger(0, data));
        vm.assertEq(target.calls(), 1);
        vm.assertFalse(_fromL1Messenger(0, data));
        target.setRefuses(true);
        data = _encoded(_versioned(1), ALICE, address(target), 0, 0, "message");
        vm.assertTrue(_fromL1Messenger(0, data));
        vm.expectRevert(
            abi.encodeWithSelector(CrossDomainMessenger.AlreadyFailed.selector, keccak256(data))
        );
        vm.prank(AddressAliasHelper.applyL1ToL2Alias(address(l1Messenger)));
        L2_MESSENGER.relayMessage(_versioned(1), ALICE, address(target), 0, 0, "message");
    }

    function test_relayMessage_withWrongValueReverts() public {
        address peer = AddressAliasHelper.applyL1ToL2Alias(address(l1Messenger));
        vm.deal(peer, 10 ether);
        vm.expectRevert(
            abi.encodeWithSelector(CrossDomainMessenger.WrongValue.selector, 2 ether, 1 ether)
        );
        vm.prank(peer);
        L2_MESSENGER.relayMessage{value: 1 ether}(
            _versioned(0), ALICE, address(target), 2 ether, 0, "message"
        );

        bytes memory data = _failed(address(target), 2 ether, 0, "message");
        vm.expectRevert(abi.encodeWithSelector(CrossDomainMessenger.WrongValue.selector, 0, 1));
        vm.prank(ALICE);
        L2_MESSENGER.relayMessage{value: 1}(
            _versioned(9), ALICE, address(target), 2 ether, 0, "message"
        );
        vm.assertTrue(_replay(address(L2_MESSENGER), data));
    }

    function test_relayMessage_byStrangersReverts() public {
        bytes memory expected = abi.encodeWithSelector(
            CrossDomainMessenger.NotReplayable.selector,
            keccak256(_encoded(_versioned(0), ALICE, address(target), 0, 0, "message"))
        );
        // The messenger of L1 without its alias is some other account of L2.
        address[3] memory strangers = [ALICE, address(l1Messenger), address(L2_BRIDGE)];
        for (uint256 i = 0; i < strangers.length; ++i) {
            vm.expectRevert(expected);
            vm.prank(strangers[i]);
            L2_MESSENGER.relayMessage(_versioned(0), ALICE, address(target), 0, 0, "message");
        }
        vm.expectRevert(expected);
        vm.prank(ALICE);
        l1Messenger.relayMessage(_versioned(0), ALICE, address(target), 0, 0, "message");
        // A withdrawal that someone other than the messenger of L2 initiated.
        vm.assertFalse(
            portal.finalize(
                ALICE,
                address(l1Messenger),
                0,
                200_000,
                _encoded(_versioned(0), ALICE, address(target), 0, 0, "message")
            )
        );
        vm.assertEq(target.calls(), 0);
    }

    function testFuzz_relayMessage_needsEveryFieldOfTheFailedMessage(uint8 field) public {
        _failed(address(target), 1 ether, 100_000, "message");
        uint256 f = field % 6;
        vm.expectRevert();
        L2_MESSENGER.relayMessage(
            _versioned(f == 0 ? 8 : 9),
            f == 1 ? BOB : ALICE,
            f == 2 ? BOB : address(target),
            f == 3 ? 2 ether : 1 ether,
            f == 4 ? 99_999 : 100_000,
            f == 5 ? bytes("massage") : bytes("message")
        );
    }

    function test_relayMessage_toUnsafeTargetsReverts() public {
        address[2] memory onL2 = [address(L2_MESSENGER), address(PASSER)];
        for (uint256 i = 0; i < onL2.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(CrossDomainMessenger.UnsafeTarget.selector, onL2[i])
            );
            vm.prank(AddressAliasHelper.applyL1ToL2Alias(address(l1Messenger)));
            L2_MESSENGER.relayMessage(_versioned(0), ALICE, onL2[i], 0, 0, "message");
        }
        address[2] memory onL1 = [address(l1Messenger), address(portal)];
        for (uint256 i = 0; i < onL1.length; ++i) {
            vm.recordLogs();
            L2_MESSENGER.sendMessage(onL1[i], "message", 100_000);
            Withdrawal memory w = _withdrawal(vm.getRecordedLogs());
            vm.assertFalse(_finalize(w));
            vm.assertFalse(l1Messenger.failedMessages(keccak256(w.data)));
        }
    }

    function test_relayMessage_cannotSendDepositsAsTheMessenger() public {
        // What the attack would look like: a withdrawal whose target is the portal, whose deposit
        // L2 would take for one of the messenger.
        bytes memory forged = abi.encodeCall(
            portal.depositTransaction,
            (
                address(L2_MESSENGER),
                0,
                1_000_000,
                false,
                _encoded(_versioned(99), address(l1Bridge), address(L2_BRIDGE), 0, 0, "")
            )
        );
        vm.prank(ALICE);
        vm.recordLogs();
        L2_MESSENGER.sendMessage(address(portal), forged, 1_000_000);
        Withdrawal memory w = _withdrawal(vm.getRecordedLogs());
        vm.recordLogs();
        vm.assertFalse(_finalize(w));
        vm.assertEq(_count(vm.getRecordedLogs(), Constants.TOPIC_TRANSACTION_DEPOSITED), 0);
    }

    function test_relayMessage_whilePausedReverts() public {
        vm.recordLogs();
        L2_MESSENGER.sendMessage(address(target), "message", 100_000);
        Withdrawal memory w = _withdrawal(vm.getRecordedLogs());
        systemConfig.setPaused(true);
        vm.assertTrue(l1Messenger.paused());
        vm.assertFalse(_finalize(w));
        vm.expectRevert(CrossDomainMessenger.Paused.selector);
        l1Messenger.relayMessage(_versioned(0), ALICE, address(target), 0, 0, "message");
        systemConfig.setPaused(false);
        vm.assertTrue(_finalize(w));
        vm.assertEq(target.calls(), 1);
    }

    function test_relayMessage_ofUnknownVersionReverts() public {
        vm.expectRevert(
            abi.encodeWithSelector(CrossDomainMessenger.UnsupportedVersion.selector, uint16(2))
        );
        L2_MESSENGER.relayMessage(uint256(2) << 240, ALICE, address(target), 0, 0, "message");
    }

    function test_relayMessage_ofVersionZeroLooksAtItsOldHash() public {
        // keccak256(cbd4ece9, abi.encode(target, sender, message, nonce)).
        bytes memory old =
            abi.encodeWithSelector(0xcbd4ece9, address(target), ALICE, bytes("message"), 5);
        vm.store(address(L2_MESSENGER), _mapped(keccak256(old), 203), bytes32(uint256(1)));
        vm.expectRevert(
            abi.encodeWithSelector(CrossDomainMessenger.AlreadyRelayed.selector, keccak256(old))
        );
        vm.prank(AddressAliasHelper.applyL1ToL2Alias(address(l1Messenger)));
        L2_MESSENGER.relayMessage(5, ALICE, address(target), 0, 0, "message");
        // One that was not relayed then is known by its new hash now.
        bytes memory data = _encoded(6, ALICE, address(target), 0, 0, "message");
        vm.assertTrue(_fromL1Messenger(0, data));
        vm.assertTrue(L2_MESSENGER.successfulMessages(keccak256(data)));
        vm.assertFalse(_fromL1Messenger(0, data));
    }

    function test_xDomainMessageSender_outsideOfAMessageReverts() public {
        vm.expectRevert(CrossDomainMessenger.NoMessage.selector);
        l1Messenger.xDomainMessageSender();
        vm.expectRevert(CrossDomainMessenger.NoMessage.selector);
        L2_MESSENGER.xDomainMessageSender();
    }

    // Reentrancy.

    function test_relayMessage_fromWithinAnotherFails() public {
        bytes memory inner = _failed(address(target), 1 ether, 0, "message");
        Reentrant reentrant = new Reentrant();
        reentrant.aim(address(L2_MESSENGER), inner);
        vm.recordLogs();
        vm.prank(BOB);
        l1Messenger.sendMessage(address(reentrant), "outer", 2_000_000);
        Deposit memory outer = _deposit(vm.getRecordedLogs());
        vm.assertTrue(_execute(outer));

        // The call itself did not revert, but the target was not called in the wrong name.
        vm.assertTrue(reentrant.succeeded());
        vm.assertEq(target.calls(), 0);
        vm.assertEq(reentrant.senderAfter(), BOB);
        vm.assertTrue(L2_MESSENGER.successfulMessages(keccak256(outer.data)));
        vm.assertFalse(L2_MESSENGER.successfulMessages(keccak256(inner)));
        vm.assertTrue(_replay(address(L2_MESSENGER), inner));
        vm.assertEq(target.calls(), 1);
        vm.assertEq(target.sender(), ALICE);
    }

    function test_relayMessage_fromWithinItselfPaysOnce() public {
        Reentrant reentrant = new Reentrant();
        reentrant.setRequired(true);
        // Aimed at nothing that answers, the first delivery fails and can be replayed.
        reentrant.aim(address(target), hex"00");
        target.setRefuses(true);
        vm.deal(address(L2_MESSENGER), 5 ether);
        vm.recordLogs();
        vm.prank(ALICE);
        l1Messenger.sendMessage{value: 1 ether}(address(reentrant), "take", 1_000_000);
        Deposit memory deposit = _deposit(vm.getRecordedLogs());
        vm.assertTrue(_execute(deposit));
        vm.assertTrue(L2_MESSENGER.failedMessages(keccak256(deposit.data)));
        vm.assertEq(address(L2_MESSENGER).balance, 6 ether);

        reentrant.aim(address(L2_MESSENGER), deposit.data);
        vm.assertTrue(_replay(address(L2_MESSENGER), deposit.data));
        vm.assertTrue(reentrant.called());
        vm.assertTrue(L2_MESSENGER.successfulMessages(keccak256(deposit.data)));
        vm.assertEq(address(reentrant).balance, 1 ether);
        vm.assertEq(address(L2_MESSENGER).balance, 5 ether);
        vm.assertFalse(_replay(address(L2_MESSENGER), deposit.data));
    }

    function _checkBoundary(uint256 minGasLimit, uint256 start, uint256 step) private {
        GasMeter meter = new GasMeter();
        uint256 reached;
        for (uint240 i = 0; i < 440; ++i) {
            bytes memory data = _encoded(_versioned(i), ALICE, address(meter), 0, minGasLimit, "hi");
            vm.store(address(L2_MESSENGER), _mapped(keccak256(data), 206), bytes32(uint256(1)));
            (bool success,) = address(L2_MESSENGER).call{gas: start + step * uint256(i)}(data);
            if (!success || !L2_MESSENGER.successfulMessages(keccak256(data))) continue;
            ++reached;
            // The meter itself takes a little before it looks.
            vm.assertTrue(meter.gasGiven() + 200 >= minGasLimit);
        }
        vm.assertTrue(reached > 20 && reached < 420);
    }

    /// @dev A message of ALICE with nonce 9 that failed for lack of gas, its ether in the messenger.
    function _failed(address to, uint256 value, uint256 minGasLimit, bytes memory message)
        private
        returns (bytes memory data)
    {
        data = _encoded(_versioned(9), ALICE, to, value, minGasLimit, message);
        vm.deal(address(L2_MESSENGER), address(L2_MESSENGER).balance + value);
        vm.store(address(L2_MESSENGER), _mapped(keccak256(data), 206), bytes32(uint256(1)));
        vm.assertTrue(L2_MESSENGER.failedMessages(keccak256(data)));
    }

    function _fromL1Messenger(uint256 value, bytes memory data) private returns (bool success) {
        vm.prank(AddressAliasHelper.applyL1ToL2Alias(address(l1Messenger)));
        (success,) = address(L2_MESSENGER).call{value: value}(data);
    }

    function _checkReached(
        CrossDomainMessenger messenger,
        bytes memory data,
        address sender,
        uint256 value,
        bytes calldata message
    ) private view {
        vm.assertTrue(messenger.successfulMessages(keccak256(data)));
        vm.assertFalse(messenger.failedMessages(keccak256(data)));
        vm.assertEq(target.calls(), 1);
        vm.assertEq(target.sender(), sender);
        vm.assertEq(target.value(), value);
        vm.assertEq(target.data(), message);
        vm.assertEq(address(target).balance, value);
        vm.assertEq(address(messenger).balance, 0);
    }

    function _slot(address account, uint256 slot, bytes32 expected) private view {
        vm.assertEq(vm.load(account, bytes32(slot)), expected);
    }

    function _encoded(
        uint256 nonce,
        address sender,
        address to,
        uint256 value,
        uint256 minGasLimit,
        bytes memory message
    ) private pure returns (bytes memory) {
        return abi.encodeWithSelector(0xd764ad0b, nonce, sender, to, value, minGasLimit, message);
    }

    function _versioned(uint240 nonce) private pure returns (uint256) {
        return (uint256(1) << 240) | nonce;
    }

    function _mapped(bytes32 key, uint256 slot) private pure returns (bytes32) {
        return keccak256(abi.encode(key, slot));
    }

    function _selector(bytes4 actual, bytes4 expected) private pure {
        vm.assertEq(bytes32(actual), bytes32(expected));
    }
}

contract EncodingTest is Test {
    function testFuzz_versionedNonce_comesApartAgain(uint240 nonce, uint16 version) public pure {
        uint256 versioned = Encoding.encodeVersionedNonce(nonce, version);
        (uint240 nonceBack, uint16 versionBack) = Encoding.decodeVersionedNonce(versioned);
        vm.assertEq(nonceBack, nonce);
        vm.assertEq(versionBack, version);
    }
}
