// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {BaseFeeVault} from "../src/L2/BaseFeeVault.sol";
import {FeeVault} from "../src/L2/FeeVault.sol";
import {L1FeeVault} from "../src/L2/L1FeeVault.sol";
import {L2ToL1MessagePasser} from "../src/L2/L2ToL1MessagePasser.sol";
import {OperatorFeeVault} from "../src/L2/OperatorFeeVault.sol";
import {SequencerFeeVault} from "../src/L2/SequencerFeeVault.sol";
import {Constants} from "../src/libraries/Constants.sol";
import {Test, Vm} from "./Test.sol";

/// @notice Stands where the predeploys' ProxyAdmin stands.
contract AdminStub {
    address public owner = address(0xad);
}

/// @notice A recipient that takes no ether, or comes back for more.
contract Recipient {
    FeeVault internal immutable VAULT;
    bool public refuses;
    bool public returns_;

    constructor(FeeVault vault) {
        VAULT = vault;
    }

    function behave(bool refuse, bool comeBack) external {
        refuses = refuse;
        returns_ = comeBack;
    }

    receive() external payable {
        if (refuses) revert();
        if (returns_) VAULT.withdraw();
    }
}

contract FeeVaultTest is Test {
    FeeVault internal vault;
    address internal constant OWNER = address(0xad);
    address internal constant PAYEE = address(0xfee);

    function setUp() public {
        vault = new SequencerFeeVault();
        vm.etch(Constants.L2_TO_L1_MESSAGE_PASSER, address(new L2ToL1MessagePasser()).code);
        AdminStub admin = new AdminStub();
        vm.etch(Constants.L2_PROXY_ADMIN, address(admin).code);
        vm.store(Constants.L2_PROXY_ADMIN, bytes32(0), bytes32(uint256(uint160(OWNER))));
        _configure(PAYEE, FeeVault.WithdrawalNetwork.L2, 10 ether);
    }

    // Genesis writes the settings into storage.
    function testFuzz_settings_lieInTheirSlots(uint256 minimum, address to, bool onL2) public {
        _configure(
            to, onL2 ? FeeVault.WithdrawalNetwork.L2 : FeeVault.WithdrawalNetwork.L1, minimum
        );
        vm.assertEq(vault.minWithdrawalAmount(), minimum);
        vm.assertEq(vault.MIN_WITHDRAWAL_AMOUNT(), minimum);
        vm.assertEq(vault.recipient(), to);
        vm.assertEq(vault.RECIPIENT(), to);
        vm.assertEq(SequencerFeeVault(payable(address(vault))).l1FeeWallet(), to);
        vm.assertEq(uint256(vault.withdrawalNetwork()), onL2 ? 1 : 0);
        vm.assertEq(uint256(vault.WITHDRAWAL_NETWORK()), onL2 ? 1 : 0);
        vm.store(address(vault), bytes32(0), bytes32(uint256(77)));
        vm.assertEq(vault.totalProcessed(), 77);
    }

    function test_allVaults_areTheSameButForTheirNames() public {
        FeeVault[3] memory others =
            [FeeVault(new BaseFeeVault()), new L1FeeVault(), new OperatorFeeVault()];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.assertEq(others[i].version(), vault.version());
            vm.assertEq(others[i].totalProcessed(), 0);
        }
    }

    function testFuzz_withdraw_paysAllOnL2(uint96 amount, address caller) public {
        uint256 value = _bound(amount, 10 ether, type(uint96).max);
        vm.deal(address(vault), value);
        vm.recordLogs();
        vm.prank(caller);
        vm.assertEq(vault.withdraw(), value);
        vm.assertEq(PAYEE.balance, value);
        vm.assertEq(address(vault).balance, 0);
        vm.assertEq(vault.totalProcessed(), value);

        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 2);
        vm.assertEq(logs[0].topics[0], keccak256("Withdrawal(uint256,address,address)"));
        vm.assertEq(logs[0].data, abi.encode(value, PAYEE, caller));
        vm.assertEq(logs[1].topics[0], keccak256("Withdrawal(uint256,address,address,uint8)"));
        vm.assertEq(logs[1].data, abi.encode(value, PAYEE, caller, uint8(1)));
    }

    function test_withdraw_sendsAMessageToL1() public {
        _configure(PAYEE, FeeVault.WithdrawalNetwork.L1, 1);
        vm.deal(address(vault), 3 ether);
        vault.withdraw();
        bytes32 hash = keccak256(
            abi.encode(
                uint256(1) << 240, address(vault), PAYEE, uint256(3 ether), uint256(400_000), ""
            )
        );
        L2ToL1MessagePasser passer = L2ToL1MessagePasser(payable(Constants.L2_TO_L1_MESSAGE_PASSER));
        vm.assertTrue(passer.sentMessages(hash));
        vm.assertEq(address(passer).balance, 3 ether);
    }

    function testFuzz_withdraw_refusesLessThanTheMinimum(uint256 balance) public {
        balance = _bound(balance, 0, 10 ether - 1);
        vm.deal(address(vault), balance);
        vm.expectRevert(
            abi.encodeWithSelector(FeeVault.BalanceTooSmall.selector, balance, 10 ether)
        );
        vault.withdraw();
    }

    function test_withdraw_needsARecipient() public {
        _configure(address(0), FeeVault.WithdrawalNetwork.L1, 0);
        vm.expectRevert(abi.encodeWithSelector(FeeVault.NoRecipient.selector));
        vault.withdraw();
    }

    function test_withdraw_keepsTheFeesThatAreRefused() public {
        Recipient to = new Recipient(vault);
        to.behave(true, false);
        _configure(address(to), FeeVault.WithdrawalNetwork.L2, 0);
        vm.deal(address(vault), 1 ether);
        vm.expectRevert(abi.encodeWithSelector(FeeVault.TransferFailed.selector));
        vault.withdraw();
        vm.assertEq(vault.totalProcessed(), 0);
    }

    function test_withdraw_paysARecipientWhoComesBackOnce() public {
        Recipient to = new Recipient(vault);
        to.behave(false, true);
        _configure(address(to), FeeVault.WithdrawalNetwork.L2, 1);
        vm.deal(address(vault), 1 ether);
        // The second withdrawal finds nothing and fails the first.
        vm.expectRevert(abi.encodeWithSelector(FeeVault.TransferFailed.selector));
        vault.withdraw();
        to.behave(false, false);
        vault.withdraw();
        vm.assertEq(vault.totalProcessed(), 1 ether);
    }

    function test_receive_takesEther() public {
        vm.deal(address(this), 5);
        (bool ok,) = address(vault).call{value: 5}("");
        vm.assertTrue(ok);
        vm.assertEq(address(vault).balance, 5);
    }

    function test_setters_obeyTheOwnerOfTheProxyAdmin() public {
        vm.recordLogs();
        vm.prank(OWNER);
        vault.setMinWithdrawalAmount(5);
        vm.prank(OWNER);
        vault.setRecipient(address(7));
        vm.prank(OWNER);
        vault.setWithdrawalNetwork(FeeVault.WithdrawalNetwork.L1);
        vm.assertEq(vault.minWithdrawalAmount(), 5);
        vm.assertEq(vault.recipient(), address(7));
        vm.assertEq(uint256(vault.withdrawalNetwork()), 0);

        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs[0].topics[0], FeeVault.MinWithdrawalAmountUpdated.selector);
        vm.assertEq(logs[0].data, abi.encode(10 ether, 5));
        vm.assertEq(logs[1].topics[0], FeeVault.RecipientUpdated.selector);
        vm.assertEq(logs[1].data, abi.encode(PAYEE, address(7)));
        vm.assertEq(logs[2].topics[0], FeeVault.WithdrawalNetworkUpdated.selector);
        vm.assertEq(logs[2].data, abi.encode(1, 0));
    }

    function testFuzz_setters_refuseAnybodyElse(address caller) public {
        vm.assume(caller != OWNER);
        bytes memory reason = abi.encodeWithSelector(FeeVault.FeeVault_OnlyProxyAdminOwner.selector);
        vm.expectRevert(reason);
        vm.prank(caller);
        vault.setMinWithdrawalAmount(0);
        vm.expectRevert(reason);
        vm.prank(caller);
        vault.setRecipient(caller);
        vm.expectRevert(reason);
        vm.prank(caller);
        vault.setWithdrawalNetwork(FeeVault.WithdrawalNetwork.L1);
    }

    function test_setRecipient_refusesTheZeroAddress() public {
        vm.expectRevert(abi.encodeWithSelector(FeeVault.NoRecipient.selector));
        vm.prank(OWNER);
        vault.setRecipient(address(0));
    }

    function _configure(address to, FeeVault.WithdrawalNetwork network, uint256 minimum) private {
        vm.store(address(vault), bytes32(uint256(1)), bytes32(minimum));
        vm.store(
            address(vault),
            bytes32(uint256(2)),
            bytes32(uint256(uint160(to)) | uint256(network) << 160)
        );
    }
}
