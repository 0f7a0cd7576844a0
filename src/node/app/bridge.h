/* What the actions of `viaduct bridge` share: both layers over JSON-RPC, an account, and calls that
   wait.

   A command does one thing after the other, so its calls run the loop until their answer is there.
   Each returns false when it failed, with the reason in error; the action then ends. */
#ifndef VIADUCT_NODE_APP_BRIDGE_H
#define VIADUCT_NODE_APP_BRIDGE_H

#include "addresses.h"
#include "run.h"
#include "viaduct/core/rollup/config.h"
#include "viaduct/node/l1/abi.h"
#include "viaduct/node/l1/l1_client.h"
#include "viaduct/node/l1/signer.h"
#include "viaduct/node/l1/withdrawal.h"

struct bridge {
    struct vd_run run;   /* first: the callbacks get it */
    struct vd_run *host; /* whose loop is run while it waits; NULL: its own */
    struct vd_options options;
    struct vd_arena arena;
    struct vd_l1 *l1;
    struct vd_l1 *l2; /* the same client: L2 answers the same methods */
    struct vd_signer *signer;
    struct vd_addresses addresses;
    char error[1024];
    int stage;  /* of closing */
    bool quiet; /* actions print nothing: somebody else tells what happens */

    /* the answer that is waited for */
    bool done;
    enum vd_err err;
    char text[400];
    uint64_t number;
    struct vd_slice bytes; /* in the arena */
    struct vd_header header;
    struct vd_hash hash;
    json_t *json; /* owned until the next answer */
    struct vd_withdrawal_standing standing;
};

#define BRIDGE_STOPPED "interrupted"

/* Sets the message; false. */
bool bridge_fail(struct bridge *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The answer is there: ends bridge_wait, called by what was waited for. */
void bridge_done(struct bridge *b);
/* Runs the loop until the answer is there; false: interrupted. */
bool bridge_wait(struct bridge *b);
bool bridge_sleep(struct bridge *b, uint64_t ms);
struct vd_run *bridge_run(struct bridge *b);

/* --- calls; layer is b->l1 or b->l2 --- */
const char *bridge_layer(const struct bridge *b, const struct vd_l1 *layer); /* "L1" or "L2" */
bool bridge_chain_id(struct bridge *b, struct vd_l1 *layer, uint64_t *id);
bool bridge_balance(struct bridge *b, struct vd_l1 *layer, struct vd_u256 *wei,
                    const struct vd_address *account, struct vd_l1_at at);
/* eth_call at the latest block; call is freed.  *reverted NULL: a revert is a failure. */
bool bridge_call(struct bridge *b, struct vd_l1 *layer, struct vd_slice *answer, bool *reverted,
                 const struct vd_address *to, struct vd_abi *call);
/* The header at a number or tag, as JSON-RPC gave it, checked against its hash. */
bool bridge_header(struct bridge *b, struct vd_l1 *layer, struct vd_l1_at at);
/* eth_getProof of one slot; b->json is the answer. */
bool bridge_proof(struct bridge *b, struct vd_l1 *layer, const struct vd_address *account,
                  const struct vd_hash *slot, uint64_t number);
/* Any other method; params is a JSON array, which is freed; b->json is the answer. */
bool bridge_request(struct bridge *b, struct vd_l1 *layer, const char *method, json_t *params);

/* A receipt that was found. */
struct bridge_receipt {
    struct vd_hash tx;
    struct vd_block_id block;
    bool success;
    struct vd_log *logs; /* in the arena */
    uint64_t *log_indices;
    size_t log_count;
};
/* *found false: not in a block (yet). */
bool bridge_receipt(struct bridge *b, struct vd_l1 *layer, struct bridge_receipt *out, bool *found,
                    const struct vd_hash *tx);
/* Asks for it every second, until --timeout. */
bool bridge_await(struct bridge *b, struct vd_l1 *layer, struct bridge_receipt *out,
                  const struct vd_hash *tx);

/* Estimates, signs, sends, prints the hash after `what`, and waits until it is in a block.  A
   reverted transaction is a failure.  call is freed. */
bool bridge_send(struct bridge *b, struct vd_l1 *layer, struct bridge_receipt *out,
                 const char *what, const struct vd_address *to, const struct vd_u256 *value,
                 struct vd_abi *call);
/* Signs and sends, and does not wait for a block.  With gas given, nobody is asked whether it would
   revert.  call is freed. */
struct bridge_post {
    const char *what;
    struct vd_address to;
    struct vd_u256 value;
    uint64_t gas; /* 0: estimated */
};
bool bridge_post(struct bridge *b, struct vd_l1 *layer, struct vd_hash *hash,
                 const struct bridge_post *post, struct vd_abi *call);

/* --- refusals (bridge_refusal.c) --- */
/* What a call reverted with, by the names of the contracts' errors: "OutOfGas: the sentence".
   Empty when data is no custom error: it is empty, or a reason that the node's text holds. */
struct bridge_refusal {
    char text[400];
};
struct bridge_refusal bridge_refusal(struct vd_slice data);

/* --- messages of the messengers (bridge_relay.c) --- */
/* What a messenger was to relay.  The calldata is that of relayMessage; its hash is the message's,
   and who sends it again replays the message. */
struct bridge_relay {
    struct vd_l1 *layer; /* where it arrives */
    struct vd_address messenger;
    struct vd_slice calldata;
    uint64_t gas; /* that it was given */
};
/* *failed: the receipt says that the message failed in the messenger, and it was not replayed
   since. */
bool bridge_relay_failed(struct bridge *b, bool *failed, const struct bridge_receipt *receipt,
                         const struct bridge_relay *relay);
/* Prints how to replay it. */
void bridge_print_replay(const struct bridge *b, const struct bridge_relay *relay);
/* The reason, and false. */
bool bridge_fail_relay(struct bridge *b, const struct bridge_relay *relay);

/* --- values --- */
/* "1000" wei, "0.1ether", "5gwei"; with decimals of a token "2.5" is not taken, only whole units.
   Nothing is no amount. */
bool bridge_amount(struct bridge *b, struct vd_u256 *out, const char *option, const char *text);
bool bridge_address(struct bridge *b, struct vd_address *out, const char *option, const char *text);
bool bridge_hash(struct bridge *b, struct vd_hash *out, const char *option, const char *text);
struct bridge_hex {
    char text[67];
};
struct bridge_hex bridge_hex(const uint8_t *bytes, size_t len);
/* wei in ether, without zeros at the end: "1.5 ether". */
struct bridge_ether {
    char text[100];
};
struct bridge_ether bridge_ether(const struct vd_u256 *wei);

/* --- actions (bridge_move.c, bridge_withdrawal.c) --- */
bool bridge_deposit(struct bridge *b);
bool bridge_withdraw(struct bridge *b);
bool bridge_prove(struct bridge *b);
bool bridge_finalize(struct bridge *b);
bool bridge_status(struct bridge *b);
/* Where the withdrawal of --tx stands, into b->standing. */
bool bridge_look(struct bridge *b);
/* The withdrawals of an L2 receipt, printed with their hashes. */
bool bridge_print_withdrawals(struct bridge *b, const struct bridge_receipt *receipt);

#endif
