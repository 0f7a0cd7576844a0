/* A transaction manager on a real L1: a signer's signatures, the journal on disk through the pool,
   time from the loop, everything else through struct vd_l1.

   Journal writes are collected: while one write and its sync are under way, further records wait
   and then go out together.  When the file has grown over compact_bytes the next write replaces it
   by a snapshot (txm_journal.c says how). */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "txm_internal.h"
#include "viaduct/node/l1/l1_client.h"
#include "viaduct/node/l1/signer.h"
#include "viaduct/node/platform/pool.h"

#define TICK_MS 500
#define COMPACT_BYTES ((uint64_t)64 << 20)
#define FILE_MAX ((size_t)1 << 30)
#define FRAMES_MAX ((size_t)512 << 20)

struct signing;

struct vd_txm_driver {
    struct vd_txm *txm;
    uv_loop_t *loop;
    uv_timer_t timer;
    struct vd_pool *pool;
    struct vd_l1 *l1;
    struct vd_signer *signer;
    struct signing *signings; /* under way */
    char unsigned_text[256];  /* why the last signature failed; told already */
    struct vd_txm_listener listener;
    struct vd_l1_listener heads;
    char *path;
    char *fresh_path; /* a snapshot is written here */
    int fd;           /* -1 before it is open */
    int lock_fd;
    size_t file_len;
    uint64_t compact_bytes;
    /* Writing. */
    struct vd_job job;         /* first write and sync under way */
    struct vd_json waiting;    /* frames for the next write */
    uint64_t waiting_sequence; /* of the last record in them */
    bool has_waiting;
    struct vd_json writing;
    uint64_t written_sequence; /* told to the manager up to here */
    uint64_t writing_sequence;
    bool is_writing;
    bool replaces; /* the write makes a new file */
    enum vd_err write_err;
    /* What is under way elsewhere. */
    uint32_t calls;
    struct vd_u256 tip;
    bool asks_tip;
    bool asks_nonces;
    uint64_t nonce_latest;
    struct vd_l1_status nonce_status;
    bool closing;
    bool timer_closed;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void free_if_closed(struct vd_txm_driver *d);

/* A call to L1 that ends later. */
struct call {
    struct vd_txm_driver *d;
    struct vd_hash hash;
};

static struct call *
call_new(struct vd_txm_driver *d)
{
    struct call *call = calloc(1, sizeof *call);
    VD_ASSERT(call != NULL); /* too little memory for some hundred bytes */
    call->d = d;
    d->calls++;
    return call;
}

static void
call_end(struct call *call)
{
    struct vd_txm_driver *d = call->d;
    free(call);
    d->calls--;
    free_if_closed(d);
}

/* --- signing --- */

/* A signature asked for.  A remote signer may take its time: the driver closes without waiting, and
   what is still under way then belongs to nobody. */
struct signing {
    struct vd_txm_driver *d; /* NULL: closed */
    struct signing *next;
    struct signing **from;
    struct vd_txm_unsigned tx;
    uint8_t data[];
};

/* That a signature cannot be had is told once for each reason; the manager asks again by itself. */
static void
tell_unsigned(struct vd_txm_driver *d, const struct signing *signing, const char *text)
{
    char last[sizeof d->unsigned_text];
    memcpy(last, d->unsigned_text, sizeof last);
    snprintf(d->unsigned_text, sizeof d->unsigned_text, "%s", text);
    if (d->closing || d->listener.event == NULL || strcmp(d->unsigned_text, last) == 0)
        return;
    struct vd_txm_event event = {.kind = VD_TXM_STUCK,
                                 .id = signing->tx.id,
                                 .nonce = signing->tx.nonce,
                                 .text = d->unsigned_text};
    d->listener.event(d->listener.ctx, &event);
}

static void
on_signed(void *ctx, enum vd_err err, const char *text, struct vd_slice raw)
{
    struct signing *signing = ctx;
    struct vd_txm_driver *d = signing->d;
    *signing->from = signing->next;
    if (signing->next != NULL)
        signing->next->from = signing->from;
    if (d != NULL) {
        vd_txm_signed(d->txm, signing->tx.id, signing->tx.attempt, err, raw);
        if (err == VD_OK)
            d->unsigned_text[0] = '\0';
        else
            tell_unsigned(d, signing, text);
    }
    free(signing);
}

static void
effect_sign(void *ctx, const struct vd_txm_unsigned *tx)
{
    struct vd_txm_driver *d = ctx;
    struct signing *signing = malloc(sizeof *signing + tx->data.len);
    VD_ASSERT(signing != NULL);
    *signing = (struct signing){.d = d, .tx = *tx, .next = d->signings, .from = &d->signings};
    if (tx->data.len != 0)
        memcpy(signing->data, tx->data.ptr, tx->data.len);
    signing->tx.data = vd_slice(signing->data, tx->data.len);
    if (d->signings != NULL)
        d->signings->from = &signing->next;
    d->signings = signing;
    vd_signer_sign(d->signer, d->txm->config.chain_id, &signing->tx, on_signed, signing);
}

/* --- the journal --- */

static bool
write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static bool
sync_folder(const char *path)
{
    char *copy = strdup(path);
    int fd = copy == NULL ? -1 : open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    free(copy);
    return ok;
}

/* Makes the file anew with bytes; *fd is the old one and becomes the new one. */
static bool
replace_file(int *fd, const char *path, const char *fresh_path, const struct vd_json *bytes)
{
    int fresh = open(fresh_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (fresh < 0)
        return false;
    bool ok = write_all(fresh, bytes->ptr, bytes->len) && fsync(fresh) == 0 &&
              rename(fresh_path, path) == 0 && sync_folder(path);
    if (!ok) {
        close(fresh);
        return false;
    }
    if (*fd >= 0)
        close(*fd);
    *fd = fresh;
    return true;
}

static void
run_write(struct vd_job *job)
{
    struct vd_txm_driver *d =
        (struct vd_txm_driver *)(void *)((char *)job - offsetof(struct vd_txm_driver, job));
    bool ok = d->replaces
                  ? replace_file(&d->fd, d->path, d->fresh_path, &d->writing)
                  : write_all(d->fd, d->writing.ptr, d->writing.len) && fdatasync(d->fd) == 0;
    d->write_err = ok ? VD_OK : VD_ERR_IO;
}

static void write_next(struct vd_txm_driver *d);

static void
write_done(struct vd_job *job)
{
    struct vd_txm_driver *d =
        (struct vd_txm_driver *)(void *)((char *)job - offsetof(struct vd_txm_driver, job));
    d->is_writing = false;
    d->file_len = d->replaces ? d->writing.len : d->file_len + d->writing.len;
    vd_json_clear(&d->writing);
    while (d->written_sequence <= d->writing_sequence)
        vd_txm_journaled(d->txm, d->written_sequence++, d->write_err);
    if (d->write_err == VD_OK)
        write_next(d);
    free_if_closed(d);
}

static void
add_frame(void *ctx, struct vd_slice record)
{
    vd_txm_frame_write(ctx, record);
}

static void
write_next(struct vd_txm_driver *d)
{
    if (d->is_writing || !d->has_waiting || d->write_err != VD_OK)
        return;
    struct vd_json swap = d->writing;
    d->writing = d->waiting;
    d->waiting = swap;
    d->writing_sequence = d->waiting_sequence;
    d->has_waiting = false;
    d->is_writing = true;
    d->replaces = d->file_len > d->compact_bytes;
    if (d->replaces) {
        /* The snapshot holds what was waiting. */
        vd_json_clear(&d->writing);
        vd_txm_snapshot(d->txm, add_frame, &d->writing);
    }
    VD_ASSERT(d->writing.err == VD_OK);
    d->job = (struct vd_job){.run = run_write, .done = write_done};
    enum vd_err err = vd_pool_submit(d->pool, &d->job);
    /* The pool's queue is far longer than all that a manager can ask for, and it is closed after
       everybody who uses it. */
    VD_ASSERT(err == VD_OK);
}

static void
effect_journal(void *ctx, uint64_t sequence, struct vd_slice record)
{
    struct vd_txm_driver *d = ctx;
    vd_txm_frame_write(&d->waiting, record);
    d->waiting_sequence = sequence;
    d->has_waiting = true;
    write_next(d);
}

/* --- L1 --- */

static void
on_sent(void *ctx, const struct vd_l1_status *status, struct vd_slice bytes)
{
    struct call *call = ctx;
    (void)bytes;
    vd_txm_send_answer(call->d->txm, &call->hash, status->err, status->text);
    call_end(call);
}

static void
effect_send_raw(void *ctx, const struct vd_hash *hash, struct vd_slice raw)
{
    struct call *call = call_new(ctx);
    call->hash = *hash;
    vd_l1_send_raw(call->d->l1, raw, on_sent, call);
}

static void
on_receipt(void *ctx, const struct vd_l1_status *status, const struct vd_l1_receipt *receipt)
{
    struct call *call = ctx;
    if (status->err == VD_OK) {
        struct vd_txm_inclusion inclusion = {.block = receipt->block,
                                             .success = receipt->success,
                                             .gas_used = receipt->gas_used,
                                             .gas_price = receipt->effective_gas_price};
        vd_txm_receipt(call->d->txm, &call->hash, &inclusion);
    } else if (status->err == VD_ERR_NOT_FOUND) {
        vd_txm_no_receipt(call->d->txm, &call->hash);
    }
    call_end(call);
}

static void
effect_get_receipt(void *ctx, const struct vd_hash *hash)
{
    struct call *call = call_new(ctx);
    call->hash = *hash;
    vd_l1_receipt(call->d->l1, hash, on_receipt, call);
}

static void
on_pending_nonce(void *ctx, const struct vd_l1_status *status, uint64_t value)
{
    struct call *call = ctx;
    struct vd_txm_driver *d = call->d;
    d->asks_nonces = false;
    if (status->err == VD_OK)
        vd_txm_nonces(d->txm, d->nonce_latest, value);
    call_end(call);
}

static void
on_latest_nonce(void *ctx, const struct vd_l1_status *status, uint64_t value)
{
    struct call *call = ctx;
    struct vd_txm_driver *d = call->d;
    if (status->err != VD_OK) {
        d->asks_nonces = false;
        call_end(call);
        return;
    }
    d->nonce_latest = value;
    vd_l1_transaction_count(d->l1, vd_signer_address(d->signer),
                            (struct vd_l1_at){.tag = VD_L1_PENDING}, on_pending_nonce, call);
}

static void
effect_get_nonces(void *ctx)
{
    struct vd_txm_driver *d = ctx;
    if (d->asks_nonces || d->closing)
        return;
    d->asks_nonces = true;
    vd_l1_transaction_count(d->l1, vd_signer_address(d->signer), vd_l1_latest(), on_latest_nonce,
                            call_new(d));
}

static void
on_tip(void *ctx, const struct vd_l1_status *status, const struct vd_u256 *value)
{
    struct call *call = ctx;
    call->d->asks_tip = false;
    /* Not every L1 has the method: then min_tip alone counts. */
    if (status->err == VD_OK)
        call->d->tip = *value;
    call_end(call);
}

static void
on_heads(void *ctx, const struct vd_l1_heads *heads)
{
    struct vd_txm_driver *d = ctx;
    struct vd_block_id latest = {.hash = heads->latest.hash, .number = heads->latest.number};
    if (d->closing)
        return;
    if (!d->asks_tip) {
        d->asks_tip = true;
        vd_l1_max_priority_fee(d->l1, on_tip, call_new(d));
    }
    vd_txm_head(d->txm, uv_now(d->loop), &latest, &heads->latest_base_fee, &d->tip);
}

static void
on_reorg(void *ctx, const struct vd_l1_ref *ancestor)
{
    struct vd_txm_driver *d = ctx;
    if (!d->closing)
        vd_txm_reorg(d->txm, ancestor == NULL ? 0 : ancestor->number);
}

static void
on_tick(uv_timer_t *timer)
{
    struct vd_txm_driver *d = timer->data;
    vd_txm_tick(d->txm, uv_now(d->loop));
}

/* --- opening --- */

static enum vd_err
read_whole(struct vd_json *out, int fd, char *why, size_t why_size, const char *path)
{
    char piece[65536];
    ssize_t n;
    while ((n = read(fd, piece, sizeof piece)) > 0)
        vd_json_bytes(out, piece, (size_t)n);
    if (n < 0) {
        snprintf(why, why_size, "journal %s: %s", path, strerror(errno));
        return VD_ERR_IO;
    }
    if (out->err != VD_OK)
        snprintf(why, why_size, "journal %s: %s", path, vd_err_text(out->err));
    return out->err;
}

/* The lock is a file of its own, since the journal is replaced when it is compacted. */
static enum vd_err
lock(struct vd_txm_driver *d, char *why, size_t why_size)
{
    char *name = malloc(strlen(d->path) + 6);
    if (name == NULL)
        return VD_ERR_NO_MEMORY;
    snprintf(name, strlen(d->path) + 6, "%s.lock", d->path);
    d->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int problem = d->lock_fd < 0 ? errno : flock(d->lock_fd, LOCK_EX | LOCK_NB) != 0 ? errno : 0;
    free(name);
    if (problem == EWOULDBLOCK) {
        snprintf(why, why_size,
                 "journal %s is held by another process; one process at a time may send with a key",
                 d->path);
        return VD_ERR_BUSY;
    }
    if (problem != 0) {
        snprintf(why, why_size, "journal %s: cannot lock it: %s", d->path, strerror(problem));
        return VD_ERR_IO;
    }
    return VD_OK;
}

static void
explain(enum vd_err err, char *why, size_t why_size, const char *path)
{
    if (err == VD_ERR_MISMATCH)
        snprintf(why, why_size,
                 "journal %s belongs to another key or another chain; give each its own", path);
    else if (err == VD_ERR_CORRUPT)
        snprintf(
            why, why_size,
            "journal %s is damaged: it can no longer tell which nonces were signed.  Make sure "
            "that no transaction of this key waits on L1, then remove it",
            path);
    else
        snprintf(why, why_size, "journal %s: %s", path, vd_err_text(err));
}

/* Replays the journal into a manager; a torn end is cut off. */
static enum vd_err
open_journal(struct vd_txm_driver *d, char *why, size_t why_size,
             const struct vd_txm_config *config, const struct vd_txm_listener *listener)
{
    const struct vd_txm_effects effects = {
        .ctx = d,
        .sign = effect_sign,
        .journal = effect_journal,
        .send_raw = effect_send_raw,
        .get_receipt = effect_get_receipt,
        .get_nonces = effect_get_nonces,
    };
    struct vd_json file;
    struct vd_txm_frames frames = {0};
    vd_json_init(&file, FILE_MAX);
    d->fd = open(d->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (d->fd < 0) {
        snprintf(why, why_size, "journal %s: %s", d->path, strerror(errno));
        return VD_ERR_IO;
    }
    enum vd_err err = read_whole(&file, d->fd, why, why_size, d->path);
    if (err == VD_OK) {
        err = vd_txm_frames_read(&frames, vd_json_view(&file));
        if (err == VD_OK)
            err = vd_txm_new(&d->txm, config, &effects, listener,
                             vd_slice(frames.records, frames.records_len));
        if (err == VD_OK && frames.file_len < file.len &&
            ftruncate(d->fd, (off_t)frames.file_len) != 0)
            err = VD_ERR_IO;
        if (err == VD_OK && (fsync(d->fd) != 0 || !sync_folder(d->path)))
            err = VD_ERR_IO;
        if (err != VD_OK)
            explain(err, why, why_size, d->path);
    }
    d->file_len = frames.file_len;
    free(frames.records);
    vd_json_deinit(&file);
    return err;
}

static void
driver_free(struct vd_txm_driver *d)
{
    struct signing *next;
    for (struct signing *signing = d->signings; signing != NULL; signing = next) {
        next = signing->next;
        signing->d = NULL;
        signing->next = NULL;
        signing->from = &signing->next;
    }
    vd_txm_free(d->txm);
    vd_json_deinit(&d->waiting);
    vd_json_deinit(&d->writing);
    if (d->fd >= 0)
        close(d->fd);
    if (d->lock_fd >= 0)
        close(d->lock_fd);
    free(d->path);
    free(d->fresh_path);
    free(d);
}

static enum vd_err
set_paths(struct vd_txm_driver *d, const char *path)
{
    size_t size = strlen(path) + 5;
    d->path = strdup(path);
    d->fresh_path = malloc(size);
    if (d->path == NULL || d->fresh_path == NULL)
        return VD_ERR_NO_MEMORY;
    snprintf(d->fresh_path, size, "%s.new", path);
    return VD_OK;
}

enum vd_err
vd_txm_open(struct vd_txm_driver **out, char *why, size_t why_size, uv_loop_t *loop,
            struct vd_pool *pool, struct vd_l1 *l1, struct vd_signer *signer, const char *path,
            const struct vd_txm_config *config, const struct vd_txm_listener *listener)
{
    struct vd_txm_driver *d = calloc(1, sizeof *d);
    if (d == NULL)
        return VD_ERR_NO_MEMORY;
    struct vd_txm_config with_key = *config;
    with_key.from = *vd_signer_address(signer);
    d->fd = d->lock_fd = -1;
    d->compact_bytes = config->compact_bytes != 0 ? config->compact_bytes : COMPACT_BYTES;
    d->loop = loop;
    d->pool = pool;
    d->l1 = l1;
    d->signer = signer;
    d->listener = *listener;
    d->heads = (struct vd_l1_listener){.ctx = d, .heads = on_heads, .reorg = on_reorg};
    vd_json_init(&d->waiting, FRAMES_MAX);
    vd_json_init(&d->writing, FRAMES_MAX);
    snprintf(why, why_size, "out of memory");
    enum vd_err err = set_paths(d, path);
    if (err == VD_OK)
        err = lock(d, why, why_size);
    if (err == VD_OK)
        err = open_journal(d, why, why_size, &with_key, listener);
    if (err == VD_OK && (err = vd_l1_listen(l1, &d->heads)) != VD_OK)
        snprintf(why, why_size, "too many listeners on L1");
    if (err != VD_OK) {
        driver_free(d);
        return err;
    }
    uv_timer_init(loop, &d->timer);
    d->timer.data = d;
    uv_timer_start(&d->timer, on_tick, 0, TICK_MS);
    if (vd_l1_heads(l1)->known)
        on_heads(d, vd_l1_heads(l1));
    *out = d;
    return VD_OK;
}

struct vd_txm *
vd_txm_driver_manager(struct vd_txm_driver *driver)
{
    return driver->txm;
}

/* --- closing --- */

static void
free_if_closed(struct vd_txm_driver *d)
{
    if (!d->closing || !d->timer_closed || d->calls != 0 || d->is_writing)
        return;
    void (*closed)(void *ctx) = d->closed;
    void *ctx = d->closed_ctx;
    driver_free(d);
    if (closed != NULL)
        closed(ctx);
}

static void
on_timer_closed(uv_handle_t *handle)
{
    struct vd_txm_driver *d = handle->data;
    d->timer_closed = true;
    free_if_closed(d);
}

void
vd_txm_close(struct vd_txm_driver *driver, void (*closed)(void *ctx), void *ctx)
{
    VD_ASSERT(!driver->closing);
    driver->closing = true;
    driver->closed = closed;
    driver->closed_ctx = ctx;
    vd_l1_unlisten(driver->l1, &driver->heads);
    uv_close((uv_handle_t *)&driver->timer, on_timer_closed);
}
