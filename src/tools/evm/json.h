/* Test files: their values, and the folders they lie in. */
#ifndef VD_TOOLS_EVM_JSON_H
#define VD_TOOLS_EVM_JSON_H

#include <jansson.h>

#include "viaduct/core/base/arena.h"
#include "viaduct/core/base/u256.h"

/* Hex with 0x in front; the bytes are in the arena.  False: not hex, or no room. */
bool json_bytes(struct vd_slice *out, struct vd_arena *arena, const json_t *value);
/* Exactly len bytes. */
bool json_fixed(uint8_t *out, size_t len, const json_t *value);
/* Hex numbers, leading zeros allowed.  A missing value (NULL) is zero. */
bool json_u256(struct vd_u256 *out, const json_t *value);
bool json_u64(uint64_t *out, const json_t *value);
/* The same for a number as hex text, without its quotes. */
bool hex_u256(struct vd_u256 *out, const char *text);

/* json_walk calls fn with every .json file under path (or path itself), folders in the order of
   their names.  False: something could not be read; what and why went to stderr. */
typedef void (*json_file_fn)(void *ctx, const char *path, json_t *root);
bool json_walk(const char *path, json_file_fn fn, void *ctx);

/* The chain's parameters that a test names in "config": chain id and blob schedule. */
struct vd_chain_config;
bool json_chain_config(struct vd_chain_config *config, const json_t *test);

#endif
