#include "l1_plan_internal.h"

#include <stdio.h>
#include <string.h>

#include "viaduct/core/base/constants.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/evm/evm.h"
#include "viaduct/node/platform/artifacts.h"

#define DEPLOYER VD_PREINSTALL_DETERMINISTIC_DEPLOYER

/* The public transaction: legacy, without a chain id, r and s of twos, so that nobody holds the key
   of the sender that it recovers to. */
static const uint8_t deployer_transaction[] = {
    0xf8, 0xa5, 0x80, 0x85, 0x17, 0x48, 0x76, 0xe8, 0x00, 0x83, 0x01, 0x86, 0xa0, 0x80, 0x80, 0xb8,
    0x53, 0x60, 0x45, 0x80, 0x60, 0x0e, 0x60, 0x00, 0x39, 0x80, 0x60, 0x00, 0xf3, 0x50, 0xfe, 0x7f,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xe0,
    0x36, 0x01, 0x60, 0x00, 0x81, 0x60, 0x20, 0x82, 0x37, 0x80, 0x35, 0x82, 0x82, 0x34, 0xf5, 0x80,
    0x15, 0x15, 0x60, 0x39, 0x57, 0x81, 0x82, 0xfd, 0x5b, 0x80, 0x82, 0x52, 0x50, 0x50, 0x50, 0x60,
    0x14, 0x60, 0x0c, 0xf3, 0x1b, 0xa0, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22,
    0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22,
    0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0xa0, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22,
    0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22,
    0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22};

const uint8_t vd_deployer_code[69] = {
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xe0, 0x36, 0x01, 0x60, 0x00, 0x81, 0x60, 0x20, 0x82, 0x37,
    0x80, 0x35, 0x82, 0x82, 0x34, 0xf5, 0x80, 0x15, 0x15, 0x60, 0x39, 0x57, 0x81, 0x82,
    0xfd, 0x5b, 0x80, 0x82, 0x52, 0x50, 0x50, 0x50, 0x60, 0x14, 0x60, 0x0c, 0xf3};

const struct vd_address vd_deployer_sender = {{0x3f, 0xab, 0x18, 0x46, 0x22, 0xdc, 0x19,
                                               0xb6, 0x10, 0x93, 0x49, 0xb9, 0x48, 0x11,
                                               0x49, 0x3b, 0xf2, 0xa4, 0x53, 0x62}};

struct vd_slice
vd_deployer_transaction(void)
{
    return vd_slice(deployer_transaction, sizeof deployer_transaction);
}

/* --- the table of contracts --- */

struct vd_slice
vd_plan_encoded(struct vd_l1_plan *plan, struct vd_abi *abi)
{
    const uint8_t *copy = vd_arena_copy(plan->arena, vd_abi_view(abi));
    VD_ASSERT(abi->err == VD_OK && copy != NULL); /* the arena is address space without end */
    struct vd_slice bytes = vd_slice(copy, abi->len);
    vd_abi_deinit(abi);
    return bytes;
}

typedef void (*encoder)(struct vd_abi *out, const struct vd_l1_plan *plan);

static void
portal_constructor(struct vd_abi *out, const struct vd_l1_plan *plan)
{
    vd_abi_address(out, &plan->at.system_config);
    vd_abi_address(out, &plan->at.superchain_config);
    vd_abi_address(out, &plan->at.anchor_state_registry);
    vd_abi_address(out, &plan->at.dispute_game_factory);
    vd_abi_u64(out, plan->founding->proof_maturity_delay_s);
}

static void
registry_constructor(struct vd_abi *out, const struct vd_l1_plan *plan)
{
    vd_abi_address(out, &plan->at.system_config);
    vd_abi_address(out, &plan->at.superchain_config);
    vd_abi_address(out, &plan->at.dispute_game_factory);
    vd_abi_address(out, &plan->at.optimism_portal);
    vd_abi_u64(out, plan->founding->game_finality_delay_s);
}

