#include "core/rollup/internal.h"

void
vd_log_walk_init(struct vd_log_walk *walk, const struct vd_slice *receipts, size_t count)
{
    *walk = (struct vd_log_walk){
        .receipts = receipts, .count = count, .logs = vd_rlp(vd_slice(NULL, 0))};
}

/* [address, [topic, ...], data]; at most four topics. */
static bool
read_log(struct vd_log *log, struct vd_rlp *logs)
{
    struct vd_rlp item = vd_rlp_list(logs);
    log->address = vd_rlp_address(&item);
    log->topic_count = 0;
    struct vd_rlp topics = vd_rlp_list(&item);
    while (vd_rlp_more(&topics) && log->topic_count < 4)
        log->topics[log->topic_count++] = vd_rlp_hash(&topics);
    vd_rlp_close(&item, &topics);
    log->data = vd_rlp_string(&item);
    vd_rlp_close(logs, &item);
    return !logs->failed;
}

static bool
logs_are_whole(struct vd_rlp logs)
{
    struct vd_log log;
    while (vd_rlp_more(&logs) && read_log(&log, &logs))
        ;
    return vd_rlp_done(&logs);
}

/* Reads [status, cumulativeGasUsed, bloom, logs] and checks every log of it. */
static bool
read_fields(bool *success, struct vd_rlp *logs, struct vd_slice bytes)
{
    struct vd_rlp outer = vd_rlp(bytes);
    struct vd_rlp fields = vd_rlp_list(&outer);
    uint64_t status = vd_rlp_u64(&fields);
    (void)vd_rlp_u64(&fields);
    (void)vd_rlp_fixed(&fields, 256);
    *logs = vd_rlp_list(&fields);
    if (fields.failed || status > 1)
        return false;
    vd_rlp_close(&outer, &fields);
    *success = status == 1;
    return vd_rlp_done(&outer) && logs_are_whole(*logs);
}

/* Section 7.11: 0xc0 and above is a legacy receipt, types 0x05 to 0x7d are read as if they were of
   today's form and ignored when they are not, any other first byte is ignored. */
static bool
is_known_type(uint8_t first)
{
    return first >= 0xc0 || (first >= VD_TX_ACCESS_LIST && first <= VD_TX_SET_CODE);
}

/* Opens the next receipt.  One that is ignored counts no logs. */
static bool
next_receipt(struct vd_log_walk *walk)
{
    struct vd_slice receipt = walk->receipts[walk->next++];
    walk->logs = vd_rlp(vd_slice(NULL, 0));
    if (receipt.len == 0) {
        walk->malformed = true;
        return false;
    }
    uint8_t first = receipt.ptr[0];
    if (!is_known_type(first) && (first == 0 || first >= VD_TX_DEPOSIT))
        return true;
    if (first < 0xc0)
        receipt = vd_slice(receipt.ptr + 1, receipt.len - 1);
    bool success = false;
    struct vd_rlp logs;
    if (!read_fields(&success, &logs, receipt)) {
        walk->malformed = is_known_type(first);
        return !walk->malformed;
    }
    if (success)
        walk->logs = logs;
    return true;
}

bool
vd_log_walk_next(struct vd_log_walk *walk, struct vd_log *log, uint64_t *index)
{
    while (!vd_rlp_more(&walk->logs)) {
        if (walk->malformed || walk->next == walk->count || !next_receipt(walk))
            return false;
    }
    *index = walk->index++;
    return read_log(log, &walk->logs);
}
