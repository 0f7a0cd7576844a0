// What a sequencer does when L1 fails it: L1 is gone for longer than the drift limit, L1 takes no
// batches, L1 changes the system config; and a shutdown in the middle of a channel.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, describe, test } from 'node:test'
import { encodeAbiParameters, keccak256, size } from 'viem'
import * as rollup from './scenarios/rollup.mjs'
import * as artifacts from './support/artifacts.mjs'
import { accounts } from './support/chain.mjs'
import { batcher, bothSafe, found, safe, sameChain, startSequencer, startVerifier } from './support/found.mjs'
import { cleanUp, sleep, viaduct, waitFor } from './support/harness.mjs'
import { Proxy } from './support/proxy.mjs'
import { call, post } from './support/rpc.mjs'

/** OP Stack specs, derivation (Fjord): the maximum sequencer drift in seconds. */
const maxDrift = 1800
const now = () => Math.floor(Date.now() / 1000)
const block = (chain, number = 'latest') =>
  call(chain.url, 'eth_getBlockByNumber', typeof number === 'string' ? number : `0x${number.toString(16)}`, true)
const receiptOf = (chain, hash) => call(chain.url, 'eth_getTransactionReceipt', hash)
const isUser = (tx) => tx.type !== '0x7e'

/** Signs transfers of zeros; byteCount of calldata each. */
async function sign(chain, index, count, byteCount = 0) {
  const { address } = accounts[index]
  const first = Number(await call(chain.url, 'eth_getTransactionCount', address, 'pending'))
  const data = `0x${'00'.repeat(byteCount)}`
  return Promise.all(Array.from({ length: count }, (_, i) => accounts[index].signTransaction({
    chainId: chain.id, type: 'eip1559', to: '0x00000000000000000000000000000000000010ad', data,
    gas: BigInt(21_000 + 11 * byteCount), nonce: first + i, maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 1n,
  })))
}

async function send(chain, raws) {
  for (const raw of raws) await call(chain.url, 'eth_sendRawTransaction', raw)
  return raws.map((raw) => keccak256(raw))
}

const included = (chain, hash, timeout = 60_000) =>
  waitFor(`the receipt of ${hash}`, async () => (await receiptOf(chain, hash)) ?? undefined, { timeout })

describe('L1 out of reach for longer than the drift limit', () => {
  after(cleanUp)
  let base
  let proxy
  let sequencer
  let verifier

  test('a chain whose L1 lives half an hour ago', { timeout: 120_000 }, async () => {
    // L2's time is the clock's, so every block is already near the limit.
    base = await found({ l1BlockTime: 2, anvilArgs: ['--timestamp', String(now() - maxDrift + 30)] })
    proxy = await new Proxy(base.anvil.url).up()
    base.l1Url = proxy.url
    sequencer = await startSequencer(base)
    await waitFor('L2 to catch up with the clock',
      async () => Number((await block(sequencer.chain)).timestamp) >= now() - 4, { timeout: 60_000 })
    const [hash] = await send(sequencer.chain, await sign(sequencer.chain, 1, 1))
    await included(sequencer.chain, hash)
  })

  test('keeps sealing on the old origin, up to the limit', { timeout: 120_000 }, async () => {
    await proxy.down()
    await sequencer.child.printed(/L1 does not answer/)
    await sleep(3000)
    const before = (await rollup.syncStatus(sequencer.chain)).unsafe_l2
    const [hash] = await send(sequencer.chain, await sign(sequencer.chain, 1, 1))
    const receipt = await included(sequencer.chain, hash)
    await waitFor('three more blocks',
      async () => (await rollup.syncStatus(sequencer.chain)).unsafe_l2.number >= before.number + 3)
    const after = (await rollup.syncStatus(sequencer.chain)).unsafe_l2
    assert(Number(receipt.blockNumber) > before.number)
    assert.equal(after.l1origin.number, before.l1origin.number)
  })

  let stopped
  let waiting
  test('says so and takes no transaction into a block beyond it', { timeout: 120_000 }, async () => {
    await sequencer.child.printed(/drift limit reached/, 60_000)
    stopped = (await rollup.syncStatus(sequencer.chain)).unsafe_l2
    const origin = await call(base.anvil.url, 'eth_getBlockByNumber', `0x${stopped.l1origin.number.toString(16)}`, false)
    assert(stopped.timestamp <= Number(origin.timestamp) + maxDrift)
    assert(stopped.timestamp + 1 > Number(origin.timestamp) + maxDrift, 'it went up to the limit')
    waiting = (await send(sequencer.chain, await sign(sequencer.chain, 1, 1)))[0]
    await sleep(5000)
    assert.equal((await rollup.syncStatus(sequencer.chain)).unsafe_l2.number, stopped.number)
    assert.equal(await receiptOf(sequencer.chain, waiting), null)
    assert.equal((await block(sequencer.chain, stopped.number)).hash, stopped.hash)
    assert.equal((await fetch(`${sequencer.url}/healthz`)).status, 200)
  })

  test('goes on when L1 is back, and a verifier agrees', { timeout: 180_000 }, async () => {
    await proxy.up()
    await included(sequencer.chain, waiting)
    await waitFor('L2 to catch up with the clock',
      async () => Number((await block(sequencer.chain)).timestamp) >= now() - 4, { timeout: 60_000 })
    const { unsafe_l2: head } = await rollup.syncStatus(sequencer.chain)
    verifier = await startVerifier(base)
    await bothSafe(sequencer.chain, verifier.chain, head.number, 120_000)
    assert(await sameChain(sequencer.chain, verifier.chain) >= head.number)
    for (let number = stopped.number - 5; number <= head.number; number++) {
      const { timestamp, transactions } = await block(verifier.chain, number)
      const { l1origin } = await call(verifier.url, 'optimism_outputAtBlock', `0x${number.toString(16)}`)
        .then(({ blockRef }) => blockRef)
      const origin = await call(base.anvil.url, 'eth_getBlockByNumber', `0x${l1origin.number.toString(16)}`, false)
      if (Number(timestamp) > Number(origin.timestamp) + maxDrift) assert(!transactions.some(isUser), `block ${number}`)
    }
    await proxy.down()
  })
})

