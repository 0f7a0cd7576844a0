#include "tools/evm/memdb.h"

#include <stdlib.h>
#include <string.h>

#include "tools/evm/json.h"
#include "viaduct/core/codec/rlp.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/memory.h"

/* Pages that stay with a region when it is emptied. */
#define REGION_KEEP ((size_t)16 << 20)

bool
region_init(struct region *region, size_t size)
{
    region->memory = vd_reserve(size);
    region->size = size;
    vd_arena_init(&region->arena, region->memory, size);
    return region->memory != NULL;
}

void
region_deinit(struct region *region)
{
    vd_release(region->memory, region->size);
}

void
region_reset(struct region *region)
{
    vd_arena_rewind(&region->arena, 0);
    vd_trim(region->memory, region->size, REGION_KEEP);
}

/* --- rows --- */

static void
empty_rows(struct memdb *db)
{
    static const struct vd_hash seed;
    vd_map_init(&db->rows, &db->region.arena, &seed, sizeof(struct vd_hash),
                sizeof(struct vd_slice));
}

bool
memdb_init(struct memdb *db, size_t size)
{
    if (!region_init(&db->region, size))
        return false;
    empty_rows(db);
    return true;
}

void
memdb_deinit(struct memdb *db)
{
    region_deinit(&db->region);
}

void
memdb_reset(struct memdb *db)
{
    region_reset(&db->region);
    empty_rows(db);
}

enum vd_err
memdb_put(struct memdb *db, const struct vd_hash *hash, struct vd_slice bytes)
{
    void *value;
    bool is_new;
    uint8_t *copy = vd_arena_copy(&db->region.arena, bytes);
    if (copy == NULL)
        return VD_ERR_NO_MEMORY;
    enum vd_err err = vd_map_insert(&db->rows, &value, &is_new, hash);
    if (err == VD_OK && is_new) {
        struct vd_slice row = vd_slice(copy, bytes.len);
        memcpy(value, &row, sizeof row);
    }
    return err;
}

enum vd_err
memdb_get(const struct memdb *db, struct vd_slice *out, const struct vd_hash *hash)
{
    const void *value = vd_map_get(&db->rows, hash);
    if (value == NULL)
        return VD_ERR_NOT_FOUND;
    memcpy(out, value, sizeof *out);
    return VD_OK;
}

/* --- as a source and as a sink --- */

static enum vd_err
read_node(void *ctx, struct vd_trie_node *out, const struct vd_trie_position *at,
          const struct vd_hash *hash)
{
    struct vd_slice rlp;
    (void)at;
    enum vd_err err = memdb_get(ctx, &rlp, hash);
    return err == VD_OK ? vd_trie_decode(out, rlp) : err;
}

static enum vd_err
read_code(void *ctx, struct vd_slice *out, const struct vd_hash *code_hash)
{
    return memdb_get(ctx, out, code_hash);
}

static enum vd_err
keep_node(void *ctx, const struct vd_trie_position *at, const struct vd_trie_node *node,
          struct vd_slice rlp, const struct vd_trie_ref *ref)
{
    struct vd_hash hash;
    (void)at;
    (void)node;
    if (ref->len != sizeof hash.b)
        return VD_OK; /* inlined in its parent */
    memcpy(hash.b, ref->bytes, sizeof hash.b);
    return memdb_put(ctx, &hash, rlp);
}

/* By hash nothing goes away. */
static enum vd_err
keep_old_node(void *ctx, const struct vd_trie_position *at, enum vd_trie_node_type type,
              const struct vd_trie_node *old)
{
    (void)ctx;
    (void)at;
    (void)type;
    (void)old;
    return VD_OK;
}

static enum vd_err
pass_account(void *ctx, const struct vd_address *address, const struct vd_hash *address_hash,
             const struct vd_account *before, const struct vd_account *after)
{
    (void)ctx;
    (void)address;
    (void)address_hash;
    (void)before;
    (void)after;
    return VD_OK;
}

static enum vd_err
pass_slot(void *ctx, const struct vd_address *address, const struct vd_hash *address_hash,
          const struct vd_u256 *key, const struct vd_hash *slot_hash, const struct vd_u256 *before,
          const struct vd_u256 *after)
{
    (void)ctx;
    (void)address;
    (void)address_hash;
    (void)key;
    (void)slot_hash;
    (void)before;
    (void)after;
    return VD_OK;
}

static enum vd_err
keep_code(void *ctx, const struct vd_hash *code_hash, struct vd_slice code)
{
    return memdb_put(ctx, code_hash, code);
}

void
memdb_source(struct memdb *db, struct vd_state_source *out, struct vd_trie_walker *walker,
             struct vd_arena *scratch, const struct vd_hash *root)
{
    *walker = (struct vd_trie_walker){
        .nodes = {.ctx = db, .node = read_node},
        .root = *root,
        .arena = scratch,
        .code_ctx = db,
        .code = read_code,
    };
    vd_state_source_from_tries(out, walker);
}

