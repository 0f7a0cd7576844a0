/* The records of `changes`.

   Each entry: table (1), form (1), key length (1), key, value length (2), value; sorted by table
   and key.  Forms: there was no row; the whole old row; the changed children of a branch (value:
   mask of the changed ones (2), then a branch row that holds the old references of those).  Shapes
   are whole always: a place where nothing stood leaves no entry. */
#include "store_internal.h"

/* A branch at the account trie's root that was not there. */
#define MIN_ENTRY 6u

static enum vd_err
changed_children(uint8_t *out, size_t *len, const struct vd_change *change)
{
    struct vd_trie_ref before[16];
    struct vd_trie_ref after[16];
    enum vd_err err = vd_branch_decode(before, change->before);
    if (err == VD_OK) {
        err = vd_branch_decode(after, change->after);
    }
    if (err != VD_OK) {
        return err;
    }
    uint16_t mask = 0;
    for (unsigned i = 0; i < 16; i++) {
        if (before[i].len != after[i].len ||
            memcmp(before[i].bytes, after[i].bytes, before[i].len) != 0) {
            mask |= (uint16_t)(1u << i);
        } else {
            before[i].len = 0;
        }
    }
    vd_store_be16(out, mask);
    *len = 2 + vd_branch_encode(out + 2, before);
    return VD_OK;
}

static void
put_entry(struct vd_buf *out, const struct vd_change *change, enum vd_form form,
          struct vd_slice value)
{
    vd_buf_byte(out, (uint8_t)change->table);
    vd_buf_byte(out, (uint8_t)form);
    vd_buf_byte(out, (uint8_t)change->key.len);
    vd_buf_slice(out, change->key);
    uint8_t len[2];
    vd_store_be16(len, (uint16_t)value.len);
    vd_buf_bytes(out, len, sizeof len);
    vd_buf_slice(out, value);
}

/* Spread evenly over numbers and keys; no secret depends on it. */
static bool
is_kept_whole(const struct vd_change *change, uint64_t number)
{
    uint64_t mix = number * 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < change->key.len; i++) {
        mix = (mix ^ change->key.ptr[i]) * 0x100000001b3u;
    }
    mix ^= mix >> 32;
    mix *= 0x9e3779b97f4a7c15u;
    return (mix >> 32) % VD_WHOLE_EVERY == 0;
}

static enum vd_err
put_change(struct vd_buf *out, const struct vd_change *change, uint64_t number)
{
    uint8_t children[2 + VD_MAX_BRANCH];
    size_t len = 0;
    if (!change->before.ptr) {
        put_entry(out, change, VD_FORM_NONE, vd_slice(NULL, 0));
        return out->err;
    }
    if (change->table != VD_TABLE_BRANCHES || !change->after.ptr || is_kept_whole(change, number)) {
        put_entry(out, change, VD_FORM_WHOLE, change->before);
        return out->err;
    }
    enum vd_err err = changed_children(children, &len, change);
    if (err == VD_OK) {
        put_entry(out, change, VD_FORM_CHILDREN, vd_slice(children, len));
        err = out->err;
    }
    return err;
}

enum vd_err
vd_diff_record(struct vd_buf *out, const struct vd_diff *diff, uint64_t number)
{
    for (size_t i = 0; i < diff->count; i++) {
        enum vd_err err = diff->changes[i].table == VD_TABLE_CODE
                              ? VD_OK
                              : put_change(out, &diff->changes[i], number);
        if (err != VD_OK) {
            return err;
        }
    }
    return out->err;
}

static bool
key_len_is_valid(uint8_t table, size_t len)
{
    switch ((enum vd_table)table) {
    case VD_TABLE_ACCOUNTS:
        return len == 32;
    case VD_TABLE_SLOTS:
        return len == 64;
    case VD_TABLE_BRANCHES:
    case VD_TABLE_SHAPES:
        return len >= 1 && len <= VD_MAX_KEY;
    case VD_TABLE_CODE:
        return false; /* never taken back, so in no record */
    }
    return false;
}

static bool
form_is_valid(const struct vd_record_entry *entry)
{
    switch (entry->form) {
    case VD_FORM_NONE:
        return entry->value.len == 0 && entry->table != VD_TABLE_SHAPES;
    case VD_FORM_WHOLE:
        return entry->value.len > 0;
    case VD_FORM_CHILDREN:
        return entry->value.len >= 2 && entry->table == VD_TABLE_BRANCHES;
    }
    return false;
}

enum vd_err
vd_record_next(struct vd_record_entry *entry, struct vd_slice *rest)
{
    const uint8_t *p = rest->ptr;
    size_t key_len = rest->len >= 3 ? p[2] : 0;
    if (rest->len < 5 + key_len || !key_len_is_valid(p[0], key_len)) {
        return VD_ERR_CORRUPT;
    }
    size_t value_len = vd_load_be16(p + 3 + key_len);
    size_t len = 5 + key_len + value_len;
    if (rest->len < len) {
        return VD_ERR_CORRUPT;
    }
    *entry = (struct vd_record_entry){.table = (enum vd_table)p[0],
                                      .form = (enum vd_form)p[1],
                                      .key = vd_slice(p + 3, key_len),
                                      .value = vd_slice(p + 5 + key_len, value_len)};
    if (!form_is_valid(entry)) {
        return VD_ERR_CORRUPT;
    }
    *rest = vd_slice(p + len, rest->len - len);
    return VD_OK;
}

static struct vd_undo
undo_of(const struct vd_record_entry *entry)
{
    struct vd_undo undo = {.table = entry->table, .key = entry->key};
    if (entry->form == VD_FORM_WHOLE) {
        undo.before = entry->value;
    } else if (entry->form == VD_FORM_CHILDREN) {
        undo.delta = true;
        undo.delta_mask = vd_load_be16(entry->value.ptr);
        undo.before = vd_slice(entry->value.ptr + 2, entry->value.len - 2);
    }
    return undo;
}

enum vd_err
vd_undo_read(struct vd_undo **undos, size_t *count, struct vd_arena *arena, struct vd_slice record)
{
    size_t cap = record.len / MIN_ENTRY + 1;
    struct vd_undo *list = vd_arena_alloc(arena, cap * sizeof *list, _Alignof(struct vd_undo));
    if (!list) {
        return VD_ERR_NO_MEMORY;
    }
    *undos = list;
    *count = 0;
    struct vd_record_entry last = {0};
    bool any = false;
    while (record.len > 0) {
        struct vd_record_entry entry;
        enum vd_err err = vd_record_next(&entry, &record);
        /* Lookups go by the order. */
        if (err != VD_OK ||
            (any && vd_compare_rows(last.table, last.key, entry.table, entry.key) >= 0)) {
            return VD_ERR_CORRUPT;
        }
        if (entry.table != VD_TABLE_SHAPES) {
            list[(*count)++] = undo_of(&entry);
        }
        last = entry;
        any = true;
    }
    return VD_OK;
}

enum vd_err
vd_undo_branch(uint8_t *out, size_t *len, const struct vd_undo *undo, struct vd_slice newer)
{
    struct vd_trie_ref child[16];
    struct vd_trie_ref old[16];
    enum vd_err err = vd_branch_decode(child, newer);
    if (err == VD_OK) {
        err = vd_branch_decode(old, undo->before);
    }
    if (err != VD_OK) {
        return err;
    }
    for (unsigned i = 0; i < 16; i++) {
        if (undo->delta_mask >> i & 1) {
            child[i] = old[i];
        }
    }
    *len = vd_branch_encode(out, child);
    return VD_OK;
}
