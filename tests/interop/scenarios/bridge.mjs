// Deposits and withdrawals by viem's op-stack actions as they are published.
import assert from 'node:assert/strict'
import { parseEther } from 'viem'
import { getL2TransactionHashes, getWithdrawals } from 'viem/op-stack'
import { accounts } from '../support/chain.mjs'
import { waitFor } from '../support/harness.mjs'
import { call } from '../support/rpc.mjs'

/** What the node says of the one withdrawal of an L2 transaction. */
export async function standing(rollup, hash) {
  const answer = await call(rollup.t2({}).value.url, 'viaduct_withdrawalStatus', hash)
  assert.equal(answer.withdrawals.length, 1)
  return answer.withdrawals[0]
}

/** ETH by the portal: the L2 receipt. */
export async function depositEth(rollup, index, amount) {
  const to = accounts[index].address
  const before = await rollup.p2.getBalance({ address: to })
  const args = await rollup.p2.buildDepositTransaction({ account: accounts[index], mint: amount, to })
  const gas = await rollup.p1.estimateDepositTransactionGas(args)
  const hash = await rollup.w1(index).depositTransaction({ ...args, gas: gas * 12n / 10n })
  const receipt = await rollup.mined(rollup.p1, hash)
  const [l2Hash] = getL2TransactionHashes(receipt)
  const l2Receipt = await rollup.mined(rollup.p2, l2Hash)
  assert.equal(await rollup.p2.getBalance({ address: to }), before + amount)
  return l2Receipt
}

/** Proves and finalizes the withdrawal of an L2 receipt, checking its status on the way. */
export async function proveAndFinalize(rollup, index, receipt) {
  const { p1, p2 } = rollup
  const targetChain = p2.chain
  const status = (wanted) => async () => {
    const is = await p1.getWithdrawalStatus({ receipt, targetChain })
    return is === wanted
  }
  const { output, game, withdrawal } = await p1.waitToProve({ receipt, targetChain })
  // The portal takes no proof in the second of the game's creation, which estimates run in.
  await waitFor('the node to find it ready to prove', async () =>
    (await standing(rollup, receipt.transactionHash)).status === 'ready-to-prove')
  const args = await p2.buildProveWithdrawal({
    account: accounts[index], ...(game ? { game } : { output }), withdrawal,
  })
  await rollup.mined(p1, await rollup.w1(index).proveWithdrawal(args))
  const proven = await standing(rollup, receipt.transactionHash)
  assert.equal(proven.status, 'waiting-to-finalize')
  assert.equal(proven.proofSubmitter, accounts[index].address.toLowerCase())
  assert.ok(proven.game.valid)
  await p1.waitToFinalize({ withdrawalHash: withdrawal.withdrawalHash, targetChain })
  await waitFor('viem to find it ready to finalize', status('ready-to-finalize'), { timeout: 60_000 })
  assert.equal((await standing(rollup, receipt.transactionHash)).status, 'ready-to-finalize')
  const finalize = await rollup.w1(index).finalizeWithdrawal({ targetChain, withdrawal })
  const finalized = await rollup.mined(p1, finalize)
  assert.ok(await status('finalized')())
  assert.equal((await standing(rollup, receipt.transactionHash)).status, 'finalized')
  return finalized
}

/** ETH straight through the message passer. */
export async function withdrawEth(rollup, index) {
  const to = '0x00000000000000000000000000000000000e0001'
  const amount = parseEther('0.3')
  // Without gas viem estimates the call from the zero address, which is rich on the main L1 alone.
  const args = await rollup.p1.buildInitiateWithdrawal({
    account: accounts[index], to, value: amount, gas: 21_000n,
  })
  const hash = await rollup.w2(index).initiateWithdrawal(args)
  const receipt = await rollup.mined(rollup.p2, hash)
  const [withdrawal] = getWithdrawals(receipt)
  assert.equal((await standing(rollup, hash)).withdrawalHash, withdrawal.withdrawalHash)
  const before = await rollup.p1.getBalance({ address: to })
  await proveAndFinalize(rollup, index, receipt)
  assert.equal(await rollup.p1.getBalance({ address: to }), before + amount)
}
