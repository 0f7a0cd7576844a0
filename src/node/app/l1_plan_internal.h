/* The inside of a plan: l1_plan.c has contracts and steps, l1_plan_facts.c what is read back. */
#ifndef VIADUCT_NODE_APP_L1_PLAN_INTERNAL_H
#define VIADUCT_NODE_APP_L1_PLAN_INTERNAL_H

#include "l1_plan.h"
#include "viaduct/node/l1/abi.h"

/* Moves what was written into the plan's arena. */
struct vd_slice vd_plan_encoded(struct vd_l1_plan *plan, struct vd_abi *abi);
struct vd_slice vd_plan_call_of(struct vd_l1_plan *plan, const char *signature);
struct vd_slice vd_plan_call_of_u64(struct vd_l1_plan *plan, const char *signature,
                                    uint64_t argument);
struct vd_hash vd_plan_address_hash(const struct vd_address *address);
struct vd_hash vd_plan_u256_hash(const struct vd_u256 *value);
/* SystemConfig's ResourceConfig: how gas of L2 is sold on L1. */
void vd_plan_resource_config(struct vd_abi *out);

void vd_plan_expect_proxy(struct vd_l1_plan *plan, const char *name, const struct vd_address *proxy,
                          const struct vd_address *implementation);
/* All that does not wait for the rollup's configuration. */
void vd_plan_expect_all(struct vd_l1_plan *plan);
void vd_plan_expect_anchor(struct vd_l1_plan *plan, const struct vd_hash *output_root);
void vd_plan_expect_game(struct vd_l1_plan *plan, const struct vd_hash *prestate);

#endif
