#include "signers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file_read.h"
#include "keystore_files.h"
#include "password.h"
#include "viaduct/node/l1/key.h"

static void
set_tls(struct vd_role_key_options *keys, const struct vd_options *options)
{
    keys->signer_ca = options->signer_ca;
    keys->signer_cert = options->signer_cert;
    keys->signer_key = options->signer_key;
    keys->signer_timeout_ms = options->signer_timeout_ms;
}

struct vd_role_key_options
vd_batcher_key_options(const struct vd_options *options)
{
    struct vd_role_key_options keys = {.role = "batcher",
                                       .prefix = "batcher-",
                                       .key_file = options->batcher_key_file,
                                       .keystore = options->batcher_keystore,
                                       .password_file = options->batcher_password_file,
                                       .signer = options->batcher_signer,
                                       .signer_address = options->batcher_signer_address};
    set_tls(&keys, options);
    return keys;
}

struct vd_role_key_options
vd_proposer_key_options(const struct vd_options *options)
{
    struct vd_role_key_options keys = {.role = "proposer",
                                       .prefix = "proposer-",
                                       .key_file = options->proposer_key_file,
                                       .keystore = options->proposer_keystore,
                                       .password_file = options->proposer_password_file,
                                       .signer = options->proposer_signer,
                                       .signer_address = options->proposer_signer_address};
    set_tls(&keys, options);
    return keys;
}

struct vd_role_key_options
vd_challenger_key_options(const struct vd_options *options)
{
    struct vd_role_key_options keys = {.role = "challenger",
                                       .prefix = "challenger-",
                                       .key_file = options->challenger_key_file,
                                       .keystore = options->challenger_keystore,
                                       .password_file = options->challenger_password_file,
                                       .signer = options->challenger_signer,
                                       .signer_address = options->challenger_signer_address};
    set_tls(&keys, options);
    return keys;
}

struct vd_role_key_options
vd_command_key_options(const struct vd_options *options, const char *role)
{
    struct vd_role_key_options keys = {.role = role,
                                       .prefix = "",
                                       .key_file = options->key_file,
                                       .keystore = options->keystore,
                                       .password_file = options->password_file,
                                       .signer = options->signer,
                                       .signer_address = options->signer_address};
    set_tls(&keys, options);
    return keys;
}

/* --- one source, whole --- */

static bool
check(const struct vd_role_key_options *o, char *error, size_t error_len)
{
    const char *p = o->prefix;
    int sources = (o->key_file != NULL) + (o->keystore != NULL) + (o->signer != NULL);
    if (sources == 0) {
        snprintf(error, error_len,
                 "the %s has no key; give --%skeystore FILE, or --%ssigner URL with "
                 "--%ssigner-address ADDRESS, or for development --%skey-file FILE",
                 o->role, p, p, p, p);
    } else if (sources > 1) {
        snprintf(error, error_len,
                 "the %s has more than one key; give one of --%skeystore, --%ssigner and "
                 "--%skey-file",
                 o->role, p, p, p);
    } else if (o->password_file && !o->keystore) {
        snprintf(error, error_len, "--%spassword-file is given without --%skeystore", p, p);
    } else if ((o->signer != NULL) != (o->signer_address != NULL)) {
        snprintf(error, error_len,
                 "--%ssigner and --%ssigner-address go together; --%s%s is missing", p, p, p,
                 o->signer ? "signer-address" : "signer");
    } else {
        return true;
    }
    return false;
}

static bool
load_keystore(struct vd_key **out, const struct vd_role_key_options *o, char *error,
              size_t error_len)
{
    char *text;
    size_t len;
    char why[256];
    char prompt[600];
    struct vd_password password = {0};
    if (!vd_keystore_file_read(&text, &len, o->keystore, error, error_len)) {
        return false;
    }
    snprintf(prompt, sizeof prompt, "Password of the %s's keystore %.500s:", o->role, o->keystore);
    bool good = o->password_file ? vd_password_read(&password, o->password_file, error, error_len)
                                 : vd_password_ask(&password, prompt, error, error_len);
    if (good && vd_key_from_keystore(out, why, sizeof why, vd_slice((const uint8_t *)text, len),
                                     vd_password_view(&password)) != VD_OK) {
        snprintf(error, error_len, "keystore %s: %s", o->keystore, why);
        good = false;
    }
    vd_password_deinit(&password);
    free(text);
    return good;
}

static bool
open_local(struct vd_signer **out, const struct vd_role_key_options *o, uv_loop_t *loop,
           struct vd_pool *pool, char *error, size_t error_len)
{
    struct vd_key *key = NULL;
    bool loaded = o->keystore ? load_keystore(&key, o, error, error_len)
                              : vd_key_load(&key, error, error_len, o->key_file) == VD_OK;
    if (!loaded) {
        return false;
    }
    if (vd_signer_local(out, loop, pool, key) != VD_OK) {
        snprintf(error, error_len, "the %s's signer: out of memory", o->role);
        return false;
    }
    return true;
}

static bool
open_remote(struct vd_signer **out, const struct vd_role_key_options *o, uv_loop_t *loop,
            char *error, size_t error_len)
{
    char why[400];
    struct vd_signer_remote remote = {.url = o->signer,
                                      .ca_file = o->signer_ca,
                                      .client_cert_file = o->signer_cert,
                                      .client_key_file = o->signer_key,
                                      .timeout_ms = (uint32_t)o->signer_timeout_ms};
    if (!vd_file_parse_fixed(remote.address.b, sizeof remote.address.b, o->signer_address)) {
        snprintf(error, error_len, "--%ssigner-address must be 0x and 40 hex digits", o->prefix);
        return false;
    }
    if (vd_signer_remote_new(out, why, sizeof why, loop, &remote) != VD_OK) {
        snprintf(error, error_len, "--%ssigner: %s", o->prefix, why);
        return false;
    }
    return true;
}

bool
vd_signer_from_options(struct vd_signer **out, const struct vd_role_key_options *options,
                       uv_loop_t *loop, struct vd_pool *pool, char *error, size_t error_len)
{
    return check(options, error, error_len) &&
           (options->signer ? open_remote(out, options, loop, error, error_len)
                            : open_local(out, options, loop, pool, error, error_len));
}

bool
vd_signers_differ(const struct vd_signer *a, const char *role_a, const struct vd_signer *b,
                  const char *role_b, char *error, size_t error_len)
{
    if (!a || !b || !vd_address_eq(vd_signer_address(a), vd_signer_address(b))) {
        return true;
    }
    char digits[41] = {0};
    vd_hex_encode(digits, vd_signer_address(a)->b, 20);
    snprintf(error, error_len,
             "%s and %s have the same account 0x%s: both would use its nonces and replace one "
             "another's transactions; give each role its own key",
             role_a, role_b, digits);
    return false;
}
