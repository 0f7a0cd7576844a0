// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Keccak} from "../libraries/Keccak.sol";
import {PreimageKey} from "../libraries/PreimageKey.sol";
import {RV64} from "../libraries/RV64.sol";
import {IBigStepper} from "./interfaces/IBigStepper.sol";
import {IPreimageOracle} from "./interfaces/IPreimageOracle.sol";

/**
 * @title RISCV
 * @notice One step of the fault-proof machine: RV64IM on a memory of 2^32 bytes.
 *
 * The witness of a state is 298 bytes, numbers in it big-endian:
 *
 *     memory root 32 | pc 8 | step 8 | exited 1 | exit code 1 | x1 .. x31, 8 each
 *
 * and its hash is keccak256 of them with the status in place of the first byte. Memory is a binary
 * tree of 27 levels over leaves of 32 bytes; a proof of a leaf is the leaf and its siblings from the
 * bottom up. The proof of a step is one of the instruction's leaf, followed by what the instruction
 * reads or writes.
 *
 * The next state is a total function of the state, of memory and of preimages: whatever a program
 * can do wrong ends it with the status of a panic. A step reverts only on a witness of another
 * form, on a proof that is not exactly as long as this step needs or does not lead to the root, and
 * where a part of a preimage is not loaded yet.
 *
 * Assembly is where a Solidity loop would cost several times as much (hashing a path: 3.5 thousand
 * gas) or where bytes are taken out of calldata and memory at computed places.
 */
