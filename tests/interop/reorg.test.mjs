// Reorganisations of the embedded L1, of every depth from 1 to 20, under load: the chain comes to
// stand on the L1 of now, and nothing that was acknowledged is lost.  (anvil.test.mjs has the same on
// anvil, with a second node.)
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { safeAbove } from './scenarios/rollup.mjs'
import { Chain } from './support/chain.mjs'
import { cleanUp, startDev, waitFor } from './support/harness.mjs'
import { Load, allIncluded } from './support/load.mjs'
import { call } from './support/rpc.mjs'

const deepest = Number(process.env.INTEROP_REORG_DEPTH ?? 20)
const depths = Array.from({ length: deepest }, (_, i) => i + 1)

const head = async (url) => Number(await call(url, 'eth_blockNumber'))

describe('on the embedded L1', () => {
  after(cleanUp)
  let dev
  let l1
  let l2
  let load

  test('a chain deep enough', { timeout: 120_000 }, async () => {
    dev = await startDev({ args: ['--batcher-max-channel-age', '1000'] })
    l1 = dev.info.l1.rpc
    l2 = new Chain(dev.info.l2.rpc, dev.info.l2.chainId)
    load = new Load(l2, 5, { pauseMs: 20 }).start()
    await waitFor('enough L1 blocks', async () => (await head(l1)) > deepest + 4, { timeout: 60_000 })
    await safeAbove(l2, l1, 5)
  })

  for (const depth of depths) {
    test(`depth ${depth}`, { timeout: 150_000 }, async () => {
      const before = await head(l2.url)
      await call(l1, 'anvil_reorg', depth)
      await safeAbove(l2, l1, before)
      assert.equal(dev.child.end, undefined)
    })
  }

  test('nothing that was acknowledged is lost', { timeout: 120_000 }, async (t) => {
    const acknowledged = await load.stop()
    t.diagnostic(`${acknowledged.length} transfers, refused: ${JSON.stringify([...load.refused])}`)
    assert(acknowledged.length > 100)
    await allIncluded(l2, acknowledged)
    assert.deepEqual(await dev.child.stop(), { code: 0, signal: null })
  })
})
