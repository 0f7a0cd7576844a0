/* Runs shared by claims of different roots: each state and witness is that of the claim's own run,
   and a flood of claims costs one run. */
#include "unit/core/program/chain.h"
#include "viaduct/node/fault/image.h"
#include "viaduct/node/fault/prestate.h"
#include "viaduct/node/fault/runs.h"

enum {
    AGREED = 3,
    CLAIMED = 5,
    FLOOD = 200,
    MAX_TAIL = 1000, /* steps that are a claim's own */
};

struct world {
    struct chain *chain;
    struct vd_slice image;
    struct vd_runs *runs;
    unsigned recorded; /* native runs, one for each full run of the machine */
    enum vd_err refuses;
    bool lies;    /* about the output that the native run came to */
    bool panics;  /* or says so */
    bool cancels; /* at the next preimage */
};

/* The native run over the chain in memory. */
static enum vd_err
record(void *ctx, struct vd_record *into, struct vd_program_result *result,
       const struct vd_question *question, char *why, size_t why_size)
{
    struct world *w = ctx;
    struct chain *c = w->chain;
    w->recorded++;
    if (w->refuses != VD_OK) {
        snprintf(why, why_size, "no L1");
        return w->refuses;
    }
    size_t agreed = 0;
    while (!vd_hash_eq(&c->l2[agreed].output, &question->agreed_root)) {
        agreed++;
    }
    chain_ask(c, agreed, question->claimed_block, &question->claimed_root);
    assert_int_equal(chain_run(c), VD_OK);
    *result = c->result;
    result->output.b[5] ^= w->lies;
    result->verdict = w->panics ? VD_PROGRAM_PANIC : result->verdict;
    assert_int_equal(vd_record_ask(into, question, CHAIN_ID), VD_OK);
    for (size_t i = 0; i < c->asked_count; i++) {
        if (c->asked[i].b[0] != VD_KEY_LOCAL) {
            struct vd_slice bytes = hash_store_get(&c->preimages, &c->asked[i]);
            assert_int_equal(vd_record_put(into, &c->asked[i], bytes), VD_OK);
        }
    }
    return VD_OK;
}

static bool
is_cancelled(void *ctx)
{
    const struct world *w = ctx;
    return w->cancels;
}

/* Eight blocks of two transfers, a deposit, one channel. */
static void
world_init(struct world *w, size_t keep_bytes)
{
    *w = (struct world){.chain = chain_new(10)};
    struct chain *c = w->chain;
    struct vd_address to = chain_user(50);
    chain_begin(c);
    chain_l1_open(c);
    chain_deposit(c, &to, 12345);
    chain_l1_seal(c);
    chain_l1_grow(c, 3);
    chain_l2_grow(c, 8, 2);
    chain_post_in_next(c, 1, 9);
    assert_int_equal(vd_guest_image(&w->image), VD_OK);
    struct vd_runs_config config = {.image = w->image,
                                    .rollup = &c->config,
                                    .keep_bytes = keep_bytes,
                                    .ctx = w,
                                    .record = record,
                                    .is_cancelled = is_cancelled};
    assert_int_equal(vd_runs_new(&w->runs, &config), VD_OK);
}

static void
world_deinit(struct world *w)
{
    vd_runs_free(w->runs);
    chain_free(w->chain);
}

static struct vd_question
claim(const struct world *w, size_t agreed, uint64_t block, const struct vd_hash *root)
{
    return (struct vd_question){.l1_head = w->chain->l1[w->chain->l1_count - 1].hash,
                                .agreed_root = w->chain->l2[agreed].output,
                                .claimed_root = *root,
                                .claimed_block = block};
}

static struct vd_hash
random_root(struct vd_random *r)
{
    struct vd_hash root;
    vd_random_bytes(r, root.b, sizeof root.b);
    return root;
}

/* --- the claim's own run, as if there were no other --- */

struct own {
    struct chain *chain;
    const struct vd_question *question;
    bool has_no_root;
    struct vd_trace *trace;
};

