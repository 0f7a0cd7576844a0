// `viaduct dev` with the clients that its users have.  INTEROP_L2_URL names another chain to run the
// client scenarios against instead (anvil, to prove the tests themselves).
import assert from 'node:assert/strict'
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { castClient } from './scenarios/cast.mjs'
import { ethersClient } from './scenarios/ethers.mjs'
import * as rollup from './scenarios/rollup.mjs'
import { uniswap } from './scenarios/uniswap.mjs'
import * as viem from './scenarios/viem.mjs'
import { Chain, accounts, keys } from './support/chain.mjs'
import { Deployment, chainConfig } from './support/deploy.mjs'
import {
  cleanUp, run, sleep, startDev, temporaryFolder, viaduct, waitFor,
} from './support/harness.mjs'
import { Load } from './support/load.mjs'
import { Random, seed } from './support/random.mjs'
import { call } from './support/rpc.mjs'

const other = process.env.INTEROP_L2_URL
const bound = { timeout: 120_000 }
const random = new Random(seed)

describe('clients', () => {
  let dev
  let l1
  let l2
  let token
  before(async () => {
    if (other) {
      l2 = new Chain(other, Number(await call(other, 'eth_chainId')), { l2: false })
      return
    }
    dev = await startDev()
    l1 = new Chain(dev.info.l1.rpc, dev.info.l1.chainId, { l2: false })
    l2 = new Chain(dev.info.l2.rpc, dev.info.l2.chainId)
  }, bound)
  after(async () => {
    if (dev?.child.end || process.env.INTEROP_VERBOSE) console.error(dev?.child.tail())
    await cleanUp()
  })

  test('info file', { skip: other }, () => {
    assert.deepEqual(dev.info.accounts.map((account) => account.key), keys)
    assert.equal(dev.info.l1.chainId, 900)
    assert.equal(dev.info.l2.chainId, 901)
  })
  test('viem: identity, balances, blocks', bound, () => viem.identity(l2))
  test('viem: transactions of types 0, 1, 2 and 4', bound, () => viem.transactionTypes(l2))
  test('viem: ERC-20, filters, logs, reverts', bound, async () => (token = await viem.token(l2)))
  test('viem: watches events', bound, () => viem.watching(l2))
  test('viem: proofs hold under the state root', bound, () => viem.proofs(l2, token))
  test('viem: gas and fees', bound, () => viem.gas(l2))
  test('viem: refusals', bound, () => viem.refusals(l2))
  test('viem: batches', bound, () => viem.batches(l2))
  test('viem: preconfirmation and the pending tag', bound, () => viem.pending(l2))
  test('blocks, receipts and raw forms agree', bound, () => viem.blockReads(l2))
  test('ethers', bound, () => ethersClient(l2))
  test('cast', bound, () => castClient(l2))
  test('Uniswap v2', bound, () => uniswap(l2))
  test('deposit', { ...bound, skip: other }, () =>
    rollup.deposit(l1, l2, dev.info.contracts.OptimismPortalProxy))
  test('safe and finalized heads advance', { ...bound, skip: other }, () =>
    rollup.headsAdvance(l2, { safe: 10, finalized: 5 }))
  test('output roots', { ...bound, skip: other }, () => rollup.outputs(l2))
  test('every contract of the info file stands', { ...bound, skip: other }, async () => {
    const stands = async (chain, contracts) => {
      for (const [name, address] of Object.entries(contracts)) {
        const code = await chain.public.getCode({ address })
        assert.equal(code !== undefined, name !== 'BatchInbox', `${name} ${address}`)
      }
    }
    assert(Object.keys(dev.info.contracts).length >= 24)
    assert(Object.keys(dev.info.predeploys).length >= 17)
    await stands(l1, dev.info.contracts)
    await stands(l2, dev.info.predeploys)
  })
  test('SIGTERM ends it with status 0', { ...bound, skip: other }, async () => {
    assert.deepEqual(await dev.child.stop('SIGTERM'), { code: 0, signal: null })
  })
})

