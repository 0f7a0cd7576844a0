// A flood of a thousand claims in one dispute game, and one of outputs at the split depth of another,
// each of which has a trace of its own: each claim is answered within the shortest time that the games'
// clocks leave, and the floods' bonds go to whoever answered.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Chain, accounts } from './support/chain.mjs'
import { Court, Docket } from './support/dispute.mjs'
import { cleanUp, startDev, temporaryFolder, waitFor } from './support/harness.mjs'

const bound = { timeout: 600_000 }
const owner = 7
const claims = 1000
const leaves = 100
const rules = { maxGameDepth: 36n, splitDepth: 6n, clockExtension: 900n, maxClockDuration: 7200n }

describe('a flood', () => {
  let dev
  let docket
  let one

  before(async () => {
    const datadir = join(temporaryFolder(), 'chain')
    dev = await startDev({ datadir, args: ['--batcher-max-channel-age', '2000', '--proposal-interval', '10000000'] })
    const court = new Court({
      l1: new Chain(dev.info.l1.rpc, dev.info.l1.chainId, { l2: false }), contracts: dev.info.contracts,
      l2Url: dev.info.l2.rpc, files: datadir, datadir: join(datadir, 'l2'),
    })
    await court.safeBlock(8)
    await court.install(owner, rules)
    docket = new Docket(court, accounts[6].address)
    await docket.begin()
    one = await docket.liar('a flood', 6, 3, { ether: 200n })
  }, bound)
  after(async () => {
    if (process.env.INTEROP_VERBOSE) console.error(dev?.child.tail())
    await cleanUp()
  })

  /** Waits until each of so many claims that counter one is countered in turn, in time; the counters. */
  async function answers(table, target, count) {
    const counters = () => table.claims.filter(({ claimant, parent }) =>
      claimant === docket.challenger && parent !== null && table.claims[parent].parent === target)
    await waitFor('all answers', async () => {
      await table.sync()
      return new Set(counters().map(({ parent }) => parent)).size === count
    }, { timeout: 400_000, interval: 1000 })
    for (const { parent, time } of counters()) assert.ok(time - table.claims[parent].time <= table.extension)
    return counters()
  }

  test('every claim is answered within one clock extension', bound, async () => {
    const { player, table } = one
    const target = await waitFor('the answer to the root', async () =>
      (await table.sync()).find(({ parent }) => parent === 0), { timeout: 60_000 })
    await player.flood(table, target, claims)
    await answers(table, 1, claims)
    assert.equal(table.claims.length, 2 + 2 * claims)
  })

  // All of them are about one block after one agreed output: what differs is the root that the machine
  // compares its own with at the very end.
  test('every false leaf is answered by the root of its own trace', bound, async () => {
    const { player, table, view } = await docket.liar('a flood of leaves', 6, 3)
    await player.play(table, view, { before: async (_, { depth }) => depth < table.split, over: () => false })
    const target = table.claims.find(({ depth }) => depth === table.split - 1)
    await player.flood(table, target, leaves)
    const roots = await answers(table, target.index, leaves)
    assert.equal(new Set(roots.map(({ value }) => value)).size, leaves)
    for (const root of [roots[0], roots[leaves >> 1], roots[leaves - 1]]) {
      const { witness } = await docket.court.witness(table.runOf(root), table.leafAt(root.position) + 1)
      assert.equal(witness.stateHash, root.value)
    }
  })

  test('all their bonds go to whoever answered', bound, async () => {
    await docket.settle(300_000)
  })
})
