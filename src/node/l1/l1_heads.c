/* Heads and reorgs.

   A poll asks for latest, then for what lies between it and the newest block remembered (by hash,
   backwards, so that the answers cannot belong to different chains), then for safe and finalized,
   and only then changes what the listeners see.  Any failure ends the poll; the next one starts
   from the beginning. */
#include <stdio.h>
#include <stdlib.h>

#include "l1_internal.h"

#define BACKOFF_MAX_MS 30000u
/* A head farther away than this is not walked back to: one look at the old tip's number tells
   whether it is still canonical. */
#define WALK_MAX 64u

enum vd_err
vd_l1_heads_init(struct vd_l1 *l1)
{
    uint32_t cap = l1->config.remembered_heads;
    l1->ring.cap = cap;
    l1->ring.refs = calloc(cap, sizeof *l1->ring.refs);
    l1->poll.path = calloc(WALK_MAX + 1, sizeof *l1->poll.path);
    return l1->ring.refs == NULL || l1->poll.path == NULL ? VD_ERR_NO_MEMORY : VD_OK;
}

void
vd_l1_heads_deinit(struct vd_l1 *l1)
{
    free(l1->ring.refs);
    free(l1->poll.path);
}

/* --- remembered blocks --- */

static const struct vd_l1_ref *
ring_find(const struct vd_l1_ring *ring, uint64_t number)
{
    if (ring->count == 0 || number > ring->tip.number || ring->tip.number - number >= ring->count)
        return NULL;
    return &ring->refs[number % ring->cap];
}

static void
ring_push(struct vd_l1_ring *ring, const struct vd_l1_ref *ref)
{
    ring->refs[ref->number % ring->cap] = *ref;
    ring->tip = *ref;
    if (ring->count < ring->cap)
        ring->count++;
}

/* Forgets what lies above number, which is remembered. */
static void
ring_cut(struct vd_l1_ring *ring, uint64_t number)
{
    ring->count -= (uint32_t)(ring->tip.number - number);
    ring->tip = ring->refs[number % ring->cap];
}

static bool
is_remembered(const struct vd_l1_ring *ring, uint64_t number, const struct vd_hash *hash)
{
    const struct vd_l1_ref *ref = ring_find(ring, number);
    return ref != NULL && vd_hash_eq(&ref->hash, hash);
}

bool
vd_l1_canonical(const struct vd_l1 *l1, struct vd_l1_ref *out, uint64_t number)
{
    const struct vd_l1_ref *ref = ring_find(&l1->ring, number);
    if (ref != NULL)
        *out = *ref;
    return ref != NULL;
}

/* --- listeners --- */

enum vd_err
vd_l1_listen(struct vd_l1 *l1, const struct vd_l1_listener *listener)
{
    for (size_t i = 0; i < VD_L1_MAX_LISTENERS; i++) {
        if (l1->listeners[i] == NULL) {
            l1->listeners[i] = listener;
            return VD_OK;
        }
    }
    return VD_ERR_FULL;
}

void
vd_l1_unlisten(struct vd_l1 *l1, const struct vd_l1_listener *listener)
{
    for (size_t i = 0; i < VD_L1_MAX_LISTENERS; i++) {
        if (l1->listeners[i] == listener)
            l1->listeners[i] = NULL;
    }
}

/* A listener may unlisten itself or others while it is told. */
static void
tell_reorg(struct vd_l1 *l1, const struct vd_l1_ref *ancestor)
{
    vd_l1_blocks_reorg(l1, ancestor != NULL, ancestor == NULL ? 0 : ancestor->number);
    for (size_t i = 0; i < VD_L1_MAX_LISTENERS; i++) {
        const struct vd_l1_listener *listener = l1->listeners[i];
        if (listener != NULL && listener->reorg != NULL)
            listener->reorg(listener->ctx, ancestor);
    }
}

static void
tell_heads(struct vd_l1 *l1)
{
    for (size_t i = 0; i < VD_L1_MAX_LISTENERS; i++) {
        const struct vd_l1_listener *listener = l1->listeners[i];
        if (listener != NULL && listener->heads != NULL)
            listener->heads(listener->ctx, &l1->heads);
    }
}

static void
set_reachable(struct vd_l1 *l1, bool reachable, const char *why)
{
    bool first = !reachable && !l1->heads.known && l1->poll.failures == 1;
    if (l1->reachable == reachable && !first)
        return;
    l1->reachable = reachable;
    for (size_t i = 0; i < VD_L1_MAX_LISTENERS; i++) {
        const struct vd_l1_listener *listener = l1->listeners[i];
        if (listener != NULL && listener->reachable != NULL)
            listener->reachable(listener->ctx, reachable, why);
    }
}

const struct vd_l1_heads *
vd_l1_heads(const struct vd_l1 *l1)
{
    return &l1->heads;
}

bool
vd_l1_is_reachable(const struct vd_l1 *l1)
{
    return l1->reachable;
}

/* --- polling --- */

static void start_poll(struct vd_l1 *l1);

