/* viaduct_withdrawalStatus: where the withdrawals of an L2 transaction stand on L1.

   Found on L2 in the pool, then looked at on L1 one after the other, from the loop.  A withdrawal
   that is named by its own hash is looked for in the newest blocks, by their blooms. */
#include <stdio.h>

#include "rpc_internal.h"
#include "viaduct/node/l1/withdrawal.h"

/* Withdrawals of one transaction that are told about. */
#define MAX_MESSAGES 64u

struct message {
    struct vd_hash hash;
    struct vd_withdrawal_message message; /* data is the call's */
};

struct status_call {
    struct vd_rpc_api *api;
    struct vd_rpc_call *call;
    struct vd_hash hash; /* as asked for */
    bool found;
    struct vd_hash tx_hash;
    bool sealed;
    uint64_t number;
    uint64_t time;
    struct message messages[MAX_MESSAGES];
    size_t count;
    size_t next;
    struct vd_json *out; /* the answer, written as L1 answers */
};

/* --- on L2 --- */

/* Keeps the withdrawals of a record; with only, the one of that hash. */
static vd_done *
keep_messages(struct status_call *s, const struct vd_tx_record *record, const struct vd_hash *only)
{
    for (size_t i = 0; i < record->receipt.log_count && s->count < MAX_MESSAGES; i++) {
        struct message *m = &s->messages[s->count];
        enum vd_err err = vd_withdrawal_from_log(&m->message, &m->hash, &record->receipt.logs[i]);
        if (err != VD_OK || (only && !vd_hash_eq(only, &m->hash)))
            continue;
        uint8_t *data = vd_rpc_alloc(s->call, m->message.data.len + 1);
        if (data == NULL)
            return vd_answer_err(s->call, VD_ERR_NO_MEMORY);
        memcpy(data, m->message.data.ptr, m->message.data.len);
        m->message.data.ptr = data;
        s->count++;
    }
    return NULL;
}

static vd_done *
take_place(struct status_call *s, struct vd_reading *r, uint64_t number, size_t index,
           const struct vd_hash *only)
{
    const struct vd_tx_record *txs = NULL;
    size_t count = 0;
    struct vd_header header;
    struct vd_hash hash;
    enum vd_err err = vd_view_header(r->view, &header, &hash, number);
    if (err == VD_OK)
        err = vd_view_txs(r->view, &txs, &count, number);
    if (err != VD_OK)
        return vd_answer_err(r->call, err);
    size_t end = only != NULL ? count : index + 1;
    for (size_t i = index; i < end && (only == NULL || s->count == 0); i++) {
        vd_done *bad = keep_messages(s, &txs[i], only);
        if (bad != NULL)
            return bad;
        s->tx_hash = txs[i].hash;
    }
    s->found = s->count > 0 || only == NULL;
    s->sealed = true;
    s->number = number;
    s->time = header.timestamp;
    return NULL;
}

/* The block whose bloom has the message passer and whose logs have the hash, from the tip down. */
static vd_done *
search_by_hash(struct status_call *s, struct vd_reading *r)
{
    uint64_t tip = vd_view_heads(r->view)->unsafe.number;
    uint64_t span = s->api->config.limits.log_blocks;
    uint64_t low = tip > span ? tip - span : 0;
    struct vd_slice passer =
        vd_slice(VD_L2_TO_L1_MESSAGE_PASSER.b, sizeof VD_L2_TO_L1_MESSAGE_PASSER.b);
    for (uint64_t n = tip; n > low && !s->found; n--) {
        struct vd_header header;
        struct vd_hash hash;
        size_t mark = vd_arena_mark(r->arena);
        enum vd_err err = vd_view_header(r->view, &header, &hash, n);
        if (err == VD_ERR_NOT_FOUND)
            break; /* not kept */
        if (err != VD_OK)
            return vd_answer_err(r->call, err);
        if (vd_bloom_may_have(header.logs_bloom, passer)) {
            vd_done *bad = take_place(s, r, n, 0, &s->hash);
            if (bad != NULL)
                return bad;
        }
        vd_arena_rewind(r->arena, mark);
    }
    return NULL;
}

static vd_done *
find_on_l2(struct status_call *s, struct vd_reading *r)
{
    uint64_t number = 0;
    size_t index = 0;
    enum vd_err err = vd_view_find_tx(r->view, &number, &index, &s->hash);
    if (err == VD_OK)
        return take_place(s, r, number, index, NULL);
    if (err != VD_ERR_NOT_FOUND)
        return vd_answer_err(r->call, err);
    const struct vd_pending *open = vd_view_pending(r->view);
    if (open != NULL && vd_view_find_pending(r->view, &index, &s->hash) == VD_OK) {
        s->found = true;
        s->tx_hash = s->hash;
        return keep_messages(s, &open->txs[index], NULL);
    }
    return search_by_hash(s, r);
}

