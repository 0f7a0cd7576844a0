/* The accounts of an L2 genesis state (OP Stack specs, predeploys and preinstalls).

   All 2048 addresses from 0x4200…0000 on hold a proxy that the ProxyAdmin at 0x4200…0018 may
   upgrade, but for WETH and the GovernanceToken, which stand there themselves if at all.  The
   implementation of the one at 0x4200…xxxx stands at 0xc0d3…xxxx.  Nothing runs: what constructors
   and initializers would leave in storage is written here. */
#include <string.h>

#include "founding.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/artifacts.h"

#define MAX_SLOTS 8u

/* A writer of accounts. */
struct state {
    struct vd_arena *arena;
    const struct vd_founding *founding;
    struct vd_genesis_account *accounts;
    size_t count;
    size_t room;
    const char *missing;
    bool no_memory;
};

/* The slots of one account while they are gathered. */
struct slots {
    struct vd_genesis_slot slot[MAX_SLOTS];
    size_t count;
};

static void
put(struct slots *s, struct vd_u256 key, struct vd_u256 value)
{
    VD_ASSERT(s->count < MAX_SLOTS);
    s->slot[s->count++] = (struct vd_genesis_slot){key, value};
}

static struct vd_u256
address_word(const struct vd_address *address)
{
    return vd_u256_from_slice(vd_slice(address->b, 20));
}

static void
put_address(struct slots *s, uint64_t key, const struct vd_address *address)
{
    put(s, vd_u256(key), address_word(address));
}

/* Version of OpenZeppelin's Initializable: its storage namespace (ERC-7201)
   "openzeppelin.storage.Initializable". */
static void
put_initialized(struct slots *s, uint64_t version)
{
    static const uint8_t key[32] = {0xf0, 0xc5, 0x7e, 0x16, 0x84, 0x0d, 0xf0, 0x40,
                                    0xf1, 0x50, 0x88, 0xdc, 0x2f, 0x81, 0xfe, 0x39,
                                    0x1c, 0x39, 0x23, 0xbe, 0xc7, 0x3e, 0x23, 0xa9,
                                    0x66, 0x2e, 0xfc, 0x9c, 0x22, 0x9c, 0x6a, 0x00};
    put(s, vd_u256_from_be(key), vd_u256(version));
}

static struct vd_genesis_account *
add(struct state *s, const struct vd_address *address)
{
    VD_ASSERT(s->count < s->room);
    struct vd_genesis_account *account = &s->accounts[s->count++];
    *account = (struct vd_genesis_account){.address = *address};
    return account;
}

static struct vd_slice
code(struct state *s, const char *artifact)
{
    const struct vd_artifact *found = vd_artifact_find(artifact);
    if (!found) {
        s->missing = artifact;
        return vd_slice(NULL, 0);
    }
    return vd_slice(found->code, found->code_len);
}

static void
set_slots(struct state *s, struct vd_genesis_account *account, const struct slots *slots)
{
    struct vd_genesis_slot *copy = VD_ARENA_NEW(s->arena, struct vd_genesis_slot, slots->count + 1);
    if (!copy) {
        s->no_memory = true;
        return;
    }
    memcpy(copy, slots->slot, slots->count * sizeof copy[0]);
    account->slots = copy;
    account->slot_count = slots->count;
}

/* --- what initializers would write --- */

static void
messenger_slots(struct slots *s, const struct vd_founding *f)
{
    put_address(s, 204, &VD_DEFAULT_L2_SENDER);
    put_address(s, 207, &f->l1.l1_cross_domain_messenger);
}

static void
bridge_slots(struct slots *s, const struct vd_founding *f)
{
    put_address(s, 3, &VD_L2_CROSS_DOMAIN_MESSENGER);
    put_address(s, 4, &f->l1.l1_standard_bridge);
}

static void
nft_bridge_slots(struct slots *s, const struct vd_founding *f)
{
    put_address(s, 1, &VD_L2_CROSS_DOMAIN_MESSENGER);
    put_address(s, 2, &f->l1.l1_erc721_bridge);
}

