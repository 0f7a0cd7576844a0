/* The two files that say which chain a node is on: rollup.json (the fields and
   spellings of op-node) and genesis.json (the form of geth). */
#ifndef VIADUCT_NODE_APP_CHAIN_FILES_H
#define VIADUCT_NODE_APP_CHAIN_FILES_H

#include "file_read.h"
#include "viaduct/core/chain/genesis.h"
#include "viaduct/core/rollup/config.h"

/* The blob schedule of the L1 with this chain id: those of the public networks, Prague's from the
   start for any other. */
void vd_l1_chain_config(struct vd_chain_config *config, uint64_t l1_chain_id);

/* vd_rollup_json_read fills config from a file and checks it (vd_rollup_config_check).
   False: r->error says what is wrong. */
bool vd_rollup_json_read(struct vd_file_read *r, struct vd_rollup_config *config, const char *path);
/* The document, to be freed with json_decref. */
json_t *vd_rollup_json_write(const struct vd_rollup_config *config);

/* vd_genesis_json_read: accounts and their code live in r->arena. */
bool vd_genesis_json_read(struct vd_file_read *r, struct vd_genesis *genesis, const char *path);
json_t *vd_genesis_json_write(const struct vd_genesis *genesis,
                              const struct vd_chain_config *config);

/* vd_file_folder makes the folder that files are to be stored in, if it is not there.  False: error
   is set. */
bool vd_file_folder(const char *path, char *error, size_t error_len);
/* vd_file_store writes document to path through a temporary file in the same folder, so that the
   file is whole or not there.  False: error is set. */
bool vd_file_store(json_t *document, const char *path, char *error, size_t error_len);

#endif
