/* What can be read of a finished deployment: the facts that a plan adds to its steps. */
#include "l1_plan_internal.h"
#include "viaduct/core/base/constants.h"

static void
expect(struct vd_l1_plan *plan, const char *contract, const struct vd_address *address,
       const char *what, struct vd_slice call, struct vd_slice expected)
{
    VD_ASSERT(plan->check_count < VD_PLAN_MAX_CHECKS);
    plan->checks[plan->check_count++] =
        (struct vd_l1_check){.contract = contract,
                             .what = what,
                             .read = {.contract = *address, .call = call},
                             .expected = expected};
}

static struct vd_slice
keep(struct vd_l1_plan *plan, const struct vd_hash *word)
{
    const uint8_t *copy = vd_arena_copy(plan->arena, vd_slice(word->b, 32));
    VD_ASSERT(copy != NULL);
    return vd_slice(copy, 32);
}

static void
expect_word(struct vd_l1_plan *plan, const char *contract, const struct vd_address *address,
            const char *getter, struct vd_hash word)
{
    expect(plan, contract, address, getter, vd_plan_call_of(plan, getter), keep(plan, &word));
}

static void
expect_address(struct vd_l1_plan *plan, const char *contract, const struct vd_address *address,
               const char *getter, const struct vd_address *value)
{
    expect_word(plan, contract, address, getter, vd_plan_address_hash(value));
}

static void
expect_u64(struct vd_l1_plan *plan, const char *contract, const struct vd_address *address,
           const char *getter, uint64_t value)
{
    struct vd_u256 wide = vd_u256(value);
    expect_word(plan, contract, address, getter, vd_plan_u256_hash(&wide));
}

static void
expect_slot(struct vd_l1_plan *plan, const char *contract, const struct vd_address *address,
            const char *what, const struct vd_hash *slot, struct vd_hash word)
{
    expect(plan, contract, address, what, vd_slice(NULL, 0), keep(plan, &word));
    struct vd_l1_read *read = &plan->checks[plan->check_count - 1].read;
    read->is_slot = true;
    read->slot = *slot;
}

void
vd_plan_expect_proxy(struct vd_l1_plan *plan, const char *name, const struct vd_address *proxy,
                     const struct vd_address *implementation)
{
    expect_slot(plan, name, proxy, "admin slot", &VD_SLOT_PROXY_ADMIN,
                vd_plan_address_hash(&plan->at.proxy_admin));
    expect_slot(plan, name, proxy, "implementation slot", &VD_SLOT_PROXY_IMPLEMENTATION,
                vd_plan_address_hash(implementation));
}

static void
expect_system_config(struct vd_l1_plan *plan)
{
    static const char name[] = "SystemConfigProxy";
    const struct vd_founding *f = plan->founding;
    const struct vd_address *a = &plan->at.system_config;
    expect_address(plan, name, a, "owner()", &f->system_owner);
    expect_u64(plan, name, a, "basefeeScalar()", f->base_fee_scalar);
    expect_u64(plan, name, a, "blobbasefeeScalar()", f->blob_base_fee_scalar);
    expect_address(plan, name, a, "batcherHash()", &f->batcher);
    expect_u64(plan, name, a, "gasLimit()", f->gas_limit);
    expect_address(plan, name, a, "unsafeBlockSigner()", &f->unsafe_block_signer);
    expect_u64(plan, name, a, "eip1559Denominator()", f->eip1559.denominator);
    expect_u64(plan, name, a, "eip1559Elasticity()", f->eip1559.elasticity);
    expect_u64(plan, name, a, "operatorFeeScalar()", f->operator_fee_scalar);
    expect_u64(plan, name, a, "operatorFeeConstant()", f->operator_fee_constant);
    expect_address(plan, name, a, "batchInbox()", &f->l1.batch_inbox);
    expect_u64(plan, name, a, "l2ChainId()", f->l2_chain_id);
    expect_address(plan, name, a, "superchainConfig()", &plan->at.superchain_config);
    expect_address(plan, name, a, "l1CrossDomainMessenger()", &plan->at.l1_cross_domain_messenger);
    expect_address(plan, name, a, "l1ERC721Bridge()", &plan->at.l1_erc721_bridge);
    expect_address(plan, name, a, "l1StandardBridge()", &plan->at.l1_standard_bridge);
    expect_address(plan, name, a, "optimismPortal()", &plan->at.optimism_portal);
    expect_address(plan, name, a, "optimismMintableERC20Factory()",
                   &plan->at.optimism_mintable_erc20_factory);
    expect_address(plan, name, a, "disputeGameFactory()", &plan->at.dispute_game_factory);
    struct vd_abi resources = {.err = VD_OK};
    vd_plan_resource_config(&resources);
    expect(plan, name, a, "resourceConfig()", vd_plan_call_of(plan, "resourceConfig()"),
           vd_plan_encoded(plan, &resources));
}

