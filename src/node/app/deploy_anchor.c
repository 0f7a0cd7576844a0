/* The middle of a deployment: the L1 block that the rollup begins at, the L2 genesis on it, and the
   files that say so.  The choice is on disk before anything depends on it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy_internal.h"
#include "viaduct/core/crypto/keccak.h"

static bool
store(struct vd_deploy *d, json_t *document, const char *name)
{
    char path[4096];
    char error[512];
    snprintf(path, sizeof path, "%s/%s", d->config.out, name);
    bool stored = vd_file_store(document, path, error, sizeof error);
    json_decref(document);
    if (!stored) {
        vd_deploy_fail(d, "%s", error);
    }
    return stored;
}

/* Of the file as vd_file_store writes it. */
static struct vd_hash
hash_file(json_t *document)
{
    char *text = json_dumps(document, JSON_INDENT(2));
    VD_ASSERT(text != NULL);
    struct vd_keccak hash;
    vd_keccak_init(&hash);
    vd_keccak_update(&hash, vd_slice((const uint8_t *)text, strlen(text)));
    vd_keccak_update(&hash, vd_slice((const uint8_t *)"\n", 1));
    free(text);
    return vd_keccak_final(&hash);
}

static void
found(struct vd_deploy *d, const struct vd_l1_ref *anchor)
{
    struct vd_founded founded;
    struct vd_hash prestate;
    char error[512];
    if (!vd_found(&founded, d->config.arena, d->config.founding, anchor, error, sizeof error) ||
        !vd_founding_prestate(&prestate, &founded.config, error, sizeof error)) {
        vd_deploy_fail(d, "%s", error);
        return;
    }
    json_t *rollup = vd_rollup_json_write(&founded.config);
    d->record.has_anchor = true;
    d->record.anchor = (struct vd_block_id){anchor->hash, anchor->number};
    if (!vd_deploy_write_record(d)) {
        json_decref(rollup);
        return;
    }
    d->record.config_hash = hash_file(rollup);
    d->record.has_config_hash = true;
    vd_l1_plan_set_anchor(&d->plan, &founded.output_root, &prestate);
    d->config.founding->l1 = d->plan.at;
    if (!store(d, rollup, "rollup.json") ||
        !store(d, vd_genesis_json_write(&founded.genesis, &founded.config.l2), "genesis.json") ||
        !store(d, vd_addresses_write(&d->plan.at), "addresses.json") ||
        !vd_deploy_write_record(d)) {
        return;
    }
    vd_deploy_say(d, "anchor-block %llu, rollup.json, genesis.json, addresses.json",
                  (unsigned long long)anchor->number);
    vd_deploy_anchored(d);
}

static void
on_anchor(void *ctx, const struct vd_l1_status *status, const struct vd_hash *hash,
          const struct vd_header *header)
{
    struct vd_deploy *d = ctx;
    if (!vd_deploy_answered(d, status, "the anchor block (l1StartingBlockNumber, or the plan's)")) {
        return;
    }
    if (d->record.has_anchor && !vd_hash_eq(hash, &d->record.anchor.hash) && d->anchor_step_done) {
        vd_deploy_fail(d,
                       "L1 has another block %llu than the anchor in %s, on which the chain's "
                       "anchor root stands: this is another L1, or it was reorganised",
                       (unsigned long long)header->number, d->path);
        return;
    }
    if (d->record.has_anchor && !vd_hash_eq(hash, &d->record.anchor.hash)) {
        vd_deploy_say(d, "the anchor chosen before is not on L1 any more; another is chosen");
        d->record.has_anchor = false;
        vd_deploy_anchor(d);
        return;
    }
    struct vd_l1_ref anchor = {.hash = *hash,
                               .number = header->number,
                               .parent_hash = header->parent_hash,
                               .timestamp = header->timestamp};
    found(d, &anchor);
}

static void
on_height(void *ctx, const struct vd_l1_status *status, uint64_t number)
{
    struct vd_deploy *d = ctx;
    if (!vd_deploy_answered(d, status, "L1's height")) {
        return;
    }
    /* Every transaction so far lies that deep. */
    uint64_t depth = d->config.confirmations;
    vd_l1_header(d->config.l1, vd_l1_number(number > depth ? number - depth : 0), on_anchor, d);
}

static void
choose(struct vd_deploy *d)
{
    uint64_t given = d->config.founding->l1_start_number;
    if (d->record.has_anchor) {
        vd_l1_header(d->config.l1, vd_l1_number(d->record.anchor.number), on_anchor, d);
    } else if (given != UINT64_MAX) {
        vd_l1_header(d->config.l1, vd_l1_number(given), on_anchor, d);
    } else if (d->anchor_step_done) {
        vd_deploy_fail(d,
                       "L1 holds the chain's anchor root already, but %s names no anchor block; "
                       "restore that file, or give l1StartingBlockNumber",
                       d->path);
    } else {
        vd_l1_block_number(d->config.l1, on_height, d);
    }
}

static void
on_registry(void *ctx, const struct vd_l1_status *status, struct vd_slice word)
{
    struct vd_deploy_ask *ask = ctx;
    struct vd_deploy *d = ask->d;
    if (!vd_deploy_answered(d, status, "the anchor registry")) {
        return;
    }
    d->anchor_step_done = memcmp(word.ptr, d->plan.steps[ask->index].before.b, 32) != 0;
    choose(d);
}

/* The first step of the finish sets the anchor root. */
void
vd_deploy_anchor(struct vd_deploy *d)
{
    size_t index = 0;
    while (d->plan.steps[index].phase != VD_PHASE_FINISH) {
        index++;
    }
    vd_deploy_read(d, &d->plan.steps[index].read, on_registry, &d->steps[index]);
}
