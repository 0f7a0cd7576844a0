// Ether and tokens are conserved across the two layers: random deposits, transfers and withdrawals on
// a development chain, while L1 is reorganised, the program killed and its database copied, and a
// follower derives the same.
//
// VD_SEED repeats the choices (not the moments at which the system does what), VD_OPERATIONS sets how
// many operations there are.
import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { accounts } from './support/chain.mjs'
import {
  cleanUp, fatal, run, sleep, startDev, startNode, temporaryFolder, viaduct, waitFor,
} from './support/harness.mjs'
import { batch } from './support/history.mjs'
import { Ledger, at, topic } from './support/ledger.mjs'
import { Random, seed } from './support/random.mjs'
import { call } from './support/rpc.mjs'
import { Settlement } from './support/settlement.mjs'
import { Sender, Traffic } from './support/traffic.mjs'

const operations = Number(process.env.VD_OPERATIONS ?? 2000)
const random = new Random(seed)
const datadir = temporaryFolder()
const followerDatadir = temporaryFolder()
const happened = { reorgs: 0, kills: 0, followerKills: 0, jumps: 0, copies: 0, checks: 0 }
let dev
let ports = ['0', '0']
let follower

async function startChain() {
  // The flags come last, so that the ports of the first start are taken again.
  dev = await startDev({ datadir, args: ['--batcher-max-channel-age', '1000', '--l1-port', ports[0], '--l2-port', ports[1]] })
  ports = [dev.info.l1.rpc, dev.info.l2.rpc].map((url) => new URL(url).port)
}

async function startFollower() {
  follower = await startNode({ name: 'follower', l1: dev.info.l1.rpc, files: datadir, datadir: followerDatadir })
}

async function killChain() {
  happened.kills++
  await dev.child.stop('SIGKILL')
  await sleep(random.below(800))
  await startChain()
}

async function killFollower() {
  happened.followerKills++
  await follower.child.stop('SIGKILL')
  await startFollower()
}

/** A copy of L2's database, made while blocks with transactions are written to it, is whole. */
async function copyDatabase() {
  const to = join(temporaryFolder(), 'copy')
  const db = async (...args) => {
    const { code, errors } = await run(viaduct, ['db', ...args], { timeout: 120_000 })
    assert.equal(code, 0, `db ${args[0]}: ${errors}`)
  }
  await db('copy', '--datadir', join(datadir, 'l2'), '--to', to)
  await db('verify', '--datadir', to)
  rmSync(to, { recursive: true })
  happened.copies++
}

const head = async (url) => Number(await call(url, 'eth_blockNumber'))

/** Two more blocks on each layer. */
async function settled() {
  const urls = [dev.info.l1.rpc, dev.info.l2.rpc]
  const before = await Promise.all(urls.map(head))
  await waitFor('two more blocks on each layer', async () =>
    (await Promise.all(urls.map(head))).every((now, i) => now >= before[i] + 2))
}

/** Runs on a ledger in sync; what moves meanwhile is waited out, a figure that is wrong is not. */
const steady = (what, work) => waitFor(what, async () => {
  try {
    return (await work()) ?? true
  } catch (error) {
    if (dev.child.end) throw fatal(`viaduct dev ended\n${dev.child.tail()}`)
    if (error.code === 'ERR_ASSERTION') throw Object.assign(error, { fatal: true })
    throw error
  }
}, { timeout: 60_000, interval: 200 })

/** The figures are wrong as soon as one thing of what happened is left out, or happens twice. */
async function plantedFaults(ledger) {
  const { l1, l2 } = ledger
  const portal = ledger.contracts.OptimismPortalProxy
  const faults = [
    [l1, portal, topic.deposited, 0], [l1, portal, topic.finalized, 0], [l1, portal, topic.finalized, 2],
    [l2, at.passer, topic.passed, 0], [l2, at.passer, topic.passed, 2],
    [l2, at.messenger, topic.relayed, 0], [l2, at.messenger, topic.relayed, 2],
    [l1, ledger.contracts.L1CrossDomainMessengerProxy, topic.relayed, 0],
    [l1, ledger.contracts.L1CrossDomainMessengerProxy, topic.sent, 0],
  ]
  const withdrawals = ledger.withdrawals()
  const paid = ({ topics: [, hash], data }) => BigInt(data) === 1n && withdrawals.get(hash).value > 0n
  for (const [history, address, event, times] of faults) {
    // A withdrawal that paid nothing makes no difference when it is left out.
    const log = history.logs(Infinity, address, event).find((one) => event !== topic.finalized || paid(one))
    const block = history.blocks[Number(log.blockNumber)]
    const kept = block.logs
    block.logs = kept.flatMap((one) => Array(one === log ? times : 1).fill(one))
    await assert.rejects(ledger.checkFigures(), { code: 'ERR_ASSERTION' }, `${event} ${times} times`)
    block.logs = kept
  }
  await ledger.checkFigures()
}

