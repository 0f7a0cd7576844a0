// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {FaultDisputeGame} from "../../src/dispute/FaultDisputeGame.sol";
import {SpinVM} from "./SpinVM.sol";

/// @title Player
/// @notice Someone who takes part in games over SpinVM's chain and can work out the right value at
/// any place, by a reading of the tree of its own: places as depth and index.
abstract contract Player {
    struct Node {
        uint256 parent;
        address counteredBy;
        address claimant;
        uint256 bond;
        bytes32 value;
        uint256 depth;
        uint256 index;
    }

    SpinVM internal immutable MACHINE;

    constructor(SpinVM machine) {
        MACHINE = machine;
    }

    receive() external payable {}

    function node(FaultDisputeGame game, uint256 i) public view returns (Node memory n) {
        uint256 position;
        uint32 parent;
        (parent, n.counteredBy, n.claimant, n.bond, n.value, position,) = game.claimData(i);
        n.parent = parent;
        while (position >> (n.depth + 1) != 0) ++n.depth;
        n.index = position - 2 ** n.depth;
    }

    /// The leaf of a level that a place commits to.
    function leaf(uint256 depth, uint256 index, uint256 level) public pure returns (uint256) {
        return (index + 1) * 2 ** (level - depth) - 1;
    }

    /// The right value at the place that a move against a claim leads to.
    function valueOfMove(FaultDisputeGame game, uint256 against, bool isAttack)
        public
        view
        returns (bytes32)
    {
        Node memory n = node(game, against);
        uint256 index = isAttack ? 2 * n.index : 2 * (n.index + 1);
        return valueAt(game, against, isAttack, n.depth + 1, index);
    }

    /// The right value at a place that is, or would be, reached from a claim.
    function valueAt(
        FaultDisputeGame game,
        uint256 from,
        bool isAttack,
        uint256 depth,
        uint256 index
    ) public view returns (bytes32) {
        uint256 split = game.splitDepth();
        if (depth <= split) return MACHINE.output(numberOf(game, leaf(depth, index, split)));
        return MACHINE.hashOf(_traceState(game, from, isAttack, _steps(game, depth, index) + 1));
    }

    /// The right value at a claim's own place.
    function valueOf(FaultDisputeGame game, uint256 i) public view returns (bytes32) {
        Node memory n = node(game, i);
        bool isAttack = i == 0 || n.index == 2 * node(game, n.parent).index;
        return valueAt(game, n.parent, isAttack, n.depth, n.index);
    }

    /// The witness that a step against a claim at the leaves starts from.
    function witness(FaultDisputeGame game, uint256 i, bool isAttack)
        public
        view
        returns (bytes memory)
    {
        Node memory n = node(game, i);
        uint256 steps = _steps(game, n.depth, n.index) + (isAttack ? 0 : 1);
        bool wasAttack = n.index == 2 * node(game, n.parent).index;
        return abi.encode(_traceState(game, n.parent, wasAttack, steps));
    }

    /// The block of a leaf at the split depth.
    function numberOf(FaultDisputeGame game, uint256 leafIndex) public view returns (uint256) {
        uint256 number = game.startingBlockNumber() + leafIndex + 1;
        return number < game.l2BlockNumber() ? number : game.l2BlockNumber();
    }

    /// Answers a leaf by a step, with all that the machine could read.
    function stepAgainst(FaultDisputeGame game, uint256 i, bool isAttack) public {
        for (uint256 ident = 1; ident <= 5; ++ident) {
            game.addLocalData(ident, i, 8);
        }
        game.step(i, isAttack, witness(game, i, isAttack), "");
    }

    /// Index within its trace of the leaf that a place commits to.
    function _steps(FaultDisputeGame game, uint256 depth, uint256 index)
        private
        view
        returns (uint256)
    {
        uint256 max = game.maxGameDepth();
        return leaf(depth, index, max) % 2 ** (max - game.splitDepth() - 1);
    }

    /// A state of the trace that hangs below a claim at the split depth, or that a claim is part of.
    function _traceState(FaultDisputeGame game, uint256 from, bool isAttack, uint256 steps)
        private
        view
        returns (SpinVM.State memory)
    {
        uint256 split = game.splitDepth();
        Node memory n = node(game, from);
        while (n.depth > split) {
            uint256 child = n.index;
            from = n.parent;
            n = node(game, from);
            isAttack = child == 2 * n.index;
        }
        (bytes32 before, bytes32 after_, uint256 number) = _outputs(game, from, n, isAttack);
        return MACHINE.stateAt(before, after_, number, steps);
    }

    function _outputs(FaultDisputeGame game, uint256 from, Node memory n, bool isAttack)
        private
        view
        returns (bytes32 before, bytes32 after_, uint256 number)
    {
        uint256 beforeLeaf = isAttack ? n.index : n.index + 1; // one more than its index
        before = beforeLeaf == 0 ? game.startingRootHash() : _claimOf(game, from, beforeLeaf - 1);
        after_ = _claimOf(game, from, beforeLeaf);
        number = numberOf(game, beforeLeaf);
    }

    /// What was claimed for a leaf at the split depth, on the way up from a claim: the claim that is
    /// nearest to the root.
    function _claimOf(FaultDisputeGame game, uint256 from, uint256 leafIndex)
        private
        view
        returns (bytes32 found)
    {
        uint256 split = game.splitDepth();
        while (true) {
            Node memory n = node(game, from);
            if (leaf(n.depth, n.index, split) == leafIndex) found = n.value;
            if (from == 0) return found;
            from = n.parent;
        }
    }
}

