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

/* What a comparison run adds up. */
struct tally {
    unsigned long passed;
    unsigned long failed;
    unsigned long unsupported;
};
void tally_fail(struct tally *tally, const char *file, const char *test, const char *fork,
                size_t index, const char *reason);
void tally_unsupported(struct tally *tally, const char *file, const char *test, const char *fork,
                       size_t index, const struct vd_address *precompile);
/* The last line; returns the exit status. */
int tally_end(const struct tally *tally);

/* statetest's and blocktest's arguments: [--fork NAME] PATH...; 2 after a complaint, else 0. */
struct test_args {
    const char *fork; /* NULL: all */
    char **paths;
    int path_count;
};
int test_args_parse(struct test_args *args, int argc, char **argv);

/* The chain's parameters that a test names in "config": chain id and blob schedule. */
struct vd_chain_config;
bool json_chain_config(struct vd_chain_config *config, const json_t *test);

#endif
