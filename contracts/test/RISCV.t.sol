// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {PreimageKey} from "../src/libraries/PreimageKey.sol";
import {PreimageOracle} from "../src/vm/PreimageOracle.sol";
import {RISCV} from "../src/vm/RISCV.sol";
import {Machine} from "./vm/Machine.sol";

/// @title RISCVTest
/// @notice Steps whose results are written down by hand, after the RISC-V unprivileged
/// specification; the same contract runs against the other machines on random programs in
/// tests/conformance/test_vm_contract.c and RISCVCases.t.sol.
contract RISCVTest is Machine {
    uint64 private constant MAX = type(uint64).max;
    uint64 private constant MIN64 = 1 << 63;
    uint32 private constant ECALL = 0x73;
    uint32 private constant OP = 0x33;
    uint32 private constant OP_32 = 0x3b;
    uint32 private constant OP_IMM = 0x13;
    uint32 private constant OP_IMM_32 = 0x1b;
    uint32 private constant LOAD = 0x03;

    // --- registers ---

    function test_sums_areOfTheSpecification() public {
        _binary(_r(0, 0, OP, 7, 5, 6), MAX, 2, 1); // add
        _binary(_r(0x20, 0, OP, 7, 5, 6), 1, 2, MAX); // sub
        _binary(_r(0, 1, OP, 7, 5, 6), 3, 63 + 64, MIN64); // sll: six bits of the amount
        _binary(_r(0, 2, OP, 7, 5, 6), MAX, 0, 1); // slt
        _binary(_r(0, 3, OP, 7, 5, 6), MAX, 0, 0); // sltu
        _binary(_r(0, 4, OP, 7, 5, 6), 0xff00, 0x0ff0, 0xf0f0); // xor
        _binary(_r(0, 5, OP, 7, 5, 6), MIN64, 63, 1); // srl
        _binary(_r(0x20, 5, OP, 7, 5, 6), MIN64, 63, MAX); // sra
        _binary(_r(0, 6, OP, 7, 5, 6), 0xff00, 0x0ff0, 0xfff0); // or
        _binary(_r(0, 7, OP, 7, 5, 6), 0xff00, 0x0ff0, 0x0f00); // and
    }

    function test_wordSums_areSignExtended() public {
        _binary(_r(0, 0, OP_32, 7, 5, 6), 0x7fffffff, 1, 0xffffffff80000000); // addw
        _binary(_r(0, 0, OP_32, 7, 5, 6), 0x1ffffffff, 1, 0);
        _binary(_r(0x20, 0, OP_32, 7, 5, 6), 0, 1, MAX); // subw
        _binary(_r(0, 1, OP_32, 7, 5, 6), 1, 31 + 32, 0xffffffff80000000); // sllw: five bits
        _binary(_r(0, 5, OP_32, 7, 5, 6), 0xff80000000, 31, 1); // srlw
        _binary(_r(0x20, 5, OP_32, 7, 5, 6), 0xff80000000, 31, MAX); // sraw
    }

    function test_immediates_areSignExtended() public {
        _unary(_i(-1, 0, OP_IMM, 7, 5), 0, MAX); // addi
        _unary(_i(2047, 0, OP_IMM, 7, 5), 1, 2048);
        _unary(_i(-2048, 2, OP_IMM, 7, 5), MIN64, 1); // slti
        _unary(_i(-1, 3, OP_IMM, 7, 5), 5, 1); // sltiu: against the greatest number
        _unary(_i(-1, 4, OP_IMM, 7, 5), 0, MAX); // xori
        _unary(_i(-2048, 6, OP_IMM, 7, 5), 1, MAX - 2046); // ori
        _unary(_i(-2048, 7, OP_IMM, 7, 5), MAX, MAX - 2047); // andi
        _unary(_i(63, 1, OP_IMM, 7, 5), 1, MIN64); // slli
        _unary(_i(63, 5, OP_IMM, 7, 5), MIN64, 1); // srli
        _unary(_i(0x400 + 63, 5, OP_IMM, 7, 5), MIN64, MAX); // srai
        _unary(_i(1, 0, OP_IMM_32, 7, 5), 0x7fffffff, 0xffffffff80000000); // addiw
        _unary(_i(31, 1, OP_IMM_32, 7, 5), 1, 0xffffffff80000000); // slliw
        _unary(_i(31, 5, OP_IMM_32, 7, 5), 0x80000000, 1); // srliw
        _unary(_i(0x400 + 31, 5, OP_IMM_32, 7, 5), 0x80000000, MAX); // sraiw
        _unary(0x800003b7, 0, 0xffffffff80000000); // lui x7, 0x80000
        _unary(0x7ffff3b7, 0, 0x7ffff000);
        _unary(0xfffff397, 0, uint64(CODE) - 4096); // auipc x7, -1
        _unary(0x0ff0000f, 9, 0); // fence
    }

    function test_products_areOfTheSpecification() public {
        _binary(_r(1, 0, OP, 7, 5, 6), MAX, MAX, 1); // mul
        _binary(_r(1, 1, OP, 7, 5, 6), MIN64, MIN64, 1 << 62); // mulh
        _binary(_r(1, 1, OP, 7, 5, 6), MAX, 1, MAX);
        _binary(_r(1, 2, OP, 7, 5, 6), MAX, MAX, MAX); // mulhsu: -1 times 2^64-1
        _binary(_r(1, 2, OP, 7, 5, 6), 1, MAX, 0);
        _binary(_r(1, 3, OP, 7, 5, 6), MAX, MAX, MAX - 1); // mulhu
        _binary(_r(1, 0, OP_32, 7, 5, 6), 0x10000, 0x8000, 0xffffffff80000000); // mulw
    }

    function test_quotients_areOfTheSpecification() public {
        _binary(_r(1, 4, OP, 7, 5, 6), MAX - 6, 2, MAX - 2); // div: -7 / 2 = -3
        _binary(_r(1, 4, OP, 7, 5, 6), 7, 0, MAX);
        _binary(_r(1, 4, OP, 7, 5, 6), MIN64, MAX, MIN64);
        _binary(_r(1, 5, OP, 7, 5, 6), MAX, 2, MAX >> 1); // divu
        _binary(_r(1, 5, OP, 7, 5, 6), 7, 0, MAX);
        _binary(_r(1, 6, OP, 7, 5, 6), MAX - 6, 2, MAX); // rem: -7 % 2 = -1
        _binary(_r(1, 6, OP, 7, 5, 6), 7, 0, 7);
        _binary(_r(1, 6, OP, 7, 5, 6), MIN64, MAX, 0);
        _binary(_r(1, 7, OP, 7, 5, 6), MAX, 10, 5); // remu
        _binary(_r(1, 7, OP, 7, 5, 6), 7, 0, 7);
    }

    function test_wordQuotients_areOfTheSpecification() public {
        uint64 min32 = 0xffffffff80000000;
        _binary(_r(1, 4, OP_32, 7, 5, 6), 0xfffffff9, 2, MAX - 2); // divw
        _binary(_r(1, 4, OP_32, 7, 5, 6), 7, 1 << 32, MAX); // by zero: the lower half counts
        _binary(_r(1, 4, OP_32, 7, 5, 6), min32, MAX, min32);
        _binary(_r(1, 5, OP_32, 7, 5, 6), MAX, 1, MAX); // divuw
        _binary(_r(1, 5, OP_32, 7, 5, 6), 7, 0, MAX);
        _binary(_r(1, 6, OP_32, 7, 5, 6), 0xfffffff9, 2, MAX); // remw
        _binary(_r(1, 6, OP_32, 7, 5, 6), 0x80000007, 0, 0xffffffff80000007);
        _binary(_r(1, 6, OP_32, 7, 5, 6), min32, MAX, 0);
        _binary(_r(1, 7, OP_32, 7, 5, 6), 0xffffffff, 10, 5); // remuw
        _binary(_r(1, 7, OP_32, 7, 5, 6), 0x80000007, 0, 0xffffffff80000007);
    }

    function test_jumps_areOfTheSpecification() public {
        uint64 pc = uint64(CODE);
        _jump(_jal(-4, 7), 0, 0, pc - 4, pc + 4);
        _jump(_jal(0xffffe, 7), 0, 0, pc + 0xffffe, pc + 4);
        _jump(_i(-1, 0, 0x67, 7, 5), 0x20002, 0, 0x20000, pc + 4); // jalr drops the lowest bit
        _jump(_i(8, 0, 0x67, 7, 5), MAX - 7, 0, 0, pc + 4); // modulo 2^32
        _jump(_b(-4096, 0, 5, 6), 1, 1, pc - 4096, 0); // beq
        _jump(_b(4094, 0, 5, 6), 1, 2, pc + 4, 0);
        _jump(_b(8, 1, 5, 6), 1, 2, pc + 8, 0); // bne
        _jump(_b(8, 4, 5, 6), MAX, 1, pc + 8, 0); // blt
        _jump(_b(8, 5, 5, 6), MAX, 1, pc + 4, 0); // bge
        _jump(_b(8, 6, 5, 6), MAX, 1, pc + 4, 0); // bltu
        _jump(_b(8, 7, 5, 6), MAX, 1, pc + 8, 0); // bgeu
    }

    function test_registerZero_staysZero() public {
        _unary(_i(5, 0, OP_IMM, 0, 5), 1, 0);
        _binary(_r(0, 0, OP, 0, 5, 6), 1, 2, 0);
    }

    // --- memory ---

    function test_loads_readLittleEndian() public {
        _poke(DATA + 8, hex"8182838485868788");
        _load(0, -1, 0xffffffffffffff81); // lb
        _load(1, -1, 0xffffffffffff8281); // lh
        _load(2, -1, 0xffffffff84838281); // lw
        _load(3, -1, 0x8887868584838281); // ld
        _load(4, -1, 0x81); // lbu
        _load(5, -1, 0x8281); // lhu
        _load(6, -1, 0x84838281); // lwu
    }

    function test_stores_writeLittleEndian() public {
        bytes32 old = hex"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        _store(
            0, DATA + 31, old, hex"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e88"
        );
        _store(
            1, DATA + 2, old, hex"000188870405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
        );
        _store(
            2, DATA + 28, old, hex"000102030405060708090a0b0c0d0e0f101112131415161718191a1b88878685"
        );
        _store(
            3, DATA + 8, old, hex"00010203040506078887868584838281101112131415161718191a1b1c1d1e1f"
        );
        _store(
            3,
            (1 << 32) + DATA,
            old,
            hex"888786858483828108090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
        );
    }

    // --- traps ---

    function test_traps_panicWithoutOtherEffect() public {
        uint32[12] memory words = [
            uint32(0),
            0xffffffff,
            0x00100073, // ebreak
            0x0000100f, // fence.i
            0xc0001073, // csrrw
            0x00007003, // a load of no size
            0x00004023, // a store of no size
            0x00001067, // a jalr of no kind
            0x0200101b, // slliw by 32
            0x04001013, // slli with a reserved bit
            0x00002063, // a branch of no kind
            0x60001013 // clz of Zbb
        ];
        for (uint256 i = 0; i < words.length; i++) {
            _code(CODE, words[i]);
            _trap(_state(), _prove(CODE));
        }
        for (uint32 size = 1; size < 4; size++) {
            State memory s = _state();
            s.x[5] = uint64(DATA) + (uint64(1) << (size - 1));
            _code(CODE, _i(0, size, LOAD, 7, 5));
            _trap(s, _prove(CODE));
            _code(CODE, _s(0, size, 5, 6));
            _trap(s, _prove(CODE));
            s.x[5] = uint64(DATA) - 8;
            _trap(s, _prove(CODE));
        }
    }

    function test_fetchOutsideText_panicsWithoutProof() public {
        uint64[6] memory places = [
            uint64(0),
            uint64(CODE) - 4,
            uint64(CODE) + 2,
            uint64(DATA),
            uint64(CODE) + (1 << 32),
            MAX - 3
        ];
        for (uint256 i = 0; i < places.length; i++) {
            State memory s = _state();
            s.pc = places[i];
            _trap(s, "");
        }
    }

    function test_exitedState_staysAsItIs() public {
        for (uint8 code = 0; code < 5; code++) {
            State memory s = _state();
            s.exited = 1;
            s.exitCode = code;
            _check(s, "", s);
            _refuse(_witness(s), new bytes(32), RISCV.RISCV_BadProofLength.selector);
        }
    }

    // --- system calls ---

    function test_exit_setsItsCode() public {
        _code(CODE, ECALL);
        uint64[5] memory codes = [uint64(0), 1, 2, 3, MAX];
        for (uint256 i = 0; i < codes.length; i++) {
            State memory s = _state();
            s.x[17] = 93;
            s.x[10] = codes[i];
            State memory after_ = _copy(s);
            after_.step++;
            after_.exited = 1;
            after_.exitCode = codes[i] < 2 ? uint8(codes[i]) : 2;
            _check(s, _prove(CODE), after_);
        }
    }

    function test_writeAndHint_onlySetTheirResult() public {
        _code(CODE, ECALL);
        State memory s = _state();
        s.x[10] = 9;
        s.x[12] = 77;
        s.x[17] = 64;
        State memory after_ = _next(s);
        after_.x[10] = 77;
        _check(s, _prove(CODE), after_);
        s.x[17] = 2000;
        after_.x[17] = 2000;
        after_.x[10] = 0;
        _check(s, _prove(CODE), after_);
    }

    function test_unknownCalls_panic() public {
        _code(CODE, ECALL);
        uint64[5] memory numbers = [uint64(0), 94, 2003, 93 + (1 << 32), MAX];
        for (uint256 i = 0; i < numbers.length; i++) {
            State memory s = _state();
            s.x[17] = numbers[i];
            _trap(s, _prove(CODE));
        }
    }

    function test_preimage_movesAPart() public {
        bytes memory preimage = "the quick brown fox jumps over the lazy dog";
        bytes32 key = PreimageKey.make(2, keccak256(preimage));
        _preimage(key, 0, hex"000000000000002b74686520717569636b2062726f776e20666f78206a756d70", 32);
        oracle.loadKeccak256PreimagePart(0, preimage);
        _preimage(key, 0, hex"000000000000002b74686520717569636b2062726f776e20666f78206a756d70", 32);
        oracle.loadKeccak256PreimagePart(40, preimage);
        bytes memory end = bytes.concat("he lazy dog", new bytes(21));
        _preimage(key, 40, bytes32(end), 11);
        oracle.loadKeccak256PreimagePart(72, preimage);
        _preimage(key, 72, 0, 0);
    }

    function test_localPreimage_isOfTheCallingGameAndContext() public {
        bytes32 key = bytes32(uint256(1 << 248 | 3));
        _code(CODE, ECALL);
        _poke(DATA, bytes.concat(key));
        State memory s = _call(DATA, 0, DATA + 32);
        bytes memory witness = _witness(s);
        bytes memory proof = bytes.concat(_prove(CODE), _prove(DATA), _prove(DATA + 32));
        vm.prank(address(0xbad));
        oracle.loadLocalData(3, CONTEXT, keccak256("root"), 32, 0);
        oracle.loadLocalData(3, keccak256("another"), keccak256("root"), 32, 0);
        oracle.loadLocalData(4, CONTEXT, keccak256("root"), 32, 0);
        _refuse(witness, proof, PreimageOracle.PreimageOracle_PartNotLoaded.selector);
        oracle.loadLocalData(3, CONTEXT, keccak256("root"), 32, 0);
        State memory after_ = _next(s);
        after_.x[10] = 32;
        _poke(DATA + 32, bytes.concat(hex"0000000000000020", bytes24(keccak256("root"))));
        vm.assertEq(riscv.step(witness, proof, CONTEXT), _hash(_witness(after_)));
    }

    function test_preimageIntoItsOwnKey_readsTheKeyFirst() public {
        bytes memory preimage = "x";
        bytes32 key = PreimageKey.make(2, keccak256(preimage));
        oracle.loadKeccak256PreimagePart(8, preimage);
        _code(CODE, ECALL);
        _poke(DATA, bytes.concat(key));
        State memory s = _call(DATA, 8, DATA);
        bytes memory witness = _witness(s);
        bytes memory proof = bytes.concat(_prove(CODE), _prove(DATA), _prove(DATA));
        State memory after_ = _next(s);
        after_.x[10] = 1;
        _poke(DATA, bytes.concat(bytes32("x")));
        vm.assertEq(riscv.step(witness, proof, CONTEXT), _hash(_witness(after_)));
    }

    function test_preimageArguments_panicUnlessOfTheirForm() public {
        _code(CODE, ECALL);
        uint64 data = uint64(DATA);
        uint64[3][10] memory arguments = [
            [data + 1, 0, data],
            [data + 16, 0, data],
            [data + (1 << 32), 0, data],
            [data, 1, data],
            [data, 32, data],
            [data, 1 << 32, data],
            [data, 8 + (1 << 32), data],
            [data, 0, data + 8],
            [data, 0, data - 32],
            [data, 0, data + (1 << 32)]
        ];
        for (uint256 i = 0; i < arguments.length; i++) {
            uint64[3] memory a = arguments[i];
            _trap(_call(a[0], a[1], a[2]), _prove(CODE));
        }
    }

    function test_unknownKey_panics() public {
        _code(CODE, ECALL);
        uint8[6] memory types = [0, 3, 7, 8, 128, 255];
        for (uint256 i = 0; i < types.length; i++) {
            _poke(DATA, abi.encodePacked(types[i], uint248(7)));
            State memory s = _call(DATA, 0, DATA + 32);
            _trap(s, bytes.concat(_prove(CODE), _prove(DATA)));
            _refuse(_witness(s), _prove(CODE), RISCV.RISCV_BadProofLength.selector);
        }
    }

    /// @dev Keccak-f of zeros, the first of the test vectors of KeccakF-1600-IntermediateValues (Keccak
    /// team), and twice.
    function test_keccak_permutesInPlace() public {
        bytes memory once = hex"e7dde140798f25f18a47c033f9ccd584eea95aa61e2698d54d49806f304715bd"
            hex"57d05362054e288bd46f8e7f2da497ffc44746a4a0e5fe90762e19d60cda5b8c"
            hex"9c05191bf7a630ad64fc8fd0b75a933035d617233fa95aeb0321710d26e6a6a9"
            hex"5f55cfdb167ca58126c84703cd31b8439f56a5111a2ff20161aed9215a63e505"
            hex"f270c98cf2febe641166c47b95703661cb0ed04f555a7cb8c832cf1c8ae83e8c"
            hex"14263aae22790c94e409c5a224f94118c26504e72635f5163ba1307fe944f675"
            hex"49a2ec5c7bfff1ea";
        _code(CODE, ECALL);
        uint256 place = DATA + 256;
        _poke(place + 224, bytes.concat(bytes32(type(uint256).max)));
        _poke(place + 200, hex"1122334455667788");
        State memory s = _state();
        s.x[10] = uint64(place);
        s.x[17] = 2002;
        bytes memory witness = _witness(s);
        bytes memory proof = bytes.concat(_prove(CODE), _proveEight(place));
        for (uint256 i = 0; i < 200; i += 8) {
            bytes memory lane = new bytes(8);
            for (uint256 j = 0; j < 8; j++) {
                lane[j] = once[i + j];
            }
            _poke(place + i, lane);
        }
        State memory after_ = _next(s);
        after_.x[10] = 0;
        bytes32 got = riscv.step(witness, proof, CONTEXT);
        vm.assertEq(got, _hash(_witness(after_)));
    }

    function test_keccakArguments_panicUnlessOfTheirForm() public {
        _code(CODE, ECALL);
        uint64[5] memory places =
            [uint64(DATA) + 32, uint64(DATA) - 256, uint64(DATA) + (1 << 32), 0, MAX - 255];
        for (uint256 i = 0; i < places.length; i++) {
            State memory s = _state();
            s.x[10] = places[i];
            s.x[17] = 2002;
            _trap(s, _prove(CODE));
        }
    }

    // --- what is refused ---

    function test_otherForms_areRefused() public {
        _code(CODE, _i(1, 0, OP_IMM, 7, 5));
        State memory s = _state();
        bytes memory witness = _witness(s);
        bytes memory proof = _prove(CODE);
        bytes4 badState = RISCV.RISCV_BadState.selector;
        _refuse("", proof, badState);
        _refuse(bytes.concat(witness, hex"00"), proof, badState);
        _refuse(_head(witness, 297), proof, badState);
        s.exited = 2;
        _refuse(_witness(s), proof, badState);
        bytes4 badLength = RISCV.RISCV_BadProofLength.selector;
        _refuse(witness, "", badLength);
        _refuse(witness, _head(proof, 895), badLength);
        _refuse(witness, bytes.concat(proof, hex"00"), badLength);
        _refuse(witness, bytes.concat(proof, proof), badLength);
    }

    function testFuzz_flippedBitOfTheProof_isRefused(uint256 bit, uint8 kind) public {
        (bytes memory witness, bytes memory proof) = _any(kind);
        bit %= 8 * proof.length;
        proof[bit / 8] ^= bytes1(uint8(1 << bit % 8));
        _refuse(witness, proof, RISCV.RISCV_BadProof.selector);
    }

    function testFuzz_flippedBitOfTheRoot_isRefused(uint8 bit, uint8 kind) public {
        (bytes memory witness, bytes memory proof) = _any(kind);
        witness[bit / 8] ^= bytes1(uint8(1 << bit % 8));
        _refuse(witness, proof, RISCV.RISCV_BadProof.selector);
    }

    function testFuzz_flippedBitOfThePreimage_isRefused(uint256 bit) public {
        bytes memory preimage = "the quick brown fox jumps over the lazy dog";
        _code(CODE, ECALL);
        _poke(DATA, bytes.concat(PreimageKey.make(2, keccak256(preimage))));
        State memory s = _call(DATA, 0, DATA + 32);
        bytes memory proof = bytes.concat(_prove(CODE), _prove(DATA), _prove(DATA + 32));
        bit %= 8 * preimage.length;
        preimage[bit / 8] ^= bytes1(uint8(1 << bit % 8));
        oracle.loadKeccak256PreimagePart(0, preimage);
        _refuse(_witness(s), proof, PreimageOracle.PreimageOracle_PartNotLoaded.selector);
    }

    // --- costs ---

    /// @dev Execution alone: calldata is the business of the game that calls.
    function test_steps_cost() public {
        _measure("remw", _r(1, 6, OP_32, 7, 5, 6), 0, 0);
        _measure("add", _r(0, 0, OP, 7, 5, 6), 0, 0);
        _measure("branch", _b(8, 0, 5, 5), 0, 0);
        _measure("trap", 0, 0, 0);
        _measure("exit", ECALL, 93, 0);
        _measure("load", _i(8, 3, LOAD, 7, 10), 0, 1);
        _measure("store", _s(8, 3, 10, 11), 0, 1);
        _measure("keccak", ECALL, 2002, 8);
        oracle.loadLocalData(3, CONTEXT, keccak256("root"), 32, 0);
        _poke(DATA, bytes.concat(bytes32(uint256(1 << 248 | 3))));
        _measure("preimage", ECALL, 2001, 2);
        State memory s = _state();
        s.exited = 1;
        riscv.step(_witness(s), "", CONTEXT);
        vm.snapshotGasLastCall("vm", "exited");
    }

    // --- helpers ---

    /// @dev A load, a store, a preimage, an addition or a permutation, and its proof.
    function _any(uint8 kind) private returns (bytes memory witness, bytes memory proof) {
        _poke(DATA, bytes.concat(PreimageKey.make(2, keccak256("any"))));
        oracle.loadKeccak256PreimagePart(0, "any");
        State memory s = _call(DATA, 0, DATA + 32);
        proof = _prove(DATA);
        kind %= 5;
        uint32[5] memory words =
            [_i(8, 3, LOAD, 7, 10), _s(8, 3, 10, 11), ECALL, _r(0, 0, OP, 7, 5, 6), ECALL];
        _code(CODE, words[kind]);
        proof = kind == 3 ? bytes("") : _prove(DATA);
        if (kind == 2) proof = bytes.concat(proof, _prove(DATA + 32));
        if (kind == 4) {
            s.x[17] = 2002;
            proof = _proveEight(DATA);
        }
        return (_witness(s), bytes.concat(_prove(CODE), proof));
    }

    /// @dev One step that touches so many leaves beside the instruction's.
    function _measure(string memory name, uint32 word, uint64 call, uint256 leaves) private {
        _code(CODE, word);
        State memory s = _call(DATA, 0, DATA + 32);
        s.x[17] = call;
        bytes memory proof = _prove(CODE);
        if (leaves == 8) proof = bytes.concat(proof, _proveEight(DATA));
        if (leaves == 1 || leaves == 2) proof = bytes.concat(proof, _prove(DATA));
        if (leaves == 2) proof = bytes.concat(proof, _prove(DATA + 32));
        riscv.step(_witness(s), proof, CONTEXT);
        vm.snapshotGasLastCall("vm", name);
    }

    function _state() private pure returns (State memory s) {
        s.pc = uint64(CODE);
        s.step = 41;
        for (uint64 i = 1; i < 32; i++) {
            s.x[i] = i << 32;
        }
    }

    function _next(State memory s) private pure returns (State memory after_) {
        after_ = _copy(s);
        after_.step++;
        after_.pc += 4;
    }

    function _call(uint256 key, uint64 offset, uint256 to) private pure returns (State memory s) {
        s = _state();
        s.x[10] = uint64(key);
        s.x[11] = offset;
        s.x[12] = uint64(to);
        s.x[17] = 2001;
    }

    function _check(State memory s, bytes memory proof, State memory after_) private view {
        vm.assertEq(riscv.step(_witness(s), proof, CONTEXT), _hash(_witness(after_)));
    }

    function _refuse(bytes memory witness, bytes memory proof, bytes4 why) private {
        vm.expectRevert(why);
        riscv.step(witness, proof, CONTEXT);
    }

    function _trap(State memory s, bytes memory proof) private {
        State memory after_ = _copy(s);
        after_.step++;
        after_.exited = 1;
        after_.exitCode = 2;
        _check(s, proof, after_);
        _refuse(_witness(s), bytes.concat(proof, hex"00"), RISCV.RISCV_BadProofLength.selector);
    }

    function _binary(uint32 word, uint64 a, uint64 b, uint64 want) private {
        _code(CODE, word);
        State memory s = _state();
        s.x[5] = a;
        s.x[6] = b;
        State memory after_ = _next(s);
        uint256 rd = word >> 7 & 31;
        if (rd != 0 && word & 0x7f != 0x0f) after_.x[rd] = want;
        bytes memory proof = _prove(CODE);
        _check(s, proof, after_);
        _refuse(_witness(s), bytes.concat(proof, proof), RISCV.RISCV_BadProofLength.selector);
    }

    function _unary(uint32 word, uint64 a, uint64 want) private {
        _binary(word, a, 6, want);
    }

    function _jump(uint32 word, uint64 a, uint64 b, uint64 to, uint64 link) private {
        _code(CODE, word);
        State memory s = _state();
        s.x[5] = a;
        s.x[6] = b;
        State memory after_ = _next(s);
        after_.pc = to;
        if (link != 0) after_.x[7] = link;
        _check(s, _prove(CODE), after_);
    }

    /// @dev From DATA + 8, by an address above 2^32.
    function _load(uint32 funct3, int32 imm, uint64 want) private {
        _code(CODE, _i(imm, funct3, LOAD, 7, 5));
        State memory s = _state();
        s.x[5] = (7 << 32) + uint64(DATA) + 9;
        State memory after_ = _next(s);
        after_.x[7] = want;
        _check(s, bytes.concat(_prove(CODE), _prove(DATA + 8)), after_);
    }

    function _store(uint32 funct3, uint256 to, bytes32 old, bytes32 want) private {
        uint256 place = to & 0xffffffff;
        _code(CODE, _s(-3, funct3, 5, 6));
        _poke(place / 32 * 32, bytes.concat(old));
        State memory s = _state();
        s.x[5] = uint64(to) + 3;
        s.x[6] = 0x8182838485868788;
        bytes memory witness = _witness(s);
        bytes memory proof = bytes.concat(_prove(CODE), _prove(place));
        _poke(place / 32 * 32, bytes.concat(want));
        bytes32 got = riscv.step(witness, proof, CONTEXT);
        vm.assertEq(got, _hash(_witness(_next(s))));
    }

    /// @dev Refused before the part is loaded, unless it is there.
    function _preimage(bytes32 key, uint64 offset, bytes32 part, uint64 count) private {
        _code(CODE, ECALL);
        _poke(DATA, bytes.concat(key));
        _poke(DATA + 64, bytes.concat(keccak256("old")));
        State memory s = _call(DATA, offset, DATA + 64);
        bytes memory witness = _witness(s);
        bytes memory proof = bytes.concat(_prove(CODE), _prove(DATA), _prove(DATA + 64));
        if (!oracle.preimagePartOk(key, offset)) {
            _refuse(witness, proof, PreimageOracle.PreimageOracle_PartNotLoaded.selector);
            return;
        }
        State memory after_ = _next(s);
        after_.x[10] = count;
        _poke(DATA + 64, bytes.concat(part));
        bytes32 got = riscv.step(witness, proof, CONTEXT);
        vm.assertEq(got, _hash(_witness(after_)));
    }

    function _head(bytes memory data, uint256 length) private pure returns (bytes memory out) {
        out = new bytes(length);
        for (uint256 i = 0; i < length; i++) {
            out[i] = data[i];
        }
    }
}
