/* Batches as long as a channel may be, compressed without being made. */
#ifndef VD_TESTS_PROGRAM_LONG_BATCH_H
#define VD_TESTS_PROGRAM_LONG_BATCH_H

#include "unit/core/program/chain.h"
#include "unit/core/rollup/brotli_repeat.h"
#include "viaduct/core/codec/rlp.h"

static inline void
put_list_header(struct vd_buf *buf, size_t len)
{
    uint8_t header[9];
    vd_buf_bytes(buf, header, vd_rlp_list_header(header, len));
}

/* A string's header is a list's, 0x40 lower. */
static inline void
put_string_header(struct vd_buf *buf, size_t len)
{
    size_t at = buf->len;
    put_list_header(buf, len);
    buf->ptr[at] = (uint8_t)(buf->ptr[at] - 0x40);
}

/* All of block 1's batch in front of its transactions, which have len bytes. */
static inline struct vd_buf
long_singular_head(struct chain *c, size_t len)
{
    const struct vd_l2_ref *block = &c->l2[1].ref;
    struct vd_buf fields;
    struct vd_buf head;
    vd_buf_init(&fields, &c->arena);
    vd_rlp_put_hash(&fields, &block->parent_hash);
    vd_rlp_put_u64(&fields, block->l1_origin.number);
    vd_rlp_put_hash(&fields, &block->l1_origin.hash);
    vd_rlp_put_u64(&fields, block->timestamp);
    put_list_header(&fields, len);
    size_t list = fields.len + len;
    vd_buf_init(&head, &c->arena);
    put_string_header(&head, 1 + 5 + list);
    vd_buf_byte(&head, VD_BATCH_SINGULAR);
    put_list_header(&head, list);
    vd_buf_slice(&head, vd_buf_view(&fields));
    assert_int_equal(head.err, VD_OK);
    return head;
}

/* The longest singular batch of transactions that repeat the last period bytes of first; last takes
   the place of the last ones.  The stream is not ended. */
static inline struct deflate
long_singular(struct chain *c, struct vd_buf *out, struct vd_slice first, uint32_t period,
              struct vd_slice last)
{
    size_t head_len = long_singular_head(c, VD_CHANNEL_MAX_BYTES - 200).len;
    size_t len = VD_CHANNEL_MAX_BYTES - head_len;
    struct vd_buf head = long_singular_head(c, len);
    vd_buf_slice(&head, first);
    vd_buf_init(out, &c->arena);
    struct deflate d = brotli_begin(out);
    brotli_raw(&d, vd_buf_view(&head));
    brotli_repeat(&d, period, len - first.len - last.len);
    if (last.len != 0)
        brotli_raw(&d, last);
    return d;
}

#endif
