#include "viaduct/node/roles/batcher.h"

#include <stdio.h>
#include <stdlib.h>

#include "channel_job.h"
#include "viaduct/node/roles/window.h"

/* Channels that are closed and not yet wholly in L1 blocks; with more the batcher gathers none. */
#define MAX_CHANNELS 16u
/* Compressed bytes for a byte of transactions, in thousandths, before the first channel: nothing
   is known, so no compression is assumed. */
#define FIRST_RATIO 1000u
/* How long a channel gathers at least when its first block's window closes: blocks that a chain
   catching up makes by the hundred go together. */
#define HURRIED_AGE_MS 1000u
/* How long no block is loaded after the memory for a channel was missing. */
#define RETRY_MS 1000u

/* The tag of a frame's payload: id 16, index 2, count 2, first 8, last 8, hash of last 20. */
#define TAG_BYTES 56u

/* A closed channel: frames [0, sent) are with the transaction manager. */
struct channel {
    struct channel *next;
    struct vd_channel_id id;
    uint64_t first;
    uint64_t last;
    uint8_t last_hash[20];
    uint16_t frame_count;
    uint16_t sent;
    uint64_t *included_at; /* L1 block + 1 of each frame, 0 while in none */
    uint64_t tx_bytes;
    struct vd_channel_job *job; /* while frames are left to send */
};

struct vd_batcher {
    struct vd_batcher_config config;
    struct vd_batcher_effects effects;
    uint64_t now_ms;
    struct vd_l2_ref unsafe;
    struct vd_l2_ref safe;
    uint64_t derived_l1;
    uint64_t l1_head;
    uint64_t start_l1; /* L1's head at the start or when everything was given up */
    bool has_heads;
    bool begun; /* derivation has read start_l1 since */

    uint64_t next; /* block to load */
    bool tail_known;
    uint8_t tail[20]; /* of the hash of block next - 1 */
    bool loading;
    uint64_t retry_ms;               /* no block is loaded before */
    bool loading_stale;              /* the load under way is for a position that was given up */
    struct vd_channel_job *job;      /* gathering */
    struct vd_channel_job *encoding; /* with the pool */
    bool encoding_stale;
    struct channel *channels; /* in order of nonces */
    struct channel *resume;   /* the last one of channels, if a crash cut it off */
    bool flush;
    bool stepping;
    uint64_t ratio; /* thousandths */
    uint64_t bytes_per_block;
    uint64_t channels_closed;
};

static void step(struct vd_batcher *b);

enum vd_err
vd_batcher_new(struct vd_batcher **out, const struct vd_batcher_config *config,
               const struct vd_batcher_effects *effects)
{
    struct vd_batcher *b = calloc(1, sizeof *b);
    if (!b) {
        return VD_ERR_NO_MEMORY;
    }
    b->config = *config;
    b->effects = *effects;
    b->ratio = FIRST_RATIO;
    *out = b;
    return VD_OK;
}

static void
channel_free(struct channel *channel)
{
    vd_channel_job_free(channel->job);
    free(channel->included_at);
    free(channel);
}

static void
drop_channels(struct vd_batcher *b)
{
    while (b->channels) {
        struct channel *channel = b->channels;
        b->channels = channel->next;
        channel_free(channel);
    }
    b->resume = NULL;
}

void
vd_batcher_free(struct vd_batcher *b)
{
    if (b) {
        drop_channels(b);
        vd_channel_job_free(b->job);
        vd_channel_job_free(b->encoding);
        free(b);
    }
}

static void
note(struct vd_batcher *b, const char *what, uint64_t number)
{
    char text[160];
    snprintf(text, sizeof text, "%s, block %llu", what, (unsigned long long)number);
    b->effects.note(b->effects.ctx, text);
}

static void
set_tail(struct vd_batcher *b, const uint8_t *hash, uint64_t number)
{
    memcpy(b->tail, hash, sizeof b->tail);
    b->tail_known = true;
    b->next = number + 1;
}

