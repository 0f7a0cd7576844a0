/* viaduct bridge deposit and withdraw: the first step of each direction. */
#include <stdio.h>
#include <string.h>

#include "bridge.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/rollup/attributes.h"

/* Gas on the other side: of a plain transfer with room for a small contract's receive(), and of a
   token's relayed transfer. */
#define ETH_GAS 100000u
#define TOKEN_GAS 200000u

static uint64_t
gas_there(const struct bridge *b, uint64_t preset)
{
    return b->options.bridge_gas != 0 ? b->options.bridge_gas : preset;
}

/* Who receives: --to, or the account itself. */
static bool
receiver(struct bridge *b, struct vd_address *to)
{
    static const struct vd_address nobody;
    *to = *vd_signer_address(b->signer);
    if (!b->options.bridge_to) {
        return true;
    }
    return bridge_address(b, to, "--to", b->options.bridge_to) &&
           (!vd_address_eq(to, &nobody) ||
            bridge_fail(b, "--to is the zero address, which is nobody's: it would be lost"));
}

/* The portal never proves a withdrawal to itself, the messenger relays no message to itself or the
   portal, and the other contracts of the rollup take no ether and keep tokens for ever. */
static bool
check_l1_receiver(struct bridge *b, const struct vd_address *to)
{
    const char *name = vd_addresses_name(&b->addresses, to);
    return !name || bridge_fail(b, "--to is %s, the rollup's own %s on L1: it would be lost there",
                                bridge_hex(to->b, 20).text, name);
}

/* The first of the 2048 predeploys and theirs differ in the last eleven bits alone (OP Stack specs,
   predeploys).  Ether that one of them refuses stays with the sender, tokens do not. */
static bool
check_token_receiver(struct bridge *b, const struct vd_address *to)
{
    bool is_predeploy = memcmp(to->b, VD_PREDEPLOY_BASE.b, 18) == 0 && to->b[18] < 8;
    return !is_predeploy ||
           bridge_fail(b,
                       "--to is %s, a contract of the protocol on L2: tokens would be lost there",
                       bridge_hex(to->b, 20).text);
}

static bool
has_token(const struct bridge *b)
{
    return b->options.l1_token || b->options.l2_token;
}

static bool
tokens(struct bridge *b, struct vd_address *l1_token, struct vd_address *l2_token)
{
    return bridge_address(b, l1_token, "--l1-token", b->options.l1_token) &&
           bridge_address(b, l2_token, "--l2-token", b->options.l2_token);
}

/* --- ERC-20 --- */

static bool
read_word(struct bridge *b, struct vd_l1 *layer, struct vd_u256 *out,
          const struct vd_address *token, struct vd_abi *call)
{
    struct vd_slice answer;
    bool reverted = false;
    if (!bridge_call(b, layer, &answer, &reverted, token, call)) {
        return false;
    }
    return (!reverted && vd_abi_read_u256(out, answer, 0)) ||
           bridge_fail(b, "%s: %s is no ERC-20 token", bridge_layer(b, layer),
                       bridge_hex(token->b, 20).text);
}

static bool
check_balance(struct bridge *b, struct vd_l1 *layer, const struct vd_address *token,
              const struct vd_u256 *amount)
{
    struct vd_abi call;
    struct vd_u256 balance;
    vd_abi_call(&call, VD_SELECTOR_BALANCE_OF);
    vd_abi_address(&call, vd_signer_address(b->signer));
    if (!read_word(b, layer, &balance, token, &call)) {
        return false;
    }
    char have[79];
    vd_u256_to_dec(have, &balance);
    return !vd_u256_lt(&balance, amount) ||
           bridge_fail(b, "%s: account %s has %s of token %s, which is not enough",
                       bridge_layer(b, layer), bridge_hex(vd_signer_address(b->signer)->b, 20).text,
                       have, bridge_hex(token->b, 20).text);
}

