// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {L1StandardBridge} from "../src/L1/L1StandardBridge.sol";
import {ISystemConfig} from "../src/L1/interfaces/ISystemConfig.sol";
import {L2StandardBridge} from "../src/L2/L2StandardBridge.sol";
import {Constants} from "../src/libraries/Constants.sol";
import {OptimismMintableERC20} from "../src/universal/OptimismMintableERC20.sol";
import {Proxy} from "../src/universal/Proxy.sol";
import {ProxyAdminOwned} from "../src/universal/ProxyAdminOwned.sol";
import {StandardBridge} from "../src/universal/StandardBridge.sol";
import {ICrossDomainMessenger} from "../src/universal/interfaces/ICrossDomainMessenger.sol";
import {Vm} from "./Test.sol";
import {Recorder} from "./support/Targets.sol";
import {
    CallingToken,
    FeeToken,
    LegacyMintable,
    NewMintable,
    OpenToken,
    RefusingToken,
    SilentToken
} from "./support/Tokens.sol";
import {TwoLayers} from "./support/TwoLayers.sol";

contract StandardBridgeTest is TwoLayers {
    uint32 internal constant GAS = 300_000;

    OpenToken internal l1Token;
    OptimismMintableERC20 internal l2Token;

    function setUp() public override {
        super.setUp();
        l1Token = new OpenToken();
        l2Token = OptimismMintableERC20(
            L2_FACTORY.createOptimismMintableERC20(address(l1Token), "Open", "OPEN")
        );
        l1Token.mint(ALICE, 1000);
        vm.prank(ALICE);
        l1Token.approve(address(l1Bridge), type(uint256).max);
    }

    // What clients rely on.

    function test_interface_isThatOfTheProtocol() public pure {
        _selector(StandardBridge.bridgeETH.selector, 0x09fc8843);
        _selector(StandardBridge.bridgeETHTo.selector, 0xe11013dd);
        _selector(StandardBridge.bridgeERC20.selector, 0x87087623);
        _selector(StandardBridge.bridgeERC20To.selector, 0x540abf73);
        _selector(StandardBridge.finalizeBridgeETH.selector, 0x1635f5fd);
        _selector(StandardBridge.finalizeBridgeERC20.selector, 0x0166a07a);
        _selector(L1StandardBridge.depositETH.selector, 0xb1a1a882);
        _selector(L1StandardBridge.depositETHTo.selector, 0x9a2ac6d5);
        _selector(L1StandardBridge.depositERC20.selector, 0x58a997f6);
        _selector(L1StandardBridge.depositERC20To.selector, 0x838b2520);
        _selector(L2StandardBridge.withdraw.selector, 0x32b7006d);
        _selector(L2StandardBridge.withdrawTo.selector, 0xa3a79548);
    }

    function test_getters_answerOnBothLayers() public view {
        vm.assertEq(address(l1Bridge.messenger()), address(l1Messenger));
        vm.assertEq(address(l1Bridge.MESSENGER()), address(l1Messenger));
        vm.assertEq(l1Bridge.otherBridge(), address(L2_BRIDGE));
        vm.assertEq(l1Bridge.OTHER_BRIDGE(), address(L2_BRIDGE));
        vm.assertEq(l1Bridge.l2TokenBridge(), address(L2_BRIDGE));
        vm.assertEq(address(l1Bridge.systemConfig()), address(systemConfig));
        vm.assertEq(address(l1Bridge.superchainConfig()), address(systemConfig.superchainConfig()));
        vm.assertEq(address(L2_BRIDGE.messenger()), address(L2_MESSENGER));
        vm.assertEq(address(L2_BRIDGE.MESSENGER()), address(L2_MESSENGER));
        vm.assertEq(L2_BRIDGE.otherBridge(), address(l1Bridge));
        vm.assertEq(L2_BRIDGE.OTHER_BRIDGE(), address(l1Bridge));
        vm.assertEq(L2_BRIDGE.l1TokenBridge(), address(l1Bridge));
        vm.assertFalse(L2_BRIDGE.paused());
        vm.assertTrue(bytes(l1Bridge.version()).length != 0);
        vm.assertTrue(bytes(L2_BRIDGE.version()).length != 0);
    }

    function test_layout_isThatOfTheProtocol() public {
        vm.assertEq(vm.load(address(l1Bridge), bytes32(uint256(3))), _word(address(l1Messenger)));
        vm.assertEq(vm.load(address(l1Bridge), bytes32(uint256(4))), _word(address(L2_BRIDGE)));
        vm.assertEq(vm.load(address(l1Bridge), bytes32(uint256(50))), _word(address(systemConfig)));
        bytes32 slot =
            keccak256(abi.encode(address(2), keccak256(abi.encode(address(1), uint256(2)))));
        vm.store(address(l1Bridge), slot, bytes32(uint256(77)));
        vm.assertEq(l1Bridge.deposits(address(1), address(2)), 77);
    }

    // Initialization.

    function test_initialize_ofL2MatchesWhatGenesisWrites() public {
        address proxy = _install(
            address(new L2StandardBridge()),
            abi.encodeCall(L2StandardBridge.initialize, (address(l1Bridge)))
        );
        for (uint256 slot = 0; slot < 5; ++slot) {
            vm.assertEq(vm.load(proxy, bytes32(slot)), vm.load(address(L2_BRIDGE), bytes32(slot)));
        }
        vm.assertEq(vm.load(proxy, INITIALIZABLE), vm.load(address(L2_BRIDGE), INITIALIZABLE));
    }

    function test_initialize_isForTheAdminAndOnce() public {
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        l1Bridge.initialize(ICrossDomainMessenger(address(1)), ISystemConfig(address(2)));
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        L2_BRIDGE.initialize(address(1));
        L1StandardBridge implementation = new L1StandardBridge();
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        implementation.initialize(ICrossDomainMessenger(address(1)), ISystemConfig(address(2)));

        address payable proxy = payable(address(new Proxy(address(admin))));
        admin.upgrade(proxy, address(implementation));
        vm.expectRevert(ProxyAdminOwned.NotProxyAdmin.selector);
        vm.prank(ALICE);
        L1StandardBridge(proxy)
            .initialize(ICrossDomainMessenger(address(1)), ISystemConfig(address(2)));
    }

    // Ether.

    function testFuzz_ether_goesToL2AndBack(uint96 amount, bytes calldata extraData) public {
        vm.assume(amount != 0);
        vm.deal(ALICE, amount);
        address carol = address(0xca401);
        vm.recordLogs();
        vm.expectEmit(address(l1Bridge));
        emit L1StandardBridge.ETHDepositInitiated(ALICE, carol, amount, extraData);
        vm.expectEmit(address(l1Bridge));
        emit StandardBridge.ETHBridgeInitiated(ALICE, carol, amount, extraData);
        vm.prank(ALICE);
        l1Bridge.bridgeETHTo{value: amount}(carol, GAS, extraData);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.expectEmit(address(L2_BRIDGE));
        emit L2StandardBridge.DepositFinalized(
            address(0), Constants.LEGACY_ERC20_ETH, ALICE, carol, amount, extraData
        );
        vm.expectEmit(address(L2_BRIDGE));
        emit StandardBridge.ETHBridgeFinalized(ALICE, carol, amount, extraData);
        vm.assertTrue(_execute(_deposit(logs)));
        vm.assertEq(carol.balance, amount);
        vm.assertEq(address(portal).balance, amount);

        vm.recordLogs();
        vm.expectEmit(address(L2_BRIDGE));
        emit L2StandardBridge.WithdrawalInitiated(
            address(0), Constants.LEGACY_ERC20_ETH, carol, ALICE, amount, extraData
        );
        vm.expectEmit(address(L2_BRIDGE));
        emit StandardBridge.ETHBridgeInitiated(carol, ALICE, amount, extraData);
        vm.prank(carol);
        L2_BRIDGE.bridgeETHTo{value: amount}(ALICE, GAS, extraData);
        logs = vm.getRecordedLogs();
        vm.expectEmit(address(l1Bridge));
        emit L1StandardBridge.ETHWithdrawalFinalized(carol, ALICE, amount, extraData);
        vm.expectEmit(address(l1Bridge));
        emit StandardBridge.ETHBridgeFinalized(carol, ALICE, amount, extraData);
        vm.assertTrue(_finalize(_withdrawal(logs)));
        vm.assertEq(ALICE.balance, amount);
        vm.assertEq(address(portal).balance, 0);
    }

    function test_ether_entersThroughEveryDoorOfL1() public {
        vm.startPrank(ALICE, ALICE);
        bytes[3] memory calls = [
            abi.encodeCall(l1Bridge.bridgeETH, (GAS, "")),
            abi.encodeCall(l1Bridge.depositETH, (GAS, "")),
            bytes("")
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            _sendAndCheckEther(address(l1Bridge), calls[i], ALICE);
        }
        _sendAndCheckEther(
            address(l1Bridge), abi.encodeCall(l1Bridge.depositETHTo, (BOB, GAS, "")), BOB
        );
        vm.stopPrank();
    }

    function test_ether_leavesThroughEveryDoorOfL2() public {
        vm.deal(address(portal), 10 ether);
        address eth = Constants.LEGACY_ERC20_ETH;
        bytes[5] memory calls = [
            abi.encodeCall(L2_BRIDGE.bridgeETH, (GAS, "")),
            abi.encodeCall(L2_BRIDGE.bridgeETHTo, (ALICE, GAS, "")),
            abi.encodeCall(L2_BRIDGE.withdraw, (eth, 1 ether, GAS, "")),
            abi.encodeCall(L2_BRIDGE.withdrawTo, (eth, ALICE, 1 ether, GAS, "")),
            bytes("")
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.recordLogs();
            vm.prank(ALICE, ALICE);
            (bool success,) = address(L2_BRIDGE).call{value: 1 ether}(calls[i]);
            vm.assertTrue(success);
            uint256 before = ALICE.balance;
            vm.assertTrue(_carryToL1());
            vm.assertEq(ALICE.balance, before + 1 ether);
        }
    }

    function test_ether_ofWrongAmountReverts() public {
        address eth = Constants.LEGACY_ERC20_ETH;
        vm.startPrank(ALICE, ALICE);
        vm.expectRevert(StandardBridge.NoValue.selector);
        l1Bridge.depositETH(GAS, "");
        vm.expectRevert(StandardBridge.NoValue.selector);
        L2_BRIDGE.withdraw(eth, 1, GAS, "");
        vm.expectRevert(abi.encodeWithSelector(StandardBridge.WrongValue.selector, 2, 1));
        L2_BRIDGE.withdraw{value: 1}(eth, 2, GAS, "");
        // Beside a token ether would be lost.
        vm.expectRevert(abi.encodeWithSelector(StandardBridge.WrongValue.selector, 0, 1));
        L2_BRIDGE.withdraw{value: 1}(address(l2Token), 2, GAS, "");
        vm.stopPrank();
    }

    function test_ether_forARefusingReceiverWaits() public {
        Recorder receiver = new Recorder();
        receiver.setRefuses(true);
        vm.recordLogs();
        vm.prank(ALICE);
        l1Bridge.bridgeETHTo{value: 1 ether}(address(receiver), GAS, "");
        Deposit memory deposit = _deposit(vm.getRecordedLogs());
        vm.assertTrue(_execute(deposit));
        vm.assertEq(address(L2_MESSENGER).balance, 1 ether);
        receiver.setRefuses(false);
        vm.assertTrue(_replay(address(L2_MESSENGER), deposit.data));
        vm.assertEq(address(receiver).balance, 1 ether);
    }

    function test_ether_neverGoesToBridgeOrMessenger() public {
        address[2] memory receivers = [address(L2_BRIDGE), address(L2_MESSENGER)];
        for (uint256 i = 0; i < receivers.length; ++i) {
            vm.recordLogs();
            vm.prank(ALICE);
            l1Bridge.bridgeETHTo{value: 1 ether}(receivers[i], GAS, "");
            Deposit memory deposit = _deposit(vm.getRecordedLogs());
            vm.assertTrue(_execute(deposit));
            vm.assertTrue(L2_MESSENGER.failedMessages(keccak256(deposit.data)));
        }
        vm.assertEq(address(L2_BRIDGE).balance, 0);
        vm.assertEq(address(L2_MESSENGER).balance, 2 ether);
    }

    // Who may call.

    function test_onlyEOA_keepsContractsFromSendingToThemselves() public {
        vm.deal(address(this), 10 ether);
        vm.expectRevert(StandardBridge.OnlyEOA.selector);
        l1Bridge.bridgeETH{value: 1}(GAS, "");
        vm.expectRevert(StandardBridge.OnlyEOA.selector);
        l1Bridge.depositETH{value: 1}(GAS, "");
        vm.expectRevert(StandardBridge.OnlyEOA.selector);
        l1Bridge.bridgeERC20(address(l1Token), address(l2Token), 1, GAS, "");
        vm.expectRevert(StandardBridge.OnlyEOA.selector);
        l1Bridge.depositERC20(address(l1Token), address(l2Token), 1, GAS, "");
        vm.expectRevert(StandardBridge.OnlyEOA.selector);
        L2_BRIDGE.withdraw(address(l2Token), 1, GAS, "");
        (bool success,) = address(l1Bridge).call{value: 1}("");
        vm.assertFalse(success);
        (success,) = address(L2_BRIDGE).call{value: 1}("");
        vm.assertFalse(success);
    }

    function test_onlyEOA_admitsDelegatedAccounts() public {
        // EIP-7702: what the code of an account that delegates looks like.
        vm.etch(BOB, abi.encodePacked(hex"ef0100", address(this)));
        vm.prank(BOB);
        l1Bridge.depositETH{value: 1}(GAS, "");
        // A contract whose code merely has that length is one.
        vm.etch(BOB, new bytes(23));
        vm.expectRevert(StandardBridge.OnlyEOA.selector);
        vm.prank(BOB);
        l1Bridge.depositETH{value: 1}(GAS, "");
    }

    function test_finalize_isForTheOtherBridgeAlone() public {
        _expectOnlyOtherBridge(ALICE);
        // The messenger with a message of someone else than the bridge.
        vm.store(address(l1Messenger), bytes32(uint256(204)), _word(ALICE));
        vm.store(address(L2_MESSENGER), bytes32(uint256(204)), _word(ALICE));
        _expectOnlyOtherBridge(address(0));
        // A message of the bridge, but not from the messenger.
        vm.store(address(l1Messenger), bytes32(uint256(204)), _word(address(L2_BRIDGE)));
        vm.store(address(L2_MESSENGER), bytes32(uint256(204)), _word(address(l1Bridge)));
        _expectOnlyOtherBridge(ALICE);
    }

    function test_finalize_byAForgedMessageFails() public {
        // Anyone may send the bridge a message, but not in the name of the other bridge.
        l1Token.mint(address(l1Bridge), 100);
        vm.recordLogs();
        vm.prank(ALICE);
        L2_MESSENGER.sendMessage(
            address(l1Bridge),
            abi.encodeCall(
                StandardBridge.finalizeBridgeERC20,
                (address(l1Token), address(l2Token), ALICE, ALICE, 100, "")
            ),
            GAS
        );
        Withdrawal memory w = _withdrawal(vm.getRecordedLogs());
        vm.assertTrue(_finalize(w));
        vm.assertTrue(l1Messenger.failedMessages(keccak256(w.data)));
        vm.assertEq(l1Token.balanceOf(ALICE), 1000);
    }

    function test_finalize_checksTheEther() public {
        vm.store(address(l1Messenger), bytes32(uint256(204)), _word(address(L2_BRIDGE)));
        vm.deal(address(l1Messenger), 10 ether);
        vm.startPrank(address(l1Messenger));
        vm.expectRevert(StandardBridge.NoValue.selector);
        l1Bridge.finalizeBridgeETH(ALICE, BOB, 0, "");
        vm.expectRevert(abi.encodeWithSelector(StandardBridge.WrongValue.selector, 2, 1));
        l1Bridge.finalizeETHWithdrawal{value: 1}(ALICE, BOB, 2, "");
        vm.expectRevert(
            abi.encodeWithSelector(StandardBridge.UnsafeReceiver.selector, address(l1Bridge))
        );
        l1Bridge.finalizeBridgeETH{value: 1}(ALICE, address(l1Bridge), 1, "");
        vm.expectRevert(
            abi.encodeWithSelector(StandardBridge.UnsafeReceiver.selector, address(l1Messenger))
        );
        l1Bridge.finalizeBridgeETH{value: 1}(ALICE, address(l1Messenger), 1, "");
        vm.expectRevert(
            abi.encodeWithSelector(StandardBridge.TransferFailed.selector, address(this))
        );
        l1Bridge.finalizeBridgeETH{value: 1}(ALICE, address(this), 1, "");
        l1Bridge.finalizeETHWithdrawal{value: 1}(ALICE, BOB, 1, "");
        vm.stopPrank();
    }

    function test_finalize_waitsWhilePaused() public {
        _depositTokens(100);
        vm.recordLogs();
        vm.prank(ALICE, ALICE);
        L2_BRIDGE.withdraw(address(l2Token), 100, GAS, "");
        Withdrawal memory w = _withdrawal(vm.getRecordedLogs());
        systemConfig.setPaused(true);
        vm.assertTrue(l1Bridge.paused());
        vm.assertFalse(_finalize(w));
        vm.store(address(l1Messenger), bytes32(uint256(204)), _word(address(L2_BRIDGE)));
        vm.deal(address(l1Messenger), 1);
        vm.startPrank(address(l1Messenger));
        vm.expectRevert(StandardBridge.Paused.selector);
        l1Bridge.finalizeBridgeETH{value: 1}(ALICE, BOB, 1, "");
        vm.expectRevert(StandardBridge.Paused.selector);
        l1Bridge.finalizeERC20Withdrawal(address(l1Token), address(l2Token), ALICE, BOB, 1, "");
        vm.stopPrank();
        vm.store(address(l1Messenger), bytes32(uint256(204)), _word(Constants.DEFAULT_L2_SENDER));
        systemConfig.setPaused(false);
        vm.assertTrue(_finalize(w));
        vm.assertEq(l1Token.balanceOf(ALICE), 1000);
    }

    // Tokens.

    function testFuzz_token_ofL1GoesToL2AndBack(uint128 amount, bytes calldata extraData) public {
        l1Token.mint(ALICE, amount);
        vm.recordLogs();
        vm.expectEmit(address(l1Bridge));
        emit L1StandardBridge.ERC20DepositInitiated(
            address(l1Token), address(l2Token), ALICE, BOB, amount, extraData
        );
        vm.expectEmit(address(l1Bridge));
        emit StandardBridge.ERC20BridgeInitiated(
            address(l1Token), address(l2Token), ALICE, BOB, amount, extraData
        );
        vm.prank(ALICE);
        l1Bridge.bridgeERC20To(address(l1Token), address(l2Token), BOB, amount, GAS, extraData);
        vm.assertEq(l1Bridge.deposits(address(l1Token), address(l2Token)), amount);
        vm.assertEq(l1Token.balanceOf(address(l1Bridge)), amount);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.expectEmit(address(L2_BRIDGE));
        emit L2StandardBridge.DepositFinalized(
            address(l1Token), address(l2Token), ALICE, BOB, amount, extraData
        );
        vm.expectEmit(address(L2_BRIDGE));
        emit StandardBridge.ERC20BridgeFinalized(
            address(l2Token), address(l1Token), ALICE, BOB, amount, extraData
        );
        vm.assertTrue(_execute(_deposit(logs)));
        vm.assertEq(l2Token.balanceOf(BOB), amount);

        vm.recordLogs();
        vm.expectEmit(address(L2_BRIDGE));
        emit L2StandardBridge.WithdrawalInitiated(
            address(l1Token), address(l2Token), BOB, ALICE, amount, extraData
        );
        vm.expectEmit(address(L2_BRIDGE));
        emit StandardBridge.ERC20BridgeInitiated(
            address(l2Token), address(l1Token), BOB, ALICE, amount, extraData
        );
        vm.prank(BOB);
        L2_BRIDGE.withdrawTo(address(l2Token), ALICE, amount, GAS, extraData);
        vm.assertEq(l2Token.totalSupply(), 0);
        logs = vm.getRecordedLogs();
        vm.expectEmit(address(l1Bridge));
        emit L1StandardBridge.ERC20WithdrawalFinalized(
            address(l1Token), address(l2Token), BOB, ALICE, amount, extraData
        );
        vm.expectEmit(address(l1Bridge));
        emit StandardBridge.ERC20BridgeFinalized(
            address(l1Token), address(l2Token), BOB, ALICE, amount, extraData
        );
        vm.assertTrue(_finalize(_withdrawal(logs)));
        vm.assertEq(l1Token.balanceOf(ALICE), uint256(amount) + 1000);
        vm.assertEq(l1Bridge.deposits(address(l1Token), address(l2Token)), 0);
    }

    function test_token_entersThroughEveryDoorOfL1() public {
        address l1 = address(l1Token);
        address l2 = address(l2Token);
        bytes[4] memory calls = [
            abi.encodeCall(l1Bridge.bridgeERC20, (l1, l2, 10, GAS, "")),
            abi.encodeCall(l1Bridge.bridgeERC20To, (l1, l2, ALICE, 10, GAS, "")),
            abi.encodeCall(l1Bridge.depositERC20, (l1, l2, 10, GAS, "")),
            abi.encodeCall(l1Bridge.depositERC20To, (l1, l2, ALICE, 10, GAS, ""))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.recordLogs();
            vm.prank(ALICE, ALICE);
            (bool success,) = address(l1Bridge).call(calls[i]);
            vm.assertTrue(success);
            vm.assertTrue(_carryToL2());
            vm.assertEq(l2Token.balanceOf(ALICE), 10 * (i + 1));
        }
    }

    function test_token_ofL2GoesToL1AndBack() public {
        OpenToken native = new OpenToken();
        OptimismMintableERC20 remote = OptimismMintableERC20(
            l1Factory.createOptimismMintableERC20WithDecimals(address(native), "Nat", "NAT", 6)
        );
        native.mint(ALICE, 50);
        vm.recordLogs();
        vm.startPrank(ALICE, ALICE);
        native.approve(address(L2_BRIDGE), 50);
        L2_BRIDGE.bridgeERC20(address(native), address(remote), 50, GAS, "");
        vm.stopPrank();
        vm.assertTrue(_carryToL1());
        vm.assertEq(remote.balanceOf(ALICE), 50);
        vm.assertEq(L2_BRIDGE.deposits(address(native), address(remote)), 50);
        vm.recordLogs();
        vm.prank(ALICE, ALICE);
        l1Bridge.bridgeERC20(address(remote), address(native), 20, GAS, "");
        vm.assertTrue(_carryToL2());
        vm.assertEq(native.balanceOf(ALICE), 20);
        vm.assertEq(remote.totalSupply(), 30);
    }

    function test_token_ofEitherInterfaceIsMintable() public {
        LegacyMintable legacy = new LegacyMintable(address(l1Token));
        NewMintable newer = new NewMintable(address(l1Token));
        address[2] memory tokens = [address(legacy), address(newer)];
        for (uint256 i = 0; i < tokens.length; ++i) {
            vm.recordLogs();
            vm.prank(ALICE, ALICE);
            l1Bridge.bridgeERC20(address(l1Token), tokens[i], 10, GAS, "");
            vm.assertTrue(_carryToL2());
            vm.assertEq(OpenToken(tokens[i]).balanceOf(ALICE), 10);
            vm.recordLogs();
            vm.prank(ALICE, ALICE);
            L2_BRIDGE.bridgeERC20(tokens[i], address(l1Token), 10, GAS, "");
            vm.assertTrue(_carryToL1());
        }
        vm.assertEq(l1Token.balanceOf(ALICE), 1000);
    }

    function test_token_ofAWrongPairIsRefused() public {
        _depositTokens(100);
        OpenToken other = new OpenToken();
        vm.expectRevert(
            abi.encodeWithSelector(
                StandardBridge.WrongRemoteToken.selector, address(l2Token), address(other)
            )
        );
        vm.prank(ALICE, ALICE);
        L2_BRIDGE.bridgeERC20(address(l2Token), address(other), 100, GAS, "");
    }

    function test_token_ofAWrongPairNeverArrives() public {
        // A worthless token of L1 named as the counterpart of a good one of L2.
        OpenToken worthless = new OpenToken();
        worthless.mint(ALICE, 100);
        vm.recordLogs();
        vm.startPrank(ALICE, ALICE);
        worthless.approve(address(l1Bridge), 100);
        l1Bridge.bridgeERC20(address(worthless), address(l2Token), 100, GAS, "");
        vm.stopPrank();
        Deposit memory deposit = _deposit(vm.getRecordedLogs());
        vm.assertTrue(_execute(deposit));
        vm.assertTrue(L2_MESSENGER.failedMessages(keccak256(deposit.data)));
        vm.assertTrue(_replay(address(L2_MESSENGER), deposit.data));
        vm.assertFalse(L2_MESSENGER.successfulMessages(keccak256(deposit.data)));
        vm.assertEq(l2Token.totalSupply(), 0);
    }

    function test_token_ofOnePairIsNotPaidToAnother() public {
        _depositTokens(100);
        // A token of the attacker's, minted at will, that claims the same counterpart on L1.
        NewMintable forged = new NewMintable(address(l1Token));
        forged.mint(BOB, 100);
        vm.recordLogs();
        vm.prank(BOB, BOB);
        L2_BRIDGE.bridgeERC20(address(forged), address(l1Token), 100, GAS, "");
        Withdrawal memory w = _withdrawal(vm.getRecordedLogs());
        vm.assertTrue(_finalize(w));
        vm.assertTrue(l1Messenger.failedMessages(keccak256(w.data)));
        vm.assertEq(l1Token.balanceOf(BOB), 0);

        vm.store(address(l1Messenger), bytes32(uint256(204)), _word(address(L2_BRIDGE)));
        vm.expectRevert(
            abi.encodeWithSelector(StandardBridge.InsufficientEscrow.selector, 100, 101)
        );
        vm.prank(address(l1Messenger));
        l1Bridge.finalizeBridgeERC20(address(l1Token), address(l2Token), ALICE, BOB, 101, "");
    }

    function test_token_thatTakesAFeeIsOwedMoreThanHeld() public {
        FeeToken fee = new FeeToken();
        address remote = L2_FACTORY.createStandardL2Token(address(fee), "Fee", "FEE");
        fee.mint(ALICE, 100);
        vm.recordLogs();
        vm.startPrank(ALICE, ALICE);
        fee.approve(address(l1Bridge), 100);
        l1Bridge.bridgeERC20(address(fee), remote, 100, GAS, "");
        vm.stopPrank();
        vm.assertTrue(_carryToL2());
        vm.assertEq(l1Bridge.deposits(address(fee), remote), 100);
        vm.assertEq(fee.balanceOf(address(l1Bridge)), 90);
        vm.recordLogs();
        vm.prank(ALICE, ALICE);
        L2_BRIDGE.withdraw(remote, 100, GAS, "");
        Withdrawal memory w = _withdrawal(vm.getRecordedLogs());
        vm.assertTrue(_finalize(w));
        vm.assertTrue(l1Messenger.failedMessages(keccak256(w.data)));
        // What is missing can be made up for, and the message replayed.
        fee.mint(address(l1Bridge), 10);
        vm.assertTrue(_replay(address(l1Messenger), w.data));
        vm.assertEq(fee.balanceOf(ALICE), 90);
    }

    function test_token_thatReturnsNothingWorks() public {
        SilentToken silent = new SilentToken();
        address remote = L2_FACTORY.createStandardL2Token(address(silent), "Sil", "SIL");
        silent.mint(ALICE, 10);
        vm.recordLogs();
        vm.startPrank(ALICE, ALICE);
        silent.approve(address(l1Bridge), 10);
        l1Bridge.depositERC20(address(silent), remote, 10, GAS, "");
        vm.stopPrank();
        vm.assertTrue(_carryToL2());
        vm.recordLogs();
        vm.prank(ALICE, ALICE);
        L2_BRIDGE.withdraw(remote, 10, GAS, "");
        vm.assertTrue(_carryToL1());
        vm.assertEq(silent.balanceOf(ALICE), 10);
    }

    function test_token_thatIsNoneIsRefused() public {
        address refusing = address(new RefusingToken());
        vm.startPrank(ALICE, ALICE);
        vm.expectRevert(
            abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, refusing)
        );
        l1Bridge.depositERC20(refusing, address(l2Token), 1, GAS, "");
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, BOB));
        l1Bridge.depositERC20(BOB, address(l2Token), 1, GAS, "");
        vm.expectRevert();
        L2_BRIDGE.withdraw(BOB, 1, GAS, "");
        vm.stopPrank();
    }

    function test_token_thatCallsBackTakesNothing() public {
        _depositTokens(100);
        CallingToken calling = new CallingToken();
        address remote = L2_FACTORY.createStandardL2Token(address(calling), "Cal", "CAL");
        calling.mint(ALICE, 10);
        vm.recordLogs();
        vm.startPrank(ALICE, ALICE);
        calling.approve(address(l1Bridge), 10);
        l1Bridge.depositERC20(address(calling), remote, 10, GAS, "");
        vm.stopPrank();
        vm.assertTrue(_carryToL2());
        vm.recordLogs();
        vm.prank(ALICE, ALICE);
        L2_BRIDGE.withdraw(remote, 10, 600_000, "");
        Withdrawal memory w = _withdrawal(vm.getRecordedLogs());

        // During its own payout the messenger names the bridge of L2 as the sender, but the token
        // is not the messenger; nor can it have the same message paid out again.
        bytes[3] memory attacks = [
            abi.encodeCall(
                StandardBridge.finalizeBridgeERC20,
                (address(l1Token), address(l2Token), BOB, BOB, 100, "")
            ),
            abi.encodeCall(
                StandardBridge.finalizeBridgeERC20, (address(calling), remote, BOB, BOB, 10, "")
            ),
            w.data
        ];
        for (uint256 i = 0; i < 2; ++i) {
            calling.aim(address(l1Bridge), attacks[i]);
            vm.store(address(l1Messenger), bytes32(uint256(204)), _word(address(L2_BRIDGE)));
            vm.prank(address(l1Messenger));
            l1Bridge.finalizeBridgeERC20(address(calling), remote, ALICE, ALICE, 1, "");
            vm.store(
                address(l1Messenger), bytes32(uint256(204)), _word(Constants.DEFAULT_L2_SENDER)
            );
            vm.assertFalse(calling.succeeded());
        }
        calling.aim(address(0), "");
        calling.mint(address(l1Bridge), 12);
        vm.store(address(l1Bridge), _depositSlot(address(calling), remote), bytes32(uint256(20)));
        calling.aim(address(l1Messenger), attacks[2]);
        vm.assertTrue(_finalize(w));
        vm.assertFalse(calling.succeeded());
        vm.assertTrue(l1Messenger.successfulMessages(keccak256(w.data)));
        vm.assertEq(l1Bridge.deposits(address(calling), remote), 10);
        vm.assertEq(l1Token.balanceOf(BOB), 0);
        vm.assertEq(l1Bridge.deposits(address(l1Token), address(l2Token)), 100);
    }

    function _sendAndCheckEther(address bridge, bytes memory call, address to) private {
        vm.recordLogs();
        (bool success,) = bridge.call{value: 1 ether}(call);
        vm.assertTrue(success);
        Deposit memory deposit = _deposit(vm.getRecordedLogs());
        vm.assertEq(deposit.mint, 1 ether);
        vm.stopPrank();
        uint256 before = to.balance;
        vm.assertTrue(_execute(deposit));
        vm.assertEq(to.balance, before + 1 ether);
        vm.startPrank(ALICE, ALICE);
    }

    /// @dev Both bridges refuse to finalize for caller, or for their messenger if it is zero.
    function _expectOnlyOtherBridge(address caller) private {
        StandardBridge[2] memory bridges = [
            StandardBridge(payable(address(l1Bridge))), StandardBridge(payable(address(L2_BRIDGE)))
        ];
        for (uint256 i = 0; i < bridges.length; ++i) {
            vm.startPrank(caller == address(0) ? address(bridges[i].messenger()) : caller);
            vm.expectRevert(StandardBridge.OnlyOtherBridge.selector);
            bridges[i].finalizeBridgeETH(ALICE, BOB, 0, "");
            vm.expectRevert(StandardBridge.OnlyOtherBridge.selector);
            bridges[i].finalizeBridgeERC20(address(l1Token), address(l2Token), ALICE, BOB, 1, "");
            vm.stopPrank();
        }
    }

    function _depositTokens(uint256 amount) private {
        vm.recordLogs();
        vm.prank(ALICE, ALICE);
        l1Bridge.depositERC20(address(l1Token), address(l2Token), amount, GAS, "");
        vm.assertTrue(_carryToL2());
    }

    function _depositSlot(address local, address remote) private pure returns (bytes32) {
        return keccak256(abi.encode(remote, keccak256(abi.encode(local, uint256(2)))));
    }

    function _selector(bytes4 actual, bytes4 expected) private pure {
        vm.assertEq(bytes32(actual), bytes32(expected));
    }
}
