/* Plays the challenger on the model: its effects and their answers, L1's blocks with reorgs,
   restarts and lost answers, and the opponents.  Of the challenger's tests. */
#ifndef VIADUCT_TESTS_UNIT_NODE_ROLES_DISPUTE_PLAY_H
#define VIADUCT_TESTS_UNIT_NODE_ROLES_DISPUTE_PLAY_H

#include "dispute_model.h"

/* --- the challenger's effects --- */

static void
on_list(void *ctx, uint64_t first, const struct vd_hash *l1_block)
{
    struct model *m = ctx;
    (void)l1_block;
    assert_int_equal(m->l1, A_NONE);
    m->l1 = A_LIST;
    m->l1_first = first;
}

static void
on_read(void *ctx, const struct vd_dispute_id *id, const struct vd_hash *l1_block)
{
    struct model *m = ctx;
    (void)l1_block;
    assert_int_equal(m->l1, A_NONE);
    m->l1 = A_READ;
    m->asked_at = m->now.number;
    m->l1_to = id->proxy;
}

static uint8_t *
copy_of(struct vd_slice data)
{
    uint8_t *copy = malloc(data.len + 1);
    assert_non_null(copy);
    memcpy(copy, data.ptr, data.len);
    return copy;
}

static void
on_estimate(void *ctx, const struct vd_address *to, struct vd_slice data,
            const struct vd_u256 *value)
{
    struct model *m = ctx;
    assert_int_equal(m->l1, A_NONE);
    assert_false(m->watch);
    m->l1 = A_ESTIMATE;
    m->l1_to = *to;
    m->l1_data = copy_of(data);
    m->l1_len = data.len;
    m->l1_value = value->w[0];
}

static void
on_call(void *ctx, const struct vd_address *to, struct vd_slice data,
        const struct vd_hash *l1_block)
{
    struct model *m = ctx;
    (void)l1_block;
    assert_int_equal(m->l1, A_NONE);
    assert_true(vd_address_eq(to, &oracle));
    m->l1 = A_CALL;
    m->l1_data = copy_of(data);
    m->l1_len = data.len;
}

static void
on_logs(void *ctx, const struct vd_address *address, uint64_t block)
{
    struct model *m = ctx;
    assert_int_equal(m->l1, A_NONE);
    assert_true(vd_address_eq(address, &oracle));
    m->l1 = A_LOGS;
    m->l1_first = block;
}

static void
ask_node(struct model *m, enum ask what, uint64_t number, const struct vd_dispute_run *run)
{
    assert_int_equal(m->node, A_NONE);
    m->node = what;
    m->number = number;
    if (run) {
        m->run = *run;
    }
}

static void
on_safe(void *ctx, const struct vd_hash *l1_head)
{
    struct model *m = ctx;
    m->head = *l1_head;
    ask_node(m, A_SAFE, 0, NULL);
}

static void
on_output(void *ctx, uint64_t number)
{
    ask_node(ctx, A_OUTPUT, number, NULL);
}

static void
on_state(void *ctx, const struct vd_dispute_run *run, uint64_t steps)
{
    ask_node(ctx, A_STATE, steps, run);
}

static void
on_step(void *ctx, const struct vd_dispute_run *run, uint64_t steps)
{
    ask_node(ctx, A_STEP, steps, run);
}

static void
on_header(void *ctx, uint64_t number)
{
    ask_node(ctx, A_HEADER, number, NULL);
}

static enum vd_err
on_send(void *ctx, const struct vd_txm_payload *payload)
{
    struct model *m = ctx;
    assert_false(m->watch);
    if (m->tx_count - m->mined >= 80) {
        return VD_ERR_BUSY;
    }
    assert_true(m->tx_count < TXS && payload->tag.len <= VD_TXM_MAX_TAG);
    assert_true(payload->gas_limit >= 100000 && payload->gas_limit <= 16777216); /* EIP-7825 */
    assert_true(payload->data.len + 1024 < VD_TXM_MAX_DATA);
    for (size_t i = 0; i < m->tx_count; i++) { /* nothing goes out twice at a time */
        const struct tx *t = &m->txs[i];
        assert_false(t->block == 0 && t->tag_len == payload->tag.len &&
                     memcmp(t->tag, payload->tag.ptr, t->tag_len) == 0);
    }
    struct tx *tx = &m->txs[m->tx_count++];
    *tx = (struct tx){.tag_len = payload->tag.len,
                      .to = payload->to,
                      .data = copy_of(payload->data),
                      .len = payload->data.len,
                      .value = payload->value.w[0]};
    memcpy(tx->tag, payload->tag.ptr, payload->tag.len);
    return VD_OK;
}

