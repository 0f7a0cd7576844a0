/* Everything in a database that can be computed again is, and compared. */
#include <stdarg.h>
#include <stdio.h>

#include "index.h"
#include "rebuild.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/memory.h"
#include "viaduct/node/store/care.h"

/* Lists of one block. */
#define SCRATCH_BYTES ((size_t)1 << 32)

struct check {
    struct vd_snapshot *snapshot;
    struct vd_store_verified *out;
    struct vd_block_id genesis;
    struct vd_header tip;
    char *fault;
    size_t fault_size;
    struct vd_arena arena;
};

static enum vd_err fault(const struct check *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum vd_err
fault(const struct check *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(c->fault, c->fault_size, format, args);
    va_end(args);
    return VD_ERR_CORRUPT;
}

#define HEX(hash) vd_hex_text((hash).b, sizeof(hash).b).text

static enum vd_err
open_table(const struct check *c, MDB_cursor **cursor, enum db db)
{
    return vd_store_err(mdb_cursor_open(c->snapshot->txn, c->snapshot->store->dbi[db], cursor));
}

static enum vd_err
row_count(const struct check *c, uint64_t *count, enum db db)
{
    MDB_stat stat = {0};
    enum vd_err err = vd_store_err(mdb_stat(c->snapshot->txn, c->snapshot->store->dbi[db], &stat));
    *count = stat.ms_entries;
    return err;
}

/* --- the state --- */

struct state_check {
    struct check *c;
    struct vd_rebuild accounts;
    struct vd_rebuild storage;
    MDB_cursor *slots;
    bool has_slot;
    struct vd_slice slot_key;
    struct vd_slice slot_value;
};

static enum vd_err
next_slot(struct state_check *s)
{
    MDB_val key;
    MDB_val value;
    enum vd_err err = vd_store_err(mdb_cursor_get(s->slots, &key, &value, MDB_NEXT));
    s->has_slot = err == VD_OK;
    if (err != VD_OK) {
        return err == VD_ERR_NOT_FOUND ? VD_OK : err;
    }
    s->slot_key = vd_val_slice(&key);
    s->slot_value = vd_val_slice(&value);
    struct vd_u256 number;
    if (s->slot_key.len != 64 || vd_slot_decode(&number, s->slot_value) != VD_OK) {
        return fault(s->c, "slots: a row that is no slot");
    }
    return VD_OK;
}

/* The storage of one account; *root of what its slots make. */
static enum vd_err
rebuild_storage(struct state_check *s, struct vd_hash *root, const struct vd_hash *owner)
{
    enum vd_err err = VD_OK;
    s->storage.owner = owner;
    while (err == VD_OK && s->has_slot && memcmp(s->slot_key.ptr, owner->b, 32) == 0) {
        struct vd_hash key;
        memcpy(key.b, s->slot_key.ptr + 32, 32);
        err = vd_rebuild_leaf(&s->storage, &key, s->slot_value);
        s->c->out->slots++;
        if (err == VD_OK) {
            err = next_slot(s);
        }
    }
    return err == VD_OK ? vd_rebuild_end(&s->storage, root) : err;
}

static enum vd_err
check_code(const struct check *c, const struct vd_hash *key, const struct vd_account *account)
{
    struct vd_slice code;
    if (vd_hash_eq(&account->code_hash, &VD_EMPTY_CODE_HASH)) {
        return VD_OK;
    }
    enum vd_err err = vd_store_get(c->snapshot->store, c->snapshot->txn, &code, DB_CODE,
                                   vd_slice(account->code_hash.b, 32));
    if (err == VD_ERR_NOT_FOUND) {
        return fault(c, "code: %s, which account %s has, is missing", HEX(account->code_hash),
                     HEX(*key));
    }
    return err;
}

static enum vd_err
check_account(struct state_check *s, const struct vd_hash *key, struct vd_slice value)
{
    struct vd_account account;
    struct vd_hash root;
    const struct check *c = s->c;
    if (vd_account_decode(&account, value) != VD_OK) {
        return fault(c, "accounts: the row %s does not decode", HEX(*key));
    }
    if (s->has_slot && memcmp(s->slot_key.ptr, key->b, 32) < 0) {
        return fault(c, "slots: the row %s belongs to no account",
                     vd_hex_text(s->slot_key.ptr, 64).text);
    }
    enum vd_err err = rebuild_storage(s, &root, key);
    if (err == VD_OK && !vd_hash_eq(&root, &account.storage_root)) {
        return fault(c, "slots: those of account %s give the storage root %s, its row says %s",
                     HEX(*key), HEX(root), HEX(account.storage_root));
    }
    if (err == VD_OK) {
        err = check_code(c, key, &account);
    }
    s->c->out->accounts++;
    return err == VD_OK ? vd_rebuild_leaf(&s->accounts, key, value) : err;
}

static enum vd_err
walk_accounts(struct state_check *s, MDB_cursor *accounts)
{
    enum vd_err err = next_slot(s);
    while (err == VD_OK) {
        MDB_val key;
        MDB_val value;
        struct vd_hash hash;
        err = vd_store_err(mdb_cursor_get(accounts, &key, &value, MDB_NEXT));
        if (err == VD_OK && key.mv_size != 32) {
            return fault(s->c, "accounts: a row that is no account");
        }
        if (err == VD_OK) {
            memcpy(hash.b, key.mv_data, 32);
            err = check_account(s, &hash, vd_val_slice(&value));
        }
    }
    return err == VD_ERR_NOT_FOUND ? VD_OK : err;
}

static enum vd_err
finish_state(struct state_check *s)
{
    struct vd_hash root;
    uint64_t rows = 0;
    struct check *c = s->c;
    enum vd_err err = vd_rebuild_end(&s->accounts, &root);
    if (err == VD_OK && s->has_slot) {
        return fault(c, "slots: the row %s belongs to no account",
                     vd_hex_text(s->slot_key.ptr, 64).text);
    }
    if (err == VD_OK && !vd_hash_eq(&root, &c->tip.state_root)) {
        return fault(c, "accounts: the rows give the state root %s, block %llu has %s", HEX(root),
                     (unsigned long long)c->out->tip.number, HEX(c->tip.state_root));
    }
    c->out->branches = s->accounts.branches + s->storage.branches;
    if (err == VD_OK) {
        err = row_count(c, &rows, DB_BRANCHES);
    }
    if (err == VD_OK && rows != c->out->branches) {
        return fault(c, "branches: %llu rows, the tries have %llu", (unsigned long long)rows,
                     (unsigned long long)c->out->branches);
    }
    return err;
}

static enum vd_err
check_state(struct check *c)
{
    struct state_check *s = VD_ARENA_NEW(&c->arena, struct state_check, 1);
    MDB_cursor *accounts = NULL;
    if (!s) {
        return VD_ERR_NO_MEMORY;
    }
    s->c = c;
    s->accounts = (struct vd_rebuild){
        .snapshot = c->snapshot, .fault = c->fault, .fault_size = c->fault_size};
    s->storage = s->accounts;
    enum vd_err err = open_table(c, &accounts, DB_ACCOUNTS);
    if (err == VD_OK) {
        err = open_table(c, &s->slots, DB_SLOTS);
    }
    if (err == VD_OK) {
        err = walk_accounts(s, accounts);
    }
    if (err == VD_OK) {
        err = finish_state(s);
    }
    if (s->slots) {
        mdb_cursor_close(s->slots);
    }
    if (accounts) {
        mdb_cursor_close(accounts);
    }
    return err;
}

static enum vd_err
check_codes(struct check *c)
{
    MDB_cursor *cursor = NULL;
    enum vd_err err = open_table(c, &cursor, DB_CODE);
    while (err == VD_OK) {
        MDB_val key;
        MDB_val value;
        err = vd_store_err(mdb_cursor_get(cursor, &key, &value, MDB_NEXT));
        if (err != VD_OK) {
            break;
        }
        struct vd_hash hash = vd_keccak256(vd_val_slice(&value));
        if (key.mv_size != 32 || memcmp(hash.b, key.mv_data, 32) != 0) {
            err = fault(c, "code: the row %s has the hash %s",
                        vd_hex_text(key.mv_data, key.mv_size < 32 ? key.mv_size : 32).text,
                        HEX(hash));
        }
        c->out->codes++;
    }
    if (cursor) {
        mdb_cursor_close(cursor);
    }
    return err == VD_ERR_NOT_FOUND ? VD_OK : err;
}

/* --- blocks --- */

static enum vd_err
check_transactions(struct check *c, const struct vd_header *header, const struct vd_body *body)
{
    struct vd_hash root;
    struct vd_slice *raws = VD_ARENA_NEW(&c->arena, struct vd_slice, (size_t)body->count + 1);
    unsigned long long number = header->number;
    if (!raws) {
        return VD_ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < body->count; i++) {
        uint64_t at = 0;
        uint32_t index = 0;
        raws[i] = vd_body_transaction(body, i);
        struct vd_hash hash = vd_keccak256(raws[i]);
        enum vd_err err = vd_snapshot_find_tx(c->snapshot, &at, &index, &hash);
        if (err != VD_OK && err != VD_ERR_NOT_FOUND) {
            return err;
        }
        if (err != VD_OK || at != header->number || index != i) {
            return fault(c, "txs: transaction %s of block %llu is not found there", HEX(hash),
                         number);
        }
    }
    c->out->transactions += body->count;
    enum vd_err err = vd_trie_list_root(&root, &c->arena, raws, body->count);
    if (err == VD_OK && !vd_hash_eq(&root, &header->transactions_root)) {
        return fault(c, "bodies: block %llu's give the root %s, its header says %s", number,
                     HEX(root), HEX(header->transactions_root));
    }
    return err;
}

static enum vd_err
receipts_root(struct check *c, struct vd_hash *root, const struct vd_receipt *receipts,
              size_t count)
{
    struct vd_slice *items = VD_ARENA_NEW(&c->arena, struct vd_slice, count + 1);
    if (!items) {
        return VD_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        struct vd_buf buf;
        vd_buf_init(&buf, &c->arena);
        vd_receipt_encode(&buf, &receipts[i]);
        if (buf.err != VD_OK) {
            return buf.err;
        }
        items[i] = vd_buf_view(&buf);
    }
    return vd_trie_list_root(root, &c->arena, items, count);
}

static enum vd_err
check_receipts(struct check *c, const struct vd_header *header, const struct vd_body *body)
{
    struct vd_receipt *receipts = NULL;
    struct vd_hash root;
    size_t count = 0;
    enum vd_err err =
        vd_snapshot_receipts(c->snapshot, &receipts, &count, &c->arena, header->number);
    if (err == VD_OK && count != body->count) {
        return fault(c, "receipts: block %llu has %zu for %u transactions",
                     (unsigned long long)header->number, count, body->count);
    }
    if (err == VD_OK) {
        err = receipts_root(c, &root, receipts, count);
    }
    if (err == VD_OK && !vd_hash_eq(&root, &header->receipts_root)) {
        return fault(c, "receipts: block %llu's give the root %s, its header says %s",
                     (unsigned long long)header->number, HEX(root), HEX(header->receipts_root));
    }
    return err;
}

static enum vd_err
check_body(struct check *c, const struct vd_header *header)
{
    struct vd_body body;
    enum vd_err err = vd_snapshot_body(c->snapshot, &body, header->number);
    if (err == VD_OK) {
        err = check_transactions(c, header, &body);
    }
    if (err == VD_OK) {
        err = check_receipts(c, header, &body);
    }
    if (c->fault[0] == '\0' && (err == VD_ERR_NOT_FOUND || err == VD_ERR_CORRUPT)) {
        return fault(c, "bodies, receipts: block %llu: %s", (unsigned long long)header->number,
                     vd_err_text(err));
    }
    return err;
}

static enum vd_err
check_block(struct check *c, struct vd_hash *parent, uint64_t number)
{
    struct vd_header header;
    struct vd_hash stored;
    uint64_t found = 0;
    unsigned long long n = number;
    enum vd_err err = vd_snapshot_header(c->snapshot, &header, &stored, number);
    if (err == VD_ERR_NOT_FOUND || err == VD_ERR_CORRUPT) {
        return fault(c, "headers: block %llu: %s", n, vd_err_text(err));
    }
    if (err != VD_OK) {
        return err;
    }
    struct vd_hash hash = vd_header_hash(&header);
    if (!vd_hash_eq(&hash, &stored) || header.number != number) {
        return fault(c, "headers: block %llu has the hash %s, its row says %s", n, HEX(hash),
                     HEX(stored));
    }
    if (number > c->genesis.number && !vd_hash_eq(&header.parent_hash, parent)) {
        return fault(c, "headers: block %llu has the parent %s, the block below is %s", n,
                     HEX(header.parent_hash), HEX(*parent));
    }
    err = vd_snapshot_number(c->snapshot, &found, &hash);
    if (err == VD_ERR_NOT_FOUND || (err == VD_OK && found != number)) {
        return fault(c, "numbers: %s is not found as block %llu", HEX(hash), n);
    }
    *parent = hash;
    c->tip = header;
    c->out->blocks++;
    return err == VD_OK ? check_body(c, &header) : err;
}

/* As many rows as there is reason for. */
static enum vd_err
check_counts(struct check *c)
{
    const struct {
        enum db db;
        uint64_t want;
    } tables[] = {{DB_HEADERS, c->out->blocks},
                  {DB_BODIES, c->out->blocks},
                  {DB_RECEIPTS, c->out->blocks},
                  {DB_NUMBERS, c->out->blocks},
                  {DB_TXS, c->out->transactions}};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        uint64_t rows = 0;
        enum vd_err err = row_count(c, &rows, tables[i].db);
        if (err != VD_OK) {
            return err;
        }
        if (rows != tables[i].want) {
            return fault(c, "%s: %llu rows where the chain needs %llu",
                         vd_store_table_names[tables[i].db], (unsigned long long)rows,
                         (unsigned long long)tables[i].want);
        }
    }
    return VD_OK;
}