/* --- the answer --- */

static void
write_game(struct vd_json *j, const struct vd_withdrawal_standing *standing)
{
    vd_json_key(j, "game");
    if (!standing->has_game) {
        vd_json_null(j);
        return;
    }
    static const char *const statuses[] = {"in progress", "challenger wins", "defender wins"};
    const struct vd_withdrawal_game *game = &standing->game;
    vd_json_object_begin(j);
    vd_json_put_address(j, "proxy", &game->proxy);
    if (game->has_index)
        vd_json_put_number(j, "index", game->index);
    else
        vd_json_put_null(j, "index");
    vd_json_put_number(j, "l2Block", game->l2_block);
    vd_json_put_hash(j, "rootClaim", &game->root);
    vd_json_put_number(j, "createdAt", game->created);
    vd_json_put_number(j, "resolvedAt", game->resolved);
    vd_json_put_string(j, "status", statuses[game->status]);
    vd_json_put_number(j, "claims", game->claims);
    vd_json_put_bool(j, "disputed", vd_withdrawal_game_is_disputed(game));
    vd_json_put_bool(j, "valid", vd_withdrawal_game_is_valid(game));
    vd_json_put_bool(j, "blacklisted", game->blacklisted);
    vd_json_put_bool(j, "retired", game->retired);
    vd_json_object_end(j);
}

static void
write_message(struct vd_json *j, const struct message *m)
{
    vd_json_put_hash(j, "withdrawalHash", &m->hash);
    vd_json_put_u256(j, "nonce", &m->message.nonce);
    vd_json_put_address(j, "sender", &m->message.sender);
    vd_json_put_address(j, "target", &m->message.target);
    vd_json_put_u256(j, "value", &m->message.value);
    vd_json_put_u256(j, "gasLimit", &m->message.gas_limit);
    vd_json_put_data(j, "data", m->message.data);
}

static void
write_command(struct vd_json *j, const struct status_call *s, enum vd_withdrawal_state state)
{
    char hash[65] = {0};
    char command[128];
    const char *name = state == VD_WITHDRAWAL_READY_TO_PROVE      ? "prove"
                       : state == VD_WITHDRAWAL_READY_TO_FINALIZE ? "finalize"
                                                                  : NULL;
    if (name == NULL) {
        vd_json_put_null(j, "command");
        return;
    }
    vd_hex_encode(hash, s->tx_hash.b, 32);
    snprintf(command, sizeof command, "viaduct bridge %s --tx 0x%s", name, hash);
    vd_json_put_string(j, "command", command);
}

static void
write_standing(struct vd_json *j, const struct status_call *s,
               const struct vd_withdrawal_standing *standing)
{
    char next[320];
    vd_withdrawal_explain(next, sizeof next, standing);
    vd_json_put_string(j, "status", vd_withdrawal_state_name(standing->state));
    if (standing->relay == VD_RELAY_NONE)
        vd_json_put_null(j, "message");
    else
        vd_json_put_string(j, "message", vd_withdrawal_relay_name(standing->relay));
    write_game(j, standing);
    if (standing->proven) {
        vd_json_put_number(j, "provenAt", standing->proven_at);
        vd_json_put_address(j, "proofSubmitter", &standing->submitter);
    } else {
        vd_json_put_null(j, "provenAt");
        vd_json_put_null(j, "proofSubmitter");
    }
    if (standing->seconds_known)
        vd_json_put_number(j, "secondsLeft", standing->seconds_left);
    else
        vd_json_put_null(j, "secondsLeft");
    vd_json_put_string(j, "next", next);
    write_command(j, s, standing->state);
    vd_json_put_number(j, "l1Block", standing->at.number);
}

/* --- on L1 --- */

static void look_at_next(struct status_call *s);

static void
check_root(void *ctx, uint64_t number, const struct vd_hash *root, vd_withdrawal_root_answer answer,
           void *answer_ctx)
{
    struct status_call *s = ctx;
    struct vd_view *view = NULL;
    struct vd_header header;
    struct vd_hash hash;
    bool is_right = false;
    enum vd_err err = vd_view_open(&view, s->api->engine);
    if (err == VD_OK)
        err = vd_view_header(view, &header, &hash, number);
    if (err == VD_OK) {
        struct vd_hash own = vd_output_root(&header.state_root, &header.withdrawals_root, &hash);
        is_right = vd_hash_eq(&own, root);
    }
    vd_view_close(view);
    answer(answer_ctx, err, is_right);
}