static void
superchain_constructor(struct vd_abi *out, const struct vd_l1_plan *plan)
{
    vd_abi_u64(out, plan->founding->pause_expiry_s);
}

static void
weth_constructor(struct vd_abi *out, const struct vd_l1_plan *plan)
{
    vd_abi_u64(out, plan->founding->weth_delay_s);
}

static void
oracle_constructor(struct vd_abi *out, const struct vd_l1_plan *plan)
{
    vd_abi_u64(out, plan->founding->preimage_min_bytes);
    vd_abi_u64(out, plan->founding->preimage_challenge_s);
}

static void
machine_constructor(struct vd_abi *out, const struct vd_l1_plan *plan)
{
    vd_abi_address(out, &plan->at.preimage_oracle);
}

static void
superchain_initializer(struct vd_abi *out, const struct vd_l1_plan *plan)
{
    vd_abi_signature(out, "initialize(address)");
    vd_abi_address(out, &plan->founding->guardian);
}

void
vd_plan_resource_config(struct vd_abi *out)
{
    const struct vd_u256 most = {.w = {UINT64_MAX, UINT64_MAX, 0, 0}};
    vd_abi_u64(out, VD_MAX_RESOURCE_LIMIT);
    vd_abi_u64(out, VD_RESOURCE_ELASTICITY);
    vd_abi_u64(out, VD_RESOURCE_BASE_FEE_DENOMINATOR);
    vd_abi_u64(out, VD_RESOURCE_MIN_BASE_FEE);
    vd_abi_u64(out, VD_SYSTEM_TX_GAS);
    vd_abi_u256(out, &most); /* uint128: no ceiling */
}

static void
system_initializer(struct vd_abi *out, const struct vd_l1_plan *plan)
{
    const struct vd_founding *f = plan->founding;
    vd_abi_signature(
        out, "initialize((address,uint32,uint32,bytes32,uint64,address,uint32,uint32,uint32,uint64,"
             "address,uint256,address,(uint32,uint8,uint8,uint32,uint32,uint128),(address,address,"
             "address,address,address,address)))");
    vd_abi_address(out, &f->system_owner);
    vd_abi_u64(out, f->base_fee_scalar);
    vd_abi_u64(out, f->blob_base_fee_scalar);
    vd_abi_address(out, &f->batcher);
    vd_abi_u64(out, f->gas_limit);
    vd_abi_address(out, &f->unsafe_block_signer);
    vd_abi_u64(out, f->eip1559.denominator);
    vd_abi_u64(out, f->eip1559.elasticity);
    vd_abi_u64(out, f->operator_fee_scalar);
    vd_abi_u64(out, f->operator_fee_constant);
    vd_abi_address(out, &f->l1.batch_inbox);
    vd_abi_u64(out, f->l2_chain_id);
    vd_abi_address(out, &plan->at.superchain_config);
    vd_plan_resource_config(out);
    vd_abi_address(out, &plan->at.l1_cross_domain_messenger);
    vd_abi_address(out, &plan->at.l1_erc721_bridge);
    vd_abi_address(out, &plan->at.l1_standard_bridge);
    vd_abi_address(out, &plan->at.optimism_portal);
    vd_abi_address(out, &plan->at.optimism_mintable_erc20_factory);
    vd_abi_address(out, &plan->at.dispute_game_factory);
}

static void
portal_initializer(struct vd_abi *out, const struct vd_l1_plan *plan)
{
    (void)plan;
    vd_abi_signature(out, "initialize()");
}

static void
messenger_initializer(struct vd_abi *out, const struct vd_l1_plan *plan)
{
    vd_abi_signature(out, "initialize(address,address)");
    vd_abi_address(out, &plan->at.system_config);
    vd_abi_address(out, &plan->at.optimism_portal);
}

static void
bridge_initializer(struct vd_abi *out, const struct vd_l1_plan *plan)
{
    vd_abi_signature(out, "initialize(address,address)");
    vd_abi_address(out, &plan->at.l1_cross_domain_messenger);
    vd_abi_address(out, &plan->at.system_config);
}

