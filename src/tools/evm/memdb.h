/* Trie nodes and code by hash, in memory: the state that tests start from and leave behind. */
#ifndef VD_TOOLS_EVM_MEMDB_H
#define VD_TOOLS_EVM_MEMDB_H

#include <jansson.h>

#include "viaduct/core/base/map.h"
#include "viaduct/core/state/state.h"

/* An arena over a reservation of its own. */
struct region {
    struct vd_arena arena;
    void *memory;
    size_t size;
};
bool region_init(struct region *region, size_t size);
void region_deinit(struct region *region);
/* Empties it; pages beyond a few megabytes go back to the system. */
void region_reset(struct region *region);

struct memdb {
    struct region region;
    struct vd_map rows; /* hash -> struct vd_slice */
};

bool memdb_init(struct memdb *db, size_t size);
void memdb_deinit(struct memdb *db);
void memdb_reset(struct memdb *db);
/* Copies bytes. */
enum vd_err memdb_put(struct memdb *db, const struct vd_hash *hash, struct vd_slice bytes);
/* VD_ERR_NOT_FOUND: not there. */
enum vd_err memdb_get(const struct memdb *db, struct vd_slice *out, const struct vd_hash *hash);

/* Reads state under root; walker and scratch outlive *out. */
void memdb_source(struct memdb *db, struct vd_state_source *out, struct vd_trie_walker *walker,
                  struct vd_arena *scratch, const struct vd_hash *root);
/* Keeps what a finished block made. */
void memdb_keepers(struct memdb *db, struct vd_trie_sink *sink, struct vd_state_visitor *visitor);

/* memdb_load makes the state that a test spells out ({address: {nonce, balance, code, storage}}),
   accounts without anything included, and gives its root.  Straight through the trie, without the
   journaled state that the test is about.  VD_ERR_INVALID: malformed. */
enum vd_err memdb_load(struct memdb *db, struct vd_hash *root, struct vd_arena *scratch,
                       const json_t *accounts);

#endif