static void
on_looked(void *ctx, enum vd_err err, const char *text,
          const struct vd_withdrawal_standing *standing)
{
    struct status_call *s = ctx;
    if (err != VD_OK) {
        (void)vd_rpc_error(s->call, VD_RPC_SERVER_ERROR, "L1 could not be asked: %s", text);
        return;
    }
    struct vd_json *j = s->out;
    vd_json_object_begin(j);
    write_message(j, &s->messages[s->next]);
    write_standing(j, s, standing);
    vd_json_object_end(j);
    s->next++;
    look_at_next(s);
}

static void
look_at_next(struct status_call *s)
{
    if (s->next == s->count) {
        struct vd_json *j = s->out;
        vd_json_array_end(j);
        vd_json_object_end(j);
        (void)vd_rpc_reply(s->call);
        return;
    }
    struct vd_withdrawal_query query = {.portal = s->api->rollup->deposit_contract,
                                        .hash = s->messages[s->next].hash,
                                        .message = &s->messages[s->next].message,
                                        .has_block = true,
                                        .l2_block = s->number,
                                        .l2_time = s->time,
                                        .check_root = check_root,
                                        .ctx = s};
    vd_withdrawal_look(s->api->config.l1, &query, on_looked, s);
}

/* In the open block nothing can be proposed yet: told without asking L1. */
static vd_done *
answer_unsealed(struct status_call *s, struct vd_json *j)
{
    for (size_t i = 0; i < s->count; i++) {
        bool never =
            vd_address_eq(&s->messages[i].message.target, &s->api->rollup->deposit_contract);
        struct vd_withdrawal_standing standing = {.state = never ? VD_WITHDRAWAL_NEVER_PROVABLE
                                                                 : VD_WITHDRAWAL_WAITING_TO_PROVE};
        vd_json_object_begin(j);
        write_message(j, &s->messages[i]);
        write_standing(j, s, &standing);
        vd_json_object_end(j);
    }
    vd_json_array_end(j);
    vd_json_object_end(j);
    return vd_rpc_reply(s->call);
}

static vd_done *
begin_answer(struct vd_rpc_call *call, void *ctx)
{
    struct status_call *s = ctx;
    struct vd_json *j = s->out = vd_rpc_result(call);
    vd_json_object_begin(j);
    vd_json_put_hash(j, "transactionHash", &s->tx_hash);
    if (s->sealed)
        vd_json_put_number(j, "l2Block", s->number);
    else
        vd_json_put_null(j, "l2Block");
    vd_json_key(j, "withdrawals");
    vd_json_array_begin(j);
    if (!s->sealed)
        return answer_unsealed(s, j);
    look_at_next(s);
    return vd_rpc_pending(call);
}

static vd_done *
find_in_pool(struct vd_rpc_call *call, void *ctx)
{
    struct status_call *s = ctx;
    struct vd_reading r;
    vd_done *bad = vd_reading_open(&r, s->api, call);
    if (bad != NULL)
        return bad;
    bad = find_on_l2(s, &r);
    vd_reading_close(&r);
    if (bad != NULL)
        return bad;
    if (!s->found)
        return vd_rpc_error(call, VD_RPC_SERVER_ERROR,
                            "no transaction of this hash on L2, and no withdrawal of this hash in "
                            "the newest %llu blocks; give the hash of the L2 transaction",
                            (unsigned long long)s->api->config.limits.log_blocks);
    if (s->count == 0)
        return vd_rpc_error(call, VD_RPC_SERVER_ERROR,
                            "the transaction withdraws nothing: it has no MessagePassed event");
    return vd_rpc_continue(call, VD_RPC_LOOP, begin_answer, s);
}

static vd_done *
viaduct_withdrawal_status(struct vd_rpc_call *call, void *ctx)
{
    struct vd_rpc_api *api = ctx;
    struct vd_hash hash;
    vd_done *bad = vd_rpc_params(call, VD_PARAM_HASH(&hash));
    if (bad != NULL)
        return bad;
    if (api->config.l1 == NULL)
        return vd_rpc_error(call, VD_RPC_NOT_SUPPORTED, "this server has no L1 to ask");
    struct status_call *s = vd_rpc_alloc(call, sizeof *s);
    if (s == NULL)
        return vd_answer_err(call, VD_ERR_NO_MEMORY);
    *s = (struct status_call){.api = api, .call = call, .hash = hash};
    return vd_rpc_continue(call, VD_RPC_POOL, find_in_pool, s);
}

static const struct vd_rpc_method methods[] = {
    {"viaduct_withdrawalStatus", viaduct_withdrawal_status, VD_RPC_LOOP},
};
const struct vd_method_table VD_WITHDRAWAL_METHODS = {methods, VD_COUNT_OF(methods)};