static enum vd_err
own_preimage(void *ctx, struct vd_slice *value, const uint8_t key[32])
{
    struct own *own = ctx;
    struct vd_hash claimed = vd_key_local(VD_LOCAL_CLAIMED_ROOT);
    struct chain *c = own->chain;
    struct vd_hash hash;
    memcpy(hash.b, key, 32);
    if (vd_hash_eq(&hash, &claimed)) {
        *value = vd_slice(own->question->claimed_root.b, 32);
        return own->has_no_root ? VD_ERR_IO : VD_OK;
    }
    *value = key[0] == VD_KEY_LOCAL ? vd_slice(c->local[key[31]], c->local_len[key[31]])
                                    : hash_store_get(&c->preimages, &hash);
    return value->ptr ? VD_OK : VD_ERR_NOT_FOUND;
}

static struct vd_machine *
make_prestate(const struct world *w)
{
    struct vd_machine *m = NULL;
    char why[200] = "";
    assert_int_equal(vd_prestate_new(&m, why, sizeof why, w->image, &w->chain->config), VD_OK);
    return m;
}

static struct own
own_run(struct world *w, size_t agreed, const struct vd_question *question)
{
    struct own own = {.chain = w->chain, .question = question};
    struct vd_vm_host host = {.ctx = &own, .preimage = own_preimage};
    struct vd_trace_config config = {.prestate = make_prestate(w), .host = &host};
    chain_ask(w->chain, agreed, question->claimed_block, &question->claimed_root);
    assert_int_equal(chain_run(w->chain), VD_OK);
    assert_int_equal(vd_trace_new(&own.trace, &config), VD_OK);
    assert_int_equal(vd_trace_end(own.trace)->exit_code, w->chain->result.verdict);
    return own;
}

/* The number of the step that reads the claimed root. */
static uint64_t
reading_step(struct world *w, const struct vd_question *question)
{
    struct own own = {.chain = w->chain, .question = question, .has_no_root = true};
    struct vd_vm_host host = {.ctx = &own, .preimage = own_preimage};
    struct vd_machine *m = make_prestate(w);
    assert_int_equal(vd_machine_run(m, UINT64_MAX, &host), VD_ERR_IO);
    uint64_t step = vd_machine_registers(m)->step;
    vd_machine_free(m);
    return step;
}

/* --- the same in both --- */

static void
assert_same_at(struct world *w, struct own *own, uint64_t step)
{
    struct vd_machine *m = NULL;
    static struct vd_runs_answer answer;
    static struct vd_vm_witness want;
    static struct vd_vm_witness have;
    uint8_t state[VD_VM_STATE_BYTES];
    struct vd_vm_host host = {.ctx = own, .preimage = own_preimage};
    assert_int_equal(vd_trace_machine(&m, own->trace, step, &host), VD_OK);
    vd_machine_witness(m, &want);
    assert_int_equal(vd_runs_at(w->runs, &answer, own->question, step), VD_OK);
    assert_string_equal(answer.alarm, "");
    vd_machine_state(answer.machine, state);
    vd_machine_witness(answer.machine, &have);
    assert_memory_equal(state, want.state, sizeof state);
    assert_memory_equal(have.state, want.state, sizeof want.state);
    assert_int_equal(have.proof_len, want.proof_len);
    assert_memory_equal(have.proof, want.proof, want.proof_len);
    assert_int_equal(have.reads_preimage, want.reads_preimage);
    assert_memory_equal(have.key, want.key, sizeof want.key);
    assert_int_equal(have.offset, want.offset);
    vd_machine_free(answer.machine);
    vd_machine_free(m);
}

/* Every place that a bisection of 2^43 steps begins at, those around the step that reads the root
   and around the last one, and some others. */
static void
assert_same(struct world *w, struct vd_random *r, size_t agreed, const struct vd_question *question)
{
    struct own own = own_run(w, agreed, question);
    uint64_t end = vd_trace_end(own.trace)->step;
    uint64_t reads = reading_step(w, question);
    assert_true(reads < end && end - reads < MAX_TAIL);
    printf("steps in all: %llu, a claim's own: %llu\n", (unsigned long long)end,
           (unsigned long long)(end - reads));
    for (unsigned bits = 0; bits < 43; bits++) {
        assert_same_at(w, &own, (uint64_t)1 << bits);
        assert_same_at(w, &own, ((uint64_t)1 << bits) - 1);
    }
    for (uint64_t i = 0; i < 6; i++) {
        assert_same_at(w, &own, reads - 3 + i);
        assert_same_at(w, &own, end - 3 + i);
        assert_same_at(w, &own, reads + vd_random_below(r, end - reads));
        assert_same_at(w, &own, vd_random_below(r, end));
    }
    assert_same_at(w, &own, UINT64_MAX);
    vd_trace_free(own.trace);
}

