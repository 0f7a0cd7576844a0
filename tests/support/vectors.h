/* Conformance vectors are not part of the repository.  The environment variable VD_VECTORS names a
   folder that holds them (state/, rlp/, precompiles/, op/ ...).  Without it a test that needs them
   says so loudly and goes on. */
#ifndef VIADUCT_TESTS_SUPPORT_VECTORS_H
#define VIADUCT_TESTS_SUPPORT_VECTORS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "viaduct/core/base/bytes.h"

/* The folder, or NULL after printing the SKIPPED line.  Lives as long as the environment. */
const char *vd_vectors_dir(void);

/* vd_vectors_file reads the file at path, relative to the folder, into malloc'd memory with a zero
   byte after its end; the caller frees it.  NULL when VD_VECTORS is not set (the SKIPPED line is
   printed); when it is set and the file cannot be read the running test fails. */
uint8_t *vd_vectors_file(const char *path, size_t *len);

/* vd_vectors_json parses the file at path.  The caller owns the reference; NULL and failure as
   above. */
json_t *vd_vectors_json(const char *path);

/* vd_vectors_walk calls fn with the path, relative to the folder of vectors, of every file below
   folder whose name ends in suffix, in the order of their names; false when VD_VECTORS is not set.
   A folder that is not there fails the test. */
typedef void (*vd_vectors_fn)(void *ctx, const char *path);
bool vd_vectors_walk(const char *folder, const char *suffix, vd_vectors_fn fn, void *ctx);

/* vd_unhex decodes text, with or without 0x in front, into malloc'd memory; the caller frees it.
   An odd digit out stands alone in its byte ("0x1" is 01).  Anything else, NULL too, fails the
   running test.  Never returns NULL. */
uint8_t *vd_unhex(const char *text, size_t *len);

/* The same for exactly len bytes, and for a number of up to 32 bytes, padded in front. */
void vd_unhex_fixed(uint8_t *out, size_t len, const char *text);
struct vd_hash vd_unhex_word(const char *text);

#endif
