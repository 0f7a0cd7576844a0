// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {AnchorStateRegistry} from "../src/dispute/AnchorStateRegistry.sol";
import {DisputeGameFactory} from "../src/dispute/DisputeGameFactory.sol";
import {InterimDisputeGame} from "../src/dispute/InterimDisputeGame.sol";
import {IAnchorStateRegistry} from "../src/dispute/interfaces/IAnchorStateRegistry.sol";
import {
    BondDistributionMode,
    GameStatus,
    IDisputeGame
} from "../src/dispute/interfaces/IDisputeGame.sol";
import {IDisputeGameFactory} from "../src/dispute/interfaces/IDisputeGameFactory.sol";
import {ImmutableArgsClone} from "../src/libraries/ImmutableArgsClone.sol";
import {Proxy} from "../src/universal/Proxy.sol";
import {Settlement} from "./settlement/Settlement.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// A contract whose clones return the calldata that they see.
contract Mirror {
    fallback(bytes calldata data) external returns (bytes memory) {
        if (bytes4(data) == 0xdeadbeef) revert(string(data[4:8]));
        return data;
    }
}

contract Cloner {
    function clone(address implementation, bytes calldata args) external returns (address) {
        return ImmutableArgsClone.clone(implementation, args);
    }
}

/// A game that the factory knows nothing of, but that says all the right things.
contract Pretender {
    IDisputeGame private immutable MODEL;
    IAnchorStateRegistry public anchorStateRegistry;

    constructor(IDisputeGame model) {
        MODEL = model;
        anchorStateRegistry = model.anchorStateRegistry();
    }

    function gameData() external view returns (uint32, bytes32, bytes memory) {
        return MODEL.gameData();
    }
}

