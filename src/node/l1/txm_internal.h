/* What the files of the transaction manager share; see txm.c for the life of a payload. */
#ifndef VIADUCT_SRC_NODE_L1_TXM_INTERNAL_H
#define VIADUCT_SRC_NODE_L1_TXM_INTERNAL_H

#include "viaduct/node/l1/tx_manager.h"
#include "viaduct/node/net/json_writer.h"

enum vd_txm_work {
    VD_TXM_NOTHING,
    VD_TXM_SIGNING,
    VD_TXM_JOURNALING,
};

/* One payload and all that was signed for it. */
struct vd_txm_slot {
    uint64_t id;
    struct vd_address to;
    struct vd_u256 value;
    uint64_t gas_limit;
    uint8_t *data;
    size_t data_len;
    uint8_t tag[VD_TXM_MAX_TAG];
    size_t tag_len;
    bool has_nonce;
    uint64_t nonce;

    /* Versions: the hashes of all, the bytes of the last.  The last one is sent only once it is
       journaled. */
    uint32_t attempts;
    struct vd_hash hashes[VD_TXM_MAX_ATTEMPTS];
    struct vd_u256 max_fee; /* of the last, or of the one being signed */
    struct vd_u256 tip;
    uint8_t *raw;
    size_t raw_len;
    enum vd_txm_work work;
    uint64_t journal_sequence;
    bool durable; /* the last version is on disk */
    bool was_sent;
    bool wants_bump; /* L1 says that it pays too little */
    uint64_t signed_ms;
    uint64_t sent_ms;

    bool included;
    bool is_deep; /* a receipt deep enough was seen; confirmed after those below it */
    bool confirmed;
    struct vd_hash included_hash;
    struct vd_txm_inclusion inclusion;
    uint32_t missing; /* versions that L1 has no receipt of, bit by bit, since the last change */
    bool is_missing;  /* all are, though the nonce is used */
    uint64_t missing_since;
};

struct vd_txm {
    struct vd_txm_config config;
    struct vd_txm_effects effects;
    struct vd_txm_listener listener;
    /* In the order of nonces, then of arrival. */
    struct vd_txm_slot **slots;
    size_t count;
    size_t cap;
    uint64_t next_id;
    uint64_t next_nonce;
    bool has_next_nonce; /* the journal or L1 has told */
    bool nonces_known;   /* L1 has told in this run */
    uint64_t chain_nonce;
    uint32_t gap_seen;
    uint64_t next_sequence;
    bool journal_begun;  /* the first record is there */
    bool journal_failed; /* nothing is signed or sent any more */
    uint64_t now_ms;
    uint64_t asked_nonces_ms;
    bool has_head;
    struct vd_block_id head;
    struct vd_u256 base_fee;
    struct vd_u256 suggested_tip;
    char stuck[160]; /* the reason that was told last; "" when it goes well */
};

/* txm_fees.c */
/* Fees of a first version.  false: L1's base fee is above the cap. */
bool vd_txm_first_fees(const struct vd_txm *txm, struct vd_u256 *max_fee, struct vd_u256 *tip);
/* Fees of a replacement.  false: the least that L1 would take is above the cap. */
bool vd_txm_bumped_fees(const struct vd_txm *txm, struct vd_u256 *max_fee, struct vd_u256 *tip,
                        const struct vd_txm_slot *slot);
/* EIP-7623's floor with EIP-2028's costs: enough for calldata to an account without code. */
uint64_t vd_txm_calldata_gas(struct vd_slice data);

/* txm_journal.c */
#define VD_TXM_RECORD_MAX ((size_t)1 << 20)
void vd_txm_record_begin(struct vd_json *out, const struct vd_txm_config *config);
void vd_txm_record_signed(struct vd_json *out, const struct vd_txm_slot *slot);
void vd_txm_record_done(struct vd_json *out, const struct vd_txm_slot *slot);
void vd_txm_record_next(struct vd_json *out, uint64_t next_id, uint64_t next_nonce);
VD_MUST_USE enum vd_err vd_txm_replay(struct vd_txm *txm, struct vd_slice journal);

/* txm.c */
struct vd_txm_slot *vd_txm_slot_add(struct vd_txm *txm);
void vd_txm_slot_remove(struct vd_txm *txm, size_t index);

/* The file: see txm_journal.c. */
struct vd_txm_frames {
    uint8_t *records; /* malloc'd: all valid records, one after the other */
    size_t records_len;
    size_t file_len; /* of the valid frames */
};
VD_MUST_USE enum vd_err vd_txm_frames_read(struct vd_txm_frames *out, struct vd_slice file);
void vd_txm_frame_write(struct vd_json *out, struct vd_slice record);

#endif
