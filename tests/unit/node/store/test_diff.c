/* Diffs, records, rows of blocks, and reading through layers. */
#define _XOPEN_SOURCE 700

#include "store_world.h"

#include "node/store/store_internal.h"

enum {
    ROUNDS = 300,
    ARENA_BYTES = 16 << 20,
    DIFF_MAX = 40,
    LAYERS = 5,
};

static uint8_t memory[ARENA_BYTES];

static void
random_children(struct vd_random *r, struct vd_trie_ref child[16])
{
    memset(child, 0, 16 * sizeof *child);
    uint64_t present = vd_random_u64(r) | 3;
    for (unsigned i = 0; i < 16; i++) {
        if (!(present >> i & 1))
            continue;
        bool inlined = vd_random_below(r, 3) == 0;
        child[i].len = inlined ? (uint8_t)(1 + vd_random_below(r, 31)) : 32;
        vd_random_bytes(r, child[i].bytes, child[i].len);
    }
}

static bool
same_children(const struct vd_trie_ref a[16], const struct vd_trie_ref b[16])
{
    for (unsigned i = 0; i < 16; i++) {
        if (a[i].len != b[i].len || memcmp(a[i].bytes, b[i].bytes, a[i].len) != 0)
            return false;
    }
    return true;
}

/* --- branch rows --- */

static void
test_branch_rows_return_what_went_in(void **unused)
{
    (void)unused;
    struct vd_random r = vd_random_start("branch rows");
    for (int i = 0; i < ROUNDS; i++) {
        struct vd_trie_ref in[16];
        struct vd_trie_ref out[16];
        uint8_t row[VD_MAX_BRANCH + 1];
        random_children(&r, in);
        size_t len = vd_branch_encode(row, in);
        assert_true(len <= VD_MAX_BRANCH);
        assert_int_equal(vd_branch_decode(out, vd_slice(row, len)), VD_OK);
        assert_true(same_children(in, out));
        for (size_t cut = 0; cut < len; cut++)
            assert_int_equal(vd_branch_decode(out, vd_slice(row, cut)), VD_ERR_CORRUPT);
        row[len] = 0;
        assert_int_equal(vd_branch_decode(out, vd_slice(row, len + 1)), VD_ERR_CORRUPT);
    }
}

static void
test_branch_rows_of_another_form_are_refused(void **unused)
{
    (void)unused;
    static const struct {
        uint8_t row[40];
        size_t len;
    } cases[] = {
        {{0x00, 0x01, 0x00, 0x02, 1, 9}, 6}, /* inlined but not there */
        {{0x00, 0x01, 0x00, 0x01, 0}, 5},    /* inlined and empty */
        {{0x00, 0x01, 0x00, 0x01, 32}, 37},  /* a hash as if inlined */
        {{0x00, 0x01, 0x00, 0x01}, 4},       /* no length */
        {{0x00, 0x00, 0x00, 0x00, 0xff}, 5}, /* something after the end */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vd_trie_ref child[16];
        assert_int_equal(vd_branch_decode(child, vd_slice(cases[i].row, cases[i].len)),
                         VD_ERR_CORRUPT);
    }
}

/* --- records --- */

static struct vd_slice
random_row(struct vd_random *r, struct vd_arena *arena, enum vd_table table)
{
    uint8_t row[VD_MAX_BRANCH];
    size_t len = 1 + vd_random_below(r, 100);
    vd_random_bytes(r, row, len);
    if (table == VD_TABLE_BRANCHES) {
        struct vd_trie_ref child[16];
        random_children(r, child);
        len = vd_branch_encode(row, child);
    }
    return vd_slice(vd_arena_copy(arena, vd_slice(row, len)), len);
}

/* A key out of few, so that layers meet. */
static struct vd_slice
random_key(struct vd_random *r, struct vd_arena *arena, enum vd_table table)
{
    uint8_t key[64] = {0};
    size_t len = table == VD_TABLE_SLOTS ? 64 : 32;
    key[0] = (uint8_t)vd_random_below(r, 12);
    if (table == VD_TABLE_BRANCHES) {
        len = 1 + vd_random_below(r, 4);
        key[0] = 'a';
        for (size_t i = 1; i < len; i++)
            key[i] = (uint8_t)vd_random_below(r, 3);
    }
    return vd_slice(vd_arena_copy(arena, vd_slice(key, len)), len);
}

