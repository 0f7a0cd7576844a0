// L1 gas of a whole dispute at full depth (split depth 20, 64 levels): on a development chain two sides
// are played by hand, a proposer that is wrong about a block and about the state after one step of it,
// and a challenger that answers each of its claims, uploads the preimage that the step reads, steps,
// resolves and takes the bonds.  Called by run.sh; no assertions but those that the contracts make.
//   dispute.mjs VIADUCT OUT.json
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

process.env.VIADUCT = process.argv[2]
const { cleanUp, run, startDev, temporaryFolder, waitFor } = await import('../interop/support/harness.mjs')
const { Chain, accounts } = await import('../interop/support/chain.mjs')
const { own } = await import('../interop/support/artifacts.mjs')
const { call } = await import('../interop/support/rpc.mjs')
const { encodeAbiParameters, formatEther, keccak256, parseEther, parseEventLogs, toHex } =
  await import('../interop/node_modules/viem/_esm/index.js')

const [liar, honest, owner] = [1, 2, 7]
const split = 20
const depths = 64
const gameType = 102
const clock = 302_400
const bonds = { bisection: parseEther('0.08'), step: parseEther('1.28') }
const blocks = 6 // that the false claim covers
const wrong = 3 // the first whose output it has wrong
const { abi } = own('FaultDisputeGame')
const oracleAbi = own('PreimageOracle').abi
const factoryAbi = own('DisputeGameFactory').abi

/* Positions: 1 is the root, the children of p are 2p and 2p + 1. */
const depthOf = (p) => p.toString(2).length - 1
const lastLeaf = (p, depth) => ((p + 1n) << BigInt(depth - depthOf(p))) - 1n - (1n << BigInt(depth))
/** Of the machine's trace: the leaf of index i is the state after i + 1 steps. */
const traceIndex = (p) => Number(lastLeaf(p, depths) % (1n << BigInt(depths - split - 1)))
/** The highest place, no higher than `top`, that stands for the same leaf. */
const ancestor = (p, top) => {
  while (p & 1n && depthOf(p) > top) p >>= 1n
  return p
}
const lie = (number) => keccak256(encodeAbiParameters([{ type: 'string' }, { type: 'uint256' }], ['lie', BigInt(number)]))

const gas = {} // what -> gas of each transaction
const spent = { [liar]: 0n, [honest]: 0n }
const note = (what, who, receipt) => {
  (gas[what] ??= []).push(Number(receipt.gasUsed))
  if (who in spent) spent[who] += receipt.gasUsed
  return receipt
}

