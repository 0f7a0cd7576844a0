/* Random rounds of commits, unwinding, pruning and reopening against a model. */
#define _XOPEN_SOURCE 700

#include "store_world.h"

enum {
    ROUNDS = 400,
    SAFE_MAX = 8192,
};

/* What the store must answer beside the state. */
struct model {
    struct world *w;
    struct vd_block_id heads[VD_HEADS];
    bool has_head[VD_HEADS];
    struct vd_safe_entry safe[SAFE_MAX]; /* by L1 number */
    uint64_t safe_first;
    uint64_t safe_last;
    uint64_t oldest_record; /* the store can go back to the block before it */
    struct {
        uint8_t raw[64];
        size_t len;
    } returned[8192];
    size_t returned_count;
};

static struct vd_block_id
id_of(const struct world *w, uint64_t number)
{
    return (struct vd_block_id){.hash = w->blocks[number]->hash, .number = number};
}

static void
check_id(const struct vd_block_id *a, const struct vd_block_id *b)
{
    assert_int_equal(a->number, b->number);
    assert_memory_equal(a->hash.b, b->hash.b, 32);
}

/* --- checks of a state --- */

static void
check_past(struct model *m, struct vd_snapshot *snapshot, uint64_t number)
{
    struct world *w = m->w;
    struct vd_state_source source;
    struct vd_snapshot_state state;
    vd_arena_rewind(&w->diffs, 0);
    enum vd_err err = vd_snapshot_source(snapshot, &source, &state, number, &w->diffs);
    bool there = number <= w->tip && w->tip - number <= VD_MAX_BACK &&
                 (number == w->tip || number + 1 >= m->oldest_record);
    assert_int_equal(err, there ? VD_OK : VD_ERR_NOT_FOUND);
    if (there)
        world_check_state(w, &source, w->blocks[number]);
}

/* --- checks of blocks --- */

static void
check_receipt(const struct vd_receipt *got, const struct vd_receipt *want)
{
    assert_int_equal(got->type, want->type);
    assert_int_equal(got->success, want->success);
    assert_true(got->cumulative_gas_used == want->cumulative_gas_used &&
                got->gas_used == want->gas_used && got->deposit_nonce == want->deposit_nonce &&
                got->deposit_version == want->deposit_version);
    assert_int_equal(got->has_contract_address, want->has_contract_address);
    assert_memory_equal(got->contract_address.b, want->contract_address.b, 20);
    assert_memory_equal(got->bloom, want->bloom, 256);
    assert_int_equal(got->log_count, want->log_count);
    for (size_t i = 0; i < got->log_count; i++) {
        assert_memory_equal(got->logs[i].address.b, want->logs[i].address.b, 20);
        assert_int_equal(got->logs[i].topic_count, want->logs[i].topic_count);
        assert_memory_equal(got->logs[i].topics, want->logs[i].topics,
                            32u * want->logs[i].topic_count);
        assert_true(vd_slice_eq(got->logs[i].data, want->logs[i].data));
    }
}

static void
check_block(struct world *w, struct vd_snapshot *snapshot, uint64_t number)
{
    const struct world_block *block = w->blocks[number];
    struct vd_header header;
    struct vd_hash hash;
    struct vd_body body;
    struct vd_receipt *receipts = NULL;
    size_t count = 0;
    uint64_t found = 0;
    assert_int_equal(vd_snapshot_header(snapshot, &header, &hash, number), VD_OK);
    struct vd_hash again = vd_header_hash(&header);
    assert_memory_equal(hash.b, block->hash.b, 32);
    assert_memory_equal(again.b, block->hash.b, 32);
    assert_int_equal(vd_snapshot_number(snapshot, &found, &hash), VD_OK);
    assert_int_equal(found, number);
    assert_int_equal(vd_snapshot_body(snapshot, &body, number), VD_OK);
    vd_arena_rewind(&w->diffs, 0);
    assert_int_equal(vd_snapshot_receipts(snapshot, &receipts, &count, &w->diffs, number), VD_OK);
    assert_int_equal(body.count, block->tx_count);
    assert_int_equal(count, block->tx_count);
    for (unsigned i = 0; i < block->tx_count; i++) {
        const struct world_tx *tx = &block->txs[i];
        uint32_t index = 99;
        struct vd_address sender = vd_body_sender(&body, i);
        assert_true(vd_slice_eq(vd_body_transaction(&body, i), vd_slice(tx->raw, tx->len)));
        assert_memory_equal(sender.b, tx->sender.b, 20);
        check_receipt(&receipts[i], &tx->receipt);
        assert_int_equal(vd_snapshot_find_tx(snapshot, &found, &index, &tx->hash), VD_OK);
        assert_true(found == number && index == i);
    }
}

