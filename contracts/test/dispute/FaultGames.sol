// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {FaultDisputeGame} from "../../src/dispute/FaultDisputeGame.sol";
import {IFaultDisputeGame} from "../../src/dispute/interfaces/IFaultDisputeGame.sol";
import {PreimageOracle} from "../../src/vm/PreimageOracle.sol";
import {Settlement} from "../settlement/Settlement.sol";
import {Adversary, Honest} from "./Player.sol";
import {SpinVM} from "./SpinVM.sol";

/// @title FaultGames
/// @notice Base of the tests of the fault dispute game: all of settlement with the game as the
/// respected type, over a machine whose trace is known.
abstract contract FaultGames is Settlement {
    uint32 internal constant FAULT_TYPE = 101;
    uint64 internal constant EXTENSION = 3 hours;
    uint64 internal constant MAX_CLOCK = 3.5 days;
    uint256 internal constant CHALLENGE_PERIOD = 1 days;
    uint96 internal constant BISECTION_BOND = 0.08 ether;
    uint96 internal constant STEP_BOND = 1.28 ether;
    // More blocks than L1 holds can be claimed.
    uint256 internal constant SAFE = ANCHOR_NUMBER + 6;

    PreimageOracle internal oracle;
    SpinVM internal machine;
    FaultDisputeGame internal implementation;
    Honest internal honest;
    Adversary internal adversary;

    function setUp() public virtual override {
        super.setUp();
        oracle = new PreimageOracle(136, CHALLENGE_PERIOD);
        _useTree(8, 3, 6, SAFE);
    }

    /// @dev Games from now on have trees of these depths, over traces of this length.
    function _useTree(uint256 maxDepth, uint256 splitDepth, uint256 length, uint256 safe) internal {
        machine = new SpinVM(oracle, length, safe, ANCHOR_ROOT, ANCHOR_NUMBER);
        IFaultDisputeGame.GameConstructorParams memory params = _params();
        params.maxGameDepth = maxDepth;
        params.splitDepth = splitDepth;
        _install(params);
        honest = new Honest(machine);
        adversary = new Adversary(machine);
        vm.deal(address(honest), 10_000 ether);
        vm.deal(address(adversary), 10_000 ether);
    }

    function _install(IFaultDisputeGame.GameConstructorParams memory params) internal {
        implementation = new FaultDisputeGame(params);
        vm.startPrank(OWNER);
        factory.setImplementation(FAULT_TYPE, implementation);
        factory.setInitBond(FAULT_TYPE, BISECTION_BOND);
        vm.stopPrank();
        vm.prank(GUARDIAN);
        registry.setRespectedGameType(FAULT_TYPE);
    }

    function _params() internal view returns (IFaultDisputeGame.GameConstructorParams memory) {
        return IFaultDisputeGame.GameConstructorParams({
            gameType: FAULT_TYPE,
            absolutePrestate: machine.absolutePrestate(),
            maxGameDepth: 8,
            splitDepth: 3,
            clockExtension: EXTENSION,
            maxClockDuration: MAX_CLOCK,
            vm: machine,
            weth: weth,
            anchorStateRegistry: registry,
            l2ChainId: L2_CHAIN_ID,
            bisectionBond: BISECTION_BOND,
            stepBond: STEP_BOND
        });
    }

    /// @dev A game over a root claim, created by the proposer.
    function _create(bytes32 root, uint256 number) internal returns (FaultDisputeGame) {
        return _createAs(PROPOSER, root, number);
    }

    function _createAs(address creator, bytes32 root, uint256 number)
        internal
        returns (FaultDisputeGame)
    {
        vm.deal(creator, creator.balance + BISECTION_BOND);
        vm.prank(creator);
        return FaultDisputeGame(
            address(factory.create{value: BISECTION_BOND}(FAULT_TYPE, root, abi.encode(number)))
        );
    }

    /// @dev A game over a claim that is right.
    function _createTrue(uint256 number) internal returns (FaultDisputeGame) {
        return _create(machine.output(number), number);
    }

    /// @dev A game over a claim that is wrong.
    function _createFalse(uint256 number) internal returns (FaultDisputeGame) {
        return _create(keccak256("false"), number);
    }

    /// @dev Resolves every claim, the last first, when all clocks have run out.
    function _resolve(FaultDisputeGame game) internal {
        _pass(MAX_CLOCK);
        for (uint256 i = game.claimDataLen(); i > 0; --i) {
            game.resolveClaim(i - 1, 0);
        }
        game.resolve();
    }

    /// @dev A counter at a claim by USER, with its bond.
    function _move(FaultDisputeGame game, uint256 against, bytes32 value, bool isAttack) internal {
        (,,,, bytes32 disputed, uint128 position,) = game.claimData(against);
        uint256 bond = game.getRequiredBond(position * 2);
        vm.deal(USER, USER.balance + bond);
        vm.prank(USER);
        game.move{value: bond}(disputed, against, value, isAttack);
    }

    function _attack(FaultDisputeGame game, uint256 against, bytes32 value) internal {
        _move(game, against, value, true);
    }

    function _defend(FaultDisputeGame game, uint256 against, bytes32 value) internal {
        _move(game, against, value, false);
    }

    /// @dev A value for the root of a trace that ends with a status.
    function _ending(uint8 status, bytes32 value) internal pure returns (bytes32) {
        return (value << 8 >> 8) | bytes32(uint256(status) << 248);
    }
}
