// A sequencing window that no batch met, on anvil: both nodes follow derivation, which gives the
// sequencer's blocks up; with the batcher back the chain recovers by itself.
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import * as rollup from './scenarios/rollup.mjs'
import { Chain } from './support/chain.mjs'
import { bothSafe, found, sameChain, startSequencer, startVerifier } from './support/found.mjs'
import { cleanUp, startNode, temporaryFolder, waitFor } from './support/harness.mjs'
import { Load } from './support/load.mjs'
import { call } from './support/rpc.mjs'

const window = 24 // L1 blocks, of a second each

describe('an expired sequencing window', () => {
  after(cleanUp)
  let base
  let datadir
  let sequencer
  let verifier
  let load
  let acknowledged

  const receipt = (chain, hash) => call(chain.url, 'eth_getTransactionReceipt', hash)

  /** Both have the transaction in the same safe block. */
  const isSafe = async (hash) => {
    const blocks = await Promise.all([sequencer, verifier].map(async ({ chain }) => {
      const { safe_l2: safe } = await rollup.syncStatus(chain)
      const found = await receipt(chain, hash)
      if (!found || Number(found.blockNumber) > safe.number) throw new Error(`not at or below ${safe.number}`)
      return found.blockHash
    }))
    return blocks[0] === blocks[1]
  }

  test('without a batcher both nodes make the same blocks from L1 alone', { timeout: 150_000 }, async () => {
    base = await found({ window })
    datadir = temporaryFolder()
    const node = await startNode({ name: 'sequencer', l1: base.l1Url, files: base.files, datadir,
      args: ['--sequencer', '--sequencer-l1-confs', '0'] })
    sequencer = { ...node, chain: new Chain(node.url, 5901) }
    verifier = await startVerifier(base)
    load = new Load(sequencer.chain, 5, { pauseMs: 50, sync: false }).start()
    await bothSafe(sequencer.chain, verifier.chain, window / 2 + 4) // gone over twice: nobody batches yet
    await sameChain(sequencer.chain, verifier.chain)
    acknowledged = await load.stop()
    assert(acknowledged.length > 50, `${acknowledged.length} transfers; ${JSON.stringify([...load.refused])}`)
    for (const what of ['closes', 'is open again']) {
      await waitFor(`the window in the log: ${what}`,
        () => sequencer.child.errors.includes(`the sequencing window of ${window} L1 blocks ${what}`))
    }
    assert.deepEqual(await sequencer.child.stop(), { code: 0, signal: null })
  })

  test('with a batcher transactions are in safe blocks again', { timeout: 240_000 }, async () => {
    sequencer = await startSequencer(base, datadir)
    load = new Load(sequencer.chain, 6, { pauseMs: 50, sync: false }).start()
    await waitFor('acknowledged transfers', () => load.acknowledged.length > 10, { timeout: 60_000 })
    for (const { hash } of [...acknowledged, ...load.acknowledged.slice(0, 10)]) {
      await waitFor(`${hash} in a safe block`, () => isSafe(hash), { timeout: 120_000, interval: 250 })
    }
  })

  test('the unsafe chain is not cut any more', { timeout: 240_000 }, async () => {
    // A head that becomes safe as it was; a busy machine may miss a window once more.
    await waitFor('a head that becomes safe', async () => {
      const { unsafe_l2: head } = await rollup.syncStatus(sequencer.chain)
      await bothSafe(sequencer.chain, verifier.chain, head.number, 60_000)
      const block = await call(sequencer.url, 'eth_getBlockByNumber', `0x${head.number.toString(16)}`, false)
      return block.hash === head.hash
    }, { timeout: 120_000 })
    await waitFor('a safe head well within the window', async () => {
      const { safe_l2: safe, head_l1: l1 } = await rollup.syncStatus(sequencer.chain)
      return safe.l1origin.number + window / 2 > l1.number
    }, { timeout: 60_000 })
  })

  test('nothing that was acknowledged is lost', { timeout: 120_000 }, async (t) => {
    const later = await load.stop()
    t.diagnostic(`${acknowledged.length} and ${later.length} transfers, refused: ${JSON.stringify([...load.refused])}`)
    for (const { hash } of [...acknowledged, ...later]) {
      await waitFor(`the receipt of ${hash}`, async () => (await receipt(sequencer.chain, hash)) !== null)
    }
    await sameChain(sequencer.chain, verifier.chain)
    for (const { child } of [sequencer, verifier]) assert.deepEqual(await child.stop(), { code: 0, signal: null })
  })
})
