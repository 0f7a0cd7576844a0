// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/**
 * @title MerkleTrie
 * @notice Reads one leaf of a Merkle Patricia trie with paths of 32 bytes, such as the storage trie
 * of an account, out of a proof (Ethereum yellow paper, appendices B to D).
 *
 * Only canonical RLP is accepted, to the last byte of each node: what else hashes to its reference
 * is no node of any trie that a client has built.
 *
 * Nodes are read where they lie in calldata. A stretch of it is two numbers, its first byte and the
 * byte after its last, and not a slice: with slices, whose bounds the compiler checks once more, or
 * with nodes decoded into memory, a proof costs several times as much, and this is most of what
 * proving a withdrawal costs. No arithmetic on these numbers can overflow, since both stay below the
 * length of calldata and no item is longer than 2^16, so it goes unchecked.
 */
library MerkleTrie {
    /// @dev Nibbles of a path.
    uint256 private constant PATH_LENGTH = 64;

    /// @dev Children of a branch; its value comes after them.
    uint256 private constant RADIX = 16;

    /// @dev Bytes of a hash. Shorter nodes are not referred to by hash but part of their parent.
    uint256 private constant HASH_LENGTH = 32;

    /// @notice A node of the proof is not one.
    error MerkleTrie_MalformedNode();

    /**
     * @notice The value at a path.
     * @param root  Root of the trie.
     * @param path  Hash of the key.
     * @param proof Nodes from the root to the leaf. A node shorter than 32 bytes is part of its parent
     *              and may be given once more on its own, or not.
     * @return value What the leaf holds, inside its outer RLP; empty if the proof does not show a leaf
     *         at the path.
     */
    function get(bytes32 root, bytes32 path, bytes[] calldata proof)
        internal
        pure
        returns (bytes calldata value)
    {
        value = msg.data[0:0];
        if (proof.length == 0 || keccak256(proof[0]) != root) return value;
        (uint256 from, uint256 to) = _bounds(proof[0]);
        uint256 used = 1;
        uint256 depth = 0;
        bool isLeaf = false;
        while (from < to) {
            (from, to, depth, isLeaf) = _follow(from, to, path, depth);
            if (isLeaf) return used == proof.length ? msg.data[from:to] : value;
            (from, to, used) = _resolve(from, to, proof, used);
        }
    }

    /// @dev Takes one step down from a node, to the content of a leaf, or to a child, that is a
    /// reference or a node inside this one; to nothing if the path leads nowhere. nextDepth is how many
    /// nibbles of the path lie behind then.
    function _follow(uint256 from, uint256 to, bytes32 path, uint256 depth)
        private
        pure
        returns (uint256 childFrom, uint256 childTo, uint256 nextDepth, bool isLeaf)
    {
        uint256 end;
        bool isList;
        (isList, from, end) = _item(from, to);
        if (!isList || end != to) revert MerkleTrie_MalformedNode();

        uint256 pathFrom;
        uint256 pathTo;
        (isList, pathFrom, pathTo) = _item(from, to);
        (, childFrom, childTo) = _item(pathTo, to);
        if (childTo != to) {
            (childFrom, childTo) = _child(from, to, path, depth);
            return (childFrom, childTo, depth + 1, false);
        }

        if (isList) revert MerkleTrie_MalformedNode();
        (nextDepth, isLeaf) = _match(pathFrom, pathTo, path, depth);
        if (nextDepth == 0) return (to, to, 0, isLeaf);
        if (!isLeaf) return (pathTo, to, nextDepth, false);
        if (_byteAt(pathTo) >= 0xc0) revert MerkleTrie_MalformedNode();
    }

    /// @dev Finds the node that a child stands for; nothing if the child is empty or the proof does not
    /// go on with it. next is how much of the proof is used then.
    function _resolve(uint256 from, uint256 to, bytes[] calldata proof, uint256 used)
        private
        pure
        returns (uint256 nodeFrom, uint256 nodeTo, uint256 next)
    {
        if (from == to) return (to, to, used);
        (bool isList, uint256 hashFrom,) = _item(from, to);
        bytes32 expected;
        if (isList) {
            // What is as long as a hash is referred to by hash.
            if (to - from >= HASH_LENGTH) revert MerkleTrie_MalformedNode();
            if (used == proof.length) return (from, to, used);
            expected = keccak256(msg.data[from:to]);
        } else {
            if (used == proof.length || to - hashFrom != HASH_LENGTH) return (to, to, used);
            expected = bytes32(msg.data[hashFrom:to]);
        }
        (nodeFrom, nodeTo) = _bounds(proof[used]);
        if (keccak256(proof[used]) != expected) return (to, to, used);
        next = used + 1;
    }

    /// @dev The child of a branch that the path leads to, empty past the path's end. All seventeen
    /// items must be there, and nothing after them.
    function _child(uint256 from, uint256 to, bytes32 path, uint256 depth)
        private
        pure
        returns (uint256 childFrom, uint256 childTo)
    {
        if (depth == PATH_LENGTH) return (to, to);
        uint256 nibble = uint256(path << (4 * depth)) >> 252;
        for (uint256 i = 0; i <= RADIX; ++i) {
            uint256 end = _childEnd(from, to);
            if (i == nibble) (childFrom, childTo) = (from, end);
            from = end;
        }
        if (from != to) revert MerkleTrie_MalformedNode();
    }

    /// @dev Where an item of a branch ends. Nearly all are empty or a hash, which can be told by their
    /// first byte; that they do not reach past the branch shows when the last one ends where it does.
    function _childEnd(uint256 from, uint256 to) private pure returns (uint256 end) {
        uint256 head = _byteAt(from);
        unchecked {
            if (head == 0x80) return from + 1;
            if (head == 0x80 + HASH_LENGTH) return from + 1 + HASH_LENGTH;
        }
        (,, end) = _item(from, to);
    }

    /// @dev Compares the path of a leaf or extension, in its compact form, with the path from a depth
    /// on. nextDepth is the depth behind the node's path, or zero if the two differ.
    function _match(uint256 from, uint256 to, bytes32 path, uint256 depth)
        private
        pure
        returns (uint256 nextDepth, bool isLeaf)
    {
        if (from == to || to - from > 1 + HASH_LENGTH) revert MerkleTrie_MalformedNode();
        uint256 head = _byteAt(from);
        uint256 odd = (head >> 4) & 1;
        isLeaf = head & 0x20 != 0;
        uint256 length = 2 * (to - from - 1) + odd;
        // The head is two flags and, in an odd path, a nibble; an extension must lead somewhere.
        if (head >= 0x40 || (odd == 0 && head & 15 != 0) || (!isLeaf && length == 0)) {
            revert MerkleTrie_MalformedNode();
        }
        nextDepth = depth + length;
        if (nextDepth > PATH_LENGTH || (isLeaf && nextDepth != PATH_LENGTH)) return (0, isLeaf);

        bytes32 nibbles = bytes32(msg.data[from + 1:to]);
        if (odd == 1) nibbles = bytes32(head << 252) | (nibbles >> 4);
        // Shifting by the whole width gives zero, which is right for a path of full length.
        bytes32 expected = (path << (4 * depth)) & ~(bytes32(type(uint256).max) >> (4 * length));
        if (nibbles != expected) return (0, isLeaf);
    }

    /// @dev Reads the RLP item at the start of a stretch, a list or a string, which ends with its
    /// content.
    function _item(uint256 from, uint256 to)
        private
        pure
        returns (bool isList, uint256 payloadFrom, uint256 end)
    {
        if (from >= to) revert MerkleTrie_MalformedNode();
        uint256 prefix = _byteAt(from);
        unchecked {
            if (prefix < 0x80) return (false, from, from + 1);
            isList = prefix >= 0xc0;
            uint256 length = prefix - (isList ? 0xc0 : 0x80);
            payloadFrom = from + 1;
            if (length > 55) (payloadFrom, length) = _longLength(from, length - 55);
            end = payloadFrom + length;
        }
        if (end > to) revert MerkleTrie_MalformedNode();
        // A byte below 0x80 is its own encoding.
        if (prefix == 0x81 && _byteAt(payloadFrom) < 0x80) revert MerkleTrie_MalformedNode();
    }

    /// @dev The length of a long item, which stands in its own bytes after the prefix. No node of a
    /// trie needs more than two of them. Bytes past the end of the stretch may be read; the length
    /// then leads further past it.
    function _longLength(uint256 from, uint256 size)
        private
        pure
        returns (uint256 payloadFrom, uint256 length)
    {
        if (size > 2) revert MerkleTrie_MalformedNode();
        payloadFrom = from + 1 + size;
        length = size == 1 ? _byteAt(from + 1) : (_byteAt(from + 1) << 8) | _byteAt(from + 2);
        // The shortest form is the only one.
        if (length < (size == 1 ? 56 : 256)) revert MerkleTrie_MalformedNode();
    }

    function _byteAt(uint256 offset) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := byte(0, calldataload(offset))
        }
    }

    function _bounds(bytes calldata data) private pure returns (uint256 from, uint256 to) {
        assembly ("memory-safe") {
            from := data.offset
            to := add(data.offset, data.length)
        }
    }
}
