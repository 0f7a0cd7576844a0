// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {OptimismPortal2} from "../src/L1/OptimismPortal2.sol";
import {DelayedWETH} from "../src/dispute/DelayedWETH.sol";
import {FaultDisputeGame} from "../src/dispute/FaultDisputeGame.sol";
import {InterimDisputeGame} from "../src/dispute/InterimDisputeGame.sol";
import {IAnchorStateRegistry} from "../src/dispute/interfaces/IAnchorStateRegistry.sol";
import {
    BondDistributionMode,
    GameStatus,
    IDisputeGame
} from "../src/dispute/interfaces/IDisputeGame.sol";
import {IFaultDisputeGame} from "../src/dispute/interfaces/IFaultDisputeGame.sol";
import {PreimageKey} from "../src/libraries/PreimageKey.sol";
import {Types} from "../src/libraries/Types.sol";
import {IPreimageOracle} from "../src/vm/interfaces/IPreimageOracle.sol";
import {FaultGames} from "./dispute/FaultGames.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// A wallet that makes the call which its owner has signed, whoever brings it.
contract RelayedWallet {
    function execute(address to, uint256 value, bytes calldata data) external {
        (bool success,) = to.call{value: value}(data);
        require(success, "call failed");
    }
}

/// An account that does not take ether.
contract Refuser {}