static void
token_factory_initializer(struct vd_abi *out, const struct vd_l1_plan *plan)
{
    vd_abi_signature(out, "initialize(address)");
    vd_abi_address(out, &plan->at.l1_standard_bridge);
}

/* The deployer owns the factory until the game is in it. */
static void
game_factory_initializer(struct vd_abi *out, const struct vd_l1_plan *plan)
{
    vd_abi_signature(out, "initialize(address)");
    vd_abi_address(out, &plan->deployer);
}

static void
weth_initializer(struct vd_abi *out, const struct vd_l1_plan *plan)
{
    vd_abi_signature(out, "initialize(address,address)");
    vd_abi_address(out, &plan->founding->system_owner);
    vd_abi_address(out, &plan->at.system_config);
}

/* The registry's initializer waits for the anchor: vd_l1_plan_set_anchor. */
struct contract {
    const char *artifact;
    const char *proxy; /* step and name in the addresses file */
    const char *initialize;
    size_t proxy_offset;
    size_t implementation_offset;
    encoder constructor;
    encoder initializer;
};
#define CONTRACT(artifact_, proxy_, field_, constructor_, initializer_)                       \
    {                                                                                         \
        .artifact = (artifact_), .proxy = proxy_ "Proxy", .initialize = proxy_ ".initialize", \
        .proxy_offset = offsetof(struct vd_addresses, field_),                                \
        .implementation_offset = offsetof(struct vd_addresses, field_##_impl),                \
        .constructor = (constructor_), .initializer = (initializer_)                          \
    }
static const struct contract contracts[] = {
    CONTRACT("SuperchainConfig", "SuperchainConfig", superchain_config, superchain_constructor,
             superchain_initializer),
    CONTRACT("SystemConfig", "SystemConfig", system_config, NULL, system_initializer),
    CONTRACT("L1CrossDomainMessenger", "L1CrossDomainMessenger", l1_cross_domain_messenger, NULL,
             messenger_initializer),
    CONTRACT("L1StandardBridge", "L1StandardBridge", l1_standard_bridge, NULL, bridge_initializer),
    CONTRACT("L1ERC721Bridge", "L1ERC721Bridge", l1_erc721_bridge, NULL, bridge_initializer),
    CONTRACT("OptimismMintableERC20Factory", "OptimismMintableERC20Factory",
             optimism_mintable_erc20_factory, NULL, token_factory_initializer),
    CONTRACT("DisputeGameFactory", "DisputeGameFactory", dispute_game_factory, NULL,
             game_factory_initializer),
    CONTRACT("DelayedWETH", "DelayedWETH", delayed_weth, weth_constructor, weth_initializer),
    CONTRACT("AnchorStateRegistry", "AnchorStateRegistry", anchor_state_registry,
             registry_constructor, NULL),
    CONTRACT("OptimismPortal2", "OptimismPortal", optimism_portal, portal_constructor,
             portal_initializer),
};
#define CONTRACTS (sizeof contracts / sizeof contracts[0])

static struct vd_address *
field(struct vd_l1_plan *plan, size_t offset)
{
    return (struct vd_address *)(void *)((uint8_t *)&plan->at + offset);
}

/* --- creations --- */

#define CREATE_GAS 500000u /* the transaction, CREATE2 and any constructor here */
#define CALL_GAS 2000000u
/* Per byte of creation code: calldata at its dearest (EIP-7623), code deposit, hashing. */
#define CREATE_GAS_PER_BYTE (40u + 200u + 1u)

static struct vd_step *
add_step(struct vd_l1_plan *plan, const char *name, enum vd_phase phase)
{
    VD_ASSERT(plan->step_count < VD_PLAN_MAX_STEPS);
    struct vd_step *step = &plan->steps[plan->step_count++];
    *step = (struct vd_step){.name = name, .phase = phase, .gas_bound = CALL_GAS};
    return step;
}

/* Two deployments of one deployer differ in chain id or salt, two contracts of one in the name. */
static struct vd_hash
salt_of(const struct vd_l1_plan *plan, const char *name)
{
    uint8_t bytes[8 + 32 + 8 + 64] = "viaduct";
    size_t len = strlen(name);
    VD_ASSERT(len <= sizeof bytes - 48);
    memcpy(bytes + 8, plan->founding->salt.b, 32);
    vd_store_be64(bytes + 40, plan->founding->l2_chain_id);
    memcpy(bytes + 48, name, len);
    return vd_keccak256(vd_slice(bytes, 48 + len));
}

/* What a creation sends to the deployer: salt, creation code, arguments. */
static void
fill_creation(struct vd_l1_plan *plan, struct vd_step *step, struct vd_slice init)
{
    struct vd_hash salt = salt_of(plan, step->name);
    struct vd_hash hash = vd_keccak256(init);
    struct vd_abi data = {.err = VD_OK};
    vd_abi_hash(&data, &salt);
    vd_abi_raw(&data, init);
    step->creates = true;
    step->to = DEPLOYER;
    step->data = vd_plan_encoded(plan, &data);
    step->gas_bound = CREATE_GAS + CREATE_GAS_PER_BYTE * init.len;
    step->subject = vd_create2_address(&DEPLOYER, &salt, &hash);
}

static struct vd_address
create(struct vd_l1_plan *plan, const char *name, enum vd_phase phase, struct vd_slice init)
{
    struct vd_step *step = add_step(plan, name, phase);
    fill_creation(plan, step, init);
    return step->subject;
}

static void
add_code_check(struct vd_l1_plan *plan, const char *name, const struct vd_address *address,
               const struct vd_artifact *artifact, bool immutables)
{
    VD_ASSERT(plan->code_count < VD_PLAN_MAX_CODES);
    plan->codes[plan->code_count++] =
        (struct vd_l1_code_check){.contract = name,
                                  .address = *address,
                                  .code = vd_slice(artifact->code, artifact->code_len),
                                  .immutables = immutables};
}

static struct vd_address
create_contract(struct vd_l1_plan *plan, const char *name, const char *artifact_name,
                encoder constructor)
{
    const struct vd_artifact *artifact = vd_artifact_find(artifact_name);
    if (!artifact) {
        plan->missing = artifact_name;
        return (struct vd_address){{0}};
    }
    struct vd_abi init = {.err = VD_OK};
    vd_abi_raw(&init, vd_slice(artifact->init, artifact->init_len));
    if (constructor) {
        constructor(&init, plan);
    }
    struct vd_address address =
        create(plan, name, VD_PHASE_CONTRACTS, vd_plan_encoded(plan, &init));
    add_code_check(plan, name, &address, artifact, constructor != NULL);
    return address;
}

static void
proxy_admin_constructor(struct vd_abi *out, const struct vd_l1_plan *plan)
{
    vd_abi_address(out, &plan->deployer);
}

static void
proxy_constructor(struct vd_abi *out, const struct vd_l1_plan *plan)
{
    vd_abi_address(out, &plan->at.proxy_admin);
}

static void
add_creations(struct vd_l1_plan *plan)
{
    plan->at.proxy_admin =
        create_contract(plan, "ProxyAdmin", "ProxyAdmin", proxy_admin_constructor);
    /* The constructors of proxies keep their argument in storage: no immutables. */
    for (size_t i = 0; i < CONTRACTS; i++) {
        *field(plan, contracts[i].proxy_offset) =
            create_contract(plan, contracts[i].proxy, "Proxy", proxy_constructor);
    }
    for (size_t i = 0; i < CONTRACTS; i++) {
        *field(plan, contracts[i].implementation_offset) = create_contract(
            plan, contracts[i].artifact, contracts[i].artifact, contracts[i].constructor);
    }
    plan->at.preimage_oracle =
        create_contract(plan, "PreimageOracle", "PreimageOracle", oracle_constructor);
    plan->at.riscv = create_contract(plan, "RISCV", "RISCV", machine_constructor);
}

/* --- calls --- */

struct vd_slice
vd_plan_call_of(struct vd_l1_plan *plan, const char *signature)
{
    struct vd_abi call;
    vd_abi_signature(&call, signature);
    return vd_plan_encoded(plan, &call);
}

struct vd_slice
vd_plan_call_of_u64(struct vd_l1_plan *plan, const char *signature, uint64_t argument)
{
    struct vd_abi call;
    vd_abi_signature(&call, signature);
    vd_abi_u64(&call, argument);
    return vd_plan_encoded(plan, &call);
}

struct vd_hash
vd_plan_address_hash(const struct vd_address *address)
{
    struct vd_hash word = {{0}};
    memcpy(word.b + 12, address->b, 20);
    return word;
}

struct vd_hash
vd_plan_u256_hash(const struct vd_u256 *value)
{
    struct vd_hash word;
    vd_u256_to_be(word.b, value);
    return word;
}

/* upgradeAndCall of the ProxyAdmin: implementation and settings in one transaction, so that nobody
   can come between.  Done when the proxy's implementation slot says so. */
static void
upgrade_data(struct vd_l1_plan *plan, struct vd_step *step, const struct contract *contract,
             struct vd_slice initializer)
{
    struct vd_abi data;
    vd_abi_signature(&data, "upgradeAndCall(address,address,bytes)");
    vd_abi_address(&data, field(plan, contract->proxy_offset));
    vd_abi_address(&data, field(plan, contract->implementation_offset));
    vd_abi_u64(&data, 0x60);
    vd_abi_bytes(&data, initializer);
    step->data = vd_plan_encoded(plan, &data);
}

static struct vd_step *
add_upgrade(struct vd_l1_plan *plan, const struct contract *contract, enum vd_phase phase)
{
    struct vd_step *step = add_step(plan, contract->initialize, phase);
    step->subject = *field(plan, contract->proxy_offset);
    step->to = plan->at.proxy_admin;
    step->read = (struct vd_l1_read){
        .contract = step->subject, .is_slot = true, .slot = VD_SLOT_PROXY_IMPLEMENTATION};
    step->after = vd_plan_address_hash(field(plan, contract->implementation_offset));
    return step;
}

static void
add_settings(struct vd_l1_plan *plan)
{
    for (size_t i = 0; i < CONTRACTS; i++) {
        if (!contracts[i].initializer) {
            continue;
        }
        struct vd_step *step = add_upgrade(plan, &contracts[i], VD_PHASE_SETTINGS);
        struct vd_abi initializer = {.err = VD_OK};
        contracts[i].initializer(&initializer, plan);
        upgrade_data(plan, step, &contracts[i], vd_plan_encoded(plan, &initializer));
    }
}

static const struct contract *
registry(void)
{
    for (size_t i = 0; i < CONTRACTS; i++) {
        if (!contracts[i].initializer) {
            return &contracts[i];
        }
    }
    return NULL;
}

/* Creation code of the game: one tuple of nothing but static members, so its words stand alone. */
static struct vd_slice
game_init(struct vd_l1_plan *plan, const struct vd_artifact *artifact,
          const struct vd_hash *prestate)
{
    const struct vd_founding *f = plan->founding;
    struct vd_abi init = {.err = VD_OK};
    vd_abi_raw(&init, vd_slice(artifact->init, artifact->init_len));
    vd_abi_u64(&init, VD_GAME_TYPE_FAULT);
    vd_abi_hash(&init, prestate);
    vd_abi_u64(&init, f->game_max_depth);
    vd_abi_u64(&init, f->game_split_depth);
    vd_abi_u64(&init, f->game_extension_s);
    vd_abi_u64(&init, f->game_clock_s);
    vd_abi_address(&init, &plan->at.riscv);
    vd_abi_address(&init, &plan->at.delayed_weth);
    vd_abi_address(&init, &plan->at.anchor_state_registry);
    vd_abi_u64(&init, f->l2_chain_id);
    vd_abi_u256(&init, &f->bisection_bond);
    vd_abi_u256(&init, &f->step_bond);
    return vd_plan_encoded(plan, &init);
}

#define GAME "FaultDisputeGame"
#define SET_GAME "DisputeGameFactory.setImplementation"

/* The game and its place in the factory wait for the prestate: vd_l1_plan_set_anchor. */
static void
add_game(struct vd_l1_plan *plan)
{
    const struct vd_address *factory = &plan->at.dispute_game_factory;
    struct vd_abi data;
    if (!vd_artifact_find(GAME)) {
        plan->missing = GAME;
        return;
    }
    add_step(plan, GAME, VD_PHASE_FINISH)->creates = true;
    add_step(plan, SET_GAME, VD_PHASE_FINISH);
    struct vd_step *step = add_step(plan, "DisputeGameFactory.setInitBond", VD_PHASE_FINISH);
    vd_abi_signature(&data, "setInitBond(uint32,uint256)");
    vd_abi_u64(&data, VD_GAME_TYPE_FAULT);
    vd_abi_u256(&data, &plan->founding->game_bond);
    step->subject = step->to = step->read.contract = *factory;
    step->data = vd_plan_encoded(plan, &data);
    step->read.call = vd_plan_call_of_u64(plan, "initBonds(uint32)", VD_GAME_TYPE_FAULT);
    step->after = vd_plan_u256_hash(&plan->founding->game_bond);
}

/* Creation code for a runtime code that comes without: PUSH2 len, DUP1, PUSH1 10, PUSH0, CODECOPY,
   PUSH0, RETURN. */
static void
add_multicall(struct vd_l1_plan *plan)
{
    const struct vd_artifact *artifact = vd_artifact_find("Multicall3");
    if (!artifact) {
        plan->missing = "Multicall3";
        return;
    }
    const uint8_t prefix[] = {0x61,
                              (uint8_t)(artifact->code_len >> 8),
                              (uint8_t)artifact->code_len,
                              0x80,
                              0x60,
                              10,
                              0x5f,
                              0x39,
                              0x5f,
                              0xf3};
    struct vd_abi init = {.err = VD_OK};
    vd_abi_raw(&init, vd_slice(prefix, sizeof prefix));
    vd_abi_raw(&init, vd_slice(artifact->code, artifact->code_len));
    VD_ASSERT(artifact->code_len < 65536);
    plan->at.multicall3 = create(plan, "Multicall3", VD_PHASE_FINISH, vd_plan_encoded(plan, &init));
    add_code_check(plan, "Multicall3", &plan->at.multicall3, artifact, false);
}

static void
add_handover(struct vd_l1_plan *plan, const char *name, const struct vd_address *contract)
{
    struct vd_step *step = add_step(plan, name, VD_PHASE_FINISH);
    struct vd_abi data;
    vd_abi_signature(&data, "transferOwnership(address)");
    vd_abi_address(&data, &plan->founding->system_owner);
    step->subject = step->to = step->read.contract = *contract;
    step->data = vd_plan_encoded(plan, &data);
    step->read.call = vd_plan_call_of(plan, "owner()");
    step->before = vd_plan_address_hash(&plan->deployer);
    step->after = vd_plan_address_hash(&plan->founding->system_owner);
}

/* --- the whole --- */

static void
expect_proxies(struct vd_l1_plan *plan)
{
    for (size_t i = 0; i < CONTRACTS; i++) {
        const struct contract *c = &contracts[i];
        vd_plan_expect_proxy(plan, c->proxy, field(plan, c->proxy_offset),
                             field(plan, c->implementation_offset));
    }
}

/* With the game's settings, whose step is empty so far. */
static struct vd_hash
digest_of(struct vd_l1_plan *plan)
{
    const struct vd_hash no_prestate = {{0}};
    struct vd_keccak hash;
    vd_keccak_init(&hash);
    for (size_t i = 0; i < plan->step_count; i++) {
        vd_keccak_update(&hash, vd_slice(plan->steps[i].to.b, 20));
        vd_keccak_update(&hash, plan->steps[i].data);
    }
    vd_keccak_update(&hash, game_init(plan, vd_artifact_find(GAME), &no_prestate));
    return vd_keccak_final(&hash);
}

bool
vd_l1_plan_make(struct vd_l1_plan *plan, struct vd_arena *arena, const struct vd_founding *founding,
                const struct vd_address *deployer, bool has_multicall, char *error,
                size_t error_len)
{
    *plan = (struct vd_l1_plan){.arena = arena, .founding = founding, .deployer = *deployer};
    plan->at.batch_inbox = founding->l1.batch_inbox;
    add_creations(plan);
    add_settings(plan);
    (void)add_upgrade(plan, registry(), VD_PHASE_FINISH);
    add_game(plan);
    if (has_multicall) {
        plan->at.multicall3 = VD_PREINSTALL_MULTICALL3;
    } else {
        add_multicall(plan);
    }
    add_handover(plan, "DisputeGameFactory.transferOwnership", &plan->at.dispute_game_factory);
    add_handover(plan, "ProxyAdmin.transferOwnership", &plan->at.proxy_admin);
    if (plan->missing) {
        snprintf(error, error_len, "this build lacks the contract %s", plan->missing);
        return false;
    }
    plan->digest = digest_of(plan);
    expect_proxies(plan);
    vd_plan_expect_all(plan);
    return true;
}

static struct vd_step *
step_named(struct vd_l1_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->step_count; i++) {
        if (strcmp(plan->steps[i].name, name) == 0) {
            return &plan->steps[i];
        }
    }
    VD_ASSERT(false); /* add_game and the registry have made it */
    return NULL;
}

