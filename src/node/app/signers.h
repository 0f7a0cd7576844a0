/* Where the key of a role or of a command comes from, and the signer made of it.

   Three sources, of which exactly one is given: a keystore file with its password, a remote signer,
   or a plain key file, which is for development.  Each message names the options as the user types
   them. */
#ifndef VIADUCT_NODE_APP_SIGNERS_H
#define VIADUCT_NODE_APP_SIGNERS_H

#include <uv.h>

#include "options.h"
#include "viaduct/node/l1/signer.h"

/* What was given; NULL: not given.  All texts are borrowed during the call. */
struct vd_role_key_options {
    const char *role;   /* for messages: "batcher", "proposer", "deployer" */
    const char *prefix; /* of the flags in messages: "batcher-" for --batcher-keystore, or "" */
    const char *key_file;
    const char *keystore;
    const char *password_file; /* of the keystore; not given: asked for on the terminal */
    const char *signer;        /* URL */
    const char *signer_address;
    const char *signer_ca;
    const char *signer_cert;
    const char *signer_key;
    uint64_t signer_timeout_ms;
};

/* The key options of a role of `viaduct node`, and those of a command that signs for itself:
   --key-file, --keystore with --password-file, --signer with --signer-address.  role as above. */
struct vd_role_key_options vd_batcher_key_options(const struct vd_options *options);
struct vd_role_key_options vd_proposer_key_options(const struct vd_options *options);
struct vd_role_key_options vd_challenger_key_options(const struct vd_options *options);
struct vd_role_key_options vd_command_key_options(const struct vd_options *options,
                                                  const char *role);

/* vd_signer_from_options makes the signer.  It may ask for a password on the terminal and
   decrypting takes a second, so it is called before anything is served.  false: error says what is
   wrong and what to do.  The caller closes the signer with vd_signer_close, after all that uses it
   and before the pool. */
bool vd_signer_from_options(struct vd_signer **out, const struct vd_role_key_options *options,
                            uv_loop_t *loop, struct vd_pool *pool, char *error, size_t error_len);

/* Two roles with one key would fight over its nonces: false with a message when both signers
   (either may be NULL) have the same address. */
bool vd_signers_differ(const struct vd_signer *a, const char *role_a, const struct vd_signer *b,
                       const char *role_b, char *error, size_t error_len);

#endif