describe('L1 that takes no batches, and a changed system config', () => {
  after(cleanUp)
  const throttledBytes = 64 * 1024
  let base
  let sequencer
  let verifier

  /** Bytes of user transactions in each block that holds one of these. */
  async function bytesPerBlock(hashes) {
    const sums = new Map()
    for (const hash of hashes) {
      const { blockNumber } = await included(sequencer.chain, hash)
      if (sums.has(blockNumber)) continue
      const { transactions } = await block(sequencer.chain, blockNumber)
      const raws = await Promise.all(transactions.filter(isUser)
        .map((tx) => call(sequencer.url, 'debug_getRawTransaction', tx.hash)))
      sums.set(blockNumber, raws.reduce((sum, raw) => sum + size(raw), 0))
    }
    return [...sums.values()]
  }
  const debt = async () => {
    const page = await (await fetch(`${sequencer.url}/metrics`)).text()
    return Number(page.match(/^viaduct_batcher_debt_bytes (\d+)$/m)[1])
  }

  test('bytes that L1 does not take slow the builder', { timeout: 240_000 }, async (t) => {
    base = await found()
    sequencer = await startSequencer(base)
    await waitFor('the first blocks', async () => (await sequencer.chain.public.getBlockNumber()) > 2n)
    await call(base.anvil.url, 'evm_setIntervalMining', 0)
    for (let round = 0; round < 4; round++) {
      for (let index = 0; index < 9; index++) {
        await send(sequencer.chain, await sign(sequencer.chain, index, 8, 118_000))
      }
    }
    await sequencer.child.printed(/L1 lags behind: blocks take less/, 60_000)
    t.diagnostic(`debt ${await debt()} bytes`)
    assert(await debt() > 32 << 20)
    // The block that was open when it began may hold more.
    const { number } = (await rollup.syncStatus(sequencer.chain)).unsafe_l2
    await waitFor('two more blocks',
      async () => (await rollup.syncStatus(sequencer.chain)).unsafe_l2.number >= number + 2)
    const hashes = await send(sequencer.chain, await sign(sequencer.chain, 0, 12, 30_000))
    const sums = await bytesPerBlock(hashes)
    assert(sums.length >= 6, `${sums.length} blocks`)
    for (const sum of sums) assert(sum <= throttledBytes, `${sum} bytes in a block`)
  })

  test('it recovers when L1 takes them', { timeout: 240_000 }, async () => {
    await call(base.anvil.url, 'evm_setIntervalMining', 1)
    await sequencer.child.printed(/L1 has caught up/, 180_000)
    const { number } = (await rollup.syncStatus(sequencer.chain)).unsafe_l2
    await waitFor('two more blocks',
      async () => (await rollup.syncStatus(sequencer.chain)).unsafe_l2.number >= number + 2)
    const raws = await sign(sequencer.chain, 0, 12, 30_000)
    await post(sequencer.url, raws.map((raw, id) =>
      ({ jsonrpc: '2.0', id, method: 'eth_sendRawTransaction', params: [raw] })))
    const sums = await bytesPerBlock(raws.map((raw) => keccak256(raw)))
    assert(Math.max(...sums) > throttledBytes, `at most ${Math.max(...sums)} bytes in a block`)
    verifier = await startVerifier(base)
    const head = Number(await sequencer.chain.public.getBlockNumber())
    await bothSafe(sequencer.chain, verifier.chain, head, 120_000)
    await sameChain(sequencer.chain, verifier.chain)
  })

  const word = (value) => encodeAbiParameters([{ type: 'uint256' }], [BigInt(value)])
  const update = (type, data) =>
    base.l1.write(0, base.systemConfig, artifacts.logSource.abi, 'emitConfigUpdate', [0n, type, data])
  /** The L1Block predeploy's getter, on the newest block. */
  const l1Block = async (selector) => BigInt(await call(sequencer.url, 'eth_call',
    { to: '0x4200000000000000000000000000000000000015', data: selector }, 'latest'))
  const selector = (signature) => keccak256(new TextEncoder().encode(signature)).slice(0, 10)
  const becomes = (what, probe, value) => waitFor(what, async () => {
    const found = await probe()
    if (found !== value) throw new Error(`${found}, not ${value}`)
    return true
  })

  // OP Stack specs, system config: the kinds of ConfigUpdate.
  test('gas limit, fee scalars, EIP-1559 parameters and operator fee', { timeout: 120_000 }, async () => {
    await update(2, word(70_000_000))
    await becomes('the gas limit', async () => Number((await block(sequencer.chain)).gasLimit), 70_000_000)
    const scalar = (1n << 248n) | (333n << 32n) | 444n
    await update(1, encodeAbiParameters([{ type: 'uint256' }, { type: 'uint256' }], [0n, scalar]))
    await becomes('the base fee scalar', () => l1Block(selector('baseFeeScalar()')), 444n)
    await becomes('the blob base fee scalar', () => l1Block(selector('blobBaseFeeScalar()')), 333n)
    await update(4, word((300n << 32n) | 5n))
    await becomes('the extra data', async () => (await block(sequencer.chain)).extraData, '0x000000012c00000005')
    await update(5, word((77n << 64n) | 99n))
    await becomes('the operator fee scalar', () => l1Block(selector('operatorFeeScalar()')), 77n)
    await becomes('the operator fee constant', () => l1Block(selector('operatorFeeConstant()')), 99n)
    const [hash] = await send(sequencer.chain, await sign(sequencer.chain, 1, 1))
    const receipt = await included(sequencer.chain, hash)
    assert.equal(BigInt(receipt.operatorFeeConstant), 99n)
  })

  test('a batcher that is not the one: its batches count again after it is', { timeout: 240_000 }, async () => {
    await update(0, word(accounts[8].address))
    await sequencer.child.printed(/its batches do not count/, 60_000)
    await update(9, '0x1234') // unknown kinds and malformed data are passed over
    await sleep(5000)
    const before = await safe(verifier.chain)
    await sleep(8000)
    assert.equal(await safe(verifier.chain), before)
    assert(Number(await sequencer.chain.public.getBlockNumber()) > before + 5)
    await update(0, word(accounts[batcher].address))
    await sequencer.child.printed(/its batches count/, 60_000)
    const head = Number(await sequencer.chain.public.getBlockNumber())
    await bothSafe(sequencer.chain, verifier.chain, head, 180_000)
    assert(await sameChain(sequencer.chain, verifier.chain) > head)
  })
})

describe('shutdown while a channel is being compressed', () => {
  after(cleanUp)
  const shim = join(dirname(viaduct), 'slow_compress.so')

  test('ends with status 0 and goes on at the next start', { timeout: 180_000, skip: !existsSync(shim) }, async () => {
    const base = await found()
    const sequencer = await startSequencer(base, undefined, { env: { LD_PRELOAD: shim } })
    await send(sequencer.chain, await sign(sequencer.chain, 1, 5))
    await sequencer.child.printed(/slow_compress: begun/, 60_000)
    assert.doesNotMatch(sequencer.child.errors, /slow_compress: done/)
    assert.deepEqual(await sequencer.child.stop(), { code: 0, signal: null }, sequencer.child.tail())
    assert.match(sequencer.child.errors, /slow_compress: done/, 'it waited for the work under way')
    const again = await startSequencer(base, sequencer.datadir)
    const head = Number(await again.chain.public.getBlockNumber())
    const verifier = await startVerifier(base)
    await bothSafe(again.chain, verifier.chain, head)
    await sameChain(again.chain, verifier.chain)
  })
})