static enum vd_err
check_blocks(struct check *c)
{
    struct vd_hash hash = {{0}};
    enum vd_err err = VD_OK;
    for (uint64_t n = c->genesis.number; n <= c->out->tip.number && err == VD_OK; n++) {
        size_t mark = vd_arena_mark(&c->arena);
        err = check_block(c, &hash, n);
        vd_arena_rewind(&c->arena, mark);
        if (err == VD_OK && n == c->genesis.number && !vd_hash_eq(&hash, &c->genesis.hash)) {
            return fault(c, "meta: genesis is %s, block %llu is %s", HEX(c->genesis.hash),
                         (unsigned long long)n, HEX(hash));
        }
    }
    if (err == VD_OK && !vd_hash_eq(&hash, &c->out->tip.hash)) {
        return fault(c, "meta: the unsafe head is %s, block %llu is %s", HEX(c->out->tip.hash),
                     (unsigned long long)c->out->tip.number, HEX(hash));
    }
    return err == VD_OK ? check_counts(c) : err;
}

/* --- heads --- */

static enum vd_err
check_id(const struct check *c, const char *what, const struct vd_block_id *id)
{
    struct vd_hash hash;
    enum vd_err err = vd_store_hash(c->snapshot->store, c->snapshot->txn, &hash, id->number);
    if (err == VD_ERR_NOT_FOUND || (err == VD_OK && !vd_hash_eq(&hash, &id->hash))) {
        return fault(c, "%s: %s is not block %llu", what, HEX(id->hash),
                     (unsigned long long)id->number);
    }
    return err;
}

