// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/**
 * @title Position
 * @notice Places in the game's binary tree, as generalized indices: the root is 1 and the children
 * of g are 2g and 2g + 1 (OP Stack specs, fault dispute game, position). A claim commits to the
 * right-most leaf below its place.
 */
library Position {
    /// @notice The root's place.
    uint128 internal constant ROOT = 1;

    /// @notice Greatest depth of a tree: with a bit to spare for the leaf beside a leaf.
    uint256 internal constant MAX_DEPTH = 125;

    /// @notice Levels between the root and this place.
    function depth(uint128 position) internal pure returns (uint256) {
        return Math.log2(position);
    }

    /// @notice Which of its level's places this is, from the left, counted from zero.
    function indexAtDepth(uint128 position) internal pure returns (uint256) {
        return uint256(position) - 2 ** depth(position);
    }

    /// @notice Where a counter to a claim here stands: below it and to its left, for what comes
    /// before it is disputed (attack), or to its right, for what comes after it is (defense).
    function move(uint128 position, bool isAttack) internal pure returns (uint128) {
        return (isAttack ? position : position | 1) << 1;
    }

    /// @notice The right-most place of a level below this one.
    /// @param level A depth, not less than this place's.
    function rightIndex(uint128 position, uint256 level) internal pure returns (uint128) {
        uint256 remaining = level - depth(position);
        // It has level + 1 bits.
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint128((uint256(position) << remaining) | (2 ** remaining - 1));
    }

    /// @notice Index of the leaf that a claim here commits to.
    /// @param level Depth of the leaves.
    function traceIndex(uint128 position, uint256 level) internal pure returns (uint256) {
        return uint256(rightIndex(position, level)) - 2 ** level;
    }

    /// @notice The highest place that commits to the same leaf as this one.
    function traceAncestor(uint128 position) internal pure returns (uint128) {
        uint256 lowestZero = (uint256(position) + 1) & ~uint256(position);
        // A quotient is not greater than what is divided.
        // forge-lint: disable-next-line(unsafe-typecast)
        uint128 ancestor = uint128(uint256(position) / lowestZero);
        // All bits are set: the right-most leaf of the whole tree.
        return ancestor == 0 ? ROOT : ancestor;
    }

    /// @notice The highest place that commits to the same leaf, below a level.
    /// @param level Depth that the ancestor must exceed.
    function traceAncestorBelow(uint128 position, uint256 level) internal pure returns (uint128) {
        uint128 ancestor = traceAncestor(position);
        return depth(ancestor) > level ? ancestor : rightIndex(ancestor, level + 1);
    }
}
