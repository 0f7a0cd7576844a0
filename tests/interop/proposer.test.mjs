// The proposer on anvil through kills, a lost journal, reorganisations of L1 and a fee spike: never
// two games for one block, every root right, and proposals go on.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { toHex } from 'viem'
import { own } from './support/artifacts.mjs'
import { Chain, accounts } from './support/chain.mjs'
import { Deployment, keyFile, roles } from './support/deploy.mjs'
import { cleanUp, sleep, startAnvil, startNode, temporaryFolder, waitFor } from './support/harness.mjs'
import { Random, seed } from './support/random.mjs'
import { call } from './support/rpc.mjs'

const bound = { timeout: 300_000 }
const random = new Random(seed)
const abi = own('DisputeGameFactory').abi

describe('proposals', () => {
  const datadir = temporaryFolder()
  let anvil
  let l1
  let deployment
  let node

  const start = async () => {
    node = await startNode({
      name: 'proposer', l1: anvil.url, files: deployment.folder, datadir,
      args: ['--sequencer', '--sequencer-l1-confs', '0', '--batcher', '--batcher-key-file', keyFile('batcher'),
        '--batcher-max-channel-age', '1000', '--batcher-confs', '1', '--proposer', '--proposer-key-file',
        keyFile('proposer'), '--proposer-confs', '2', '--proposal-interval', '3'],
    })
  }
  const games = async () => {
    const read = (name, args) => l1.read(deployment.addresses.DisputeGameFactoryProxy, abi, name, args)
    const count = await read('gameCount')
    return count === 0n ? [] : read('findLatestGames', [101, count - 1n, count])
  }
  const grows = async (by, timeout = 90_000) => {
    const before = (await games()).length
    await waitFor(`${by} more games`, async () => (await games()).length >= before + by, { timeout, interval: 500 })
  }
  const check = async () => {
    const all = await games()
    const blocks = all.map(({ extraData }) => BigInt(extraData))
    assert.equal(new Set(blocks).size, blocks.length, `two games for one block: ${blocks}`)
    for (const [i, { rootClaim }] of all.entries()) {
      const output = await call(node.url, 'optimism_outputAtBlock', toHex(blocks[i]))
      assert.equal(rootClaim, output.outputRoot, `root of block ${blocks[i]}`)
    }
    return all.length
  }

  before(async () => {
    anvil = await startAnvil(['--block-time', '1', '--slots-in-an-epoch', '3'])
    l1 = new Chain(anvil.url, 31337, { l2: false })
    deployment = new Deployment(anvil.url)
    const { code, errors } = await deployment.run()
    assert.equal(code, 0, errors)
    await start()
  }, bound)
  after(async () => {
    if (process.env.INTEROP_VERBOSE) console.error(node?.child.tail())
    await cleanUp()
  })

  test('come at the interval, finalized blocks only', bound, async () => {
    await grows(3)
    await check()
    const status = await call(node.url, 'optimism_syncStatus')
    for (const { extraData } of await games()) {
      assert.ok(Number(BigInt(extraData)) <= status.finalized_l2.number)
    }
  })

  test('go on after kills at any moment', bound, async () => {
    for (let i = 0; i < 6; i++) {
      await sleep(500 + random.below(3500))
      await node.child.stop('SIGKILL')
      await start()
    }
    await grows(1)
    await check()
  })

  test('go on without the journal', bound, async () => {
    await node.child.stop('SIGKILL')
    rmSync(join(datadir, 'proposer.journal'), { force: true })
    await start()
    await grows(2)
    await check()
  })

  test('go on when L1 reorganises', bound, async () => {
    for (let i = 0; i < 4; i++) {
      await sleep(3000)
      await call(anvil.url, 'anvil_reorg', 1 + random.below(4), [])
    }
    await grows(2)
    await check()
  })

  test('go on after a fee spike', bound, async () => {
    await call(anvil.url, 'anvil_setNextBlockBaseFeePerGas', toHex(800n * 10n ** 9n))
    await grows(2, 120_000)
    await check()
  })

  test('the games are resolved and the bonds come back', bound, async () => {
    const proposer = accounts[roles.proposer].address
    const all = await games()
    const oldest = `0x${all.at(-1).metadata.slice(-40)}`
    const read = (name, args = []) => l1.read(oldest, own('FaultDisputeGame').abi, name, args)
    await waitFor('the oldest game to be resolved', async () => (await read('status')) === 2, { timeout: 60_000 })
    assert.equal(await read('gameType'), 101)
    assert.equal(await read('resolvedSubgames', [0n]), true)
    await waitFor('its bond to be paid', async () => (await read('credit', [proposer])) === 0n, { timeout: 90_000 })
    assert.equal((await l1.read(deployment.addresses.AnchorStateRegistryProxy,
      own('AnchorStateRegistry').abi, 'getAnchorRoot'))[1] > 0n, true)
  })
})
