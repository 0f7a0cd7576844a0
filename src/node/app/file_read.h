/* Reading values out of a JSON document with sticky failure: read everything, look at error once.
   The message names the file, the key and what was expected. */
#ifndef VIADUCT_NODE_APP_FILE_READ_H
#define VIADUCT_NODE_APP_FILE_READ_H

#include <jansson.h>

#include "viaduct/core/base/arena.h"
#include "viaduct/core/base/u256.h"

struct vd_file_read {
    const char *file; /* what messages call the document */
    struct vd_arena *arena;
    char *error; /* the caller's; empty while nothing has failed */
    size_t error_len;
    char unknown[64]; /* a key of the document that nobody reads; empty: none was found */
};

/* vd_file_load reads a whole file; NULL with the message set when it cannot. */
json_t *vd_file_load(struct vd_file_read *r, const char *path);

bool vd_file_failed(const struct vd_file_read *r);
/* Sets the message unless an earlier one stands. */
void vd_file_fail(struct vd_file_read *r, const char *key, const char *expected);

/* Members of object.  The plain forms fail when key is absent, the _or forms give the preset.
   Numbers may stand as JSON integers, 0x-hex strings or decimal strings. */
json_t *vd_file_object(struct vd_file_read *r, json_t *object, const char *key);
uint64_t vd_file_u64(struct vd_file_read *r, json_t *object, const char *key);
uint64_t vd_file_u64_or(struct vd_file_read *r, json_t *object, const char *key, uint64_t preset);
struct vd_u256 vd_file_u256_or(struct vd_file_read *r, json_t *object, const char *key,
                               struct vd_u256 preset);
/* Exactly len bytes of 0x-hex. */
void vd_file_fixed(struct vd_file_read *r, uint8_t *out, size_t len, json_t *object,
                   const char *key);
void vd_file_fixed_or_zero(struct vd_file_read *r, uint8_t *out, size_t len, json_t *object,
                           const char *key);
/* Any number of bytes of 0x-hex, in the arena; empty when absent. */
struct vd_slice vd_file_bytes(struct vd_file_read *r, json_t *object, const char *key);

/* Whole texts, for keys that are data themselves. */
bool vd_file_parse_fixed(uint8_t *out, size_t len, const char *text);
/* 0x-hex of at most 32 bytes, odd digits allowed, or decimal digits. */
bool vd_file_parse_u256(struct vd_u256 *out, const char *text);

#endif
