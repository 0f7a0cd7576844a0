/* The challenger's glue, shared by its two files: what it reads of L1 and keeps of it
   (node_challenge_reads.c), and all else (node_challenge.c). */
#ifndef VIADUCT_NODE_APP_NODE_CHALLENGE_H
#define VIADUCT_NODE_APP_NODE_CHALLENGE_H

#include "game_reads.h"
#include "node_dispute.h"
#include "node_internal.h"

/* Entries of the factory read for one answer. */
#define VD_CHALLENGE_LIST_AT_ONCE 600u

struct vd_kept_game {
    struct vd_dispute_id id;
    bool was_tried; /* read, or found to be no game */
    struct vd_game_view view;
};

enum vd_challenge_list {
    LIST_FACTORY,
    LIST_COUNT,
    LIST_ENTRIES,
};

struct vd_challenge {
    struct vd_node *node;
    struct vd_challenger *role;
    bool watch;
    struct vd_address from;
    struct vd_hash prestate;
    struct vd_disputes *disputes;
    struct vd_txm_driver *own_txm; /* NULL: it watches, or shares the proposer's */
    struct vd_txm *manager;        /* NULL: it watches */
    struct vd_txm_listener listener;

    /* heads */
    bool has_heads;
    bool is_stale; /* L1 was reorganised since */
    struct vd_challenger_heads heads;
    bool asking_balance;
    struct vd_l1_ref asked_l1;
    uint64_t retry_ms;

    /* the list under way */
    struct vd_reads reads;
    enum vd_challenge_list stage;
    struct vd_hash list_at;
    struct vd_address factory;
    uint64_t first;
    uint64_t next;
    uint64_t total;
    uint64_t entry_count; /* of the batch under way */
    struct vd_dispute_id ids[VD_CHALLENGE_LIST_AT_ONCE];
    size_t id_count;
    bool listed; /* to the end */

    /* games, and the one that is being read */
    struct vd_kept_game **games;
    size_t count;
    size_t cap;
    struct vd_game_reader reader;
    struct vd_kept_game *reading;
    bool forget; /* once it is read */
    bool has_pin;
    uint64_t pin;

    struct vd_block_id l1_head; /* of the question for a safe block */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* The effects that ask L1; ctx is the struct vd_challenge. */
void vd_challenge_list(void *ctx, uint64_t first, const struct vd_hash *l1_block);
void vd_challenge_read(void *ctx, const struct vd_dispute_id *id, const struct vd_hash *l1_block);
void vd_challenge_estimate(void *ctx, const struct vd_address *to, struct vd_slice data,
                           const struct vd_u256 *value);
void vd_challenge_call(void *ctx, const struct vd_address *to, struct vd_slice data,
                       const struct vd_hash *l1_block);
void vd_challenge_logs(void *ctx, const struct vd_address *address, uint64_t block);
/* Whatever is known of games was of a chain that is gone, or nobody asks any more. */
void vd_challenge_forget(struct vd_challenge *challenge);

#endif
