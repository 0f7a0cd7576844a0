// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/**
 * @title RV64
 * @notice Instructions, memory map and system calls of the fault-proof machine. Written by
 * scripts/constants from include/viaduct/core/base/vm.h and
 * include/viaduct/node/fault/riscv.def; change them there.
 */
library RV64 {
    /// @notice VD_VM_TEXT_LO
    uint256 internal constant TEXT_LO = 0x00010000;

    /// @notice VD_VM_TEXT_HI
    uint256 internal constant TEXT_HI = 0x01000000;

    /// @notice VD_VM_CONFIG
    uint256 internal constant CONFIG = 0x00ff0000;

    /// @notice VD_VM_CONFIG_MAX
    uint256 internal constant CONFIG_MAX = 0x00010000;

    /// @notice VD_VM_CALL_EXIT
    uint256 internal constant CALL_EXIT = 93;

    /// @notice VD_VM_CALL_WRITE
    uint256 internal constant CALL_WRITE = 64;

    /// @notice VD_VM_CALL_HINT
    uint256 internal constant CALL_HINT = 2000;

    /// @notice VD_VM_CALL_PREIMAGE
    uint256 internal constant CALL_PREIMAGE = 2001;

    /// @notice VD_VM_CALL_KECCAK
    uint256 internal constant CALL_KECCAK = 2002;

    /// @notice VD_VM_VALID
    uint256 internal constant VALID = 0;

    /// @notice VD_VM_INVALID
    uint256 internal constant INVALID = 1;

    /// @notice VD_VM_PANIC
    uint256 internal constant PANIC = 2;

    /// @notice VD_VM_UNFINISHED
    uint256 internal constant UNFINISHED = 3;

    /// @notice the instruction LUI
    uint256 internal constant LUI = 0;

    /// @notice the instruction AUIPC
    uint256 internal constant AUIPC = 1;

    /// @notice the instruction JAL
    uint256 internal constant JAL = 2;

    /// @notice the instruction JALR
    uint256 internal constant JALR = 3;

    /// @notice the instruction BEQ
    uint256 internal constant BEQ = 4;

    /// @notice the instruction BNE
    uint256 internal constant BNE = 5;

    /// @notice the instruction BLT
    uint256 internal constant BLT = 6;

    /// @notice the instruction BGE
    uint256 internal constant BGE = 7;

    /// @notice the instruction BLTU
    uint256 internal constant BLTU = 8;

    /// @notice the instruction BGEU
    uint256 internal constant BGEU = 9;

    /// @notice the instruction LB
    uint256 internal constant LB = 10;

    /// @notice the instruction LH
    uint256 internal constant LH = 11;

    /// @notice the instruction LW
    uint256 internal constant LW = 12;

    /// @notice the instruction LD
    uint256 internal constant LD = 13;

    /// @notice the instruction LBU
    uint256 internal constant LBU = 14;

    /// @notice the instruction LHU
    uint256 internal constant LHU = 15;

    /// @notice the instruction LWU
    uint256 internal constant LWU = 16;

    /// @notice the instruction SB
    uint256 internal constant SB = 17;

    /// @notice the instruction SH
    uint256 internal constant SH = 18;

    /// @notice the instruction SW
    uint256 internal constant SW = 19;

    /// @notice the instruction SD
    uint256 internal constant SD = 20;

    /// @notice the instruction ADDI
    uint256 internal constant ADDI = 21;

    /// @notice the instruction SLTI
    uint256 internal constant SLTI = 22;

    /// @notice the instruction SLTIU
    uint256 internal constant SLTIU = 23;

    /// @notice the instruction XORI
    uint256 internal constant XORI = 24;

    /// @notice the instruction ORI
    uint256 internal constant ORI = 25;

    /// @notice the instruction ANDI
    uint256 internal constant ANDI = 26;

    /// @notice the instruction SLLI
    uint256 internal constant SLLI = 27;

    /// @notice the instruction SRLI
    uint256 internal constant SRLI = 28;

    /// @notice the instruction SRAI
    uint256 internal constant SRAI = 29;

    /// @notice the instruction ADD
    uint256 internal constant ADD = 30;

    /// @notice the instruction SUB
    uint256 internal constant SUB = 31;

    /// @notice the instruction SLL
    uint256 internal constant SLL = 32;

    /// @notice the instruction SLT
    uint256 internal constant SLT = 33;

    /// @notice the instruction SLTU
    uint256 internal constant SLTU = 34;

    /// @notice the instruction XOR
    uint256 internal constant XOR = 35;

    /// @notice the instruction SRL
    uint256 internal constant SRL = 36;

    /// @notice the instruction SRA
    uint256 internal constant SRA = 37;

    /// @notice the instruction OR
    uint256 internal constant OR = 38;

    /// @notice the instruction AND
    uint256 internal constant AND = 39;

    /// @notice the instruction ADDIW
    uint256 internal constant ADDIW = 40;

    /// @notice the instruction SLLIW
    uint256 internal constant SLLIW = 41;

    /// @notice the instruction SRLIW
    uint256 internal constant SRLIW = 42;

    /// @notice the instruction SRAIW
    uint256 internal constant SRAIW = 43;

    /// @notice the instruction ADDW
    uint256 internal constant ADDW = 44;

    /// @notice the instruction SUBW
    uint256 internal constant SUBW = 45;

    /// @notice the instruction SLLW
    uint256 internal constant SLLW = 46;

    /// @notice the instruction SRLW
    uint256 internal constant SRLW = 47;

    /// @notice the instruction SRAW
    uint256 internal constant SRAW = 48;

    /// @notice the instruction MUL
    uint256 internal constant MUL = 49;

    /// @notice the instruction MULH
    uint256 internal constant MULH = 50;

    /// @notice the instruction MULHSU
    uint256 internal constant MULHSU = 51;

    /// @notice the instruction MULHU
    uint256 internal constant MULHU = 52;

    /// @notice the instruction DIV
    uint256 internal constant DIV = 53;

    /// @notice the instruction DIVU
    uint256 internal constant DIVU = 54;

    /// @notice the instruction REM
    uint256 internal constant REM = 55;

    /// @notice the instruction REMU
    uint256 internal constant REMU = 56;

    /// @notice the instruction MULW
    uint256 internal constant MULW = 57;

    /// @notice the instruction DIVW
    uint256 internal constant DIVW = 58;

    /// @notice the instruction DIVUW
    uint256 internal constant DIVUW = 59;

    /// @notice the instruction REMW
    uint256 internal constant REMW = 60;

    /// @notice the instruction REMUW
    uint256 internal constant REMUW = 61;

    /// @notice the instruction FENCE
    uint256 internal constant FENCE = 62;

    /// @notice the instruction ECALL
    uint256 internal constant ECALL = 63;

    /// @notice no instruction
    uint256 internal constant ILLEGAL = 64;

    /// @notice instruction format U
    uint256 internal constant FORM_U = 0;

    /// @notice instruction format J
    uint256 internal constant FORM_J = 1;

    /// @notice instruction format I
    uint256 internal constant FORM_I = 2;

    /// @notice instruction format B
    uint256 internal constant FORM_B = 3;

    /// @notice instruction format S
    uint256 internal constant FORM_S = 4;

    /// @notice instruction format SHIFT
    uint256 internal constant FORM_SHIFT = 5;

    /// @notice instruction format R
    uint256 internal constant FORM_R = 6;

    /// @notice instruction format NONE
    uint256 internal constant FORM_NONE = 7;

    /// @notice Finds a word in the list of instructions; ILLEGAL if no row matches.
    function decode(uint256 word) internal pure returns (uint256 insn, uint256 form) {
        uint256 opcode = word & 0x7f;
        if (opcode == 0x37) {
            if (word & 0x0000007f == 0x00000037) return (LUI, FORM_U);
        } else if (opcode == 0x17) {
            if (word & 0x0000007f == 0x00000017) return (AUIPC, FORM_U);
        } else if (opcode == 0x6f) {
            if (word & 0x0000007f == 0x0000006f) return (JAL, FORM_J);
        } else if (opcode == 0x67) {
            if (word & 0x0000707f == 0x00000067) return (JALR, FORM_I);
        } else if (opcode == 0x63) {
            if (word & 0x0000707f == 0x00000063) return (BEQ, FORM_B);
            if (word & 0x0000707f == 0x00001063) return (BNE, FORM_B);
            if (word & 0x0000707f == 0x00004063) return (BLT, FORM_B);
            if (word & 0x0000707f == 0x00005063) return (BGE, FORM_B);
            if (word & 0x0000707f == 0x00006063) return (BLTU, FORM_B);
            if (word & 0x0000707f == 0x00007063) return (BGEU, FORM_B);
        } else if (opcode == 0x03) {
            if (word & 0x0000707f == 0x00000003) return (LB, FORM_I);
            if (word & 0x0000707f == 0x00001003) return (LH, FORM_I);
            if (word & 0x0000707f == 0x00002003) return (LW, FORM_I);
            if (word & 0x0000707f == 0x00003003) return (LD, FORM_I);
            if (word & 0x0000707f == 0x00004003) return (LBU, FORM_I);
            if (word & 0x0000707f == 0x00005003) return (LHU, FORM_I);
            if (word & 0x0000707f == 0x00006003) return (LWU, FORM_I);
        } else if (opcode == 0x23) {
            if (word & 0x0000707f == 0x00000023) return (SB, FORM_S);
            if (word & 0x0000707f == 0x00001023) return (SH, FORM_S);
            if (word & 0x0000707f == 0x00002023) return (SW, FORM_S);
            if (word & 0x0000707f == 0x00003023) return (SD, FORM_S);
        } else if (opcode == 0x13) {
            if (word & 0x0000707f == 0x00000013) return (ADDI, FORM_I);
            if (word & 0x0000707f == 0x00002013) return (SLTI, FORM_I);
            if (word & 0x0000707f == 0x00003013) return (SLTIU, FORM_I);
            if (word & 0x0000707f == 0x00004013) return (XORI, FORM_I);
            if (word & 0x0000707f == 0x00006013) return (ORI, FORM_I);
            if (word & 0x0000707f == 0x00007013) return (ANDI, FORM_I);
            if (word & 0xfc00707f == 0x00001013) return (SLLI, FORM_SHIFT);
            if (word & 0xfc00707f == 0x00005013) return (SRLI, FORM_SHIFT);
            if (word & 0xfc00707f == 0x40005013) return (SRAI, FORM_SHIFT);
        } else if (opcode == 0x33) {
            if (word & 0xfe00707f == 0x00000033) return (ADD, FORM_R);
            if (word & 0xfe00707f == 0x40000033) return (SUB, FORM_R);
            if (word & 0xfe00707f == 0x00001033) return (SLL, FORM_R);
            if (word & 0xfe00707f == 0x00002033) return (SLT, FORM_R);
            if (word & 0xfe00707f == 0x00003033) return (SLTU, FORM_R);
            if (word & 0xfe00707f == 0x00004033) return (XOR, FORM_R);
            if (word & 0xfe00707f == 0x00005033) return (SRL, FORM_R);
            if (word & 0xfe00707f == 0x40005033) return (SRA, FORM_R);
            if (word & 0xfe00707f == 0x00006033) return (OR, FORM_R);
            if (word & 0xfe00707f == 0x00007033) return (AND, FORM_R);
            if (word & 0xfe00707f == 0x02000033) return (MUL, FORM_R);
            if (word & 0xfe00707f == 0x02001033) return (MULH, FORM_R);
            if (word & 0xfe00707f == 0x02002033) return (MULHSU, FORM_R);
            if (word & 0xfe00707f == 0x02003033) return (MULHU, FORM_R);
            if (word & 0xfe00707f == 0x02004033) return (DIV, FORM_R);
            if (word & 0xfe00707f == 0x02005033) return (DIVU, FORM_R);
            if (word & 0xfe00707f == 0x02006033) return (REM, FORM_R);
            if (word & 0xfe00707f == 0x02007033) return (REMU, FORM_R);
        } else if (opcode == 0x1b) {
            if (word & 0x0000707f == 0x0000001b) return (ADDIW, FORM_I);
            if (word & 0xfe00707f == 0x0000101b) return (SLLIW, FORM_SHIFT);
            if (word & 0xfe00707f == 0x0000501b) return (SRLIW, FORM_SHIFT);
            if (word & 0xfe00707f == 0x4000501b) return (SRAIW, FORM_SHIFT);
        } else if (opcode == 0x3b) {
            if (word & 0xfe00707f == 0x0000003b) return (ADDW, FORM_R);
            if (word & 0xfe00707f == 0x4000003b) return (SUBW, FORM_R);
            if (word & 0xfe00707f == 0x0000103b) return (SLLW, FORM_R);
            if (word & 0xfe00707f == 0x0000503b) return (SRLW, FORM_R);
            if (word & 0xfe00707f == 0x4000503b) return (SRAW, FORM_R);
            if (word & 0xfe00707f == 0x0200003b) return (MULW, FORM_R);
            if (word & 0xfe00707f == 0x0200403b) return (DIVW, FORM_R);
            if (word & 0xfe00707f == 0x0200503b) return (DIVUW, FORM_R);
            if (word & 0xfe00707f == 0x0200603b) return (REMW, FORM_R);
            if (word & 0xfe00707f == 0x0200703b) return (REMUW, FORM_R);
        } else if (opcode == 0x0f) {
            if (word & 0x0000707f == 0x0000000f) return (FENCE, FORM_NONE);
        } else if (opcode == 0x73) {
            if (word & 0xffffffff == 0x00000073) return (ECALL, FORM_NONE);
        }
        return (ILLEGAL, FORM_NONE);
    }
}