static int
compare_changes(const void *a, const void *b)
{
    const struct vd_change *x = a;
    const struct vd_change *y = b;
    if (x->table != y->table)
        return x->table < y->table ? -1 : 1;
    size_t common = x->key.len < y->key.len ? x->key.len : y->key.len;
    int order = memcmp(x->key.ptr, y->key.ptr, common);
    return order != 0 ? order : (x->key.len > y->key.len) - (x->key.len < y->key.len);
}

static struct vd_diff
random_diff(struct vd_random *r, struct vd_arena *arena, bool with_code)
{
    struct vd_change *changes = VD_ARENA_NEW(arena, struct vd_change, DIFF_MAX);
    size_t count = vd_random_below(r, DIFF_MAX);
    for (size_t i = 0; i < count; i++) {
        enum vd_table table = (enum vd_table)vd_random_below(r, with_code ? 4 : 3);
        changes[i] = (struct vd_change){.table = table, .key = random_key(r, arena, table)};
        if (vd_random_below(r, 3) != 0)
            changes[i].before = random_row(r, arena, table);
        if (vd_random_below(r, 3) != 0)
            changes[i].after = random_row(r, arena, table);
    }
    size_t kept = 0;
    qsort(changes, count, sizeof *changes, compare_changes);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || compare_changes(&changes[kept - 1], &changes[i]) != 0)
            changes[kept++] = changes[i];
    }
    return (struct vd_diff){.changes = changes, .count = kept};
}

static void
check_undo(const struct vd_undo *undo, const struct vd_change *change)
{
    assert_int_equal(undo->table, change->table);
    assert_true(vd_slice_eq(undo->key, change->key));
    struct vd_slice before = undo->before;
    uint8_t row[VD_MAX_BRANCH];
    size_t len = 0;
    /* Such a branch may be kept whole. */
    assert_true(!undo->delta ||
                (change->table == VD_TABLE_BRANCHES && change->before.ptr && change->after.ptr));
    if (undo->delta) {
        assert_int_equal(vd_undo_branch(row, &len, undo, change->after), VD_OK);
        before = vd_slice(row, len);
    }
    assert_int_equal(before.ptr == NULL, change->before.ptr == NULL);
    assert_true(vd_slice_eq(before, change->before));
}

static void
test_records_give_the_old_rows_back(void **unused)
{
    (void)unused;
    struct vd_random r = vd_random_start("records");
    for (int i = 0; i < ROUNDS; i++) {
        struct vd_arena arena;
        struct vd_buf record;
        struct vd_undo *undos = NULL;
        size_t count = 0;
        vd_arena_init(&arena, memory, sizeof memory);
        struct vd_diff diff = random_diff(&r, &arena, true);
        vd_buf_init(&record, &arena);
        assert_int_equal(vd_diff_record(&record, &diff, (uint64_t)i), VD_OK);
        assert_int_equal(vd_undo_read(&undos, &count, &arena, vd_buf_view(&record)), VD_OK);
        size_t n = 0;
        for (size_t c = 0; c < diff.count; c++) {
            if (diff.changes[c].table != VD_TABLE_CODE)
                check_undo(&undos[n++], &diff.changes[c]);
        }
        assert_int_equal(n, count);
        /* Cut anywhere it is corrupt, or the entries before the cut. */
        size_t whole = count;
        for (size_t cut = record.len; cut-- > 0 && cut + 700 > record.len;) {
            size_t mark = vd_arena_mark(&arena);
            enum vd_err err = vd_undo_read(&undos, &count, &arena, vd_slice(record.ptr, cut));
            assert_true(err == VD_ERR_CORRUPT || (err == VD_OK && count < whole));
            vd_arena_rewind(&arena, mark);
        }
    }
}

