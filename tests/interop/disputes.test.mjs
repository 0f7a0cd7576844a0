// Disputes about output roots with the real contracts: the challenger of a node against liars of every
// kind.  In each the true side wins, and every bond goes where the rules send it, to the wei.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { deflateSync } from 'node:zlib'
import { concat, hexToBytes, keccak256, pad, size, toHex, toRlp } from 'viem'
import { own } from './support/artifacts.mjs'
import { Chain, accounts } from './support/chain.mjs'
import { cleanUp, startDev, temporaryFolder, waitFor } from './support/harness.mjs'
import { call } from './support/rpc.mjs'
import { Court, Docket, View, fake, fromPreimage, settled, won } from './support/dispute.mjs'

const bound = { timeout: 500_000 }
const oracleAbi = own('PreimageOracle').abi
const owner = 7
const batcher = 9
const rules = { maxGameDepth: 36n, splitDepth: 8n, clockExtension: 600n, maxClockDuration: 3600n }

describe('on the embedded L1', () => {
  let dev
  let court
  let docket
  let outdated
  let anchor

  /** A game about the newest output of all, which L1 does not make safe yet.  If it does by the time
      of the game, the claim is true. */
  const ahead = async () => {
    const name = 'an output to come'
    for (;;) {
      const one = await docket.trial({ name, claim: async () => {
        const { unsafe_l2: { number } } = await call(dev.info.l2.rpc, 'optimism_syncStatus')
        return { number, root: await court.output(number) }
      } })
      if ((await court.safeAt(one.table)) < one.number) return { ...one, view: new View(court, { name }) }
      one.status = won.defender
    }
  }
  /** A game that gives the last safe output the number of a later block.  If safe blocks come before
      the game, it is false in the ordinary way. */
  const misnamed = async () => {
    for (;;) {
      const { table, number } = await docket.trial({ name: 'a wrong number', claim: async () => {
        const number = await court.safe()
        return { number: number + 9, root: await court.output(number) }
      } })
      if ((await court.safeAt(table)) === number - 9) return table
    }
  }
  /** The batcher itself posts a batch for the block behind the safe one, in order but for a deposit
      among its transactions. */
  const invalidBatch = async () => {
    const { safe_l2: { hash, number, timestamp, l1origin } } = await call(dev.info.l2.rpc, 'optimism_syncStatus')
    const deposit = '0x7ef83aa0' + '11'.repeat(32)
    const batch = concat(['0x00', toRlp([hash, toHex(l1origin.number), l1origin.hash, toHex(timestamp + 1), [deposit]])])
    const channel = toHex(deflateSync(hexToBytes(toRlp(batch))))
    const frame = concat([`0x${'d1'.repeat(16)}`, '0x0000', toHex(size(channel), { size: 4 }), channel, '0x01'])
    const { batch_inbox_address: to } = JSON.parse(readFileSync(join(court.files, 'rollup.json'), 'utf8'))
    await waitFor('a batch of the batcher', async () => { // which posts with the same nonces
      const sent = await court.l1.wallet(batcher).sendTransaction({ to, data: concat(['0x00', frame]), gas: 200_000n })
      return (await court.l1.receipt(sent)).status === 'success'
    }, { timeout: 120_000 })
    await court.safeBlock(number + 3)
    return number + 1
  }

  before(async () => {
    const datadir = join(temporaryFolder(), 'chain')
    dev = await startDev({ datadir, args: ['--batcher-max-channel-age', '2000', '--proposal-interval', '10000000'] })
    court = new Court({
      l1: new Chain(dev.info.l1.rpc, dev.info.l1.chainId, { l2: false }), contracts: dev.info.contracts,
      l2Url: dev.info.l2.rpc, files: datadir, datadir: join(datadir, 'l2'),
    })
    await court.safeBlock(16)
    docket = new Docket(court, accounts[6].address)
    await docket.begin()
    // A game that starts from the first anchor, which a true claim moves then.
    const ours = await court.install(owner, rules)
    const view = new View(court, { name: 'an old anchor', falseFrom: 11 })
    outdated = { ...await docket.trial({ name: 'an old anchor', claim: async () => ({ number: 14, root: await view.output(14) }) }), view }
    await court.use(owner)
    const honest = await court.player(10n)
    const quick = await court.open(honest, await court.output(12), 12)
    await settled(quick, won.defender, { honest: [honest] })
    await waitFor('the anchor', async () => (anchor = await court.anchor()) >= 12)
    await court.use(owner, ours)
    await court.safeBlock(anchor + 12)
  }, bound)
  after(async () => {
    if (process.env.INTEROP_VERBOSE) console.error(dev?.child.tail())
    await cleanUp()
  })

  describe('lies', { concurrency: true }, () => {
    test('a wrong state root', bound, async () => {
      const output = async (number) => {
        const { withdrawalStorageRoot, blockRef } = await court.outputs(number)
        return keccak256(concat([pad('0x00'), fake('state root', number), withdrawalStorageRoot, blockRef.hash]))
      }
      await docket.fight(await docket.liar('a wrong state root', anchor + 9, anchor + 5, { output, statesFalseFrom: () => 100_000 }))
    })
    test('a first claim that disputes block 1', bound, async () => {
      await docket.fight(await docket.liar('block 1', anchor + 10, anchor + 1))
    })
    test('states that are wrong in the last step alone', bound, async () => {
      await docket.fight(await docket.liar('the last step', anchor + 8, anchor + 6, { statesFalseFrom: (length) => length }))
    })
    // The challenger has to give L1 what the step reads before it steps.
    for (const [type, first, after] of [['local', '01', 0], ['keccak256', '02', 300_000], ['precompile', '06', 0]]) {
      test(`states that are wrong from a step on that reads a preimage, ${type}`, bound, async () => {
        const lie = fromPreimage(court, type, after)
        await docket.fight(await docket.liar(`a preimage, ${type}`, anchor + 8, anchor + 3, lie))
        const [witness, ...others] = await lie.witnesses()
        assert.equal(others.length, 0)
        assert.equal(witness.preimageKey.slice(2, 4), first)
        // A local datum is kept under the game's own key.
        const args = [witness.preimageKey, BigInt(witness.preimageOffset)]
        if (type !== 'local') assert.ok(await court.l1.read(dev.info.contracts.PreimageOracle, oracleAbi, 'preimagePartOk', args))
      })
    }
    test('an output beyond what L1 makes safe', bound, async () => {
      await docket.fight(await ahead())
    })
    test('a safe output under the number of a later block', bound, async () => {
      const table = await misnamed()
      await waitFor('the challenge of its number', () => table.read('l2BlockNumberChallenged'), { timeout: 60_000 })
    })
    test('a chain in which an invalid batch was taken', bound, async () => {
      const number = await invalidBatch()
      await docket.fight(await docket.liar('an invalid batch', number + 2, number))
    })
    test('a liar who stops moving', bound, async () => {
      const one = await docket.liar('one who stops', anchor + 11, anchor + 3)
      await docket.fight(one, { before: async (claim, { depth }) => depth < 6 })
    })
    test('a game on an outdated anchor', bound, async () => {
      assert.ok((await court.anchor()) > outdated.table.start)
      await docket.fight(outdated)
    })
    test('a malicious challenger against a true output', bound, async () => {
      await docket.malicious('a malicious challenger', anchor + 7, anchor + 4)
    })
  })

  test('a liar who answers in the last second', bound, async () => {
    await docket.late(await docket.liar('the last second', anchor + 13, anchor + 2), 12)
  })

  test('the true side wins every game, and each bond reaches whom it belongs to', bound, async () => {
    await docket.settle()
  })
})
