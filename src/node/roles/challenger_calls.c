#include "challenger_calls.h"
#include "viaduct/core/base/constants.h"

/* First bytes of preimage keys (OP Stack specs, fault proof, pre-image key types). */
#define KEY_LOCAL 1u
#define KEY_KECCAK 2u
#define KEY_SHA256 4u
#define KEY_PRECOMPILE 6u

/* A precompile's request: address 20, gas 8, input. */
#define REQUEST_HEAD 28u

/* Room beside the bytes of a preimage: selector, four words and padding. */
#define CALL_OVERHEAD 512u

/* First bytes of tags, by kind. */
static const char kinds[] = {'M', 'S', 'L', 'B', 'C', 'R', 'W', 'P', 'A', 'Q', 'X'};

/* kind 1, game or oracle 20, claim, offset or block 4, attack 1, value 32 */
void
action_tag(uint8_t tag[ACTION_TAG_BYTES], const struct action *action)
{
    uint32_t number = action->kind == ACTION_LOAD ? action->step->vm.offset : action->claim;
    memset(tag, 0, ACTION_TAG_BYTES);
    tag[0] = (uint8_t)kinds[action->kind];
    memcpy(tag + 1, action->proxy.b, 20);
    vd_store_be32(tag + 21, number);
    tag[25] = action->attack;
    memcpy(tag + 26, action->value.b, 32);
}

bool
action_of_tag(enum action_kind *kind, struct vd_slice tag)
{
    for (unsigned i = 0; tag.len == ACTION_TAG_BYTES && i < sizeof kinds; i++) {
        if (tag.ptr[0] == (uint8_t)kinds[i]) {
            *kind = (enum action_kind)i;
            return true;
        }
    }
    return false;
}

static void
call_move(struct vd_abi *data, const struct action *action)
{
    vd_abi_call(data, action->attack ? VD_SELECTOR_ATTACK : VD_SELECTOR_DEFEND);
    vd_abi_hash(data, &action->disputed);
    vd_abi_u64(data, action->claim);
    vd_abi_hash(data, &action->value);
}

static void
call_step(struct vd_abi *data, const struct action *action)
{
    struct vd_slice state = vd_slice(action->step->vm.state, sizeof action->step->vm.state);
    vd_abi_call(data, VD_SELECTOR_STEP);
    vd_abi_u64(data, action->claim);
    vd_abi_u64(data, action->attack);
    vd_abi_u64(data, 4 * 32);
    vd_abi_u64(data, 4 * 32 + vd_abi_bytes_size(state));
    vd_abi_bytes(data, state);
    vd_abi_bytes(data, vd_slice(action->step->vm.proof, action->step->vm.proof_len));
}

/* Local data goes through the game, which knows them; all else straight to the oracle. */
static const struct vd_address *
call_load(struct vd_abi *data, const struct action *action)
{
    const struct vd_vm_witness *vm = &action->step->vm;
    struct vd_slice preimage = action->step->preimage;
    if (vm->key[0] == KEY_LOCAL) {
        vd_abi_call(data, VD_SELECTOR_ADD_LOCAL_DATA);
        vd_abi_u64(data, vm->key[31]);
        vd_abi_u64(data, action->claim);
        vd_abi_u64(data, vm->offset);
        return &action->proxy;
    }
    if (vm->key[0] == KEY_PRECOMPILE && preimage.len >= REQUEST_HEAD) {
        struct vd_address precompile;
        memcpy(precompile.b, preimage.ptr, sizeof precompile.b);
        vd_abi_call(data, VD_SELECTOR_LOAD_PRECOMPILE_PREIMAGE_PART);
        vd_abi_u64(data, vm->offset);
        vd_abi_address(data, &precompile);
        vd_abi_u64(data, vd_load_be64(preimage.ptr + 20));
        vd_abi_u64(data, 4 * 32);
        vd_abi_bytes(data, vd_slice(preimage.ptr + REQUEST_HEAD, preimage.len - REQUEST_HEAD));
        return &action->oracle;
    }
    vd_abi_call(data, vm->key[0] == KEY_SHA256 ? VD_SELECTOR_LOAD_SHA256_PREIMAGE_PART
                                               : VD_SELECTOR_LOAD_KECCAK256_PREIMAGE_PART);
    vd_abi_u64(data, vm->offset);
    vd_abi_u64(data, 2 * 32);
    vd_abi_bytes(data, preimage);
    return &action->oracle;
}

static void
call_block(struct vd_abi *data, const struct action *action)
{
    vd_abi_call(data, VD_SELECTOR_CHALLENGE_ROOT_L2_BLOCK);
    vd_abi_hash(data, &action->output->version);
    vd_abi_hash(data, &action->output->state_root);
    vd_abi_hash(data, &action->output->storage_root);
    vd_abi_hash(data, &action->output->block_hash);
    vd_abi_u64(data, 5 * 32);
    vd_abi_bytes(data, action->output->header);
}

const struct vd_address *
action_call(struct vd_abi *data, const struct action *action, const struct vd_address *account)
{
    switch (action->kind) {
    case ACTION_MOVE:
        call_move(data, action);
        break;
    case ACTION_STEP:
        call_step(data, action);
        break;
    case ACTION_LOAD:
        return call_load(data, action);
    case ACTION_BLOCK:
        call_block(data, action);
        break;
    case ACTION_RESOLVE_CLAIM:
        vd_abi_call(data, VD_SELECTOR_RESOLVE_CLAIM);
        vd_abi_u64(data, action->claim);
        vd_abi_u64(data, action->count);
        break;
    case ACTION_RESOLVE:
        vd_abi_call(data, VD_SELECTOR_RESOLVE);
        break;
    case ACTION_CLAIM:
        vd_abi_call(data, VD_SELECTOR_CLAIM_CREDIT);
        vd_abi_address(data, account);
        break;
    case ACTION_PROPOSE:
        large_call_init(data, &action->large->uuid, action->large->offset,
                        (uint32_t)action->large->preimage.len);
        break;
    case ACTION_ADD:
        large_call_add(data, &action->large->uuid, action->large->preimage,
                       action->large->commitments, action->claim);
        break;
    case ACTION_SQUEEZE:
    case ACTION_REFUTE:
        large_call_pair(data, &action->large->claimant, &action->large->uuid,
                        action->large->blocks);
        break;
    }
    return &action->proxy;
}

uint64_t
action_gas(const struct action *action, struct vd_slice data)
{
    return action->is_blind ? large_gas_of_add(data) : action->gas;
}

bool
action_is_too_large(const struct action *action)
{
    return action->kind == ACTION_LOAD &&
           action->step->preimage.len + CALL_OVERHEAD > VD_TXM_MAX_DATA;
}

bool
action_can_be_proposed(const struct action *action)
{
    return action->step->vm.key[0] == KEY_KECCAK &&
           large_blocks(action->step->preimage.len) <= LARGE_MAX_BLOCKS;
}