static void
on_note(void *ctx, bool alert, const char *text)
{
    struct model *m = ctx;
    m->alerts += alert;
    if (getenv("VD_VERBOSE")) {
        printf("%llu%s %s\n", (unsigned long long)m->now.time, alert ? " ALERT" : "", text);
    }
}

static void
start(struct model *m)
{
    struct vd_challenger_config config = {.watch = m->watch,
                                          .from = own,
                                          .prestate = prestate,
                                          .chain_id = CHAIN,
                                          .settle_s = m->settle_s};
    struct vd_challenger_effects effects = {.ctx = m,
                                            .list = on_list,
                                            .read = on_read,
                                            .estimate = on_estimate,
                                            .call = on_call,
                                            .logs = on_logs,
                                            .safe = on_safe,
                                            .output = on_output,
                                            .state = on_state,
                                            .step = on_step,
                                            .header = on_header,
                                            .send = on_send,
                                            .note = on_note};
    assert_int_equal(vd_challenger_new(&m->challenger, &config, &effects), VD_OK);
    for (size_t i = 0; i < m->tx_count; i++) {
        struct vd_txm_status status = {.tag = vd_slice(m->txs[i].tag, m->txs[i].tag_len),
                                       .included = m->txs[i].block != 0,
                                       .confirmed = m->txs[i].confirmed};
        vd_challenger_restore(m->challenger, &status);
    }
}

/* --- answers --- */

static void
answer_read(struct model *m)
{
    static struct vd_u256 bonds[VD_GAME_MAX_DEPTH + 1];
    struct contract *g = game_at(&m->now, &m->l1_to);
    if (!g) {
        vd_challenger_read(m->challenger, VD_ERR_NOT_FOUND, "no such game", NULL);
        return;
    }
    for (unsigned d = 0; d <= g->game.max_depth; d++) {
        bonds[d] = vd_u256(bond_at(g, d));
    }
    struct vd_dispute d = {.prestate = prestate,
                           .chain_id = CHAIN,
                           .l1_head = g->l1_head,
                           .l2_block = g->l2_block,
                           .start_block = g->start_block,
                           .start_root = true_output(g->start_block),
                           .oracle = oracle,
                           .status = g->status,
                           .block_challenged = g->block_challenged,
                           .game = g->game,
                           .resolved = g->resolved,
                           .bonds = bonds,
                           .credit = vd_u256(g->mode == REFUND ? g->refund : g->credit),
                           .closed = g->mode != UNDECIDED,
                           .refund = vd_u256(g->refund)};
    d.prestate.b[5] ^= g->foreign == 1;
    d.chain_id += g->foreign == 2;
    d.start_root.b[5] ^= g->foreign == 3;
    vd_challenger_read(m->challenger, VD_OK, "", &d);
}

static void
answer_call(struct model *m, bool lost)
{
    uint8_t words[64];
    uint8_t *data = m->l1_data;
    m->l1_data = NULL;
    size_t len = view_oracle(&m->now.oracle, words, vd_slice(data, m->l1_len));
    len = m->is_mute && m->l1_len == 4 ? 0 : len;
    vd_challenger_called(m->challenger,
                         lost       ? VD_ERR_IO
                         : len == 0 ? VD_ERR_REFUSED
                                    : VD_OK,
                         "no", vd_slice(words, lost ? 0 : len));
    free(data);
}

static void
answer_logs(struct model *m, bool lost)
{
    struct vd_slice logs[LPP_LOGS] = {{0}};
    size_t count = 0;
    size_t forgotten = m->forgotten_logs;
    m->forgotten_logs = 0;
    for (size_t i = forgotten; i < m->now.oracle.log_count; i++) {
        const struct oracle_log *log = &m->now.oracle.logs[i];
        if (log->block == m->l1_first) {
            uint8_t *bytes = malloc(20 + log->data.len);
            assert_non_null(bytes);
            memcpy(bytes, log->caller.b, 20);
            memcpy(bytes + 20, log->data.ptr, log->data.len);
            logs[count++] = vd_slice(bytes, 20 + log->data.len);
        }
    }
    vd_challenger_logged(m->challenger, lost ? VD_ERR_IO : VD_OK, "no", logs, lost ? 0 : count);
    while (count > 0) {
        free((void *)logs[--count].ptr);
    }
}

