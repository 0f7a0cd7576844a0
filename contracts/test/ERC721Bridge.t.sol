// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";

import {L1ERC721Bridge} from "../src/L1/L1ERC721Bridge.sol";
import {ISystemConfig} from "../src/L1/interfaces/ISystemConfig.sol";
import {L2ERC721Bridge} from "../src/L2/L2ERC721Bridge.sol";
import {ERC721Bridge} from "../src/universal/ERC721Bridge.sol";
import {OptimismMintableERC721} from "../src/universal/OptimismMintableERC721.sol";
import {Proxy} from "../src/universal/Proxy.sol";
import {ProxyAdminOwned} from "../src/universal/ProxyAdminOwned.sol";
import {ICrossDomainMessenger} from "../src/universal/interfaces/ICrossDomainMessenger.sol";
import {Vm} from "./Test.sol";
import {OpenCollection} from "./support/Tokens.sol";
import {TwoLayers} from "./support/TwoLayers.sol";

contract ERC721BridgeTest is TwoLayers {
    uint32 internal constant GAS = 400_000;
    uint256 internal constant ID = 7;

    OpenCollection internal l1Token;
    OptimismMintableERC721 internal l2Token;

    function setUp() public override {
        super.setUp();
        l1Token = new OpenCollection();
        l2Token = OptimismMintableERC721(
            L2_ERC721_FACTORY.createOptimismMintableERC721(address(l1Token), "Open", "OPEN")
        );
        l1Token.mint(ALICE, ID);
        vm.prank(ALICE);
        l1Token.setApprovalForAll(address(l1ERC721Bridge), true);
    }

    function test_getters_answerOnBothLayers() public view {
        vm.assertEq(address(l1ERC721Bridge.messenger()), address(l1Messenger));
        vm.assertEq(address(l1ERC721Bridge.MESSENGER()), address(l1Messenger));
        vm.assertEq(l1ERC721Bridge.otherBridge(), address(L2_ERC721_BRIDGE));
        vm.assertEq(l1ERC721Bridge.OTHER_BRIDGE(), address(L2_ERC721_BRIDGE));
        vm.assertEq(address(l1ERC721Bridge.systemConfig()), address(systemConfig));
        vm.assertEq(
            address(l1ERC721Bridge.superchainConfig()), address(systemConfig.superchainConfig())
        );
        vm.assertEq(address(L2_ERC721_BRIDGE.messenger()), address(L2_MESSENGER));
        vm.assertEq(address(L2_ERC721_BRIDGE.MESSENGER()), address(L2_MESSENGER));
        vm.assertEq(L2_ERC721_BRIDGE.otherBridge(), address(l1ERC721Bridge));
        vm.assertEq(L2_ERC721_BRIDGE.OTHER_BRIDGE(), address(l1ERC721Bridge));
        vm.assertFalse(L2_ERC721_BRIDGE.paused());
        vm.assertTrue(bytes(l1ERC721Bridge.version()).length != 0);
        vm.assertTrue(bytes(L2_ERC721_BRIDGE.version()).length != 0);
    }

    function test_layout_isThatOfTheProtocol() public {
        address bridge = address(l1ERC721Bridge);
        vm.assertEq(vm.load(bridge, bytes32(uint256(1))), _word(address(l1Messenger)));
        vm.assertEq(vm.load(bridge, bytes32(uint256(2))), _word(address(L2_ERC721_BRIDGE)));
        vm.assertEq(vm.load(bridge, bytes32(uint256(50))), _word(address(systemConfig)));
        bytes32 slot = keccak256(abi.encode(address(1), uint256(49)));
        slot = keccak256(abi.encode(address(2), slot));
        slot = keccak256(abi.encode(uint256(3), slot));
        vm.store(bridge, slot, bytes32(uint256(1)));
        vm.assertTrue(l1ERC721Bridge.deposits(address(1), address(2), 3));
    }

    function test_initialize_ofL2MatchesWhatGenesisWrites() public {
        address proxy = _install(
            address(new L2ERC721Bridge()),
            abi.encodeCall(L2ERC721Bridge.initialize, (address(l1ERC721Bridge)))
        );
        for (uint256 slot = 0; slot < 4; ++slot) {
            vm.assertEq(
                vm.load(proxy, bytes32(slot)), vm.load(address(L2_ERC721_BRIDGE), bytes32(slot))
            );
        }
    }

    function test_initialize_isForTheAdminAndOnce() public {
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        l1ERC721Bridge.initialize(ICrossDomainMessenger(address(1)), ISystemConfig(address(2)));
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        L2_ERC721_BRIDGE.initialize(address(1));
        address payable proxy = payable(address(new Proxy(address(admin))));
        admin.upgrade(proxy, address(new L1ERC721Bridge()));
        vm.expectRevert(ProxyAdminOwned.NotProxyAdmin.selector);
        vm.prank(ALICE);
        L1ERC721Bridge(proxy)
            .initialize(ICrossDomainMessenger(address(1)), ISystemConfig(address(2)));
    }

    function testFuzz_token_goesToL2AndBack(uint256 tokenId, bytes calldata extraData) public {
        vm.assume(tokenId != ID);
        l1Token.mint(ALICE, tokenId);
        vm.recordLogs();
        vm.expectEmit(address(l1ERC721Bridge));
        emit ERC721Bridge.ERC721BridgeInitiated(
            address(l1Token), address(l2Token), ALICE, BOB, tokenId, extraData
        );
        vm.prank(ALICE);
        l1ERC721Bridge.bridgeERC721To(
            address(l1Token), address(l2Token), BOB, tokenId, GAS, extraData
        );
        vm.assertEq(l1Token.ownerOf(tokenId), address(l1ERC721Bridge));
        vm.assertTrue(l1ERC721Bridge.deposits(address(l1Token), address(l2Token), tokenId));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.expectEmit(address(L2_ERC721_BRIDGE));
        emit ERC721Bridge.ERC721BridgeFinalized(
            address(l2Token), address(l1Token), ALICE, BOB, tokenId, extraData
        );
        vm.assertTrue(_execute(_deposit(logs)));
        vm.assertEq(l2Token.ownerOf(tokenId), BOB);

        vm.recordLogs();
        vm.expectEmit(address(L2_ERC721_BRIDGE));
        emit ERC721Bridge.ERC721BridgeInitiated(
            address(l2Token), address(l1Token), BOB, ALICE, tokenId, extraData
        );
        vm.prank(BOB);
        L2_ERC721_BRIDGE.bridgeERC721To(
            address(l2Token), address(l1Token), ALICE, tokenId, GAS, extraData
        );
        vm.assertEq(l2Token.totalSupply(), 0);
        logs = vm.getRecordedLogs();
        vm.expectEmit(address(l1ERC721Bridge));
        emit ERC721Bridge.ERC721BridgeFinalized(
            address(l1Token), address(l2Token), BOB, ALICE, tokenId, extraData
        );
        vm.assertTrue(_finalize(_withdrawal(logs)));
        vm.assertEq(l1Token.ownerOf(tokenId), ALICE);
        vm.assertFalse(l1ERC721Bridge.deposits(address(l1Token), address(l2Token), tokenId));
    }

    function test_token_toOneselfIsForAccountsWithAKey() public {
        vm.expectRevert(ERC721Bridge.OnlyEOA.selector);
        l1ERC721Bridge.bridgeERC721(address(l1Token), address(l2Token), ID, GAS, "");
        _depositToken();
        vm.assertEq(l2Token.ownerOf(ID), ALICE);
        vm.recordLogs();
        vm.prank(ALICE, ALICE);
        L2_ERC721_BRIDGE.bridgeERC721(address(l2Token), address(l1Token), ID, GAS, "");
        vm.assertTrue(_carryToL1());
        vm.assertEq(l1Token.ownerOf(ID), ALICE);
    }

    function test_token_toNobodyOrOfNothingIsRefused() public {
        vm.startPrank(ALICE, ALICE);
        vm.expectRevert(ERC721Bridge.ZeroAddress.selector);
        l1ERC721Bridge.bridgeERC721To(address(l1Token), address(l2Token), address(0), ID, GAS, "");
        vm.expectRevert(ERC721Bridge.ZeroAddress.selector);
        l1ERC721Bridge.bridgeERC721(address(l1Token), address(0), ID, GAS, "");
        vm.expectRevert(ERC721Bridge.ZeroAddress.selector);
        L2_ERC721_BRIDGE.bridgeERC721(address(l2Token), address(0), ID, GAS, "");
        vm.stopPrank();
    }

    function test_token_ofSomeoneElseIsRefused() public {
        vm.expectRevert(
            abi.encodeWithSelector(IERC721Errors.ERC721IncorrectOwner.selector, BOB, ID, ALICE)
        );
        vm.prank(BOB, BOB);
        l1ERC721Bridge.bridgeERC721(address(l1Token), address(l2Token), ID, GAS, "");
        _depositToken();
        // An approval is not enough on L2.
        vm.prank(ALICE);
        l2Token.approve(BOB, ID);
        vm.expectRevert(abi.encodeWithSelector(L2ERC721Bridge.NotOwner.selector, ALICE));
        vm.prank(BOB, BOB);
        L2_ERC721_BRIDGE.bridgeERC721(address(l2Token), address(l1Token), ID, GAS, "");
    }

    function test_token_ofAWrongPairIsRefused() public {
        _depositToken();
        vm.expectRevert(
            abi.encodeWithSelector(L2ERC721Bridge.WrongRemoteToken.selector, address(l2Token), BOB)
        );
        vm.prank(ALICE, ALICE);
        L2_ERC721_BRIDGE.bridgeERC721(address(l2Token), BOB, ID, GAS, "");
    }

    function test_token_ofAWrongPairNeverArrives() public {
        OpenCollection worthless = new OpenCollection();
        address[2] memory counterparts = [address(l2Token), address(l1Token)];
        for (uint256 i = 0; i < counterparts.length; ++i) {
            worthless.mint(ALICE, 10 + i);
            vm.recordLogs();
            vm.startPrank(ALICE, ALICE);
            worthless.approve(address(l1ERC721Bridge), 10 + i);
            l1ERC721Bridge.bridgeERC721(address(worthless), counterparts[i], 10 + i, GAS, "");
            vm.stopPrank();
            Deposit memory deposit = _deposit(vm.getRecordedLogs());
            vm.assertTrue(_execute(deposit));
            vm.assertTrue(L2_MESSENGER.failedMessages(keccak256(deposit.data)));
        }
        vm.assertEq(l2Token.totalSupply(), 0);
    }

    function test_token_thatIsNotEscrowedIsNotPaidOut() public {
        _asMessageOf(address(l1Messenger), address(L2_ERC721_BRIDGE));
        vm.startPrank(address(l1Messenger));
        vm.expectRevert(
            abi.encodeWithSelector(
                L1ERC721Bridge.NotEscrowed.selector, address(l1Token), address(l2Token), ID
            )
        );
        l1ERC721Bridge.finalizeBridgeERC721(address(l1Token), address(l2Token), ALICE, BOB, ID, "");
        vm.expectRevert(
            abi.encodeWithSelector(ERC721Bridge.UnsafeToken.selector, address(l1ERC721Bridge))
        );
        l1ERC721Bridge.finalizeBridgeERC721(
            address(l1ERC721Bridge), address(l2Token), ALICE, BOB, ID, ""
        );
        vm.stopPrank();
    }

    function test_finalize_onL2ChecksTheCollection() public {
        _asMessageOf(address(L2_MESSENGER), address(l1ERC721Bridge));
        vm.startPrank(address(L2_MESSENGER));
        vm.expectRevert(
            abi.encodeWithSelector(L2ERC721Bridge.NotMintable.selector, address(l1Token))
        );
        L2_ERC721_BRIDGE.finalizeBridgeERC721(
            address(l1Token), address(l2Token), ALICE, BOB, ID, ""
        );
        vm.expectRevert(
            abi.encodeWithSelector(L2ERC721Bridge.WrongRemoteToken.selector, address(l2Token), BOB)
        );
        L2_ERC721_BRIDGE.finalizeBridgeERC721(address(l2Token), BOB, ALICE, BOB, ID, "");
        vm.stopPrank();
    }

    function test_finalize_isForTheOtherBridgeAlone() public {
        ERC721Bridge[2] memory bridges =
            [ERC721Bridge(l1ERC721Bridge), ERC721Bridge(L2_ERC721_BRIDGE)];
        for (uint256 i = 0; i < bridges.length; ++i) {
            vm.expectRevert(ERC721Bridge.OnlyOtherBridge.selector);
            vm.prank(ALICE);
            bridges[i].finalizeBridgeERC721(address(l1Token), address(l2Token), BOB, BOB, ID, "");
            address messenger = address(bridges[i].messenger());
            _asMessageOf(messenger, ALICE);
            vm.expectRevert(ERC721Bridge.OnlyOtherBridge.selector);
            vm.prank(messenger);
            bridges[i].finalizeBridgeERC721(address(l1Token), address(l2Token), BOB, BOB, ID, "");
        }
    }

    function test_finalize_waitsWhilePaused() public {
        _depositToken();
        systemConfig.setPaused(true);
        vm.assertTrue(l1ERC721Bridge.paused());
        _asMessageOf(address(l1Messenger), address(L2_ERC721_BRIDGE));
        vm.expectRevert(ERC721Bridge.Paused.selector);
        vm.prank(address(l1Messenger));
        l1ERC721Bridge.finalizeBridgeERC721(address(l1Token), address(l2Token), ALICE, BOB, ID, "");
    }

    function test_token_forAContractThatRefusesItWaits() public {
        // This contract does not implement onERC721Received.
        vm.recordLogs();
        vm.prank(ALICE);
        l1ERC721Bridge.bridgeERC721To(
            address(l1Token), address(l2Token), address(this), ID, GAS, ""
        );
        Deposit memory deposit = _deposit(vm.getRecordedLogs());
        vm.assertTrue(_execute(deposit));
        vm.assertTrue(L2_MESSENGER.failedMessages(keccak256(deposit.data)));
    }

    function _depositToken() private {
        vm.recordLogs();
        vm.prank(ALICE, ALICE);
        l1ERC721Bridge.bridgeERC721(address(l1Token), address(l2Token), ID, GAS, "");
        vm.assertTrue(_carryToL2());
    }

    /// @dev Makes the messenger name sender as that of the message that it is relaying.
    function _asMessageOf(address messenger, address sender) private {
        vm.store(messenger, bytes32(uint256(204)), _word(sender));
    }
}
