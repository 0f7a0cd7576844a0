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

/* The value of a hex digit, or -1. */
static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

enum vd_err
vd_hex_decode(uint8_t *out, size_t len, const char *text, size_t text_len)
{
    if (text_len % 2 != 0 || text_len / 2 != len)
        return VD_ERR_INVALID;
    for (size_t i = 0; i < len; i++) {
        int high = hex_value(text[2 * i]);
        int low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return VD_ERR_INVALID;
        out[i] = (uint8_t)(high * 16 + low);
    }
    return VD_OK;
}
