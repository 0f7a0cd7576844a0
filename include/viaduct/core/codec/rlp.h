/* RLP (Yellow Paper, appendix B): canonical encodings only, in both directions.

   Reading: a cursor over borrowed bytes with sticky failure.  Read what is expected, close every
   list, check vd_rlp_done once.  Writing: into a vd_buf, lists closed by the mark that opened
   them. */
#ifndef VIADUCT_CORE_CODEC_RLP_H
#define VIADUCT_CORE_CODEC_RLP_H

#include "viaduct/core/base/buf.h"
#include "viaduct/core/base/u256.h"

struct vd_rlp {
    const uint8_t *ptr;
    const uint8_t *end;
    bool failed;
};

static inline struct vd_rlp
vd_rlp(struct vd_slice bytes)
{
    /* An empty slice may have no address, and NULL + 0 is undefined in C. */
    const uint8_t *end = bytes.len == 0 ? bytes.ptr : bytes.ptr + bytes.len;
    return (struct vd_rlp){.ptr = bytes.ptr, .end = end};
}

/* True while items are left and nothing has failed. */
static inline bool
vd_rlp_more(const struct vd_rlp *r)
{
    return !r->failed && r->ptr < r->end;
}

/* True when everything was read and nothing failed. */
static inline bool
vd_rlp_done(const struct vd_rlp *r)
{
    return !r->failed && r->ptr == r->end;
}

/* Whether the next item is a list; false when there is none. */
bool vd_rlp_is_list(const struct vd_rlp *r);

/* The content of a string item.  It borrows from the input. */
struct vd_slice vd_rlp_string(struct vd_rlp *r);
/* A string of exactly len bytes, or failure. */
struct vd_slice vd_rlp_fixed(struct vd_rlp *r, size_t len);
struct vd_hash vd_rlp_hash(struct vd_rlp *r);
struct vd_address vd_rlp_address(struct vd_rlp *r);
/* An integer without leading zeros that fits; anything else fails. */
uint64_t vd_rlp_u64(struct vd_rlp *r);
struct vd_u256 vd_rlp_u256(struct vd_rlp *r);
/* The next item whole, header included; its inside is not checked. */
struct vd_slice vd_rlp_raw(struct vd_rlp *r);

/* vd_rlp_list enters a list: read its items from the cursor returned, then vd_rlp_close it, which
   fails *r when an item failed or was left over.  A list that could not be entered comes back
   failed and empty. */
struct vd_rlp vd_rlp_list(struct vd_rlp *r);
void vd_rlp_close(struct vd_rlp *r, const struct vd_rlp *list);

/* vd_rlp_count counts the items left without moving; 0 after failure (which it reports too). */
size_t vd_rlp_count(const struct vd_rlp *r, bool *failed);

void vd_rlp_put_string(struct vd_buf *buf, struct vd_slice bytes);
void vd_rlp_put_u64(struct vd_buf *buf, uint64_t value);
void vd_rlp_put_u256(struct vd_buf *buf, const struct vd_u256 *value);
void vd_rlp_put_hash(struct vd_buf *buf, const struct vd_hash *hash);
void vd_rlp_put_address(struct vd_buf *buf, const struct vd_address *address);
/* Between begin and end everything written is the list's content. */
size_t vd_rlp_begin(struct vd_buf *buf);
void vd_rlp_end(struct vd_buf *buf, size_t mark);

/* The length that rlp(string) would have; and the header of a list whose content has len bytes:
   written to out (9 bytes hold any), its length returned. */
size_t vd_rlp_string_len(struct vd_slice bytes);
size_t vd_rlp_list_header(uint8_t out[9], size_t len);

#endif
