/* Output roots and messages from L2 to L1 (OP Stack specs, proposals and withdrawals). */
#include "viaduct/core/base/constants.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/rollup/config.h"

static void
hash_bytes(struct vd_keccak *k, const uint8_t *bytes, size_t len)
{
    vd_keccak_update(k, vd_slice(bytes, len));
}

static void
hash_word(struct vd_keccak *k, const struct vd_u256 *word)
{
    uint8_t bytes[32];
    vd_u256_to_be(bytes, word);
    hash_bytes(k, bytes, sizeof bytes);
}

static void
hash_address(struct vd_keccak *k, const struct vd_address *address)
{
    uint8_t bytes[32] = {0};
    memcpy(bytes + 12, address->b, sizeof address->b);
    hash_bytes(k, bytes, sizeof bytes);
}

struct vd_hash
vd_output_root(const struct vd_hash *state_root, const struct vd_hash *message_passer_root,
               const struct vd_hash *block_hash)
{
    static const uint8_t version0[32] = {0};
    struct vd_keccak k;
    vd_keccak_init(&k);
    hash_bytes(&k, version0, sizeof version0);
    hash_bytes(&k, state_root->b, sizeof state_root->b);
    hash_bytes(&k, message_passer_root->b, sizeof message_passer_root->b);
    hash_bytes(&k, block_hash->b, sizeof block_hash->b);
    return vd_keccak_final(&k);
}

struct vd_hash
vd_withdrawal_hash(const struct vd_withdrawal_message *message)
{
    static const uint8_t zeros[32] = {0};
    struct vd_u256 tail = vd_u256(6 * 32);
    struct vd_u256 len = vd_u256(message->data.len);
    struct vd_keccak k;
    vd_keccak_init(&k);
    hash_word(&k, &message->nonce);
    hash_address(&k, &message->sender);
    hash_address(&k, &message->target);
    hash_word(&k, &message->value);
    hash_word(&k, &message->gas_limit);
    hash_word(&k, &tail);
    hash_word(&k, &len);
    vd_keccak_update(&k, message->data);
    hash_bytes(&k, zeros, (32 - message->data.len % 32) % 32);
    return vd_keccak_final(&k);
}

struct vd_hash
vd_withdrawal_slot(const struct vd_hash *withdrawal_hash)
{
    uint8_t words[64] = {0};
    memcpy(words, withdrawal_hash->b, sizeof withdrawal_hash->b);
    return vd_keccak256(vd_slice(words, sizeof words));
}

/* abi.encode(value, gasLimit, data, withdrawalHash) with the tail where solc puts it. */
static bool
read_passed_data(struct vd_withdrawal_message *message, struct vd_hash *hash, struct vd_slice data)
{
    if (data.len < 5 * 32)
        return false;
    message->value = vd_u256_from_be(data.ptr);
    message->gas_limit = vd_u256_from_be(data.ptr + 32);
    struct vd_u256 tail = vd_u256_from_be(data.ptr + 64);
    struct vd_u256 len = vd_u256_from_be(data.ptr + 128);
    memcpy(hash->b, data.ptr + 96, sizeof hash->b);
    if (!vd_u256_fits_u64(&tail) || tail.w[0] != 128 || !vd_u256_fits_u64(&len) ||
        len.w[0] > data.len - 160)
        return false;
    message->data = vd_slice(data.ptr + 160, (size_t)len.w[0]);
    return true;
}

enum vd_err
vd_withdrawal_from_log(struct vd_withdrawal_message *message, struct vd_hash *withdrawal_hash,
                       const struct vd_log *log)
{
    if (!vd_address_eq(&log->address, &VD_L2_TO_L1_MESSAGE_PASSER) || log->topic_count == 0 ||
        !vd_hash_eq(&log->topics[0], &VD_TOPIC_MESSAGE_PASSED))
        return VD_ERR_NOT_FOUND;
    *message = (struct vd_withdrawal_message){.nonce = vd_u256_from_be(log->topics[1].b)};
    if (log->topic_count != 4 || !read_passed_data(message, withdrawal_hash, log->data))
        return VD_ERR_INVALID;
    memcpy(message->sender.b, log->topics[2].b + 12, sizeof message->sender.b);
    memcpy(message->target.b, log->topics[3].b + 12, sizeof message->target.b);
    struct vd_hash hash = vd_withdrawal_hash(message);
    return vd_hash_eq(&hash, withdrawal_hash) ? VD_OK : VD_ERR_MISMATCH;
}

struct vd_address
vd_l1_alias(const struct vd_address *l1)
{
    struct vd_address l2;
    unsigned carry = 0;
    for (size_t i = sizeof l2.b; i-- > 0;) {
        unsigned sum = l1->b[i] + VD_ALIAS_OFFSET.b[i] + carry;
        l2.b[i] = (uint8_t)sum;
        carry = sum >> 8;
    }
    return l2;
}