static void
answer_l1(struct model *m)
{
    enum ask what = m->l1;
    m->l1 = A_NONE;
    bool lost = m->fails && vd_random_below(&m->rng, 40) == 0;
    if (what == A_LIST) {
        struct vd_dispute_id ids[GAMES];
        size_t count = 0;
        for (size_t i = m->l1_first; i < m->now.count; i++) {
            ids[count++] =
                (struct vd_dispute_id){i, m->now.games[i].proxy, m->now.games[i].created};
        }
        vd_challenger_listed(m->challenger, lost ? VD_ERR_IO : VD_OK, ids, count, m->now.count);
    } else if (what == A_READ && lost) {
        vd_challenger_read(m->challenger, VD_ERR_IO, "no answer", NULL);
    } else if (what == A_READ) {
        answer_read(m);
    } else if (what == A_CALL) {
        answer_call(m, lost);
    } else if (what == A_LOGS) {
        answer_logs(m, lost);
    } else if (what == A_ESTIMATE) {
        uint8_t *data = m->l1_data;
        m->l1_data = NULL;
        bool ok = !m->has_no_gas && m->l1_value <= m->now.balance &&
                  execute(m, &m->l1_to, vd_slice(data, m->l1_len), m->l1_value, true);
        vd_challenger_estimated(m->challenger,
                                lost ? VD_ERR_IO
                                : ok ? VD_OK
                                     : VD_ERR_REFUSED,
                                "it reverts", 100000 + vd_random_below(&m->rng, 16000000));
        free(data);
    }
}

static const struct contract *
game_of_head(const struct model *m, const struct vd_hash *l1_head)
{
    for (size_t i = 0; i < m->now.count; i++) {
        if (vd_hash_eq(&m->now.games[i].l1_head, l1_head)) {
            return &m->now.games[i];
        }
    }
    return NULL;
}

static void
answer_step(struct model *m, const struct contract *g)
{
    struct vd_dispute_step step = {.vm = {.proof_len = 33}};
    struct vd_hash state = true_state(&m->run, g->safe, leaves_of(g), m->number);
    memcpy(step.vm.state, state.b, 32);
    step.vm.reads_preimage = m->number % 3 != 2;
    step.vm.offset = offset_of(m->number);
    step.vm.key[0] = 1;
    step.vm.key[31] = 3;
    if (m->number % 3 != 0) {
        const struct made *preimage = preimage_of(size_of(m->number));
        memcpy(step.vm.key, preimage->key.b, 32);
        step.preimage = vd_slice(preimage->bytes, preimage->size);
    }
    vd_challenger_step(m->challenger, VD_OK, "", &step);
}

static void
answer_node(struct model *m)
{
    enum ask what = m->node;
    m->node = A_NONE;
    enum vd_err err = m->fails && vd_random_below(&m->rng, 40) == 0 ? VD_ERR_IO : VD_OK;
    const struct contract *g =
        what == A_SAFE ? game_of_head(m, &m->head) : game_of_head(m, &m->run.l1_head);
    struct vd_hash value = {{0}};
    bool runs = what == A_STATE || what == A_STEP;
    err = runs && vd_hash_eq(&m->run.claimed_root, &m->broken) ? VD_ERR_IO : err;
    if (what == A_SAFE) {
        vd_challenger_safe(m->challenger, g ? err : VD_ERR_NOT_FOUND, "no", g ? g->safe : 0);
    } else if (what == A_OUTPUT) {
        value = true_output(m->number);
        vd_challenger_output(m->challenger, err, "no", &value);
    } else if (what == A_STATE) {
        value = g ? true_state(&m->run, g->safe, leaves_of(g), m->number) : value;
        vd_challenger_state(m->challenger, g ? err : VD_ERR_NOT_FOUND, "no", &value);
    } else if (what == A_STEP && g && err == VD_OK) {
        answer_step(m, g);
    } else if (what == A_STEP) {
        vd_challenger_step(m->challenger, VD_ERR_IO, "no", NULL);
    } else if (what == A_HEADER) {
        uint8_t header[8];
        vd_store_be64(header, m->number);
        struct vd_dispute_output output = {.state_root = part_of("state root", m->number),
                                           .storage_root = part_of("storage root", m->number),
                                           .block_hash = part_of("header", m->number),
                                           .header = vd_slice(header, 8)};
        vd_challenger_header(m->challenger, err, "no", &output);
    }
}

/* --- L1 --- */

