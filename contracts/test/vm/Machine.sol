// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {PreimageOracle} from "../../src/vm/PreimageOracle.sol";
import {RISCV} from "../../src/vm/RISCV.sol";
import {Test} from "../Test.sol";

/// @title Machine
/// @notice States of the fault-proof machine for tests: a memory of a few leaves, its tree built
/// naively, witnesses and proofs.
abstract contract Machine is Test {
    struct State {
        uint64 pc;
        uint64 step;
        uint8 exited;
        uint8 exitCode;
        uint64[32] x;
    }

    uint256 internal constant LEVELS = 27;
    uint256 internal constant CODE = 0x10000;
    uint256 internal constant DATA = 0x1000000;
    bytes32 internal constant CONTEXT = keccak256("dispute");

    PreimageOracle internal oracle;
    RISCV internal riscv;

    uint256[] private _indexes;
    mapping(uint256 index => bytes32) private _leaves;
    bytes32[LEVELS + 1] private _zero;

    function setUp() public virtual {
        oracle = new PreimageOracle(136, 1 days);
        riscv = new RISCV(oracle);
        for (uint256 i = 0; i < LEVELS; i++) {
            _zero[i + 1] = keccak256(abi.encode(_zero[i], _zero[i]));
        }
    }

    /// @dev Puts bytes at an address; they must not cross a leaf of 32 bytes.
    function _poke(uint256 at_, bytes memory data) internal {
        uint256 index = at_ / 32;
        bool known = false;
        for (uint256 i = 0; i < _indexes.length; i++) {
            known = known || _indexes[i] == index;
        }
        if (!known) _indexes.push(index);
        bytes memory leaf = abi.encode(_leaves[index]);
        for (uint256 i = 0; i < data.length; i++) {
            leaf[at_ % 32 + i] = data[i];
        }
        _leaves[index] = bytes32(leaf);
    }

    /// @dev An instruction, little-endian.
    function _code(uint256 at_, uint32 word) internal {
        _poke(
            at_,
            abi.encodePacked(uint8(word), uint8(word >> 8), uint8(word >> 16), uint8(word >> 24))
        );
    }

    function _leaf(uint256 at_) internal view returns (bytes32) {
        return _leaves[at_ / 32];
    }

    function _node(uint256 level, uint256 index) internal view returns (bytes32) {
        bool empty = true;
        for (uint256 i = 0; i < _indexes.length && empty; i++) {
            empty = _indexes[i] >> level != index;
        }
        if (empty) return _zero[level];
        if (level == 0) return _leaves[index];
        return keccak256(abi.encode(_node(level - 1, 2 * index), _node(level - 1, 2 * index + 1)));
    }

    function _siblings(uint256 level, uint256 index) internal view returns (bytes memory out) {
        for (; level < LEVELS; level++) {
            out = bytes.concat(out, _node(level, index ^ 1));
            index >>= 1;
        }
    }

    function _prove(uint256 at_) internal view returns (bytes memory) {
        return bytes.concat(_leaf(at_), _siblings(0, at_ / 32));
    }

    function _proveEight(uint256 at_) internal view returns (bytes memory out) {
        for (uint256 i = 0; i < 8; i++) {
            out = bytes.concat(out, _leaf(at_ + 32 * i));
        }
        return bytes.concat(out, _siblings(3, at_ / 256));
    }

    function _witness(State memory s) internal view returns (bytes memory out) {
        out = abi.encodePacked(_node(LEVELS, 0), s.pc, s.step, s.exited, s.exitCode);
        for (uint256 i = 1; i < 32; i++) {
            out = abi.encodePacked(out, s.x[i]);
        }
    }

    function _hash(bytes memory witness) internal pure returns (bytes32) {
        uint8 status = uint8(witness[48]) == 0 ? 3 : uint8(witness[49]);
        if (uint8(witness[48]) == 1 && status > 2) status = 2;
        return bytes32(uint256(keccak256(witness)) << 8 >> 8 | uint256(status) << 248);
    }

    function _copy(State memory s) internal pure returns (State memory) {
        return abi.decode(abi.encode(s), (State));
    }

    // --- instructions, as the specification's chapter of listings has their fields ---

    function _r(uint32 funct7, uint32 funct3, uint32 opcode, uint32 rd, uint32 rs1, uint32 rs2)
        internal
        pure
        returns (uint32)
    {
        return funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode;
    }

    function _i(int32 imm, uint32 funct3, uint32 opcode, uint32 rd, uint32 rs1)
        internal
        pure
        returns (uint32)
    {
        return uint32(imm) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode;
    }

    function _s(int32 imm, uint32 funct3, uint32 rs1, uint32 rs2) internal pure returns (uint32) {
        uint32 i = uint32(imm);
        return (i >> 5 & 0x7f) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | (i & 0x1f) << 7 | 0x23;
    }

    function _b(int32 imm, uint32 funct3, uint32 rs1, uint32 rs2) internal pure returns (uint32) {
        uint32 i = uint32(imm);
        return (i >> 12 & 1) << 31 | (i >> 5 & 0x3f) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12
            | (i >> 1 & 0xf) << 8 | (i >> 11 & 1) << 7 | 0x63;
    }

    function _jal(int32 imm, uint32 rd) internal pure returns (uint32) {
        uint32 i = uint32(imm);
        return (i >> 20 & 1) << 31 | (i >> 1 & 0x3ff) << 21 | (i >> 11 & 1) << 20 | (i >> 12 & 0xff)
            << 12 | rd << 7 | 0x6f;
    }
}
