// What only a rollup has: heads that follow L1, outputs, deposits.
import assert from 'node:assert/strict'
import { concat, keccak256, parseEther, toHex } from 'viem'
import { getL2TransactionHashes } from 'viem/op-stack'
import * as artifacts from '../support/artifacts.mjs'
import { accounts } from '../support/chain.mjs'
import { waitFor } from '../support/harness.mjs'
import { call } from '../support/rpc.mjs'

export const syncStatus = (chain) => call(chain.url, 'optimism_syncStatus')

/** Safe and finalized blocks pass the given number. */
export async function headsAdvance(chain, { safe, finalized, timeout = 60_000 }) {
  await waitFor(`safe block ${safe} and finalized block ${finalized}`, async () => {
    const status = await syncStatus(chain)
    return status.safe_l2.number >= safe && status.finalized_l2.number >= finalized
  }, { timeout, interval: 250 })
  const [latest, safeBlock, finalizedBlock] = await Promise.all(
    ['latest', 'safe', 'finalized'].map((blockTag) => chain.public.getBlock({ blockTag })))
  assert(latest.number >= safeBlock.number && safeBlock.number >= finalizedBlock.number)
}

/** Waits for a safe block above the number; the block, whose origin must be on L1's chain of now. */
export async function safeAbove(chain, l1, number) {
  return waitFor(`a safe block above ${number}`, async () => {
    const { safe_l2: block } = await syncStatus(chain)
    if (block.number <= number) throw new Error(`safe ${block.number}`)
    const origin = await call(l1, 'eth_getBlockByNumber', toHex(block.l1origin.number), false)
    if (origin?.hash !== block.l1origin.hash) throw new Error('the safe block stands on blocks that left L1')
    return block
  }, { timeout: 120_000, interval: 100 })
}

/** The output root is the hash of what the node says it commits to. */
export async function outputs(chain) {
  const { safe_l2: safe } = await syncStatus(chain)
  const output = await call(chain.url, 'optimism_outputAtBlock', toHex(safe.number))
  const block = await call(chain.url, 'eth_getBlockByNumber', toHex(safe.number), false)
  assert.equal(output.stateRoot, block.stateRoot)
  assert.equal(output.blockRef.hash, block.hash)
  assert.equal(block.withdrawalsRoot, output.withdrawalStorageRoot)
  assert.equal(output.outputRoot, keccak256(concat([
    toHex(0, { size: 32 }), block.stateRoot, output.withdrawalStorageRoot, block.hash])))
  const config = await call(chain.url, 'optimism_rollupConfig')
  assert.equal(Number(config.l2_chain_id), chain.id)
  assert.match(await call(chain.url, 'optimism_version'), /\S/)
}

/** A deposit on L1 is executed on L2, with the hash that L1's log determines. */
export async function deposit(l1, l2, portal, { from = 4 } = {}) {
  const to = '0x00000000000000000000000000000000000de905'
  const before = await l2.public.getBalance({ address: to })
  const receipt = await l1.write(from, portal, artifacts.logSource.abi, 'depositTransaction',
    [to, parseEther('2'), 100_000n, false, '0x'], { value: parseEther('2') })
  const [hash] = getL2TransactionHashes({ logs: receipt.logs })
  const done = await waitFor('the deposit on L2',
    async () => (await call(l2.url, 'eth_getTransactionReceipt', hash)) ?? undefined, { timeout: 60_000 })
  assert.equal(done.status, '0x1')
  assert.equal(done.type, '0x7e')
  assert.equal(done.from, accounts[from].address.toLowerCase())
  const sent = await call(l2.url, 'eth_getTransactionByHash', hash)
  assert.equal(sent.type, '0x7e')
  assert.equal(BigInt(sent.mint), parseEther('2'))
  assert.match(sent.sourceHash, /^0x[0-9a-f]{64}$/)
  assert.equal(await l2.public.getBalance({ address: to }), before + parseEther('2'))
}