static enum vd_err
check_heads(struct check *c)
{
    for (int i = 0; i < VD_HEADS; i++) {
        struct vd_block_id id;
        enum vd_err err = vd_snapshot_head(c->snapshot, (enum vd_head)i, &id);
        if (err == VD_OK) {
            err = check_id(c, vd_meta_heads[i], &id);
        }
        if (err != VD_OK && err != VD_ERR_NOT_FOUND) {
            return err;
        }
    }
    return VD_OK;
}

static enum vd_err
check_safe_index(struct check *c)
{
    struct vd_safe_entry entry;
    uint64_t first = 1;
    uint64_t last = 0;
    uint64_t rows = 0;
    enum vd_err err = vd_snapshot_safe_at(c->snapshot, &entry, &first, &last, 0);
    if (err != VD_OK && err != VD_ERR_NOT_FOUND) {
        return err;
    }
    for (uint64_t n = first; n <= last; n++) {
        uint64_t a;
        uint64_t b;
        err = vd_snapshot_safe_at(c->snapshot, &entry, &a, &b, n);
        if (err == VD_ERR_NOT_FOUND) {
            return fault(c, "safe: L1 block %llu of %llu to %llu is missing", (unsigned long long)n,
                         (unsigned long long)first, (unsigned long long)last);
        }
        if (err == VD_OK) {
            err = check_id(c, "safe", &entry.l2);
        }
        if (err != VD_OK) {
            return err;
        }
    }
    err = row_count(c, &rows, DB_SAFE);
    uint64_t want = first > last ? 0 : last - first + 1;
    if (err == VD_OK && rows != want) {
        return fault(c, "safe: %llu rows where the range needs %llu", (unsigned long long)rows,
                     (unsigned long long)want);
    }
    return err;
}

