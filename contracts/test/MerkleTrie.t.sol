// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {MerkleTrie} from "../src/libraries/MerkleTrie.sol";
import {Test} from "./Test.sol";
import {TrieBuilder} from "./settlement/TrieBuilder.sol";
import {TrieProof} from "@openzeppelin/contracts/utils/cryptography/TrieProof.sol";

/// @title TrieReader
/// @notice Gives the library's function the calldata that it reads from.
contract TrieReader {
    function get(bytes32 root, bytes32 path, bytes[] calldata proof)
        external
        pure
        returns (bytes memory)
    {
        return MerkleTrie.get(root, path, proof);
    }

    /// OpenZeppelin's reader, which decodes each node into memory, as the model.
    function model(bytes32 root, bytes32 path, bytes[] calldata proof)
        external
        pure
        returns (bytes memory value, TrieProof.ProofError err)
    {
        return TrieProof.tryTraverse(root, abi.encodePacked(path), proof);
    }
}

/// @title MerkleTrieTest
/// @notice Proofs from tries built by definition, whole and broken.
contract MerkleTrieTest is Test {
    TrieReader private reader;

    function setUp() public {
        reader = new TrieReader();
    }

    /// The builder is checked against a published root (ethereum/tests,
    /// TrieTests/trietest_secureTrie.json, emptyValues: what is left at its end), so that a mistake
    /// cannot hide in builder and reader alike.
    function test_builder_agreesWithPublishedRoot() public pure {
        TrieBuilder.Entry[] memory entries = new TrieBuilder.Entry[](4);
        entries[0] = TrieBuilder.Entry({path: keccak256("do"), value: "verb"});
        entries[1] = TrieBuilder.Entry({path: keccak256("horse"), value: "stallion"});
        entries[2] = TrieBuilder.Entry({path: keccak256("doge"), value: "coin"});
        entries[3] = TrieBuilder.Entry({path: keccak256("dog"), value: "puppy"});
        vm.assertEq(
            TrieBuilder.root(entries),
            0x29b235a58c3c25ab83010c327d5932bcf05324b7d6b1185e650798034783ca9d
        );
    }

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_get_findsEveryLeafAndNoOther(uint256 seed, uint8 size, bytes32 absent)
        public
        view
    {
        TrieBuilder.Entry[] memory entries = _entries(seed, 1 + size % 6);
        bytes32 root = TrieBuilder.root(entries);
        for (uint256 i = 0; i < entries.length; ++i) {
            bytes[] memory proof = TrieBuilder.prove(entries, entries[i].path);
            vm.assertEq(reader.get(root, entries[i].path, proof), entries[i].value);
            _requireModelAgrees(root, entries[i].path, proof);
            // The same nodes prove nothing about another path.
            bytes32 other = entries[i].path ^ bytes32(uint256(1) << (seed % 256));
            if (!_contains(entries, other)) {
                vm.assertEq(reader.get(root, other, proof).length, 0);
                vm.assertEq(reader.get(root, other, TrieBuilder.prove(entries, other)).length, 0);
            }
        }
        vm.assume(!_contains(entries, absent));
        vm.assertEq(reader.get(root, absent, TrieBuilder.prove(entries, absent)).length, 0);
    }

    /// forge-config: default.fuzz.runs = 128
    function testFuzz_get_refusesAnyChangedByte(uint256 seed, uint256 position, uint8 change)
        public
        view
    {
        vm.assume(change != 0);
        TrieBuilder.Entry[] memory entries = _entries(seed, 5);
        bytes32 root = TrieBuilder.root(entries);
        bytes[] memory proof = TrieBuilder.prove(entries, entries[0].path);
        bytes memory node = proof[position % proof.length];
        uint256 i = uint256(keccak256(abi.encode(position))) % node.length;
        node[i] = bytes1(uint8(node[i]) ^ change);
        vm.assertEq(reader.get(root, entries[0].path, proof).length, 0);
    }

    /// forge-config: default.fuzz.runs = 128
    function testFuzz_get_refusesTruncatedAndExtendedNodes(uint256 seed, uint256 cut) public view {
        TrieBuilder.Entry[] memory entries = _entries(seed, 5);
        bytes32 root = TrieBuilder.root(entries);
        bytes[] memory proof = TrieBuilder.prove(entries, entries[0].path);
        uint256 which = cut % proof.length;
        bytes memory node = proof[which];

        proof[which] = _prefix(node, uint256(keccak256(abi.encode(cut))) % node.length);
        vm.assertEq(reader.get(root, entries[0].path, proof).length, 0);
        proof[which] = abi.encodePacked(node, uint8(cut));
        vm.assertEq(reader.get(root, entries[0].path, proof).length, 0);
    }

    /// forge-config: default.fuzz.runs = 128
    function testFuzz_get_refusesMissingAndSurplusNodes(uint256 seed) public view {
        TrieBuilder.Entry[] memory entries = _entries(seed, 5);
        bytes32 root = TrieBuilder.root(entries);
        bytes32 path = entries[0].path;
        bytes[] memory proof = TrieBuilder.prove(entries, path);

        for (uint256 count = 0; count < proof.length; ++count) {
            vm.assertEq(reader.get(root, path, _first(proof, count)).length, 0);
        }
        bytes[] memory longer = _first(proof, proof.length + 1);
        longer[proof.length] = proof[proof.length - 1];
        vm.assertEq(reader.get(root, path, longer).length, 0);
        longer[proof.length] = "";
        vm.assertEq(reader.get(root, path, longer).length, 0);
    }

    /// Two paths that differ in their last nibble alone: their leaves are part of their branch, and the
    /// branch is part of the extension above it.
    function test_get_readsNodesInsideOthersOnceOrTwice() public view {
        TrieBuilder.Entry[] memory entries = new TrieBuilder.Entry[](3);
        bytes32 path = keccak256("path");
        entries[0] = TrieBuilder.Entry({path: path, value: hex"01"});
        entries[1] = TrieBuilder.Entry({path: path ^ bytes32(uint256(1)), value: hex"02"});
        entries[2] = TrieBuilder.Entry({path: ~path, value: hex"03"});
        bytes32 root = TrieBuilder.root(entries);
        bytes[] memory proof = TrieBuilder.prove(entries, path);
        vm.assertEq(reader.get(root, path, proof), hex"01");

        // viem gives the leaf once more (maybeAddProofNode).
        bytes[] memory longer = _first(proof, proof.length + 1);
        longer[proof.length] = _branchOfTwo(path);
        vm.assertEq(reader.get(root, path, longer), hex"01");
        bytes[] memory longest = _first(longer, longer.length + 1);
        longest[longer.length] = hex"c22001";
        vm.assertEq(reader.get(root, path, longest), hex"01");
        longest[longer.length] = hex"c22002";
        vm.assertEq(reader.get(root, path, longest).length, 0);
        longest[longer.length] = "";
        vm.assertEq(reader.get(root, path, longest).length, 0);
    }

    function test_get_refusesEmptyProof() public view {
        vm.assertEq(reader.get(keccak256(""), 0, new bytes[](0)).length, 0);
        vm.assertEq(reader.get(keccak256(""), 0, _one("")).length, 0);
    }

    /// Each node hashes to the root it is read under, so nothing but its form can betray it.
    function test_get_refusesMalformedNodes() public {
        bytes memory path = abi.encodePacked(hex"a120", bytes32(0));
        _requireMalformed(hex"80");
        _requireMalformed(hex"c0");
        _requireMalformed(hex"c180");
        _requireMalformed(hex"c3808080");
        // A leaf without its last byte, one byte longer, and with one that its list does not count.
        _requireMalformed(abi.encodePacked(hex"e3", path));
        _requireMalformed(abi.encodePacked(hex"e4", path, hex"0101"));
        _requireMalformed(abi.encodePacked(hex"e3", path, hex"0101"));
        // Its value a list, or a single byte in a long form, or cut off.
        _requireMalformed(abi.encodePacked(hex"e3", path, hex"c0"));
        _requireMalformed(abi.encodePacked(hex"e4", path, hex"8101"));
        _requireMalformed(abi.encodePacked(hex"e3", path, hex"82"));
        // Its path a list, empty, of unknown kind, padded with something, too long.
        _requireMalformed(hex"c2c001");
        _requireMalformed(hex"c28001");
        _requireMalformed(hex"c24001");
        _requireMalformed(hex"c22101");
        _requireMalformed(hex"c20101");
        _requireMalformed(abi.encodePacked(hex"e4a220", bytes32(0), hex"0001"));
        // An extension that leads nowhere.
        _requireMalformed(hex"c20001");
        // Branches of sixteen and eighteen items, and one whose last item is cut off.
        _requireMalformed(hex"d080808080808080808080808080808080");
        _requireMalformed(hex"d2808080808080808080808080808080808080");
        _requireMalformed(hex"d180808080808080808080808080808080a0");
        _requireMalformed(hex"d18080808080808080808080808080808081");
        // Lengths in a longer form than need be, cut off, and of three bytes.
        _requireMalformed(hex"f80100");
        _requireMalformed(abi.encodePacked(hex"f823", path, hex"01"));
        _requireMalformed(abi.encodePacked(hex"f90023", path, hex"01"));
        _requireMalformed(abi.encodePacked(hex"fa000023", path, hex"01"));
        _requireMalformed(hex"f8");
        _requireMalformed(hex"f9ff");
        // A child as long as a hash, inside its parent.
        _requireMalformed(abi.encodePacked(hex"e210", hex"e09e20", new bytes(29), hex"01"));
    }

    /// Whatever is hashed into a root: the reader answers or names the fault, and finds nothing where
    /// the model finds nothing.
    function testFuzz_get_survivesAnyNode(bytes memory node, bytes32 path) public view {
        _requireModelAgrees(keccak256(node), path, _one(node));
    }

    function testFuzz_get_survivesAnyList(bytes memory payload, bytes32 path) public view {
        bytes memory node = payload.length < 56
            ? abi.encodePacked(uint8(0xc0 + payload.length), payload)
            : abi.encodePacked(hex"f9", uint16(payload.length), payload);
        _requireModelAgrees(keccak256(node), path, _one(node));
    }

    /// @dev Entries that share up to all nibbles but one with another, so that nodes lie inside others.
    function _entries(uint256 seed, uint256 count)
        private
        pure
        returns (TrieBuilder.Entry[] memory entries)
    {
        entries = new TrieBuilder.Entry[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 random = uint256(keccak256(abi.encode(seed, i)));
            uint256 path = random;
            if (i > 0) {
                uint256 bits = random % 256;
                path = uint256(entries[random % i].path) ^ (uint256(1) << bits);
            }
            if (_contains(entries, bytes32(path))) path = random;
            entries[i].path = bytes32(path);
            entries[i].value =
                random % 3 == 0 ? abi.encodePacked(random) : abi.encodePacked(uint8(1 + i));
        }
    }

    function _contains(TrieBuilder.Entry[] memory entries, bytes32 path)
        private
        pure
        returns (bool)
    {
        for (uint256 i = 0; i < entries.length; ++i) {
            if (entries[i].value.length != 0 && entries[i].path == path) return true;
        }
        return false;
    }

    function _requireModelAgrees(bytes32 root, bytes32 path, bytes[] memory proof) private view {
        bytes memory found;
        try reader.get(root, path, proof) returns (bytes memory value) {
            found = value;
        } catch (bytes memory reason) {
            vm.assertEq(
                reason, abi.encodeWithSelector(MerkleTrie.MerkleTrie_MalformedNode.selector)
            );
        }
        if (found.length == 0) return;
        (bytes memory expected, TrieProof.ProofError err) = reader.model(root, path, proof);
        vm.assertTrue(err == TrieProof.ProofError.NO_ERROR);
        vm.assertEq(found, expected);
    }

    function _requireMalformed(bytes memory node) private {
        vm.expectRevert(MerkleTrie.MerkleTrie_MalformedNode.selector);
        reader.get(keccak256(node), 0, _one(node));
    }

    /// @dev The branch under the leaves of path and of its neighbour, each of them two items: an empty
    /// path and the value.
    function _branchOfTwo(bytes32 path) private pure returns (bytes memory) {
        uint256 own = uint256(path) & 15;
        bytes memory payload;
        for (uint256 i = 0; i < 16; ++i) {
            if (i == own) payload = abi.encodePacked(payload, hex"c22001");
            else if (i == own ^ 1) payload = abi.encodePacked(payload, hex"c22002");
            else payload = abi.encodePacked(payload, hex"80");
        }
        return abi.encodePacked(uint8(0xc0 + payload.length + 1), payload, hex"80");
    }

    function _one(bytes memory node) private pure returns (bytes[] memory proof) {
        proof = new bytes[](1);
        proof[0] = node;
    }

    function _first(bytes[] memory proof, uint256 count)
        private
        pure
        returns (bytes[] memory shorter)
    {
        shorter = new bytes[](count);
        for (uint256 i = 0; i < count && i < proof.length; ++i) {
            shorter[i] = proof[i];
        }
    }

    function _prefix(bytes memory data, uint256 length) private pure returns (bytes memory out) {
        out = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            out[i] = data[i];
        }
    }
}
