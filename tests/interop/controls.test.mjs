// The controls of the embedded L1 over JSON-RPC: snapshots and what may not be undone, blocks at
// once, and its clock set forward, with L2 following.  And an L1 that undoes what it has finalized.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { parseEther, toHex } from 'viem'
import { getL2TransactionHashes } from 'viem/op-stack'
import { provableByNode } from './scenarios/bridge.mjs'
import { safeAbove, syncStatus } from './scenarios/rollup.mjs'
import * as artifacts from './support/artifacts.mjs'
import { Rollup } from './support/bridge.mjs'
import { Chain, accounts } from './support/chain.mjs'
import { Deployment, keyFile } from './support/deploy.mjs'
import { cleanUp, sleep, startAnvil, startDev, startNode, temporaryFolder, waitFor } from './support/harness.mjs'
import { call } from './support/rpc.mjs'

const bound = { timeout: 180_000 }
const to = '0x00000000000000000000000000000000c0117801'
const finalizedDepth = 24

describe('controls of the embedded L1', () => {
  let dev
  let url
  let l1
  let l2

  const head = async (at) => Number(await call(at, 'eth_blockNumber'))
  const block = (number) => call(url, 'eth_getBlockByNumber', typeof number === 'number' ? toHex(number) : number, false)
  const balance = (chain) => chain.public.getBalance({ address: to })
  const pay = async (chain, index) => {
    const hash = await chain.wallet(index).sendTransaction({ to, value: 1n })
    return chain.receipt(hash, 60_000)
  }
  /** L2 goes on from where it is, on L1's chain of now, and derives its own blocks again. */
  const follows = async () => safeAbove(l2, url, await head(l2.url))
  const deposit = async (index, value = 1n) => {
    const receipt = await l1.write(index, dev.info.contracts.OptimismPortalProxy, artifacts.logSource.abi,
      'depositTransaction', [to, value, 100_000n, false, '0x'], { value })
    return getL2TransactionHashes({ logs: receipt.logs })[0]
  }
  const arrives = (hash) => waitFor('the deposit on L2',
    async () => (await call(l2.url, 'eth_getTransactionReceipt', hash)) ?? undefined, { timeout: 90_000 })

  before(async () => {
    dev = await startDev({ args: ['--batcher-max-channel-age', '1000'] })
    url = dev.info.l1.rpc
    l1 = new Chain(url, dev.info.l1.chainId, { l2: false })
    l2 = new Chain(dev.info.l2.rpc, dev.info.l2.chainId)
    await safeAbove(l2, url, 3)
  }, bound)
  after(async () => {
    if (dev?.child.end || process.env.INTEROP_VERBOSE) console.error(dev?.child.tail())
    await cleanUp()
  })

  test('back to a snapshot a few blocks ago, and L2 follows', bound, async () => {
    const [rich1, rich2] = [await balance(l1), await balance(l2)]
    const snapshot = await call(url, 'evm_snapshot')
    const at = await head(url)
    const later = await call(url, 'evm_snapshot')
    const undone = await pay(l1, 3)
    const kept = await pay(l2, 3)
    await waitFor('an L2 block on an L1 block above the snapshot', async () =>
      (await syncStatus(l2)).unsafe_l2.l1origin.number > at)
    assert.equal(await call(url, 'evm_revert', snapshot), true)

    assert.equal(await call(url, 'eth_getTransactionReceipt', undone.transactionHash), null)
    assert.equal(await balance(l1), rich1)
    for (const id of [snapshot, later, '0x7777']) assert.equal(await call(url, 'evm_revert', id), false)
    await follows()
    await waitFor('the acknowledged transfer of L2', async () =>
      (await call(l2.url, 'eth_getTransactionReceipt', kept.transactionHash)) !== null)
    assert.equal(await balance(l2), rich2 + 1n)
    assert.match(dev.child.errors, /set back to a snapshot: \d+ transactions are forgotten/)
    assert.doesNotMatch(dev.child.errors, /transaction leaves: the chain was set back/)
    await pay(l1, 3)
    await arrives(await deposit(3))
  })

  test('a snapshot whose block a reorganisation replaced is none', bound, async () => {
    const snapshot = await call(url, 'evm_snapshot')
    await call(url, 'anvil_reorg', 3)
    assert.equal(await call(url, 'evm_revert', snapshot), false)
    await follows()
  })

  test('the clock set forward, and back with a snapshot', bound, async () => {
    const ahead = async () => Number((await block('latest')).timestamp) - Math.floor(Date.now() / 1000)
    const snapshot = await call(url, 'evm_snapshot')
    const usual = await ahead()
    await call(url, 'evm_increaseTime', 86_400)
    await call(url, 'evm_mine')
    assert(await ahead() > 86_000 + usual)
    // L2 keeps its own clock: it takes transactions, on an origin of before.
    await pay(l2, 3)
    assert(Number((await l2.public.getBlock()).timestamp) < Number((await block('latest')).timestamp) - 80_000)
    assert.equal(await call(url, 'evm_revert', snapshot), true)
    await call(url, 'evm_mine')
    assert(await ahead() < 80_000)
    await follows()
    await arrives(await deposit(3))
  })

  test('a withdrawal whose delays pass by evm_increaseTime', bound, async () => {
    const rollup = new Rollup(dev.info)
    const { p1, p2 } = rollup
    const targetChain = p2.chain
    await arrives(await deposit(4, parseEther('1'))) // what the portal pays out
    const args = await p1.buildInitiateWithdrawal({ account: accounts[4], to, value: parseEther('0.1'), gas: 21_000n })
    const receipt = await rollup.mined(p2, await rollup.w2(4).initiateWithdrawal(args))
    const { game, withdrawal } = await provableByNode(rollup, receipt)
    await waitFor('a later block than the game', async () => (await p1.getBlock()).timestamp > game.timestamp)
    const proof = await p2.buildProveWithdrawal({ account: accounts[4], game, withdrawal })
    await rollup.mined(p1, await rollup.w1(4).proveWithdrawal(proof))
    const rich = await balance(l1)
    // The game's clock, its resolution by the proposer, and then the delay of finality.
    await waitFor('the withdrawal to be ready', async () => {
      await call(url, 'evm_increaseTime', 3)
      await call(url, 'evm_mine')
      return await p1.getWithdrawalStatus({ receipt, targetChain }) === 'ready-to-finalize'
    }, { timeout: 90_000, interval: 500 })
    await rollup.mined(p1, await rollup.w1(4).finalizeWithdrawal({ targetChain, withdrawal }))
    await waitFor('the ether on L1', async () => await balance(l1) === rich + parseEther('0.1'))
    await pay(l2, 3)
    await follows()
  })

  test('blocks at once', bound, async () => {
    const at = await head(url)
    await call(url, 'evm_mine')
    await call(url, 'anvil_mine', '0x3')
    assert(await head(url) >= at + 4)
    for (let n = at + 1; n <= at + 4; n++) {
      assert((await block(n)).timestamp > (await block(n - 1)).timestamp)
      assert.equal((await block(n)).parentHash, (await block(n - 1)).hash)
    }
    await assert.rejects(call(url, 'evm_mine', 1001), /at most 1000 blocks/)
    await follows()
  })

  test('what L1 has finalized is not undone', bound, async () => {
    const snapshot = await call(url, 'evm_snapshot')
    const { hash } = await block('latest')
    await call(url, 'evm_mine', finalizedDepth + 1)
    const [tip, rich] = [await block('latest'), await balance(l1)]
    for (let i = 0; i < 2; i++) {
      await assert.rejects(call(url, 'evm_revert', snapshot), /below the finalized block \d+, and what is finalized stays/)
    }
    assert.equal((await block(Number(tip.number))).hash, tip.hash)
    assert.notEqual(await call(url, 'eth_getBlockByHash', hash, false), null)
    assert.equal(await balance(l1), rich)
    const finalized = (await syncStatus(l2)).finalized_l2.number
    await follows()
    await waitFor('a later finalized block of L2', async () =>
      (await syncStatus(l2)).finalized_l2.number > finalized, { timeout: 90_000 })
    await assert.rejects(call(url, 'anvil_reorg', finalizedDepth + 5), /no unfinalized block that deep/)
    assert.deepEqual(await dev.child.stop(), { code: 0, signal: null })
  })
})