/* --- records and their index --- */

struct past_check {
    struct check *c;
    MDB_txn *txn;
    MDB_cursor *entries;
    uint64_t first; /* indexed blocks; first > last: none */
    uint64_t last;
    bool whole; /* it has no other blocks */
};

static enum vd_err
check_entry(struct past_check *p, const struct vd_record_entry *entry, uint64_t number)
{
    uint8_t bytes[VD_INDEX_MAX_KEY];
    MDB_val key = {.mv_size = vd_index_key(bytes, entry->table, entry->key, number),
                   .mv_data = bytes};
    MDB_val value;
    if (number < p->first || number > p->last) {
        return VD_OK;
    }
    enum vd_err err = vd_store_err(mdb_cursor_get(p->entries, &key, &value, MDB_SET));
    const uint8_t *row = err == VD_OK ? value.mv_data : NULL;
    bool same = err == VD_OK && value.mv_size == entry->value.len + 1 &&
                row[0] == (uint8_t)entry->form &&
                vd_slice_eq(vd_slice(row + 1, value.mv_size - 1), entry->value);
    p->c->out->index_entries++;
    if (err == VD_OK || err == VD_ERR_NOT_FOUND) {
        return same ? VD_OK
                    : fault(p->c, "index: the entry of table %d, key %s at block %llu is %s",
                            (int)entry->table, vd_hex_text(entry->key.ptr, entry->key.len).text,
                            (unsigned long long)number, err == VD_OK ? "another" : "missing");
    }
    return err;
}