contract FaultDisputeGameTest is FaultGames {
    event Move(uint256 indexed parentIndex, bytes32 indexed claim, address indexed claimant);
    event Resolved(GameStatus indexed status);
    event GameClosed(BondDistributionMode bondDistributionMode);
    event AnchorUpdated(IDisputeGame indexed game);

    bytes32 private constant ROOT = keccak256("root");
    uint256 private constant NUMBER = ANCHOR_NUMBER + 5;
    address private constant RECIPIENT = address(0x4ec1);

    // What clients see.

    function test_selectors_areThoseOfTheOpStack() public view {
        FaultDisputeGame game = implementation;
        _eq(game.move.selector, 0x6f034409);
        _eq(game.attack.selector, 0x472777c6);
        _eq(game.defend.selector, 0x7b0f0adc);
        _eq(game.step.selector, 0xd8cc1a3c);
        _eq(game.addLocalData.selector, 0xf8f43ff6);
        _eq(game.resolveClaim.selector, 0x03c2924d);
        _eq(game.resolve.selector, 0x2810e1d6);
        _eq(game.challengeRootL2Block.selector, 0x01935130);
        _eq(game.getRequiredBond.selector, 0xc395e1ca);
        _eq(game.claimCredit.selector, 0x60e27464);
        _eq(game.closeGame.selector, 0x786b844b);
        _eq(game.l2BlockNumber.selector, 0x8b85902b);
        _eq(game.l2SequenceNumber.selector, 0x99735e32);
        _eq(game.status.selector, 0x200d2ed2);
        _eq(game.maxClockDuration.selector, 0xdabd396d);
        _eq(game.credit.selector, 0xd5d44d80);
    }

    function test_game_knowsItsConstants() public {
        vm.roll(2000);
        FaultDisputeGame game = _create(ROOT, NUMBER);
        vm.assertEq(game.gameCreator(), PROPOSER);
        vm.assertEq(game.rootClaim(), ROOT);
        vm.assertEq(game.l1Head(), blockhash(1999));
        vm.assertEq(game.extraData(), abi.encode(NUMBER));
        vm.assertEq(game.l2BlockNumber(), NUMBER);
        vm.assertEq(game.l2SequenceNumber(), NUMBER);
        vm.assertEq(uint256(game.gameType()), FAULT_TYPE);
        vm.assertEq(game.absolutePrestate(), machine.absolutePrestate());
        vm.assertEq(game.maxGameDepth(), 8);
        vm.assertEq(game.splitDepth(), 3);
        vm.assertEq(game.clockExtension(), EXTENSION);
        vm.assertEq(game.maxClockDuration(), MAX_CLOCK);
        vm.assertEq(address(game.vm()), address(machine));
        vm.assertEq(address(game.weth()), address(weth));
        vm.assertEq(address(game.anchorStateRegistry()), address(registry));
        vm.assertEq(game.l2ChainId(), L2_CHAIN_ID);
        vm.assertEq(game.bisectionBond(), BISECTION_BOND);
        vm.assertEq(game.stepBond(), STEP_BOND);
        vm.assertEq(game.version(), "1.8.0");
        (uint32 gameType, bytes32 root, bytes memory extraData) = game.gameData();
        vm.assertEq(uint256(gameType), FAULT_TYPE);
        vm.assertEq(root, ROOT);
        vm.assertEq(extraData, abi.encode(NUMBER));
    }

    function test_initialize_makesTheRootClaim() public {
        FaultDisputeGame game = _create(ROOT, NUMBER);
        vm.assertEq(game.createdAt(), block.timestamp);
        vm.assertEq(game.resolvedAt(), 0);
        vm.assertTrue(game.status() == GameStatus.IN_PROGRESS);
        vm.assertTrue(game.bondDistributionMode() == BondDistributionMode.UNDECIDED);
        vm.assertTrue(game.wasRespectedGameTypeWhenCreated());
        vm.assertEq(game.startingBlockNumber(), ANCHOR_NUMBER);
        vm.assertEq(game.startingRootHash(), ANCHOR_ROOT);
        (bytes32 root, uint256 number) = game.startingOutputRoot();
        vm.assertEq(root, ANCHOR_ROOT);
        vm.assertEq(number, ANCHOR_NUMBER);
        vm.assertEq(game.claimDataLen(), 1);
        _requireClaim(game, 0, type(uint32).max, PROPOSER, BISECTION_BOND, ROOT, 1, 0);
        vm.assertEq(weth.balanceOf(address(game)), BISECTION_BOND);
        vm.assertEq(game.refundModeCredit(PROPOSER), BISECTION_BOND);
    }

    function test_move_makesAClaim() public {
        FaultDisputeGame game = _create(ROOT, NUMBER);
        _pass(100);
        vm.deal(USER, 1 ether);
        vm.expectEmit(address(game));
        emit Move(0, "a", USER);
        vm.prank(USER);
        game.attack{value: BISECTION_BOND}(ROOT, 0, "a");
        _requireClaim(game, 1, 0, USER, BISECTION_BOND, "a", 2, 100);
        _pass(50);
        vm.prank(USER);
        game.defend{value: BISECTION_BOND}("a", 1, "d");
        _requireClaim(game, 2, 1, USER, BISECTION_BOND, "d", 6, 50);
        _pass(7);
        vm.prank(USER);
        game.attack{value: BISECTION_BOND}("d", 2, "b");
        _requireClaim(game, 3, 2, USER, BISECTION_BOND, "b", 12, 107);
        vm.assertEq(game.claimDataLen(), 4);
        vm.assertEq(game.subgames(0, 0), 1);
        vm.assertEq(game.subgames(1, 0), 2);
        vm.assertEq(game.getNumToResolve(0), 1);
        vm.assertTrue(game.claims(keccak256(abi.encode(bytes32("a"), uint256(2) << 128))));
        vm.assertTrue(game.claims(keccak256(abi.encode(bytes32("b"), uint256(12) << 128 | 2))));
        vm.assertFalse(game.claims(keccak256(abi.encode(bytes32("b"), uint256(12) << 128 | 1))));
        vm.assertEq(weth.balanceOf(address(game)), 4 * uint256(BISECTION_BOND));
    }

    function test_bonds_areFlatButForTheLastTwoDepths() public {
        FaultDisputeGame game = _create(ROOT, NUMBER);
        for (uint256 depth = 0; depth <= 8; ++depth) {
            uint256 bond = depth < 7 ? BISECTION_BOND : STEP_BOND;
            vm.assertEq(game.getRequiredBond(uint128(2 ** depth)), bond);
            vm.assertEq(game.getRequiredBond(uint128(2 ** (depth + 1) - 1)), bond);
        }
        vm.expectRevert(IFaultDisputeGame.GameDepthExceeded.selector);
        game.getRequiredBond(2 ** 9);
    }

    // What a deployment must not be.

    function test_constructor_boundsDepths() public {
        IFaultDisputeGame.GameConstructorParams memory params = _params();
        params.maxGameDepth = 126;
        _refuses(params, IFaultDisputeGame.MaxDepthTooLarge.selector);
        params.maxGameDepth = 125;
        new FaultDisputeGame(params);
        params.splitDepth = 123;
        new FaultDisputeGame(params);
        params.splitDepth = 124;
        _refuses(params, IFaultDisputeGame.InvalidSplitDepth.selector);
    }

    /// Base fault proofs review, 5.1.2: with one level below the split depth, a defending step finds
    /// no claim for the state after it.
    function test_audit_spearbit512_traceHasRootAndLeaves() public {
        IFaultDisputeGame.GameConstructorParams memory params = _params();
        params.splitDepth = 7;
        _refuses(params, IFaultDisputeGame.InvalidSplitDepth.selector);
        params.splitDepth = 6;
        new FaultDisputeGame(params);
    }

    /// The same review, 5.2.3: the longer extension two levels above a trace needs these levels.
    function test_audit_spearbit523_splitDepthIsTwoAtLeast() public {
        IFaultDisputeGame.GameConstructorParams memory params = _params();
        params.splitDepth = 1;
        _refuses(params, IFaultDisputeGame.InvalidSplitDepth.selector);
        params.splitDepth = 0;
        _refuses(params, IFaultDisputeGame.InvalidSplitDepth.selector);
        params.splitDepth = 2;
        new FaultDisputeGame(params);
    }

    /// The same review, 5.2.6: every extension must fit into the clock.
    function test_audit_spearbit526_extensionsFitTheClock() public {
        IFaultDisputeGame.GameConstructorParams memory params = _params();
        params.maxClockDuration = uint64(CHALLENGE_PERIOD) + EXTENSION;
        new FaultDisputeGame(params);
        params.maxClockDuration -= 1;
        _refuses(params, IFaultDisputeGame.InvalidClockExtension.selector);
        params = _params();
        params.clockExtension = MAX_CLOCK / 2;
        new FaultDisputeGame(params);
        params.clockExtension += 1;
        _refuses(params, IFaultDisputeGame.InvalidClockExtension.selector);
        params.clockExtension = type(uint64).max;
        params.maxClockDuration = type(uint64).max;
        _refuses(params, IFaultDisputeGame.InvalidClockExtension.selector);
    }

    function test_constructor_refusesWhatDoesNotFit() public {
        IFaultDisputeGame.GameConstructorParams memory params = _params();
        params.l2ChainId = 2 ** 64;
        _refuses(params, IFaultDisputeGame.InvalidChainId.selector);
        params = _params();
        params.gameType = type(uint32).max;
        _refuses(params, IFaultDisputeGame.ReservedGameType.selector);
        vm.mockCall(
            address(oracle),
            abi.encodeCall(IPreimageOracle.challengePeriod, ()),
            abi.encode(uint256(2 ** 64))
        );
        _refuses(_params(), IFaultDisputeGame.InvalidChallengePeriod.selector);
    }

    // Creation.

    function test_initialize_worksOnce() public {
        FaultDisputeGame game = _create(ROOT, NUMBER);
        vm.expectRevert(IFaultDisputeGame.AlreadyInitialized.selector);
        game.initialize();
        vm.expectRevert(IFaultDisputeGame.AlreadyInitialized.selector);
        implementation.initialize();
    }

    /// A game per claim: whatever is added to the extra data, or left out, names no other game.
    function testFuzz_initialize_refusesOtherExtraData(uint8 length) public {
        vm.assume(length != 32);
        vm.prank(PROPOSER);
        vm.expectRevert(IFaultDisputeGame.BadExtraData.selector);
        factory.create{value: BISECTION_BOND}(FAULT_TYPE, ROOT, new bytes(length));
    }

    function test_initialize_refusesToStartFromNothing() public {
        _mockAnchor(0, 0);
        vm.prank(PROPOSER);
        vm.expectRevert(IFaultDisputeGame.AnchorRootNotFound.selector);
        factory.create{value: BISECTION_BOND}(FAULT_TYPE, ROOT, abi.encode(NUMBER));
    }

    function test_initialize_refusesClaimsOutOfReach() public {
        _refusesNumber(0);
        _refusesNumber(ANCHOR_NUMBER);
        _refusesNumber(ANCHOR_NUMBER + 9);
        _create(ROOT, ANCHOR_NUMBER + 1);
        _create(ROOT, ANCHOR_NUMBER + 8);
    }

    /// Sherlock, Optimism fault proofs, M-2: a game over the last number there is would, as the
    /// anchor, leave no room for any other.
    function testFuzz_audit_sherlockM2_numbersAreNearTheAnchor(uint256 number) public {
        _refusesNumber(type(uint256).max);
        _refusesNumber(_bound(number, ANCHOR_NUMBER + 9, type(uint256).max));
        uint256 anchor = type(uint64).max - 3;
        _mockAnchor(ANCHOR_ROOT, anchor);
        _refusesNumber(anchor + 4);
        _create(ROOT, anchor + 3);
        _mockAnchor(ANCHOR_ROOT, type(uint256).max);
        _refusesNumber(type(uint256).max);
    }

    /// The same, M-3: the bond belongs to who has called the factory, not to who has relayed the call.
    function test_audit_sherlockM3_relayedCreationsBelongToTheWallet() public {
        RelayedWallet wallet = new RelayedWallet();
        vm.deal(address(wallet), 1 ether);
        vm.prank(USER, USER);
        wallet.execute(
            address(factory),
            BISECTION_BOND,
            abi.encodeCall(factory.create, (FAULT_TYPE, ROOT, abi.encode(NUMBER)))
        );
        (IDisputeGame proxy,) = factory.games(FAULT_TYPE, ROOT, abi.encode(NUMBER));
        FaultDisputeGame game = FaultDisputeGame(address(proxy));
        (,, address claimant,,,,) = game.claimData(0);
        vm.assertEq(claimant, address(wallet));
        vm.assertEq(game.refundModeCredit(USER), 0);
    }

    /// The same, M-1: a type is not another that has the same last byte.
    function test_audit_sherlockM1_typesAreComparedWhole() public {
        vm.prank(GUARDIAN);
        registry.setRespectedGameType(FAULT_TYPE + 256);
        vm.assertFalse(_create(ROOT, NUMBER).wasRespectedGameTypeWhenCreated());
    }

    function test_initialize_refusesBondsThatDoNotFit() public {
        uint256 bond = uint256(type(uint96).max) + 1;
        vm.prank(OWNER);
        factory.setInitBond(FAULT_TYPE, bond);
        vm.deal(PROPOSER, bond);
        vm.prank(PROPOSER);
        vm.expectRevert(
            abi.encodeWithSelector(
                SafeCast.SafeCastOverflowedUintDowncast.selector, uint8(96), bond
            )
        );
        factory.create{value: bond}(FAULT_TYPE, ROOT, abi.encode(NUMBER));
    }

    // Moves.

    /// Sherlock, M-4: a reorganization of L1 may put another claim at an index; a move made for the
    /// first must not counter the second.
    function test_audit_sherlockM4_movesNameTheClaim() public {
        FaultDisputeGame game = _create(ROOT, NUMBER);
        _attack(game, 0, "a");
        vm.deal(USER, 1 ether);
        vm.startPrank(USER);
        vm.expectRevert(IFaultDisputeGame.InvalidDisputedClaimIndex.selector);
        game.attack{value: BISECTION_BOND}("b", 1, "c");
        vm.expectRevert(IFaultDisputeGame.InvalidDisputedClaimIndex.selector);
        game.defend{value: BISECTION_BOND}("b", 1, "c");
        vm.expectRevert();
        game.attack{value: BISECTION_BOND}("b", 2, "c");
        vm.stopPrank();
    }

    function test_move_takesExactlyTheBond() public {
        FaultDisputeGame game = _create(ROOT, NUMBER);
        vm.deal(USER, 10 ether);
        vm.startPrank(USER);
        vm.expectRevert(IFaultDisputeGame.IncorrectBondAmount.selector);
        game.attack{value: BISECTION_BOND - 1}(ROOT, 0, "a");
        vm.expectRevert(IFaultDisputeGame.IncorrectBondAmount.selector);
        game.attack{value: BISECTION_BOND + 1}(ROOT, 0, "a");
        vm.expectRevert(IFaultDisputeGame.IncorrectBondAmount.selector);
        game.attack(ROOT, 0, "a");
        vm.stopPrank();
    }

    function test_move_doesNotDefendRoots() public {
        FaultDisputeGame game = _create(ROOT, NUMBER);
        vm.deal(USER, 10 ether);
        vm.expectRevert(IFaultDisputeGame.CannotDefendRootClaim.selector);
        vm.prank(USER);
        game.defend{value: BISECTION_BOND}(ROOT, 0, "a");
        uint256 traceRoot = _descend(game, 4, 0);
        (,,,, bytes32 value,,) = game.claimData(traceRoot);
        vm.expectRevert(IFaultDisputeGame.CannotDefendRootClaim.selector);
        vm.prank(USER);
        game.defend{value: BISECTION_BOND}(value, traceRoot, "a");
    }

    function test_move_endsAtTheLeaves() public {
        FaultDisputeGame game = _create(ROOT, NUMBER);
        uint256 leaf = _descend(game, 8, 0);
        (,,,, bytes32 value,,) = game.claimData(leaf);
        vm.deal(USER, 10 ether);
        vm.startPrank(USER);
        vm.expectRevert(IFaultDisputeGame.GameDepthExceeded.selector);
        game.attack{value: STEP_BOND}(value, leaf, "a");
        vm.expectRevert(IFaultDisputeGame.GameDepthExceeded.selector);
        game.defend{value: STEP_BOND}(value, leaf, "a");
        vm.stopPrank();
    }

    function test_move_isMadeOnce() public {
        FaultDisputeGame game = _create(ROOT, NUMBER);
        _attack(game, 0, "a");
        vm.deal(USER, 10 ether);
        vm.prank(USER);
        vm.expectRevert(IFaultDisputeGame.ClaimAlreadyExists.selector);
        game.attack{value: BISECTION_BOND}(ROOT, 0, "a");
        // The same value elsewhere, and another value there, are other claims.
        _attack(game, 0, "b");
        _attack(game, 1, "a");
        _attack(game, 2, "a");
        _defend(game, 1, "a");
        vm.assertEq(game.claimDataLen(), 6);
    }

    function test_traceRoot_saysThatADisputedOutputIsWrong() public {
        FaultDisputeGame game = _create(ROOT, NUMBER);
        uint256 leaf = _descend(game, 3, 0);
        _refusesEnding(game, leaf, true, 0);
        _refusesEnding(game, leaf, true, 3);
        _refusesEnding(game, leaf, true, 255);
        _attack(game, leaf, _ending(1, "a"));
        _attack(game, leaf, _ending(2, "a"));
    }

    function test_traceRoot_ofADefense_dependsOnWhoseTheNextOutputIs() public {
        // Attacks all the way: the output after the leaf at depth 3 was claimed at depth 2, by the
        // side of who defends the leaf. So the machine is said to agree.
        FaultDisputeGame game = _create(ROOT, NUMBER);
        uint256 leaf = _descend(game, 3, 0);
        _refusesEnding(game, leaf, false, 1);
        _refusesEnding(game, leaf, false, 2);
        _refusesEnding(game, leaf, false, 3);
        _defend(game, leaf, _ending(0, "a"));
        // Attack, defense, defense: the next output is that of the root claim; at depth 4 stands its
        // own side again.
        leaf = _descend(game, 3, 6);
        _refusesEnding(game, leaf, false, 1);
        _refusesEnding(game, leaf, false, 2);
        _defend(game, leaf, _ending(0, "a"));
        // Attack, defense, attack: the next output is that of depth 2.
        leaf = _descend(game, 3, 2);
        _defend(game, leaf, _ending(0, "a"));
        // Attack, attack, defense: the next output is that of depth 1, the other side's.
        leaf = _descend(game, 3, 4);
        _refusesEnding(game, leaf, false, 0);
        _refusesEnding(game, leaf, false, 3);
        _defend(game, leaf, _ending(1, "a"));
        _defend(game, leaf, _ending(2, "a"));
    }

    // Clocks.

    function test_clock_endsWithTheLastSecond() public {
        FaultDisputeGame game = _create(ROOT, NUMBER);
        vm.warp(block.timestamp + MAX_CLOCK - 1);
        vm.assertEq(game.getChallengerDuration(0), MAX_CLOCK - 1);
        vm.expectRevert(IFaultDisputeGame.ClockNotExpired.selector);
        game.resolveClaim(0, 0);
        _attack(game, 0, "a");
        vm.warp(block.timestamp + 1);
        vm.assertEq(game.getChallengerDuration(0), MAX_CLOCK);
        vm.deal(USER, 10 ether);
        vm.prank(USER);
        vm.expectRevert(IFaultDisputeGame.ClockTimeExceeded.selector);
        game.attack{value: BISECTION_BOND}(ROOT, 0, "b");
        vm.warp(block.timestamp + 100 * uint256(MAX_CLOCK));
        vm.assertEq(game.getChallengerDuration(0), MAX_CLOCK);
        vm.assertEq(game.getChallengerDuration(1), MAX_CLOCK);
    }

    function test_clock_countsOnlyTheOwnTime() public {
        FaultDisputeGame game = _create(ROOT, NUMBER);
        vm.warp(block.timestamp + 10);
        _attack(game, 0, "a"); // challengers have used 10
        vm.warp(block.timestamp + 200);
        vm.assertEq(game.getChallengerDuration(1), 200);
        _attack(game, 1, "b"); // defenders 200
        vm.warp(block.timestamp + 3000);
        vm.assertEq(game.getChallengerDuration(2), 3010);
        vm.assertEq(game.getChallengerDuration(1), 3200);
        vm.assertEq(game.getChallengerDuration(0), 3210);
    }

    /// What counters the claim of another on the same side at the last second still leaves time to
    /// answer what follows: at every depth as much as is due there, at its edges.
    function test_clock_isExtended() public {
        for (uint256 depth = 1; depth <= 8; ++depth) {
            uint64 due = EXTENSION;
            if (depth == 2) due = 2 * EXTENSION; // split depth less one
            if (depth == 7) due = EXTENSION + uint64(CHALLENGE_PERIOD); // greatest less one
            _requireUsed(depth, MAX_CLOCK - due - 1, MAX_CLOCK - due - 1);
            _requireUsed(depth, MAX_CLOCK - due, MAX_CLOCK - due);
            _requireUsed(depth, MAX_CLOCK - due + 1, MAX_CLOCK - due);
            _requireUsed(depth, MAX_CLOCK - 1, MAX_CLOCK - due);
        }
    }

    // Steps.

    function test_step_isMadeAgainstLeaves() public {
        FaultDisputeGame game = _create(ROOT, NUMBER);
        uint256 above = _descend(game, 7, 0);
        vm.expectRevert(IFaultDisputeGame.InvalidParent.selector);
        game.step(above, true, "", "");
        vm.expectRevert(IFaultDisputeGame.InvalidParent.selector);
        game.step(0, false, "", "");
        vm.expectRevert();
        game.step(above + 1, true, "", "");
    }

    function test_step_startsFromTheAgreedState() public {
        (FaultDisputeGame game, uint256 leaf) = _falseLeaf();
        vm.expectRevert(IFaultDisputeGame.InvalidPrestate.selector);
        game.step(leaf, true, "", "");
        bytes memory witness = honest.witness(game, leaf, true);
        witness[31] ^= 0x01;
        vm.expectRevert(IFaultDisputeGame.InvalidPrestate.selector);
        game.step(leaf, true, witness, "");
    }

    function test_step_refutesOnce() public {
        (FaultDisputeGame game, uint256 leaf) = _falseLeaf();
        honest.stepAgainst(game, leaf, true);
        (, address counteredBy,,,,,) = game.claimData(leaf);
        vm.assertEq(counteredBy, address(honest));
        bytes memory witness = honest.witness(game, leaf, true);
        vm.expectRevert(IFaultDisputeGame.DuplicateStep.selector);
        game.step(leaf, true, witness, "");
    }

    function test_step_doesNotRefuteTheTruth() public {
        FaultDisputeGame game = _createFalse(NUMBER);
        uint256 leaf = _descendRight(game, 8);
        for (uint256 ident = 1; ident <= 5; ++ident) {
            game.addLocalData(ident, leaf, 8);
        }
        bytes memory witness = honest.witness(game, leaf, true);
        vm.expectRevert(IFaultDisputeGame.ValidStep.selector);
        game.step(leaf, true, witness, "");
    }

    /// Base fault proofs review, 5.2.1: a step on a claim whose bond is paid would make the outcome
    /// disagree with the payment.
    function test_audit_spearbit521_noStepAfterResolution() public {
        (FaultDisputeGame game, uint256 leaf) = _falseLeaf();
        _pass(MAX_CLOCK);
        game.resolveClaim(leaf, 0);
        bytes memory witness = honest.witness(game, leaf, true);
        vm.expectRevert(IFaultDisputeGame.ClaimAlreadyResolved.selector);
        game.step(leaf, true, witness, "");
        (, address counteredBy,,,,,) = game.claimData(leaf);
        vm.assertEq(counteredBy, address(0));
    }

    function test_step_isPossibleUntilResolution() public {
        (FaultDisputeGame game, uint256 leaf) = _falseLeaf();
        _pass(MAX_CLOCK);
        honest.stepAgainst(game, leaf, true);
        game.resolveClaim(leaf, 0);
        vm.assertEq(game.normalModeCredit(address(honest)), STEP_BOND);
    }

    /// The same review, 5.1.2: from every leaf that moves can lead to, both steps find the claims
    /// around them, and so do the outputs of its trace.
    function test_audit_spearbit512_everyLeafFindsItsNeighbours() public {
        for (uint256 tree = 0; tree < 3; ++tree) {
            uint256 split = tree == 2 ? 3 : 2;
            uint256 max = tree == 0 ? 4 : tree == 1 ? 6 : 7;
            _useTree(max, split, 3, SAFE);
            FaultDisputeGame game = _create(keccak256(abi.encode(tree)), ANCHOR_NUMBER + 3);
            for (uint256 path = 0; path < 2 ** max; ++path) {
                // The first bit is the move against the root; the one at split + 1 against a trace's.
                if (path & 1 != 0 || (path >> (split + 1)) & 1 != 0) continue;
                uint256 leaf = _descend(game, max, path);
                game.addLocalData(2, leaf, 0);
                vm.expectRevert(IFaultDisputeGame.InvalidPrestate.selector);
                game.step(leaf, true, "none", "");
                vm.expectRevert(IFaultDisputeGame.InvalidPrestate.selector);
                game.step(leaf, false, "none", "");
            }
        }
    }

    // Local data.

    function test_localData_ofTheFirstBlock() public {
        FaultDisputeGame game = _create(ROOT, NUMBER);
        uint256 traceRoot = _descend(game, 4, 0);
        (,,,, bytes32 disputed, uint128 position,) = game.claimData(traceRoot - 1);
        // The game's own start is no claim and is left out of the context.
        bytes32 context = keccak256(abi.encode(disputed, position));
        _requireLocal(game, traceRoot, context, 1, game.l1Head(), 32);
        _requireLocal(game, traceRoot, context, 2, ANCHOR_ROOT, 32);
        _requireLocal(game, traceRoot, context, 3, disputed, 32);
        _requireLocal(game, traceRoot, context, 4, bytes32((ANCHOR_NUMBER + 1) << 192), 8);
        _requireLocal(game, traceRoot, context, 5, bytes32(L2_CHAIN_ID << 192), 8);
    }

    function test_localData_ofAnAttackAndADefense() public {
        FaultDisputeGame game = _create(ROOT, NUMBER);
        // Claims 1 to 3 are at places 2, 6 and 12 or, defended, 14: leaves 4 and 6 of 8.
        uint256 traceRoot = _descend(game, 4, 2);
        bytes32[4] memory values;
        for (uint256 i = 1; i < 4; ++i) {
            (,,,, values[i],,) = game.claimData(i);
        }
        // Attack of leaf 4: from leaf 3, which is place 2, to it.
        bytes32 context = keccak256(abi.encode(values[1], uint256(2), values[3], uint256(12)));
        _requireLocal(game, traceRoot, context, 2, values[1], 32);
        _requireLocal(game, traceRoot, context, 3, values[3], 32);
        _requireLocal(game, traceRoot, context, 4, bytes32((ANCHOR_NUMBER + 5) << 192), 8);
        // Defense of it: from it to leaf 5, which is place 6.
        traceRoot = game.claimDataLen();
        _defend(game, 3, _ending(0, "x"));
        context = keccak256(abi.encode(values[3], uint256(12), values[2], uint256(6)));
        _requireLocal(game, traceRoot, context, 2, values[3], 32);
        _requireLocal(game, traceRoot, context, 3, values[2], 32);
        // Leaves after the claimed block stand for it (Code4rena, Optimism, H-01): 5 of 6.
        _requireLocal(game, traceRoot, context, 4, bytes32(NUMBER << 192), 8);
    }

    function test_localData_isOfTracesInProgress() public {
        FaultDisputeGame game = _create(ROOT, NUMBER);
        uint256 traceRoot = _descend(game, 4, 0);
        for (uint256 i = 0; i < 4; ++i) {
            vm.expectRevert(IFaultDisputeGame.ClaimAboveSplit.selector);
            game.addLocalData(1, i, 0);
        }
        vm.expectRevert(IFaultDisputeGame.InvalidLocalIdent.selector);
        game.addLocalData(0, traceRoot, 0);
        vm.expectRevert(IFaultDisputeGame.InvalidLocalIdent.selector);
        game.addLocalData(6, traceRoot, 0);
        _resolve(game);
        vm.expectRevert(IFaultDisputeGame.GameNotInProgress.selector);
        game.addLocalData(1, traceRoot, 0);
    }

    /// Base fault proofs review, 5.2.4: parts at and beyond the end hold nothing of other memory.
    function testFuzz_audit_spearbit524_partsBeyondTheEndAreEmpty(uint256 offset) public {
        FaultDisputeGame game = _create(ROOT, NUMBER);
        uint256 traceRoot = _descend(game, 4, 0);
        (,,,, bytes32 disputed, uint128 position,) = game.claimData(traceRoot - 1);
        bytes32 context = keccak256(abi.encode(disputed, position));
        offset = _bound(offset, 16, 1000);
        game.addLocalData(5, traceRoot, offset);
        (bytes32 part, uint256 count) = oracle.readPreimage(_localKey(game, context, 5), offset);
        vm.assertEq(part, 0);
        vm.assertEq(count, 0);
    }

    // Resolution.

    function test_resolveClaim_goesBottomUp() public {
        FaultDisputeGame game = _create(ROOT, NUMBER);
        _attack(game, 0, "a");
        _attack(game, 1, "b");
        _pass(MAX_CLOCK);
        vm.expectRevert(IFaultDisputeGame.OutOfOrderResolution.selector);
        game.resolveClaim(0, 0);
        vm.expectRevert(IFaultDisputeGame.OutOfOrderResolution.selector);
        game.resolveClaim(1, 0);
        vm.expectRevert(IFaultDisputeGame.OutOfOrderResolution.selector);
        game.resolve();
        game.resolveClaim(2, 0);
        vm.assertTrue(game.resolvedSubgames(2));
        vm.assertFalse(game.resolvedSubgames(1));
        vm.assertFalse(game.resolvedSubgames(3));
        vm.expectRevert(IFaultDisputeGame.ClaimAlreadyResolved.selector);
        game.resolveClaim(2, 0);
        game.resolveClaim(1, 0);
        game.resolveClaim(0, 0);
        vm.expectRevert(IFaultDisputeGame.ClaimAlreadyResolved.selector);
        game.resolveClaim(0, 0);
        vm.assertEq(game.getNumToResolve(0), 0);
        vm.expectEmit(address(game));
        emit Resolved(GameStatus.DEFENDER_WINS);
        vm.assertTrue(game.resolve() == GameStatus.DEFENDER_WINS);
        vm.assertEq(game.resolvedAt(), block.timestamp);
    }

    function test_resolved_isFinal() public {
        (FaultDisputeGame game, uint256 leaf) = _falseLeaf();
        _resolve(game);
        vm.expectRevert(IFaultDisputeGame.GameNotInProgress.selector);
        game.resolve();
        vm.expectRevert(IFaultDisputeGame.GameNotInProgress.selector);
        game.resolveClaim(0, 0);
        vm.expectRevert(IFaultDisputeGame.GameNotInProgress.selector);
        game.getChallengerDuration(0);
        vm.expectRevert(IFaultDisputeGame.GameNotInProgress.selector);
        game.step(leaf, true, "", "");
        vm.deal(USER, 1 ether);
        vm.prank(USER);
        vm.expectRevert(IFaultDisputeGame.GameNotInProgress.selector);
        game.attack{value: BISECTION_BOND}(keccak256("false"), 0, "z");
        (Types.OutputRootProof memory proof, bytes memory header) = _block(uint8(NUMBER));
        vm.expectRevert(IFaultDisputeGame.GameNotInProgress.selector);
        game.challengeRootL2Block(proof, header);
    }

    /// A counter further right than it should be cannot be refuted, and must not win beside the right
    /// one; among counters at one place the first wins.
    function test_resolveClaim_paysTheLeftmostCounter() public {
        FaultDisputeGame game = _create(ROOT, NUMBER);
        _attack(game, 0, "a");
        _countersOf(game, address(1), 1, false);
        _countersOf(game, address(2), 1, true);
        _countersOf(game, address(3), 1, true);
        _resolve(game);
        vm.assertEq(game.normalModeCredit(address(1)), BISECTION_BOND);
        vm.assertEq(game.normalModeCredit(address(2)), 2 * uint256(BISECTION_BOND));
        vm.assertEq(game.normalModeCredit(address(3)), BISECTION_BOND);
        vm.assertEq(game.normalModeCredit(USER), 0);
        vm.assertEq(game.normalModeCredit(PROPOSER), BISECTION_BOND);
        (, address counteredBy,,,,,) = game.claimData(1);
        vm.assertEq(counteredBy, address(2));
    }

    function test_resolveClaim_canBeDoneInParts() public {
        FaultDisputeGame game = _create(ROOT, NUMBER);
        for (uint256 i = 0; i < 10; ++i) {
            _countersOf(game, address(uint160(i + 1)), 0, true);
        }
        _attack(game, 1, "refutes the first");
        _pass(MAX_CLOCK);
        for (uint256 i = game.claimDataLen() - 1; i > 0; --i) {
            game.resolveClaim(i, 0);
        }
        vm.assertEq(game.getNumToResolve(0), 10);
        game.resolveClaim(0, 3);
        vm.assertEq(game.getNumToResolve(0), 7);
        _requireCheckpoint(game, 3, 2, address(2));
        vm.assertFalse(game.resolvedSubgames(0));
        game.resolveClaim(0, 6);
        vm.assertEq(game.getNumToResolve(0), 1);
        _requireCheckpoint(game, 9, 2, address(2));
        game.resolveClaim(0, type(uint256).max);
        vm.assertEq(game.getNumToResolve(0), 0);
        vm.assertTrue(game.resolvedSubgames(0));
        vm.assertTrue(game.resolve() == GameStatus.CHALLENGER_WINS);
        vm.assertEq(game.normalModeCredit(address(2)), 2 * uint256(BISECTION_BOND));
    }

    function test_resolveClaim_finishesAfterAPart() public {
        FaultDisputeGame game = _create(ROOT, NUMBER);
        for (uint256 i = 0; i < 4; ++i) {
            _countersOf(game, address(uint160(i + 1)), 0, true);
        }
        _pass(MAX_CLOCK);
        for (uint256 i = 4; i > 0; --i) {
            game.resolveClaim(i, 7);
        }
        game.resolveClaim(0, 1);
        game.resolveClaim(0, 0);
        vm.assertTrue(game.resolve() == GameStatus.CHALLENGER_WINS);
    }

    /// Claims made at the last second are not taken for unanswered (Sherlock, side pot: subgames won
    /// while the other side has time).
    function test_resolveClaim_waitsForEveryCounter() public {
        FaultDisputeGame game = _create(ROOT, NUMBER);
        vm.warp(block.timestamp + MAX_CLOCK - 1);
        _attack(game, 0, "a");
        vm.warp(block.timestamp + 1);
        vm.expectRevert(IFaultDisputeGame.OutOfOrderResolution.selector);
        game.resolveClaim(0, 0);
        vm.expectRevert(IFaultDisputeGame.ClockNotExpired.selector);
        game.resolveClaim(1, 0);
        _attack(game, 1, "b");
        _resolve(game);
        vm.assertTrue(game.status() == GameStatus.DEFENDER_WINS);
    }

    // The number of the block.

    function test_blockNumber_wrong_losesTheGame() public {
        (FaultDisputeGame game, Types.OutputRootProof memory proof, bytes memory header) =
            _misnumbered();
        vm.prank(USER);
        game.challengeRootL2Block(proof, header);
        vm.assertTrue(game.l2BlockNumberChallenged());
        vm.assertEq(game.l2BlockNumberChallenger(), USER);
        vm.expectRevert(IFaultDisputeGame.L2BlockNumberChallenged.selector);
        game.challengeRootL2Block(proof, header);
        vm.deal(USER, 1 ether);
        bytes32 root = game.rootClaim();
        vm.prank(USER);
        vm.expectRevert(IFaultDisputeGame.L2BlockNumberChallenged.selector);
        game.attack{value: BISECTION_BOND}(root, 0, "a");
        _resolve(game);
        vm.assertTrue(game.status() == GameStatus.CHALLENGER_WINS);
        vm.assertEq(game.normalModeCredit(USER), BISECTION_BOND);
        vm.assertEq(game.normalModeCredit(PROPOSER), 0);
    }

    /// Base fault proofs review, 5.1.4: the proposer of a wrong number can save his bond, and only
    /// this one, by refuting himself. Who has played the bisection keeps all of his own and wins all
    /// else; to get the root's too, he refutes the number first.
    function test_audit_spearbit514_numberTakesTheRootBondOnly() public {
        (FaultDisputeGame game, Types.OutputRootProof memory proof, bytes memory header) =
            _misnumbered();
        _countersOf(game, address(1), 0, true);
        _countersOf(game, PROPOSER, 1, true);
        _countersOf(game, address(1), 2, true);
        vm.prank(PROPOSER);
        game.challengeRootL2Block(proof, header);
        _resolve(game);
        vm.assertTrue(game.status() == GameStatus.CHALLENGER_WINS);
        vm.assertEq(game.normalModeCredit(PROPOSER), BISECTION_BOND);
        vm.assertEq(game.normalModeCredit(address(1)), 3 * uint256(BISECTION_BOND));
    }

    /// The same review, 5.2.2: once the root's bond is paid, the status follows from that.
    function test_audit_spearbit522_noNumberAfterTheRootIsResolved() public {
        (FaultDisputeGame game, Types.OutputRootProof memory proof, bytes memory header) =
            _misnumbered();
        _pass(MAX_CLOCK);
        game.resolveClaim(0, 0);
        vm.expectRevert(IFaultDisputeGame.ClaimAlreadyResolved.selector);
        game.challengeRootL2Block(proof, header);
        vm.assertTrue(game.resolve() == GameStatus.DEFENDER_WINS);
        vm.assertFalse(game.l2BlockNumberChallenged());
    }

    function test_blockNumber_right_stands() public {
        (Types.OutputRootProof memory proof, bytes memory header) = _block(uint8(NUMBER));
        FaultDisputeGame game = _create(_outputRoot(proof), NUMBER);
        vm.expectRevert(IFaultDisputeGame.BlockNumberMatches.selector);
        game.challengeRootL2Block(proof, header);
    }

    function test_blockNumber_isReadFromTheBlockItself() public {
        (FaultDisputeGame game, Types.OutputRootProof memory proof, bytes memory header) =
            _misnumbered();
        bytes memory other = bytes.concat(header, hex"00");
        vm.expectRevert(IFaultDisputeGame.InvalidHeaderRLP.selector);
        game.challengeRootL2Block(proof, other);
        proof.stateRoot ^= bytes32(uint256(1));
        vm.expectRevert(IFaultDisputeGame.InvalidOutputRootProof.selector);
        game.challengeRootL2Block(proof, header);
    }

    function test_blockNumber_needsAHeader() public {
        Types.OutputRootProof memory proof = _outputWith(0);
        bytes memory header = hex"c88080808080808080";
        proof.latestBlockhash = keccak256(header);
        FaultDisputeGame game = _create(_outputRoot(proof), NUMBER);
        vm.expectRevert(IFaultDisputeGame.InvalidHeaderRLP.selector);
        game.challengeRootL2Block(proof, header);
    }

    // Bonds after the game.

    function test_close_waitsForFinality() public {
        FaultDisputeGame game = _create(ROOT, NUMBER);
        vm.expectRevert(IFaultDisputeGame.GameNotResolved.selector);
        game.closeGame();
        _resolve(game);
        vm.warp(block.timestamp + FINALITY_DELAY);
        vm.expectRevert(IFaultDisputeGame.GameNotFinalized.selector);
        game.claimCredit(PROPOSER);
        vm.warp(block.timestamp + 1);
        vm.prank(GUARDIAN);
        superchain.pause(address(portal));
        vm.expectRevert(IFaultDisputeGame.GamePaused.selector);
        game.closeGame();
        vm.prank(GUARDIAN);
        superchain.unpause(address(portal));
        vm.expectEmit(address(registry));
        emit AnchorUpdated(game);
        vm.expectEmit(address(game));
        emit GameClosed(BondDistributionMode.NORMAL);
        game.closeGame();
        game.closeGame();
        (bytes32 root, uint256 number) = registry.getAnchorRoot();
        vm.assertEq(root, ROOT);
        vm.assertEq(number, NUMBER);
        FaultDisputeGame next = _create(ROOT, NUMBER + 8);
        vm.assertEq(next.startingBlockNumber(), NUMBER);
        vm.assertEq(next.startingRootHash(), ROOT);
    }

    function test_credit_isPaidAfterTwoDelays() public {
        FaultDisputeGame game = _create(ROOT, NUMBER);
        _attack(game, 0, "a");
        _resolve(game);
        _pass(FINALITY_DELAY + 1);
        vm.expectRevert(IFaultDisputeGame.NoCreditToClaim.selector);
        game.claimCredit(PROPOSER);
        vm.assertEq(game.credit(USER), 2 * uint256(BISECTION_BOND));
        game.claimCredit(USER);
        vm.assertTrue(game.hasUnlockedCredit(USER));
        vm.assertFalse(game.hasUnlockedCredit(PROPOSER));
        vm.expectRevert(DelayedWETH.DelayedWETH_DelayNotMet.selector);
        game.claimCredit(USER);
        _pass(WETH_DELAY);
        uint256 before = USER.balance;
        game.claimCredit(USER);
        vm.assertEq(USER.balance, before + 2 * uint256(BISECTION_BOND));
        vm.expectRevert(IFaultDisputeGame.NoCreditToClaim.selector);
        game.claimCredit(USER);
    }

    /// A game that does not count, blacklisted, retired or not respected by its registry any more,
    /// gives everybody their own, whatever it has decided.
    function test_credit_isRefundedForGamesThatDoNotCount() public {
        FaultDisputeGame game = _create(ROOT, NUMBER);
        _attack(game, 0, "a");
        _resolve(game);
        vm.prank(GUARDIAN);
        registry.blacklistDisputeGame(game);
        _pass(FINALITY_DELAY + 1);
        vm.expectEmit(address(game));
        emit GameClosed(BondDistributionMode.REFUND);
        game.closeGame();
        vm.assertEq(game.credit(USER), BISECTION_BOND);
        vm.assertEq(game.credit(PROPOSER), BISECTION_BOND);
        game.claimCredit(USER);
        game.claimCredit(PROPOSER);
        _pass(WETH_DELAY);
        game.claimCredit(USER);
        game.claimCredit(PROPOSER);
        vm.assertEq(weth.balanceOf(address(game)), 0);
        vm.assertEq(address(registry.anchorGame()), address(0));
    }

    function test_credit_ofAnOlderGameThanTheAnchor_isPaid() public {
        FaultDisputeGame older = _create(ROOT, NUMBER);
        FaultDisputeGame newer = _create(ROOT, NUMBER + 1);
        _resolve(newer);
        older.resolveClaim(0, 0);
        older.resolve();
        _pass(FINALITY_DELAY + 1);
        newer.closeGame();
        older.closeGame();
        vm.assertTrue(older.bondDistributionMode() == BondDistributionMode.NORMAL);
        vm.assertEq(address(registry.anchorGame()), address(newer));
    }

    function test_credit_ofAnAccountThatRefusesIt_stays() public {
        address refuser = address(new Refuser());
        FaultDisputeGame game = _createAs(refuser, ROOT, NUMBER);
        _resolve(game);
        _pass(FINALITY_DELAY + 1);
        game.claimCredit(refuser);
        _pass(WETH_DELAY);
        vm.expectRevert();
        game.claimCredit(refuser);
        vm.assertEq(game.credit(refuser), BISECTION_BOND);
        vm.assertEq(weth.balanceOf(address(game)), BISECTION_BOND);
    }

    // In the place of the interim game.

    /// The guardian chooses the fault game and retires what was before: what was proven on an interim
    /// game never finalizes, neither resolved, nor ripe, nor finalizable a second before.
    function test_interim_isRetired() public {
        vm.prank(GUARDIAN);
        registry.setRespectedGameType(GAME_TYPE);
        _fund(10 ether);
        Types.WithdrawalTransaction memory ripe = _withdrawal(1, RECIPIENT, 1 ether);
        InterimDisputeGame old = _ripen(ripe, NUMBER);
        portal.checkWithdrawal(_hash(ripe), USER);
        Types.WithdrawalTransaction memory fresh = _withdrawal(2, RECIPIENT, 1 ether);
        InterimDisputeGame recent = _proposeAndProve(fresh, NUMBER + 1);

        vm.startPrank(GUARDIAN);
        registry.setRespectedGameType(FAULT_TYPE);
        registry.updateRetirementTimestamp();
        vm.stopPrank();
        _refusesToFinalize(ripe);
        _pass(CLOCK);
        recent.resolve();
        _pass(MATURITY_DELAY + FINALITY_DELAY);
        _refusesToFinalize(ripe);
        _refusesToFinalize(fresh);
        _pass(1000 days);
        _refusesToFinalize(ripe);
        _refusesToFinalize(fresh);
        old.claimCredit(PROPOSER);
        recent.claimCredit(PROPOSER);
        vm.assertTrue(old.bondDistributionMode() == BondDistributionMode.REFUND);
        vm.assertEq(address(registry.anchorGame()), address(0));
        vm.assertEq(RECIPIENT.balance, 0);
    }

    /// Nothing new can be proven on an interim game either, whenever it was created.
    function test_interim_provesNothingMore() public {
        vm.prank(GUARDIAN);
        registry.setRespectedGameType(GAME_TYPE);
        Types.WithdrawalTransaction memory transaction = _withdrawal(1, RECIPIENT, 1 ether);
        (Types.OutputRootProof memory output, bytes[] memory proof) = _output(transaction);
        _propose(_outputRoot(output), NUMBER);
        _pass(12);
        vm.prank(GUARDIAN);
        registry.setRespectedGameType(FAULT_TYPE);
        _propose(_outputRoot(output), NUMBER + 1);
        _pass(12);
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert();
            portal.proveWithdrawalTransaction(transaction, i, output, proof);
        }
    }

    function test_withdrawal_finalizesOnAFaultGame() public {
        _fund(10 ether);
        Types.WithdrawalTransaction memory transaction = _withdrawal(1, RECIPIENT, 1 ether);
        (Types.OutputRootProof memory output, bytes[] memory proof) = _output(transaction);
        FaultDisputeGame game = _create(_outputRoot(output), NUMBER);
        _pass(12);
        vm.prank(USER);
        portal.proveWithdrawalTransaction(transaction, 0, output, proof);
        _resolve(game);
        _pass(MATURITY_DELAY + 1);
        vm.prank(USER);
        portal.finalizeWithdrawalTransaction(transaction);
        vm.assertEq(RECIPIENT.balance, 1 ether);
    }

    // Helpers.

    function _eq(bytes4 left, bytes4 right) private pure {
        vm.assertEq(bytes32(left), bytes32(right));
    }

    function _refuses(IFaultDisputeGame.GameConstructorParams memory params, bytes4 reason)
        private
    {
        vm.expectRevert(reason);
        new FaultDisputeGame(params);
    }

    function _refusesNumber(uint256 number) private {
        vm.deal(PROPOSER, 1 ether);
        vm.expectRevert(
            abi.encodeWithSelector(IFaultDisputeGame.UnexpectedRootClaim.selector, ROOT)
        );
        vm.prank(PROPOSER);
        factory.create{value: BISECTION_BOND}(FAULT_TYPE, ROOT, abi.encode(number));
    }

    function _refusesEnding(FaultDisputeGame game, uint256 leaf, bool isAttack, uint8 status)
        private
    {
        bytes32 claim = _ending(status, "x");
        (,,,, bytes32 disputed,,) = game.claimData(leaf);
        vm.deal(USER, 1 ether);
        vm.expectRevert(
            abi.encodeWithSelector(IFaultDisputeGame.UnexpectedRootClaim.selector, claim)
        );
        vm.prank(USER);
        game.move{value: BISECTION_BOND}(disputed, leaf, claim, isAttack);
    }

    function _refusesToFinalize(Types.WithdrawalTransaction memory transaction) private {
        vm.expectRevert(OptimismPortal2.OptimismPortal_InvalidRootClaim.selector);
        vm.prank(USER);
        portal.finalizeWithdrawalTransaction(transaction);
    }

    function _mockAnchor(bytes32 root, uint256 number) private {
        vm.mockCall(
            address(registry),
            abi.encodeCall(IAnchorStateRegistry.getAnchorRoot, ()),
            abi.encode(root, number)
        );
    }

    function _requireClaim(
        FaultDisputeGame game,
        uint256 i,
        uint32 expectedParent,
        address expectedClaimant,
        uint256 expectedBond,
        bytes32 expectedValue,
        uint128 expectedPosition,
        uint256 expectedUsed
    ) private view {
        (
            uint32 parent,
            address counteredBy,
            address claimant,
            uint128 bond,
            bytes32 value,
            uint128 position,
            uint128 clock
        ) = game.claimData(i);
        vm.assertEq(parent, expectedParent);
        vm.assertEq(counteredBy, address(0));
        vm.assertEq(claimant, expectedClaimant);
        vm.assertEq(bond, expectedBond);
        vm.assertEq(value, expectedValue);
        vm.assertEq(position, expectedPosition);
        vm.assertEq(clock, expectedUsed << 64 | block.timestamp);
    }

    function _requireCheckpoint(
        FaultDisputeGame game,
        uint32 index,
        uint128 position,
        address counteredBy
    ) private view {
        (bool isSet, uint32 i, uint128 leftmost, address by) = game.resolutionCheckpoints(0);
        vm.assertTrue(isSet);
        vm.assertEq(i, index);
        vm.assertEq(leftmost, position);
        vm.assertEq(by, counteredBy);
    }

    /// A move at a depth by a side that has used so much of its clock; what it has used after it.
    function _requireUsed(uint256 depth, uint64 used, uint64 expected) private {
        FaultDisputeGame game = _create(keccak256(abi.encode(depth, used, block.timestamp)), NUMBER);
        uint256 above = depth == 1 ? 0 : _descend(game, depth - 1, 0);
        vm.warp(block.timestamp + used);
        _attack(game, above, depth == 4 ? _ending(1, "x") : bytes32("x"));
        (,,,,,, uint128 clock) = game.claimData(above + 1);
        vm.assertEq(clock >> 64, expected);
        vm.assertEq(uint64(clock), block.timestamp);
        // So long can the next move of the same side wait, from whatever is made now.
        if (depth == 8) return;
        _attack(game, above + 1, depth == 3 ? _ending(1, "y") : bytes32("y"));
        vm.assertEq(game.getChallengerDuration(above + 2), expected);
    }

    /// Claims from the root down to a depth, by USER: bit i says whether the claim at depth i is
    /// defended. The last one's index.
    function _descend(FaultDisputeGame game, uint256 depth, uint256 path)
        private
        returns (uint256 i)
    {
        for (uint256 d = 0; d < depth; ++d) {
            bool isAttack = (path >> d) & 1 == 0;
            bytes32 value = keccak256(abi.encode(path, d, depth));
            uint256 made = game.claimDataLen();
            if (d == game.splitDepth()) value = _endingFor(game, i, isAttack, value);
            _move(game, i, value, isAttack);
            i = made;
        }
    }

    /// The value with the ending that the root of a trace must have there.
    function _endingFor(FaultDisputeGame game, uint256 i, bool isAttack, bytes32 value)
        private
        view
        returns (bytes32)
    {
        if (isAttack) return _ending(1, value);
        uint256 next = honest.node(game, i).index + 1;
        uint256 split = game.splitDepth();
        while (honest.leaf(honest.node(game, i).depth, honest.node(game, i).index, split) != next) {
            i = honest.node(game, i).parent;
        }
        return _ending(honest.node(game, i).depth % 2 == split % 2 ? 1 : 0, value);
    }

    /// Attacks from the root down to a depth with the right values, but for the first block's output.
    function _descendRight(FaultDisputeGame game, uint256 depth) private returns (uint256 i) {
        for (uint256 d = 0; d < depth; ++d) {
            uint256 made = game.claimDataLen();
            bytes32 value = d == 2 ? keccak256("false") : honest.valueOfMove(game, i, true);
            _attack(game, i, value);
            i = made;
        }
    }

    /// A leaf that is wrong, below a trace that is right.
    function _falseLeaf() private returns (FaultDisputeGame game, uint256 leaf) {
        game = _createFalse(NUMBER);
        uint256 above = _descendRight(game, 7);
        leaf = game.claimDataLen();
        _attack(game, above, keccak256("wrong"));
    }

    function _countersOf(FaultDisputeGame game, address by, uint256 against, bool isAttack)
        private
    {
        (,,,, bytes32 disputed,,) = game.claimData(against);
        vm.deal(by, by.balance + BISECTION_BOND);
        vm.prank(by);
        game.move{value: BISECTION_BOND}(
            disputed, against, keccak256(abi.encode(by, against)), isAttack
        );
    }

    function _localKey(FaultDisputeGame game, bytes32 context, uint256 ident)
        private
        pure
        returns (bytes32)
    {
        bytes32 key =
            keccak256(abi.encode(PreimageKey.make(1, bytes32(ident)), address(game), context));
        return (key << 8 >> 8) | bytes32(uint256(1) << 248);
    }

    function _requireLocal(
        FaultDisputeGame game,
        uint256 i,
        bytes32 context,
        uint256 ident,
        bytes32 word,
        uint256 size
    ) private {
        bytes32 key = _localKey(game, context, ident);
        game.addLocalData(ident, i, 0);
        (bytes32 part,) = oracle.readPreimage(key, 0);
        vm.assertEq(part, bytes32(size << 192) | (word >> 64));
        game.addLocalData(ident, i, 8);
        uint256 count;
        (part, count) = oracle.readPreimage(key, 8);
        vm.assertEq(part, word);
        vm.assertEq(count, size);
    }

    /// A block: a header, of which only the number matters here, and an output of it.
    function _block(uint8 number)
        private
        pure
        returns (Types.OutputRootProof memory output, bytes memory header)
    {
        // Numbers below 128 are their own encoding.
        header = abi.encodePacked(hex"cb8080808080808080", bytes1(number), hex"8080");
        output = _outputWith(keccak256("passer"));
        output.latestBlockhash = keccak256(header);
    }

    /// A game over the output of block 12 that says it were that of NUMBER.
    function _misnumbered()
        private
        returns (FaultDisputeGame game, Types.OutputRootProof memory proof, bytes memory header)
    {
        (proof, header) = _block(12);
        game = _create(_outputRoot(proof), NUMBER);
    }
}
