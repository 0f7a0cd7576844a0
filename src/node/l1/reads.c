#include "viaduct/node/l1/reads.h"

#include <stdio.h>
#include <stdlib.h>

void
vd_reads_clear(struct vd_reads *reads)
{
    for (size_t i = 0; i < reads->count; i++) {
        vd_abi_deinit(&reads->items[i].call);
        free(reads->items[i].answer);
    }
    *reads = (struct vd_reads){.count = 0};
}

struct vd_abi *
vd_reads_add(struct vd_reads *reads, const struct vd_address *to, uint32_t selector)
{
    VD_ASSERT(reads->count < VD_READS_MAX);
    struct vd_read *read = &reads->items[reads->count++];
    *read = (struct vd_read){.owner = reads, .to = *to};
    vd_abi_call(&read->call, selector);
    return &read->call;
}

static void
keep_answer(struct vd_read *read, struct vd_slice bytes)
{
    if (bytes.len == 0) {
        return;
    }
    read->answer = malloc(bytes.len);
    if (!read->answer) {
        read->err = VD_ERR_NO_MEMORY;
        return;
    }
    memcpy(read->answer, bytes.ptr, bytes.len);
    read->answer_len = bytes.len;
}

static void
on_answer(void *ctx, const struct vd_l1_status *status, struct vd_slice bytes)
{
    struct vd_read *read = ctx;
    struct vd_reads *reads = read->owner;
    read->err = status->err;
    if (read->err == VD_ERR_REFUSED && status->data.len == 0 &&
        strstr(status->text, "revert") == NULL) {
        read->err = VD_ERR_IO; /* refused, but not by the contract */
    }
    snprintf(read->text, sizeof read->text, "%s", status->text);
    keep_answer(read, status->err == VD_OK ? bytes : status->data);
    if (--reads->left == 0) {
        reads->done(reads->ctx);
    }
}

void
vd_reads_run(struct vd_reads *reads, struct vd_l1 *l1, struct vd_l1_at at, void (*done)(void *ctx),
             void *ctx)
{
    VD_ASSERT(reads->count > 0);
    reads->left = reads->count;
    reads->done = done;
    reads->ctx = ctx;
    for (size_t i = 0; i < reads->count; i++) {
        struct vd_read *read = &reads->items[i];
        vd_l1_call(l1, &read->to, vd_abi_view(&read->call), at, on_answer, read);
    }
}

const struct vd_read *
vd_reads_failure(const struct vd_reads *reads)
{
    for (size_t i = 0; i < reads->count; i++) {
        if (reads->items[i].err != VD_OK && reads->items[i].err != VD_ERR_REFUSED) {
            return &reads->items[i];
        }
    }
    return NULL;
}
