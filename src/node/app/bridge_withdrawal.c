/* viaduct bridge prove, finalize and status: what is left of a withdrawal on L1. */
#include <stdio.h>
#include <string.h>

#include "bridge.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/state/trie.h"
#include "viaduct/node/net/json_reader.h"

/* How often a step that is not due yet is looked at again with --wait. */
#define LOOK_AGAIN_MS 1000u
#define MAX_PROOF_NODES 64u

struct message {
    struct vd_hash hash;
    struct vd_withdrawal_message message; /* data is in the arena */
    struct vd_block_id block;
    uint64_t time;
};

/* --- the withdrawal --- */

/* The message of the receipt that --index names; of several one must be named. */
static bool
pick_message(struct bridge *b, struct message *out, const struct bridge_receipt *receipt)
{
    size_t count = 0;
    for (size_t i = 0; i < receipt->log_count; i++) {
        struct message m;
        if (vd_withdrawal_from_log(&m.message, &m.hash, &receipt->logs[i]) == VD_OK) {
            if (count == b->options.bridge_index) {
                *out = m;
            }
            count++;
        }
    }
    out->block = receipt->block;
    if (count == 0) {
        return bridge_fail(b, "L2: transaction %s withdraws nothing",
                           bridge_hex(receipt->tx.b, 32).text);
    }
    return b->options.bridge_index < count ||
           bridge_fail(b, "--index is %llu; the transaction has %zu withdrawals, counted from 0",
                       (unsigned long long)b->options.bridge_index, count);
}

static bool
load_message(struct bridge *b, struct message *out)
{
    struct vd_hash tx;
    struct bridge_receipt receipt;
    bool found = false;
    if (!bridge_hash(b, &tx, "--tx", b->options.bridge_tx) ||
        !bridge_receipt(b, b->l2, &receipt, &found, &tx)) {
        return false;
    }
    if (!found) {
        return bridge_fail(b, "L2: transaction %s is in no block", bridge_hex(tx.b, 32).text);
    }
    if (!pick_message(b, out, &receipt) ||
        !bridge_header(b, b->l2, vd_l1_number(receipt.block.number))) {
        return false;
    }
    out->time = b->header.timestamp;
    return true;
}

bool
bridge_print_withdrawals(struct bridge *b, const struct bridge_receipt *receipt)
{
    struct vd_withdrawal_message message;
    struct vd_hash hash;
    size_t count = 0;
    for (size_t i = 0; i < receipt->log_count; i++) {
        if (vd_withdrawal_from_log(&message, &hash, &receipt->logs[i]) == VD_OK) {
            printf("%-22s %s\n", "withdrawal", bridge_hex(hash.b, 32).text);
            count++;
        }
    }
    return count > 0 || bridge_fail(b, "L2: transaction %s withdraws nothing",
                                    bridge_hex(receipt->tx.b, 32).text);
}

/* --- where it stands --- */

/* The L2 chain's own word on a root: the header's, which is checked against its hash. */
struct root_check {
    struct bridge *bridge;
    struct vd_hash root;
    vd_withdrawal_root_answer answer;
    void *answer_ctx;
};

static void
on_root_header(void *ctx, const struct vd_l1_status *status, const struct vd_hash *hash,
               const struct vd_header *header)
{
    struct root_check *check = ctx;
    bool is_right = false;
    enum vd_err err = status->err;
    if (err == VD_OK) {
        struct vd_hash own = vd_output_root(&header->state_root, &header->withdrawals_root, hash);
        is_right = vd_hash_eq(&own, &check->root);
    }
    check->answer(check->answer_ctx, err, is_right);
}

static void
check_root(void *ctx, uint64_t number, const struct vd_hash *root, vd_withdrawal_root_answer answer,
           void *answer_ctx)
{
    struct bridge *b = ctx;
    struct root_check *check = VD_ARENA_NEW(&b->arena, struct root_check, 1);
    VD_ASSERT(check != NULL);
    *check =
        (struct root_check){.bridge = b, .root = *root, .answer = answer, .answer_ctx = answer_ctx};
    vd_l1_header(b->l2, vd_l1_number(number), on_root_header, check);
}

static void
on_standing(void *ctx, enum vd_err err, const char *text,
            const struct vd_withdrawal_standing *standing)
{
    struct bridge *b = ctx;
    bridge_done(b);
    b->err = err;
    snprintf(b->text, sizeof b->text, "%s", text);
    if (err == VD_OK) {
        b->standing = *standing;
    }
}

