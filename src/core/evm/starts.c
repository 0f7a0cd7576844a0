/* Where instructions start, which tells a JUMPDEST from a byte of a PUSH's operand.

   One byte for each 32 of code says how far into them the first instruction starts (32: none does).
   Finding that takes a pass over the whole code, asking it a walk over at most 32 bytes. */
#include "core/evm/machine.h"

#define CHUNK 32u

/* Bytes from one instruction to the next.  Not VD_OPCODES: an eighth of a pass's time. */
#define ROW(n) n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n
static const uint8_t LENGTHS[256] = {
    ROW(1), ROW(1), ROW(1), ROW(1), ROW(1), ROW(1), 2,      3,      4,      5,      6,  7,
    8,      9,      10,     11,     12,     13,     14,     15,     16,     17,     18, 19,
    20,     21,     22,     23,     24,     25,     26,     27,     28,     29,     30, 31,
    32,     33,     ROW(1), ROW(1), ROW(1), ROW(1), ROW(1), ROW(1), ROW(1), ROW(1),
};

size_t
vd_starts_len(size_t code_len)
{
    return (code_len + CHUNK - 1) / CHUNK;
}

void
vd_starts_make(uint8_t *starts, struct vd_slice code)
{
    const uint8_t *at = code.ptr;
    const uint8_t *end = code.ptr + code.len;
    for (const uint8_t *chunk = code.ptr; chunk < end; chunk += CHUNK) {
        const uint8_t *next = (size_t)(end - chunk) > CHUNK ? chunk + CHUNK : end;
        size_t start = (size_t)(at - chunk);
        *starts++ = (uint8_t)(start < CHUNK ? start : CHUNK);
        while (at < next) {
            at += LENGTHS[*at];
        }
    }
}

bool
vd_starts_at(const uint8_t *starts, struct vd_slice code, size_t pc)
{
    size_t at = pc / CHUNK * CHUNK;
    at += starts[pc / CHUNK];
    while (at < pc) {
        at += LENGTHS[code.ptr[at]];
    }
    return at == pc;
}