static void
expect_settlement(struct vd_l1_plan *plan)
{
    static const char portal[] = "OptimismPortalProxy";
    static const char anchors[] = "AnchorStateRegistryProxy";
    const struct vd_founding *f = plan->founding;
    const struct vd_addresses *at = &plan->at;
    expect_address(plan, "SuperchainConfigProxy", &at->superchain_config, "guardian()",
                   &f->guardian);
    expect_u64(plan, "SuperchainConfigProxy", &at->superchain_config, "paused()", 0);
    expect_address(plan, portal, &at->optimism_portal, "systemConfig()", &at->system_config);
    expect_address(plan, portal, &at->optimism_portal, "superchainConfig()",
                   &at->superchain_config);
    expect_address(plan, portal, &at->optimism_portal, "anchorStateRegistry()",
                   &at->anchor_state_registry);
    expect_address(plan, portal, &at->optimism_portal, "disputeGameFactory()",
                   &at->dispute_game_factory);
    expect_u64(plan, portal, &at->optimism_portal, "proofMaturityDelaySeconds()",
               f->proof_maturity_delay_s);
    expect_address(plan, portal, &at->optimism_portal, "l2Sender()", &VD_DEFAULT_L2_SENDER);
    expect_u64(plan, anchors, &at->anchor_state_registry, "respectedGameType()",
               VD_GAME_TYPE_FAULT);
    expect_u64(plan, anchors, &at->anchor_state_registry, "disputeGameFinalityDelaySeconds()",
               f->game_finality_delay_s);
    expect_address(plan, anchors, &at->anchor_state_registry, "disputeGameFactory()",
                   &at->dispute_game_factory);
    expect_address(plan, anchors, &at->anchor_state_registry, "systemConfig()", &at->system_config);
    expect_address(plan, anchors, &at->anchor_state_registry, "optimismPortal()",
                   &at->optimism_portal);
}

static void
expect_game_keepers(struct vd_l1_plan *plan)
{
    static const char factory[] = "DisputeGameFactoryProxy";
    static const char weth[] = "DelayedWETHProxy";
    static const char oracle[] = "PreimageOracle";
    const struct vd_founding *f = plan->founding;
    const struct vd_addresses *at = &plan->at;
    struct vd_hash bond = vd_plan_u256_hash(&f->game_bond);
    expect_address(plan, factory, &at->dispute_game_factory, "owner()", &f->system_owner);
    expect(plan, factory, &at->dispute_game_factory, "initBonds(101)",
           vd_plan_call_of_u64(plan, "initBonds(uint32)", VD_GAME_TYPE_FAULT), keep(plan, &bond));
    expect_address(plan, weth, &at->delayed_weth, "owner()", &f->system_owner);
    expect_u64(plan, weth, &at->delayed_weth, "delay()", f->weth_delay_s);
    expect_address(plan, weth, &at->delayed_weth, "systemConfig()", &at->system_config);
    expect_u64(plan, oracle, &at->preimage_oracle, "minProposalSize()", f->preimage_min_bytes);
    expect_u64(plan, oracle, &at->preimage_oracle, "challengePeriod()", f->preimage_challenge_s);
    expect_address(plan, "RISCV", &at->riscv, "oracle()", &at->preimage_oracle);
}