static bool
look(struct bridge *b, const struct message *m)
{
    struct vd_withdrawal_query query = {.portal = b->addresses.optimism_portal,
                                        .hash = m->hash,
                                        .message = &m->message,
                                        .has_block = true,
                                        .l2_block = m->block.number,
                                        .l2_time = m->time,
                                        .check_root = check_root,
                                        .ctx = b};
    b->done = false;
    vd_withdrawal_look(b->l1, &query, on_standing, b);
    return bridge_wait(b) && (b->err == VD_OK || bridge_fail(b, "L1: %s", b->text));
}

/* What L1's messenger is to do for a withdrawal that L2's messenger made. */
static struct bridge_relay
relay_of(const struct bridge *b, const struct message *m)
{
    const struct vd_u256 *gas = &m->message.gas_limit;
    struct bridge_relay relay = {.layer = b->l1,
                                 .messenger = m->message.target,
                                 .calldata = m->message.data,
                                 .gas = vd_u256_fits_u64(gas) ? gas->w[0] : UINT64_MAX};
    return relay;
}

static void
print_standing(const struct bridge *b, const struct message *m)
{
    const struct vd_withdrawal_standing *s = &b->standing;
    char next[320];
    if (b->quiet) {
        return;
    }
    vd_withdrawal_explain(next, sizeof next, s);
    printf("%-22s %s\n", "withdrawal", bridge_hex(m->hash.b, 32).text);
    printf("%-22s %s\n", "status", vd_withdrawal_state_name(s->state));
    printf("%-22s %s to %s, %s\n", "from", bridge_hex(m->message.sender.b, 20).text,
           bridge_hex(m->message.target.b, 20).text, bridge_ether(&m->message.value).text);
    printf("%-22s %llu\n", "L2 block", (unsigned long long)m->block.number);
    if (s->has_game) {
        printf("%-22s %s, index %llu, L2 block %llu\n", "game",
               bridge_hex(s->game.proxy.b, 20).text, (unsigned long long)s->game.index,
               (unsigned long long)s->game.l2_block);
    }
    if (s->proven) {
        printf("%-22s by %s at %llu\n", "proven", bridge_hex(s->submitter.b, 20).text,
               (unsigned long long)s->proven_at);
    }
    printf("%-22s %s\n", "next", next);
    if (s->relay == VD_RELAY_FAILED) {
        struct bridge_relay relay = relay_of(b, m);
        bridge_print_replay(b, &relay);
    }
}

/* One of the two steps: the root claim, then the game. */
static bool
resolve_step(struct bridge *b)
{
    struct vd_abi call;
    struct bridge_receipt receipt;
    struct vd_u256 zero = vd_u256(0);
    struct vd_address game = b->standing.game.proxy;
    bool claim = b->standing.game.claims > 0 && !b->standing.game.root_resolved;
    vd_abi_call(&call, claim ? VD_SELECTOR_RESOLVE_CLAIM : VD_SELECTOR_RESOLVE);
    if (claim) {
        vd_abi_u64(&call, 0); /* the root claim */
        vd_abi_u64(&call, 0); /* at one go */
    }
    return bridge_send(b, b->l1, &receipt, claim ? "claim resolved" : "game resolved", &game, &zero,
                       &call);
}

/* The proposer and any challenger resolve games too: where a step fails and L1 then says that it
   is done, somebody else was faster. */
static bool
resolve(struct bridge *b, const struct message *m)
{
    while (b->standing.can_resolve) {
        bool was_resolved = b->standing.game.root_resolved;
        bool sent = resolve_step(b);
        if (!look(b, m) ||
            (!sent && b->standing.can_resolve && b->standing.game.root_resolved == was_resolved)) {
            return false;
        }
    }
    return true;
}

/* Waits with --wait until the state is at least `wanted`; without it, says why it is not.  A game
   that somebody has to resolve is resolved. */
static bool
reach(struct bridge *b, const struct message *m, enum vd_withdrawal_state wanted)
{
    char next[320];
    for (uint64_t waited_ms = 0;; waited_ms += LOOK_AGAIN_MS) {
        if (!look(b, m)) {
            return false;
        }
        /* Proofs on games that are not valid any more fall back, and so may the state. */
        if (b->standing.state >= wanted) {
            return true;
        }
        if (b->standing.can_resolve) {
            if (!resolve(b, m)) {
                return false;
            }
            continue;
        }
        vd_withdrawal_explain(next, sizeof next, &b->standing);
        if (b->standing.state == VD_WITHDRAWAL_NEVER_PROVABLE) {
            return bridge_fail(b, "%s: %s", vd_withdrawal_state_name(b->standing.state), next);
        }
        if (!b->options.bridge_wait) {
            return bridge_fail(b, "%s: %s (--wait waits for it)",
                               vd_withdrawal_state_name(b->standing.state), next);
        }
        if (waited_ms > b->options.bridge_timeout_s * 1000) {
            return bridge_fail(b, "still %s after %llu s (--timeout): %s",
                               vd_withdrawal_state_name(b->standing.state),
                               (unsigned long long)b->options.bridge_timeout_s, next);
        }
        if (!bridge_sleep(b, LOOK_AGAIN_MS)) {
            return false;
        }
    }
}