static void
token_factory_slots(struct slots *s, const struct vd_founding *f)
{
    (void)f;
    put_address(s, 1, &VD_L2_STANDARD_BRIDGE);
}

static void
nft_factory_slots(struct slots *s, const struct vd_founding *f)
{
    put_address(s, 1, &VD_L2_ERC721_BRIDGE);
    put(s, vd_u256(2), vd_u256(f->l1_chain_id));
}

/* isEcotone, isFjord, isIsthmus. */
static void
oracle_slots(struct slots *s, const struct vd_founding *f)
{
    (void)f;
    put(s, vd_u256(0), vd_u256(0x010101));
}

static void
admin_slots(struct slots *s, const struct vd_founding *f)
{
    put_address(s, 0, &f->l2_proxy_owner);
}

static void
vault_slots(struct slots *s, const struct vd_fee_vault *vault)
{
    struct vd_u256 packed = address_word(&vault->recipient);
    packed.w[2] |= (uint64_t)vault->network << 32; /* bits 160 to 167 */
    put(s, vd_u256(1), vault->minimum);
    put(s, vd_u256(2), packed);
}

static void
sequencer_vault_slots(struct slots *s, const struct vd_founding *f)
{
    vault_slots(s, &f->sequencer_vault);
}

static void
base_fee_vault_slots(struct slots *s, const struct vd_founding *f)
{
    vault_slots(s, &f->base_fee_vault);
}

static void
l1_fee_vault_slots(struct slots *s, const struct vd_founding *f)
{
    vault_slots(s, &f->l1_fee_vault);
}

static void
operator_fee_vault_slots(struct slots *s, const struct vd_founding *f)
{
    vault_slots(s, &f->operator_fee_vault);
}

/* Its name, as the constructor writes it: a short string ends with twice its length. */
static void
eas_slots(struct slots *s, const struct vd_founding *f)
{
    static const uint8_t name[32] = {'E', 'A', 'S', [31] = 2 * 3};
    (void)f;
    put(s, vd_u256(2), vd_u256_from_be(name));
}

/* --- the predeploys --- */

struct predeploy {
    uint16_t id;
    const char *artifact;
    void (*slots)(struct slots *s, const struct vd_founding *f); /* of the proxy; may be NULL */
    bool initializable; /* proxy at version 1, implementation locked */
};
static const struct predeploy predeploys[] = {
    {0x00, "LegacyMessagePasser", NULL, false},
    {0x02, "DeployerWhitelist", NULL, false},
    {0x07, "L2CrossDomainMessenger", messenger_slots, true},
    {0x0f, "GasPriceOracle", oracle_slots, false},
    {0x10, "L2StandardBridge", bridge_slots, true},
    {0x11, "SequencerFeeVault", sequencer_vault_slots, false},
    {0x12, "OptimismMintableERC20Factory", token_factory_slots, true},
    {0x13, "L1BlockNumber", NULL, false},
    {0x14, "L2ERC721Bridge", nft_bridge_slots, true},
    {0x15, "L1Block", NULL, false},
    {0x16, "L2ToL1MessagePasser", NULL, false},
    {0x17, "OptimismMintableERC721Factory", nft_factory_slots, true},
    {0x18, "ProxyAdmin", admin_slots, false},
    {0x19, "BaseFeeVault", base_fee_vault_slots, false},
    {0x1a, "L1FeeVault", l1_fee_vault_slots, false},
    {0x1b, "OperatorFeeVault", operator_fee_vault_slots, false},
    {0x20, "SchemaRegistry", NULL, false},
    {0x21, "EAS", eas_slots, false},
};
#define PREDEPLOYS (sizeof predeploys / sizeof predeploys[0])
#define WETH_ID 0x06u
#define GOVERNANCE_TOKEN_ID 0x42u

static struct vd_address
numbered(const struct vd_address *base, unsigned id)
{
    struct vd_address address = *base;
    address.b[18] = (uint8_t)(id >> 8);
    address.b[19] = (uint8_t)id;
    return address;
}

