#include "viaduct/core/base/bytes.h"

bool
vd_hash_is_zero(const struct vd_hash *hash)
{
    uint8_t any = 0;
    for (size_t i = 0; i < sizeof hash->b; i++)
        any |= hash->b[i];
    return any == 0;
}

void
vd_hex_encode(char *out, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
}

/* One more than the value of a hex digit; 0 for every other character. */
static const uint8_t hex_values[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

enum vd_err
vd_hex_decode(uint8_t *out, size_t len, const char *text, size_t text_len)
{
    if (text_len % 2 != 0 || text_len / 2 != len)
        return VD_ERR_INVALID;
    for (size_t i = 0; i < len; i++) {
        unsigned high = hex_values[(uint8_t)text[2 * i]];
        unsigned low = hex_values[(uint8_t)text[2 * i + 1]];
        if (high == 0 || low == 0)
            return VD_ERR_INVALID;
        out[i] = (uint8_t)((high - 1) * 16 + low - 1);
    }
    return VD_OK;
}