static void
test_records_of_another_form_are_refused(void **unused)
{
    (void)unused;
    static const struct {
        uint8_t record[24];
        size_t len;
    } cases[] = {
        {{2, 0, 0, 0, 0}, 5},                           /* no key */
        {{2, 3, 1, 'a', 0, 0}, 6},                      /* unknown form */
        {{5, 0, 1, 'a', 0, 0}, 6},                      /* unknown table */
        {{4, 0, 1, 'a', 0, 0}, 6},                      /* no shape */
        {{0, 0, 1, 'a', 0, 0}, 6},                      /* an account by a short key */
        {{2, 0, 1, 'a', 0, 1, 7}, 7},                   /* no row, and yet a value */
        {{2, 1, 1, 'a', 0, 0}, 6},                      /* an empty row */
        {{2, 2, 1, 'a', 0, 1, 7}, 7},                   /* children without a mask */
        {{2, 1, 1, 'a', 0, 9, 7}, 7},                   /* longer than it is */
        {{2, 0, 1, 'a', 0, 0, 2, 0, 1, 'a', 0, 0}, 12}, /* twice */
        {{2, 0, 1, 's', 0, 0, 2, 0, 1, 'a', 0, 0}, 12}, /* out of order */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vd_arena arena;
        struct vd_undo *undos = NULL;
        size_t count = 0;
        vd_arena_init(&arena, memory, sizeof memory);
        assert_int_equal(
            vd_undo_read(&undos, &count, &arena, vd_slice(cases[i].record, cases[i].len)),
            VD_ERR_CORRUPT);
    }
}

/* --- rows of blocks --- */

static void
encode_block(struct vd_random *r, struct world_block *block, struct vd_buf *body,
             struct vd_buf *receipts)
{
    static struct world_batch batch;
    memset(block, 0, sizeof *block);
    world_fill_txs(r, block);
    world_batch_block(&batch, 0, block);
    assert_int_equal(vd_body_encode(body, &batch.blocks[0]), VD_OK);
    assert_int_equal(vd_receipts_encode(receipts, &batch.blocks[0]), VD_OK);
}

static void
test_cut_or_longer_block_rows_are_refused(void **unused)
{
    (void)unused;
    struct vd_random r = vd_random_start("block rows");
    static struct world_block block;
    for (int i = 0; i < ROUNDS; i++) {
        struct vd_arena arena;
        struct vd_buf buf[2];
        struct vd_body body;
        struct vd_receipt *receipts = NULL;
        size_t count = 0;
        vd_arena_init(&arena, memory, sizeof memory / 2);
        vd_buf_init(&buf[0], &arena);
        struct vd_arena other;
        vd_arena_init(&other, memory + sizeof memory / 2, sizeof memory / 2);
        vd_buf_init(&buf[1], &other);
        encode_block(&r, &block, &buf[0], &buf[1]);
        assert_int_equal(vd_body_read(&body, vd_buf_view(&buf[0])), VD_OK);
        assert_int_equal(vd_receipts_decode(&receipts, &count, &arena, vd_buf_view(&buf[1])),
                         VD_OK);
        assert_int_equal(body.count, block.tx_count);
        assert_int_equal(count, block.tx_count);
        for (size_t cut = 0; cut < buf[0].len; cut++)
            assert_int_equal(vd_body_read(&body, vd_slice(buf[0].ptr, cut)), VD_ERR_CORRUPT);
        for (size_t cut = 0; cut < buf[1].len; cut++)
            assert_int_equal(
                vd_receipts_decode(&receipts, &count, &arena, vd_slice(buf[1].ptr, cut)),
                VD_ERR_CORRUPT);
        vd_buf_byte(&buf[0], 0);
        vd_buf_byte(&buf[1], 0);
        assert_int_equal(vd_body_read(&body, vd_buf_view(&buf[0])), VD_ERR_CORRUPT);
        assert_int_equal(vd_receipts_decode(&receipts, &count, &arena, vd_buf_view(&buf[1])),
                         VD_ERR_CORRUPT);
    }
}