void
memdb_keepers(struct memdb *db, struct vd_trie_sink *sink, struct vd_state_visitor *visitor)
{
    *sink = (struct vd_trie_sink){.ctx = db, .put = keep_node, .del = keep_old_node};
    *visitor = (struct vd_state_visitor){
        .ctx = db, .account = pass_account, .slot = pass_slot, .code = keep_code};
}

/* --- a state spelled out --- */

static int
by_key(const void *a, const void *b)
{
    const struct vd_trie_change *x = a;
    const struct vd_trie_change *y = b;
    return memcmp(x->key.b, y->key.b, sizeof x->key.b);
}

/* The root of a new trie over count changes. */
static enum vd_err
build(struct memdb *db, struct vd_hash *root, struct vd_arena *scratch, const struct vd_hash *owner,
      struct vd_trie_change *changes, size_t count)
{
    struct vd_trie_source source = {.ctx = db, .node = read_node};
    struct vd_trie_sink sink;
    struct vd_state_visitor visitor;
    memdb_keepers(db, &sink, &visitor);
    *root = VD_EMPTY_ROOT;
    if (count == 0)
        return VD_OK;
    qsort(changes, count, sizeof *changes, by_key);
    return vd_trie_update(&source, &sink, root, scratch, owner, &VD_EMPTY_ROOT, changes, count);
}

static enum vd_err
read_slot(struct vd_trie_change *change, struct vd_arena *scratch, const char *key,
          const json_t *value)
{
    struct vd_u256 k;
    struct vd_u256 v;
    uint8_t word[32];
    struct vd_buf buf;
    if (!hex_u256(&k, key) || !json_u256(&v, value))
        return VD_ERR_INVALID;
    vd_u256_to_be(word, &k);
    change->key = vd_keccak256(vd_slice(word, sizeof word));
    change->value = vd_slice(NULL, 0);
    if (vd_u256_is_zero(&v))
        return VD_OK;
    vd_buf_init(&buf, scratch);
    vd_rlp_put_u256(&buf, &v);
    change->value = vd_buf_view(&buf);
    return buf.err;
}

static enum vd_err
load_storage(struct memdb *db, struct vd_hash *root, struct vd_arena *scratch,
             const struct vd_hash *owner, json_t *storage)
{
    const char *key;
    json_t *value;
    size_t count = 0;
    struct vd_trie_change *changes =
        VD_ARENA_NEW(scratch, struct vd_trie_change, json_object_size(storage));
    if (changes == NULL)
        return VD_ERR_NO_MEMORY;
    json_object_foreach(storage, key, value)
    {
        enum vd_err err = read_slot(&changes[count++], scratch, key, value);
        if (err != VD_OK)
            return err;
    }
    return build(db, root, scratch, owner, changes, count);
}

static enum vd_err
load_code(struct memdb *db, struct vd_hash *hash, struct vd_arena *scratch, const json_t *value)
{
    struct vd_slice code;
    if (!json_bytes(&code, scratch, value))
        return VD_ERR_INVALID;
    *hash = vd_keccak256(code);
    return code.len == 0 ? VD_OK : memdb_put(db, hash, code);
}

static enum vd_err
load_account(struct memdb *db, struct vd_trie_change *change, struct vd_arena *scratch,
             const char *key, const json_t *value)
{
    struct vd_address address;
    struct vd_account account;
    struct vd_buf buf;
    if (strlen(key) != 42 || vd_hex_decode(address.b, 20, key + 2, 40) != VD_OK ||
        !json_u64(&account.nonce, json_object_get(value, "nonce")) ||
        !json_u256(&account.balance, json_object_get(value, "balance")))
        return VD_ERR_INVALID;
    change->key = vd_keccak256(vd_slice(address.b, sizeof address.b));
    enum vd_err err = load_code(db, &account.code_hash, scratch, json_object_get(value, "code"));
    if (err == VD_OK)
        err = load_storage(db, &account.storage_root, scratch, &change->key,
                           json_object_get(value, "storage"));
    if (err != VD_OK)
        return err;
    vd_buf_init(&buf, scratch);
    vd_account_encode(&buf, &account);
    change->value = vd_buf_view(&buf);
    return buf.err;
}

enum vd_err
memdb_load(struct memdb *db, struct vd_hash *root, struct vd_arena *scratch, const json_t *accounts)
{
    const char *key;
    json_t *value;
    size_t count = 0;
    struct vd_trie_change *changes =
        VD_ARENA_NEW(scratch, struct vd_trie_change, json_object_size(accounts));
    if (changes == NULL)
        return VD_ERR_NO_MEMORY;
    json_object_foreach((json_t *)(uintptr_t)accounts, key, value)
    {
        enum vd_err err = load_account(db, &changes[count++], scratch, key, value);
        if (err != VD_OK)
            return err;
    }
    return build(db, root, scratch, NULL, changes, count);
}