static enum vd_err
check_record(struct past_check *p, uint64_t number)
{
    uint8_t key[8];
    struct vd_slice rest;
    const struct check *c = p->c;
    vd_store_be64(key, number);
    enum vd_err err = vd_store_get(c->snapshot->store, c->snapshot->txn, &rest, DB_CHANGES,
                                   vd_slice(key, sizeof key));
    if (err == VD_ERR_NOT_FOUND) {
        return fault(c, "changes: the record of block %llu is missing", (unsigned long long)number);
    }
    struct vd_record_entry entry;
    struct vd_record_entry last;
    bool any = false;
    while (err == VD_OK && rest.len > 0) {
        if (vd_record_next(&entry, &rest) != VD_OK ||
            (any && vd_compare_rows(last.table, last.key, entry.table, entry.key) >= 0)) {
            return fault(c, "changes: the record of block %llu does not read",
                         (unsigned long long)number);
        }
        last = entry;
        any = true;
        err = check_entry(p, &entry, number);
    }
    p->c->out->records++;
    return err;
}

/* What the index has of other blocks than the snapshot, made or thrown away since, does not count
   for readers, nor here. */
static enum vd_err
find_common(struct past_check *p)
{
    struct check *c = p->c;
    uint64_t last = p->last < c->out->tip.number ? p->last : c->out->tip.number;
    for (; last >= p->first && last > 0; last--) {
        struct vd_hash theirs;
        struct vd_hash own;
        enum vd_err err = vd_index_hash(c->snapshot->store->index, p->txn, &theirs, last);
        if (err == VD_OK) {
            err = vd_store_hash(c->snapshot->store, c->snapshot->txn, &own, last);
        }
        if (err != VD_OK) {
            return err == VD_ERR_NOT_FOUND ? VD_ERR_CORRUPT : err;
        }
        if (vd_hash_eq(&own, &theirs)) {
            break;
        }
    }
    p->whole = last == p->last;
    p->last = last;
    return VD_OK;
}

