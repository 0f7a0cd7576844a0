#include "file_read.h"

#include <stdio.h>
#include <string.h>

json_t *
vd_file_load(struct vd_file_read *r, const char *path)
{
    json_error_t error;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!root) {
        /* The text of a file that cannot be opened names it, and there is no line. */
        if (error.line < 0) {
            snprintf(r->error, r->error_len, "%s", error.text);
        } else {
            snprintf(r->error, r->error_len, "%s: %s (line %d)", path, error.text, error.line);
        }
    } else if (!json_is_object(root)) {
        snprintf(r->error, r->error_len, "%s: expected a JSON object", path);
        json_decref(root);
        root = NULL;
    }
    return root;
}

bool
vd_file_failed(const struct vd_file_read *r)
{
    return r->error[0] != '\0';
}

void
vd_file_fail(struct vd_file_read *r, const char *key, const char *expected)
{
    if (!vd_file_failed(r)) {
        snprintf(r->error, r->error_len, "%s: '%s' must be %s", r->file, key, expected);
    }
}

json_t *
vd_file_object(struct vd_file_read *r, json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (!json_is_object(value)) {
        vd_file_fail(r, key, "an object");
        return NULL;
    }
    return value;
}

bool
vd_file_parse_fixed(uint8_t *out, size_t len, const char *text)
{
    return strncmp(text, "0x", 2) == 0 &&
           vd_hex_decode(out, len, text + 2, strlen(text + 2)) == VD_OK;
}

static bool
parse_decimal(struct vd_u256 *out, const char *text)
{
    *out = vd_u256(0);
    struct vd_u256 ten = vd_u256(10);
    for (; *text; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        struct vd_u256 digit = vd_u256((uint64_t)(*text - '0'));
        if (vd_u256_mul_overflow(out, out, &ten) || vd_u256_add_overflow(out, out, &digit)) {
            return false;
        }
    }
    return true;
}

bool
vd_file_parse_u256(struct vd_u256 *out, const char *text)
{
    if (strncmp(text, "0x", 2) != 0) {
        return *text != '\0' && parse_decimal(out, text);
    }
    size_t digits = strlen(text + 2);
    if (digits == 0 || digits > 64) {
        return false;
    }
    char padded[64];
    memset(padded, '0', sizeof padded);
    memcpy(padded + sizeof padded - digits, text + 2, digits);
    uint8_t bytes[32];
    if (vd_hex_decode(bytes, sizeof bytes, padded, sizeof padded) != VD_OK) {
        return false;
    }
    *out = vd_u256_from_be(bytes);
    return true;
}

struct vd_u256
vd_file_u256_or(struct vd_file_read *r, json_t *object, const char *key, struct vd_u256 preset)
{
    json_t *value = json_object_get(object, key);
    struct vd_u256 out = preset;
    if (!value || json_is_null(value)) {
        return preset;
    }
    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        return vd_u256((uint64_t)json_integer_value(value));
    }
    if (!json_is_string(value) || !vd_file_parse_u256(&out, json_string_value(value))) {
        vd_file_fail(r, key, "a whole number (JSON integer, 0x-hex or decimal text)");
    }
    return out;
}

uint64_t
vd_file_u64_or(struct vd_file_read *r, json_t *object, const char *key, uint64_t preset)
{
    struct vd_u256 value = vd_file_u256_or(r, object, key, vd_u256(preset));
    if (!vd_u256_fits_u64(&value)) {
        vd_file_fail(r, key, "a whole number of at most 64 bits");
    }
    return value.w[0];
}

uint64_t
vd_file_u64(struct vd_file_read *r, json_t *object, const char *key)
{
    if (!json_object_get(object, key)) {
        vd_file_fail(r, key, "given (a whole number)");
    }
    return vd_file_u64_or(r, object, key, 0);
}

void
vd_file_fixed_or_zero(struct vd_file_read *r, uint8_t *out, size_t len, json_t *object,
                      const char *key)
{
    memset(out, 0, len);
    if (json_object_get(object, key)) {
        vd_file_fixed(r, out, len, object, key);
    }
}

void
vd_file_fixed(struct vd_file_read *r, uint8_t *out, size_t len, json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (!json_is_string(value) || !vd_file_parse_fixed(out, len, json_string_value(value))) {
        char expected[64];
        snprintf(expected, sizeof expected, "0x and %zu hex digits", 2 * len);
        vd_file_fail(r, key, expected);
    }
}

struct vd_slice
vd_file_bytes(struct vd_file_read *r, json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (!value) {
        return vd_slice(NULL, 0);
    }
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    size_t digits = strlen(text);
    uint8_t *bytes = vd_arena_alloc(r->arena, digits / 2 + 1, 1);
    if (!bytes) {
        vd_file_fail(r, key, "shorter (out of memory)");
        return vd_slice(NULL, 0);
    }
    if (digits < 2 || digits % 2 != 0 || !vd_file_parse_fixed(bytes, digits / 2 - 1, text)) {
        vd_file_fail(r, key, "0x and an even number of hex digits");
        return vd_slice(NULL, 0);
    }
    return vd_slice(bytes, digits / 2 - 1);
}