contract DisputeGamesTest is Settlement {
    event DisputeGameCreated(
        address indexed disputeProxy, uint32 indexed gameType, bytes32 indexed rootClaim
    );
    event ImplementationSet(address indexed impl, uint32 indexed gameType);
    event InitBondUpdated(uint32 indexed gameType, uint256 indexed newBond);
    event Resolved(GameStatus indexed status);
    event GameClosed(BondDistributionMode bondDistributionMode);
    event AnchorUpdated(IDisputeGame indexed game);
    event RespectedGameTypeSet(uint32 gameType);
    event RetirementTimestampSet(uint256 timestamp);
    event DisputeGameBlacklisted(IDisputeGame indexed disputeGame);

    bytes32 private constant ROOT = keccak256("root");
    uint256 private constant NUMBER = ANCHOR_NUMBER + 5;

    // Clones.

    function testFuzz_clone_appendsItsConstants(bytes memory data, bytes memory args) public {
        vm.assume(data.length > 0 && bytes4(data) != 0xdeadbeef);
        address instance = new Cloner().clone(address(new Mirror()), args);
        (bool success, bytes memory seen) = instance.call(data);
        vm.assertTrue(success);
        vm.assertEq(seen, abi.encodePacked(data, args, uint16(args.length + 2)));
    }

    function test_clone_passesFailuresOnAndTakesEther() public {
        address instance = new Cloner().clone(address(new Mirror()), hex"010203");
        (bool success, bytes memory reason) = instance.call(hex"deadbeef41424344");
        vm.assertFalse(success);
        vm.assertEq(reason, abi.encodeWithSignature("Error(string)", "ABCD"));
        vm.deal(address(this), 5);
        (success,) = instance.call{value: 5}("");
        vm.assertTrue(success);
        vm.assertEq(instance.balance, 5);
    }

    function test_clone_refusesTooManyConstants() public {
        Cloner cloner = new Cloner();
        address mirror = address(new Mirror());
        cloner.clone(mirror, new bytes(24_000));
        vm.expectRevert(ImmutableArgsClone.ImmutableArgsTooLong.selector);
        cloner.clone(mirror, new bytes(24_001));
        // Too little gas to pay for the code.
        vm.expectRevert(ImmutableArgsClone.CloneFailed.selector);
        cloner.clone{gas: 1_000_000}(mirror, new bytes(24_000));
    }

    // Factory.

    function test_selectors_areThoseOfTheOpStack() public view {
        _eq(factory.create.selector, 0x82ecf2f6);
        _eq(factory.games.selector, 0x5f0150cb);
        _eq(factory.gameAtIndex.selector, 0xbb8aa1fc);
        _eq(factory.gameCount.selector, 0x4d1975b4);
        _eq(factory.gameImpls.selector, 0x1b685b9e);
        _eq(factory.initBonds.selector, 0x6593dc6e);
        _eq(factory.findLatestGames.selector, 0x254bd683);
        _eq(factory.getGameUUID.selector, 0x96cd9720);
        _eq(factory.setImplementation.selector, 0x14f6b1a3);
        _eq(factory.setInitBond.selector, 0x1e334240);
        _eq(registry.isGameRespected.selector, 0x04e50fed);
        _eq(registry.isGameProper.selector, 0x496b9c16);
        _eq(registry.isGameFinalized.selector, 0x0314d2b3);
        _eq(registry.isGameClaimValid.selector, 0x6c4f4467);
        _eq(registry.getAnchorRoot.selector, 0xd83ef267);
        _eq(registry.anchors.selector, 0x7258a807);
        _eq(registry.blacklistDisputeGame.selector, 0x7d6be8dc);
        _eq(registry.setRespectedGameType.selector, 0x7fc48504);
        _eq(gameImplementation.createdAt.selector, 0xcf09e0d0);
        _eq(gameImplementation.resolvedAt.selector, 0x19effeb4);
        _eq(gameImplementation.status.selector, 0x200d2ed2);
        _eq(gameImplementation.gameType.selector, 0xbbdc02db);
        _eq(gameImplementation.gameCreator.selector, 0x37b1b229);
        _eq(gameImplementation.rootClaim.selector, 0xbcef3b55);
        _eq(gameImplementation.l1Head.selector, 0x6361506d);
        _eq(gameImplementation.extraData.selector, 0x609d3334);
        _eq(gameImplementation.gameData.selector, 0xfa24f743);
        _eq(gameImplementation.resolve.selector, 0x2810e1d6);
        _eq(gameImplementation.l2BlockNumber.selector, 0x8b85902b);
        _eq(gameImplementation.l2SequenceNumber.selector, 0x99735e32);
        _eq(gameImplementation.claimCredit.selector, 0x60e27464);
        _eq(gameImplementation.closeGame.selector, 0x786b844b);
        vm.assertEq(
            DisputeGameCreated.selector,
            0x5b565efe82411da98814f356d0e7bcb8f0219b8d970307c5afb4a6903a8b2e35
        );
    }

    function test_factory_initializesOnce() public {
        vm.assertEq(factory.owner(), OWNER);
        vm.assertEq(factory.version(), "1.2.0");
        vm.prank(OWNER);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        factory.initialize(USER);
        DisputeGameFactory implementation = new DisputeGameFactory();
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        implementation.initialize(USER);
    }

    function test_factory_obeysItsOwnerAlone() public {
        bytes memory reason =
            abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, USER);
        vm.startPrank(USER);
        vm.expectRevert(reason);
        factory.setImplementation(1, gameImplementation);
        vm.expectRevert(reason);
        factory.setInitBond(1, 2);
        vm.stopPrank();
        vm.startPrank(OWNER);
        vm.expectEmit(address(factory));
        emit ImplementationSet(address(gameImplementation), 1);
        factory.setImplementation(1, gameImplementation);
        vm.expectEmit(address(factory));
        emit InitBondUpdated(1, 2);
        factory.setInitBond(1, 2);
        vm.stopPrank();
        vm.assertEq(address(factory.gameImpls(1)), address(gameImplementation));
        vm.assertEq(factory.initBonds(1), 2);
    }

    function test_create_listsTheGame() public {
        InterimDisputeGame game = _propose(ROOT, NUMBER);
        bytes memory extraData = abi.encode(NUMBER);
        vm.assertEq(factory.gameCount(), 1);
        (uint32 gameType, uint64 timestamp, IDisputeGame proxy) = factory.gameAtIndex(0);
        vm.assertEq(uint256(gameType), GAME_TYPE);
        vm.assertEq(uint256(timestamp), block.timestamp);
        vm.assertEq(address(proxy), address(game));
        (proxy, timestamp) = factory.games(GAME_TYPE, ROOT, extraData);
        vm.assertEq(address(proxy), address(game));
        vm.assertEq(uint256(timestamp), block.timestamp);
        (proxy, timestamp) = factory.games(GAME_TYPE, ROOT, abi.encode(NUMBER + 1));
        vm.assertEq(address(proxy), address(0));
        vm.assertEq(uint256(timestamp), 0);
        vm.assertEq(
            factory.getGameUUID(GAME_TYPE, ROOT, extraData),
            keccak256(abi.encode(GAME_TYPE, ROOT, extraData))
        );
        vm.assertEq(weth.balanceOf(address(game)), BOND);
        vm.assertEq(address(weth).balance, BOND);
    }

    function test_create_refusesUnknownTypes() public {
        vm.prank(PROPOSER);
        vm.expectRevert(
            abi.encodeWithSelector(DisputeGameFactory.NoImplementation.selector, uint32(101))
        );
        factory.create{value: BOND}(101, ROOT, abi.encode(NUMBER));
    }

    function test_create_refusesAnotherBond() public {
        vm.startPrank(PROPOSER);
        vm.expectRevert(DisputeGameFactory.IncorrectBondAmount.selector);
        factory.create{value: BOND - 1}(GAME_TYPE, ROOT, abi.encode(NUMBER));
        vm.expectRevert(DisputeGameFactory.IncorrectBondAmount.selector);
        factory.create{value: BOND + 1}(GAME_TYPE, ROOT, abi.encode(NUMBER));
        vm.stopPrank();
    }

    function test_create_refusesASecondGameOverOneClaim() public {
        _propose(ROOT, NUMBER);
        bytes32 uuid = factory.getGameUUID(GAME_TYPE, ROOT, abi.encode(NUMBER));
        vm.prank(PROPOSER);
        vm.expectRevert(abi.encodeWithSelector(DisputeGameFactory.GameAlreadyExists.selector, uuid));
        factory.create{value: BOND}(GAME_TYPE, ROOT, abi.encode(NUMBER));
    }

    function test_findLatestGames_goesBackwards() public {
        vm.prank(OWNER);
        factory.setImplementation(7, gameImplementation);
        for (uint256 i = 0; i < 6; ++i) {
            vm.prank(PROPOSER);
            // Types alternate; those of type 7 carry no bond.
            if (i % 2 == 0) factory.create{value: BOND}(GAME_TYPE, ROOT, abi.encode(NUMBER + i));
            else factory.create(7, ROOT, abi.encode(NUMBER + i));
        }
        IDisputeGameFactory.GameSearchResult[] memory found =
            factory.findLatestGames(GAME_TYPE, 5, 2);
        vm.assertEq(found.length, 2);
        vm.assertEq(found[0].index, 4);
        vm.assertEq(found[1].index, 2);
        vm.assertEq(found[0].rootClaim, ROOT);
        vm.assertEq(found[0].extraData, abi.encode(NUMBER + 4));
        vm.assertEq(uint256(found[0].timestamp), block.timestamp);
        (,, IDisputeGame proxy) = factory.gameAtIndex(4);
        vm.assertEq(
            found[0].metadata,
            bytes32(abi.encodePacked(GAME_TYPE, uint64(block.timestamp), address(proxy)))
        );
        vm.assertEq(factory.findLatestGames(GAME_TYPE, 5, 100).length, 3);
        vm.assertEq(factory.findLatestGames(7, 0, 100).length, 0);
        vm.assertEq(factory.findLatestGames(GAME_TYPE, 6, 100).length, 0);
        vm.assertEq(factory.findLatestGames(GAME_TYPE, 5, 0).length, 0);
        vm.assertEq(factory.findLatestGames(GAME_TYPE, 5, type(uint256).max).length, 3);
    }

    // Game.

    function test_game_knowsItsConstants() public {
        vm.roll(2000);
        InterimDisputeGame game = _propose(ROOT, NUMBER);
        vm.assertEq(game.gameCreator(), PROPOSER);
        vm.assertEq(game.rootClaim(), ROOT);
        vm.assertEq(game.l1Head(), blockhash(1999));
        vm.assertEq(game.extraData(), abi.encode(NUMBER));
        vm.assertEq(game.l2BlockNumber(), NUMBER);
        vm.assertEq(game.l2SequenceNumber(), NUMBER);
        vm.assertEq(uint256(game.gameType()), GAME_TYPE);
        vm.assertEq(uint256(game.createdAt()), block.timestamp);
        vm.assertEq(uint256(game.resolvedAt()), 0);
        vm.assertTrue(game.status() == GameStatus.IN_PROGRESS);
        vm.assertTrue(game.wasRespectedGameTypeWhenCreated());
        vm.assertEq(uint256(game.maxClockDuration()), CLOCK);
        vm.assertEq(address(game.weth()), address(weth));
        vm.assertEq(address(game.anchorStateRegistry()), address(registry));
        vm.assertEq(game.l2ChainId(), L2_CHAIN_ID);
        vm.assertEq(game.proposer(), PROPOSER);
        vm.assertEq(game.version(), "1.0.0");
        (uint32 gameType, bytes32 rootClaim, bytes memory extraData) = game.gameData();
        vm.assertEq(uint256(gameType), GAME_TYPE);
        vm.assertEq(rootClaim, ROOT);
        vm.assertEq(extraData, abi.encode(NUMBER));
    }

    function test_game_isInitializedOnce() public {
        InterimDisputeGame game = _propose(ROOT, NUMBER);
        vm.expectRevert(InterimDisputeGame.AlreadyInitialized.selector);
        game.initialize();
        vm.expectRevert(InterimDisputeGame.AlreadyInitialized.selector);
        gameImplementation.initialize();
    }

    function testFuzz_game_isTheProposersAlone(address creator) public {
        vm.assume(creator != PROPOSER && creator != address(admin));
        vm.deal(creator, BOND);
        vm.prank(creator);
        vm.expectRevert(InterimDisputeGame.BadAuth.selector);
        factory.create{value: BOND}(GAME_TYPE, ROOT, abi.encode(NUMBER));
    }

    function test_game_refusesClaimsNotNewerThanTheAnchor() public {
        bytes memory reason =
            abi.encodeWithSelector(InterimDisputeGame.UnexpectedRootClaim.selector, ROOT);
        vm.startPrank(PROPOSER);
        vm.expectRevert(reason);
        factory.create{value: BOND}(GAME_TYPE, ROOT, abi.encode(ANCHOR_NUMBER));
        vm.expectRevert(reason);
        factory.create{value: BOND}(GAME_TYPE, ROOT, abi.encode(0));
        factory.create{value: BOND}(GAME_TYPE, ROOT, abi.encode(ANCHOR_NUMBER + 1));
        vm.stopPrank();
    }

    function testFuzz_game_refusesOtherExtraData(uint8 length) public {
        vm.assume(length != 32);
        vm.prank(PROPOSER);
        vm.expectRevert(InterimDisputeGame.BadExtraData.selector);
        factory.create{value: BOND}(GAME_TYPE, ROOT, new bytes(length));
    }

    function test_game_refusesToStartFromNothing() public {
        vm.mockCall(
            address(registry),
            abi.encodeCall(IAnchorStateRegistry.getAnchorRoot, ()),
            abi.encode(bytes32(0), uint256(0))
        );
        vm.prank(PROPOSER);
        vm.expectRevert(InterimDisputeGame.AnchorRootNotFound.selector);
        factory.create{value: BOND}(GAME_TYPE, ROOT, abi.encode(NUMBER));
    }

    function test_game_refusesBondsThatDoNotFit() public {
        uint256 bond = uint256(type(uint88).max) + 1;
        vm.prank(OWNER);
        factory.setInitBond(GAME_TYPE, bond);
        vm.deal(PROPOSER, bond);
        vm.prank(PROPOSER);
        vm.expectRevert(
            abi.encodeWithSelector(
                SafeCast.SafeCastOverflowedUintDowncast.selector, uint8(88), bond
            )
        );
        factory.create{value: bond}(GAME_TYPE, ROOT, abi.encode(NUMBER));
    }

    function test_resolve_waitsForTheClock() public {
        InterimDisputeGame game = _propose(ROOT, NUMBER);
        vm.warp(block.timestamp + CLOCK - 1);
        vm.expectRevert(InterimDisputeGame.ClockNotExpired.selector);
        game.resolve();
        vm.warp(block.timestamp + 1);
        vm.expectEmit(address(game));
        emit Resolved(GameStatus.DEFENDER_WINS);
        vm.assertTrue(game.resolve() == GameStatus.DEFENDER_WINS);
        vm.assertTrue(game.status() == GameStatus.DEFENDER_WINS);
        vm.assertEq(uint256(game.resolvedAt()), block.timestamp);
        vm.expectRevert(InterimDisputeGame.GameNotInProgress.selector);
        game.resolve();
    }

    function test_resolve_goesAgainstBlacklistedGames() public {
        InterimDisputeGame game = _propose(ROOT, NUMBER);
        vm.prank(GUARDIAN);
        registry.blacklistDisputeGame(game);
        _pass(CLOCK);
        vm.assertTrue(game.resolve() == GameStatus.CHALLENGER_WINS);
        _pass(FINALITY_DELAY + 1);
        vm.assertFalse(registry.isGameClaimValid(game));
        vm.assertEq(game.normalModeCredit(PROPOSER), 0);
        vm.assertEq(game.refundModeCredit(PROPOSER), BOND);
    }

    function test_bond_comesBackAfterTwoDelays() public {
        InterimDisputeGame game = _finalized(ROOT, NUMBER);
        vm.expectEmit(address(registry));
        emit AnchorUpdated(game);
        vm.expectEmit(address(game));
        emit GameClosed(BondDistributionMode.NORMAL);
        game.claimCredit(PROPOSER);
        vm.assertTrue(game.bondDistributionMode() == BondDistributionMode.NORMAL);
        (uint256 credit, bool unlocked) = game.credit(PROPOSER);
        vm.assertEq(credit, BOND);
        vm.assertTrue(unlocked);
        vm.assertTrue(game.hasUnlockedCredit(PROPOSER));
        vm.assertFalse(game.hasUnlockedCredit(USER));

        vm.expectRevert();
        game.claimCredit(PROPOSER);
        _pass(WETH_DELAY);
        uint256 before = PROPOSER.balance;
        game.claimCredit(PROPOSER);
        vm.assertEq(PROPOSER.balance, before + BOND);
        vm.assertEq(address(weth).balance, 0);
        vm.expectRevert(InterimDisputeGame.NoCreditToClaim.selector);
        game.claimCredit(PROPOSER);
    }

    function test_bond_isNobodyElses() public {
        InterimDisputeGame game = _finalized(ROOT, NUMBER);
        vm.expectRevert(InterimDisputeGame.NoCreditToClaim.selector);
        game.claimCredit(USER);
    }

    function test_bond_isRefundedForGamesThatDoNotCount() public {
        InterimDisputeGame game = _finalized(ROOT, NUMBER);
        vm.prank(GUARDIAN);
        registry.updateRetirementTimestamp();
        vm.expectEmit(address(game));
        emit GameClosed(BondDistributionMode.REFUND);
        game.closeGame();
        game.closeGame();
        game.claimCredit(PROPOSER);
        _pass(WETH_DELAY);
        uint256 before = PROPOSER.balance;
        game.claimCredit(PROPOSER);
        vm.assertEq(PROPOSER.balance, before + BOND);
        vm.assertEq(address(registry.anchorGame()), address(0));
    }

    function test_close_waitsForFinality() public {
        InterimDisputeGame game = _propose(ROOT, NUMBER);
        vm.expectRevert(InterimDisputeGame.GameNotFinalized.selector);
        game.closeGame();
        _pass(CLOCK);
        game.resolve();
        vm.warp(block.timestamp + FINALITY_DELAY);
        vm.expectRevert(InterimDisputeGame.GameNotFinalized.selector);
        game.closeGame();
        vm.warp(block.timestamp + 1);
        game.closeGame();
    }

    function test_close_waitsForThePause() public {
        InterimDisputeGame game = _finalized(ROOT, NUMBER);
        vm.prank(GUARDIAN);
        superchain.pause(address(portal));
        vm.expectRevert(InterimDisputeGame.GamePaused.selector);
        game.closeGame();
    }

    function test_close_ofAnOlderGameLeavesTheAnchor() public {
        InterimDisputeGame older = _propose(ROOT, NUMBER);
        InterimDisputeGame newer = _propose(ROOT, NUMBER + 1);
        _pass(CLOCK);
        older.resolve();
        newer.resolve();
        _pass(FINALITY_DELAY + 1);
        newer.closeGame();
        older.closeGame();
        vm.assertEq(address(registry.anchorGame()), address(newer));
        vm.assertTrue(older.bondDistributionMode() == BondDistributionMode.NORMAL);
    }

    // Registry.

    function test_registry_initializesOnce() public {
        vm.assertEq(registry.version(), "3.0.0");
        vm.assertEq(address(registry.systemConfig()), address(config));
        vm.assertEq(address(registry.superchainConfig()), address(superchain));
        vm.assertEq(address(registry.disputeGameFactory()), address(factory));
        vm.assertEq(registry.optimismPortal(), address(portal));
        vm.assertEq(registry.disputeGameFinalityDelaySeconds(), FINALITY_DELAY);
        IAnchorStateRegistry.Proposal memory anchor = registry.getStartingAnchorRoot();
        vm.assertEq(anchor.root, ANCHOR_ROOT);
        vm.assertEq(anchor.l2SequenceNumber, ANCHOR_NUMBER);
        vm.prank(OWNER);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        registry.initialize(anchor, 1);
        AnchorStateRegistry implementation =
            new AnchorStateRegistry(config, superchain, factory, address(portal), 1);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        implementation.initialize(anchor, 1);
    }

    function test_registry_obeysTheGuardianAlone() public {
        InterimDisputeGame game = _propose(ROOT, NUMBER);
        vm.startPrank(USER);
        vm.expectRevert(AnchorStateRegistry.AnchorStateRegistry_Unauthorized.selector);
        registry.setRespectedGameType(1);
        vm.expectRevert(AnchorStateRegistry.AnchorStateRegistry_Unauthorized.selector);
        registry.updateRetirementTimestamp();
        vm.expectRevert(AnchorStateRegistry.AnchorStateRegistry_Unauthorized.selector);
        registry.blacklistDisputeGame(game);
        vm.stopPrank();
        vm.startPrank(GUARDIAN);
        vm.expectEmit(address(registry));
        emit RespectedGameTypeSet(1);
        registry.setRespectedGameType(1);
        vm.expectEmit(address(registry));
        emit RetirementTimestampSet(block.timestamp);
        registry.updateRetirementTimestamp();
        vm.expectEmit(address(registry));
        emit DisputeGameBlacklisted(game);
        registry.blacklistDisputeGame(game);
        vm.stopPrank();
        vm.assertEq(uint256(registry.respectedGameType()), 1);
        vm.assertTrue(registry.isGameBlacklisted(game));
    }

    function test_registry_knowsWhatIsRegistered() public {
        InterimDisputeGame game = _propose(ROOT, NUMBER);
        vm.assertTrue(registry.isGameRegistered(game));
        Pretender pretender = new Pretender(game);
        vm.assertFalse(registry.isGameRegistered(IDisputeGame(address(pretender))));

        // A game of the factory that answers to another registry.
        AnchorStateRegistry other = AnchorStateRegistry(address(new Proxy(address(admin))));
        AnchorStateRegistry implementation =
            new AnchorStateRegistry(config, superchain, factory, address(portal), 1);
        vm.prank(OWNER);
        admin.upgrade(payable(address(other)), address(implementation));
        vm.assertFalse(other.isGameRegistered(game));
    }

    function test_registry_knowsWhatIsRespected() public {
        InterimDisputeGame before = _propose(ROOT, NUMBER);
        vm.prank(GUARDIAN);
        registry.setRespectedGameType(101);
        InterimDisputeGame afterwards = _propose(ROOT, NUMBER + 1);
        vm.assertTrue(registry.isGameRespected(before));
        vm.assertFalse(registry.isGameRespected(afterwards));
    }

    /// A game of the second in which games are retired is retired with them.
    function test_registry_retiresWhatWasCreatedUntilNow() public {
        InterimDisputeGame older = _propose(ROOT, NUMBER);
        vm.assertFalse(registry.isGameRetired(older));
        vm.prank(GUARDIAN);
        registry.updateRetirementTimestamp();
        InterimDisputeGame same = _propose(ROOT, NUMBER + 1);
        _pass(1);
        InterimDisputeGame newer = _propose(ROOT, NUMBER + 2);
        vm.assertTrue(registry.isGameRetired(older));
        vm.assertTrue(registry.isGameRetired(same));
        vm.assertFalse(registry.isGameRetired(newer));
        vm.assertFalse(registry.isGameProper(older));
        vm.assertTrue(registry.isGameProper(newer));
    }

    function test_registry_findsNothingProperWhilePaused() public {
        InterimDisputeGame game = _finalized(ROOT, NUMBER);
        vm.assertTrue(registry.isGameProper(game));
        vm.assertTrue(registry.isGameClaimValid(game));
        vm.prank(GUARDIAN);
        superchain.pause(address(portal));
        vm.assertTrue(registry.paused());
        vm.assertFalse(registry.isGameProper(game));
        vm.assertFalse(registry.isGameClaimValid(game));
        vm.expectRevert(AnchorStateRegistry.AnchorStateRegistry_InvalidAnchorGame.selector);
        registry.setAnchorState(game);
    }

    function test_registry_waitsForFinality() public {
        InterimDisputeGame game = _propose(ROOT, NUMBER);
        vm.assertFalse(registry.isGameResolved(game));
        vm.assertFalse(registry.isGameFinalized(game));
        _pass(CLOCK);
        game.resolve();
        vm.assertTrue(registry.isGameResolved(game));
        vm.warp(block.timestamp + FINALITY_DELAY);
        vm.assertFalse(registry.isGameFinalized(game));
        vm.assertFalse(registry.isGameClaimValid(game));
        vm.warp(block.timestamp + 1);
        vm.assertTrue(registry.isGameFinalized(game));
        vm.assertTrue(registry.isGameClaimValid(game));
    }

    function test_anchor_movesForwardOnly() public {
        (bytes32 root, uint256 number) = registry.getAnchorRoot();
        vm.assertEq(root, ANCHOR_ROOT);
        vm.assertEq(number, ANCHOR_NUMBER);
        InterimDisputeGame game = _finalized(ROOT, NUMBER);
        registry.setAnchorState(game);
        (root, number) = registry.anchors(0);
        vm.assertEq(root, ROOT);
        vm.assertEq(number, NUMBER);
        vm.expectRevert(AnchorStateRegistry.AnchorStateRegistry_InvalidAnchorGame.selector);
        registry.setAnchorState(game);
    }

    function test_anchor_refusesUnfinishedAndUnknownGames() public {
        InterimDisputeGame game = _propose(ROOT, NUMBER);
        vm.expectRevert(AnchorStateRegistry.AnchorStateRegistry_InvalidAnchorGame.selector);
        registry.setAnchorState(game);
        Pretender pretender = new Pretender(game);
        vm.expectRevert(AnchorStateRegistry.AnchorStateRegistry_InvalidAnchorGame.selector);
        registry.setAnchorState(IDisputeGame(address(pretender)));
    }

    /// A game of another type than the respected one may be won and old enough; it moves nothing, not
    /// even when its type becomes the respected one.
    function test_anchor_refusesGamesOfATypeThatWasNotRespected() public {
        vm.prank(GUARDIAN);
        registry.setRespectedGameType(101);
        InterimDisputeGame game = _finalized(ROOT, NUMBER);
        vm.assertTrue(registry.isGameProper(game));
        vm.assertTrue(registry.isGameFinalized(game));
        vm.assertTrue(game.status() == GameStatus.DEFENDER_WINS);
        vm.prank(GUARDIAN);
        registry.setRespectedGameType(GAME_TYPE);
        vm.assertFalse(registry.isGameClaimValid(game));
        vm.expectRevert(AnchorStateRegistry.AnchorStateRegistry_InvalidAnchorGame.selector);
        registry.setAnchorState(game);
        vm.assertEq(address(registry.anchorGame()), address(0));
    }

    function _finalized(bytes32 root, uint256 number) private returns (InterimDisputeGame game) {
        game = _propose(root, number);
        _pass(CLOCK);
        game.resolve();
        _pass(FINALITY_DELAY + 1);
    }

    function _eq(bytes4 left, bytes4 right) private pure {
        vm.assertEq(bytes32(left), bytes32(right));
    }
}
