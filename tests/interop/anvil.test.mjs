// `viaduct node` on anvil as the L1: a sequencer with a batcher, then a verifier with an empty
// folder that has nothing but L1.
import assert from 'node:assert/strict'
import { chmodSync, cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import * as rollup from './scenarios/rollup.mjs'
import { uniswap } from './scenarios/uniswap.mjs'
import * as viem from './scenarios/viem.mjs'
import { accounts } from './support/chain.mjs'
import { bothSafe, found, safe, sameChain, startSequencer, startVerifier } from './support/found.mjs'
import { cleanUp, run, sleep, temporaryFolder, viaduct, waitFor } from './support/harness.mjs'
import { channelsOnL1 } from './support/inbox.mjs'
import { Load, allIncluded } from './support/load.mjs'
import { call } from './support/rpc.mjs'

describe('a second node derives the chain from L1', () => {
  after(cleanUp)
  let base
  let sequencer
  let verifier

  test('genesis and a sequencer on anvil', { timeout: 60_000 }, async () => {
    base = await found()
    sequencer = await startSequencer(base)
    await waitFor('the first blocks', async () => (await sequencer.chain.public.getBlockNumber()) > 2n)
  })

  test('contracts, trades, deposits and a load of transfers', { timeout: 180_000 }, async () => {
    const load = new Load(sequencer.chain, 5, { pauseMs: 0 }).start()
    await viem.transactionTypes(sequencer.chain)
    await viem.token(sequencer.chain)
    await uniswap(sequencer.chain)
    await rollup.deposit(base.l1, sequencer.chain, base.portal)
    const acknowledged = await load.stop()
    assert(acknowledged.length > 50, `${acknowledged.length} transfers; ${JSON.stringify([...load.refused])}`)
    assert.equal(load.refused.size, 0, JSON.stringify([...load.refused]))
  })

  test('same hashes on the second node', { timeout: 180_000 }, async () => {
    const head = Number(await sequencer.chain.public.getBlockNumber())
    verifier = await startVerifier(base)
    await bothSafe(sequencer.chain, verifier.chain, head)
    assert(await sameChain(sequencer.chain, verifier.chain) >= head)
    await rollup.outputs(verifier.chain)
    const address = accounts[5].address
    assert.equal(
      (await verifier.chain.public.getTransactionCount({ address, blockTag: 'safe' })),
      (await sequencer.chain.public.getTransactionCount({ address, blockTag: 'safe' })))
  })

  test('a verifier takes no transactions', { timeout: 30_000 }, async () => {
    await assert.rejects(call(verifier.url, 'eth_sendRawTransaction', '0x02'))
    assert.equal((await fetch(`${verifier.url}/healthz`)).status, 200)
    assert.match(await (await fetch(`${verifier.url}/metrics`)).text(), /^# TYPE /m)
  })

  test('both stop with status 0 and continue', { timeout: 120_000 }, async () => {
    const before = await safe(sequencer.chain)
    assert.deepEqual(await sequencer.child.stop(), { code: 0, signal: null })
    assert.deepEqual(await verifier.child.stop('SIGINT'), { code: 0, signal: null })
    sequencer = await startSequencer(base, sequencer.datadir)
    verifier = await startVerifier(base, verifier.datadir)
    await bothSafe(sequencer.chain, verifier.chain, before + 3)
    await sameChain(sequencer.chain, verifier.chain)
  })

  test('kill -9 of the sequencer under load', { timeout: 180_000 }, async () => {
    const load = new Load(sequencer.chain, 6, { pauseMs: 0 }).start()
    await sleep(3000)
    await sequencer.child.stop('SIGKILL')
    const acknowledged = await load.stop()
    assert(acknowledged.length > 20)
    sequencer = await startSequencer(base, sequencer.datadir)
    for (const { hash } of acknowledged) {
      await waitFor(`the receipt of ${hash}`,
        async () => (await call(sequencer.url, 'eth_getTransactionReceipt', hash)) !== null)
    }
    const head = Number(await sequencer.chain.public.getBlockNumber())
    await bothSafe(sequencer.chain, verifier.chain, head)
    await sameChain(sequencer.chain, verifier.chain)
  })

  test('every L2 block stands in exactly one channel on L1', { timeout: 60_000 }, async (t) => {
    const top = await safe(verifier.chain)
    const rollupJson = JSON.parse(readFileSync(join(base.files, 'rollup.json'), 'utf8'))
    const channels = await channelsOnL1(base.anvil.url, rollupJson)
    const upToTop = channels.flat().filter((number) => number <= top).sort((a, b) => a - b)
    t.diagnostic(`${channels.length} channels, ${upToTop.length} blocks`)
    assert(channels.length > 1)
    assert.deepEqual(upToTop, Array.from({ length: top }, (_, i) => i + 1))
  })
})

describe('L1 reorganisations under load', () => {
  after(cleanUp)
  let base
  let sequencer
  let verifier
  let load

  test('a chain that both nodes follow', { timeout: 180_000 }, async () => {
    // Finality lies deeper than the deepest reorganisation.
    base = await found({ slots: 12 })
    sequencer = await startSequencer(base)
    verifier = await startVerifier(base)
    load = new Load(sequencer.chain, 5, { pauseMs: 20 }).start()
    await waitFor('enough L1 blocks', async () => (await base.l1.public.getBlockNumber()) > 26n, { timeout: 60_000 })
    await bothSafe(sequencer.chain, verifier.chain, 5)
  })

  for (const depth of Array.from({ length: 20 }, (_, i) => i + 1)) {
    test(`depth ${depth}`, { timeout: 180_000 }, async () => {
      const before = Number(await sequencer.chain.public.getBlockNumber())
      await call(base.anvil.url, 'anvil_reorg', depth, [])
      await bothSafe(sequencer.chain, verifier.chain, before, 120_000)
      await sameChain(sequencer.chain, verifier.chain)
      const { safe_l2: block } = await rollup.syncStatus(verifier.chain)
      const origin = await call(base.anvil.url, 'eth_getBlockByNumber', `0x${block.l1origin.number.toString(16)}`, false)
      assert.equal(origin.hash, block.l1origin.hash, 'the safe block stands on the L1 of now')
    })
  }

  test('nothing that was acknowledged is lost', { timeout: 120_000 }, async (t) => {
    const acknowledged = await load.stop()
    t.diagnostic(`${acknowledged.length} transfers, refused: ${JSON.stringify([...load.refused])}`)
    assert(acknowledged.length > 100)
    await allIncluded(sequencer.chain, acknowledged)
    assert.equal(sequencer.child.end, undefined)
    assert.equal(verifier.child.end, undefined)
  })
})

describe('wrong starts', () => {
  after(cleanUp)
  let base
  let folder

  /** Runs a node that must refuse to start. */
  const refuses = async (pattern, files, ...args) => {
    const { code, errors } = await run(viaduct, ['node', '--l1', base.anvil.url, '--rollup', join(files, 'rollup.json'),
      '--genesis', join(files, 'genesis.json'), '--datadir', temporaryFolder(), '--http-port', '0', ...args])
    assert.match(errors, pattern)
    assert(code > 0, `exit status ${code}`)
  }
  const copy = (change) => {
    const files = temporaryFolder()
    cpSync(folder, files, { recursive: true })
    change(files)
    return files
  }
  const edit = (file, change) => {
    const value = JSON.parse(readFileSync(file, 'utf8'))
    change(value)
    writeFileSync(file, JSON.stringify(value))
  }

  test('an L1 with a founded chain', { timeout: 60_000 }, async () => {
    base = await found()
    folder = base.files
  })
  test('a key file that others can read', { timeout: 30_000 }, async () => {
    chmodSync(base.keyFile, 0o644)
    await refuses(/mode 0644.*chmod 600/, folder, '--sequencer', '--batcher', '--batcher-key-file', base.keyFile)
    chmodSync(base.keyFile, 0o600)
  })
  test('a file that is no key', { timeout: 30_000 }, async () => {
    const file = join(folder, 'bad.key')
    writeFileSync(file, 'not a key\n', { mode: 0o600 })
    await refuses(/bad\.key/, folder, '--sequencer', '--batcher', '--batcher-key-file', file)
  })
  test('a batcher without a key', { timeout: 30_000 }, () =>
    refuses(/--batcher-key-file/, folder, '--sequencer', '--batcher'))
  test('another L1 chain id', { timeout: 30_000 }, () =>
    refuses(/chain id 31337/, copy((files) =>
      edit(join(files, 'rollup.json'), (rollupJson) => (rollupJson.l1_chain_id = 1)))))
  test('another L1 genesis', { timeout: 30_000 }, () =>
    refuses(/not the one that rollup\.json names/, copy((files) =>
      edit(join(files, 'rollup.json'), (rollupJson) => (rollupJson.genesis.l1.hash = `0x${'11'.repeat(32)}`)))))
  test('another L2 genesis', { timeout: 30_000 }, () =>
    refuses(/genesis/, copy((files) => edit(join(files, 'genesis.json'), (genesis) => (genesis.gasLimit = '0x1c9c381')))))
  test('a file that is missing', { timeout: 30_000 }, () => refuses(/rollup\.json/, temporaryFolder()))
  test('an unknown option', { timeout: 30_000 }, () => refuses(/--colour/, folder, '--colour', 'red'))
  test('genesis on another chain id', { timeout: 30_000 }, async () => {
    edit(base.configFile, (config) => (config.l1ChainID = 5))
    const { code, errors } = await run(viaduct, ['genesis', '--l1', base.anvil.url, '--config', base.configFile, '--out', temporaryFolder()])
    assert.match(errors, /chain id 31337/)
    assert(code > 0)
  })
  test('no L1 at all', { timeout: 60_000 }, async () => {
    const { code, errors } = await run(viaduct, ['genesis', '--l1', 'http://127.0.0.1:1', '--config', base.configFile, '--out', temporaryFolder()])
    assert.match(errors, /does not answer/)
    assert(code > 0)
  })
})