test(`nothing is made or lost (VD_SEED=${seed}, VD_OPERATIONS=${operations})`, { timeout: 3_600_000 }, async (t) => {
  console.log(`seed ${seed}, ${operations} operations`)
  await startChain()
  const { l1, l2, contracts } = dev.info
  const genesisFile = join(datadir, 'genesis.json')
  const genesis = await waitFor('genesis.json', () => JSON.parse(readFileSync(genesisFile, 'utf8')).alloc)
  await startFollower()
  const traffic = new Traffic({ random, l1: new Sender(l1.rpc, l1.chainId), l2: new Sender(l2.rpc, l2.chainId), contracts })
  await traffic.prepare(settled)
  const ledger = new Ledger({
    l1: l1.rpc, l2: l2.rpc, contracts, genesis, pairs: traffic.pairs,
    seeds: [...accounts.map(({ address }) => address), ...traffic.strangers],
  })
  const settlement = new Settlement({ random, ledger, traffic, contracts })
  const check = async () => {
    happened.checks++
    return steady('both layers at rest', () => ledger.check())
  }
  const begin = () => steady('nonces', () => Promise.all([traffic.l1.begin(), traffic.l2.begin()]))
  const flush = () => Promise.all([traffic.l1.flush(), traffic.l2.flush()])

  /** What else happens while transactions are under way. */
  const disturb = async () => {
    const what = random.weighted([
      [68, 'nothing'], [14, 'reorg'], [6, 'jump'], [6, 'kill'], [4, 'killFollower'], [4, 'copy'],
    ])
    await sleep(random.below(300))
    if (what === 'reorg') {
      const depth = Math.min(random.between(1, 20), (await head(l1.rpc)) - 2)
      happened.reorgs++
      await call(l1.rpc, 'anvil_reorg', depth)
    } else if (what === 'jump') {
      happened.jumps++
      await (random.chance(0.5) ? call(l1.rpc, 'evm_increaseTime', random.between(1, 3)) : call(l1.rpc, 'evm_mine', random.between(1, 2)))
    } else if (what === 'kill') {
      await killChain()
    } else if (what === 'killFollower') {
      await killFollower()
    } else if (what === 'copy') {
      await copyDatabase()
    }
    return what
  }

  let done = 0
  for (let round = 0; done < operations; round++) {
    const started = Date.now()
    await begin()
    if (round % 3 === 2) {
      await steady('withdrawals', async () => {
        await ledger.sync()
        await begin()
        await settlement.pursue()
        if (random.chance(0.3)) settlement.replay()
      })
    }
    if (done > operations / 2) traffic.createLate()
    for (const end = Math.min(operations, done + random.between(5, 25)); done < end; done++) traffic.operate()
    // What a killed program has not answered may or may not have happened: both are fine.
    const [what] = await Promise.all([disturb(), flush().catch(() => {})])
    if (what !== 'nothing' || round % 8 === 7) await check()
    await sleep(Math.max(0, 800 - (Date.now() - started)))
  }
  t.diagnostic(`${done} operations: ${JSON.stringify(traffic.counts)}`)

  settlement.fraction = 1
  const goal = Date.now() + 120_000
  for (let round = 0; Date.now() < goal; round++) {
    await steady('withdrawals', async () => {
      await ledger.sync()
      await begin()
      await settlement.pursue()
      if (round % 5 === 0) settlement.replay()
    })
    await flush()
    if (settlement.open === 0) break
    await sleep(1000)
  }
  const figures = await check()
  t.diagnostic(`${JSON.stringify(happened)} ${JSON.stringify(settlement.counts)}, true outputs that lost: ${settlement.lost.length}`)
  t.diagnostic(JSON.stringify(figures, (key, value) => (typeof value === 'bigint' ? String(value) : value)))
  t.diagnostic(`refused: L1 ${JSON.stringify([...traffic.l1.refused])}, L2 ${JSON.stringify([...traffic.l2.refused])}`)
  assert.equal(settlement.open, 0, `every withdrawal finalizes in the end: ${JSON.stringify(settlement.waiting)}`)
  await settlement.checkLost()
  if (operations >= 1000) {
    assert(happened.reorgs > 0 && happened.kills > 0 && happened.followerKills > 0 && happened.copies > 0, JSON.stringify(happened))
    assert(figures.deposits > 100 && figures.finalized > 100 && figures.refused > 0)
  }
  await plantedFaults(ledger)

  // The follower knows L1 alone.
  const { number } = ledger.point
  const { hash } = ledger.l2.blocks[number]
  await waitFor(`the follower's block ${number}`, async () => {
    const [block] = await batch(follower.url, [['eth_getBlockByNumber', `0x${number.toString(16)}`, false]])
    if (block?.hash !== hash) throw new Error(`${block?.hash} instead of ${hash}`)
    return true
  }, { timeout: 60_000, interval: 250 })
  assert.deepEqual(await dev.child.stop(), { code: 0, signal: null })
  assert.deepEqual(await follower.child.stop(), { code: 0, signal: null })
})
after(async () => {
  if (process.env.INTEROP_VERBOSE) console.error(dev?.child.tail(), follower?.child.tail())
  await cleanUp()
})
