#include "viaduct/node/net/json_reader.h"

#include <stdio.h>
#include <stdlib.h>

#include "viaduct/core/base/arena.h"

/* jansson's parser recurses once for each level, so nesting is bounded before it runs: its own
   limit (2,048) is more stack than a worker should spend. */
static bool
nests_too_deep(struct vd_slice text)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > VD_JSON_MAX_DEPTH)
                return true;
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return false;
}

json_t *
vd_json_parse(struct vd_json_why *why, struct vd_slice text)
{
    if (nests_too_deep(text)) {
        snprintf(why->text, sizeof why->text, "nested deeper than %d levels", VD_JSON_MAX_DEPTH);
        return NULL;
    }
    json_error_t error;
    json_t *root =
        json_loadb((const char *)text.ptr, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (root == NULL)
        snprintf(why->text, sizeof why->text, "%.120s at byte %d", error.text, error.position);
    return root;
}

/* geth's texts: common/hexutil/json.go wraps what encoding/json calls a type error. */
static bool
fail(struct vd_json_why *why, const char *what, const char *type)
{
    snprintf(why->text, sizeof why->text, "json: cannot unmarshal %s into Go value of type %s",
             what, type);
    return false;
}

/* The digits after 0x; false with *why when value is no such string. */
static bool
digits_of(const char **digits, size_t *len, const char *type, struct vd_json_why *why,
          const json_t *value)
{
    if (!json_is_string(value))
        return fail(why, "non-string", type);
    const char *text = json_string_value(value);
    size_t text_len = json_string_length(value);
    if (text_len < 2 || text[0] != '0' || (text[1] != 'x' && text[1] != 'X'))
        return fail(why, text_len == 0 ? "empty hex string" : "hex string without 0x prefix", type);
    *digits = text + 2;
    *len = text_len - 2;
    return true;
}

bool
vd_json_read_fixed(uint8_t *out, size_t len, const char *type, struct vd_json_why *why,
                   const json_t *value)
{
    const char *digits;
    size_t count;
    if (!digits_of(&digits, &count, type, why, value))
        return false;
    if (count % 2 != 0)
        return fail(why, "hex string of odd length", type);
    if (count != 2 * len) {
        snprintf(why->text, sizeof why->text, "hex string has length %zu, want %zu for %s", count,
                 2 * len, type);
        return false;
    }
    if (vd_hex_decode(out, len, digits, count) != VD_OK)
        return fail(why, "invalid hex string", type);
    return true;
}

bool
vd_json_read_address(struct vd_address *out, struct vd_json_why *why, const json_t *value)
{
    return vd_json_read_fixed(out->b, sizeof out->b, "common.Address", why, value);
}

bool
vd_json_read_hash(struct vd_hash *out, struct vd_json_why *why, const json_t *value)
{
    return vd_json_read_fixed(out->b, sizeof out->b, "common.Hash", why, value);
}

/* The digits of a quantity, at most max of them, right-aligned in word. */
static bool
quantity(uint8_t word[32], size_t max, const char *type, struct vd_json_why *why,
         const json_t *value)
{
    const char *digits;
    size_t count;
    if (!digits_of(&digits, &count, type, why, value))
        return false;
    if (count == 0)
        return fail(why, "hex string \"0x\"", type);
    if (count > 1 && digits[0] == '0')
        return fail(why, "hex number with leading zero digits", type);
    if (count > max)
        return fail(why, max == 16 ? "hex number > 64 bits" : "hex number > 256 bits", type);
    char padded[64];
    memset(padded, '0', sizeof padded);
    memcpy(padded + sizeof padded - count, digits, count);
    if (vd_hex_decode(word, 32, padded, sizeof padded) != VD_OK)
        return fail(why, "invalid hex string", type);
    return true;
}

bool
vd_json_read_u64(uint64_t *out, struct vd_json_why *why, const json_t *value)
{
    uint8_t word[32];
    if (!quantity(word, 16, "hexutil.Uint64", why, value))
        return false;
    *out = vd_load_be64(word + 24);
    return true;
}

bool
vd_json_read_u256(struct vd_u256 *out, struct vd_json_why *why, const json_t *value)
{
    uint8_t word[32];
    if (!quantity(word, 64, "*hexutil.Big", why, value))
        return false;
    *out = vd_u256_from_be(word);
    return true;
}

bool
vd_json_read_word(struct vd_hash *out, struct vd_json_why *why, const json_t *value)
{
    if (!json_is_string(value))
        return fail(why, "non-string", "string");
    /* geth's decodeStorageKey: the prefix may be missing and the number of digits odd. */
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);
    if (len >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        text += 2;
        len -= 2;
    }
    if (len > 64) {
        snprintf(why->text, sizeof why->text,
                 "unable to decode storage key: hex string too long, want at most 32 bytes");
        return false;
    }
    char padded[64];
    memset(padded, '0', sizeof padded);
    memcpy(padded + sizeof padded - len, text, len);
    if (vd_hex_decode(out->b, 32, padded, sizeof padded) != VD_OK) {
        snprintf(why->text, sizeof why->text, "unable to decode storage key: hex string invalid");
        return false;
    }
    return true;
}

/* The digits of data, an even number of them. */
static bool
data_digits(const char **digits, size_t *count, struct vd_json_why *why, const json_t *value)
{
    if (!digits_of(digits, count, "hexutil.Bytes", why, value))
        return false;
    return *count % 2 == 0 || fail(why, "hex string of odd length", "hexutil.Bytes");
}

bool
vd_json_read_data(uint8_t **out, size_t *len, struct vd_json_why *why, const json_t *value)
{
    const char *digits;
    size_t count;
    if (!data_digits(&digits, &count, why, value))
        return false;
    uint8_t *bytes = malloc(count / 2 + 1);
    if (bytes == NULL) {
        snprintf(why->text, sizeof why->text, "out of memory");
        return false;
    }
    if (vd_hex_decode(bytes, count / 2, digits, count) != VD_OK) {
        free(bytes);
        return fail(why, "invalid hex string", "hexutil.Bytes");
    }
    *out = bytes;
    *len = count / 2;
    return true;
}

bool
vd_json_read_data_arena(struct vd_slice *out, struct vd_json_why *why, struct vd_arena *arena,
                        const json_t *value)
{
    const char *digits;
    size_t count;
    if (!data_digits(&digits, &count, why, value))
        return false;
    uint8_t *bytes = vd_arena_alloc(arena, count / 2, 1);
    if (bytes == NULL) {
        snprintf(why->text, sizeof why->text, "out of memory");
        return false;
    }
    if (vd_hex_decode(bytes, count / 2, digits, count) != VD_OK)
        return fail(why, "invalid hex string", "hexutil.Bytes");
    *out = vd_slice(bytes, count / 2);
    return true;
}

bool
vd_json_read_bool(bool *out, struct vd_json_why *why, const json_t *value)
{
    if (!json_is_boolean(value)) {
        const char *kind = json_is_string(value)   ? "string"
                           : json_is_number(value) ? "number"
                           : json_is_object(value) ? "object"
                           : json_is_array(value)  ? "array"
                                                   : "null";
        return fail(why, kind, "bool");
    }
    *out = json_is_true(value);
    return true;
}
