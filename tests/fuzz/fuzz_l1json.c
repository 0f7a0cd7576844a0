/* A block, a transaction or a receipt as an L1 node tells it: never a crash, always a reason, and
   what is accepted decodes again. */
#include <stdlib.h>

#include "node/l1/l1_internal.h"
#include "viaduct/node/net/json_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_BYTES = 1 << 20 };

static void
check_transaction(const json_t *root, struct vd_arena arena)
{
    struct vd_l1_why why = {""};
    struct vd_slice raw;
    struct vd_hash hash;
    struct vd_tx tx;
    enum vd_err err = vd_l1_parse_transaction(&raw, &hash, &why, &arena, root);
    VD_ASSERT((err == VD_OK) == (why.text[0] == '\0'));
    if (err == VD_OK)
        VD_ASSERT(vd_tx_decode(&tx, NULL, &arena, raw) == VD_OK);
}

static void
check_fate(const json_t *root)
{
    struct vd_json_why why = {""};
    struct vd_l1_receipt receipt = {0};
    bool ok = vd_l1_read_receipt(&receipt, &why, root);
    VD_ASSERT(ok == (why.text[0] == '\0'));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vd_json_why json_why;
    struct vd_l1_why why = {""};
    struct vd_l1_lenient lenient = {0};
    struct vd_l1_block block = {0};
    struct vd_arena arena;
    json_t *root = vd_json_parse(&json_why, vd_slice(data, size));
    if (root == NULL)
        return 0;
    void *memory = malloc(ARENA_BYTES);
    VD_ASSERT(memory != NULL);
    vd_arena_init(&arena, memory, ARENA_BYTES);
    check_transaction(root, arena);
    check_fate(root);
    enum vd_err err = vd_l1_parse_block(&block, &why, &arena, &lenient, root);
    VD_ASSERT((err == VD_OK) == (why.text[0] == '\0'));
    block.transaction_count = json_array_size(root);
    why.text[0] = '\0';
    err = vd_l1_parse_receipts(&block, &why, &arena, root);
    VD_ASSERT((err == VD_OK) == (why.text[0] == '\0'));
    free(memory);
    json_decref(root);
    return 0;
}
