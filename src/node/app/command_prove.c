/* viaduct prove: the fault proof of a stretch of L2 blocks, over a node's database and an L1.

   A thread of its own records the native run and then runs the machine on the record; the loop
   fetches L1 blocks for it. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "chain_files.h"
#include "commands.h"
#include "guest_image.h"
#include "run.h"
#include "viaduct/node/fault/l1_wait.h"
#include "viaduct/node/fault/prestate.h"
#include "viaduct/node/fault/record.h"
#include "viaduct/node/fault/trace.h"
#include "viaduct/node/platform/curves.h"
#include "viaduct/node/platform/memory.h"

#define ARENA_BYTES ((size_t)1 << 30)

/* POSIX leaves this declaration to the program. */
extern char **environ;

struct command {
    struct vd_run run; /* first: the callbacks get it */
    struct vd_options options;
    struct vd_arena arena;
    struct vd_rollup_config rollup;
    struct vd_slice image;
    struct vd_l1 *l1;
    struct vd_l1_wait *wait;
    struct vd_store *store;
    uv_thread_t thread;
    uv_async_t finished;
    bool async_open;
    bool started; /* the thread */
    int stage;
    atomic_bool cancelled; /* the thread is to end at its next preimage */
    uint8_t stop_type;     /* of the preimages at which the machine is looked at; 0: none */
    struct vd_vm_host recorded;
    /* Of the thread, read by the loop once it has finished. */
    char error[512];
    struct vd_question question;
    struct vd_record *record;
    struct vd_program_result result;
    double native_s;
    double machine_s;
    double witness_s;
    struct vd_vm_registers end;
    struct vd_vm_witness witness;
};

/* --- stopping --- */

static void stop_step(void *ctx);

static void
on_async_closed(uv_handle_t *handle)
{
    stop_step(handle->data);
}

static void
stop_step(void *ctx)
{
    struct command *c = ctx;
    int stage = c->stage++;
    if (stage == 0 && c->async_open) {
        if (c->started) {
            atomic_store(&c->cancelled, true);
            vd_l1_wait_cancel(c->wait);
            uv_thread_join(&c->thread);
        }
        uv_close((uv_handle_t *)&c->finished, on_async_closed);
    } else if (stage == 1 && c->wait) {
        vd_l1_wait_close(c->wait, stop_step, c);
    } else if (stage == 2 && c->l1) {
        vd_l1_close(c->l1, stop_step, c);
    } else if (stage < 3) {
        stop_step(c);
    } else {
        vd_run_stopped(&c->run);
    }
}

static void
stop(struct vd_run *run)
{
    stop_step(run);
}

/* --- the work --- */

static double
seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static enum vd_err
wait_block(void *ctx, struct vd_l1_block *block, const struct vd_hash *hash)
{
    return vd_l1_wait_block(ctx, block, hash);
}

static void
wait_release(void *ctx)
{
    vd_l1_wait_release(ctx);
}

/* The first L1 block that the stretch can be derived from. */
static enum vd_err
find_l1_head(struct command *c, struct vd_snapshot *snapshot)
{
    uint64_t first = 1;
    uint64_t last = 0;
    struct vd_safe_entry entry;
    enum vd_err err = vd_snapshot_safe_at(snapshot, &entry, &first, &last, UINT64_MAX);
    if (first > last) {
        return err;
    }
    while (first < last) {
        uint64_t middle = first + (last - first) / 2;
        uint64_t a;
        uint64_t b;
        err = vd_snapshot_safe_at(snapshot, &entry, &a, &b, middle);
        if (err == VD_OK && entry.l2.number >= c->question.claimed_block) {
            last = middle;
        } else {
            first = middle + 1;
        }
    }
    uint64_t a;
    uint64_t b;
    err = vd_snapshot_safe_at(snapshot, &entry, &a, &b, last);
    if (err == VD_OK && entry.l2.number < c->question.claimed_block) {
        return VD_ERR_NOT_FOUND;
    }
    c->question.l1_head = entry.l1.hash;
    return err;
}

/* A hash that was given as an option, if it was. */
static enum vd_err
take_hash(struct command *c, struct vd_hash *hash, const char *text, const char *name)
{
    if (text && !vd_file_parse_fixed(hash->b, sizeof hash->b, text)) {
        snprintf(c->error, sizeof c->error, "--%s is not 0x and 64 hex digits", name);
        return VD_ERR_INVALID;
    }
    return VD_OK;
}