static void
announce(struct model *m, size_t i, enum vd_txm_event_kind kind)
{
    const struct tx *tx = &m->txs[i];
    struct vd_txm_event event = {.kind = kind,
                                 .id = i,
                                 .tag = vd_slice(tx->tag, tx->tag_len),
                                 .block = {.number = tx->block},
                                 .success = tx->success,
                                 .text = ""};
    vd_challenger_tx_event(m->challenger, &event);
}

static void
mine(struct model *m)
{
    for (uint64_t n = m->per_block; n > 0 && m->mined < m->tx_count; n--) {
        struct tx *tx = &m->txs[m->mined++];
        tx->block = m->now.number;
        tx->announced = false;
        tx->success = tx->value <= m->now.balance &&
                      execute(m, &tx->to, vd_slice(tx->data, tx->len), tx->value, false);
        m->reverted += !tx->success;
    }
}

static void
announce_all(struct model *m)
{
    for (size_t i = 0; i < m->mined; i++) {
        struct tx *tx = &m->txs[i];
        if (!tx->announced) {
            tx->announced = true;
            announce(m, i, VD_TXM_INCLUDED);
        }
        if (!tx->confirmed && tx->block + 4 <= m->now.number) {
            tx->confirmed = true;
            announce(m, i, VD_TXM_CONFIRMED);
        }
    }
}

static void
relink(struct chain *chain)
{
    for (size_t i = 0; i < chain->count; i++) {
        chain->games[i].game.claims = chain->games[i].claims;
    }
}

static void
reorg(struct model *m)
{
    m->now = m->saved;
    relink(&m->now);
    m->fork++;
    vd_challenger_reorg(m->challenger);
    size_t was = m->mined;
    m->mined = m->saved_txs;
    for (size_t i = m->saved_txs; i < was; i++) {
        m->txs[i].block = 0;
        announce(m, i, VD_TXM_REORGED_OUT);
    }
}

static void
tell_heads(struct model *m)
{
    struct vd_challenger_heads heads = {.l1 = {.number = m->now.number, .timestamp = m->now.time},
                                        .derived_l1 = m->now.number - m->lag,
                                        .balance = vd_u256(m->now.balance),
                                        .gas_price = vd_u256(m->gas_price)};
    heads.l1.hash = part_of("l1", m->now.number * 1000 + m->fork);
    vd_challenger_heads(m->challenger, (m->now.time - m->skipped_s) * 1000, &heads);
    for (unsigned i = 0; i < 40000 && (m->l1 != A_NONE || m->node != A_NONE); i++) {
        if (m->l1 != A_NONE && !(m->is_slow && m->l1 == A_READ && m->asked_at == m->now.number)) {
            answer_l1(m);
        }
        if (m->node != A_NONE && m->node != m->slow_node) {
            answer_node(m);
        } else if (m->l1 == A_NONE) {
            break;
        }
    }
}

/* --- opponents --- */

static void
add_game(struct model *m, enum opponent opponent, bool root_is_true, uint64_t beyond)
{
    struct contract *g = &m->now.games[m->now.count];
    memset(g, 0, sizeof *g);
    g->proxy = (struct vd_address){.b = {0xaa, [19] = (uint8_t)m->now.count}};
    g->created = m->now.time;
    g->start_block = 100;
    g->opponent = opponent;
    g->game = (struct vd_game){.split_depth = 2 + (unsigned)vd_random_below(&m->rng, 3),
                               .max_clock_s = MAX_CLOCK_S,
                               .claims = g->claims,
                               .count = 1};
    g->game.max_depth = g->game.split_depth + 3 + (unsigned)vd_random_below(&m->rng, 4);
    g->l2_block = g->start_block + 1 + vd_random_below(&m->rng, 1ull << g->game.split_depth);
    g->safe = g->l2_block - smaller(beyond, g->l2_block - g->start_block);
    g->l1_head = part_of("l1 head", m->now.count);
    g->lie_leaf = vd_random_below(&m->rng, g->l2_block - g->start_block);
    g->lie_step = vd_random_below(&m->rng, leaves_of(g));
    g->patience = 1 + (unsigned)vd_random_below(&m->rng, 6);
    g->claims[0] = (struct vd_claim){.parent = VD_NO_PARENT,
                                     .claimant = other,
                                     .bond = vd_u256(BOND),
                                     .position = VD_GAME_ROOT,
                                     .clock_timestamp = m->now.time};
    g->claims[0].value = true_value(g, VD_GAME_ROOT, NULL);
    g->claims[0].value.b[31] ^= !root_is_true;
    m->now.count++;
}

