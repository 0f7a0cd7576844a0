/* The end of a deployment: everything is read back from L1 and compared with the plan. */
#include <stdio.h>
#include <string.h>

#include "deploy_internal.h"

/* Questions under way at a time. */
#define WINDOW 8u

static void ask_more(struct vd_deploy *d);

static size_t
fact_count(const struct vd_deploy *d)
{
    return d->plan.check_count + d->plan.code_count;
}

static void
hex(char *text, size_t text_len, struct vd_slice bytes)
{
    size_t most = (text_len - 6) / 2;
    size_t len = bytes.len < most ? bytes.len : most;
    memcpy(text, "0x", 2);
    vd_hex_encode(text + 2, bytes.ptr, len);
    memcpy(text + 2 + 2 * len, bytes.len > len ? "..." : "", bytes.len > len ? 4 : 1);
}

static void
differs(struct vd_deploy *d, const char *contract, const char *what, struct vd_slice found,
        struct vd_slice planned)
{
    char is[140];
    char should[140];
    hex(is, sizeof is, found);
    hex(should, sizeof should, planned);
    vd_deploy_say(d, "DIFFERS: %s %s is %s, planned is %s", contract, what, is, should);
    d->differences++;
}

static void
on_all_answered(struct vd_deploy *d)
{
    if (d->differences > 0) {
        vd_deploy_fail(d,
                       "%zu of %zu facts on L1 differ from the plan, as listed above: the "
                       "deployment is not what was configured",
                       d->differences, fact_count(d));
        return;
    }
    d->record.verified = true;
    if (vd_deploy_write_record(d)) {
        vd_deploy_say(d, "read-back: %zu facts on L1 are as planned", fact_count(d));
        vd_deploy_end(d);
    }
}

static void
answered(struct vd_deploy *d)
{
    d->facts_answered++;
    if (d->facts_answered == fact_count(d)) {
        on_all_answered(d);
    } else {
        ask_more(d);
    }
}

static void
on_fact(void *ctx, const struct vd_l1_status *status, struct vd_slice bytes)
{
    struct vd_deploy_ask *ask = ctx;
    struct vd_deploy *d = ask->d;
    const struct vd_l1_check *check = &d->plan.checks[ask->index];
    if (!vd_deploy_answered(d, status, check->what)) {
        return;
    }
    if (bytes.len != check->expected.len ||
        memcmp(bytes.ptr, check->expected.ptr, bytes.len) != 0) {
        differs(d, check->contract, check->what, bytes, check->expected);
    }
    answered(d);
}

/* Immutables are zeros in the artifact, but for which every byte must be the same. */
static bool
same_code(const struct vd_l1_code_check *check, struct vd_slice code)
{
    if (code.len != check->code.len) {
        return false;
    }
    for (size_t i = 0; i < code.len; i++) {
        bool hole = check->immutables && check->code.ptr[i] == 0;
        if (code.ptr[i] != check->code.ptr[i] && !hole) {
            return false;
        }
    }
    return true;
}

static void
on_code(void *ctx, const struct vd_l1_status *status, struct vd_slice code)
{
    struct vd_deploy_ask *ask = ctx;
    struct vd_deploy *d = ask->d;
    const struct vd_l1_code_check *check = &d->plan.codes[ask->index - d->plan.check_count];
    if (!vd_deploy_answered(d, status, check->contract)) {
        return;
    }
    if (!same_code(check, code)) {
        differs(d, check->contract, "code", code, check->code);
    }
    answered(d);
}

static void
ask_more(struct vd_deploy *d)
{
    while (d->facts_asked < fact_count(d) && d->facts_asked < d->facts_answered + WINDOW) {
        size_t index = d->facts_asked++;
        d->facts[index] = (struct vd_deploy_ask){d, index};
        if (index < d->plan.check_count) {
            vd_deploy_read(d, &d->plan.checks[index].read, on_fact, &d->facts[index]);
        } else {
            vd_l1_code(d->config.l1, &d->plan.codes[index - d->plan.check_count].address,
                       vd_l1_latest(), on_code, &d->facts[index]);
        }
    }
}

void
vd_deploy_verify(struct vd_deploy *d)
{
    ask_more(d);
}