static enum vd_err
take_output(struct command *c, struct vd_record *record, struct vd_hash *root, uint64_t number)
{
    enum vd_err err = vd_record_output(record, root, c->store, number);
    if (err == VD_ERR_NOT_FOUND) {
        snprintf(c->error, sizeof c->error, "this database has no block %llu",
                 (unsigned long long)number);
    }
    return err;
}

/* The run starts from the state of the agreed block. */
static enum vd_err
check_state(struct command *c)
{
    struct vd_snapshot *snapshot = NULL;
    uint64_t oldest;
    enum vd_err err = vd_snapshot_begin(&snapshot, c->store);
    if (err == VD_OK) {
        err = vd_snapshot_oldest(snapshot, &oldest);
        vd_snapshot_end(snapshot);
    }
    if (err == VD_OK && oldest > c->options.prove_from) {
        snprintf(c->error, sizeof c->error,
                 "the state of block %llu is pruned: this database has states from block %llu on "
                 "(--retention of its node)",
                 (unsigned long long)c->options.prove_from, (unsigned long long)oldest);
        err = VD_ERR_NOT_FOUND;
    }
    return err;
}

static enum vd_err
ask(struct command *c)
{
    struct vd_snapshot *snapshot = NULL;
    c->question.claimed_block =
        c->options.prove_to == UINT64_MAX ? c->options.prove_from + 1 : c->options.prove_to;
    enum vd_err err = VD_OK;
    if (!c->options.prove_l1_head) {
        err = vd_snapshot_begin(&snapshot, c->store);
        if (err == VD_OK) {
            err = find_l1_head(c, snapshot);
            vd_snapshot_end(snapshot);
        }
    }
    if (err != VD_OK) {
        snprintf(c->error, sizeof c->error, "block %llu is not safe in this database",
                 (unsigned long long)c->question.claimed_block);
        return err;
    }
    err = check_state(c);
    if (err == VD_OK) {
        err = take_output(c, c->record, &c->question.agreed_root, c->options.prove_from);
    }
    if (err == VD_OK) {
        err = take_output(c, NULL, &c->question.claimed_root, c->question.claimed_block);
    }
    if (err == VD_OK) {
        err = take_hash(c, &c->question.claimed_root, c->options.prove_claim, "claim");
    }
    if (err == VD_OK) {
        err = take_hash(c, &c->question.l1_head, c->options.prove_l1_head, "l1-head");
    }
    return err == VD_OK ? vd_record_ask(c->record, &c->question, c->rollup.l2.chain_id) : err;
}

static enum vd_err
preimage(void *ctx, struct vd_slice *value, const uint8_t key[32])
{
    struct command *c = ctx;
    return atomic_load(&c->cancelled) ? VD_ERR_CLOSED
                                      : c->recorded.preimage(c->recorded.ctx, value, key);
}

/* Stops the machine before the step that asks for a preimage of the type looked for. */
static enum vd_err
preimage_until(void *ctx, struct vd_slice *value, const uint8_t key[32])
{
    struct command *c = ctx;
    return key[0] == c->stop_type ? VD_ERR_EXISTS : preimage(ctx, value, key);
}

static enum vd_err
go_on(struct command *c, struct vd_machine *machine)
{
    struct vd_vm_host host = {.ctx = c, .preimage = preimage_until};
    enum vd_err err = vd_machine_run(machine, UINT64_MAX, &host);
    if (err == VD_OK) {
        snprintf(c->error, sizeof c->error, "no step from --step on asks for a preimage of type %s",
                 c->options.prove_stop_at);
        return VD_ERR_NOT_FOUND;
    }
    return err == VD_ERR_EXISTS ? VD_OK : err;
}

