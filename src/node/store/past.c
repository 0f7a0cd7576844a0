/* A past state, read through the index.

   A row's value after block N is what the first entry of a block above N says it was before;
   without one it is the row of the state after the last indexed block, which the layers below hold.
   A branch may take several entries: each gives the children that its block changed, and the first
   one that gives a child is right for it, up to an entry that holds the whole row.

   What hangs at a place of the trie is told by the branch of the place, else by the shape that the
   place had (diff.h), else, where the shape has not changed since, by the layers below.  Never by
   looking through the rows below the place: most of them may have been made since. */
#include "index.h"

static bool
nothing_indexed(const struct vd_snapshot *snapshot)
{
    return snapshot->index_first > snapshot->index_upto;
}

/* The highest block that index and state name alike; the two differ for a moment around an
   unwinding. */
static enum vd_err
find_common(struct vd_snapshot *snapshot, uint64_t last, uint64_t tip)
{
    uint64_t lowest = tip > VD_MAX_BACK ? tip - VD_MAX_BACK : 0;
    lowest = lowest < snapshot->index_first ? snapshot->index_first : lowest;
    for (uint64_t n = last < tip ? last : tip; n >= lowest && n > 0; n--) {
        struct vd_hash own;
        struct vd_hash theirs;
        enum vd_err err = vd_index_hash(snapshot->store->index, snapshot->index_txn, &theirs, n);
        if (err == VD_OK) {
            err = vd_store_hash(snapshot->store, snapshot->txn, &own, n);
        }
        if (err != VD_OK) {
            return err;
        }
        if (vd_hash_eq(&own, &theirs)) {
            snapshot->index_upto = n;
            return VD_OK;
        }
    }
    return VD_OK;
}

enum vd_err
vd_past_range(struct vd_snapshot *snapshot, const struct vd_block_id *tip)
{
    uint64_t last = 0;
    if (snapshot->index_tried) {
        return VD_OK;
    }
    snapshot->index_first = 1;
    snapshot->index_upto = 0;
    struct vd_hash hash;
    enum vd_err err =
        vd_index_begin(snapshot->store->index, &snapshot->index_txn, &snapshot->index_entries,
                       &snapshot->index_first, &last, &hash);
    if (err == VD_OK && last == tip->number && vd_hash_eq(&hash, &tip->hash)) {
        snapshot->index_upto = last;
    } else if (err == VD_OK) {
        err = find_common(snapshot, last, tip->number);
    }
    if (err == VD_ERR_NOT_FOUND) {
        snapshot->index_first = 1;
        snapshot->index_upto = 0;
        err = VD_OK;
    }
    snapshot->index_tried = err == VD_OK;
    return err;
}

void
vd_past_end(struct vd_snapshot *snapshot)
{
    if (snapshot->index_entries) {
        mdb_cursor_close(snapshot->index_entries);
    }
    mdb_txn_abort(snapshot->index_txn);
}

/* --- entries --- */

/* The entries of one key, oldest first. */
struct entries {
    const struct vd_past *past;
    uint8_t key[VD_INDEX_MAX_KEY];
    size_t key_len;
    bool begun;
};

static void
entries_begin(struct entries *e, const struct vd_past *past, enum vd_table table,
              struct vd_slice key)
{
    e->past = past;
    e->key_len = vd_index_key(e->key, table, key, past->number + 1);
    e->begun = false;
}

/* VD_ERR_NOT_FOUND: no more that count. */
static enum vd_err
entries_next(struct entries *e, enum vd_form *form, struct vd_slice *value)
{
    MDB_val k = {.mv_size = e->key_len, .mv_data = e->key};
    MDB_val v;
    int mdb = mdb_cursor_get(e->past->snapshot->index_entries, &k, &v,
                             e->begun ? MDB_NEXT : MDB_SET_RANGE);
    e->begun = true;
    if (mdb != MDB_SUCCESS) {
        return vd_store_err(mdb);
    }
    if (k.mv_size != e->key_len || memcmp(k.mv_data, e->key, e->key_len - 8) != 0) {
        return VD_ERR_NOT_FOUND;
    }
    const uint8_t *bytes = k.mv_data;
    if (vd_load_be64(bytes + e->key_len - 8) > e->past->snapshot->index_upto) {
        return VD_ERR_NOT_FOUND;
    }
    bytes = v.mv_data;
    if (v.mv_size == 0 || bytes[0] > VD_FORM_CHILDREN) {
        return VD_ERR_CORRUPT;
    }
    *form = (enum vd_form)bytes[0];
    *value = vd_slice(bytes + 1, v.mv_size - 1);
    return VD_OK;
}

