#include "dev_deploy.h"

#include <stdio.h>
#include <string.h>

#include "viaduct/core/chain/tx.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/engine/view.h"
#include "viaduct/node/l1/key.h"
#include "viaduct/node/platform/memory.h"

#define READ_ARENA ((size_t)1 << 30)
#define READ_GAS 10000000u
#define GWEI 1000000000u
/* The steps need one or two blocks; more than this and something never gets in. */
#define MAX_BLOCKS 16u

static void
end(struct vd_dev_deploy *d, const char *error)
{
    d->done(d->ctx, error);
}

/* --- reading back --- */

struct reader {
    struct vd_arena arena;
    struct vd_view *view;
    struct vd_exec *exec;
    struct vd_state_source source;
};

static bool
open_reader(struct reader *r, struct vd_engine *engine)
{
    struct vd_header header;
    void *memory = vd_reserve(READ_ARENA);
    *r = (struct reader){0};
    if (!memory) {
        return false;
    }
    vd_arena_init(&r->arena, memory, READ_ARENA);
    uint64_t latest = vd_engine_heads(engine)->unsafe.number;
    return vd_view_open(&r->view, engine) == VD_OK &&
           vd_view_state(r->view, &r->source, &header, latest) == VD_OK &&
           vd_view_exec(r->view, &r->exec, &header, &r->arena, latest) == VD_OK;
}

static void
close_reader(struct reader *r)
{
    vd_view_close(r->view);
    if (r->arena.base) {
        vd_release(r->arena.base, READ_ARENA);
    }
}

static bool
read_account(struct reader *r, struct vd_account *account, const struct vd_address *address)
{
    struct vd_hash hash = vd_keccak256(vd_slice(address->b, 20));
    return r->source.account(r->source.ctx, account, address, &hash) == VD_OK;
}

static bool
read_slot(struct reader *r, struct vd_hash *word, const struct vd_l1_read *what)
{
    struct vd_account account;
    struct vd_u256 value = vd_u256(0);
    struct vd_hash account_hash = vd_keccak256(vd_slice(what->contract.b, 20));
    struct vd_hash slot_hash = vd_keccak256(vd_slice(what->slot.b, 32));
    if (!read_account(r, &account, &what->contract)) {
        return false;
    }
    if (!vd_hash_eq(&account.storage_root, &VD_EMPTY_ROOT) &&
        r->source.slot(r->source.ctx, &value, &account_hash, &account.storage_root, &slot_hash) !=
            VD_OK) {
        return false;
    }
    vd_u256_to_be(word->b, &value);
    return true;
}

static bool
reads(struct reader *r, const struct vd_l1_read *what, struct vd_slice expected)
{
    if (what->is_slot) {
        struct vd_hash word;
        return read_slot(r, &word, what) && expected.len == 32 &&
               memcmp(word.b, expected.ptr, 32) == 0;
    }
    struct vd_call call = {.to = what->contract, .gas = READ_GAS, .data = what->call};
    struct vd_call_result result;
    return vd_exec_call(r->exec, &result, &call, NULL) == VD_OK &&
           result.verdict == VD_TX_INCLUDED && result.status == VD_EVM_SUCCESS &&
           result.output.len == expected.len &&
           memcmp(result.output.ptr, expected.ptr, expected.len) == 0;
}

static bool
step_done(struct reader *r, const struct vd_step *step)
{
    if (!step->creates) {
        return reads(r, &step->read, vd_slice(step->after.b, 32));
    }
    struct vd_account account;
    return read_account(r, &account, &step->subject) &&
           !vd_hash_eq(&account.code_hash, &VD_EMPTY_CODE_HASH);
}

static void
verify(struct vd_dev_deploy *d)
{
    const struct vd_l1_plan *plan = d->plan;
    struct reader r;
    if (!open_reader(&r, d->engine)) {
        snprintf(d->error, sizeof d->error, "L1 cannot be read back");
    }
    for (size_t i = 0; i < plan->step_count && !d->error[0]; i++) {
        if (!step_done(&r, &plan->steps[i])) {
            snprintf(d->error, sizeof d->error, "the step %s did not do its work on L1",
                     plan->steps[i].name);
        }
    }
    for (size_t i = 0; i < plan->check_count && !d->error[0]; i++) {
        const struct vd_l1_check *check = &plan->checks[i];
        if (!reads(&r, &check->read, check->expected)) {
            snprintf(d->error, sizeof d->error, "%s: %s is not what was planned", check->contract,
                     check->what);
        }
    }
    close_reader(&r);
    end(d, d->error[0] ? d->error : NULL);
}

