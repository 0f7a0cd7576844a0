/* Who signs L1 transactions for a role: a key in this process, or a signer over HTTPS that holds it
   (eth_signTransaction, as web3signer and op-signer answer it).

   Roles, deployment and bridge commands ask a signer and never see a key.  A signer lives on the
   loop's thread; every answer comes there, later, never inside the call.  What a remote signer
   returns is not believed: the signed transaction must decode to exactly what was asked for and
   recover to the signer's address, else the answer is VD_ERR_MISMATCH. */
#ifndef VIADUCT_NODE_L1_SIGNER_H
#define VIADUCT_NODE_L1_SIGNER_H

#include <uv.h>

#include "viaduct/core/base/buf.h"

struct vd_key;
struct vd_pool;
struct vd_signer;
struct vd_txm_unsigned;

/* A key in locked memory; the signer takes it and frees it.  Signing runs in the pool. */
VD_MUST_USE enum vd_err vd_signer_local(struct vd_signer **out, uv_loop_t *loop,
                                        struct vd_pool *pool, struct vd_key *key);

/* A remote signer.  Strings are copied.  With https the server's certificate is checked against
   ca_file (NULL: the system's), and client_cert_file and client_key_file (both or neither) identify
   this node.  http is accepted for a loopback address alone. */
struct vd_signer_remote {
    const char *url;
    struct vd_address address; /* the account that signs */
    const char *ca_file;
    const char *client_cert_file;
    const char *client_key_file;
    uint32_t timeout_ms; /* of one request; 0: 10,000 */
};
VD_MUST_USE enum vd_err vd_signer_remote_new(struct vd_signer **out, char *why, size_t why_size,
                                             uv_loop_t *loop,
                                             const struct vd_signer_remote *config);

const struct vd_address *vd_signer_address(const struct vd_signer *signer);

/* Signs an EIP-1559 transaction of chain_id.  raw (EIP-2718) borrows during the callback; on an
   error text says what went wrong.  tx, data included, must live until the answer.  Each call is
   answered exactly once, with VD_ERR_CLOSED after vd_signer_close. */
typedef void (*vd_signer_fn)(void *ctx, enum vd_err err, const char *text, struct vd_slice raw);
void vd_signer_sign(struct vd_signer *signer, uint64_t chain_id, const struct vd_txm_unsigned *tx,
                    vd_signer_fn fn, void *ctx);

/* Answers what is under way, wipes the key, frees; then closed. */
void vd_signer_close(struct vd_signer *signer, void (*closed)(void *ctx), void *ctx);

#endif
