#include "viaduct/node/net/json_writer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_CAP 512

void
vd_json_init(struct vd_json *j, size_t limit)
{
    *j = (struct vd_json){.limit = limit};
}

void
vd_json_deinit(struct vd_json *j)
{
    free(j->ptr);
    *j = (struct vd_json){.limit = j->limit};
}

void
vd_json_clear(struct vd_json *j)
{
    j->len = 0;
    j->err = VD_OK;
}

static bool
grow(struct vd_json *j, size_t len)
{
    if (len > j->limit || j->len > j->limit - len) {
        j->err = VD_ERR_TOO_LARGE;
        return false;
    }
    size_t cap = j->cap == 0 ? FIRST_CAP : j->cap;
    while (cap < j->len + len)
        cap *= 2;
    char *ptr = realloc(j->ptr, cap);
    if (ptr == NULL) {
        j->err = VD_ERR_NO_MEMORY;
        return false;
    }
    j->ptr = ptr;
    j->cap = cap;
    return true;
}

/* Room for len bytes at the end, counted; NULL after a failure. */
static char *
extend(struct vd_json *j, size_t len)
{
    if (j->err != VD_OK)
        return NULL;
    /* cap may exceed the limit by the rounding of grow, so the limit is looked at too. */
    if ((len > j->cap - j->len || len > j->limit - j->len) && !grow(j, len))
        return NULL;
    char *at = j->ptr + j->len;
    j->len += len;
    return at;
}

static void
byte(struct vd_json *j, char c)
{
    char *at = extend(j, 1);
    if (at != NULL)
        *at = c;
}

/* A value needs a comma in front unless it is the first in its list or object or follows a key.
   The last byte written tells: text of strings always ends in a quote. */
static void
comma(struct vd_json *j)
{
    if (j->len == 0)
        return;
    char last = j->ptr[j->len - 1];
    if (last != '{' && last != '[' && last != ':')
        byte(j, ',');
}

void
vd_json_bytes(struct vd_json *j, const void *bytes, size_t len)
{
    /* Nothing written to nothing yet: NULL + 0 is undefined in C. */
    char *at = len == 0 ? NULL : extend(j, len);
    if (at != NULL)
        memcpy(at, bytes, len);
}

static void
value(struct vd_json *j, const char *text, size_t len)
{
    comma(j);
    vd_json_bytes(j, text, len);
}

void
vd_json_object_begin(struct vd_json *j)
{
    value(j, "{", 1);
}

void
vd_json_object_end(struct vd_json *j)
{
    byte(j, '}');
}

void
vd_json_array_begin(struct vd_json *j)
{
    value(j, "[", 1);
}

void
vd_json_array_end(struct vd_json *j)
{
    byte(j, ']');
}

void
vd_json_key(struct vd_json *j, const char *key)
{
    size_t len = strlen(key);
    comma(j);
    char *at = extend(j, len + 3);
    if (at == NULL)
        return;
    at[0] = '"';
    memcpy(at + 1, key, len);
    at[len + 1] = '"';
    at[len + 2] = ':';
}

void
vd_json_null(struct vd_json *j)
{
    value(j, "null", 4);
}

void
vd_json_bool(struct vd_json *j, bool v)
{
    value(j, v ? "true" : "false", v ? 4 : 5);
}

void
vd_json_number(struct vd_json *j, int64_t v)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%" PRId64, v);
    value(j, text, (size_t)len);
}

void
vd_json_number_u64(struct vd_json *j, uint64_t v)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%" PRIu64, v);
    value(j, text, (size_t)len);
}

void
vd_json_double(struct vd_json *j, double v)
{
    if (!isfinite(v)) {
        vd_json_null(j);
        return;
    }
    /* The shortest of the two precisions that reads back as the same number. */
    char text[40];
    int len = snprintf(text, sizeof text, "%.15g", v);
    double back = strtod(text, NULL);
    if (memcmp(&back, &v, sizeof v) != 0)
        len = snprintf(text, sizeof text, "%.17g", v);
    value(j, text, (size_t)len);
}

/* The length of the UTF-8 sequence at text (RFC 3629), or 0 when it is none. */
static size_t
utf8_len(const uint8_t *text, size_t left)
{
    uint8_t first = text[0];
    size_t len = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (len == 0 || first > 0xf4 || len > left)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    }
    /* Overlong forms, surrogates and what lies above U+10FFFF show in the second byte. */
    if ((first == 0xe0 && text[1] < 0xa0) || (first == 0xed && text[1] > 0x9f) ||
        (first == 0xf0 && text[1] < 0x90) || (first == 0xf4 && text[1] > 0x8f))
        return 0;
    return len;
}

