/* A request text: it is answered exactly once, and what is answered is JSON (or nothing, for
   notifications). */
#include "viaduct/node/net/jsonrpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct vd_rpc_done *
take_all(struct vd_rpc_call *call, void *ctx)
{
    struct vd_address address;
    struct vd_slice bytes;
    struct vd_u256 number;
    struct vd_rpc_block block;
    const json_t *any;
    (void)ctx;
    const struct vd_rpc_done *bad = vd_rpc_params(
        call, VD_PARAM_ADDRESS(&address), VD_PARAM_DATA(&bytes), VD_PARAM_U256(&number),
        VD_PARAM_BLOCK_OR_HASH_OPT(&block), VD_PARAM_JSON_OPT(&any));
    return bad != NULL ? bad : vd_rpc_reply_data(call, bytes);
}

static const struct vd_rpc_method methods[] = {{"a", take_all, VD_RPC_LOOP}};

static void
on_answer(void *ctx, struct vd_json *answer)
{
    unsigned *answers = ctx;
    (*answers)++;
    VD_ASSERT(answer->err == VD_OK);
    if (answer->len == 0)
        return;
    json_t *root = json_loadb(answer->ptr, answer->len, JSON_ALLOW_NUL, NULL);
    VD_ASSERT(root != NULL);
    json_decref(root);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uv_loop_t loop;
    static struct vd_rpc *rpc;
    unsigned answers = 0;
    if (rpc == NULL) {
        struct vd_rpc_limits limits = {.max_batch = 8, .max_response_bytes = 500};
        VD_ASSERT(uv_loop_init(&loop) == 0);
        VD_ASSERT(vd_rpc_new(&rpc, &loop, NULL, &limits) == VD_OK);
        VD_ASSERT(vd_rpc_add(rpc, methods, 1, NULL) == VD_OK);
    }
    vd_rpc_submit(rpc, vd_slice(data, size), on_answer, &answers);
    VD_ASSERT(answers == 1);
    return 0;
}