/* Gives up everything that is not safe and begins again after the safe head, as after a start: when
   derivation has read L1 up to its head.  Before, the safe head may be a whole sequencing window
   behind what L1 holds (a reorganisation puts derivation that far back), and all those blocks would
   be posted and paid for again, ahead of the new ones.  Frames that the transaction manager has
   stay with it; derivation drops what no longer fits.  Nothing is said when nothing is under way:
   while a node catches up, that would be a line for each block. */
static void
begin_again(struct vd_batcher *b, const char *why)
{
    if (b->channels || b->job || b->encoding) {
        note(b, why, b->next);
    }
    drop_channels(b);
    vd_channel_job_free(b->job);
    b->job = NULL;
    b->encoding_stale = b->encoding != NULL;
    b->loading_stale = b->loading;
    b->begun = false;
    b->start_l1 = b->l1_head;
}

/* --- channels on their way --- */

static struct channel **
last_link(struct vd_batcher *b)
{
    struct channel **link = &b->channels;
    while (*link) {
        link = &(*link)->next;
    }
    return link;
}

static struct channel *
channel_append(struct vd_batcher *b, const struct vd_channel_id *id, uint16_t frame_count)
{
    struct channel *channel = calloc(1, sizeof *channel);
    uint64_t *included_at = calloc(frame_count, sizeof *included_at);
    if (!channel || !included_at) {
        free(channel);
        free(included_at);
        return NULL;
    }
    channel->id = *id;
    channel->frame_count = frame_count;
    channel->included_at = included_at;
    *last_link(b) = channel;
    return channel;
}

static struct channel *
channel_find(struct vd_batcher *b, const uint8_t id[16])
{
    for (struct channel *c = b->channels; c; c = c->next) {
        if (memcmp(c->id.b, id, sizeof c->id.b) == 0) {
            return c;
        }
    }
    return NULL;
}

static size_t
channel_count(const struct vd_batcher *b)
{
    size_t count = 0;
    for (const struct channel *c = b->channels; c; c = c->next) {
        count++;
    }
    return count;
}

/* The L1 block of the channel's last frame; false while a frame is in none. */
static bool
channel_included(const struct channel *channel, uint64_t *l1_block)
{
    *l1_block = 0;
    for (uint16_t i = 0; i < channel->frame_count; i++) {
        if (channel->included_at[i] == 0) {
            return false;
        }
        if (channel->included_at[i] - 1 > *l1_block) {
            *l1_block = channel->included_at[i] - 1;
        }
    }
    return true;
}

/* Forgets the channels whose blocks are safe.  True when one did not take. */
static bool
channel_failed(struct vd_batcher *b)
{
    while (b->channels && b->safe.number >= b->channels->last) {
        struct channel *done = b->channels;
        if (b->resume == done) {
            b->resume = NULL;
        }
        b->channels = done->next;
        channel_free(done);
    }
    uint64_t l1_block = 0;
    return b->channels && channel_included(b->channels, &l1_block) && b->derived_l1 > l1_block;
}

static void
write_tag(uint8_t tag[TAG_BYTES], const struct channel *channel, uint16_t index)
{
    memcpy(tag, channel->id.b, 16);
    vd_store_be16(tag + 16, index);
    vd_store_be16(tag + 18, channel->frame_count);
    vd_store_be64(tag + 20, channel->first);
    vd_store_be64(tag + 28, channel->last);
    memcpy(tag + 36, channel->last_hash, 20);
}

/* Hands frames to the transaction manager as long as it takes them. */
static void
send_frames(struct vd_batcher *b)
{
    for (struct channel *c = b->channels; c; c = c->next) {
        while (c->job && c->sent < c->frame_count) {
            uint8_t tag[TAG_BYTES];
            write_tag(tag, c, c->sent);
            if (b->effects.room(b->effects.ctx) == 0 ||
                b->effects.send(b->effects.ctx, c->job->items[c->sent],
                                vd_slice(tag, sizeof tag)) != VD_OK) {
                return;
            }
            c->sent++;
        }
        if (c->job) {
            vd_channel_job_free(c->job);
            c->job = NULL;
        } else if (c->sent < c->frame_count) {
            return; /* cut off by a crash: its missing frames come before any later channel's */
        }
    }
}

