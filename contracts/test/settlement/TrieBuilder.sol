// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/**
 * @title TrieBuilder
 * @notice Builds Merkle Patricia tries of a few leaves and proofs in them, from the definition
 * (Ethereum yellow paper, appendices B to D) and sharing no code with what it is used to test.
 */
library TrieBuilder {
    /// @notice A leaf: its whole path, hashed already, and its value.
    struct Entry {
        bytes32 path;
        bytes value;
    }

    /// @notice Root of the trie over these entries, of which no two have the same path.
    function root(Entry[] memory entries) internal pure returns (bytes32) {
        return keccak256(_node(entries, 0));
    }

    /// @notice The nodes that eth_getProof returns for a path: all on the way to its leaf that are
    /// not part of their parent.
    function prove(Entry[] memory entries, bytes32 path) internal pure returns (bytes[] memory) {
        bytes[] memory nodes = new bytes[](65);
        uint256 count = 0;
        uint256 depth = 0;
        while (true) {
            bytes memory node = _node(entries, depth);
            if (depth == 0 || node.length >= 32) nodes[count++] = node;
            if (entries.length <= 1) break;
            uint256 shared = _shared(entries, depth);
            if (shared > 0) {
                depth += shared;
                bytes memory branch = _node(entries, depth);
                if (branch.length >= 32) nodes[count++] = branch;
            }
            entries = _child(entries, depth, _nibble(path, depth));
            ++depth;
        }
        assembly ("memory-safe") {
            mstore(nodes, count)
        }
        return nodes;
    }

    /// @notice RLP of the leaf at a path that starts at a depth, in nibbles.
    function leaf(Entry memory entry, uint256 depth) internal pure returns (bytes memory) {
        return _list(
            abi.encodePacked(_string(_compact(entry.path, depth, 64, true)), _string(entry.value))
        );
    }

    function _node(Entry[] memory entries, uint256 depth) private pure returns (bytes memory) {
        if (entries.length == 0) return hex"80";
        if (entries.length == 1) return leaf(entries[0], depth);
        uint256 shared = _shared(entries, depth);
        if (shared > 0) {
            bytes memory path = _compact(entries[0].path, depth, depth + shared, false);
            bytes memory child = _reference(_node(entries, depth + shared));
            return _list(abi.encodePacked(_string(path), child));
        }
        bytes memory payload;
        for (uint256 nibble = 0; nibble < 16; ++nibble) {
            Entry[] memory children = _child(entries, depth, nibble);
            payload = abi.encodePacked(payload, _reference(_node(children, depth + 1)));
        }
        return _list(abi.encodePacked(payload, hex"80"));
    }

    function _reference(bytes memory node) private pure returns (bytes memory) {
        return node.length < 32 ? node : abi.encodePacked(hex"a0", keccak256(node));
    }

    function _child(Entry[] memory entries, uint256 depth, uint256 nibble)
        private
        pure
        returns (Entry[] memory children)
    {
        children = new Entry[](entries.length);
        uint256 count = 0;
        for (uint256 i = 0; i < entries.length; ++i) {
            if (_nibble(entries[i].path, depth) == nibble) children[count++] = entries[i];
        }
        assembly ("memory-safe") {
            mstore(children, count)
        }
    }

    function _shared(Entry[] memory entries, uint256 depth) private pure returns (uint256 count) {
        while (true) {
            for (uint256 i = 1; i < entries.length; ++i) {
                if (_nibble(entries[i].path, depth) != _nibble(entries[0].path, depth)) {
                    return count;
                }
            }
            ++count;
            ++depth;
        }
    }

    function _nibble(bytes32 path, uint256 index) private pure returns (uint256) {
        return (uint256(path) >> (252 - 4 * index)) & 15;
    }

    function _compact(bytes32 path, uint256 from, uint256 to, bool isLeaf)
        private
        pure
        returns (bytes memory out)
    {
        uint256 flag = isLeaf ? 2 : 0;
        if ((to - from) % 2 == 1) {
            out = abi.encodePacked(uint8((flag + 1) << 4 | _nibble(path, from)));
            ++from;
        } else {
            out = abi.encodePacked(uint8(flag << 4));
        }
        for (; from < to; from += 2) {
            out = abi.encodePacked(out, uint8(_nibble(path, from) << 4 | _nibble(path, from + 1)));
        }
    }

    function _string(bytes memory data) private pure returns (bytes memory) {
        if (data.length == 1 && uint8(data[0]) < 0x80) return data;
        return abi.encodePacked(_header(data.length, 0x80), data);
    }

    function _list(bytes memory payload) private pure returns (bytes memory) {
        return abi.encodePacked(_header(payload.length, 0xc0), payload);
    }

    function _header(uint256 length, uint8 offset) private pure returns (bytes memory) {
        if (length < 56) return abi.encodePacked(uint8(offset + length));
        if (length < 256) return abi.encodePacked(offset + 56, uint8(length));
        return abi.encodePacked(offset + 57, uint16(length));
    }
}