static const struct predeploy *
find(unsigned id)
{
    for (size_t i = 0; i < PREDEPLOYS; i++) {
        if (predeploys[i].id == id) {
            return &predeploys[i];
        }
    }
    return NULL;
}

static void
add_proxy(struct state *s, unsigned id, struct vd_slice proxy_code)
{
    const struct predeploy *predeploy = find(id);
    struct vd_address address = numbered(&VD_PREDEPLOY_BASE, id);
    struct vd_address implementation = numbered(&VD_CODE_NAMESPACE, id);
    struct slots slots = {.count = 0};
    put(&slots, vd_u256_from_be(VD_SLOT_PROXY_ADMIN.b), address_word(&VD_L2_PROXY_ADMIN));
    if (predeploy) {
        put(&slots, vd_u256_from_be(VD_SLOT_PROXY_IMPLEMENTATION.b), address_word(&implementation));
    }
    if (predeploy && predeploy->slots) {
        predeploy->slots(&slots, s->founding);
    }
    if (predeploy && predeploy->initializable) {
        put_initialized(&slots, 1);
    }
    struct vd_genesis_account *account = add(s, &address);
    account->code = proxy_code;
    set_slots(s, account, &slots);
}

static void
add_implementation(struct state *s, const struct predeploy *predeploy)
{
    struct vd_address address = numbered(&VD_CODE_NAMESPACE, predeploy->id);
    struct vd_genesis_account *account = add(s, &address);
    account->code = code(s, predeploy->artifact);
    if (predeploy->initializable) {
        struct slots slots = {.count = 0};
        put_initialized(&slots, UINT64_MAX);
        set_slots(s, account, &slots);
    }
}

static void
add_predeploys(struct state *s)
{
    struct vd_slice proxy = code(s, "Proxy");
    for (unsigned id = 0; id < VD_PREDEPLOY_COUNT; id++) {
        if (id != WETH_ID && id != GOVERNANCE_TOKEN_ID) {
            add_proxy(s, id, proxy);
        }
    }
    add(s, &VD_WETH)->code = code(s, "WETH");
    for (size_t i = 0; i < PREDEPLOYS; i++) {
        add_implementation(s, &predeploys[i]);
    }
}

/* --- the rest --- */

/* Funds on top of what stands there already: an address has one account. */
static void
add_funds(struct state *s, const struct vd_genesis_account *funded)
{
    for (size_t i = 0; i < s->count; i++) {
        if (memcmp(s->accounts[i].address.b, funded->address.b, 20) == 0) {
            s->accounts[i].balance = vd_u256_add(&s->accounts[i].balance, &funded->balance);
            return;
        }
    }
    add(s, &funded->address)->balance = funded->balance;
}

struct placed {
    const char *artifact;
    const struct vd_address *address;
    bool
        is_safe; /* slot 4, the threshold, is 1, as the constructor leaves it: nobody's to set up */
};
static const struct placed placed[] = {
    {"BeaconRoots", &VD_BEACON_ROOTS, false},
    {"HistoryStorage", &VD_HISTORY_STORAGE, false},
    {"DeterministicDeploymentProxy", &VD_PREINSTALL_DETERMINISTIC_DEPLOYER, false},
    {"SafeSingletonFactory", &VD_PREINSTALL_SAFE_SINGLETON_FACTORY, false},
    {"Multicall3", &VD_PREINSTALL_MULTICALL3, false},
    {"Create2Deployer", &VD_PREINSTALL_CREATE2_DEPLOYER, false},
    {"CreateX", &VD_PREINSTALL_CREATE_X, false},
    {"Safe", &VD_PREINSTALL_SAFE, true},
    {"SafeL2", &VD_PREINSTALL_SAFE_L2, true},
    {"MultiSend", &VD_PREINSTALL_MULTI_SEND, false},
    {"MultiSendCallOnly", &VD_PREINSTALL_MULTI_SEND_CALL_ONLY, false},
    {"EntryPoint06", &VD_PREINSTALL_ENTRY_POINT_06, false},
    {"SenderCreator06", &VD_PREINSTALL_SENDER_CREATOR_06, false},
    {"EntryPoint07", &VD_PREINSTALL_ENTRY_POINT_07, false},
    {"SenderCreator07", &VD_PREINSTALL_SENDER_CREATOR_07, false},
};
#define PLACED (sizeof placed / sizeof placed[0])