static void
escaped(struct vd_json *j, uint8_t c)
{
    static const char digits[] = "0123456789abcdef";
    const char *shorts = "\"\\\b\f\n\r\t";
    const char *letters = "\"\\bfnrt";
    const char *found = c == 0 ? NULL : strchr(shorts, c);
    if (found != NULL) {
        char text[2] = {'\\', letters[found - shorts]};
        vd_json_bytes(j, text, sizeof text);
    } else {
        char text[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
        vd_json_bytes(j, text, sizeof text);
    }
}

void
vd_json_string_n(struct vd_json *j, const char *text, size_t len)
{
    value(j, "\"", 1);
    const uint8_t *p = (const uint8_t *)text;
    size_t start = 0;
    size_t i = 0;
    while (i < len) {
        size_t step = utf8_len(p + i, len - i);
        if (step != 0 && p[i] >= 0x20 && p[i] != '"' && p[i] != '\\') {
            i += step;
            continue;
        }
        vd_json_bytes(j, text + start, i - start);
        if (step == 0)
            vd_json_bytes(j, "\xef\xbf\xbd", 3);
        else
            escaped(j, p[i]);
        start = ++i;
    }
    vd_json_bytes(j, text + start, len - start);
    byte(j, '"');
}

void
vd_json_string(struct vd_json *j, const char *text)
{
    vd_json_string_n(j, text, strlen(text));
}

/* Writes the significant digits of up to 64, given all of them, as a quantity. */
static void
quantity(struct vd_json *j, const char *digits, size_t len)
{
    size_t skip = 0;
    while (skip + 1 < len && digits[skip] == '0')
        skip++;
    comma(j);
    char *at = extend(j, len - skip + 4);
    if (at == NULL)
        return;
    memcpy(at, "\"0x", 3);
    memcpy(at + 3, digits + skip, len - skip);
    at[3 + len - skip] = '"';
}

void
vd_json_quantity(struct vd_json *j, uint64_t v)
{
    uint8_t be[8];
    char digits[16];
    vd_store_be64(be, v);
    vd_hex_encode(digits, be, sizeof be);
    quantity(j, digits, sizeof digits);
}

void
vd_json_u256(struct vd_json *j, const struct vd_u256 *v)
{
    uint8_t be[32];
    char digits[64];
    vd_u256_to_be(be, v);
    vd_hex_encode(digits, be, sizeof be);
    quantity(j, digits, sizeof digits);
}

void
vd_json_data(struct vd_json *j, struct vd_slice bytes)
{
    comma(j);
    /* The text doubles the bytes; the product cannot overflow for memory that exists. */
    char *at = extend(j, 2 * bytes.len + 4);
    if (at == NULL)
        return;
    memcpy(at, "\"0x", 3);
    vd_hex_encode(at + 3, bytes.ptr, bytes.len);
    at[3 + 2 * bytes.len] = '"';
}

void
vd_json_hash(struct vd_json *j, const struct vd_hash *hash)
{
    vd_json_data(j, vd_slice(hash->b, sizeof hash->b));
}

void
vd_json_address(struct vd_json *j, const struct vd_address *address)
{
    vd_json_data(j, vd_slice(address->b, sizeof address->b));
}

void
vd_json_raw(struct vd_json *j, struct vd_slice json)
{
    comma(j);
    vd_json_bytes(j, json.ptr, json.len);
}

void
vd_json_put_null(struct vd_json *j, const char *key)
{
    vd_json_key(j, key);
    vd_json_null(j);
}

void
vd_json_put_bool(struct vd_json *j, const char *key, bool v)
{
    vd_json_key(j, key);
    vd_json_bool(j, v);
}

void
vd_json_put_number(struct vd_json *j, const char *key, uint64_t v)
{
    vd_json_key(j, key);
    vd_json_number_u64(j, v);
}

void
vd_json_put_string(struct vd_json *j, const char *key, const char *text)
{
    vd_json_key(j, key);
    vd_json_string(j, text);
}

void
vd_json_put_quantity(struct vd_json *j, const char *key, uint64_t v)
{
    vd_json_key(j, key);
    vd_json_quantity(j, v);
}

void
vd_json_put_u256(struct vd_json *j, const char *key, const struct vd_u256 *v)
{
    vd_json_key(j, key);
    vd_json_u256(j, v);
}

void
vd_json_put_data(struct vd_json *j, const char *key, struct vd_slice bytes)
{
    vd_json_key(j, key);
    vd_json_data(j, bytes);
}

void
vd_json_put_hash(struct vd_json *j, const char *key, const struct vd_hash *hash)
{
    vd_json_key(j, key);
    vd_json_hash(j, hash);
}

void
vd_json_put_address(struct vd_json *j, const char *key, const struct vd_address *address)
{
    vd_json_key(j, key);
    vd_json_address(j, address);
}