static void
fill_anchor(struct vd_l1_plan *plan, const struct vd_hash *output_root)
{
    const struct contract *contract = registry();
    struct vd_step *step = step_named(plan, contract->initialize);
    struct vd_abi data;
    vd_abi_signature(&data, "initialize((bytes32,uint256),uint32)");
    vd_abi_hash(&data, output_root);
    vd_abi_u64(&data, 0);
    vd_abi_u64(&data, VD_GAME_TYPE_FAULT);
    upgrade_data(plan, step, contract, vd_plan_encoded(plan, &data));
    vd_plan_expect_anchor(plan, output_root);
}

static void
fill_game(struct vd_l1_plan *plan, const struct vd_hash *prestate)
{
    const struct vd_artifact *artifact = vd_artifact_find(GAME);
    struct vd_step *step = step_named(plan, GAME);
    fill_creation(plan, step, game_init(plan, artifact, prestate));
    plan->at.fault_dispute_game = step->subject;
    add_code_check(plan, GAME, &step->subject, artifact, true);
    struct vd_abi data;
    step = step_named(plan, SET_GAME);
    vd_abi_signature(&data, "setImplementation(uint32,address)");
    vd_abi_u64(&data, VD_GAME_TYPE_FAULT);
    vd_abi_address(&data, &plan->at.fault_dispute_game);
    step->subject = step->to = step->read.contract = plan->at.dispute_game_factory;
    step->data = vd_plan_encoded(plan, &data);
    step->read.call = vd_plan_call_of_u64(plan, "gameImpls(uint32)", VD_GAME_TYPE_FAULT);
    step->after = vd_plan_address_hash(&plan->at.fault_dispute_game);
    vd_plan_expect_game(plan, prestate);
}

void
vd_l1_plan_set_anchor(struct vd_l1_plan *plan, const struct vd_hash *output_root,
                      const struct vd_hash *prestate)
{
    fill_anchor(plan, output_root);
    fill_game(plan, prestate);
}