bool
bridge_look(struct bridge *b)
{
    struct message m = {.time = 0};
    return load_message(b, &m) && look(b, &m);
}

bool
bridge_status(struct bridge *b)
{
    struct message m = {.time = 0};
    if (!load_message(b, &m) || !look(b, &m)) {
        return false;
    }
    print_standing(b, &m);
    return true;
}

/* --- the ABI's WithdrawalTransaction --- */

static size_t
message_size(const struct message *m)
{
    return 6 * 32 + vd_abi_bytes_size(m->message.data);
}

static void
append_message(struct vd_abi *call, const struct message *m)
{
    vd_abi_u256(call, &m->message.nonce);
    vd_abi_address(call, &m->message.sender);
    vd_abi_address(call, &m->message.target);
    vd_abi_u256(call, &m->message.value);
    vd_abi_u256(call, &m->message.gas_limit);
    vd_abi_u64(call, 192);
    vd_abi_bytes(call, m->message.data);
}

/* --- prove --- */

struct proof {
    struct vd_hash storage_root;
    struct vd_slice nodes[MAX_PROOF_NODES];
    size_t count;
};

/* Believed only when it leads from the header's storage root to the sent message. */
static bool
read_proof(struct bridge *b, struct proof *proof, const struct message *m)
{
    struct vd_json_why why;
    struct vd_hash slot = vd_withdrawal_slot(&m->hash);
    uint64_t number = b->standing.game.l2_block;
    if (!bridge_header(b, b->l2, vd_l1_number(number)) ||
        !bridge_proof(b, b->l2, &VD_L2_TO_L1_MESSAGE_PASSER, &slot, number)) {
        return false;
    }
    const json_t *storage = json_array_get(json_object_get(b->json, "storageProof"), 0);
    const json_t *nodes = json_object_get(storage, "proof");
    proof->count = json_array_size(nodes);
    bool ok =
        vd_json_read_hash(&proof->storage_root, &why, json_object_get(b->json, "storageHash")) &&
        proof->count > 0 && proof->count <= MAX_PROOF_NODES;
    for (size_t i = 0; ok && i < proof->count; i++) {
        ok = vd_json_read_data_arena(&proof->nodes[i], &why, &b->arena, json_array_get(nodes, i));
    }
    struct vd_hash key = vd_keccak256(vd_slice(slot.b, sizeof slot.b));
    struct vd_slice value = {NULL, 0};
    ok = ok && vd_hash_eq(&proof->storage_root, &b->header.withdrawals_root) &&
         vd_trie_verify(&value, &proof->storage_root, &key, proof->nodes, proof->count) == VD_OK &&
         value.len == 1 && value.ptr[0] == 1;
    return ok || bridge_fail(b,
                             "L2: eth_getProof at block %llu gives no proof of the withdrawal; is "
                             "--l2 a node of this rollup that keeps that block's state?",
                             (unsigned long long)number);
}

static bool
build_proof_call(struct bridge *b, struct vd_abi *call, const struct message *m)
{
    static const struct vd_hash version; /* of the output root: 0 */
    struct proof proof = {.count = 0};
    if (!read_proof(b, &proof, m)) {
        return false;
    }
    size_t head = 7 * 32;
    vd_abi_call(call, VD_SELECTOR_PROVE_WITHDRAWAL);
    vd_abi_u64(call, head);
    vd_abi_u64(call, b->standing.game.index);
    vd_abi_hash(call, &version);
    vd_abi_hash(call, &b->header.state_root);
    vd_abi_hash(call, &proof.storage_root);
    vd_abi_hash(call, &b->hash);
    vd_abi_u64(call, head + message_size(m));
    append_message(call, m);
    vd_abi_u64(call, proof.count);
    size_t offset = proof.count * 32;
    for (size_t i = 0; i < proof.count; i++) {
        vd_abi_u64(call, offset);
        offset += vd_abi_bytes_size(proof.nodes[i]);
    }
    for (size_t i = 0; i < proof.count; i++) {
        vd_abi_bytes(call, proof.nodes[i]);
    }
    return true;
}

