/* A JSON text written straight into a growing buffer.

   Values are written in order; commas come by themselves.  Failure is sticky: write on, check err
   once.  The text is never larger than the limit given at init.  A writer lives on one thread at a
   time and owns its buffer.  Numbers of Ethereum are hex strings: a quantity has no leading zeros
   ("0x0" for zero), data has two digits for each byte ("0x" for none). */
#ifndef VIADUCT_NODE_NET_JSON_WRITER_H
#define VIADUCT_NODE_NET_JSON_WRITER_H

#include "viaduct/core/base/u256.h"

struct vd_json {
    char *ptr; /* not terminated */
    size_t len;
    size_t cap;
    size_t limit;
    enum vd_err err; /* VD_OK, VD_ERR_NO_MEMORY, VD_ERR_TOO_LARGE (over the limit) */
};

/* limit is in bytes; nothing is allocated before the first write. */
void vd_json_init(struct vd_json *j, size_t limit);
void vd_json_deinit(struct vd_json *j);
/* Empties the text and clears the failure; keeps the buffer. */
void vd_json_clear(struct vd_json *j);

static inline struct vd_slice
vd_json_view(const struct vd_json *j)
{
    return vd_slice((const uint8_t *)j->ptr, j->len);
}

void vd_json_object_begin(struct vd_json *j);
void vd_json_object_end(struct vd_json *j);
void vd_json_array_begin(struct vd_json *j);
void vd_json_array_end(struct vd_json *j);
/* key is one of our own names: ASCII that needs no escape. */
void vd_json_key(struct vd_json *j, const char *key);

void vd_json_null(struct vd_json *j);
void vd_json_bool(struct vd_json *j, bool value);
/* A decimal JSON number. */
void vd_json_number(struct vd_json *j, int64_t value);
void vd_json_number_u64(struct vd_json *j, uint64_t value);
/* A ratio as eth_feeHistory and metrics show it; what is not finite is written as null. */
void vd_json_double(struct vd_json *j, double value);
/* Text is UTF-8; bytes that are not are replaced by U+FFFD, so that the output is always JSON. */
void vd_json_string(struct vd_json *j, const char *text);
void vd_json_string_n(struct vd_json *j, const char *text, size_t len);
void vd_json_quantity(struct vd_json *j, uint64_t value);
void vd_json_u256(struct vd_json *j, const struct vd_u256 *value);
void vd_json_data(struct vd_json *j, struct vd_slice bytes);
void vd_json_hash(struct vd_json *j, const struct vd_hash *hash);
/* Lower-case digits, as geth writes addresses in results. */
void vd_json_address(struct vd_json *j, const struct vd_address *address);
/* A complete JSON value that was written elsewhere. */
void vd_json_raw(struct vd_json *j, struct vd_slice json);
/* Bytes with neither comma nor quote around them: for pieces of text that are no JSON. */
void vd_json_bytes(struct vd_json *j, const void *bytes, size_t len);

/* A key and its value in one call. */
void vd_json_put_null(struct vd_json *j, const char *key);
void vd_json_put_bool(struct vd_json *j, const char *key, bool value);
void vd_json_put_number(struct vd_json *j, const char *key, uint64_t value);
void vd_json_put_string(struct vd_json *j, const char *key, const char *text);
void vd_json_put_quantity(struct vd_json *j, const char *key, uint64_t value);
void vd_json_put_u256(struct vd_json *j, const char *key, const struct vd_u256 *value);
void vd_json_put_data(struct vd_json *j, const char *key, struct vd_slice bytes);
void vd_json_put_hash(struct vd_json *j, const char *key, const struct vd_hash *hash);
void vd_json_put_address(struct vd_json *j, const char *key, const struct vd_address *address);

#endif
