// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Position} from "../src/dispute/libraries/Position.sol";
import {Test} from "./Test.sol";

/// @title PositionTest
/// @notice Positions against a model that walks the tree, and values of the OP Stack's own tests.
contract PositionTest is Test {
    function testFuzz_depthAndIndex_nameThePlace(uint8 depth, uint128 index) public pure {
        depth = uint8(_bound(depth, 0, Position.MAX_DEPTH));
        uint128 position = uint128(2 ** depth + index % 2 ** depth);
        vm.assertEq(Position.depth(position), depth);
        vm.assertEq(Position.indexAtDepth(position), index % 2 ** depth);
    }

    function testFuzz_move_leadsBesideTheClaim(uint8 depth, uint128 index) public pure {
        depth = uint8(_bound(depth, 1, Position.MAX_DEPTH));
        uint256 i = index % 2 ** depth;
        uint128 position = uint128(2 ** depth + i);
        uint128 attack = Position.move(position, true);
        vm.assertEq(Position.depth(attack), depth + 1);
        vm.assertEq(Position.indexAtDepth(attack), 2 * i);
        // A defense of the right claim of a pair goes where an attack of it would.
        uint128 defense = Position.move(position, false);
        vm.assertEq(Position.depth(defense), depth + 1);
        vm.assertEq(Position.indexAtDepth(defense), 2 * (i | 1));
    }

    function testFuzz_traceIndex_isTheRightmostLeaf(uint8 depth, uint8 level, uint128 index)
        public
        pure
    {
        level = uint8(_bound(level, 0, Position.MAX_DEPTH));
        depth = uint8(_bound(depth, 0, level));
        uint128 position = uint128(2 ** depth + index % 2 ** depth);
        uint256 walked = position;
        for (uint256 d = depth; d < level; ++d) {
            walked = 2 * walked + 1;
        }
        vm.assertEq(Position.rightIndex(position, level), walked);
        vm.assertEq(Position.traceIndex(position, level), walked - 2 ** level);
    }

    function testFuzz_traceAncestor_isTheHighestOfTheSameLeaf(uint8 depth, uint128 index)
        public
        pure
    {
        depth = uint8(_bound(depth, 0, Position.MAX_DEPTH));
        uint128 position = uint128(2 ** depth + index % 2 ** depth);
        uint128 walked = position;
        while (walked % 2 == 1 && walked > 1) {
            walked /= 2;
        }
        vm.assertEq(Position.traceAncestor(position), walked);
        for (uint256 level = 0; level < depth; ++level) {
            uint128 bounded = Position.traceAncestorBelow(position, level);
            vm.assertTrue(Position.depth(bounded) > level);
            vm.assertEq(
                Position.traceIndex(bounded, Position.MAX_DEPTH),
                Position.traceIndex(walked, Position.MAX_DEPTH)
            );
            // Its parent commits to another leaf or is too high.
            vm.assertTrue(bounded % 2 == 0 || bounded == 1 || Position.depth(bounded) == level + 1);
        }
    }

    function test_deepestLeaf_fitsItsType() public pure {
        uint128 last = Position.rightIndex(Position.ROOT, Position.MAX_DEPTH);
        vm.assertEq(last, 2 ** 126 - 1);
        vm.assertEq(Position.traceAncestor(last), Position.ROOT);
        vm.assertEq(Position.traceAncestorBelow(last, 2), 15);
        vm.assertEq(Position.move(last, false), 2 ** 127 - 2);
    }
}