const datadir = temporaryFolder()
try {
  const { info } = await startDev({ datadir, args: ['--no-challenger', '--proposal-interval', '31536000', '--batcher-max-channel-age', '1000'] })
  const { contracts: at } = info
  const l1 = new Chain(info.l1.rpc, info.l1.chainId, { l2: false })
  const output = (number) => call(info.l2.rpc, 'optimism_outputAtBlock', toHex(number))
  await waitFor('safe blocks', async () => (await call(info.l2.rpc, 'optimism_syncStatus')).safe_l2.number > blocks + 1,
    { timeout: 120_000 })
  const outputs = await Promise.all(Array.from({ length: blocks + 1 }, async (_, i) => (await output(i)).outputRoot))

  /* The game of a public deployment, clocks and all, beside the chain's own. */
  const read = (name) => l1.read(at.FaultDisputeGame, abi, name)
  const implementation = await l1.deploy(owner, own('FaultDisputeGame'), [{
    gameType, absolutePrestate: await read('absolutePrestate'), maxGameDepth: BigInt(depths), splitDepth: BigInt(split),
    clockExtension: 10_800n, maxClockDuration: BigInt(clock), vm: at.RISCV, weth: at.DelayedWETHProxy,
    anchorStateRegistry: at.AnchorStateRegistryProxy, l2ChainId: BigInt(info.l2.chainId),
    bisectionBond: bonds.bisection, stepBond: bonds.step,
  }])
  await l1.write(owner, at.DisputeGameFactoryProxy, factoryAbi, 'setImplementation', [gameType, implementation])
  await l1.write(owner, at.DisputeGameFactoryProxy, factoryAbi, 'setInitBond', [gameType, bonds.bisection])
  const extra = toHex(blocks, { size: 32 })
  const receipt = note('create', liar, await l1.write(liar, at.DisputeGameFactoryProxy, factoryAbi, 'create',
    [gameType, lie(blocks), extra], { value: bonds.bisection }))
  const [{ args: { disputeProxy: game } }] =
    parseEventLogs({ abi: factoryAbi, logs: receipt.logs, eventName: 'DisputeGameCreated' })
  const start = Number(await l1.read(game, abi, 'startingBlockNumber'))
  const l1Head = await l1.read(game, abi, 'l1Head')
  assert.equal(await l1.read(game, abi, 'rootClaim'), lie(blocks))

  /* What a place stands for, as each side has it. */
  const claims = [{ value: lie(blocks), position: 1n, parent: -1 }]
  let stretch // of the machine: --from, --to, --claim
  const witnesses = new Map()
  const headers = new Map() // by what is left of their hash in a key
  for (let number = Number(await call(info.l1.rpc, 'eth_blockNumber')); number >= 0; number--) {
    const header = await call(info.l1.rpc, 'debug_getRawHeader', toHex(number))
    headers.set(keccak256(header).slice(4), header)
  }
  const prove = async (step) => {
    if (!witnesses.has(step)) {
      const { code, output: text, errors } = await run(process.argv[2], ['prove', '--json', '--l1', info.l1.rpc,
        '--rollup', join(datadir, 'rollup.json'), '--datadir', join(datadir, 'l2'), '--l1-head', l1Head,
        '--from', String(stretch.from), '--to', String(stretch.to), '--claim', stretch.claim, '--step', String(step)])
      assert(code === 0 || code === 1, errors)
      witnesses.set(step, JSON.parse(text).witness)
    }
    return witnesses.get(step)
  }
  const block = (position) => Math.min(start + Number(lastLeaf(position, split)) + 1, blocks)
  let last = Infinity // the step from which on the liar's states are wrong
  let lies = false
  const view = async (who, position) => {
    if (depthOf(position) <= split) {
      const number = block(position)
      return who === liar && number >= wrong ? lie(number) : outputs[number]
    }
    const step = traceIndex(position) + 1
    if (who === liar && lies && step > last) return `0x03${lie(step).slice(4)}`
    return (await prove(step)).stateHash
  }
  const find = (position, index) => {
    while (claims[index].position !== position) index = claims[index].parent
    return claims[index]
  }
  /** A step that reads a part of an L1 block's header.  Around such a step a7 is the call's number. */
  const headerRead = async () => {
    for (let at = 1000; ; at += 997) {
      if (BigInt(`0x${(await prove(at)).state.slice(2 + 2 * 178, 2 + 2 * 186)}`) !== 2001n) continue
      for (let step = at; step < at + 300; step++) {
        const key = (await prove(step)).preimageKey
        if (headers.has(key?.slice(4))) return step
      }
    }
  }
  /** The machine runs between the outputs beside the leaf that is countered. */
  const openTrace = async (index, isAttack) => {
    const { position, value } = claims[index]
    const to = isAttack ? block(position) : block(position + 1n)
    const claim = isAttack ? value : find(ancestor(position + 1n, 0), index).value
    stretch = { from: to - 1, to, claim }
    last = await headerRead()
    lies = true
  }

  const timed = async (what, ...rest) => note(what, rest[0], await l1.write(...rest))
  for (let index = 0; depthOf(claims[index].position) < depths; index++) {
    const { position, value } = claims[index]
    const who = index % 2 === 0 ? honest : liar
    const isAttack = (await view(who, position)) !== value
    const next = 2n * (isAttack ? position : position + 1n)
    const depth = depthOf(next)
    if (depth === split + 1) await openTrace(index, isAttack)
    const claim = await view(who, next)
    const move = isAttack ? 'attack' : 'defend'
    const what = depth === split + 1 ? 'root of the trace' : depth <= split ? `${move}, outputs` : `${move}, trace`
    await timed(what, who, game, abi, move, [value, BigInt(index), claim],
      { value: depth + 1 < depths ? bonds.bisection : bonds.step })
    claims.push({ value: claim, position: next, parent: index })
  }

  /* The step: what it reads goes to the oracle first. */
  const index = claims.length - 1
  const { position, value } = claims[index]
  const isAttack = (await view(honest, position)) !== value
  const witness = await prove(traceIndex(position) + (isAttack ? 0 : 1))
  assert.equal(witness.step, last)
  await timed('local data (not needed here)', owner, game, abi, 'addLocalData', [1n, BigInt(index), 0n])
  const header = headers.get(witness.preimageKey.slice(4))
  await timed(`preimage part (${(header.length - 2) / 2} bytes)`, honest, at.PreimageOracle, oracleAbi,
    'loadKeccak256PreimagePart', [BigInt(witness.preimageOffset), header])
  await timed('step', honest, game, abi, 'step', [BigInt(index), isAttack, witness.state, witness.proof])

  const pass = async (seconds) => {
    await call(info.l1.rpc, 'evm_increaseTime', seconds)
    await call(info.l1.rpc, 'evm_mine')
  }
  await pass(2 * clock)
  for (let i = index; i >= 0; i--) await timed('resolveClaim', honest, game, abi, 'resolveClaim', [BigInt(i), 0n])
  await timed('resolve', honest, game, abi, 'resolve')
  assert.equal(await l1.read(game, abi, 'status'), 1)
  await pass(3600)
  await timed('claimCredit, unlocks', honest, game, abi, 'claimCredit', [accounts[honest].address])
  await pass(3600)
  const bond = async (who) => l1.read(game, abi, 'credit', [accounts[who].address])
  const won = await bond(honest)
  assert.equal(await bond(liar), 0n)
  await timed('claimCredit, pays', honest, game, abi, 'claimCredit', [accounts[honest].address])

  const rows = Object.entries(gas).map(([what, each]) => ({
    what, count: each.length, least: Math.min(...each), most: Math.max(...each), sum: each.reduce((a, b) => a + b),
  }))
  const line = (...cells) => console.log(cells.map((cell, i) => (i === 0 ? String(cell).padEnd(34) : String(cell).padStart(12))).join(''))
  line('move', 'times', 'least gas', 'most gas', 'in all')
  for (const { what, count, least, most, sum } of rows) line(what, count, least, most, sum)
  line('challenger in all', '', '', '', spent[honest])
  line('proposer in all', '', '', '', spent[liar])
  console.log()
  line('gas price', 'challenger', 'proposer', 'of bonds ETH')
  const prices = [2, 20, 200].map((gwei) => ({
    gwei, challenger: formatEther(spent[honest] * BigInt(gwei) * 10n ** 9n), proposer: formatEther(spent[liar] * BigInt(gwei) * 10n ** 9n),
  }))
  for (const { gwei, challenger, proposer } of prices) line(`${gwei} gwei`, Number(challenger).toFixed(3), Number(proposer).toFixed(3), formatEther(won))
  writeFileSync(process.argv[3], `${JSON.stringify({ rows, prices, paid: formatEther(won) }, null, 2)}\n`)
} finally {
  await cleanUp()
}
process.exit(0)