/* --- gathering --- */

/* Whether the channel in hand may be read after the sequencing window of its first block. */
static bool
is_hurried(const struct vd_batcher *b)
{
    const struct vd_rollup_config *rollup = b->config.rollup;
    return vd_window_closes(rollup, b->job->first->ref.l1_origin.number, b->l1_head,
                            vd_window_margin(rollup->seq_window_size));
}

static bool
must_close(const struct vd_batcher *b)
{
    const struct vd_channel_job *job = b->job;
    if (!job || job->block_count == 0) {
        return false;
    }
    if (b->resume) {
        return job->last->ref.number == b->resume->last;
    }
    uint64_t estimate = job->tx_bytes * b->ratio / 1000;
    uint64_t age_ms = b->now_ms - job->opened_ms;
    return b->flush || estimate >= b->config.max_channel_bytes ||
           age_ms >= b->config.max_channel_age_ms || (age_ms >= HURRIED_AGE_MS && is_hurried(b));
}

/* A span batch whose first epoch's window is over is dropped whole, with the rest of its channel
   (OP Stack specs, Holocene derivation: span batches).  So a channel that may be read that late
   holds singular batches: whatever L1 block it comes in, derivation has made the blocks of the
   epochs that are over, their batches are past and passed over, and the first of the others is the
   next block.  None may be left out: if the channel comes earlier, that would be a gap. */
static void
close_channel(struct vd_batcher *b)
{
    if (is_hurried(b)) {
        b->job->batch_type = VD_BATCH_SINGULAR;
    }
    b->encoding = b->job;
    b->encoding_stale = false;
    b->job = NULL;
    b->effects.encode(b->effects.ctx, b->encoding);
}

static void
load_next(struct vd_batcher *b)
{
    if (b->loading || b->encoding || b->now_ms < b->retry_ms || b->next > b->unsafe.number ||
        (channel_count(b) >= MAX_CHANNELS && !b->resume)) {
        return;
    }
    b->loading = true;
    b->loading_stale = false;
    b->effects.get_block(b->effects.ctx, b->next);
}

/* The first position: behind what is on L1 or, after a start, on its way there. */
static bool
begin(struct vd_batcher *b)
{
    if (b->begun) {
        return true;
    }
    if (!b->has_heads || b->derived_l1 < b->start_l1) {
        return false;
    }
    b->begun = true;
    set_tail(b, b->safe.hash.b, b->safe.number);
    if (channel_failed(b)) {
        note(b, "a channel of before the start did not take", b->next);
        drop_channels(b);
    }
    for (struct channel *c = b->channels; c; c = c->next) {
        if (c->sent < c->frame_count) {
            b->resume = c;
            b->tail_known = false;
            b->next = c->first;
            return true;
        }
        set_tail(b, c->last_hash, c->last);
    }
    return true;
}

/* Everything that can be done now.  Effects may answer at once, so it runs until nothing moves and
   never inside itself. */
static void
step(struct vd_batcher *b)
{
    if (b->stepping) {
        return;
    }
    b->stepping = true;
    for (bool moved = true; moved && begin(b);) {
        uint64_t before = b->next;
        if (channel_failed(b)) {
            begin_again(b, "a channel did not become safe");
            continue;
        }
        send_frames(b);
        if (!b->encoding && must_close(b)) {
            close_channel(b);
        }
        load_next(b);
        moved = b->next != before;
    }
    b->flush = b->flush && (!b->begun || b->next <= b->unsafe.number || b->job != NULL);
    b->stepping = false;
}

/* --- inputs --- */

/* Channels of before the start that held block first or a later one were given up when the channel
   that begins with it was made. */