/* The status in the hash of the state in which a claim's run ends. */
static unsigned
status_of(struct world *w, const struct vd_question *question)
{
    static struct vd_runs_answer answer;
    uint8_t state[VD_VM_STATE_BYTES];
    assert_int_equal(vd_runs_at(w->runs, &answer, question, UINT64_MAX), VD_OK);
    vd_machine_state(answer.machine, state);
    vd_machine_free(answer.machine);
    struct vd_hash hash = vd_vm_state_hash(state);
    return hash.b[0];
}

static void
test_runs_are_those_of_each_claim_alone(void **state)
{
    struct world w;
    struct vd_random r = vd_random_start("runs");
    (void)state;
    world_init(&w, 0);
    struct vd_hash near_root = w.chain->l2[CLAIMED].output;
    near_root.b[31] ^= 1;
    const struct vd_hash roots[] = {random_root(&r),
                                    w.chain->l2[CLAIMED].output,
                                    w.chain->l2[AGREED].output,
                                    w.chain->l2[CLAIMED - 1].output,
                                    near_root,
                                    {{0}},
                                    random_root(&r)};
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        struct vd_question question = claim(&w, AGREED, CLAIMED, &roots[i]);
        w.recorded = 0;
        assert_same(&w, &r, AGREED, &question);
        assert_int_equal(w.recorded, i == 0);
        assert_int_equal(status_of(&w, &question), i == 1 ? VD_VM_VALID : VD_VM_INVALID);
    }
    world_deinit(&w);
}

/* The step that reads the root asks for a local key, and the one before the shared end does not. */
static void
test_step_that_reads_the_root_proves_its_key(void **state)
{
    struct world w;
    static struct vd_runs_answer answer;
    static struct vd_vm_witness witness;
    struct vd_hash key = vd_key_local(VD_LOCAL_CLAIMED_ROOT);
    struct vd_hash root = {{7}};
    (void)state;
    world_init(&w, 0);
    struct vd_question question = claim(&w, AGREED, CLAIMED, &root);
    assert_int_equal(status_of(&w, &question), VD_VM_INVALID);
    uint64_t reads = reading_step(&w, &question);
    for (uint64_t step = reads - 1; step <= reads; step++) {
        assert_int_equal(vd_runs_at(w.runs, &answer, &question, step), VD_OK);
        vd_machine_witness(answer.machine, &witness);
        assert_int_equal(witness.reads_preimage, step == reads);
        vd_machine_free(answer.machine);
    }
    assert_memory_equal(witness.key, key.b, sizeof key.b);
    world_deinit(&w);
}

static void
test_flood_of_roots_in_one_place_costs_one_run(void **state)
{
    struct world w;
    struct vd_random r = vd_random_start("a flood");
    (void)state;
    world_init(&w, 0);
    for (unsigned i = 0; i < FLOOD; i++) {
        struct vd_hash root = random_root(&r);
        struct vd_question question = claim(&w, AGREED, CLAIMED, &root);
        assert_int_equal(status_of(&w, &question), VD_VM_INVALID);
    }
    struct vd_question question = claim(&w, AGREED, CLAIMED, &w.chain->l2[CLAIMED].output);
    assert_int_equal(status_of(&w, &question), VD_VM_VALID);
    assert_int_equal(w.recorded, 1);
    world_deinit(&w);
}

static void
test_places_have_runs_of_their_own(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, 0);
    for (unsigned round = 0; round < 2; round++) {
        for (size_t i = 0; i < 6; i++) {
            struct vd_question question = claim(&w, i, i + 1, &w.chain->l2[i + 1].output);
            assert_int_equal(status_of(&w, &question), VD_VM_VALID);
            question.claimed_block++;
            assert_int_equal(status_of(&w, &question), VD_VM_INVALID);
        }
    }
    assert_int_equal(w.recorded, 12);
    world_deinit(&w);
}

