/* A handful of eth_calls at one L1 block, answered together.

   Fill with vd_reads_add and the words of each call, run, read the answers in the callback; then
   clear and fill again.  Loop's thread.  The struct must live until the callback. */
#ifndef VIADUCT_NODE_L1_READS_H
#define VIADUCT_NODE_L1_READS_H

#include "viaduct/node/l1/abi.h"
#include "viaduct/node/l1/l1_client.h"

#define VD_READS_MAX 16u
#define VD_READ_TEXT 160u

struct vd_reads;

struct vd_read {
    struct vd_reads *owner;
    struct vd_address to;
    struct vd_abi call;
    enum vd_err err; /* VD_ERR_REFUSED: it reverted, answer holds what it reverted with */
    char text[VD_READ_TEXT];
    uint8_t *answer;
    size_t answer_len;
};

struct vd_reads {
    struct vd_read items[VD_READS_MAX];
    size_t count;
    size_t left;
    void (*done)(void *ctx);
    void *ctx;
};

/* Zero the struct before its first use. */
void vd_reads_clear(struct vd_reads *reads);
/* The next call, numbered from 0; its arguments are appended to what is returned. */
struct vd_abi *vd_reads_add(struct vd_reads *reads, const struct vd_address *to, uint32_t selector);
/* done runs once, never inside this call. There is at least one read. */
void vd_reads_run(struct vd_reads *reads, struct vd_l1 *l1, struct vd_l1_at at,
                  void (*done)(void *ctx), void *ctx);

/* The return data of a call that went well; of another, nothing. */
static inline struct vd_slice
vd_reads_answer(const struct vd_reads *reads, size_t index)
{
    const struct vd_read *read = &reads->items[index];
    return read->err == VD_OK ? vd_slice(read->answer, read->answer_len) : vd_slice(NULL, 0);
}
/* The first failure that is not a revert, which says that L1 could not be asked; or NULL. */
const struct vd_read *vd_reads_failure(const struct vd_reads *reads);

#endif