static void
drop_superseded(struct vd_batcher *b, uint64_t first)
{
    struct channel **link = &b->channels;
    while (*link) {
        struct channel *channel = *link;
        if (channel->last < first) {
            link = &channel->next;
        } else {
            *link = channel->next;
            channel_free(channel);
        }
    }
}

void
vd_batcher_restore(struct vd_batcher *b, const struct vd_txm_status *payload)
{
    if (payload->tag.len != TAG_BYTES) {
        return; /* not a frame */
    }
    const uint8_t *tag = payload->tag.ptr;
    struct channel *channel = channel_find(b, tag);
    if (!channel) {
        struct vd_channel_id id;
        memcpy(id.b, tag, sizeof id.b);
        drop_superseded(b, vd_load_be64(tag + 20));
        channel = channel_append(b, &id, vd_load_be16(tag + 18));
    }
    uint16_t index = vd_load_be16(tag + 16);
    if (!channel || index >= channel->frame_count) {
        return;
    }
    channel->first = vd_load_be64(tag + 20);
    channel->last = vd_load_be64(tag + 28);
    memcpy(channel->last_hash, tag + 36, sizeof channel->last_hash);
    /* The frames before this one were confirmed and forgotten; when they were, the manager no
       longer says, but they are in blocks that derivation has read or will. */
    channel->sent = (uint16_t)(index + 1);
    for (uint16_t i = 0; i < index; i++) {
        if (channel->included_at[i] == 0) {
            channel->included_at[i] = 1;
        }
    }
    channel->included_at[index] = payload->included ? payload->block.number + 1 : 0;
}

void
vd_batcher_heads(struct vd_batcher *b, uint64_t now_ms, const struct vd_l2_ref *unsafe,
                 const struct vd_l2_ref *safe, uint64_t derived_l1, uint64_t l1_head)
{
    if (!b->has_heads) {
        b->start_l1 = l1_head;
        b->has_heads = true;
    }
    b->now_ms = now_ms;
    b->unsafe = *unsafe;
    b->safe = *safe;
    b->derived_l1 = derived_l1;
    b->l1_head = l1_head;
    if (b->begun && b->next <= safe->number) {
        /* Somebody else's batches, or our own from before a rewind, went further. */
        begin_again(b, "the safe head is ahead");
    } else if (b->begun && b->next > unsafe->number + 1) {
        begin_again(b, "the unsafe chain was cut back");
    }
    step(b);
}

void
vd_batcher_tick(struct vd_batcher *b, uint64_t now_ms)
{
    b->now_ms = now_ms;
    step(b);
}

static void
take_block(struct vd_batcher *b, const struct vd_batcher_block *block)
{
    if (b->tail_known && memcmp(b->tail, block->ref.parent_hash.b, sizeof b->tail) != 0) {
        begin_again(b, "the unsafe chain was replaced");
        return;
    }
    if (!b->job) {
        b->job = vd_channel_job_new(&b->config, b->now_ms);
    }
    enum vd_err err = b->job ? vd_channel_job_add(b->job, block) : VD_ERR_NO_MEMORY;
    if (err == VD_OK) {
        b->bytes_per_block = b->job->tx_bytes / b->job->block_count;
        set_tail(b, block->ref.hash.b, block->ref.number);
        return;
    }
    if (b->job && b->job->block_count > 0) {
        close_channel(b); /* full: the block begins the next channel */
        return;
    }
    note(b, "out of memory for a channel", block->ref.number);
    b->retry_ms = b->now_ms + RETRY_MS;
    vd_channel_job_free(b->job);
    b->job = NULL;
}

void
vd_batcher_block(struct vd_batcher *b, const struct vd_batcher_block *block)
{
    b->loading = false;
    if (block && !b->loading_stale && block->ref.number == b->next) {
        take_block(b, block);
    }
    step(b);
}