/* A block that was unwound has left nothing behind. */
static void
check_gone(struct vd_snapshot *snapshot, const struct world_block *block)
{
    uint64_t number;
    uint32_t index;
    struct vd_header header;
    struct vd_body body;
    struct vd_receipt *receipts;
    size_t count;
    struct vd_arena none = {0};
    assert_int_equal(vd_snapshot_number(snapshot, &number, &block->hash), VD_ERR_NOT_FOUND);
    number = block->header.number;
    assert_int_equal(vd_snapshot_header(snapshot, &header, NULL, number), VD_ERR_NOT_FOUND);
    assert_int_equal(vd_snapshot_body(snapshot, &body, number), VD_ERR_NOT_FOUND);
    assert_int_equal(vd_snapshot_receipts(snapshot, &receipts, &count, &none, number),
                     VD_ERR_NOT_FOUND);
    for (unsigned i = 0; i < block->tx_count; i++)
        assert_int_equal(vd_snapshot_find_tx(snapshot, &number, &index, &block->txs[i].hash),
                         VD_ERR_NOT_FOUND);
}

static void
check_index(const struct model *m, struct vd_snapshot *snapshot)
{
    uint64_t low = m->safe_first > 3 ? m->safe_first - 3 : 0;
    uint64_t high = (m->safe_first <= m->safe_last ? m->safe_last : 20) + 3;
    for (uint64_t n = low; n <= high; n++) {
        struct vd_safe_entry entry;
        uint64_t first = 99;
        uint64_t last = 99;
        enum vd_err err = vd_snapshot_safe_at(snapshot, &entry, &first, &last, n);
        bool inside = n >= m->safe_first && n <= m->safe_last;
        assert_int_equal(err, inside ? VD_OK : VD_ERR_NOT_FOUND);
        if (m->safe_first > m->safe_last) {
            assert_true(first > last);
        } else {
            assert_int_equal(first, m->safe_first);
            assert_int_equal(last, m->safe_last);
        }
        if (inside) {
            check_id(&entry.l1, &m->safe[n].l1);
            check_id(&entry.l2, &m->safe[n].l2);
        }
    }
}

static void
check_all(struct model *m)
{
    struct world *w = m->w;
    struct vd_snapshot *snapshot = NULL;
    assert_int_equal(vd_snapshot_begin(&snapshot, w->store), VD_OK);
    const struct world_block *tip = w->blocks[w->tip];
    struct vd_hash root = world_root(&tip->model);
    assert_memory_equal(root.b, tip->header.state_root.b, 32);
    world_check_rows(vd_snapshot_rows(snapshot), &tip->model);
    struct vd_block_id id;
    struct vd_block_id genesis = id_of(w, 0);
    assert_int_equal(vd_snapshot_genesis(snapshot, &id), VD_OK);
    check_id(&id, &genesis);
    for (int i = 0; i < VD_HEADS; i++) {
        enum vd_err err = vd_snapshot_head(snapshot, (enum vd_head)i, &id);
        assert_int_equal(err, m->has_head[i] ? VD_OK : VD_ERR_NOT_FOUND);
        if (m->has_head[i])
            check_id(&id, &m->heads[i]);
    }
    check_block(w, snapshot, w->tip);
    check_block(w, snapshot, vd_random_below(&w->random, w->tip + 1));
    check_past(m, snapshot, w->tip);
    check_past(m, snapshot, w->tip + 1);
    for (int i = 0; i < 3; i++)
        check_past(m, snapshot,
                   w->tip - vd_random_below(&w->random, w->tip < 300 ? w->tip + 1 : 300));
    if (w->tip >= VD_MAX_BACK)
        check_past(m, snapshot, w->tip - VD_MAX_BACK);
    check_index(m, snapshot);
    struct vd_slice *raws = NULL;
    size_t count = 0;
    vd_arena_rewind(&w->diffs, 0);
    assert_int_equal(vd_snapshot_returned(snapshot, &raws, &count, &w->diffs), VD_OK);
    assert_int_equal(count, m->returned_count);
    for (size_t i = 0; i < count; i++)
        assert_true(vd_slice_eq(raws[i], vd_slice(m->returned[i].raw, m->returned[i].len)));
    vd_snapshot_end(snapshot);
}

/* --- moves --- */

static void
model_drop_entries(struct model *m, uint64_t from)
{
    if (m->safe_first > m->safe_last || from > m->safe_last)
        return;
    if (from <= m->safe_first) {
        m->safe_first = 1;
        m->safe_last = 0;
    } else {
        m->safe_last = from - 1;
    }
}