/* A row that is no branch: *known says whether the index knows it. */
static enum vd_err
old_row(const struct vd_past *past, bool *known, struct vd_slice *value, enum vd_table table,
        struct vd_slice key)
{
    struct entries e;
    enum vd_form form = VD_FORM_NONE;
    entries_begin(&e, past, table, key);
    enum vd_err err = entries_next(&e, &form, value);
    *known = err != VD_ERR_NOT_FOUND;
    if (err != VD_OK) {
        return err;
    }
    switch (form) {
    case VD_FORM_NONE:
        return VD_ERR_NOT_FOUND;
    case VD_FORM_WHOLE:
        return VD_OK;
    case VD_FORM_CHILDREN:
        break;
    }
    return VD_ERR_CORRUPT;
}

static enum vd_err
get_row(const struct vd_past *past, struct vd_slice *value, enum vd_table table,
        struct vd_slice key)
{
    bool known = false;
    enum vd_err err =
        table == VD_TABLE_CODE ? VD_ERR_NOT_FOUND : old_row(past, &known, value, table, key);
    if (known) {
        return err;
    }
    const struct vd_rows *below = vd_layers_rows(past->below);
    return below->get(below->ctx, value, table, key);
}

/* --- branches --- */

struct children {
    struct vd_trie_ref *child;
    uint16_t known;
};

static enum vd_err
fill(struct children *c, uint16_t mask, struct vd_slice row)
{
    struct vd_trie_ref from[16];
    if ((mask & ~c->known) == 0) {
        return VD_OK;
    }
    enum vd_err err = vd_branch_decode(from, row);
    if (err != VD_OK) {
        return err;
    }
    for (unsigned i = 0; i < 16; i++) {
        if ((mask & ~c->known) >> i & 1) {
            c->child[i] = from[i];
        }
    }
    c->known |= mask;
    return VD_OK;
}

/* The rest of the children from the state below. */
static enum vd_err
fill_below(const struct vd_past *past, struct children *c, struct vd_slice key)
{
    struct vd_slice row;
    const struct vd_rows *below = vd_layers_rows(past->below);
    enum vd_err err = below->get(below->ctx, &row, VD_TABLE_BRANCHES, key);
    if (err == VD_ERR_NOT_FOUND && c->known != 0) {
        return VD_ERR_CORRUPT;
    }
    return err == VD_OK ? fill(c, UINT16_MAX, row) : err;
}

/* VD_ERR_NOT_FOUND: there was no such branch. */
static enum vd_err
old_branch(const struct vd_past *past, struct vd_trie_ref child[16], struct vd_slice key)
{
    struct children c = {.child = child};
    struct entries e;
    enum vd_err err = VD_OK;
    entries_begin(&e, past, VD_TABLE_BRANCHES, key);
    while (err == VD_OK && c.known != UINT16_MAX) {
        enum vd_form form = VD_FORM_NONE;
        struct vd_slice value;
        err = entries_next(&e, &form, &value);
        if (err == VD_ERR_NOT_FOUND) {
            return fill_below(past, &c, key);
        }
        if (err != VD_OK) {
            return err;
        }
        switch (form) {
        case VD_FORM_NONE:
            return c.known == 0 ? VD_ERR_NOT_FOUND : VD_ERR_CORRUPT;
        case VD_FORM_WHOLE:
            return fill(&c, UINT16_MAX, value);
        case VD_FORM_CHILDREN:
            err = value.len < 2
                      ? VD_ERR_CORRUPT
                      : fill(&c, vd_load_be16(value.ptr), vd_slice(value.ptr + 2, value.len - 2));
            break;
        }
    }
    return err;
}