static enum vd_err
check_index_rows(struct past_check *p)
{
    uint64_t rows = 0;
    struct check *c = p->c;
    if (!p->whole) {
        return VD_OK;
    }
    enum vd_err err = vd_index_count(c->snapshot->store->index, p->txn, &rows);
    if (err == VD_OK && rows != c->out->index_entries) {
        return fault(c, "index: %llu entries, the records have %llu", (unsigned long long)rows,
                     (unsigned long long)c->out->index_entries);
    }
    return err;
}

static enum vd_err
check_past(struct check *c)
{
    struct past_check p = {.c = c};
    uint64_t oldest = 0;
    uint64_t rows = 0;
    enum vd_err err =
        vd_index_begin(c->snapshot->store->index, &p.txn, &p.entries, &p.first, &p.last, NULL);
    if (err == VD_OK) {
        err = find_common(&p);
    } else if (err == VD_ERR_NOT_FOUND) {
        p.first = 1;
        p.last = 0;
        err = VD_OK;
    }
    if (err == VD_OK) {
        err = vd_store_oldest_record(c->snapshot->store, c->snapshot->txn, &oldest);
    }
    if (err == VD_ERR_NOT_FOUND) {
        err = fault(c, "changes: there is no record");
    }
    for (uint64_t n = oldest; n <= c->out->tip.number && err == VD_OK; n++) {
        err = check_record(&p, n);
    }
    if (err == VD_OK) {
        err = row_count(c, &rows, DB_CHANGES);
    }
    if (err == VD_OK && rows != c->out->records) {
        err = fault(c, "changes: %llu records where the chain needs %llu", (unsigned long long)rows,
                    (unsigned long long)c->out->records);
    }
    if (err == VD_OK) {
        err = check_index_rows(&p);
    }
    if (p.entries) {
        mdb_cursor_close(p.entries);
    }
    mdb_txn_abort(p.txn);
    return err;
}

/* --- all --- */

static enum vd_err
check_all(struct check *c)
{
    enum vd_err err = vd_snapshot_head(c->snapshot, VD_HEAD_UNSAFE, &c->out->tip);
    if (err == VD_OK) {
        err = vd_snapshot_genesis(c->snapshot, &c->genesis);
    }
    if (err == VD_ERR_NOT_FOUND) {
        return fault(c, "meta: there is no block");
    }
    if (err == VD_OK) {
        err = check_blocks(c);
    }
    if (err == VD_OK) {
        err = check_heads(c);
    }
    if (err == VD_OK) {
        err = check_safe_index(c);
    }
    if (err == VD_OK) {
        err = check_state(c);
    }
    if (err == VD_OK) {
        err = check_codes(c);
    }
    return err == VD_OK ? check_past(c) : err;
}

enum vd_err
vd_store_verify(struct vd_store *store, struct vd_store_verified *out, char *fault_text,
                size_t fault_size)
{
    *out = (struct vd_store_verified){0};
    fault_text[0] = '\0';
    struct check c = {.out = out, .fault = fault_text, .fault_size = fault_size};
    void *memory = vd_reserve(SCRATCH_BYTES);
    if (!memory) {
        return VD_ERR_NO_MEMORY;
    }
    vd_arena_init(&c.arena, memory, SCRATCH_BYTES);
    enum vd_err err = vd_snapshot_begin(&c.snapshot, store);
    if (err == VD_OK) {
        err = check_all(&c);
    }
    if (err == VD_ERR_CORRUPT && fault_text[0] == '\0') {
        (void)fault(&c, "a row does not decode");
    }
    vd_snapshot_end(c.snapshot);
    vd_release(memory, SCRATCH_BYTES);
    return err;
}
