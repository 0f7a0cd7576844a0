/* Ethereum's values out of parsed JSON, with the error texts that geth's decoder gives.

   Each function reads one value.  false: it is not what was asked for, and why (never NULL) holds
   a terminated text without the argument's position, for instance
   "json: cannot unmarshal hex string without 0x prefix into Go value of type common.Address".
   A NULL value reads like JSON's null, as a wrong type. */
#ifndef VIADUCT_NODE_NET_JSON_READER_H
#define VIADUCT_NODE_NET_JSON_READER_H

#include <jansson.h>

#include "viaduct/core/base/u256.h"

#define VD_JSON_WHY_MAX 192

/* How deep parsed JSON may nest; deeper text does not parse. */
#define VD_JSON_MAX_DEPTH 64

struct vd_json_why {
    char text[VD_JSON_WHY_MAX];
};

/* vd_json_parse reads one JSON text (any value).  The caller owns the reference; NULL: it does not
   parse, *why says where.  Duplicate keys: the last one counts, as in Go. */
json_t *vd_json_parse(struct vd_json_why *why, struct vd_slice text);

bool vd_json_read_address(struct vd_address *out, struct vd_json_why *why, const json_t *value);
bool vd_json_read_hash(struct vd_hash *out, struct vd_json_why *why, const json_t *value);
/* Exactly len bytes of data; type is the name for the text. */
bool vd_json_read_fixed(uint8_t *out, size_t len, const char *type, struct vd_json_why *why,
                        const json_t *value);
/* Quantities: 0x, no leading zeros. */
bool vd_json_read_u64(uint64_t *out, struct vd_json_why *why, const json_t *value);
bool vd_json_read_u256(struct vd_u256 *out, struct vd_json_why *why, const json_t *value);
/* A 32-byte word written with or without leading zeros and with up to 32 bytes, as storage keys
   are ("0x0" and the full 64 digits mean the same). */
bool vd_json_read_word(struct vd_hash *out, struct vd_json_why *why, const json_t *value);
/* Data: *out is malloc'd (also when empty), the caller frees it. */
bool vd_json_read_data(uint8_t **out, size_t *len, struct vd_json_why *why, const json_t *value);
bool vd_json_read_bool(bool *out, struct vd_json_why *why, const json_t *value);

/* The same into an arena; it must have room for half of the text's length. */
struct vd_arena;
bool vd_json_read_data_arena(struct vd_slice *out, struct vd_json_why *why, struct vd_arena *arena,
                             const json_t *value);

#endif
