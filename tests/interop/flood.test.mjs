// A flood of a thousand claims in one dispute game: each is answered within the shortest time that the
// game's clocks leave, and the flood's bonds go to whoever answered.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Chain, accounts } from './support/chain.mjs'
import { Court, Docket } from './support/dispute.mjs'
import { cleanUp, startDev, temporaryFolder, waitFor } from './support/harness.mjs'

const bound = { timeout: 600_000 }
const owner = 7
const claims = 1000
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

  test('every claim is answered within one clock extension', bound, async () => {
    const { player, table } = one
    const target = await waitFor('the answer to the root', async () =>
      (await table.sync()).find(({ parent }) => parent === 0), { timeout: 60_000 })
    await player.flood(table, target, claims)
    const answered = () => new Set(table.claims.filter(({ claimant, parent }) => claimant === docket.challenger && parent > 1).map(({ parent }) => parent))
    await waitFor('all answers', async () => {
      await table.sync()
      return answered().size === claims
    }, { timeout: 400_000, interval: 1000 })
    assert.equal(table.claims.length, 2 + 2 * claims)
    for (const { claimant, parent, time } of table.claims) {
      if (claimant === docket.challenger && parent > 1) assert.ok(time - table.claims[parent].time <= table.extension)
    }
  })

  test('all its bonds go to whoever answered', bound, async () => {
    await docket.settle(300_000)
  })
})