bool
bridge_prove(struct bridge *b)
{
    struct message m = {.time = 0};
    struct vd_abi call;
    struct bridge_receipt receipt;
    struct vd_u256 zero = vd_u256(0);
    if (!load_message(b, &m) || !reach(b, &m, VD_WITHDRAWAL_READY_TO_PROVE)) {
        return false;
    }
    if (b->standing.state > VD_WITHDRAWAL_READY_TO_PROVE) {
        printf("%-22s already; nothing is sent\n", "proven");
        print_standing(b, &m);
        return true;
    }
    if (!build_proof_call(b, &call, &m) ||
        !bridge_send(b, b->l1, &receipt, "proof sent", &b->addresses.optimism_portal, &zero,
                     &call) ||
        !look(b, &m)) {
        return false;
    }
    print_standing(b, &m);
    return true;
}

/* --- finalize --- */

/* The portal's call of the messenger succeeds whether the message's own call does or not. */
static bool
check_relayed(struct bridge *b, const struct bridge_receipt *receipt, const struct message *m)
{
    bool failed = false;
    struct bridge_relay relay = relay_of(b, m);
    if (vd_withdrawal_is_relayed(&m->message) &&
        !bridge_relay_failed(b, &failed, receipt, &relay)) {
        return false;
    }
    if (!b->quiet) {
        printf("%-22s %s\n", "finalized",
               failed ? "its message failed in the messenger" : "its call succeeded");
    }
    if (failed) {
        bridge_print_replay(b, &relay);
    }
    return !failed || bridge_fail_relay(b, &relay);
}

/* WithdrawalFinalized(bytes32 indexed, bool): a call that failed stays failed. */
static bool
check_finalized(struct bridge *b, const struct bridge_receipt *receipt, const struct message *m)
{
    for (size_t i = 0; i < receipt->log_count; i++) {
        const struct vd_log *log = &receipt->logs[i];
        bool success = false;
        if (log->topic_count == 2 && vd_hash_eq(&log->topics[0], &VD_TOPIC_WITHDRAWAL_FINALIZED) &&
            vd_hash_eq(&log->topics[1], &m->hash) && vd_abi_read_bool(&success, log->data, 0)) {
            if (success) {
                return check_relayed(b, receipt, m);
            }
            if (!b->quiet) {
                printf("%-22s %s\n", "finalized", "its call failed");
            }
            return bridge_fail(b, "the withdrawal's call of %s failed on L1",
                               bridge_hex(m->message.target.b, 20).text);
        }
    }
    return bridge_fail(b, "L1: the transaction finalized nothing");
}

/* Somebody did it before; whether its message arrived is another question. */
static bool
finalized_before(struct bridge *b, const struct message *m)
{
    struct bridge_relay relay = relay_of(b, m);
    printf("%-22s already; nothing is sent\n", "finalized");
    if (b->standing.relay == VD_RELAY_FAILED) {
        bridge_print_replay(b, &relay);
        return bridge_fail_relay(b, &relay);
    }
    return b->standing.relay != VD_RELAY_REFUSED ||
           bridge_fail(b, "L1: the messenger %s refused the withdrawal's message, which is lost",
                       bridge_hex(relay.messenger.b, 20).text);
}

bool
bridge_finalize(struct bridge *b)
{
    struct message m = {.time = 0};
    struct vd_abi call;
    struct bridge_receipt receipt;
    struct vd_u256 zero = vd_u256(0);
    if (!load_message(b, &m) || !look(b, &m)) {
        return false;
    }
    if (b->standing.state < VD_WITHDRAWAL_WAITING_TO_FINALIZE &&
        b->standing.state != VD_WITHDRAWAL_NEVER_PROVABLE) {
        return bridge_fail(b, "%s: it has to be proven first (viaduct bridge prove)",
                           vd_withdrawal_state_name(b->standing.state));
    }
    if (!reach(b, &m, VD_WITHDRAWAL_READY_TO_FINALIZE)) {
        return false;
    }
    if (b->standing.state == VD_WITHDRAWAL_FINALIZED) {
        return finalized_before(b, &m);
    }
    vd_abi_call(&call, VD_SELECTOR_FINALIZE_WITHDRAWAL_EXTERNAL_PROOF);
    vd_abi_u64(&call, 64);
    vd_abi_address(&call, &b->standing.submitter);
    append_message(&call, &m);
    return bridge_send(b, b->l1, &receipt, "finalization sent", &b->addresses.optimism_portal,
                       &zero, &call) &&
           check_finalized(b, &receipt, &m);
}
