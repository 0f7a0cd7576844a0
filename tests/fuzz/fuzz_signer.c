/* What a remote signer answers: refused with printable text, or exactly the transaction that it was
   asked to sign, by its account. */
#include <ctype.h>
#include <stdlib.h>

#include "node/l1/signer_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* The account of the key 0x…01, which signed the corpus. */
    static struct vd_signer signer = {
        .address = {{0x7e, 0x5f, 0x45, 0x52, 0x09, 0x1a, 0x69, 0x12, 0x5d, 0x5d,
                     0xfc, 0xb7, 0xb8, 0xc2, 0x65, 0x90, 0x29, 0x39, 0x5b, 0xdf}}};
    static const enum vd_err statuses[] = {VD_OK, VD_ERR_REFUSED};
    for (size_t i = 0; i < 2; i++) {
        struct vd_signer_call call = {.signer = &signer,
                                      .chain_id = 900,
                                      .tx = {.to = {{0xaa}},
                                             .gas_limit = 21000,
                                             .nonce = 1,
                                             .max_fee = vd_u256(2),
                                             .max_priority_fee = vd_u256(1)}};
        struct vd_http_result result = {
            .err = statuses[i], .body = vd_slice(data, size), .detail = "HTTP status 500"};
        vd_signer_read_answer(&call, &result);
        VD_ASSERT((call.err == VD_OK) == (call.text[0] == '\0'));
        VD_ASSERT(i == 0 || call.err != VD_OK);
        for (const char *c = call.text; *c != '\0'; c++)
            VD_ASSERT(isprint((unsigned char)*c));
        free(call.memory);
    }
    return 0;
}