static void
add_placed(struct state *s, const struct placed *row)
{
    struct vd_genesis_account *account = add(s, row->address);
    account->code = code(s, row->artifact);
    if (row->is_safe) {
        struct slots slots = {.count = 0};
        put(&slots, vd_u256(4), vd_u256(1));
        set_slots(s, account, &slots);
    }
}

static struct vd_hash
hash_text(const char *text)
{
    return vd_keccak256(vd_slice((const uint8_t *)text, strlen(text)));
}

/* EIP-712 domain of Permit2 on this chain. */
static struct vd_hash
permit2_domain(const uint8_t chain_id[32])
{
    uint8_t bytes[128] = {0};
    struct vd_hash type =
        hash_text("EIP712Domain(string name,uint256 chainId,address verifyingContract)");
    struct vd_hash name = hash_text("Permit2");
    memcpy(bytes, type.b, 32);
    memcpy(bytes + 32, name.b, 32);
    memcpy(bytes + 64, chain_id, 32);
    memcpy(bytes + 108, VD_PREINSTALL_PERMIT2.b, 20);
    return vd_keccak256(vd_slice(bytes, sizeof bytes));
}

/* Where the compiler put the two immutables that Permit2's constructor computes; zero in the
   artifact. */
#define PERMIT2_CHAIN_ID 6945u
#define PERMIT2_DOMAIN 6983u

static void
add_permit2(struct state *s)
{
    struct vd_slice artifact = code(s, "Permit2");
    uint8_t *copy = vd_arena_copy(s->arena, artifact);
    uint8_t chain_id[32] = {0};
    if (!copy || artifact.len < PERMIT2_DOMAIN + 32) {
        s->no_memory = true;
        return;
    }
    vd_store_be64(chain_id + 24, s->founding->l2_chain_id);
    struct vd_hash domain = permit2_domain(chain_id);
    memcpy(copy + PERMIT2_CHAIN_ID, chain_id, 32);
    memcpy(copy + PERMIT2_DOMAIN, domain.b, 32);
    add(s, &VD_PREINSTALL_PERMIT2)->code = vd_slice(copy, artifact.len);
}

static void
add_rest(struct state *s)
{
    for (unsigned i = 0; i < VD_PRECOMPILE_COUNT; i++) {
        struct vd_address address = {{[19] = (uint8_t)i}};
        add(s, &address)->balance = vd_u256(1);
    }
    for (size_t i = 0; i < PLACED; i++) {
        add_placed(s, &placed[i]);
    }
    add_permit2(s);
    for (size_t i = 0; i < s->founding->funded_count; i++) {
        add_funds(s, &s->founding->funded[i]);
    }
}

bool
vd_founding_state(struct vd_genesis *genesis, struct vd_arena *arena,
                  const struct vd_founding *founding, const char **missing)
{
    struct state s = {.arena = arena,
                      .founding = founding,
                      .room = VD_PREDEPLOY_COUNT + PREDEPLOYS + 1 + VD_PRECOMPILE_COUNT + PLACED +
                              1 + founding->funded_count};
    s.accounts = VD_ARENA_NEW(arena, struct vd_genesis_account, s.room);
    if (!s.accounts) {
        return false;
    }
    add_predeploys(&s);
    add_rest(&s);
    genesis->accounts = s.accounts;
    genesis->account_count = s.count;
    *missing = s.missing;
    return !s.missing && !s.no_memory;
}

bool
vd_founding_l2_contract(size_t i, const char **name, struct vd_address *address)
{
    if (i == PREDEPLOYS) {
        *name = "WETH";
        *address = VD_WETH;
        return true;
    }
    if (i < PREDEPLOYS) {
        *name = predeploys[i].artifact;
        *address = numbered(&VD_PREDEPLOY_BASE, predeploys[i].id);
    }
    return i < PREDEPLOYS;
}