/* The last game added, of these depths and as many blocks as it can be about; its first block is
   the first false one of a liar. */
static struct contract *
shape_game(struct model *m, unsigned split_depth, unsigned max_depth, bool root_is_true)
{
    struct contract *g = &m->now.games[m->now.count - 1];
    g->game.split_depth = split_depth;
    g->game.max_depth = max_depth;
    g->l2_block = g->start_block + (1u << split_depth);
    g->safe = g->l2_block;
    g->lie_leaf = 0;
    g->lie_step = 4;
    g->claims[0].value = true_value(g, VD_GAME_ROOT, NULL);
    g->claims[0].value.b[31] ^= !root_is_true;
    return g;
}

/* A trace that is true up to a place and false from there on. */
static struct vd_hash
lie(const struct contract *g, struct vd_position p, const struct vd_execution *e, bool disputes)
{
    struct vd_hash value = true_value(g, p, e);
    bool is_false = e ? leaf_of(g, p) >= g->lie_step
                      : vd_position_trace_index(p, g->game.split_depth) >= g->lie_leaf;
    value.b[31] ^= is_false;
    if (e && vd_position_depth(p) == g->game.split_depth + 1) {
        value.b[0] = disputes ? 1 : 0;
    }
    return value;
}

static void
opponent_moves(struct model *m, struct contract *g, uint32_t parent, bool attack, bool lies)
{
    unsigned depth = vd_position_depth(g->claims[parent].position);
    if (depth == g->game.max_depth) {
        return; /* a false step cannot be proven */
    }
    struct vd_position p = vd_position_move(g->claims[parent].position, attack);
    struct vd_execution e = {0};
    bool below = depth >= g->game.split_depth;
    if (below) {
        if (!attack && (parent == 0 || depth == g->game.split_depth + 1)) {
            return;
        }
        e = depth == g->game.split_depth ? vd_game_execution_of_move(&g->game, parent, attack)
                                         : vd_game_execution(&g->game, parent);
        if (e.end == VD_NO_PARENT) {
            return;
        }
    }
    bool disputes = attack;
    if (below && !attack && e.end != VD_NO_PARENT) {
        disputes = vd_position_depth(g->claims[e.end].position) % 2 == g->game.split_depth % 2;
    }
    struct vd_hash value = lie(g, p, below ? &e : NULL, disputes);
    if (!lies) {
        value = true_value(g, p, below ? &e : NULL);
        value.b[30] ^= (uint8_t)vd_random_below(&m->rng, 3);
    }
    do_move(g, &m->now, &other, parent, attack, &value, bond_at(g, depth + 1), false);
}

/* Attacks what its own trace says otherwise, defends the rest; always a counter to the challenger.
 */
static void
liar_answers(struct model *m, struct contract *g, uint32_t i)
{
    const struct vd_claim *c = &g->claims[i];
    unsigned depth = vd_position_depth(c->position);
    struct vd_execution e = {0};
    bool below = depth > g->game.split_depth;
    if (below) {
        e = vd_game_execution(&g->game, i);
    }
    bool disputes = below && c->value.b[0] == 1;
    struct vd_hash mine_is = lie(g, c->position, below ? &e : NULL, disputes);
    bool agrees = memcmp(mine_is.b + 1, c->value.b + 1, 31) == 0;
    opponent_moves(m, g, i, i == 0 || !agrees || depth == g->game.split_depth + 1, true);
}

static void
opponent_turn(struct model *m, struct contract *g)
{
    size_t count = g->game.count;
    uint64_t ahead = 12; /* the longest block time */
    if (g->status != 0 || g->opponent == SILENT || g->patience == 0) {
        return;
    }
    if (g->opponent == FLOOD) {
        for (unsigned i = 0; i < 1000 && g->game.count < MOST; i++) {
            struct vd_hash value = part_of("flood", i);
            do_move(g, &m->now, &other, 0, true, &value, BOND, false);
        }
        g->patience = 0;
        return;
    }
    if (g->opponent == RANDOM) {
        for (uint64_t n = vd_random_below(&m->rng, 6); n > 0 && g->game.count < 300; n--) {
            uint32_t i = (uint32_t)vd_random_below(&m->rng, count);
            opponent_moves(m, g, i, vd_random_below(&m->rng, 2) == 0, false);
        }
        g->patience -= vd_random_below(&m->rng, 8) == 0;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        bool is_own = vd_address_eq(&g->claims[i].claimant, &own);
        bool is_root =
            i == 0 && g->claims[0].value.b[31] == true_value(g, VD_GAME_ROOT, NULL).b[31];
        uint64_t used = vd_game_challenger_duration(&g->game, i, m->now.time);
        if ((is_own || is_root) && (g->opponent != LAST_SECOND || used + ahead >= MAX_CLOCK_S)) {
            liar_answers(m, g, (uint32_t)i);
        }
    }
    g->patience -= g->opponent == STALLS;
}