/// @title Honest
/// @notice Plays by the honest strategy (OP Stack specs, honest challenger): it counters each claim
/// that a claim of its own depends on, and those that would take away what its own counter earns.
contract Honest is Player {
    /// By claim: whether it is what this player would have claimed.
    mapping(address game => mapping(uint256 claim => bool)) public isHonest;
    /// By claim: leaf of the whole tree that this player's counter commits to, plus one.
    mapping(address game => mapping(uint256 claim => uint256)) private _counterLeaf;
    uint256 public moves;
    uint256 public steps;

    constructor(SpinVM machine) Player(machine) {}

    /// Makes every move that is due.
    function play(FaultDisputeGame game) external {
        for (uint256 i = 0; i < game.claimDataLen(); ++i) {
            _answer(game, i);
        }
    }

    function _answer(FaultDisputeGame game, uint256 i) private {
        Node memory n = node(game, i);
        bool isRight = valueOf(game, i) == n.value;
        if (i == 0 && isRight) isHonest[address(game)][0] = true;
        if (isHonest[address(game)][i] || !_deservesCounter(game, i, n)) return;
        if (n.depth == game.maxGameDepth()) {
            if (n.counteredBy != address(0)) return;
            ++steps;
            stepAgainst(game, i, !isRight);
            return;
        }
        _counter(game, i, n, !isRight);
    }

    function _deservesCounter(FaultDisputeGame game, uint256 i, Node memory n)
        private
        view
        returns (bool)
    {
        if (i == 0) return true;
        if (isHonest[address(game)][n.parent]) return true;
        uint256 max = game.maxGameDepth();
        return leaf(n.depth, n.index, max) < _counterLeaf[address(game)][n.parent];
    }

    function _counter(FaultDisputeGame game, uint256 i, Node memory n, bool isAttack) private {
        bytes32 value = valueOfMove(game, i, isAttack);
        uint256 index = isAttack ? 2 * n.index : 2 * (n.index + 1);
        uint256 max = game.maxGameDepth();
        _counterLeaf[address(game)][i] = leaf(n.depth + 1, index, max) + 1;
        uint256 made = _find(game, i, value, n.depth + 1, index);
        if (made == 0) {
            ++moves;
            made = game.claimDataLen();
            // Casting is safe: no place is deeper than 125.
            // forge-lint: disable-next-line(unsafe-typecast)
            uint256 bond = game.getRequiredBond(uint128(2 ** (n.depth + 1) + index));
            game.move{value: bond}(n.value, i, value, isAttack);
        }
        isHonest[address(game)][made] = true;
    }

    function _find(
        FaultDisputeGame game,
        uint256 parent,
        bytes32 value,
        uint256 depth,
        uint256 index
    ) private view returns (uint256) {
        bytes32 id = keccak256(abi.encode(value, (2 ** depth + index) << 128 | parent));
        if (!game.claims(id)) return 0;
        for (uint256 j = parent + 1; j < game.claimDataLen(); ++j) {
            Node memory n = node(game, j);
            if (n.parent == parent && n.index == index && n.value == value) return j;
        }
        return 0;
    }
}

/// @title Adversary
/// @notice Makes whatever moves it is told to; where it makes no sense, nothing happens.
contract Adversary is Player {
    constructor(SpinVM machine) Player(machine) {}

    /// A counter that is wrong, but as well formed as it must be; or right, for a change.
    function counter(FaultDisputeGame game, uint256 i, bool isAttack, bool isWrong, uint256 salt)
        external
        returns (bool)
    {
        Node memory n = node(game, i);
        if (n.depth == game.maxGameDepth()) return false;
        uint256 split = game.splitDepth();
        if (!isAttack && (i == 0 || n.depth == split + 1)) return false;
        bytes32 value = valueOfMove(game, i, isAttack);
        if (isWrong) {
            value = keccak256(abi.encode(value, salt));
            if (n.depth == split) value = (value << 8 >> 8) | bytes32((1 + salt % 2) << 248);
        }
        uint256 position = 2 ** n.depth + n.index;
        // Casting is safe: no place is deeper than 125.
        // forge-lint: disable-next-line(unsafe-typecast)
        uint256 bond = game.getRequiredBond(uint128(2 * position));
        try game.move{value: bond}(n.value, i, value, isAttack) {
            return true;
        } catch {
            // At the split depth a defense may have to end well.
            if (n.depth != split || !isWrong) return false;
            value = value << 8 >> 8;
            try game.move{value: bond}(n.value, i, value, isAttack) {
                return true;
            } catch {
                return false;
            }
        }
    }

    /// A step, whether it refutes the claim or not.
    function tryStep(FaultDisputeGame game, uint256 i, bool isAttack) external returns (bool) {
        if (node(game, i).depth != game.maxGameDepth()) return false;
        try this.stepAgainst(game, i, isAttack) {
            return true;
        } catch {
            return false;
        }
    }
}
