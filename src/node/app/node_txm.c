/* The transaction manager of a role's account. */
#include "node_internal.h"

#include <stdio.h>

enum vd_err
vd_node_txm_open(struct vd_node *n, struct vd_txm_driver **out, char *why, size_t why_size,
                 const struct vd_node_account *account, const struct vd_txm_listener *listener)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.journal", n->config.folder, account->role);
    struct vd_u256 gwei = vd_u256(1000000000);
    struct vd_u256 cap = vd_u256(account->max_fee_gwei);
    struct vd_txm_config config = {.chain_id = n->rollup.l1_chain_id,
                                   .max_fee_cap = vd_u256_mul(&cap, &gwei),
                                   .confirmations = account->confirmations,
                                   .max_in_flight = account->max_in_flight,
                                   .depth_0 = account->confirmations == 0};
    return vd_txm_open(out, why, why_size, n->config.loop, n->config.pool, n->l1, account->signer,
                       path, &config, listener);
}

void
vd_node_txm_log(struct vd_node *n, const char *role, const struct vd_txm_event *event)
{
    if (event->kind == VD_TXM_STUCK) {
        vd_log(n->config.logger, VD_LOG_WARN, role, "transaction of nonce %llu waits: %s",
               (unsigned long long)event->nonce, event->text);
    }
}