/* --- a run --- */

static void
block(struct model *m)
{
    m->now.number++;
    m->now.time += 1 + vd_random_below(&m->rng, 12);
    bool first = vd_random_below(&m->rng, 2) == 0;
    if (first) {
        mine(m);
    }
    for (size_t i = 0; i < m->now.count; i++) {
        opponent_turn(m, &m->now.games[i]);
    }
    if (!first) {
        mine(m);
    }
    announce_all(m);
    tell_heads(m);
}

static void
restart(struct model *m)
{
    vd_challenger_free(m->challenger);
    free(m->l1_data);
    m->l1_data = NULL;
    m->l1 = A_NONE;
    m->node = A_NONE;
    if (m->mined < m->tx_count) { /* what was not signed yet is gone */
        size_t keep = m->mined + vd_random_below(&m->rng, m->tx_count - m->mined + 1);
        for (size_t i = keep; i < m->tx_count; i++) {
            free(m->txs[i].data);
        }
        m->tx_count = keep;
    }
    start(m);
}

static bool
is_settled(const struct model *m)
{
    for (size_t i = 0; i < m->now.count; i++) {
        const struct contract *g = &m->now.games[i];
        if (!g->foreign && (g->status == 0 || g->credit != 0)) {
            return false;
        }
    }
    for (size_t i = 0; i < m->now.oracle.lpp_count; i++) {
        const struct lpp *lpp = &m->now.oracle.lpps[i];
        if (vd_address_eq(&lpp->claimant, &own) && lpp->bond != 0) {
            return false;
        }
    }
    return true;
}

static void
play(struct model *m, bool disturbed)
{
    uint64_t reorg_at = 0;
    for (unsigned i = 0; i < 1500 && !is_settled(m); i++) {
        block(m);
        if (disturbed && reorg_at == 0 && vd_random_below(&m->rng, 20) == 0) {
            m->saved = m->now;
            m->saved_txs = m->mined;
            reorg_at = m->now.number + 1 + vd_random_below(&m->rng, 3);
        } else if (reorg_at != 0 && m->now.number >= reorg_at) {
            reorg_at = 0;
            reorg(m);
        }
        if (disturbed && vd_random_below(&m->rng, 15) == 0) {
            restart(m);
        }
    }
    assert_true(is_settled(m));
}

static uint64_t
expect_won(const struct contract *g)
{
    uint64_t won = 0;
    struct vd_hash right = true_value(g, VD_GAME_ROOT, NULL);
    bool truth = vd_hash_eq(&g->claims[0].value, &right) && g->l2_block <= g->safe;
    assert_int_equal(g->status, truth ? 2 : 1);
    for (size_t i = 0; i < g->game.count; i++) {
        const struct vd_claim *c = &g->claims[i];
        bool is_own = vd_address_eq(&c->claimant, &own);
        assert_true(g->resolved[i]);
        assert_false(is_own && c->countered);
        won += !is_own && c->countered && vd_address_eq(&c->countered_by, &own) ? c->bond.w[0] : 0;
    }
    /* A random opponent may have made the right move first. */
    assert_true(truth || g->opponent == RANDOM || vd_address_eq(&g->claims[0].countered_by, &own));
    return won;
}

static struct model *
new_model(struct vd_random rng, uint64_t balance)
{
    struct model *m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->rng = rng;
    m->per_block = 16;
    m->now.balance = balance;
    m->now.number = 1000;
    m->now.time = 1000000;
    return m;
}

static void
end_model(struct model *m)
{
    vd_challenger_free(m->challenger);
    for (size_t i = 0; i < m->tx_count; i++) {
        free(m->txs[i].data);
    }
    for (size_t i = 0; i < m->held_count; i++) {
        free(m->held[i]);
    }
    free(m->l1_data);
    free(m);
}

static void
check_won(struct model *m, uint64_t balance)
{
    uint64_t won = 0;
    for (size_t i = 0; i < m->now.count; i++) {
        won += expect_won(&m->now.games[i]);
    }
    assert_true(m->now.balance == balance + won);
}

#endif
