#include "viaduct/node/platform/curves.h"

#include <secp256k1_recovery.h>

#include "viaduct/core/crypto/keccak.h"

/* The library's static context serves recovery; signing and deriving a public key need one of
   their own, made for each call. */

static struct vd_address
public_key_address(const secp256k1_context *context, const secp256k1_pubkey *key)
{
    uint8_t bytes[65];
    size_t len = sizeof bytes;
    secp256k1_ec_pubkey_serialize(context, bytes, &len, key, SECP256K1_EC_UNCOMPRESSED);
    struct vd_hash hash = vd_keccak256(vd_slice(bytes + 1, 64));
    struct vd_address address;
    memcpy(address.b, hash.b + 12, sizeof address.b);
    return address;
}

static enum vd_err
recover(void *ctx, struct vd_address *out, bool *valid, const struct vd_hash *hash,
        const uint8_t signature[64], uint8_t y_parity)
{
    (void)ctx;
    secp256k1_ecdsa_recoverable_signature parsed;
    secp256k1_pubkey key;
    *valid = y_parity <= 1 &&
             secp256k1_ecdsa_recoverable_signature_parse_compact(secp256k1_context_static, &parsed,
                                                                 signature, y_parity) == 1 &&
             secp256k1_ecdsa_recover(secp256k1_context_static, &key, &parsed, hash->b) == 1;
    if (*valid) {
        *out = public_key_address(secp256k1_context_static, &key);
    }
    return VD_OK;
}

const struct vd_curves *
vd_curves_host(void)
{
    static const struct vd_curves curves = {.recover = recover};
    return &curves;
}

enum vd_err
vd_key_to_address(struct vd_address *address, const uint8_t secret[32])
{
    secp256k1_context *context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    secp256k1_pubkey key;
    enum vd_err err = VD_ERR_INVALID;
    if (secp256k1_ec_pubkey_create(context, &key, secret) == 1) {
        *address = public_key_address(context, &key);
        err = VD_OK;
    }
    secp256k1_context_destroy(context);
    return err;
}

enum vd_err
vd_sign_hash(uint8_t signature[64], uint8_t *y_parity, const struct vd_hash *hash,
             const uint8_t secret[32])
{
    secp256k1_context *context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    secp256k1_ecdsa_recoverable_signature signed_hash;
    enum vd_err err = VD_ERR_INVALID;
    if (secp256k1_ecdsa_sign_recoverable(context, &signed_hash, hash->b, secret, NULL, NULL) == 1) {
        int recovery = 0;
        secp256k1_ecdsa_recoverable_signature_serialize_compact(context, signature, &recovery,
                                                                &signed_hash);
        *y_parity = (uint8_t)(recovery & 1);
        err = VD_OK;
    }
    secp256k1_context_destroy(context);
    return err;
}