/* Some entries in a row; now and then after a gap, or again from one that is there. */
static size_t
make_entries(struct model *m, struct vd_safe_entry *entries, uint64_t tip)
{
    struct vd_random *r = &m->w->random;
    size_t count = vd_random_below(r, 4);
    for (size_t i = 0; i < count; i++) {
        bool any = m->safe_first <= m->safe_last;
        uint64_t l1 = any ? m->safe_last + 1 : 10 + vd_random_below(r, 5);
        uint64_t way = vd_random_below(r, 24);
        if (any && way == 0)
            l1 += 1 + vd_random_below(r, 3);
        else if (any && way == 1)
            l1 = m->safe_first + vd_random_below(r, m->safe_last - m->safe_first + 1);
        else if (any && way == 2 && m->safe_first > 2)
            l1 = m->safe_first - 2;
        if (!any || l1 > m->safe_last + 1 || l1 <= m->safe_first)
            m->safe_first = l1;
        m->safe_last = l1;
        uint64_t least = l1 > m->safe_first ? m->safe[l1 - 1].l2.number : 0;
        struct vd_safe_entry *entry = &m->safe[l1];
        *entry = (struct vd_safe_entry){.l1.number = l1};
        vd_random_bytes(r, entry->l1.hash.b, 32);
        entry->l2 = id_of(m->w, least + vd_random_below(r, tip - least + 1));
        entries[i] = *entry;
    }
    return count;
}

static void
move_commit(struct model *m)
{
    static struct world_batch batch;
    struct world *w = m->w;
    size_t count = 1 + vd_random_below(&w->random, WORLD_BATCH);
    struct vd_safe_entry entries[4];
    struct vd_store_commit commit = {.blocks = batch.blocks, .safe_entries = entries};
    if (w->has_tip && vd_random_below(&w->random, 8) == 0)
        count = 0; /* heads and entries alone */
    world_prepare(w, &batch, count);
    commit.block_count = count;
    w->tip = w->has_tip ? w->tip + count : count - 1;
    w->has_tip = true;
    m->heads[VD_HEAD_UNSAFE] = id_of(w, w->tip);
    m->has_head[VD_HEAD_UNSAFE] = true;
    for (int i = VD_HEAD_SAFE; i < VD_HEADS; i++) {
        if (vd_random_below(&w->random, 2) == 0) {
            m->heads[i] = id_of(w, vd_random_below(&w->random, w->tip + 1));
            m->has_head[i] = true;
            commit.heads[i] = &m->heads[i];
        }
    }
    commit.safe_entry_count = make_entries(m, entries, w->tip);
    commit.clear_returned = vd_random_below(&w->random, 3) == 0;
    if (commit.clear_returned)
        m->returned_count = 0;
    assert_int_equal(vd_store_commit(w->store, &commit), VD_OK);
    uint64_t keep = w->config.retention_blocks < 256 ? 256 : w->config.retention_blocks;
    if (w->tip >= keep && w->tip - keep + 1 > m->oldest_record)
        m->oldest_record = w->tip - keep + 1;
}

/* The transactions of the blocks above number come before those returned earlier. */
static void
model_return(struct model *m, uint64_t number)
{
    size_t old = m->returned_count;
    size_t at = 0;
    void *copy = malloc(sizeof m->returned);
    assert_non_null(copy);
    memcpy(copy, m->returned, sizeof m->returned);
    for (uint64_t n = number + 1; n <= m->w->tip; n++) {
        const struct world_block *block = m->w->blocks[n];
        for (unsigned i = 0; i < block->tx_count; i++) {
            if (block->txs[i].raw[0] == VD_TX_DEPOSIT)
                continue;
            memcpy(m->returned[at].raw, block->txs[i].raw, sizeof block->txs[i].raw);
            m->returned[at++].len = block->txs[i].len;
        }
    }
    assert_true(at + old <= sizeof m->returned / sizeof m->returned[0]);
    memcpy(&m->returned[at], copy, old * sizeof m->returned[0]);
    m->returned_count = at + old;
    free(copy);
}

static void
move_unwind(struct model *m)
{
    struct world *w = m->w;
    uint64_t far = vd_random_below(&w->random, 30) == 0 ? 300 : 20;
    uint64_t depth = vd_random_below(&w->random, far);
    uint64_t number = depth > w->tip ? 0 : w->tip - depth;
    enum vd_err err = vd_store_unwind(w->store, number);
    if (number < w->tip && number + 1 < m->oldest_record) {
        assert_int_equal(err, VD_ERR_NOT_FOUND);
        return;
    }
    assert_int_equal(err, VD_OK);
    model_return(m, number);
    struct vd_snapshot *snapshot = NULL;
    assert_int_equal(vd_snapshot_begin(&snapshot, w->store), VD_OK);
    for (uint64_t n = number + 1; n <= w->tip; n++)
        check_gone(snapshot, w->blocks[n]);
    vd_snapshot_end(snapshot);
    w->tip = number;
    for (int i = 0; i < VD_HEADS; i++) {
        if (m->has_head[i] && m->heads[i].number > number)
            m->heads[i] = id_of(w, number);
    }
    uint64_t from = m->safe_last + 1;
    while (from > m->safe_first && m->safe[from - 1].l2.number > number)
        from--;
    model_drop_entries(m, from);
}