/* Lets the bridge take the tokens, unless it may already. */
static bool
approve(struct bridge *b, struct vd_l1 *layer, const struct vd_address *token,
        const struct vd_address *spender, const struct vd_u256 *amount)
{
    struct vd_abi call;
    struct vd_u256 allowed;
    struct bridge_receipt receipt;
    struct vd_u256 zero = vd_u256(0);
    vd_abi_call(&call, VD_SELECTOR_ALLOWANCE);
    vd_abi_address(&call, vd_signer_address(b->signer));
    vd_abi_address(&call, spender);
    if (!read_word(b, layer, &allowed, token, &call)) {
        return false;
    }
    if (!vd_u256_lt(&allowed, amount)) {
        return true;
    }
    vd_abi_call(&call, VD_SELECTOR_APPROVE);
    vd_abi_address(&call, spender);
    vd_abi_u256(&call, amount);
    return bridge_send(b, layer, &receipt, "approval", token, &zero, &call);
}

/* The token of L2 must be the L1 token's: else the tokens of a deposit would be stuck. *minted:
   L2's bridge burns and mints it, no approval is needed there. */
static bool
check_pair(struct bridge *b, const struct vd_address *l1_token, const struct vd_address *l2_token,
           bool *minted)
{
    struct vd_abi call;
    struct vd_slice answer;
    struct vd_address remote;
    vd_abi_call(&call, VD_SELECTOR_REMOTE_TOKEN);
    bool reverted = false;
    if (!bridge_call(b, b->l2, &answer, &reverted, l2_token, &call)) {
        return false;
    }
    *minted = !reverted && vd_abi_read_address(&remote, answer, 0);
    if (*minted && !vd_address_eq(&remote, l1_token)) {
        return bridge_fail(b, "L2: token %s stands for %s of L1, not for --l1-token",
                           bridge_hex(l2_token->b, 20).text, bridge_hex(remote.b, 20).text);
    }
    return true;
}

/* On L1 the counterpart of a token that is L2's own has remoteToken(). */
static bool
check_some_side_mints(struct bridge *b, const struct vd_address *l1_token,
                      const struct vd_address *l2_token, bool l2_mints)
{
    struct vd_abi call;
    struct vd_slice answer;
    struct vd_address remote;
    bool reverted = false;
    if (l2_mints) {
        return true;
    }
    vd_abi_call(&call, VD_SELECTOR_REMOTE_TOKEN);
    if (!bridge_call(b, b->l1, &answer, &reverted, l1_token, &call)) {
        return false;
    }
    return (!reverted && vd_abi_read_address(&remote, answer, 0) &&
            vd_address_eq(&remote, l2_token)) ||
           bridge_fail(b,
                       "%s of L2 is no counterpart of %s of L1; make one with the "
                       "OptimismMintableERC20Factory (docs/bridge.md)",
                       bridge_hex(l2_token->b, 20).text, bridge_hex(l1_token->b, 20).text);
}

static void
bridge_erc20(struct vd_abi *call, const struct bridge *b, const struct vd_address *local,
             const struct vd_address *remote, const struct vd_address *to,
             const struct vd_u256 *amount)
{
    vd_abi_call(call, VD_SELECTOR_BRIDGE_ERC20_TO);
    vd_abi_address(call, local);
    vd_abi_address(call, remote);
    vd_abi_address(call, to);
    vd_abi_u256(call, amount);
    vd_abi_u64(call, gas_there(b, TOKEN_GAS));
    vd_abi_u64(call, 192);
    vd_abi_bytes(call, vd_slice(NULL, 0));
}

/* --- deposit --- */

/* What L2's messenger is to relay of a deposit, if it is a message.  TransactionDeposited's data is
   mint, value, gas and isCreation, packed, then the calldata (OP Stack specs, deposits). */