static void
on_timer(uv_timer_t *timer)
{
    start_poll(timer->data);
}

static void
schedule(struct vd_l1 *l1)
{
    struct vd_l1_poll *poll = &l1->poll;
    if (l1->closing)
        return;
    uint64_t delay = l1->config.poll_interval_ms;
    for (uint32_t i = 1; i < poll->failures && delay < BACKOFF_MAX_MS; i++)
        delay *= 2;
    if (delay > BACKOFF_MAX_MS && delay > l1->config.poll_interval_ms)
        delay = BACKOFF_MAX_MS;
    if (poll->again)
        delay = 0;
    poll->again = false;
    uv_timer_start(&poll->timer, on_timer, delay, 0);
}

static void
fail_poll(struct vd_l1 *l1, const char *why)
{
    l1->poll.state = VD_L1_POLL_IDLE;
    l1->poll.failures++;
    /* It may come back as another chain. */
    l1->poll.chain_checked = false;
    if (!l1->closing)
        set_reachable(l1, false, why);
    schedule(l1);
}

static bool
heads_equal(const struct vd_l1_heads *a, const struct vd_l1_heads *b)
{
    return a->known && b->known && vd_hash_eq(&a->latest.hash, &b->latest.hash) &&
           a->has_safe == b->has_safe && a->has_finalized == b->has_finalized &&
           vd_hash_eq(&a->safe.hash, &b->safe.hash) &&
           vd_hash_eq(&a->finalized.hash, &b->finalized.hash);
}

/* Everything was asked: the new heads become visible. */
static void
finish_poll(struct vd_l1 *l1)
{
    struct vd_l1_poll *poll = &l1->poll;
    poll->state = VD_L1_POLL_IDLE;
    poll->failures = 0;
    set_reachable(l1, true, "");
    bool changed = !heads_equal(&l1->heads, &poll->next);
    l1->heads = poll->next;
    if (changed)
        tell_heads(l1);
    schedule(l1);
}

static void on_safe(void *ctx, const struct vd_l1_status *status, const struct vd_hash *hash,
                    const struct vd_header *header);

static void
ask_safe(struct vd_l1 *l1)
{
    l1->poll.state = VD_L1_POLL_SAFE;
    vd_l1_header(l1, (struct vd_l1_at){.tag = VD_L1_SAFE}, on_safe, l1);
}

/* The walk has ended: the path's last block is a child of a remembered block (or, without
   known, of none). */
static void
take_path(struct vd_l1 *l1, bool known)
{
    struct vd_l1_poll *poll = &l1->poll;
    struct vd_l1_ring *ring = &l1->ring;
    const struct vd_l1_ref *oldest = &poll->path[poll->path_len - 1];
    struct vd_l1_ref ancestor = {0};
    bool had = ring->count != 0;
    bool reorg = had && !known;
    if (known) {
        ancestor = *ring_find(ring, oldest->number - 1);
        reorg = ancestor.number != ring->tip.number;
        ring_cut(ring, ancestor.number);
    } else {
        ring->count = 0;
    }
    for (uint32_t i = poll->path_len; i > 0; i--)
        ring_push(ring, &poll->path[i - 1]);
    if (reorg)
        tell_reorg(l1, known ? &ancestor : NULL);
    ask_safe(l1);
}

static void walk(struct vd_l1 *l1);

static struct vd_l1_ref
ref_of(const struct vd_hash *hash, const struct vd_header *header)
{
    return (struct vd_l1_ref){.hash = *hash,
                              .number = header->number,
                              .parent_hash = header->parent_hash,
                              .timestamp = header->timestamp};
}

/* Whether the poll goes on; reports the failure if not. */
static bool
goes_on(struct vd_l1 *l1, const struct vd_l1_status *status)
{
    if (status->err == VD_OK && !l1->closing)
        return true;
    fail_poll(l1, status->text);
    return false;
}

static void
on_parent(void *ctx, const struct vd_l1_status *status, const struct vd_hash *hash,
          const struct vd_header *header)
{
    struct vd_l1 *l1 = ctx;
    struct vd_l1_poll *poll = &l1->poll;
    if (!goes_on(l1, status))
        return;
    const struct vd_l1_ref *child = &poll->path[poll->path_len - 1];
    if (!vd_hash_eq(hash, &child->parent_hash) || header->number + 1 != child->number) {
        fail_poll(l1, "L1 answers with another block than was asked for");
        return;
    }
    poll->path[poll->path_len++] = ref_of(hash, header);
    walk(l1);
}

static void
on_old_tip(void *ctx, const struct vd_l1_status *status, const struct vd_hash *hash,
           const struct vd_header *header)
{
    struct vd_l1 *l1 = ctx;
    (void)header;
    bool gone = status->err == VD_ERR_NOT_FOUND;
    if (!gone && !goes_on(l1, status))
        return;
    bool still = !gone && vd_hash_eq(hash, &l1->ring.tip.hash);
    struct vd_l1_ref latest = l1->poll.path[0];
    l1->ring.count = 0;
    ring_push(&l1->ring, &latest);
    if (!still)
        tell_reorg(l1, NULL);
    ask_safe(l1);
}