contract RISCV is IBigStepper {
    /**
     * @notice The step at work.
     * @custom:field state The witness, which becomes that of the next state.
     * @custom:field pc    Address of the instruction.
     * @custom:field insn  Its number in RV64.
     * @custom:field rd    Register of the result.
     * @custom:field imm   The immediate, sign-extended, or the shift amount.
     * @custom:field a     Value of the first operand's register.
     * @custom:field b     Value of the second operand, register or immediate.
     */
    struct Step {
        bytes state;
        uint64 pc;
        uint256 insn;
        uint256 rd;
        uint64 imm;
        uint64 a;
        uint64 b;
    }

    uint256 private constant STATE_BYTES = 298;
    uint256 private constant LEVELS = 27;
    uint256 private constant PROOF_BYTES = 32 + 32 * LEVELS;
    /// @dev A state of Keccak-f fills an eighth more than 6 leaves; it is proven as the subtree of
    /// 8 that it starts.
    uint256 private constant SUBTREE_LEVELS = 3;
    uint256 private constant SUBTREE_LEAVES = 8;
    uint256 private constant SUBTREE_PROOF_BYTES =
        32 * SUBTREE_LEAVES + 32 * (LEVELS - SUBTREE_LEVELS);

    /// @dev Where the fields of a witness are.
    uint256 private constant ROOT = 0;
    uint256 private constant PC = 32;
    uint256 private constant STEP = 40;
    uint256 private constant EXITED = 48;
    uint256 private constant EXIT_CODE = 49;
    uint256 private constant REGISTERS = 50;

    /// @dev Registers of a system call: its number, its arguments and its result.
    uint256 private constant A0 = 10;
    uint256 private constant A1 = 11;
    uint256 private constant A2 = 12;
    uint256 private constant A7 = 17;

    uint64 private constant ALL_ONES = type(uint64).max;

    IPreimageOracle private immutable _ORACLE;

    /// @notice The witness is not 298 bytes, or says neither that it has exited nor that it has not.
    error RISCV_BadState();

    /// @notice The proof is not exactly as long as this step needs.
    error RISCV_BadProofLength();

    /// @notice The proof does not lead to the root of memory.
    error RISCV_BadProof();

    /// @param preimages Where the machine reads preimages.
    constructor(IPreimageOracle preimages) {
        _ORACLE = preimages;
    }

    /// @inheritdoc IBigStepper
    function step(bytes calldata stateData, bytes calldata proof, bytes32 localContext)
        external
        view
        returns (bytes32 postState)
    {
        if (stateData.length != STATE_BYTES) revert RISCV_BadState();
        Step memory s;
        s.state = stateData;
        uint8 exited = uint8(stateData[EXITED]);
        if (exited > 1) revert RISCV_BadState();
        if (exited == 1) {
            _requireLength(proof, 0);
        } else {
            unchecked {
                // As the machine counts: 2^64 steps are out of every game's reach.
                _setField(s, STEP, _field(s, STEP) + 1);
            }
            _fetch(s, proof);
            _execute(s, proof, localContext);
        }
        return _hash(s.state);
    }

    /// @inheritdoc IBigStepper
    function oracle() external view returns (IPreimageOracle) {
        return _ORACLE;
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "1.0.0";
    }

    /// @dev Instructions that touch more than registers and pc, and those that do not.
    function _execute(Step memory s, bytes calldata proof, bytes32 localContext) private view {
        uint256 insn = s.insn;
        if (insn == RV64.ILLEGAL) {
            // What could not be fetched has no proof.
            _trap(s, proof, _isFetchable(s.pc) ? PROOF_BYTES : 0);
        } else if (insn >= RV64.LB && insn <= RV64.LWU) {
            _load(s, proof);
        } else if (insn >= RV64.SB && insn <= RV64.SD) {
            _store(s, proof);
        } else if (insn == RV64.ECALL) {
            _call(s, proof, localContext);
        } else {
            _requireLength(proof, PROOF_BYTES);
            _compute(s);
        }
    }

    function _call(Step memory s, bytes calldata proof, bytes32 localContext) private view {
        uint64 number = _register(s, A7);
        if (number == RV64.CALL_PREIMAGE) return _callPreimage(s, proof, localContext);
        if (number == RV64.CALL_KECCAK) return _callKeccak(s, proof);
        _requireLength(proof, PROOF_BYTES);
        if (number == RV64.CALL_EXIT) {
            _exit(s, _register(s, A0));
        } else if (number == RV64.CALL_WRITE) {
            _setRegister(s, A0, _register(s, A2));
            _next(s);
        } else if (number == RV64.CALL_HINT) {
            _setRegister(s, A0, 0);
            _next(s);
        } else {
            _exit(s, RV64.PANIC);
        }
    }

    /// @dev The destination is proven against the same root as the key: only one leaf is written.
    function _callPreimage(Step memory s, bytes calldata proof, bytes32 localContext) private view {
        uint64 from = _register(s, A0);
        uint64 offset = _register(s, A1);
        uint64 to = _register(s, A2);
        bool offsetIsGood = offset >> 32 == 0 && (offset == 0 || offset % 32 == 8);
        bool toIsGood = to >> 32 == 0 && to % 32 == 0 && to >= RV64.TEXT_HI;
        if (from >> 32 != 0 || from % 32 != 0 || !offsetIsGood || !toIsGood) {
            return _trap(s, proof, PROOF_BYTES);
        }
        if (proof.length < 2 * PROOF_BYTES) revert RISCV_BadProofLength();
        bytes32 key = bytes32(_leaf(s, proof, 1, from));
        if (!_isKeyKnown(key)) return _trap(s, proof, 2 * PROOF_BYTES);
        _requireLength(proof, 3 * PROOF_BYTES);
        _leaf(s, proof, 2, to);
        if (PreimageKey.typeOf(key) == PreimageKey.LOCAL) {
            key = PreimageKey.localize(key, msg.sender, localContext);
        }
        (bytes32 part, uint256 count) = _ORACLE.readPreimage(key, offset);
        _setLeaf(s, proof, 2, to, uint256(part));
        _setRegister(s, A0, uint64(count));
        _next(s);
    }

    /// @dev Fetches and decodes. Where there is no instruction at pc, it is an illegal one.
    function _fetch(Step memory s, bytes calldata proof) private pure {
        uint64 pc = _field(s, PC);
        s.pc = pc;
        s.insn = RV64.ILLEGAL;
        if (!_isFetchable(pc)) return;
        if (proof.length < PROOF_BYTES) revert RISCV_BadProofLength();
        uint32 word = uint32(_take(_leaf(s, proof, 0, pc), pc % 32, 4));
        uint256 form;
        (s.insn, form) = RV64.decode(word);
        s.rd = _bits(word, 11, 7);
        s.imm = uint64(int64(_immediate(form, word)));
        s.a = _register(s, _bits(word, 19, 15));
        // The second operand of an operation on an immediate is the immediate.
        bool isImmediate = form == RV64.FORM_I || form == RV64.FORM_SHIFT;
        s.b = isImmediate ? s.imm : _register(s, _bits(word, 24, 20));
    }

    function _load(Step memory s, bytes calldata proof) private pure {
        // By number: LB, LH, LW, LD, then LBU, LHU, LWU.
        uint256 kind = s.insn - RV64.LB;
        bool isSigned = kind < 4;
        uint256 size = 1 << (kind & 3);
        uint256 address_ = _address(s);
        if (address_ % size != 0) return _trap(s, proof, PROOF_BYTES);
        _requireLength(proof, 2 * PROOF_BYTES);
        uint64 value = _take(_leaf(s, proof, 1, address_), address_ % 32, size);
        if (isSigned) {
            uint64 unused = uint64(64 - 8 * size);
            value = uint64(int64(value << unused) >> unused);
        }
        _setRegister(s, s.rd, value);
        _next(s);
    }

    function _store(Step memory s, bytes calldata proof) private pure {
        uint256 size = 1 << (s.insn - RV64.SB);
        uint256 address_ = _address(s);
        if (address_ % size != 0 || address_ < RV64.TEXT_HI) return _trap(s, proof, PROOF_BYTES);
        _requireLength(proof, 2 * PROOF_BYTES);
        uint256 leaf = _leaf(s, proof, 1, address_);
        uint256 shift = 256 - 8 * (address_ % 32 + size);
        uint256 mask = ((1 << (8 * size)) - 1) << shift;
        uint256 value = (Keccak.swapLanes(s.b) >> (64 - 8 * size)) << shift;
        _setLeaf(s, proof, 1, address_, (leaf & ~mask) | (value & mask));
        _next(s);
    }

    function _callKeccak(Step memory s, bytes calldata proof) private pure {
        uint64 start = _register(s, A0);
        if (start >> 32 != 0 || start % 256 != 0 || start < RV64.TEXT_HI) {
            return _trap(s, proof, PROOF_BYTES);
        }
        _requireLength(proof, PROOF_BYTES + SUBTREE_PROOF_BYTES);
        bytes32[8] memory leaves = abi.decode(proof[PROOF_BYTES:], (bytes32[8]));
        if (_subtreeRoot(leaves, start, proof) != _root(s)) revert RISCV_BadProof();
        uint64[25] memory lanes = _unpack(leaves);
        Keccak.permute(lanes);
        _pack(leaves, lanes);
        _setRoot(s, _subtreeRoot(leaves, start, proof));
        _setRegister(s, A0, 0);
        _next(s);
    }

    /// @dev Everything that touches registers and pc alone.
    function _compute(Step memory s) private pure {
        uint256 insn = s.insn;
        unchecked {
            // Addresses wrap, as the machine's do.
            uint64 next = s.pc + 4;
            if (insn >= RV64.BEQ && insn <= RV64.BGEU) {
                if (_isTaken(insn, s.a, s.b)) next = s.pc + s.imm;
            } else if (insn == RV64.JAL) {
                _setRegister(s, s.rd, next);
                next = s.pc + s.imm;
            } else if (insn == RV64.JALR) {
                _setRegister(s, s.rd, next);
                next = (s.a + s.imm) & ~uint64(1);
            } else if (insn != RV64.FENCE) {
                _setRegister(s, s.rd, _result(s));
            }
            _setPc(s, next);
        }
    }

    function _trap(Step memory s, bytes calldata proof, uint256 proofLength) private pure {
        _requireLength(proof, proofLength);
        _exit(s, RV64.PANIC);
    }

    function _exit(Step memory s, uint256 code) private pure {
        s.state[EXITED] = 0x01;
        s.state[EXIT_CODE] = bytes1(uint8(code < RV64.PANIC ? code : RV64.PANIC));
    }

    function _next(Step memory s) private pure {
        unchecked {
            // pc is an address of text.
            _setPc(s, s.pc + 4);
        }
    }

    function _setPc(Step memory s, uint64 pc) private pure {
        _setField(s, PC, pc & 0xffffffff);
    }

    function _setRegister(Step memory s, uint256 number, uint64 value) private pure {
        if (number != 0) _setField(s, REGISTERS + 8 * (number - 1), value);
    }

    /// @dev Writes 8 bytes of the witness. The write is a word and may reach beyond the witness's
    /// end, where it writes what was there.
    function _setField(Step memory s, uint256 offset, uint64 value) private pure {
        bytes memory state = s.state;
        assembly ("memory-safe") {
            let place := add(add(state, 32), offset)
            mstore(place, or(shl(192, value), shr(64, shl(64, mload(place)))))
        }
    }

    function _setRoot(Step memory s, bytes32 root) private pure {
        bytes memory state = s.state;
        assembly ("memory-safe") {
            mstore(add(add(state, 32), ROOT), root)
        }
    }

    function _setLeaf(
        Step memory s,
        bytes calldata proof,
        uint256 number,
        uint256 address_,
        uint256 leaf
    ) private pure {
        _setRoot(s, _fold(bytes32(leaf), address_, proof, number * PROOF_BYTES + 32, LEVELS));
    }

    /// @dev What an instruction that is neither jump, branch, load, store nor call puts into its
    /// register.
    function _result(Step memory s) private pure returns (uint64) {
        uint256 insn = s.insn;
        if (insn == RV64.LUI) return s.imm;
        unchecked {
            // Arithmetic modulo 2^64.
            if (insn == RV64.AUIPC) return s.pc + s.imm;
        }
        if (insn >= RV64.MULW) return _wordProduct(insn, s.a, s.b);
        if (insn >= RV64.MUL) return _product(insn, s.a, s.b);
        if (insn >= RV64.ADDIW) return _wordSum(insn, s.a, s.b);
        return _sum(insn, s.a, s.b);
    }

    function _sum(uint256 insn, uint64 a, uint64 b) private pure returns (uint64) {
        unchecked {
            // Arithmetic modulo 2^64.
            if (insn == RV64.ADD || insn == RV64.ADDI) return a + b;
            if (insn == RV64.SUB) return a - b;
        }
        if (insn == RV64.AND || insn == RV64.ANDI) return a & b;
        if (insn == RV64.OR || insn == RV64.ORI) return a | b;
        if (insn == RV64.XOR || insn == RV64.XORI) return a ^ b;
        if (insn == RV64.SLL || insn == RV64.SLLI) return a << (b & 63);
        if (insn == RV64.SRL || insn == RV64.SRLI) return a >> (b & 63);
        if (insn == RV64.SRA || insn == RV64.SRAI) return uint64(int64(a) >> (b & 63));
        if (insn == RV64.SLTU || insn == RV64.SLTIU) return a < b ? 1 : 0;
        return int64(a) < int64(b) ? 1 : 0; // SLT, SLTI
    }

    /// @dev The same on the lower halves, the result sign-extended.
    function _wordSum(uint256 insn, uint64 a64, uint64 b64) private pure returns (uint64) {
        uint32 a = uint32(a64);
        uint32 b = uint32(b64);
        unchecked {
            // Arithmetic modulo 2^32.
            if (insn == RV64.ADDW || insn == RV64.ADDIW) return _extend(a + b);
            if (insn == RV64.SUBW) return _extend(a - b);
        }
        if (insn == RV64.SLLW || insn == RV64.SLLIW) return _extend(a << (b & 31));
        if (insn == RV64.SRLW || insn == RV64.SRLIW) return _extend(a >> (b & 31));
        return uint64(int64(int32(a) >> (b & 31))); // SRAW, SRAIW
    }

    /// @dev Division by zero gives all ones and the dividend (RISC-V, M extension). The quotient of
    /// the least number by -1 does not overflow 256 bits; cut to 64 it is what the machine gives.
    function _product(uint256 insn, uint64 a, uint64 b) private pure returns (uint64) {
        int256 signedA = int64(a);
        int256 signedB = int64(b);
        unchecked {
            // Products are below 2^128, and what is cut off them is cut off on purpose.
            if (insn == RV64.MUL) return a * b;
            if (insn == RV64.MULH) return uint64(uint256((signedA * signedB) >> 64));
            if (insn == RV64.MULHSU) return uint64(uint256((signedA * int256(uint256(b))) >> 64));
            if (insn == RV64.MULHU) return uint64((uint256(a) * uint256(b)) >> 64);
        }
        if (insn == RV64.DIV) return b == 0 ? ALL_ONES : uint64(uint256(signedA / signedB));
        if (insn == RV64.DIVU) return b == 0 ? ALL_ONES : a / b;
        if (insn == RV64.REM) return b == 0 ? a : uint64(uint256(signedA % signedB));
        return b == 0 ? a : a % b; // REMU
    }

    /// @dev The same on the lower halves, the result sign-extended.
    function _wordProduct(uint256 insn, uint64 a64, uint64 b64) private pure returns (uint64) {
        uint32 a = uint32(a64);
        uint32 b = uint32(b64);
        int256 signedA = int32(a);
        int256 signedB = int32(b);
        unchecked {
            // Arithmetic modulo 2^32.
            if (insn == RV64.MULW) return _extend(a * b);
        }
        if (insn == RV64.DIVW) {
            return b == 0 ? ALL_ONES : _extend(uint32(uint256(signedA / signedB)));
        }
        if (insn == RV64.DIVUW) return b == 0 ? ALL_ONES : _extend(a / b);
        if (insn == RV64.REMW) {
            return _extend(b == 0 ? a : uint32(uint256(signedA % signedB)));
        }
        return _extend(b == 0 ? a : a % b); // REMUW
    }

    function _isTaken(uint256 insn, uint64 a, uint64 b) private pure returns (bool) {
        if (insn == RV64.BEQ) return a == b;
        if (insn == RV64.BNE) return a != b;
        if (insn == RV64.BLT) return int64(a) < int64(b);
        if (insn == RV64.BGE) return int64(a) >= int64(b);
        if (insn == RV64.BLTU) return a < b;
        return a >= b; // BGEU
    }

    /// @dev The immediates of the RISC-V specification, section 2.3; each ends in the sign bit 31.
    function _immediate(uint256 form, uint32 word) private pure returns (int32) {
        int32 w = int32(word);
        if (form == RV64.FORM_I) return w >> 20;
        if (form == RV64.FORM_SHIFT) return int32(_bits(word, 25, 20));
        if (form == RV64.FORM_S) return ((w >> 25) << 5) | int32(_bits(word, 11, 7));
        if (form == RV64.FORM_B) {
            return ((w >> 31) << 12) | int32(_bits(word, 7, 7) << 11)
                | int32(_bits(word, 30, 25) << 5) | int32(_bits(word, 11, 8) << 1);
        }
        if (form == RV64.FORM_U) return int32(word & 0xfffff000);
        if (form == RV64.FORM_J) {
            return ((w >> 31) << 20) | int32(_bits(word, 19, 12) << 12)
                | int32(_bits(word, 20, 20) << 11) | int32(_bits(word, 30, 21) << 1);
        }
        return 0;
    }

    function _bits(uint32 word, uint256 high, uint256 low) private pure returns (uint32) {
        return uint32((word >> low) & ((1 << (high - low + 1)) - 1));
    }

    function _extend(uint32 value) private pure returns (uint64) {
        return uint64(int64(int32(value)));
    }

    /// @dev The effective address of a load or store: addresses wrap at 2^32.
    function _address(Step memory s) private pure returns (uint256) {
        unchecked {
            return (s.a + s.imm) & 0xffffffff;
        }
    }

    function _isFetchable(uint64 pc) private pure returns (bool) {
        return pc % 4 == 0 && pc >= RV64.TEXT_LO && pc < RV64.TEXT_HI;
    }

    /// @dev The kinds of keys that the oracle can hold.
    function _isKeyKnown(bytes32 key) private pure returns (bool) {
        uint256 keyType = PreimageKey.typeOf(key);
        return keyType == PreimageKey.LOCAL || keyType == PreimageKey.KECCAK256
            || (keyType >= PreimageKey.SHA256 && keyType <= PreimageKey.PRECOMPILE);
    }

    function _requireLength(bytes calldata proof, uint256 length) private pure {
        if (proof.length != length) revert RISCV_BadProofLength();
    }

    function _field(Step memory s, uint256 offset) private pure returns (uint64 value) {
        bytes memory state = s.state;
        assembly ("memory-safe") {
            value := shr(192, mload(add(add(state, 32), offset)))
        }
    }

    function _register(Step memory s, uint256 number) private pure returns (uint64) {
        return number == 0 ? 0 : _field(s, REGISTERS + 8 * (number - 1));
    }

    function _root(Step memory s) private pure returns (bytes32 root) {
        bytes memory state = s.state;
        assembly ("memory-safe") {
            root := mload(add(add(state, 32), ROOT))
        }
    }

    /// @dev The leaf that the proof of this number gives for an address, once it leads to the root.
    function _leaf(Step memory s, bytes calldata proof, uint256 number, uint256 address_)
        private
        pure
        returns (uint256 leaf)
    {
        uint256 start = number * PROOF_BYTES;
        assembly ("memory-safe") {
            leaf := calldataload(add(proof.offset, start))
        }
        bytes32 root = _fold(bytes32(leaf), address_, proof, start + 32, LEVELS);
        if (root != _root(s)) revert RISCV_BadProof();
    }

    /// @dev The little-endian number of size bytes at an offset of a leaf.
    function _take(uint256 leaf, uint256 offset, uint256 size) private pure returns (uint64) {
        uint256 bigEndian = (leaf << (8 * offset)) >> (256 - 8 * size);
        return uint64(Keccak.swapLanes(bigEndian) >> (64 - 8 * size));
    }

    /// @dev Hashes a node with its siblings, which lie in the proof from start on; the caller has
    /// checked that they do.
    /// @param path Bit 5 says whether the node is a right child, bit 6 whether its parent is, and so
    /// on: for a leaf, its address.
    function _fold(bytes32 node, uint256 path, bytes calldata proof, uint256 start, uint256 levels)
        private
        pure
        returns (bytes32)
    {
        // In the scratch space of memory, about 130 gas a level.
        assembly ("memory-safe") {
            let sibling := add(proof.offset, start)
            let end := add(sibling, shl(5, levels))
            for {} lt(sibling, end) { sibling := add(sibling, 32) } {
                let side := and(path, 32)
                mstore(side, node)
                mstore(xor(side, 32), calldataload(sibling))
                node := keccak256(0, 64)
                path := shr(1, path)
            }
        }
        return node;
    }

    /// @dev The root of memory with these leaves from address on.
    function _subtreeRoot(bytes32[8] memory leaves, uint256 address_, bytes calldata proof)
        private
        pure
        returns (bytes32)
    {
        bytes32 node;
        assembly ("memory-safe") {
            // Each level into the free memory behind the one before.
            let from := leaves
            let to := mload(0x40)
            for { let size := 256 } gt(size, 32) {} {
                let end := add(from, size)
                let start := to
                for {} lt(from, end) {} {
                    mstore(to, keccak256(from, 64))
                    from := add(from, 64)
                    to := add(to, 32)
                }
                from := start
                size := shr(1, size)
            }
            node := mload(from)
        }
        return _fold(
            node,
            address_ >> SUBTREE_LEVELS,
            proof,
            PROOF_BYTES + 32 * SUBTREE_LEAVES,
            LEVELS - SUBTREE_LEVELS
        );
    }

    /// @dev Lanes lie in memory as little-endian numbers. In assembly, as the bounds of arrays would
    /// cost more than the work.
    function _unpack(bytes32[8] memory leaves) private pure returns (uint64[25] memory lanes) {
        uint256 word;
        for (uint256 i = 0; i < 7; i++) {
            assembly ("memory-safe") {
                word := mload(add(leaves, mul(i, 32)))
            }
            word = Keccak.swapLanes(word);
            assembly ("memory-safe") {
                let lane := add(lanes, mul(i, 128))
                mstore(lane, shr(192, word))
                // The last leaf has one lane; the rest of it stays.
                if lt(i, 6) {
                    mstore(add(lane, 32), shr(192, shl(64, word)))
                    mstore(add(lane, 64), shr(192, shl(128, word)))
                    mstore(add(lane, 96), shr(192, shl(192, word)))
                }
            }
        }
    }

    function _pack(bytes32[8] memory leaves, uint64[25] memory lanes) private pure {
        uint256 word;
        for (uint256 i = 0; i < 7; i++) {
            assembly ("memory-safe") {
                let lane := add(lanes, mul(i, 128))
                word := shl(192, mload(lane))
                if lt(i, 6) {
                    let low := or(shl(64, mload(add(lane, 64))), mload(add(lane, 96)))
                    word := or(word, or(shl(128, mload(add(lane, 32))), low))
                }
            }
            word = Keccak.swapLanes(word);
            assembly ("memory-safe") {
                let leaf := add(leaves, mul(i, 32))
                if eq(i, 6) { word := or(word, shr(64, shl(64, mload(leaf)))) }
                mstore(leaf, word)
            }
        }
    }

    /// @dev keccak256 of the witness with the VM's status in its first byte.
    function _hash(bytes memory state) private pure returns (bytes32) {
        uint256 code = uint8(state[EXIT_CODE]);
        uint256 status =
            state[EXITED] == 0 ? RV64.UNFINISHED : code < RV64.PANIC ? code : RV64.PANIC;
        return bytes32((uint256(keccak256(state)) & (type(uint256).max >> 8)) | (status << 248));
    }
}