/* --- mining --- */

static bool
all_used(struct vd_dev_deploy *d)
{
    struct vd_view *view = NULL;
    struct vd_state_source source;
    struct vd_header header;
    struct vd_account account;
    struct vd_hash hash = vd_keccak256(vd_slice(d->plan->deployer.b, 20));
    bool used =
        vd_view_open(&view, d->engine) == VD_OK &&
        vd_view_state(view, &source, &header, vd_engine_heads(d->engine)->unsafe.number) == VD_OK &&
        source.account(source.ctx, &account, &d->plan->deployer, &hash) == VD_OK &&
        account.nonce >= d->plan->step_count;
    vd_view_close(view);
    return used;
}

static void
on_mined(void *ctx, enum vd_err err, const char *why, uint64_t value)
{
    struct vd_dev_deploy *d = ctx;
    (void)value;
    if (err != VD_OK) {
        snprintf(d->error, sizeof d->error, "L1 does not mine: %s", why);
        end(d, d->error);
    } else if (all_used(d)) {
        verify(d);
    } else if (++d->mined == MAX_BLOCKS) {
        end(d, "L1 does not take the transactions of the deployment");
    } else {
        vd_devchain_mine(d->chain, 1, on_mined, d);
    }
}

/* --- sending --- */

static bool
known(enum vd_submit_status status)
{
    return status == VD_SUBMIT_ACCEPTED || status == VD_SUBMIT_KNOWN || status == VD_SUBMIT_NONCE;
}

static void
on_submitted(void *ctx, const struct vd_submit_result *result)
{
    struct vd_dev_deploy *d = ctx;
    /* Known, or with a used nonce: the same transaction, from before the program was killed. */
    if (!known(result->status) && !d->error[0]) {
        snprintf(d->error, sizeof d->error, "L1 refuses the step %s: %s",
                 d->plan->steps[d->answered].name, result->text);
    }
    if (++d->answered < d->plan->step_count) {
        return;
    }
    if (d->error[0]) {
        end(d, d->error);
    } else {
        vd_devchain_mine(d->chain, 1, on_mined, d);
    }
}

static struct vd_slice
sign(const struct vd_dev_deploy *d, const struct vd_key *key, size_t index)
{
    const struct vd_step *step = &d->plan->steps[index];
    struct vd_tx tx = {.type = VD_TX_DYNAMIC_FEE,
                       .has_chain_id = true,
                       .chain_id = d->chain_id,
                       .nonce = index,
                       .max_priority_fee = vd_u256(GWEI),
                       .max_fee = vd_u256((uint64_t)100 * GWEI),
                       .gas_limit = step->gas_bound,
                       .to = step->to,
                       .data = step->data};
    struct vd_hash hash;
    uint8_t signature[64];
    enum vd_err err = vd_tx_signing_hash(&hash, &tx, d->arena);
    VD_ASSERT(err == VD_OK);
    err = vd_key_sign(key, signature, &tx.y_parity, &hash);
    VD_ASSERT(err == VD_OK);
    tx.r = vd_u256_from_be(signature);
    tx.s = vd_u256_from_be(signature + 32);
    struct vd_buf raw;
    vd_buf_init(&raw, d->arena);
    vd_tx_encode(&raw, &tx);
    VD_ASSERT(raw.err == VD_OK);
    return vd_buf_view(&raw);
}

void
vd_dev_deploy(struct vd_dev_deploy *d)
{
    struct vd_key *key = NULL;
    enum vd_err err = vd_key_from_bytes(&key, d->key);
    VD_ASSERT(err == VD_OK);
    d->answered = 0;
    d->mined = 0;
    d->error[0] = '\0';
    for (size_t i = 0; i < d->plan->step_count; i++) {
        vd_engine_submit(d->engine, sign(d, key, i), on_submitted, d);
    }
    vd_key_free(key);
}