describe('its founding', { skip: other }, () => {
  after(cleanUp)

  test('deploy and genesis find what dev has founded', bound, async () => {
    const datadir = temporaryFolder()
    const { child, info } = await startDev({ datadir })
    const owner = accounts[7].address
    const deployment = new Deployment(info.l1.rpc, chainConfig({
      l1ChainID: 900, l2ChainID: 901, l2GenesisBlockGasLimit: 400_000_000, p2pSequencerAddress: owner,
      superchainConfigGuardian: owner, finalSystemOwner: owner, proxyAdminOwner: owner,
      batchInboxAddress: info.contracts.BatchInbox, gasPriceOracleOperatorFeeScalar: 0,
      gasPriceOracleOperatorFeeConstant: 0,
      ...Object.fromEntries(['sequencerFee', 'baseFee', 'l1Fee', 'operatorFee'].map((fee) =>
        [`${fee}VaultRecipient`, owner])),
    }))
    const files = ['genesis.json', 'rollup.json', 'addresses.json']
    const read = (folder) => files.map((name) => readFileSync(join(folder, name), 'utf8'))
    await waitFor('genesis.json', () => existsSync(join(datadir, 'genesis.json')))
    for (const name of [...files, 'deploy-plan.txt']) copyFileSync(join(datadir, name), join(deployment.folder, name))
    const { code, output, errors } = await deployment.run()
    assert.equal(code, 0, errors)
    assert.match(output, /read-back: \d+ facts on L1 are as planned/)
    assert.deepEqual(read(deployment.folder), read(datadir))
    const out = temporaryFolder()
    const genesis = await run(viaduct, ['genesis', '--l1', info.l1.rpc, '--config', deployment.configFile,
      '--deployment', datadir, '--out', out])
    assert.equal(genesis.code, 0, genesis.errors)
    for (const name of ['genesis.json', 'rollup.json']) {
      assert.equal(readFileSync(join(out, name), 'utf8'), readFileSync(join(datadir, name), 'utf8'), name)
    }
    assert.deepEqual(await child.stop(), { code: 0, signal: null })
  })
})

describe('restarts', { skip: other }, () => {
  after(cleanUp)

  const open = async (datadir) => {
    const dev = await startDev({ datadir })
    return { child: dev.child, l2: new Chain(dev.info.l2.rpc, dev.info.l2.chainId) }
  }
  const hashes = async (chain, upTo) => {
    const all = []
    for (let n = 0; n <= upTo; n++) {
      all.push((await call(chain.url, 'eth_getBlockByNumber', `0x${n.toString(16)}`, false)).hash)
    }
    return all
  }

  test('SIGINT ends it with status 0, --datadir continues the chain', bound, async () => {
    const datadir = temporaryFolder()
    let { child, l2 } = await open(datadir)
    const hash = await l2.wallet(0).sendTransaction({ to: '0x00000000000000000000000000000000000000aa', value: 1n })
    const receipt = await l2.receipt(hash)
    const known = await hashes(l2, Number(receipt.blockNumber))
    assert.deepEqual(await child.stop('SIGINT'), { code: 0, signal: null })
    ;({ child, l2 } = await open(datadir))
    assert.deepEqual(await hashes(l2, known.length - 1), known)
    assert.equal((await call(l2.url, 'eth_getTransactionReceipt', hash)).blockHash, receipt.blockHash)
    await waitFor('new blocks', async () => (await l2.public.getBlockNumber()) > BigInt(known.length + 2))
    assert.deepEqual(await child.stop(), { code: 0, signal: null })
  })

  test('kill -9 under load loses nothing that was acknowledged', { timeout: 600_000 }, async (t) => {
    const rounds = Number(process.env.INTEROP_KILL_ROUNDS ?? 20)
    const datadir = temporaryFolder()
    const acknowledged = []
    let sealed = []
    for (let round = 0; round < rounds; round++) {
      const { child, l2 } = await open(datadir)
      await waitFor(`all ${acknowledged.length} acknowledged transfers in round ${round}`, async () => {
        const open = []
        for (const entry of acknowledged.slice(-500)) {
          const receipt = await call(l2.url, 'eth_getTransactionReceipt', entry.hash)
          if (!receipt) open.push(entry.hash)
          else if (entry.receipt) {
            assert.equal(receipt.blockNumber, entry.receipt.blockNumber)
            assert.equal(receipt.transactionIndex, entry.receipt.transactionIndex)
            assert.equal(receipt.cumulativeGasUsed, entry.receipt.cumulativeGasUsed)
          }
        }
        if (open.length) throw new Error(`${open.length} without a receipt, first ${open[0]}`)
        return true
      }, { timeout: 15_000 })
      assert.deepEqual(await hashes(l2, sealed.length - 1), sealed, 'sealed blocks stay as they were')
      const load = new Load(l2, 5, { pauseMs: 0 }).start()
      await sleep(500 + random.below(3000))
      const head = Number(await l2.public.getBlockNumber())
      sealed = await hashes(l2, head)
      await sleep(random.below(1000))
      const end = await child.stop('SIGKILL')
      assert.equal(end.signal, 'SIGKILL', child.tail())
      acknowledged.push(...(await load.stop()))
      assert(load.acknowledged.length > 0, `no load in round ${round}: ${JSON.stringify([...load.refused])}`)
      t.diagnostic(`round ${round}: ${load.acknowledged.length} transfers, head ${head}`)
    }
    const { child, l2 } = await open(datadir)
    for (const { hash } of acknowledged) {
      await waitFor(hash, async () => (await call(l2.url, 'eth_getTransactionReceipt', hash)) !== null)
    }
    assert.deepEqual(await child.stop(), { code: 0, signal: null })
  })
})
