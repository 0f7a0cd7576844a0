// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {L1CrossDomainMessenger} from "../src/L1/L1CrossDomainMessenger.sol";
import {L1StandardBridge} from "../src/L1/L1StandardBridge.sol";
import {OptimismPortal2} from "../src/L1/OptimismPortal2.sol";
import {Constants} from "../src/libraries/Constants.sol";
import {Types} from "../src/libraries/Types.sol";
import {CrossDomainMessenger} from "../src/universal/CrossDomainMessenger.sol";
import {StandardBridge} from "../src/universal/StandardBridge.sol";
import {ICrossDomainMessenger} from "../src/universal/interfaces/ICrossDomainMessenger.sol";
import {Settlement} from "./settlement/Settlement.sol";
import {Recorder} from "./support/Targets.sol";
import {OpenToken} from "./support/Tokens.sol";

/// @title BridgeSettlementTest
/// @notice Messenger and bridge of L1 on the portal itself, with its market for gas, its proofs and
/// its games.
contract BridgeSettlementTest is Settlement {
    address internal constant L2_TOKEN = address(0x70c3);

    L1CrossDomainMessenger internal messenger;
    L1StandardBridge internal bridge;
    OpenToken internal token;

    function setUp() public override {
        super.setUp();
        messenger = L1CrossDomainMessenger(_proxy());
        bridge = L1StandardBridge(payable(_proxy()));
        vm.startPrank(OWNER);
        _install(
            address(messenger),
            address(new L1CrossDomainMessenger()),
            abi.encodeCall(L1CrossDomainMessenger.initialize, (config, portal))
        );
        _install(
            address(bridge),
            address(new L1StandardBridge()),
            abi.encodeCall(
                L1StandardBridge.initialize, (ICrossDomainMessenger(address(messenger)), config)
            )
        );
        vm.stopPrank();
        token = new OpenToken();
    }

    function testFuzz_deposit_isTakenByThePortal(uint96 amount, uint16 length) public {
        vm.assume(amount != 0);
        vm.deal(USER, amount);
        uint256 before = address(portal).balance;
        vm.prank(USER, USER);
        bridge.depositETH{value: amount}(200_000, new bytes(_bound(length, 0, 10_000)));
        vm.assertEq(address(portal).balance, before + amount);
    }

    function test_withdrawal_ofEtherIsProvenFinalizedAndPaid() public {
        _fund(10 ether);
        address receiver = address(0xbeef);
        Types.WithdrawalTransaction memory w = _bridgeWithdrawal(
            1 ether, abi.encodeCall(StandardBridge.finalizeBridgeETH, (USER, receiver, 1 ether, ""))
        );
        _ripen(w, 20);
        vm.prank(USER);
        portal.finalizeWithdrawalTransaction(w);
        vm.assertEq(receiver.balance, 1 ether);
        vm.assertTrue(messenger.successfulMessages(keccak256(w.data)));
        vm.expectRevert(OptimismPortal2.OptimismPortal_AlreadyFinalized.selector);
        vm.prank(USER);
        portal.finalizeWithdrawalTransaction(w);
    }

    function test_withdrawal_ofTokensIsProvenFinalizedAndPaid() public {
        _depositTokens(100);
        Types.WithdrawalTransaction memory w = _tokenWithdrawal(60);
        _ripen(w, 20);
        vm.prank(USER);
        portal.finalizeWithdrawalTransaction(w);
        vm.assertEq(token.balanceOf(USER), 60);
        vm.assertEq(bridge.deposits(address(token), L2_TOKEN), 40);
    }

    function test_withdrawal_whoseCallFailsIsReplayed() public {
        _fund(10 ether);
        Recorder receiver = new Recorder();
        receiver.setRefuses(true);
        Types.WithdrawalTransaction memory w = _bridgeWithdrawal(
            1 ether,
            abi.encodeCall(StandardBridge.finalizeBridgeETH, (USER, address(receiver), 1 ether, ""))
        );
        _ripen(w, 20);
        vm.prank(USER);
        portal.finalizeWithdrawalTransaction(w);
        vm.assertEq(address(messenger).balance, 1 ether);
        vm.assertTrue(messenger.failedMessages(keccak256(w.data)));
        receiver.setRefuses(false);
        (bool success,) = address(messenger).call(w.data);
        vm.assertTrue(success);
        vm.assertEq(address(receiver).balance, 1 ether);
    }

    function test_withdrawal_withoutTheGasOfItsMessageReverts() public {
        // Whoever finalizes chooses the gas; the portal makes them give what the message asked for.
        _depositTokens(100);
        Types.WithdrawalTransaction memory w = _tokenWithdrawal(60);
        _ripen(w, 20);
        vm.prank(USER);
        (bool success,) = address(portal).call{gas: w.gasLimit}(
            abi.encodeCall(portal.finalizeWithdrawalTransaction, (w))
        );
        vm.assertFalse(success);
        vm.assertFalse(messenger.failedMessages(keccak256(w.data)));
        vm.prank(USER);
        portal.finalizeWithdrawalTransaction(w);
        vm.assertEq(token.balanceOf(USER), 60);
    }

    function test_withdrawal_ofSomeoneElseThanTheMessengerIsNoMessage() public {
        _depositTokens(100);
        Types.WithdrawalTransaction memory w = _tokenWithdrawal(60);
        w.sender = USER;
        _ripen(w, 20);
        vm.prank(USER);
        portal.finalizeWithdrawalTransaction(w);
        vm.assertFalse(messenger.successfulMessages(keccak256(w.data)));
        vm.assertFalse(messenger.failedMessages(keccak256(w.data)));
        vm.assertEq(token.balanceOf(USER), 0);
    }

    function test_withdrawal_whilePausedWaits() public {
        _depositTokens(100);
        Types.WithdrawalTransaction memory w = _tokenWithdrawal(60);
        _ripen(w, 20);
        vm.prank(GUARDIAN);
        superchain.pause(address(portal));
        vm.assertTrue(messenger.paused());
        vm.assertTrue(bridge.paused());
        vm.expectRevert(OptimismPortal2.OptimismPortal_CallPaused.selector);
        vm.prank(USER);
        portal.finalizeWithdrawalTransaction(w);
        vm.expectRevert(CrossDomainMessenger.Paused.selector);
        messenger.relayMessage(0, USER, USER, 0, 0, "");
        vm.prank(GUARDIAN);
        superchain.unpause(address(portal));
        vm.prank(USER);
        portal.finalizeWithdrawalTransaction(w);
        vm.assertEq(token.balanceOf(USER), 60);
    }

    function _depositTokens(uint256 amount) private {
        token.mint(USER, amount);
        vm.startPrank(USER, USER);
        token.approve(address(bridge), amount);
        bridge.depositERC20(address(token), L2_TOKEN, amount, 200_000, "");
        vm.stopPrank();
        vm.assertEq(bridge.deposits(address(token), L2_TOKEN), amount);
    }

    function _tokenWithdrawal(uint256 amount)
        private
        view
        returns (Types.WithdrawalTransaction memory)
    {
        return _bridgeWithdrawal(
            0,
            abi.encodeCall(
                StandardBridge.finalizeBridgeERC20,
                (address(token), L2_TOKEN, USER, USER, amount, "")
            )
        );
    }

    /// @dev The withdrawal that the messenger of L2 initiates when the bridge there sends a message.
    function _bridgeWithdrawal(uint256 value, bytes memory message)
        private
        view
        returns (Types.WithdrawalTransaction memory)
    {
        return Types.WithdrawalTransaction({
            nonce: uint256(1) << 240,
            sender: Constants.L2_CROSS_DOMAIN_MESSENGER,
            target: address(messenger),
            value: value,
            gasLimit: messenger.baseGas(message, 200_000),
            data: abi.encodeCall(
                CrossDomainMessenger.relayMessage,
                (
                    uint256(1) << 240,
                    Constants.L2_STANDARD_BRIDGE,
                    address(bridge),
                    value,
                    200_000,
                    message
                )
            )
        });
    }
}