static void
take_encoded(struct vd_batcher *b, struct vd_channel_job *job)
{
    struct channel *channel = b->resume;
    b->resume = NULL;
    if (channel && (memcmp(channel->id.b, job->id.b, sizeof job->id.b) != 0 ||
                    channel->frame_count != job->item_count)) {
        /* Other settings or other blocks than before the crash: it stays unfinished on L1 and
           these blocks go into a new channel. */
        note(b, "a channel was left unfinished by a change of settings", channel->first);
        struct channel **link = &b->channels;
        while (*link != channel) {
            link = &(*link)->next;
        }
        *link = channel->next;
        channel_free(channel);
        channel = NULL;
    }
    if (!channel) {
        channel = channel_append(b, &job->id, (uint16_t)job->item_count);
    }
    if (!channel) {
        vd_channel_job_free(job);
        b->retry_ms = b->now_ms + RETRY_MS;
        begin_again(b, "out of memory for a channel");
        return;
    }
    channel->first = job->first->ref.number;
    channel->last = job->last->ref.number;
    memcpy(channel->last_hash, job->last->ref.hash.b, sizeof channel->last_hash);
    channel->tx_bytes = job->tx_bytes;
    channel->job = job;
    b->channels_closed++;
    if (job->tx_bytes > 0) {
        b->ratio = job->compressed_bytes * 1000 / job->tx_bytes;
    }
    char text[200];
    snprintf(text, sizeof text,
             "channel closed: blocks %llu to %llu, %zu bytes of transactions, %zu compressed, "
             "%zu frames",
             (unsigned long long)channel->first, (unsigned long long)channel->last, job->tx_bytes,
             job->compressed_bytes, job->item_count);
    b->effects.note(b->effects.ctx, text);
}

void
vd_batcher_encoded(struct vd_batcher *b, struct vd_channel_job *job)
{
    VD_ASSERT(job == b->encoding);
    b->encoding = NULL;
    if (b->encoding_stale) {
        b->encoding_stale = false;
        vd_channel_job_free(job);
    } else if (job->err != VD_OK || job->item_count > UINT16_MAX) {
        vd_channel_job_free(job);
        b->retry_ms = b->now_ms + RETRY_MS;
        begin_again(b, "a channel could not be encoded");
    } else {
        take_encoded(b, job);
    }
    step(b);
}

void
vd_batcher_tx_event(struct vd_batcher *b, const struct vd_txm_event *event)
{
    struct channel *channel = event->tag.len == TAG_BYTES ? channel_find(b, event->tag.ptr) : NULL;
    if (!channel) {
        return;
    }
    uint16_t index = vd_load_be16(event->tag.ptr + 16);
    if (index >= channel->frame_count) {
        return;
    }
    switch (event->kind) {
    case VD_TXM_INCLUDED:
    case VD_TXM_CONFIRMED:
        channel->included_at[index] = event->block.number + 1;
        break;
    case VD_TXM_REORGED_OUT:
        channel->included_at[index] = 0;
        break;
    case VD_TXM_LOST:
        if (b->begun) {
            begin_again(b, "a frame was lost to a foreign transaction");
        }
        break;
    case VD_TXM_SENT:
    case VD_TXM_REPLACED:
    case VD_TXM_STUCK:
        break;
    }
    step(b);
}

void
vd_batcher_flush(struct vd_batcher *b)
{
    b->flush = true;
    step(b);
}

uint64_t
vd_batcher_debt(const struct vd_batcher *b)
{
    uint64_t debt = 0;
    uint64_t l1_block = 0;
    for (const struct channel *c = b->channels; c; c = c->next) {
        debt += channel_included(c, &l1_block) ? 0 : c->tx_bytes;
    }
    debt += b->job ? b->job->tx_bytes : 0;
    debt += b->encoding ? b->encoding->tx_bytes : 0;
    if (b->begun && b->unsafe.number >= b->next) {
        debt += (b->unsafe.number - b->next + 1) * b->bytes_per_block;
    }
    return debt;
}

uint64_t
vd_batcher_next(const struct vd_batcher *b)
{
    return b->next;
}

uint64_t
vd_batcher_channels(const struct vd_batcher *b)
{
    return b->channels_closed;
}