static void
move(struct model *m)
{
    struct world *w = m->w;
    switch (vd_random_below(&w->random, 10)) {
    case 0:
        move_unwind(m);
        break;
    case 1: {
        uint64_t from = vd_random_below(&w->random, m->safe_last + 10);
        assert_int_equal(vd_store_drop_safe_entries(w->store, from), VD_OK);
        model_drop_entries(m, from);
        break;
    }
    case 2:
        world_reopen(w);
        break;
    default:
        move_commit(m);
    }
}

static void
test_rounds_equal_the_model(void **unused)
{
    (void)unused;
    struct model *m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->w = world_new("store rounds");
    m->w->config.without_index = true; /* records go as soon as they may */
    m->safe_first = 1;
    assert_int_equal(world_open(m->w), VD_OK);
    move_commit(m);
    for (int i = 0; i < ROUNDS; i++) {
        move(m);
        check_all(m);
    }
    printf("tip %llu, oldest record %llu\n", (unsigned long long)m->w->tip,
           (unsigned long long)m->oldest_record);
    world_free(m->w);
    free(m);
}

static void
test_near_slots_make_inline_leaves(void **unused)
{
    (void)unused;
    struct world_model model = {0};
    for (unsigned i = 0; i < WORLD_SLOTS; i++)
        model.slots[0][i] = vd_u256(1);
    struct world_rows slots = {0};
    struct world_rows branches = {0};
    world_storage(&model, 0, &slots, &branches);
    unsigned inlined = 0;
    for (size_t i = 0; i < branches.count; i++)
        inlined += vd_load_be16(branches.rows[i].value + 2) != 0;
    assert_int_equal(inlined, sizeof world_near_slots / sizeof world_near_slots[0] / 2);
    free(slots.rows);
    free(branches.rows);
}

static void
put(struct world *w, uint64_t l1, uint8_t hash, uint64_t l2)
{
    struct vd_safe_entry entry = {.l1 = {.hash = {{hash}}, .number = l1}, .l2 = id_of(w, l2)};
    struct vd_store_commit commit = {.safe_entries = &entry, .safe_entry_count = 1};
    assert_int_equal(vd_store_commit(w->store, &commit), VD_OK);
}

/* l2: the safe head at each L1 block from 10 on; UINT64_MAX ends them. */
static void
check_safe(struct world *w, const uint64_t *l2)
{
    struct vd_snapshot *snapshot = NULL;
    struct vd_safe_entry entry;
    uint64_t first = 0;
    uint64_t last = 0;
    assert_int_equal(vd_snapshot_begin(&snapshot, w->store), VD_OK);
    uint64_t l1 = 10;
    for (; l2[l1 - 10] != UINT64_MAX; l1++) {
        assert_int_equal(vd_snapshot_safe_at(snapshot, &entry, &first, &last, l1), VD_OK);
        assert_int_equal(entry.l2.number, l2[l1 - 10]);
    }
    assert_int_equal(first, 10);
    assert_int_equal(last, l1 - 1);
    vd_snapshot_end(snapshot);
}

/* A derivation that starts again calls its safe head safe at L1 blocks from before that. */
static void
test_an_l1_block_read_again_keeps_what_was_safe_by_it(void **unused)
{
    (void)unused;
    struct world *w = world_new("store safe");
    assert_int_equal(world_open(w), VD_OK);
    assert_int_equal(world_commit(w, WORLD_BATCH), VD_OK);
    uint64_t most = WORLD_BATCH - 1;
    put(w, 10, 1, 0);
    put(w, 11, 2, 1);
    put(w, 12, 3, most);
    put(w, 10, 1, most);
    put(w, 11, 2, most);
    put(w, 12, 3, most);
    check_safe(w, (uint64_t[]){0, 1, most, UINT64_MAX});
    put(w, 13, 4, most);
    check_safe(w, (uint64_t[]){0, 1, most, most, UINT64_MAX});
    put(w, 11, 9, most); /* another L1 block of that number */
    check_safe(w, (uint64_t[]){0, most, UINT64_MAX});
    world_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_near_slots_make_inline_leaves),
        cmocka_unit_test(test_rounds_equal_the_model),
        cmocka_unit_test(test_an_l1_block_read_again_keeps_what_was_safe_by_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