/* With room for one run, two places in turn are run again and again. */
static void
test_runs_beyond_what_may_be_kept_are_made_again(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, 1);
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 1; i < 3; i++) {
            struct vd_question question = claim(&w, i, i + 1, &w.chain->l2[i + 1].output);
            assert_int_equal(status_of(&w, &question), VD_VM_VALID);
        }
    }
    assert_int_equal(w.recorded, 6);
    world_deinit(&w);
}

/* A claim about a block before the agreed one is invalid whatever its root, which nobody reads. */
static void
test_run_that_never_reads_the_root_is_shared_whole(void **state)
{
    struct world w;
    struct vd_hash root = {{9}};
    (void)state;
    world_init(&w, 0);
    const struct vd_hash *roots[] = {&root, &w.chain->l2[AGREED].output,
                                     &w.chain->l2[AGREED - 1].output};
    for (size_t i = 0; i < 3; i++) {
        struct vd_question question = claim(&w, AGREED, AGREED - 1, roots[i]);
        struct own own = own_run(&w, AGREED, &question);
        w.recorded = 0;
        assert_same_at(&w, &own, 0);
        assert_same_at(&w, &own, vd_trace_end(own.trace)->step - 1);
        assert_same_at(&w, &own, UINT64_MAX);
        assert_int_equal(w.recorded, i == 0);
        assert_int_equal(status_of(&w, &question), VD_VM_INVALID);
        vd_trace_free(own.trace);
    }
    world_deinit(&w);
}

/* --- what goes wrong --- */

static void
assert_alarm(struct world *w, const struct vd_question *question, const char *want)
{
    static struct vd_runs_answer answer;
    assert_int_equal(vd_runs_at(w->runs, &answer, question, UINT64_MAX), VD_OK);
    assert_int_equal(vd_machine_registers(answer.machine)->exit_code, VD_VM_VALID);
    vd_machine_free(answer.machine);
    assert_non_null(strstr(answer.alarm, want));
    /* Once a run is enough. */
    assert_int_equal(vd_runs_at(w->runs, &answer, question, UINT64_MAX), VD_OK);
    vd_machine_free(answer.machine);
    assert_string_equal(answer.alarm, "");
}

static void
test_machine_and_native_run_that_disagree_are_an_alarm(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, 0);
    struct vd_question question = claim(&w, AGREED, CLAIMED, &w.chain->l2[CLAIMED].output);
    w.lies = true;
    assert_alarm(&w, &question, "the machine ends with 1 and the native run with 0");
    world_deinit(&w);
    world_init(&w, 0);
    question = claim(&w, AGREED, CLAIMED, &w.chain->l2[CLAIMED].output);
    w.panics = true;
    assert_alarm(&w, &question, "the machine ends with 0 and the native run with 2");
    world_deinit(&w);
}

static void
test_run_that_failed_is_made_again(void **state)
{
    struct world w;
    static struct vd_runs_answer answer;
    (void)state;
    world_init(&w, 0);
    struct vd_question question = claim(&w, AGREED, CLAIMED, &w.chain->l2[CLAIMED].output);
    w.refuses = VD_ERR_NOT_FOUND;
    assert_int_equal(vd_runs_at(w.runs, &answer, &question, 0), VD_ERR_NOT_FOUND);
    assert_string_equal(answer.text, "no L1");
    w.refuses = VD_OK;
    w.cancels = true;
    assert_int_equal(vd_runs_at(w.runs, &answer, &question, 0), VD_ERR_CLOSED);
    assert_string_not_equal(answer.text, "");
    w.cancels = false;
    assert_int_equal(status_of(&w, &question), VD_VM_VALID);
    assert_int_equal(w.recorded, 3);
    world_deinit(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_are_those_of_each_claim_alone),
        cmocka_unit_test(test_step_that_reads_the_root_proves_its_key),
        cmocka_unit_test(test_flood_of_roots_in_one_place_costs_one_run),
        cmocka_unit_test(test_places_have_runs_of_their_own),
        cmocka_unit_test(test_runs_beyond_what_may_be_kept_are_made_again),
        cmocka_unit_test(test_run_that_never_reads_the_root_is_shared_whole),
        cmocka_unit_test(test_machine_and_native_run_that_disagree_are_an_alarm),
        cmocka_unit_test(test_run_that_failed_is_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
