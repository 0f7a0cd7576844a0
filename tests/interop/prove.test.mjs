// `viaduct prove` on the chain of `viaduct dev`: the native run, the machine and the node agree about
// every block, whatever is in it.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { encodeFunctionData, keccak256, parseEther, toHex } from 'viem'
import * as artifacts from './support/artifacts.mjs'
import { Rollup } from './support/bridge.mjs'
import { accounts } from './support/chain.mjs'
import { Child, cleanUp, run, startDev, temporaryFolder, viaduct, waitFor } from './support/harness.mjs'
import { call, post } from './support/rpc.mjs'

const bound = { timeout: 240_000 }
const nobody = (tag) => `0x${keccak256(toHex(tag)).slice(-40)}`

describe('viaduct prove', () => {
  let dev
  let datadir
  let rollup
  let l2
  // What happened in which block.
  const blocks = new Map()
  let last
  const hundred = 100

  const note = (what, receipt) => {
    const number = Number(receipt.blockNumber)
    blocks.set(number, [...(blocks.get(number) ?? []), what])
    return receipt
  }
  const send = async (what, index, tx, status = 'success') =>
    note(what, await rollup.mined(rollup.p2, await rollup.w2(index).sendTransaction(tx), { status }))
  const deploy = async (what, index, artifact, args) =>
    note(what, await rollup.mined(rollup.p2, await rollup.w2(index).deployContract({ ...artifact, args })))

  /** Runs prove; the report, with what the command printed and its status. */
  const prove = async (args, { l1 = dev.info.l1.rpc, json = true } = {}) => {
    const result = await run(viaduct, [
      'prove', '--l1', l1, '--rollup', join(datadir, 'rollup.json'), '--datadir', join(datadir, 'l2'),
      '--log-level', 'error', ...(json ? ['--json'] : []), ...args,
    ])
    return { ...result, report: json && result.output ? JSON.parse(result.output) : undefined }
  }

  /** By the specification of output roots, from the node's own answers. */
  const outputRoot = async (number) => {
    const block = await call(dev.info.l2.rpc, 'eth_getBlockByNumber', toHex(number), false)
    const proof = await call(dev.info.l2.rpc, 'eth_getProof',
      '0x4200000000000000000000000000000000000016', [], toHex(number))
    return keccak256(`0x${'00'.repeat(32)}${[block.stateRoot, proof.storageHash, block.hash].map((h) => h.slice(2)).join('')}`)
  }

  const safe = async () => Number((await rollup.p2.getBlock({ blockTag: 'safe' })).number)

  before(async () => {
    datadir = join(temporaryFolder(), 'chain')
    dev = await startDev({ datadir, args: ['--batcher-max-channel-age', '2000'] })
    rollup = new Rollup(dev.info)
    l2 = rollup.p2
    // An empty chain for a moment, then one of everything.
    await waitFor('two empty blocks', async () => (await l2.getBlockNumber()) >= 2n)
    await send('transfer', 0, { to: nobody('first'), value: 1n })
    const burst = await Promise.all([1, 2, 3, 4].map((index) =>
      rollup.w2(index).sendTransaction({ to: nobody('many'), value: 1n })))
    for (const hash of burst) note('transfers', await rollup.mined(l2, hash))
    const { contractAddress: token } = await deploy('creation', 1, artifacts.token, ['Token', 'T', 10n ** 18n])
    const { abi } = artifacts.token
    const data = (functionName, args) => encodeFunctionData({ abi, functionName, args })
    await send('ERC-20 transfer', 1, { to: token, data: data('transfer', [nobody('holder'), 5n]) })
    await send('reverted', 2, { to: token, data: data('transfer', [nobody('holder'), 5n]), gas: 100_000n }, 'reverted')
    // Out of gas, and a creation that fails.
    await send('out of gas', 1, { to: token, data: data('transfer', [nobody('other'), 5n]), gas: 30_000n }, 'reverted')
    await send('failed creation', 3, { data: '0xfe', gas: 100_000n }, 'reverted')
    // MULMOD, KECCAK256 and the precompiles that the guest computes itself or asks L1 for.
    await send('precompiles', 4, {
      data: '0x' + ['01', '02', '03', '04', '05', '09'].map((p) =>
        `6020600060806000600060${p}620fffff` + 'f150').join('') + '60206000206001600009' + '00',
      gas: 9_000_000n,
    })
    // A hundred transfers at once, by an account of its own, right behind a block.
    const before = await l2.getBlockNumber()
    await waitFor('the next block', async () => (await l2.getBlockNumber()) > before, { interval: 5 })
    const raws = await Promise.all(Array.from({ length: hundred }, (_, nonce) => accounts[7].signTransaction({
      chainId: dev.info.l2.chainId, type: 'eip1559', nonce, to: nobody(`of a hundred ${nonce}`), value: 1n,
      gas: 21_000n, maxFeePerGas: 2_000_000_000n, maxPriorityFeePerGas: 1_000_000n,
    })))
    const answers = await post(dev.info.l2.rpc, raws.map((raw, id) =>
      ({ jsonrpc: '2.0', id, method: 'eth_sendRawTransaction', params: [raw] })))
    for (const { result, error } of answers.json ?? answers) {
      assert(result, error?.message)
      note('of a hundred', await rollup.mined(l2, result))
    }
    const deposit = await rollup.w1(5).depositTransaction({
      request: { to: accounts[5].address, mint: parseEther('1'), value: parseEther('1'), gas: 100_000n },
      targetChain: rollup.l2Chain,
    })
    const receipt = await rollup.mined(rollup.p1, deposit)
    const { getL2TransactionHashes } = await import('viem/op-stack')
    for (const hash of getL2TransactionHashes(receipt)) note('deposit', await rollup.mined(l2, hash))
    const withdrawal = await rollup.w2(6).initiateWithdrawal({ request: { to: accounts[6].address, value: 5n, gas: 21_000n } })
    note('withdrawal', await rollup.mined(l2, withdrawal))
    // A change of the system config, by whoever owns it.
    const system = dev.info.contracts.SystemConfigProxy
    const config = artifacts.own('SystemConfig')
    const owner = await rollup.p1.readContract({ address: system, abi: config.abi, functionName: 'owner' })
    const index = accounts.findIndex((account) => account.address.toLowerCase() === owner.toLowerCase())
    assert(index >= 0, `nobody here owns the system config: ${owner}`)
    const changed = await rollup.mined(rollup.p1, await rollup.w1(index).writeContract({
      address: system, abi: config.abi, functionName: 'setGasConfigEcotone', args: [2000, 900_000],
    }))
    // The first block whose L1 origin is the change's or later.
    const l1Block = '0x4200000000000000000000000000000000000015'
    await waitFor('the change to reach L2', async () => {
      const word = await l2.getStorageAt({ address: l1Block, slot: toHex(0) })
      return BigInt(word) % 2n ** 64n >= changed.blockNumber
    }, { timeout: 60_000 })
    await send('transfer after the change', 0, { to: nobody('last'), value: 1n })
    last = Number(await l2.getBlockNumber())
    await waitFor('the chain to be safe', async () => (await safe()) >= last, { timeout: 120_000 })
  }, bound)
  after(async () => {
    if (dev?.child.end || process.env.INTEROP_VERBOSE) console.error(dev?.child.tail())
    await cleanUp()
  })

  test('every block: node, native run and machine agree', bound, async () => {
    for (const what of ['transfer', 'creation', 'reverted', 'failed creation', 'deposit', 'withdrawal']) {
      assert([...blocks.values()].flat().includes(what), `no block with ${what}`)
    }
    // Block by block, however many of the hundred stand in it.
    assert.equal([...blocks.values()].flat().filter((what) => what === 'of a hundred').length, hundred)
    for (let from = 0; from < last; from++) {
      const expected = await outputRoot(from + 1)
      const { code, report, errors } = await prove(['--from', String(from)])
      const text = `block ${from + 1} (${[...new Set(blocks.get(from + 1) ?? ['empty'])].join(', ')}): ${errors}`
      assert.equal(code, 0, text)
      assert.equal(report.outputRoot, expected, text)
      assert.equal(report.claimedRoot, expected, text)
      assert.deepEqual([report.from, report.to], [from, from + 1])
      assert.deepEqual([report.native, report.status], ['valid', 'valid'], text)
      assert(report.steps > 100_000 && report.preimages > 10 && report.preimageBytes > 1000, text)
      if (blocks.get(from + 1)?.every((what) => what === 'of a hundred')) {
        assert(report.steps <= 10_000_000, `${report.steps} steps: ${text}`)
      }
      if (process.env.INTEROP_VERBOSE) console.error(text, report.steps)
    }
  })

  test('several blocks at once', bound, async () => {
    const { code, report, errors } = await prove(['--from', '1', '--to', String(last)])
    assert.equal(code, 0, errors)
    assert.equal(report.outputRoot, await outputRoot(last))
    assert.deepEqual([report.from, report.to, report.status], [1, last, 'valid'])
  })

  test('with a later L1 head a run is longer and says the same', bound, async () => {
    const { hash } = await call(dev.info.l1.rpc, 'eth_getBlockByNumber', 'latest', false)
    const [first, later] = [await prove(['--from', '1']), await prove(['--from', '1', '--l1-head', hash])]
    assert.equal(later.code, 0, later.errors)
    assert.equal(later.report.outputRoot, first.report.outputRoot)
    assert.ok(later.report.steps > first.report.steps)
  })

  test('another claim is invalid, natively and in the machine', bound, async () => {
    const claim = await outputRoot(1)
    const { code, report } = await prove(['--from', '1', '--claim', claim])
    assert.equal(code, 1)
    assert.deepEqual([report.native, report.status], ['invalid', 'invalid'])
    assert.equal(report.claimedRoot, claim)
    assert.equal(report.outputRoot, await outputRoot(2))
  })

  test('--native runs no machine', bound, async () => {
    const { code, report } = await prove(['--from', '1', '--native'])
    assert.equal(code, 0)
    assert.equal(report.native, 'valid')
    assert(!('status' in report) && !('steps' in report))
    const text = await prove(['--from', '1', '--native'], { json: false })
    assert.match(text.output, /^native +valid$/m)
    assert.match(text.output, /^outputRoot +0x[0-9a-f]{64}$/m)
  })

  test('--step prints the witness of any step', bound, async () => {
    const first = await prove(['--from', '1', '--step', '0'])
    const prestate = await run(viaduct, ['prestate', '--rollup', join(datadir, 'rollup.json')])
    assert.equal(prestate.code, 0, prestate.errors)
    assert.equal(first.report.witness.stateHash, prestate.output.trim())
    const { steps } = first.report
    for (const step of [1, 12_345, Math.floor(steps / 2), steps - 1]) {
      const { report: { witness } } = await prove(['--from', '1', '--step', String(step)])
      assert.equal(witness.step, step)
      assert.equal(witness.state.length, 2 + 2 * 298)
      // The hash of the state with the status, 3 while it runs, in place of the first byte.
      assert.equal(witness.stateHash, `0x03${keccak256(witness.state).slice(4)}`)
      assert.equal(BigInt(`0x${witness.state.slice(2 + 2 * 40, 2 + 2 * 48)}`), BigInt(step))
      // The fetched word leads to the root: a leaf and 27 siblings.
      const pc = BigInt(`0x${witness.state.slice(2 + 2 * 32, 2 + 2 * 40)}`)
      let node = `0x${witness.proof.slice(2, 66)}`
      for (let level = 0n; level < 27n; level++) {
        const sibling = witness.proof.slice(66 + 64 * Number(level), 130 + 64 * Number(level))
        const right = (pc >> (5n + level)) & 1n
        node = keccak256(right ? `0x${sibling}${node.slice(2)}` : `0x${node.slice(2)}${sibling}`)
      }
      assert.equal(node, witness.state.slice(0, 66))
    }
    // Beyond the end the last state counts: exited with 0.
    const { report: { witness } } = await prove(['--from', '1', '--step', String(steps + 1000)])
    assert.equal(witness.step, steps)
    assert.match(witness.stateHash, /^0x00/)
    assert.equal(witness.proof, '0x')
  })

  test('what cannot be proven is refused with its reason', bound, async () => {
    const refused = async (args, pattern, options) => {
      const { code, errors, output } = await prove(args, options)
      assert.notEqual(code, 0)
      assert.match(errors, pattern)
      assert.equal(output, '')
    }
    await refused(['--from', '100000'], /block 100001 is not safe/)
    await refused(['--from', '5', '--to', '5'], /--to/)
    await refused(['--from', '5', '--to', '4'], /--to/)
    await refused(['--from', '1', '--claim', '0x1234'], /--claim/)
    await refused(['--from', '1', '--l1-head', '0x1234'], /--l1-head/)
    await refused(['--from', '1', '--image', '/nowhere/image'], /image/)
    await refused(['--from', '1', '--image', join(datadir, 'rollup.json')], /ELF/)
    await refused(['--from', '1', '--datadir', join(datadir, 'nowhere')], /no database in .*nowhere/)
    await refused(['--from', '1', '--datadir', datadir], /no database in/)
    await refused(['--from', '1', '--native', '--step', '3'], /--step is of the machine/)
    await refused(['--from', '1', '--rollup', join(datadir, 'nowhere.json')], /nowhere/)
    await refused(['--from', '1'], /L1: Failed to connect/, { l1: 'http://127.0.0.1:1' })
    await refused(['--from', '1'], /chain id 901, .*rollup\.json names 900/, { l1: dev.info.l2.rpc })
    const { hash } = await call(dev.info.l1.rpc, 'eth_getBlockByNumber', 'latest', false)
    await refused(['--from', '100000', '--l1-head', hash], /no block 100000/)
    const help = await run(viaduct, ['help', 'prove'])
    assert.match(help.output, /--step/)
  })

  test('true roots are not judged by the rules of another chain', bound, async () => {
    const other = JSON.parse(readFileSync(join(datadir, 'rollup.json'), 'utf8'))
    other.genesis.l2.hash = keccak256(toHex('another chain'))
    const file = join(temporaryFolder(), 'rollup.json')
    writeFileSync(file, JSON.stringify(other))
    for (const changes of [['--rollup', file], ['--datadir', join(datadir, 'l1')]]) {
      const { code, errors, output } = await prove(['--from', '1', ...changes])
      assert.equal(code, 2)
      assert.match(errors, /not of the chain that .*rollup\.json describes/)
      assert.equal(output, '')
    }
  })

  test('an interrupt ends it while L1 says nothing', bound, async () => {
    const sockets = []
    const silent = createServer((socket) => sockets.push(socket))
    await new Promise((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const child = new Child(viaduct, [
      'prove', '--l1', `http://127.0.0.1:${silent.address().port}`, '--from', '1',
      '--rollup', join(datadir, 'rollup.json'), '--datadir', join(datadir, 'l2'),
    ])
    await waitFor('the request', () => sockets.length > 0)
    const end = await child.stop('SIGINT', 5000)
    assert.equal(end.signal, null, child.tail())
    assert.equal(child.output, '')
    for (const socket of sockets) socket.destroy()
    silent.close()
  })
})
