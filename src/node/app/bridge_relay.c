/* Messages that a messenger could not deliver.  The messenger keeps such a message, with its ether,
   and its transaction succeeds: only the event tells (OP Stack specs, cross-domain messengers). */
#include <stdio.h>

#include "bridge.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/core/crypto/keccak.h"

/* Of one transaction: L1's and L2's bound alike (EIP-7825). */
#define MAX_GAS ((uint64_t)1 << 24)

static bool
says_failed(const struct bridge_receipt *receipt, const struct vd_address *messenger,
            const struct vd_hash *message)
{
    for (size_t i = 0; i < receipt->log_count; i++) {
        const struct vd_log *log = &receipt->logs[i];
        if (log->topic_count == 2 && vd_address_eq(&log->address, messenger) &&
            vd_hash_eq(&log->topics[0], &VD_TOPIC_FAILED_RELAYED_MESSAGE) &&
            vd_hash_eq(&log->topics[1], message)) {
            return true;
        }
    }
    return false;
}

bool
bridge_relay_failed(struct bridge *b, bool *failed, const struct bridge_receipt *receipt,
                    const struct bridge_relay *relay)
{
    struct vd_abi call;
    struct vd_slice answer;
    struct vd_hash message = vd_keccak256(relay->calldata);
    bool replayed = false;
    *failed = says_failed(receipt, &relay->messenger, &message);
    if (!*failed) {
        return true;
    }
    vd_abi_signature(&call, "successfulMessages(bytes32)");
    vd_abi_hash(&call, &message);
    if (!bridge_call(b, relay->layer, &answer, NULL, &relay->messenger, &call)) {
        return false;
    }
    *failed = !vd_abi_read_bool(&replayed, answer, 0) || !replayed;
    return true;
}

/* Twice the gas of the first time, which may have been too little.  An estimate would not do: too
   little gas makes the message fail again and not the transaction. */
void
bridge_print_replay(const struct bridge *b, const struct bridge_relay *relay)
{
    uint64_t gas = relay->gas < MAX_GAS / 2 ? 2 * relay->gas : MAX_GAS;
    if (b->quiet) {
        return;
    }
    printf("%-22s cast send --rpc-url $VIADUCT_%s --private-key $KEY --gas-limit %llu %s 0x",
           "replay", bridge_layer(b, relay->layer), (unsigned long long)gas,
           bridge_hex(relay->messenger.b, 20).text);
    for (size_t i = 0; i < relay->calldata.len; i++) {
        printf("%02x", relay->calldata.ptr[i]);
    }
    printf("\n");
}

bool
bridge_fail_relay(struct bridge *b, const struct bridge_relay *relay)
{
    struct vd_hash message = vd_keccak256(relay->calldata);
    return bridge_fail(b,
                       "%s: the message %s failed in the messenger %s, which keeps it: nothing was "
                       "delivered; any account may replay it there, with more gas or once the "
                       "cause is gone",
                       bridge_layer(b, relay->layer), bridge_hex(message.b, 32).text,
                       bridge_hex(relay->messenger.b, 20).text);
}