/* --- rows --- */

static enum vd_err
past_get(void *ctx, struct vd_slice *value, enum vd_table table, struct vd_slice key)
{
    const struct vd_past *past = ctx;
    if (table != VD_TABLE_BRANCHES) {
        return get_row(past, value, table, key);
    }
    struct vd_trie_ref child[16];
    uint8_t row[VD_MAX_BRANCH];
    enum vd_err err = old_branch(past, child, key);
    if (err != VD_OK) {
        return err;
    }
    size_t len = vd_branch_encode(row, child);
    *value = vd_slice(vd_arena_copy(past->scratch, vd_slice(row, len)), len);
    return value->ptr ? VD_OK : VD_ERR_NO_MEMORY;
}

static enum vd_err
past_seek(void *ctx, struct vd_slice *found, struct vd_slice *value, enum vd_table table,
          struct vd_slice key)
{
    (void)ctx;
    (void)found;
    (void)value;
    (void)table;
    (void)key;
    return VD_ERR_UNSUPPORTED;
}

/* --- places of the trie --- */

/* The shape of a place where no branch stood; *known: the index knows it. */
static enum vd_err
old_shape(const struct vd_past *past, bool *known, struct vd_trie_node *shape, struct vd_slice key)
{
    struct vd_slice row;
    enum vd_err err = old_row(past, known, &row, VD_TABLE_SHAPES, key);
    return *known && err == VD_OK ? vd_shape_decode(shape, row) : err;
}

/* The branch that the extension at a place led to; VD_ERR_NOT_FOUND: it is a leaf. */
static enum vd_err
behind_extension(const struct vd_past *past, uint8_t path[VD_TRIE_MAX_NIBBLES], size_t *path_len,
                 struct vd_trie_ref child[16], const struct vd_trie_position *at,
                 struct vd_slice key)
{
    struct vd_trie_node shape;
    bool known = false;
    enum vd_err err = old_shape(past, &known, &shape, key);
    if (!known && err == VD_ERR_NOT_FOUND) {
        const struct vd_pathstore *below = &past->below->paths;
        err = below->first_branch(below->ctx, path, path_len, child, at);
        if (err == VD_OK &&
            (*path_len <= at->path_len || memcmp(path, at->path, at->path_len) != 0)) {
            err = VD_ERR_NOT_FOUND;
        }
    } else if (err == VD_OK && shape.type == VD_TRIE_LEAF) {
        err = VD_ERR_NOT_FOUND;
    } else if (err == VD_OK) {
        if (at->path_len + shape.path_len > VD_TRIE_MAX_NIBBLES) {
            return VD_ERR_CORRUPT;
        }
        memcpy(path, at->path, at->path_len);
        memcpy(path + at->path_len, shape.path, shape.path_len);
        *path_len = at->path_len + shape.path_len;
    }
    return err;
}

static enum vd_err
past_first_branch(void *ctx, uint8_t path[VD_TRIE_MAX_NIBBLES], size_t *path_len,
                  struct vd_trie_ref child[16], const struct vd_trie_position *at)
{
    const struct vd_past *past = ctx;
    uint8_t key[VD_MAX_KEY];
    size_t key_len = vd_branch_key(key, at);
    enum vd_err err = old_branch(past, child, vd_slice(key, key_len));
    if (err == VD_OK) {
        *path_len = at->path_len;
        memcpy(path, at->path, at->path_len);
    }
    if (err != VD_ERR_NOT_FOUND) {
        return err;
    }
    err = behind_extension(past, path, path_len, child, at, vd_slice(key, key_len));
    if (err != VD_OK) {
        return err;
    }
    struct vd_trie_position behind = {.owner = at->owner, .path = path, .path_len = *path_len};
    key_len = vd_branch_key(key, &behind);
    err = old_branch(past, child, vd_slice(key, key_len));
    return err == VD_ERR_NOT_FOUND ? VD_ERR_CORRUPT : err;
}

