/* What the forks change: prices, precompiles, flags. */
#include "core/evm/machine.h"

const struct vd_opcode_info VD_OPCODES[256] = {
#define X(value, name, immediate, need, change) [value] = {1, immediate, need, change},
#include "viaduct/core/evm/opcodes.def"
#undef X
};

const char *
vd_opcode_name(uint8_t opcode)
{
    static const char *const names[256] = {
#define X(value, name, immediate, need, change) [value] = #name,
#include "viaduct/core/evm/opcodes.def"
#undef X
    };
    return names[opcode] != NULL ? names[opcode] : "UNDEFINED";
}

/* Static prices of Cancun: Yellow Paper, appendix G, with EIP-2929's warm price where an access
   costs (the cold surcharge is dynamic).  SSTORE's whole price is dynamic (EIP-2200), as is that of
   calls beyond the warm access. */
#define GAS_1(a, v) [VD_OP_##a] = v
#define GAS_2(a, b, v) GAS_1(a, v), GAS_1(b, v)
#define GAS_4(a, b, c, d, v) GAS_2(a, b, v), GAS_2(c, d, v)
#define GAS_8(p, a, b, c, d, e, f, g, h, v) \
    GAS_4(p##a, p##b, p##c, p##d, v), GAS_4(p##e, p##f, p##g, p##h, v)
static const uint16_t GAS_CANCUN[256] = {
    GAS_4(ADD, SUB, LT, GT, 3),
    GAS_4(SLT, SGT, EQ, ISZERO, 3),
    GAS_4(AND, OR, XOR, NOT, 3),
    GAS_4(BYTE, SHL, SHR, SAR, 3),
    GAS_4(MUL, DIV, SDIV, MOD, 5),
    GAS_2(SMOD, SIGNEXTEND, 5),
    GAS_2(ADDMOD, MULMOD, 8),
    GAS_1(EXP, 10),
    GAS_1(KECCAK256, 30),
    GAS_4(ADDRESS, ORIGIN, CALLER, CALLVALUE, 2),
    GAS_4(CALLDATASIZE, CODESIZE, GASPRICE, RETURNDATASIZE, 2),
    GAS_4(COINBASE, TIMESTAMP, NUMBER, PREVRANDAO, 2),
    GAS_4(GASLIMIT, CHAINID, BASEFEE, BLOBBASEFEE, 2),
    GAS_4(POP, PC, MSIZE, GAS, 2),
    GAS_1(PUSH0, 2),
    GAS_1(SELFBALANCE, 5),
    GAS_2(CALLDATALOAD, BLOBHASH, 3),
    GAS_4(CALLDATACOPY, CODECOPY, RETURNDATACOPY, MCOPY, 3),
    GAS_2(MLOAD, MSTORE, 3),
    GAS_1(MSTORE8, 3),
    GAS_4(BALANCE, EXTCODESIZE, EXTCODECOPY, EXTCODEHASH, 100),
    GAS_4(CALL, CALLCODE, DELEGATECALL, STATICCALL, 100),
    GAS_2(SLOAD, TLOAD, 100),
    GAS_1(TSTORE, 100),
    GAS_1(BLOCKHASH, 20),
    GAS_1(JUMP, 8),
    GAS_1(JUMPI, 10),
    GAS_1(JUMPDEST, 1),
    GAS_8(PUSH, 1, 2, 3, 4, 5, 6, 7, 8, 3),
    GAS_8(PUSH, 9, 10, 11, 12, 13, 14, 15, 16, 3),
    GAS_8(PUSH, 17, 18, 19, 20, 21, 22, 23, 24, 3),
    GAS_8(PUSH, 25, 26, 27, 28, 29, 30, 31, 32, 3),
    GAS_8(DUP, 1, 2, 3, 4, 5, 6, 7, 8, 3),
    GAS_8(DUP, 9, 10, 11, 12, 13, 14, 15, 16, 3),
    GAS_8(SWAP, 1, 2, 3, 4, 5, 6, 7, 8, 3),
    GAS_8(SWAP, 9, 10, 11, 12, 13, 14, 15, 16, 3),
    GAS_1(LOG0, 375),
    GAS_1(LOG1, 750),
    GAS_1(LOG2, 1125),
    GAS_1(LOG3, 1500),
    GAS_1(LOG4, 1875),
    GAS_2(CREATE, CREATE2, 32000),
    GAS_1(SELFDESTRUCT, 5000),
};

/* 0x01 to 0x0a since Cancun (EIP-4844), 0x0b to 0x11 since Prague (EIP-2537), 0x0100 on L2
   (RIP-7212, since Fjord). */
#define LOW(n)            \
    {                     \
        .b = { [19] = n } \
    }
#define CANCUN_PRECOMPILES \
    LOW(1), LOW(2), LOW(3), LOW(4), LOW(5), LOW(6), LOW(7), LOW(8), LOW(9), LOW(10)
#define PRAGUE_PRECOMPILES \
    CANCUN_PRECOMPILES, LOW(11), LOW(12), LOW(13), LOW(14), LOW(15), LOW(16), LOW(17)
#define P256VERIFY        \
    {                     \
        .b = { [18] = 1 } \
    }

static const struct vd_address L1_CANCUN[] = {CANCUN_PRECOMPILES};
static const struct vd_address L2_CANCUN[] = {CANCUN_PRECOMPILES, P256VERIFY};
static const struct vd_address L1_PRAGUE[] = {PRAGUE_PRECOMPILES};
static const struct vd_address L2_PRAGUE[] = {PRAGUE_PRECOMPILES, P256VERIFY};

/* Prague prices no instruction anew: EIP-7702's charges are part of the calls' dynamic price. */
#define ROW(list, is_prague)                                                 \
    {                                                                        \
        .gas = GAS_CANCUN, .delegation = (is_prague), .precompiles = (list), \
        .precompile_count = sizeof(list) / 20u,                              \
    }
static const struct vd_evm_rules L1_RULES[] = {
    [VD_EVM_CANCUN] = ROW(L1_CANCUN, false),
    [VD_EVM_PRAGUE] = ROW(L1_PRAGUE, true),
};
static const struct vd_evm_rules L2_RULES[] = {
    [VD_EVM_CANCUN] = ROW(L2_CANCUN, false),
    [VD_EVM_PRAGUE] = ROW(L2_PRAGUE, true),
};

const struct vd_evm_rules *
vd_evm_rules_l1(enum vd_evm_revision revision)
{
    return &L1_RULES[revision];
}

const struct vd_evm_rules *
vd_evm_rules_l2(enum vd_evm_revision revision)
{
    return &L2_RULES[revision];
}

bool
vd_evm_is_precompile(const struct vd_evm_rules *rules, const struct vd_address *address)
{
    static const uint8_t zeros[18];
    /* Nearly every address is told apart by its first bytes. */
    if (memcmp(address->b, zeros, sizeof zeros) != 0) {
        return false;
    }
    for (size_t i = 0; i < rules->precompile_count; i++) {
        if (vd_address_eq(&rules->precompiles[i], address)) {
            return true;
        }
    }
    return false;
}

size_t
vd_evm_precompiles(const struct vd_evm_rules *rules, const struct vd_address **addresses)
{
    *addresses = rules->precompiles;
    return rules->precompile_count;
}

const char *
vd_evm_status_text(enum vd_evm_status status)
{
    switch (status) {
    case VD_EVM_SUCCESS:
        return "success";
    case VD_EVM_REVERT:
        return "execution reverted";
    case VD_EVM_OUT_OF_GAS:
        return "out of gas";
    case VD_EVM_INVALID_INSTRUCTION:
        return "invalid opcode: INVALID";
    case VD_EVM_UNDEFINED_INSTRUCTION:
        return "invalid opcode: undefined instruction";
    case VD_EVM_STACK_UNDERFLOW:
        return "stack underflow";
    case VD_EVM_STACK_OVERFLOW:
        return "stack limit reached 1024";
    case VD_EVM_BAD_JUMP:
        return "invalid jump destination";
    case VD_EVM_RETURN_DATA_BOUNDS:
        return "return data out of bounds";
    case VD_EVM_STATIC_VIOLATION:
        return "write protection";
    case VD_EVM_NONCE_OVERFLOW:
        return "nonce uint64 overflow";
    case VD_EVM_COLLISION:
        return "contract address collision";
    case VD_EVM_CODE_TOO_LARGE:
        return "max code size exceeded";
    case VD_EVM_INIT_CODE_TOO_LARGE:
        return "max initcode size exceeded";
    case VD_EVM_BAD_CODE_PREFIX:
        return "invalid code: must not begin with 0xef";
    case VD_EVM_CALL_DEPTH:
        return "max call depth exceeded";
    case VD_EVM_INSUFFICIENT_BALANCE:
        return "insufficient balance for transfer";
    case VD_EVM_PRECOMPILE_FAILURE:
        return "precompile failed";
    case VD_EVM_UNSUPPORTED:
        return "unsupported precompile";
    }
    return "";
}
