// Disputes on an L1 that is not ours: a chain that `viaduct deploy` founded on anvil, with games of few
// levels and long clocks, and a node that challenges.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Chain, accounts } from './support/chain.mjs'
import { Deployment, chainConfig, keyFile, roles } from './support/deploy.mjs'
import { Court, Docket, fromPreimage } from './support/dispute.mjs'
import { cleanUp, startAnvil, startNode, temporaryFolder } from './support/harness.mjs'

const bound = { timeout: 500_000 }
roles.challenger = 5

describe('on anvil', () => {
  let node
  let court
  let docket

  before(async () => {
    const anvil = await startAnvil(['--block-time', '1', '--slots-in-an-epoch', '4'])
    const deployment = new Deployment(anvil.url, chainConfig({
      faultGameMaxDepth: 36, faultGameSplitDepth: 6, faultGameMaxClockDuration: 3600, faultGameClockExtension: 600,
    }))
    const { code, errors } = await deployment.run()
    assert.equal(code, 0, errors)
    const datadir = temporaryFolder()
    node = await startNode({
      name: 'challenger', l1: anvil.url, files: deployment.folder, datadir,
      args: ['--sequencer', '--sequencer-l1-confs', '0', '--batcher', '--batcher-key-file', keyFile('batcher'),
        '--batcher-max-channel-age', '2000', '--batcher-confs', '1',
        '--challenger', '--challenger-key-file', keyFile('challenger'), '--challenger-confs', '1'],
    })
    court = new Court({
      l1: new Chain(anvil.url, 31337, { l2: false }), contracts: deployment.addresses, l2Url: node.url,
      files: deployment.folder, datadir,
    })
    docket = new Docket(court, accounts[roles.challenger].address)
    await court.safeBlock(16)
    await docket.begin()
  }, bound)
  after(async () => {
    if (process.env.INTEROP_VERBOSE) console.error(node?.child.tail())
    await cleanUp()
  })

  describe('lies', { concurrency: true }, () => {
    test('a wrong output', bound, async () => {
      await docket.fight(await docket.liar('a wrong output', 12, 7))
    })
    test('states that are wrong in the last step alone', bound, async () => {
      await docket.fight(await docket.liar('the last step', 10, 9, { statesFalseFrom: (length) => length }))
    })
    test("states that are wrong from a step on that reads a precompile's answer", bound, async () => {
      await docket.fight(await docket.liar('a preimage', 11, 8, fromPreimage(court, 'precompile', 0)))
    })
    test('a malicious challenger against a true output', bound, async () => {
      await docket.malicious('a malicious challenger', 11, 6)
    })
  })

  test('a liar who answers in the last second', bound, async () => {
    await docket.late(await docket.liar('the last second', 13, 2), 8)
  })

  test('the true side wins every game, and each bond reaches whom it belongs to', bound, async () => {
    await docket.settle()
  })
})