/* Both parts of a leaf's path as its key. */
static enum vd_err
leaf_key(struct vd_hash *key, const struct vd_trie_position *at, const struct vd_trie_node *shape)
{
    if (shape->type != VD_TRIE_LEAF || at->path_len + shape->path_len != VD_TRIE_MAX_NIBBLES) {
        return VD_ERR_CORRUPT;
    }
    memset(key->b, 0, sizeof key->b);
    for (size_t i = 0; i < VD_TRIE_MAX_NIBBLES; i++) {
        uint8_t nibble = i < at->path_len ? at->path[i] : shape->path[i - at->path_len];
        key->b[i / 2] |= (uint8_t)(i % 2 == 0 ? nibble << 4 : nibble);
    }
    return VD_OK;
}

static enum vd_err
past_first_leaf(void *ctx, struct vd_hash *leaf, struct vd_slice *value,
                const struct vd_trie_position *at)
{
    const struct vd_past *past = ctx;
    struct vd_trie_node shape;
    uint8_t key[VD_MAX_KEY];
    bool known = false;
    size_t key_len = vd_branch_key(key, at);
    enum vd_err err = old_shape(past, &known, &shape, vd_slice(key, key_len));
    if (!known && err == VD_ERR_NOT_FOUND) {
        const struct vd_pathstore *below = &past->below->paths;
        err = below->first_leaf(below->ctx, leaf, value, at);
    } else if (err == VD_OK) {
        err = leaf_key(leaf, at, &shape);
    }
    if (err != VD_OK) {
        return err;
    }
    size_t head = at->owner ? 32 : 0;
    if (at->owner) {
        memcpy(key, at->owner->b, 32);
    }
    memcpy(key + head, leaf->b, 32);
    return get_row(past, value, at->owner ? VD_TABLE_SLOTS : VD_TABLE_ACCOUNTS,
                   vd_slice(key, head + 32));
}

/* --- the source --- */

static enum vd_err
source_account(void *ctx, struct vd_account *out, const struct vd_address *address,
               const struct vd_hash *address_hash)
{
    (void)address;
    struct vd_slice row;
    enum vd_err err = get_row(ctx, &row, VD_TABLE_ACCOUNTS, vd_slice(address_hash->b, 32));
    if (err != VD_OK) {
        return err;
    }
    return vd_account_decode(out, row) == VD_OK ? VD_OK : VD_ERR_CORRUPT;
}

static enum vd_err
source_slot(void *ctx, struct vd_u256 *out, const struct vd_hash *address_hash,
            const struct vd_hash *storage_root, const struct vd_hash *slot_hash)
{
    (void)storage_root;
    uint8_t key[64];
    memcpy(key, address_hash->b, 32);
    memcpy(key + 32, slot_hash->b, 32);
    struct vd_slice row;
    enum vd_err err = get_row(ctx, &row, VD_TABLE_SLOTS, vd_slice(key, sizeof key));
    *out = vd_u256(0);
    if (err != VD_OK) {
        return err == VD_ERR_NOT_FOUND ? VD_OK : err;
    }
    return vd_slot_decode(out, row);
}

static enum vd_err
source_code(void *ctx, struct vd_slice *out, const struct vd_hash *code_hash)
{
    const struct vd_past *past = ctx;
    return past->source.code(past->source.ctx, out, code_hash);
}

void
vd_past_source(struct vd_state_source *out, struct vd_past *past)
{
    VD_ASSERT(!nothing_indexed(past->snapshot));
    vd_layers_source(&past->source, past->below);
    past->rows = (struct vd_rows){.ctx = past, .get = past_get, .seek = past_seek};
    past->paths = (struct vd_pathstore){
        .ctx = past, .first_branch = past_first_branch, .first_leaf = past_first_leaf};
    *out = (struct vd_state_source){
        .ctx = past, .account = source_account, .slot = source_slot, .code = source_code};
    vd_pathstore_source(&out->trie, &past->paths);
}
