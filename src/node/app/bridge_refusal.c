/* The errors that the rollup's contracts revert with, by name. */
#include <stdio.h>
#include <string.h>

#include "bridge.h"
#include "viaduct/core/crypto/keccak.h"

/* Arguments are printed up to this many words. */
#define MAX_WORDS 4u

/* What an account meets that deposits, withdraws, proves, resolves or finalizes.  The sentence may
   be NULL where the name says it all. */
static const struct {
    const char *signature;
    const char *sentence;
} errors[] = {
    /* OptimismPortal2 */
    {"OptimismPortal_AlreadyFinalized()", "the withdrawal was finalized before"},
    {"OptimismPortal_BadTarget()", "the withdrawal's target is the portal, which never takes one"},
    {"OptimismPortal_CallPaused()", "the guardian has paused withdrawals"},
    {"OptimismPortal_CalldataTooLarge()", "the deposit carries too much calldata"},
    {"OptimismPortal_GasEstimation()", "the withdrawal's call fails"},
    {"OptimismPortal_GasLimitTooLow()", "the deposit's gas does not pay for its calldata on L2"},
    {"OptimismPortal_ImproperDisputeGame()", "the game is unknown, blacklisted or retired"},
    {"OptimismPortal_InvalidDisputeGame()",
     "the game is not of the respected type, or its claim was refuted"},
    {"OptimismPortal_InvalidMerkleProof()", "the proof does not lead to the withdrawal"},
    {"OptimismPortal_InvalidOutputRootProof()", "the game claims another output root"},
    {"OptimismPortal_InvalidProofTimestamp()",
     "the game was created in this very block: prove a second later"},
    {"OptimismPortal_InvalidRootClaim()",
     "the game's claim cannot be relied on, or not yet: it is not resolved in its favour, or the "
     "delay after that is not over"},
    {"OptimismPortal_NoReentrancy()", "a withdrawal must not finalize another one"},
    {"OptimismPortal_ProofNotOldEnough()", "the delay after the proof is not over"},
    {"OptimismPortal_Unproven()", "that account has not proven the withdrawal"},
    {"OutOfGas()",
     "the block's deposits have bought all the L2 gas there is: less --gas, or the next block"},
    {"SafeCall_NotEnoughGas()", "the transaction's gas is less than the withdrawal asks for"},
    {"MerkleTrie_MalformedNode()", "the proof holds a malformed node"},
    /* AnchorStateRegistry */
    {"AnchorStateRegistry_InvalidAnchorGame()", "the game cannot be the anchor"},
    {"AnchorStateRegistry_Unauthorized()", "only the guardian may do this"},
    /* the messengers */
    {"AlreadyFailed(bytes32)", "the message failed before and can only be replayed"},
    {"AlreadyRelayed(bytes32)", "the message was delivered before"},
    {"NoMessage()", NULL},
    {"NotReplayable(bytes32)", "the message has not failed before: there is nothing to replay"},
    {"Paused()", "the guardian has paused what comes from L2"},
    {"RelayFailed(bytes32)", "the message's call fails"},
    {"UnsafeTarget(address)", "no message is relayed to that target"},
    {"UnsupportedVersion(uint16)", NULL},
    {"WrongValue(uint256,uint256)", "another amount of ether is attached than it says"},
    /* the bridges */
    {"InsufficientEscrow(uint256,uint256)", "the bridge holds less of the token"},
    {"NoValue()", "no ether is attached"},
    {"OnlyEOA()", "contracts cannot do this"},
    {"OnlyOtherBridge()", "only the bridge of the other layer may do this"},
    {"SafeERC20FailedOperation(address)", "the token's transfer failed"},
    {"TransferFailed(address)", "the receiver refuses the ether"},
    {"UnsafeReceiver(address)", "nothing is sent to that receiver"},
    {"WrongRemoteToken(address,address)", "the tokens do not belong together"},
    /* OptimismMintableERC20 */
    {"ERC20InsufficientAllowance(address,uint256,uint256)", "the bridge is not allowed as much"},
    {"ERC20InsufficientBalance(address,uint256,uint256)", "the account has fewer tokens"},
    {"ERC20InvalidReceiver(address)", "the token has no such receiver"},
    {"OnlyBridge()", "only the bridge may do this"},
    /* dispute games */
    {"ClaimAlreadyResolved()", "somebody has resolved the claim"},
    {"ClockNotExpired()", "the game's clock is not over"},
    {"GameNotFinalized()", "the delay after the game is resolved is not over"},
    {"GameNotInProgress()", "the game is decided"},
    {"GameNotResolved()", "the game is not resolved"},
    {"GamePaused()", "the guardian has paused L1"},
    {"OutOfOrderResolution()", "other claims have to be resolved before"},
    /* every contract behind a proxy */
    {"InvalidInitialization()", NULL},
    {"NotInitializing()", NULL},
    {"NotProxyAdmin()", "only the proxy's admin may do this"},
};

/* Solidity's own, whose text the node gives: Error(string), Panic(uint256). */
static bool
is_of_solidity(struct vd_slice data)
{
    return memcmp(data.ptr, "\x08\xc3\x79\xa0", 4) == 0 ||
           memcmp(data.ptr, "\x4e\x48\x7b\x71", 4) == 0;
}

static size_t
find(struct vd_slice data)
{
    size_t count = sizeof errors / sizeof errors[0];
    for (size_t i = 0; i < count; i++) {
        const char *signature = errors[i].signature;
        struct vd_hash hash = vd_keccak256(vd_slice((const uint8_t *)signature, strlen(signature)));
        if (memcmp(hash.b, data.ptr, 4) == 0) {
            return i;
        }
    }
    return count;
}

/* Hex of at most MAX_WORDS words, and dots for the rest. */
static void
append_hex(char *out, size_t size, struct vd_slice bytes)
{
    char digits[2 * (4 + 32 * MAX_WORDS) + 1] = {0};
    size_t most = (sizeof digits - 1) / 2;
    size_t len = strlen(out);
    vd_hex_encode(digits, bytes.ptr, bytes.len < most ? bytes.len : most);
    snprintf(out + len, size - len, "0x%s%s", digits, bytes.len > most ? "…" : "");
}

struct bridge_refusal
bridge_refusal(struct vd_slice data)
{
    struct bridge_refusal out = {""};
    if (data.len < 4 || is_of_solidity(data)) {
        return out;
    }
    size_t i = find(data);
    if (i == sizeof errors / sizeof errors[0]) {
        snprintf(out.text, sizeof out.text, "reverted with ");
        append_hex(out.text, sizeof out.text, data);
        return out;
    }
    const char *signature = errors[i].signature;
    snprintf(out.text, sizeof out.text, "%.*s%s%s", (int)strcspn(signature, "("), signature,
             errors[i].sentence ? ": " : "", errors[i].sentence ? errors[i].sentence : "");
    if (data.len > 4) {
        snprintf(out.text + strlen(out.text), sizeof out.text - strlen(out.text), ", ");
        append_hex(out.text, sizeof out.text, vd_slice(data.ptr + 4, data.len - 4));
    }
    return out;
}