static bool
read_message(struct bridge *b, struct bridge_relay *relay, const struct vd_log *log)
{
    struct vd_slice opaque;
    size_t head = 32 + 32 + 8 + 1;
    struct vd_address to;
    *relay = (struct bridge_relay){.layer = b->l2, .messenger = VD_L2_CROSS_DOMAIN_MESSENGER};
    memcpy(to.b, log->topics[2].b + 12, sizeof to.b);
    if (!vd_address_eq(&to, &relay->messenger) || !vd_abi_read_bytes(&opaque, log->data, 0, 0) ||
        opaque.len <= head) {
        return false;
    }
    relay->gas = vd_load_be64(opaque.ptr + 64);
    relay->calldata = vd_slice(opaque.ptr + head, opaque.len - head);
    return true;
}

/* A message that its messenger could not deliver is in a block too, and has not arrived. */
static bool
check_arrival(struct bridge *b, const struct bridge_receipt *l2, const struct vd_log *log)
{
    struct bridge_relay relay;
    bool failed = false;
    if (read_message(b, &relay, log) && !bridge_relay_failed(b, &failed, l2, &relay)) {
        return false;
    }
    printf("%-22s in L2 block %llu\n",
           !l2->success ? "failed on L2"
           : failed     ? "failed in messenger"
                        : "arrived",
           (unsigned long long)l2->block.number);
    if (failed) {
        bridge_print_replay(b, &relay);
        return bridge_fail_relay(b, &relay);
    }
    return l2->success ||
           bridge_fail(b, "the deposit's call failed on L2: its ETH is on the sender's account "
                          "there; more gas (--gas) or another receiver may help");
}

/* The deposits of an L1 receipt, each waited for on L2. */
static bool
await_deposits(struct bridge *b, const struct bridge_receipt *receipt)
{
    size_t count = 0;
    for (size_t i = 0; i < receipt->log_count; i++) {
        struct vd_buf raw;
        struct bridge_receipt l2;
        const struct vd_log *log = &receipt->logs[i];
        if (!vd_address_eq(&log->address, &b->addresses.optimism_portal) || log->topic_count != 4) {
            continue;
        }
        vd_buf_init(&raw, &b->arena);
        if (vd_deposit_from_log(&raw, log, &receipt->block.hash, receipt->log_indices[i]) !=
            VD_OK) {
            continue; /* another event of the portal */
        }
        struct vd_hash hash = vd_keccak256(vd_buf_view(&raw));
        count++;
        printf("%-22s %s  (L2)\n", "deposit", bridge_hex(hash.b, 32).text);
        fflush(stdout);
        if (!bridge_await(b, b->l2, &l2, &hash) || !check_arrival(b, &l2, log)) {
            return false;
        }
    }
    return count > 0 || bridge_fail(b, "the transaction deposits nothing at the portal %s",
                                    bridge_hex(b->addresses.optimism_portal.b, 20).text);
}

static bool
deposit_eth(struct bridge *b, struct bridge_receipt *receipt, const struct vd_address *to,
            const struct vd_u256 *amount)
{
    struct vd_abi call;
    vd_abi_call(&call, VD_SELECTOR_DEPOSIT_TRANSACTION);
    vd_abi_address(&call, to);
    vd_abi_u256(&call, amount);
    vd_abi_u64(&call, gas_there(b, ETH_GAS));
    vd_abi_u64(&call, 0);
    vd_abi_u64(&call, 160);
    vd_abi_bytes(&call, vd_slice(NULL, 0));
    return bridge_send(b, b->l1, receipt, "deposit sent", &b->addresses.optimism_portal, amount,
                       &call);
}

static bool
deposit_token(struct bridge *b, struct bridge_receipt *receipt, const struct vd_address *to,
              const struct vd_u256 *amount)
{
    struct vd_address l1_token;
    struct vd_address l2_token;
    struct vd_abi call;
    struct vd_u256 zero = vd_u256(0);
    bool l2_mints = false;
    if (!tokens(b, &l1_token, &l2_token) || !check_pair(b, &l1_token, &l2_token, &l2_mints) ||
        !check_some_side_mints(b, &l1_token, &l2_token, l2_mints) ||
        !check_balance(b, b->l1, &l1_token, amount) ||
        (l2_mints && !approve(b, b->l1, &l1_token, &b->addresses.l1_standard_bridge, amount))) {
        return false;
    }
    bridge_erc20(&call, b, &l1_token, &l2_token, to, amount);
    return bridge_send(b, b->l1, receipt, "deposit sent", &b->addresses.l1_standard_bridge, &zero,
                       &call);
}