static void
walk(struct vd_l1 *l1)
{
    struct vd_l1_poll *poll = &l1->poll;
    struct vd_l1_ring *ring = &l1->ring;
    const struct vd_l1_ref *oldest = &poll->path[poll->path_len - 1];
    uint64_t lowest = ring->count == 0 ? 0 : ring->tip.number - (ring->count - 1);
    poll->state = VD_L1_POLL_WALK;
    if (oldest->number > 0 && is_remembered(ring, oldest->number - 1, &oldest->parent_hash)) {
        take_path(l1, true);
    } else if (ring->count == 0 || oldest->number <= lowest) {
        take_path(l1, false);
    } else if (poll->path_len > WALK_MAX) {
        /* Deeper than WALK_MAX below the old tip too, or far ahead of it. */
        poll->state = VD_L1_POLL_OLD_TIP;
        vd_l1_header(l1, vd_l1_number(ring->tip.number), on_old_tip, l1);
    } else {
        vd_l1_header(l1, vd_l1_hash(&oldest->parent_hash), on_parent, l1);
    }
}

static void
on_latest(void *ctx, const struct vd_l1_status *status, const struct vd_hash *hash,
          const struct vd_header *header)
{
    struct vd_l1 *l1 = ctx;
    struct vd_l1_poll *poll = &l1->poll;
    if (!goes_on(l1, status))
        return;
    struct vd_l1_ref latest = ref_of(hash, header);
    poll->next = (struct vd_l1_heads){
        .known = true,
        .latest = latest,
        .latest_base_fee = header->base_fee,
        .latest_excess_blob_gas = header->excess_blob_gas,
    };
    if (is_remembered(&l1->ring, latest.number, &latest.hash)) {
        /* The same head, or an older block of the same chain: what was above is gone. */
        bool shorter = latest.number != l1->ring.tip.number;
        ring_cut(&l1->ring, latest.number);
        if (shorter)
            tell_reorg(l1, &latest);
        ask_safe(l1);
        return;
    }
    poll->path[0] = latest;
    poll->path_len = 1;
    walk(l1);
}

static void
on_finalized(void *ctx, const struct vd_l1_status *status, const struct vd_hash *hash,
             const struct vd_header *header)
{
    struct vd_l1 *l1 = ctx;
    bool none = status->err == VD_ERR_NOT_FOUND || status->err == VD_ERR_REFUSED;
    if (!none && !goes_on(l1, status))
        return;
    l1->poll.next.has_finalized = !none;
    if (!none)
        l1->poll.next.finalized = ref_of(hash, header);
    finish_poll(l1);
}

/* A young chain answers null or, as geth does, with the error "safe block not found". */
static void
on_safe(void *ctx, const struct vd_l1_status *status, const struct vd_hash *hash,
        const struct vd_header *header)
{
    struct vd_l1 *l1 = ctx;
    bool none = status->err == VD_ERR_NOT_FOUND || status->err == VD_ERR_REFUSED;
    if (!none && !goes_on(l1, status))
        return;
    l1->poll.next.has_safe = !none;
    if (!none)
        l1->poll.next.safe = ref_of(hash, header);
    l1->poll.state = VD_L1_POLL_FINALIZED;
    vd_l1_header(l1, (struct vd_l1_at){.tag = VD_L1_FINALIZED}, on_finalized, l1);
}

static void
ask_latest(struct vd_l1 *l1)
{
    l1->poll.state = VD_L1_POLL_LATEST;
    vd_l1_header(l1, vd_l1_latest(), on_latest, l1);
}

static void
on_chain_id(void *ctx, const struct vd_l1_status *status, uint64_t chain_id)
{
    struct vd_l1 *l1 = ctx;
    if (!goes_on(l1, status))
        return;
    if (chain_id != l1->config.expected_chain_id) {
        char text[128];
        snprintf(text, sizeof text, "L1 has chain id %llu, %llu is expected",
                 (unsigned long long)chain_id, (unsigned long long)l1->config.expected_chain_id);
        fail_poll(l1, text);
        return;
    }
    l1->poll.chain_checked = true;
    ask_latest(l1);
}

static void
start_poll(struct vd_l1 *l1)
{
    if (l1->poll.state != VD_L1_POLL_IDLE || l1->closing)
        return;
    if (l1->config.expected_chain_id != 0 && !l1->poll.chain_checked) {
        l1->poll.state = VD_L1_POLL_CHAIN_ID;
        vd_l1_chain_id(l1, on_chain_id, l1);
    } else {
        ask_latest(l1);
    }
}

void
vd_l1_start(struct vd_l1 *l1)
{
    if (l1->poll.started)
        return;
    l1->poll.started = true;
    start_poll(l1);
}

void
vd_l1_poke(struct vd_l1 *l1)
{
    if (l1->poll.state == VD_L1_POLL_IDLE)
        start_poll(l1);
    else
        l1->poll.again = true;
}