static enum vd_err
run_machine(struct command *c)
{
    struct vd_machine *prestate = NULL;
    struct vd_machine *at = NULL;
    struct vd_trace *trace = NULL;
    struct vd_vm_host host = {.ctx = c, .preimage = preimage};
    double begin = seconds();
    vd_record_host(&c->recorded, c->record);
    char why[300] = "";
    enum vd_err err = vd_prestate_new(&prestate, why, sizeof why, c->image, &c->rollup);
    if (err != VD_OK) {
        const char *image = c->options.guest_image;
        snprintf(c->error, sizeof c->error, "%.150s%s%s", image ? image : "", image ? ": " : "",
                 why);
        return err;
    }
    struct vd_trace_config config = {.prestate = prestate, .host = &host};
    err = vd_trace_new(&trace, &config);
    c->machine_s = seconds() - begin;
    if (err == VD_OK) {
        c->end = *vd_trace_end(trace);
        begin = seconds();
        uint64_t step = c->options.prove_step == UINT64_MAX ? 0 : c->options.prove_step;
        err = vd_trace_machine(&at, trace, step, &host);
    }
    if (err == VD_OK && c->stop_type != 0) {
        err = go_on(c, at);
    }
    if (err == VD_OK) {
        vd_machine_witness(at, &c->witness);
        c->witness_s = seconds() - begin;
    }
    vd_machine_free(at);
    vd_trace_free(trace);
    return err;
}

static void
work(void *ctx)
{
    struct command *c = ctx;
    struct vd_record_source source = {.store = c->store,
                                      .rollup = &c->rollup,
                                      .ctx = c->wait,
                                      .l1_block = wait_block,
                                      .l1_release = wait_release,
                                      .curves = vd_curves_host()};
    double begin = seconds();
    enum vd_err err = vd_record_new(&c->record);
    if (err == VD_OK) {
        err = ask(c);
    }
    if (err == VD_OK) {
        err = vd_record_run(c->record, &c->result, c->error, sizeof c->error, &source);
        c->native_s = seconds() - begin;
    }
    if (err == VD_OK && !c->options.prove_native) {
        err = run_machine(c);
    }
    if (err != VD_OK && c->error[0] == '\0') {
        snprintf(c->error, sizeof c->error, "the proof failed: %s", vd_err_text(err));
    }
    uv_async_send(&c->finished);
}

/* --- the report --- */

static const char *
verdict_text(unsigned verdict)
{
    static const char *const texts[] = {"valid", "invalid", "panic"};
    return texts[verdict < 2 ? verdict : 2];
}

static json_t *
hex_value(const uint8_t *bytes, size_t len)
{
    char *text = malloc(2 * len + 3);
    VD_ASSERT(text != NULL);
    text[0] = '0';
    text[1] = 'x';
    vd_hex_encode(text + 2, bytes, len);
    text[2 + 2 * len] = '\0';
    json_t *value = json_string(text);
    free(text);
    return value;
}

static json_t *
witness_value(const struct command *c)
{
    struct vd_hash hash = vd_vm_state_hash(c->witness.state);
    json_t *witness =
        json_pack("{s:I, s:o, s:o, s:o}", "step", (json_int_t)vd_load_be64(c->witness.state + 40),
                  "stateHash", hex_value(hash.b, 32), "state",
                  hex_value(c->witness.state, sizeof c->witness.state), "proof",
                  hex_value(c->witness.proof, c->witness.proof_len));
    if (c->witness.reads_preimage) {
        json_object_set_new(witness, "preimageKey", hex_value(c->witness.key, 32));
        json_object_set_new(witness, "preimageOffset", json_integer(c->witness.offset));
    }
    return witness;
}

static json_t *
report(const struct command *c)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    json_t *r = json_pack(
        "{s:I, s:I, s:o, s:o, s:o, s:s, s:I, s:I, s:I, s:f, s:I}", "from",
        (json_int_t)c->options.prove_from, "to", (json_int_t)c->question.claimed_block,
        "agreedRoot", hex_value(c->question.agreed_root.b, 32), "claimedRoot",
        hex_value(c->question.claimed_root.b, 32), "outputRoot", hex_value(c->result.output.b, 32),
        "native", verdict_text(c->result.verdict), "l1Blocks", (json_int_t)c->result.l1_blocks,
        "preimages", (json_int_t)vd_record_count(c->record), "preimageBytes",
        (json_int_t)vd_record_bytes(c->record), "nativeSeconds", c->native_s, "peakBytes",
        (json_int_t)usage.ru_maxrss * 1024);
    if (c->result.verdict == VD_PROGRAM_PANIC) {
        json_object_set_new(r, "why", json_string(c->result.why));
    }
    if (!c->options.prove_native) {
        json_object_set_new(r, "status", json_string(verdict_text(c->end.exit_code)));
        json_object_set_new(r, "steps", json_integer((json_int_t)c->end.step));
        json_object_set_new(r, "machineSeconds", json_real(c->machine_s));
        json_object_set_new(r, "witnessSeconds", json_real(c->witness_s));
        if (c->options.prove_step != UINT64_MAX || c->stop_type != 0) {
            json_object_set_new(r, "witness", witness_value(c));
        }
    }
    return r;
}

