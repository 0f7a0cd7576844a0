// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {CrossDomainMessenger} from "../src/universal/CrossDomainMessenger.sol";
import {Test} from "./Test.sol";
import {BridgeHandler} from "./support/BridgeHandler.sol";

/// @title BridgeInvariants
/// @notice Whatever users, refusals and replays do, nothing is lost, made or paid twice.
contract BridgeInvariants is Test {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    // What the handler gave its users of each.
    uint256 internal constant SUPPLY = 3000;

    BridgeHandler internal handler;

    function setUp() public {
        handler = new BridgeHandler();
    }

    /// @dev forge calls only these, at random.
    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        bytes4[] memory selectors = new bytes4[](8);
        selectors[0] = BridgeHandler.depositEther.selector;
        selectors[1] = BridgeHandler.depositTokens.selector;
        selectors[2] = BridgeHandler.withdrawEther.selector;
        selectors[3] = BridgeHandler.withdrawTokens.selector;
        selectors[4] = BridgeHandler.refuse.selector;
        selectors[5] = BridgeHandler.carry.selector;
        selectors[6] = BridgeHandler.carry.selector;
        selectors[7] = BridgeHandler.replay.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector({addr: address(handler), selectors: selectors});
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// forge-config: default.invariant.runs = 12
    /// forge-config: default.invariant.depth = 100
    function invariant_ether_isConserved() public view {
        (uint256 ofPortal, uint256 ofL1Messenger, uint256 ofL2Messenger) = handler.balances();
        (uint256 deposited,) = handler.underway(true, false);
        (uint256 failedOnL2,) = handler.underway(true, true);
        (uint256 withdrawn,) = handler.underway(false, false);
        (uint256 failedOnL1,) = handler.underway(false, true);
        vm.assertEq(ofL2Messenger, failedOnL2);
        vm.assertEq(ofL1Messenger, failedOnL1);
        vm.assertEq(ofPortal, handler.etherOfUsers(false) + deposited + failedOnL2 + withdrawn);
        vm.assertEq(ofPortal + ofL1Messenger + handler.etherOfUsers(true), SUPPLY);
    }

    /// forge-config: default.invariant.runs = 12
    /// forge-config: default.invariant.depth = 100
    function invariant_tokens_areConserved() public view {
        (, uint256 deposited) = handler.underway(true, false);
        (, uint256 failedOnL2) = handler.underway(true, true);
        (, uint256 withdrawn) = handler.underway(false, false);
        (, uint256 failedOnL1) = handler.underway(false, true);
        (uint256 counted, uint256 held) = handler.escrow();
        vm.assertEq(counted, held);
        vm.assertEq(
            held, handler.l2Token().totalSupply() + deposited + failedOnL2 + withdrawn + failedOnL1
        );
        vm.assertEq(held + handler.tokensOfUsersOnL1(), SUPPLY);
    }

    /// forge-config: default.invariant.runs = 12
    /// forge-config: default.invariant.depth = 100
    function invariant_message_succeedsAtMostOnce() public view {
        for (uint256 i = 0; i < handler.messageCount(); ++i) {
            (bytes32 messageHash, CrossDomainMessenger messenger, bool arrived) =
                handler.messageAt(i);
            bool successful = messenger.successfulMessages(messageHash);
            vm.assertEq(handler.relays(messageHash), successful ? 1 : 0);
            if (!arrived) {
                vm.assertFalse(successful || messenger.failedMessages(messageHash));
            } else {
                vm.assertTrue(successful || messenger.failedMessages(messageHash));
            }
        }
    }

    /// @dev The handler reaches what the invariants are about.
    function test_handler_reachesFailureAndReplay() public {
        handler.depositEther(0, 1, 99);
        handler.refuse(1, false, true);
        handler.carry(0);
        vm.assertEq(handler.failures(), 1);
        handler.refuse(1, false, false);
        handler.replay(0, 900_000, 1);
        vm.assertEq(handler.replays(), 1);
        vm.assertEq(handler.etherOfUsers(false), 100);
        handler.withdrawEther(1, 2, 99);
        handler.depositTokens(0, 1, 50);
        handler.carry(1);
        handler.carry(2);
        handler.withdrawTokens(1, 1, 20);
        handler.carry(3);
        (uint256 counted,) = handler.escrow();
        vm.assertEq(counted, 30);
        invariant_ether_isConserved();
        invariant_tokens_areConserved();
        invariant_message_succeedsAtMostOnce();
    }
}