bool
bridge_deposit(struct bridge *b)
{
    struct bridge_receipt receipt;
    struct vd_hash hash;
    if (b->options.bridge_tx) { /* sent before: only waited for */
        return bridge_hash(b, &hash, "--tx", b->options.bridge_tx) &&
               bridge_await(b, b->l1, &receipt, &hash) &&
               (receipt.success || bridge_fail(b, "L1: the transaction reverted")) &&
               await_deposits(b, &receipt);
    }
    struct vd_address to;
    struct vd_u256 amount;
    if (!bridge_amount(b, &amount, "--amount", b->options.bridge_amount) || !receiver(b, &to) ||
        (has_token(b) && !check_token_receiver(b, &to))) {
        return false;
    }
    bool sent = has_token(b) ? deposit_token(b, &receipt, &to, &amount)
                             : deposit_eth(b, &receipt, &to, &amount);
    return sent && await_deposits(b, &receipt);
}

/* --- withdraw --- */

static bool
withdraw_eth(struct bridge *b, struct bridge_receipt *receipt, const struct vd_address *to,
             const struct vd_u256 *amount)
{
    struct vd_abi call;
    vd_abi_call(&call, VD_SELECTOR_INITIATE_WITHDRAWAL);
    vd_abi_address(&call, to);
    vd_abi_u64(&call, gas_there(b, ETH_GAS));
    vd_abi_u64(&call, 96);
    vd_abi_bytes(&call, vd_slice(NULL, 0));
    return bridge_send(b, b->l2, receipt, "withdrawal sent", &VD_L2_TO_L1_MESSAGE_PASSER, amount,
                       &call);
}

static bool
withdraw_token(struct bridge *b, struct bridge_receipt *receipt, const struct vd_address *to,
               const struct vd_u256 *amount)
{
    struct vd_address l1_token;
    struct vd_address l2_token;
    struct vd_abi call;
    struct vd_u256 zero = vd_u256(0);
    bool l2_mints = false;
    if (!tokens(b, &l1_token, &l2_token) || !check_pair(b, &l1_token, &l2_token, &l2_mints) ||
        !check_some_side_mints(b, &l1_token, &l2_token, l2_mints) ||
        !check_balance(b, b->l2, &l2_token, amount) ||
        (!l2_mints && !approve(b, b->l2, &l2_token, &VD_L2_STANDARD_BRIDGE, amount))) {
        return false;
    }
    bridge_erc20(&call, b, &l2_token, &l1_token, to, amount);
    return bridge_send(b, b->l2, receipt, "withdrawal sent", &VD_L2_STANDARD_BRIDGE, &zero, &call);
}

bool
bridge_withdraw(struct bridge *b)
{
    struct bridge_receipt receipt;
    struct vd_address to;
    struct vd_u256 amount;
    if (!bridge_amount(b, &amount, "--amount", b->options.bridge_amount) || !receiver(b, &to) ||
        !check_l1_receiver(b, &to)) {
        return false;
    }
    bool sent = has_token(b) ? withdraw_token(b, &receipt, &to, &amount)
                             : withdraw_eth(b, &receipt, &to, &amount);
    if (!sent || !bridge_print_withdrawals(b, &receipt)) {
        return false;
    }
    printf("%-22s viaduct bridge prove --tx %s, once an output root of L2 block %llu or later is "
           "proposed\n",
           "next", bridge_hex(receipt.tx.b, 32).text, (unsigned long long)receipt.block.number);
    return true;
}