describe('an L1 that undoes what it has finalized', () => {
  after(cleanUp)

  test('the node stands still, says why, and asks at its leisure', bound, async () => {
    const anvil = await startAnvil(['--block-time', '1', '--slots-in-an-epoch', '2'])
    const deployment = new Deployment(anvil.url)
    const { code, errors } = await deployment.run()
    assert.equal(code, 0, errors)
    const node = await startNode({
      name: 'sequencer', l1: anvil.url, files: deployment.folder, datadir: temporaryFolder(),
      args: ['--sequencer', '--sequencer-l1-confs', '0', '--batcher', '--batcher-key-file', keyFile('batcher'),
        '--batcher-max-channel-age', '1000', '--batcher-confs', '1'],
    })
    const finalizedOrigin = async () => (await syncStatus(node)).finalized_l2.l1origin.number
    const snapshot = await call(anvil.url, 'evm_snapshot')
    const at = Number(await call(anvil.url, 'eth_blockNumber'))
    await waitFor('a finalized block of L2 on an L1 block above the snapshot',
      async () => await finalizedOrigin() > at, { timeout: 120_000 })
    assert.equal(await call(anvil.url, 'evm_revert', snapshot), true)

    const ready = () => fetch(`${node.url}/readyz`)
    await waitFor('the node to say that it stands still', async () => {
      const answer = await ready()
      return answer.status === 503 && /origin of finalized block \d+.* left L1's chain/.test(await answer.text())
    }, { timeout: 120_000 })
    const [{ finalized_l2: final }, printed] = [await syncStatus(node), node.child.errors.length]
    await sleep(3000)
    assert.equal((await ready()).status, 503)
    assert.deepEqual((await syncStatus(node)).finalized_l2, final)
    assert.equal(node.child.errors.match(/derivation cannot start/g).length, 1)
    const since = node.child.errors.slice(printed).split('\n').length
    assert(since < 100, `${since} lines in three seconds\n${node.child.tail()}`)
    assert.deepEqual(await node.child.stop(), { code: 0, signal: null })
  })
})