static void
expect_bridges(struct vd_l1_plan *plan)
{
    static const char messenger[] = "L1CrossDomainMessengerProxy";
    static const char bridge[] = "L1StandardBridgeProxy";
    static const char nfts[] = "L1ERC721BridgeProxy";
    const struct vd_addresses *at = &plan->at;
    expect_address(plan, messenger, &at->l1_cross_domain_messenger, "portal()",
                   &at->optimism_portal);
    expect_address(plan, messenger, &at->l1_cross_domain_messenger, "systemConfig()",
                   &at->system_config);
    expect_address(plan, messenger, &at->l1_cross_domain_messenger, "otherMessenger()",
                   &VD_L2_CROSS_DOMAIN_MESSENGER);
    expect_address(plan, bridge, &at->l1_standard_bridge, "messenger()",
                   &at->l1_cross_domain_messenger);
    expect_address(plan, bridge, &at->l1_standard_bridge, "systemConfig()", &at->system_config);
    expect_address(plan, bridge, &at->l1_standard_bridge, "otherBridge()", &VD_L2_STANDARD_BRIDGE);
    expect_address(plan, nfts, &at->l1_erc721_bridge, "messenger()",
                   &at->l1_cross_domain_messenger);
    expect_address(plan, nfts, &at->l1_erc721_bridge, "otherBridge()", &VD_L2_ERC721_BRIDGE);
    expect_address(plan, "OptimismMintableERC20FactoryProxy", &at->optimism_mintable_erc20_factory,
                   "bridge()", &at->l1_standard_bridge);
}

/* --- what the plan asks for --- */

void
vd_plan_expect_all(struct vd_l1_plan *plan)
{
    expect_address(plan, "ProxyAdmin", &plan->at.proxy_admin, "owner()",
                   &plan->founding->system_owner);
    expect_system_config(plan);
    expect_settlement(plan);
    expect_game_keepers(plan);
    expect_bridges(plan);
}

void
vd_plan_expect_anchor(struct vd_l1_plan *plan, const struct vd_hash *output_root)
{
    struct vd_abi anchor = {.err = VD_OK};
    vd_abi_hash(&anchor, output_root);
    vd_abi_u64(&anchor, 0); /* the genesis block */
    expect(plan, "AnchorStateRegistryProxy", &plan->at.anchor_state_registry,
           "getStartingAnchorRoot()", vd_plan_call_of(plan, "getStartingAnchorRoot()"),
           vd_plan_encoded(plan, &anchor));
}

void
vd_plan_expect_game(struct vd_l1_plan *plan, const struct vd_hash *prestate)
{
    const struct vd_founding *f = plan->founding;
    const struct vd_addresses *at = &plan->at;
    static const char game[] = "FaultDisputeGame";
    const struct vd_address *a = &at->fault_dispute_game;
    struct vd_hash impl = vd_plan_address_hash(a);
    expect(plan, "DisputeGameFactoryProxy", &at->dispute_game_factory, "gameImpls(101)",
           vd_plan_call_of_u64(plan, "gameImpls(uint32)", VD_GAME_TYPE_FAULT), keep(plan, &impl));
    expect_u64(plan, game, a, "gameType()", VD_GAME_TYPE_FAULT);
    expect_word(plan, game, a, "absolutePrestate()", *prestate);
    expect_u64(plan, game, a, "maxGameDepth()", f->game_max_depth);
    expect_u64(plan, game, a, "splitDepth()", f->game_split_depth);
    expect_u64(plan, game, a, "clockExtension()", f->game_extension_s);
    expect_u64(plan, game, a, "maxClockDuration()", f->game_clock_s);
    expect_address(plan, game, a, "vm()", &at->riscv);
    expect_address(plan, game, a, "weth()", &at->delayed_weth);
    expect_address(plan, game, a, "anchorStateRegistry()", &at->anchor_state_registry);
    expect_u64(plan, game, a, "l2ChainId()", f->l2_chain_id);
    expect_word(plan, game, a, "bisectionBond()", vd_plan_u256_hash(&f->bisection_bond));
    expect_word(plan, game, a, "stepBond()", vd_plan_u256_hash(&f->step_bond));
}