static void
print_value(const char *key, const json_t *value)
{
    if (json_is_string(value)) {
        printf("%-15s %s\n", key, json_string_value(value));
    } else if (json_is_integer(value)) {
        printf("%-15s %lld\n", key, (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        printf("%-15s %.3f\n", key, json_real_value(value));
    }
}

static void
print_report(const struct command *c)
{
    json_t *r = report(c);
    const char *key = NULL;
    json_t *value = NULL;
    if (c->options.prove_json) {
        char *text = json_dumps(r, JSON_COMPACT | JSON_PRESERVE_ORDER);
        printf("%s\n", text);
        free(text);
    } else {
        json_object_foreach(r, key, value)
        {
            print_value(key, value);
        }
        json_object_foreach(json_object_get(r, "witness"), key, value)
        {
            print_value(key, value);
        }
    }
    json_decref(r);
}

static void
on_finished(uv_async_t *async)
{
    struct command *c = async->data;
    if (c->error[0] != '\0') {
        vd_run_fail(&c->run, c->error);
        return;
    }
    print_report(c);
    if (!c->options.prove_native && (unsigned)c->result.verdict != c->end.exit_code) {
        vd_run_fail(&c->run, "the machine and the native run disagree");
        return;
    }
    c->run.status = c->result.verdict == VD_PROGRAM_VALID ? 0 : 1;
    vd_run_stop(&c->run);
}

/* --- the start --- */

static bool
take_stop(struct command *c)
{
    static const struct {
        const char *name;
        uint8_t type;
    } types[] = {{"local", VD_KEY_LOCAL},
                 {"keccak256", VD_KEY_KECCAK},
                 {"sha256", VD_KEY_SHA256},
                 {"precompile", VD_KEY_PRECOMPILE}};
    const char *name = c->options.prove_stop_at;
    for (size_t i = 0; name && i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(name, types[i].name) == 0) {
            c->stop_type = types[i].type;
        }
    }
    if (name && c->stop_type == 0) {
        snprintf(c->error, sizeof c->error,
                 "--stop-at-preimage is %s; it takes local, keccak256, sha256 or precompile", name);
    } else if (name && c->options.prove_native) {
        snprintf(c->error, sizeof c->error,
                 "--stop-at-preimage needs the machine: leave --native out");
    }
    return c->error[0] == '\0';
}

/* Output roots of one chain under the configuration of another would be judged, and be false. */
static bool
check_genesis(struct command *c)
{
    struct vd_snapshot *snapshot = NULL;
    struct vd_block_id genesis;
    enum vd_err err = vd_snapshot_begin(&snapshot, c->store);
    if (err == VD_OK) {
        err = vd_snapshot_genesis(snapshot, &genesis);
        vd_snapshot_end(snapshot);
    }
    if (err != VD_OK) {
        snprintf(c->error, sizeof c->error, "%.150s: the genesis: %s", c->options.datadir,
                 vd_err_text(err));
        return false;
    }
    if (!vd_hash_eq(&genesis.hash, &c->rollup.genesis_l2.hash)) {
        snprintf(c->error, sizeof c->error,
                 "the database in %.150s is not of the chain that %.150s describes: their "
                 "genesis blocks differ; give the right --datadir or the right --rollup",
                 c->options.datadir, c->options.rollup);
        return false;
    }
    return true;
}

static bool
open_store(struct command *c)
{
    char path[4096];
    struct vd_store_config store = {.folder = c->options.datadir,
                                    .chain_id = c->rollup.l2.chain_id,
                                    .retention_blocks = 256,
                                    .read_only = true};
    snprintf(path, sizeof path, "%s/data.mdb", c->options.datadir);
    if (access(path, F_OK) != 0) {
        snprintf(c->error, sizeof c->error, "there is no database in %.300s", c->options.datadir);
        return false;
    }
    return vd_store_open(&c->store, c->error, sizeof c->error, &store) == VD_OK && check_genesis(c);
}

static bool
prepare(struct command *c)
{
    struct vd_file_read r = {.arena = &c->arena, .error = c->error, .error_len = sizeof c->error};
    if (!c->options.l1 || !c->options.datadir) {
        snprintf(c->error, sizeof c->error, "--%s is missing; viaduct help prove lists the options",
                 c->options.l1 ? "datadir" : "l1");
        return false;
    }
    if (c->options.prove_native && c->options.prove_step != UINT64_MAX) {
        snprintf(c->error, sizeof c->error, "--step is of the machine, which --native leaves out");
        return false;
    }
    if (c->options.prove_to <= c->options.prove_from) {
        snprintf(c->error, sizeof c->error, "--to has to be above --from");
        return false;
    }
    if (!take_stop(c) || !vd_rollup_json_read(&r, &c->rollup, c->options.rollup) ||
        (!c->options.prove_native && !vd_guest_image_open(&c->image, c->options.guest_image,
                                                          &c->arena, c->error, sizeof c->error))) {
        return false;
    }
    return open_store(c);
}

/* Whatever L1 answers, it has to be the chain's own. */
static void
on_l1_chain(void *ctx, const struct vd_l1_status *status, uint64_t chain_id)
{
    struct command *c = ctx;
    if (c->run.stopping) {
        return;
    }
    if (status->err != VD_OK) {
        snprintf(c->error, sizeof c->error, "L1: %s", status->text);
    } else if (chain_id != c->rollup.l1_chain_id) {
        snprintf(c->error, sizeof c->error,
                 "the L1 at %.150s has chain id %llu, %.150s names %llu; give the right --l1 or "
                 "the right --rollup",
                 c->options.l1, (unsigned long long)chain_id, c->options.rollup,
                 (unsigned long long)c->rollup.l1_chain_id);
    } else {
        c->started = uv_thread_create(&c->thread, work, c) == 0;
        VD_ASSERT(c->started);
        return;
    }
    vd_run_fail(&c->run, c->error);
}

static void
begin(struct command *c)
{
    struct vd_address sources[2] = {c->rollup.deposit_contract, c->rollup.l1_system_config};
    struct vd_l1_config config = {
        .url = c->options.l1,
        .expected_chain_id = c->rollup.l1_chain_id,
        .prefetch = 1,
        .lenient = {.skip_transactions_root_of_blob_blocks = c->options.l1_trust_blob_roots},
        .log_sources = sources,
        .log_source_count = 2};
    if (vd_l1_new(&c->l1, &c->run.loop, c->run.pool, &config) != VD_OK ||
        vd_l1_wait_new(&c->wait, &c->run.loop, c->l1) != VD_OK) {
        vd_run_fail(&c->run, "cannot use the L1 address");
        return;
    }
    uv_async_init(&c->run.loop, &c->finished, on_finished);
    c->finished.data = c;
    c->async_open = true;
    vd_l1_chain_id(c->l1, on_l1_chain, c);
}

int
vd_command_prove(int argc, char **argv)
{
    struct command *c = calloc(1, sizeof *c);
    int status = 2;
    void *memory = vd_reserve(ARENA_BYTES);
    if (!c || !memory) {
        fprintf(stderr, "viaduct: out of memory\n");
        return 1;
    }
    vd_arena_init(&c->arena, memory, ARENA_BYTES);
    bool good = vd_options_parse(&c->options, VD_COMMAND_PROVE, argc, argv, environ, c->error,
                                 sizeof c->error) &&
                prepare(c);
    if (!good) {
        fprintf(stderr, "viaduct: %s\n", c->error);
    } else if (vd_run_init(&c->run, &c->options, stop)) {
        begin(c);
        status = vd_run_loop(&c->run);
    }
    vd_record_free(c->record);
    if (c->store) {
        vd_store_close(c->store);
    }
    vd_options_deinit(&c->options);
    vd_release(memory, ARENA_BYTES);
    free(c);
    return status;
}
