// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {FaultDisputeGame} from "../src/dispute/FaultDisputeGame.sol";
import {GameStatus} from "../src/dispute/interfaces/IDisputeGame.sol";
import {FaultGames} from "./dispute/FaultGames.sol";

/// @title FaultDisputesTest
/// @notice Whole disputes: one who plays by the honest strategy against all kinds of others. The true
/// side always wins, never loses a bond, and no wei is made or lost.
contract FaultDisputesTest is FaultGames {
    uint256 private constant NUMBER = ANCHOR_NUMBER + 5;

    // Single paths, at the depths of a real deployment and of smaller ones.

    /// forge-config: default.fuzz.runs = 2
    function testFuzz_path_falseRoot_loses(uint256 seed, uint256 number) public {
        _useTree(64, 20, 2 ** 30, ANCHOR_NUMBER + 2 ** 19);
        number = _bound(number, ANCHOR_NUMBER + 1, ANCHOR_NUMBER + 2 ** 19);
        FaultDisputeGame game = _createFalse(number);
        _walk(game, seed);
        vm.assertEq(honest.moves(), 32);
        _requireOutcome(game, GameStatus.CHALLENGER_WINS);
    }

    /// forge-config: default.fuzz.runs = 2
    function testFuzz_path_trueRoot_wins(uint256 seed, uint256 number) public {
        _useTree(64, 20, 2 ** 30, ANCHOR_NUMBER + 2 ** 19);
        number = _bound(number, ANCHOR_NUMBER + 1, ANCHOR_NUMBER + 2 ** 19);
        FaultDisputeGame game = _createTrue(number);
        adversary.counter(game, 0, true, true, seed);
        _walk(game, seed);
        _requireOutcome(game, GameStatus.DEFENDER_WINS);
    }

    function test_path_firstBlockFirstStep() public {
        FaultDisputeGame game = _createFalse(NUMBER);
        _walk(game, 0);
        vm.assertEq(honest.steps(), 1);
        _requireOutcome(game, GameStatus.CHALLENGER_WINS);
    }

    function test_path_lastBlockLastStep() public {
        FaultDisputeGame game = _createFalse(NUMBER);
        _walk(game, type(uint256).max);
        _requireOutcome(game, GameStatus.CHALLENGER_WINS);
    }

    function test_path_claimPastTheSafeHead_loses() public {
        // The root of the last block that L1 holds is claimed for a later one: it agrees with the
        // honest view, which only the block number can refute; any other root loses by bisection.
        FaultDisputeGame game = _createFalse(SAFE + 2);
        _walk(game, 11);
        _requireOutcome(game, GameStatus.CHALLENGER_WINS);
    }

    function test_oneWhoStopsMoving_loses() public {
        FaultDisputeGame game = _createFalse(NUMBER);
        honest.play(game);
        adversary.counter(game, 1, true, true, 1);
        honest.play(game);
        _requireOutcome(game, GameStatus.CHALLENGER_WINS);
    }

    function test_unchallenged_wins() public {
        FaultDisputeGame game = _createTrue(NUMBER);
        honest.play(game);
        _requireOutcome(game, GameStatus.DEFENDER_WINS);
        vm.assertEq(honest.moves(), 0);
    }

    // Anything at all.

    /// forge-config: default.fuzz.runs = 24
    function testFuzz_disorder_trueRoot_wins(uint256 seed) public {
        FaultDisputeGame game = _createTrue(ANCHOR_NUMBER + 1 + seed % 6);
        _disorder(game, seed);
        _requireOutcome(game, GameStatus.DEFENDER_WINS);
    }

    /// forge-config: default.fuzz.runs = 24
    function testFuzz_disorder_falseRoot_loses(uint256 seed) public {
        FaultDisputeGame game = _createFalse(ANCHOR_NUMBER + 1 + seed % 8);
        _disorder(game, seed);
        _requireOutcome(game, GameStatus.CHALLENGER_WINS);
    }

    /// forge-config: default.fuzz.runs = 24
    function testFuzz_disorder_rootOfAnotherBlock_loses(uint256 seed) public {
        uint256 number = ANCHOR_NUMBER + 2 + seed % 5;
        FaultDisputeGame game = _create(machine.output(number - 1), number);
        _disorder(game, seed);
        _requireOutcome(game, GameStatus.CHALLENGER_WINS);
    }

    /// forge-config: default.fuzz.runs = 24
    function testFuzz_disorder_inSmallestTree(uint256 seed) public {
        _useTree(4, 2, 2, SAFE);
        bool isTrue = seed % 2 == 0;
        uint256 number = ANCHOR_NUMBER + 1 + seed % 4;
        FaultDisputeGame game = isTrue ? _createTrue(number) : _createFalse(number);
        _disorder(game, seed);
        _requireOutcome(game, isTrue ? GameStatus.DEFENDER_WINS : GameStatus.CHALLENGER_WINS);
    }

    function test_flood_isAnswered() public {
        FaultDisputeGame game = _createTrue(NUMBER);
        for (uint256 i = 0; i < 100; ++i) {
            adversary.counter(game, 0, true, true, i);
        }
        honest.play(game);
        vm.assertEq(honest.moves(), 100);
        _requireOutcome(game, GameStatus.DEFENDER_WINS);
    }

    /// @dev One path to the leaves: whatever the honest side claims last is countered wrongly, to the
    /// side that the bits say.
    function _walk(FaultDisputeGame game, uint256 bits) private {
        for (uint256 level = 0; level <= game.maxGameDepth(); ++level) {
            uint256 before = game.claimDataLen();
            honest.play(game);
            uint256 last = game.claimDataLen() - 1;
            if (game.claimDataLen() == before) break;
            bool isAttack = (bits >> level) & 1 == 0;
            if (!adversary.counter(game, last, isAttack, true, level)) {
                adversary.counter(game, last, true, true, level);
            }
        }
        honest.play(game);
    }

    /// @dev Random claims and steps of the adversary at random times; the honest side answers within
    /// the extension.
    function _disorder(FaultDisputeGame game, uint256 seed) private {
        honest.play(game);
        for (uint256 i = 0; i < 24; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 length = game.claimDataLen();
            // Half of the time what was claimed last.
            uint256 target = seed & 1 == 0 ? (seed >> 8) % length : length - 1;
            if (seed & 14 == 0) _idle(game, target, seed >> 32);
            bool isAttack = seed & 16 == 0;
            bool isWrong = seed & 96 != 0;
            if (!adversary.counter(game, target, isAttack, isWrong, seed >> 64)) {
                adversary.tryStep(game, target, isAttack);
            }
            if (seed & 128 == 0) continue;
            _pass((seed >> 128) % EXTENSION);
            honest.play(game);
        }
        honest.play(game);
    }

    /// @dev Lets a claim wait until little of its clock is left, or nothing. The honest side looks on
    /// and answers what there is before.
    function _idle(FaultDisputeGame game, uint256 target, uint256 seed) private {
        honest.play(game);
        uint256 left = MAX_CLOCK - game.getChallengerDuration(target);
        if (left > 1) _pass(seed % 3 == 0 ? left - 1 : seed % left);
    }

    /// @dev Resolves and pays everything, and checks who got what.
    function _requireOutcome(FaultDisputeGame game, GameStatus expected) private {
        (uint256 posted, uint256 own) = _bonds(game);
        vm.assertEq(weth.balanceOf(address(game)), posted);
        _resolve(game);
        vm.assertTrue(game.status() == expected);
        uint256 won = game.normalModeCredit(address(honest));
        vm.assertTrue(won >= own);
        vm.assertEq(
            won + game.normalModeCredit(address(adversary)) + game.normalModeCredit(PROPOSER),
            posted
        );
        bool isTrue = expected == GameStatus.DEFENDER_WINS;
        if (isTrue) vm.assertTrue(game.normalModeCredit(PROPOSER) >= BISECTION_BOND);
        _requireHonestClaimsStand(game);
        _requirePayments(game, posted);
    }

    function _bonds(FaultDisputeGame game) private view returns (uint256 all, uint256 own) {
        for (uint256 i = 0; i < game.claimDataLen(); ++i) {
            (,, address claimant, uint128 bond,,,) = game.claimData(i);
            all += bond;
            if (claimant == address(honest)) own += bond;
        }
    }

    /// @dev No claim of the honest side falls, and each earns the bond of what it counters, whatever
    /// else counters that.
    function _requireHonestClaimsStand(FaultDisputeGame game) private view {
        for (uint256 i = 1; i < game.claimDataLen(); ++i) {
            (uint32 parent, address counteredBy, address claimant,,,,) = game.claimData(i);
            if (claimant != address(honest)) continue;
            vm.assertEq(counteredBy, address(0));
            (, counteredBy,,,,,) = game.claimData(parent);
            vm.assertEq(counteredBy, address(honest));
        }
    }

    function _requirePayments(FaultDisputeGame game, uint256 posted) private {
        _pass(FINALITY_DELAY + 1);
        address[3] memory players = [address(honest), address(adversary), PROPOSER];
        uint256 paid = 0;
        for (uint256 i = 0; i < 3; ++i) {
            if (game.credit(players[i]) > 0) game.claimCredit(players[i]);
        }
        _pass(WETH_DELAY);
        for (uint256 i = 0; i < 3; ++i) {
            uint256 due = game.credit(players[i]);
            if (due == 0) continue;
            uint256 before = players[i].balance;
            game.claimCredit(players[i]);
            vm.assertEq(players[i].balance - before, due);
            vm.assertEq(game.credit(players[i]), 0);
            paid += due;
        }
        vm.assertEq(paid, posted);
        vm.assertEq(weth.balanceOf(address(game)), 0);
        vm.assertEq(address(game).balance, 0);
    }
}