/* Offsets that run back would give a transaction of nearly four gigabytes. */
static void
test_body_offsets_must_grow(void **unused)
{
    (void)unused;
    uint8_t row[4 + 3 * 24 + 9] = {0};
    struct vd_body body;
    static const uint32_t cases[][3] = {{3, 6, 9}, {6, 3, 9}, {12, 6, 9}, {3, 3, 9}, {0, 6, 9}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        vd_store_be32(row, 3);
        for (size_t j = 0; j < 3; j++)
            vd_store_be32(row + 4 + 4 * j, cases[i][j]);
        assert_int_equal(vd_body_read(&body, vd_slice(row, sizeof row)),
                         i == 0 ? VD_OK : VD_ERR_CORRUPT);
    }
}

/* --- layers --- */

static enum vd_err
nothing_get(void *ctx, struct vd_slice *value, enum vd_table table, struct vd_slice key)
{
    (void)ctx;
    (void)value;
    (void)table;
    (void)key;
    return VD_ERR_NOT_FOUND;
}

static enum vd_err
nothing_seek(void *ctx, struct vd_slice *found, struct vd_slice *value, enum vd_table table,
             struct vd_slice key)
{
    (void)found;
    return nothing_get(ctx, value, table, key);
}

/* The newest layer's word on a key. */
static const struct vd_change *
naive_find(const struct vd_diff *layers, enum vd_table table, struct vd_slice key)
{
    for (int l = 0; l < LAYERS; l++) {
        for (size_t i = 0; i < layers[l].count; i++) {
            const struct vd_change *change = &layers[l].changes[i];
            if (change->table == table && vd_slice_eq(change->key, key))
                return change;
        }
    }
    return NULL;
}

static const struct vd_change *
naive_seek(const struct vd_diff *layers, enum vd_table table, struct vd_slice key)
{
    struct vd_change want = {.table = table, .key = key};
    const struct vd_change *best = NULL;
    for (int l = 0; l < LAYERS; l++) {
        for (size_t i = 0; i < layers[l].count; i++) {
            const struct vd_change *change = &layers[l].changes[i];
            if (change->table != table || compare_changes(change, &want) < 0)
                continue;
            const struct vd_change *word = naive_find(layers, table, change->key);
            if (word->after.ptr && (!best || compare_changes(word, best) < 0))
                best = word;
        }
    }
    return best;
}

static void
test_layers_read_as_their_sum(void **unused)
{
    (void)unused;
    struct vd_random r = vd_random_start("layers");
    const struct vd_rows nothing = {.get = nothing_get, .seek = nothing_seek};
    for (int i = 0; i < ROUNDS; i++) {
        struct vd_arena arena;
        struct vd_diff diffs[LAYERS];
        const struct vd_diff *list[LAYERS];
        vd_arena_init(&arena, memory, sizeof memory);
        for (int l = 0; l < LAYERS; l++) {
            diffs[l] = random_diff(&r, &arena, false);
            list[l] = &diffs[l];
        }
        struct vd_layers layers = {.below = &nothing, .layers = list, .count = LAYERS};
        const struct vd_rows *rows = vd_layers_rows(&layers);
        for (int q = 0; q < 100; q++) {
            enum vd_table table = (enum vd_table)vd_random_below(&r, 3);
            struct vd_slice key = random_key(&r, &arena, table);
            struct vd_slice found;
            struct vd_slice value;
            const struct vd_change *want = naive_find(diffs, table, key);
            enum vd_err err = rows->get(rows->ctx, &value, table, key);
            assert_int_equal(err, want && want->after.ptr ? VD_OK : VD_ERR_NOT_FOUND);
            if (err == VD_OK)
                assert_true(vd_slice_eq(value, want->after));
            want = naive_seek(diffs, table, key);
            err = rows->seek(rows->ctx, &found, &value, table, key);
            assert_int_equal(err, want ? VD_OK : VD_ERR_NOT_FOUND);
            if (err == VD_OK)
                assert_true(vd_slice_eq(found, want->key) && vd_slice_eq(value, want->after));
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_branch_rows_return_what_went_in),
        cmocka_unit_test(test_branch_rows_of_another_form_are_refused),
        cmocka_unit_test(test_records_give_the_old_rows_back),
        cmocka_unit_test(test_records_of_another_form_are_refused),
        cmocka_unit_test(test_cut_or_longer_block_rows_are_refused),
        cmocka_unit_test(test_body_offsets_must_grow),
        cmocka_unit_test(test_layers_read_as_their_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
