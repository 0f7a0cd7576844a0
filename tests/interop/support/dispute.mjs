// Whoever plays a dispute game without being the challenger: what they claim is a view, how they move
// follows from it as the honest side's moves follow from the truth.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { decodeFunctionResult, encodeFunctionData, keccak256, numberToHex, toHex } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { own } from './artifacts.mjs'
import { run, viaduct, waitFor } from './harness.mjs'
import { batch, hex } from './history.mjs'
import { call } from './rpc.mjs'

export const fault = 101
export const won = { challenger: 1, defender: 2 }
export const game = own('FaultDisputeGame')
const factory = own('DisputeGameFactory').abi
const registry = own('AnchorStateRegistry').abi
const weth = own('DelayedWETH').abi
const noParent = 2 ** 32 - 1
const moveGas = 1_000_000n

/* --- positions, by their generalized index --- */

export const depthOf = (position) => position.toString(2).length - 1
const moved = (position, attack) => (attack ? position << 1n : (position | 1n) << 1n)
const indexOf = (position) => position - (1n << BigInt(depthOf(position)))
/** The right-most leaf below a position, from the left. */
const leafBelow = (position, depth) => ((indexOf(position) + 1n) << BigInt(depth - depthOf(position))) - 1n
/** The highest position that commits to the same leaf. */
const ancestor = (position) => {
  while (position > 1n && position % 2n === 1n) position >>= 1n
  return position
}

/* --- games --- */

/** Where disputes are fought: L1, the factory, and what a node knows of L2. */
export class Court {
  constructor({ l1, contracts, l2Url, files, datadir }) {
    Object.assign(this, { l1, contracts, l2Url, files, datadir })
    this.factory = contracts.DisputeGameFactoryProxy
  }

  output = async (number) => (await this.outputs(number)).outputRoot
  outputs = (number) => call(this.l2Url, 'optimism_outputAtBlock', hex(number))
  safe = async () => (await call(this.l2Url, 'optimism_syncStatus')).safe_l2.number
  anchor = async () => Number((await this.l1.read(this.contracts.AnchorStateRegistryProxy, registry, 'getAnchorRoot'))[1])
  balance = (address, blockNumber) => this.l1.public.getBalance({ address, blockNumber })
  /** Wei that the keeper of bonds holds for a game. */
  bonds = (address) => this.l1.read(this.contracts.DelayedWETHProxy, weth, 'balanceOf', [address])
  later = (seconds) => call(this.l1.url, 'evm_increaseTime', seconds)

  async l1Time() {
    return Number((await this.l1.public.getBlock()).timestamp)
  }

  /** Waits until L2 has so many safe blocks. */
  safeBlock(number) {
    return waitFor(`safe block ${number}`, async () => (await this.safe()) >= number, { timeout: 120_000, interval: 250 })
  }

  /** Makes games of the program's type such ones from now on; what is not given stays.  Their code. */
  async install(owner, changes) {
    const at = this.contracts.FaultDisputeGame
    const names = ['absolutePrestate', 'maxGameDepth', 'splitDepth', 'clockExtension', 'maxClockDuration', 'vm', 'weth',
      'anchorStateRegistry', 'l2ChainId', 'bisectionBond', 'stepBond']
    const values = await Promise.all(names.map((name) => this.l1.read(at, game.abi, name)))
    const constants = { gameType: fault, ...Object.fromEntries(names.map((name, i) => [name, values[i]])), ...changes }
    const implementation = await this.l1.deploy(owner, game, [constants])
    await this.use(owner, implementation)
    return implementation
  }

  async use(owner, implementation = this.contracts.FaultDisputeGame) {
    await this.l1.write(owner, this.factory, factory, 'setImplementation', [fault, implementation])
  }

  /** An account of its own for a player, so that what it has is what games have left it. */
  async player(ether) {
    const account = privateKeyToAccount(generatePrivateKey())
    const fund = async () => {
      const hash = await this.l1.wallet(0).sendTransaction({ to: account.address, value: ether * 10n ** 18n })
      assert.equal((await this.l1.receipt(hash)).status, 'success')
    }
    await (this.funded = (this.funded ?? Promise.resolve()).then(fund)) // one sender, one after the other
    return new Player(this, account)
  }

  /** The game that a player opens by a claim about a block. */
  async open(player, root, number) {
    const extra = numberToHex(number, { size: 32 })
    const value = await this.l1.read(this.factory, factory, 'initBonds', [fault])
    await player.send({ address: this.factory, abi: factory, functionName: 'create', args: [fault, root, extra], value, gas: 2_000_000n })
    const [address] = await this.l1.read(this.factory, factory, 'games', [fault, root, extra])
    return new Game(this, address).load()
  }

  /** The last block that L1 makes safe up to a game's L1 block. */
  async safeAt(table) {
    const { number } = await this.l1.public.getBlock({ blockHash: table.l1Head })
    return (await call(this.l2Url, 'optimism_safeHeadAtL1Block', hex(number))).safeHead.number
  }

  /** What `viaduct prove` says of a run, with the witness after so many steps, or of the first step
      behind them that asks for a preimage of a type. */
  async witness({ l1Head, agreed, claimed, root }, steps, type) {
    const result = await run(viaduct, ['prove', '--l1', this.l1.url, '--rollup', join(this.files, 'rollup.json'),
      '--datadir', this.datadir, '--from', String(agreed), '--to', String(claimed), '--claim', root, '--l1-head', l1Head,
      '--step', String(steps), ...(type ? ['--stop-at-preimage', type] : []), '--json', '--log-level', 'error'], { timeout: 120_000 })
    assert.ok(result.output, result.errors)
    return JSON.parse(result.output)
  }
}

const claimOf = (index, [parent, counteredBy, claimant, bond, value, position, clock]) => ({
  index, parent: parent === noParent ? null : parent, counteredBy, claimant, bond, value, position,
  depth: depthOf(position), used: Number(clock >> 64n), time: Number(clock & (1n << 64n) - 1n),
})

export class Game {
  constructor(court, address) {
    Object.assign(this, { court, address, claims: [] })
  }

  read = (name, args = []) => this.court.l1.read(this.address, game.abi, name, args)

  async load() {
    const names = ['maxGameDepth', 'splitDepth', 'l1Head', 'l2BlockNumber', 'startingBlockNumber', 'maxClockDuration', 'clockExtension']
    const values = await Promise.all(names.map((name) => this.read(name)))
    const [maxDepth, split, l1Head, block, start, clock, extension] = values.map((value) => (typeof value === 'bigint' ? Number(value) : value))
    return Object.assign(this, { maxDepth, split, l1Head, block, start, clock, extension })
  }

  /** Reads the claims that are new. */
  async sync() {
    const count = Number(await this.read('claimDataLen'))
    this.claims.push(...await this.claimsFrom(this.claims.length, count))
    return this.claims
  }

  /** Claims as they stand, from one index up to another. */
  async claimsFrom(from, to) {
    const answers = await batch(this.court.l1.url, Array.from({ length: to - from }, (_, i) => ['eth_call', {
      to: this.address, data: encodeFunctionData({ abi: game.abi, functionName: 'claimData', args: [BigInt(from + i)] }),
    }, 'latest']))
    return answers.map((data, i) =>
      claimOf(from + i, decodeFunctionResult({ abi: game.abi, functionName: 'claimData', data })))
  }

  claim = async (index) => (await this.claimsFrom(index, index + 1))[0]

  blockAt(position) {
    return Math.min(this.start + Number(leafBelow(position, this.split)) + 1, this.block)
  }

  /** Index of the last state that a position below the split commits to; it is that after one step more. */
  leafAt(position) {
    return Number(leafBelow(position, this.maxDepth) % (1n << BigInt(this.maxDepth - this.split - 1)))
  }

  find(from, position) {
    let claim = from
    while (claim && claim.position !== position) claim = this.claims[claim.parent]
    return claim
  }

  /** The run of the machine that an answer to a claim at the split, or a claim below it, is about. */
  runAt(leaf, attack) {
    const begin = attack
      ? indexOf(leaf.position) === 0n ? undefined : this.find(leaf, ancestor(leaf.position - 1n))
      : leaf
    const end = attack ? leaf : this.find(leaf, ancestor(leaf.position + 1n))
    return {
      l1Head: this.l1Head, agreed: begin ? this.blockAt(begin.position) : this.start,
      claimed: this.blockAt(end.position), root: end.value,
      disputes: attack || end.depth % 2 === this.split % 2, // what the root of its trace has to say
    }
  }

  runOf(claim) {
    let root = claim
    while (root.depth > this.split + 1) root = this.claims[root.parent]
    const leaf = this.claims[root.parent]
    return this.runAt(leaf, root.position === moved(leaf.position, true))
  }

  /** What each account gets of the bonds by the rules of the game, from the claims as they stand at the
      end and the steps that were made. */
  async shares() {
    const claims = await this.claimsFrom(0, (await this.sync()).length)
    if (await this.read('l2BlockNumberChallenged')) claims[0].by = await this.read('l2BlockNumberChallenger')
    const counters = claims.map(() => [])
    for (const claim of claims) if (claim.parent !== null) counters[claim.parent].push(claim)
    const shares = new Map()
    for (const claim of [...claims].reverse()) {
      const standing = counters[claim.index].filter(({ by }) => !by)
        .sort((a, b) => (a.position < b.position ? -1 : a.position > b.position ? 1 : a.index - b.index))
      claim.by ??= standing[0]?.claimant
      if (claim.depth === this.maxDepth && BigInt(claim.counteredBy) !== 0n) claim.by = claim.counteredBy // a step
      const to = (claim.by ?? claim.claimant).toLowerCase()
      shares.set(to, (shares.get(to) ?? 0n) + claim.bond)
    }
    return shares
  }
}

/* --- views --- */

export const fake = (...what) => keccak256(toHex(what.join(' ')))

const fromTheStart = () => 0

/** The chain as it is, but for outputs from a block on and states from a step on. */
export class View {
  constructor(court, { name, falseFrom = Infinity, output, statesFalseFrom = fromTheStart }) {
    Object.assign(this, { court, name, falseFrom, statesFalseFrom, lie: output ?? ((number) => fake(name, 'output', number)) })
    this.known = new Map()
  }

  async output(number) {
    return number < this.falseFrom ? this.court.output(number) : this.lie(number)
  }

  async state(which, index, isRoot) {
    const key = `${which.agreed} ${which.claimed} ${which.root} ${index}`
    if (!this.known.has(key)) this.known.set(key, await this.compute(which, index, isRoot))
    return this.known.get(key)
  }

  async compute(which, index, isRoot) {
    // A false trace needs the ending that makes it a dispute.
    const lie = () => {
      const status = isRoot ? (which.disputes ? '01' : '00') : '03'
      return `0x${status}${fake(this.name, 'state', which.claimed, index).slice(4)}`
    }
    if (this.statesFalseFrom === fromTheStart) return lie()
    const { steps, witness } = await this.court.witness(which, index + 1)
    return index + 1 >= await this.statesFalseFrom(steps, which) ? lie() : witness.stateHash
  }
}

/** For a view whose states are wrong from the first step behind `after` on that asks for a preimage of a
    type; witnesses() is what `viaduct prove` says of that step. */
export function fromPreimage(court, type, after) {
  const runs = new Map()
  const statesFalseFrom = async (_, which) => {
    if (!runs.has(which.root)) runs.set(which.root, court.witness(which, after, type))
    return (await runs.get(which.root)).witness.step + 1
  }
  return { statesFalseFrom, witnesses: async () => (await Promise.all(runs.values())).map(({ witness }) => witness) }
}

/* --- players --- */

export class Player {
  constructor(court, account) {
    Object.assign(this, { court, account, address: account.address, spent: 0n, fees: 0n })
    this.wallet = court.l1.walletOf(account)
  }

  /** Sends, waits for success and keeps the books; the receipt. */
  async send({ gas = moveGas, ...request }) {
    const hash = await this.wallet.writeContract({ ...request, gas })
    const receipt = await this.court.l1.receipt(hash, 60_000)
    this.fees += receipt.gasUsed * receipt.effectiveGasPrice
    if (receipt.status !== 'success') throw new Error(`${request.functionName} ${hash} reverted`)
    this.spent += request.value ?? 0n
    return receipt
  }

  simulate = (table, functionName, args) => this.court.l1.public.simulateContract({
    address: table.address, abi: game.abi, functionName, args, account: this.address, gas: 10_000_000n,
  })

  /** Its answer to a claim by its view, undefined if there is none. */
  async answer(table, view, claim) {
    const below = claim.depth > table.split
    const value = below
      ? await view.state(table.runOf(claim), table.leafAt(claim.position), claim.depth === table.split + 1)
      : await view.output(table.blockAt(claim.position))
    const attack = value !== claim.value
    const position = moved(claim.position, attack)
    const depth = claim.depth + 1
    if (depth > table.maxDepth || (!attack && (claim.parent === null || depth === table.split + 2))) return undefined
    const which = depth === table.split + 1 ? table.runAt(claim, attack) : depth > table.split ? table.runOf(claim) : undefined
    return {
      attack, depth,
      value: which ? await view.state(which, table.leafAt(position), depth === table.split + 1) : await view.output(table.blockAt(position)),
      bond: await table.read('getRequiredBond', [position]),
    }
  }

  move(table, claim, { attack, value, bond }) {
    return this.send({
      address: table.address, abi: game.abi, functionName: attack ? 'attack' : 'defend',
      args: [claim.value, BigInt(claim.index), value], value: bond,
    })
  }

  /** Attacks one claim again and again, each time by another value. */
  async flood(table, claim, count) {
    const { court: { l1 }, wallet } = this
    const value = await table.read('getRequiredBond', [claim.position << 1n])
    const wave = 50 // as many as an account may have under way
    for (let done = 0; done < count; done += wave) {
      const nonce = await l1.public.getTransactionCount({ address: this.address })
      const { maxFeePerGas, maxPriorityFeePerGas } = await l1.public.estimateFeesPerGas()
      const hashes = await Promise.all(Array.from({ length: Math.min(wave, count - done) }, async (_, i) => {
        const data = encodeFunctionData({
          abi: game.abi, functionName: 'attack', args: [claim.value, BigInt(claim.index), fake('flood', done + i)],
        })
        const serializedTransaction = await this.account.signTransaction({
          type: 'eip1559', chainId: l1.id, nonce: nonce + i, to: table.address, data, value, gas: 400_000n,
          maxFeePerGas: 3n * maxFeePerGas, maxPriorityFeePerGas,
        })
        return wallet.sendRawTransaction({ serializedTransaction })
      }))
      await l1.receipt(hashes.at(-1), 60_000)
      for (const receipt of await batch(l1.url, hashes.map((hash) => ['eth_getTransactionReceipt', hash]))) {
        assert.equal(receipt.status, '0x1')
        this.fees += BigInt(receipt.gasUsed) * BigInt(receipt.effectiveGasPrice)
        this.spent += value
      }
    }
  }

  /** Answers every claim that counters one of its own (or the root, for a player against it), until
      nothing more can be said or `over` says so.  before(claim, move) may wait, or end it by false. */
  async play(table, view, { againstRoot = false, before = async () => true, over, timeout = 400_000 }) {
    const answered = new Set()
    const mine = (claim) => claim.claimant === this.address
    await waitFor(`the end of ${view.name}`, async () => {
      for (const claim of await table.sync()) {
        const parent = claim.parent === null ? undefined : table.claims[claim.parent]
        const due = claim.parent === null ? againstRoot : !mine(claim) && mine(parent)
        if (!due || answered.has(claim.index)) continue
        const answer = await this.answer(table, view, claim)
        if (answer && !(await before(claim, answer))) return true
        if (answer) await this.move(table, claim, answer)
        answered.add(claim.index)
        if (answer) await table.sync()
      }
      return over(table)
    }, { timeout, interval: 200 })
  }
}

/** Whether the player's claim at the leaves was refuted by a step. */
export const steppedAgainst = (player) => async (table) => {
  const leaf = table.claims.find((claim) => claim.depth === table.maxDepth && claim.claimant === player.address)
  return leaf !== undefined && BigInt((await table.claim(leaf.index)).counteredBy) !== 0n
}

/** An account's transactions of L1 blocks from one on: fees and ether that left with them. */
export async function spendings(court, address, from) {
  const to = Number(await court.l1.public.getBlockNumber())
  const blocks = await batch(court.l1.url, Array.from({ length: to - from }, (_, i) => ['eth_getBlockByNumber', hex(from + 1 + i), true]))
  const sent = blocks.flatMap(({ transactions }) => transactions).filter((tx) => tx.from.toLowerCase() === address.toLowerCase())
  const receipts = await batch(court.l1.url, sent.map(({ hash }) => ['eth_getTransactionReceipt', hash]))
  let fees = 0n
  let value = 0n
  receipts.forEach((receipt, i) => {
    fees += BigInt(receipt.gasUsed) * BigInt(receipt.effectiveGasPrice)
    if (receipt.status === '0x1') value += BigInt(sent[i].value)
  })
  return { to, fees, value, count: sent.length }
}

/** Waits until a game is resolved as it should be and every bond has left it, and demands that each went
    where the rules send it: the shares by account.  claims: players who fetch what is theirs. */
export async function settled(table, status, { honest = [], timeout = 200_000 } = {}) {
  const { court } = table
  await waitFor(`the end of game ${table.address}`, async () => (await table.read('status')) !== 0, { timeout })
  assert.equal(await table.read('status'), status)
  const shares = await table.shares()
  const bonds = table.claims.reduce((sum, { bond }) => sum + bond, 0n)
  assert.equal([...shares.values()].reduce((sum, share) => sum + share, 0n), bonds)
  for (const player of honest) {
    const share = shares.get(player.address.toLowerCase()) ?? 0n
    const claim = () => player.send({ address: table.address, abi: game.abi, functionName: 'claimCredit', args: [player.address] })
    await waitFor('a final game', () => player.simulate(table, 'claimCredit', [player.address]), { timeout })
    assert.equal(await table.read('credit', [player.address]), share)
    await claim()
    await waitFor('the delay of the bond', async () => {
      if ((await table.read('credit', [player.address])) === 0n) return true
      await player.simulate(table, 'claimCredit', [player.address])
      await claim()
    }, { timeout, interval: 1000 })
  }
  await waitFor(`the bonds of game ${table.address}`, async () => (await court.bonds(table.address)) === 0n, { timeout })
  return shares
}

/** Demands that a player's ether is, to the wei, what it had, less fees and bonds, and its shares. */
export async function balanced(player, had, shares) {
  const share = shares.reduce((sum, map) => sum + (map.get(player.address.toLowerCase()) ?? 0n), 0n)
  assert.equal(await player.court.balance(player.address), had - player.fees - player.spent + share)
  return share
}

/* --- many games --- */

/** The games of a test, and the books of the node's challenger since the first of them. */
export class Docket {
  constructor(court, challenger) {
    Object.assign(this, { court, challenger, trials: [] })
  }

  async begin() {
    this.since = Number(await this.court.l1.public.getBlockNumber())
    this.had = await this.court.balance(this.challenger, BigInt(this.since))
  }

  /** A player of its own opens a game by a claim, false unless status says otherwise. */
  async trial({ name, claim, ether = 20n, ...rest }) {
    const player = await this.court.player(ether)
    const one = { name, player, had: await this.court.balance(player.address), status: won.challenger, ...rest }
    const { number, root } = await claim()
    this.trials.push(Object.assign(one, { number, table: await this.court.open(player, root, number) }))
    return one
  }

  /** A liar about outputs from a block on, and about states. */
  async liar(name, number, falseFrom, { ether, ...rest } = {}) {
    const view = new View(this.court, { name, falseFrom, ...rest })
    return { ...await this.trial({ name, ether, claim: async () => ({ number, root: await view.output(number) }) }), view }
  }

  /** Plays a liar's game to the step against it. */
  fight({ player, table, view }, options = {}) {
    return player.play(table, view, { over: steppedAgainst(player), ...options })
  }

  /** A malicious challenger against a true claim of somebody else. */
  async malicious(name, number, falseFrom) {
    const honest = await this.court.player(20n)
    const honestHad = await this.court.balance(honest.address)
    const table = await this.court.open(honest, await this.court.output(number), number)
    const player = await this.court.player(20n)
    this.trials.push({ name, player, table, had: await this.court.balance(player.address), honest, honestHad, status: won.defender })
    const view = new View(this.court, { name, falseFrom })
    const leaf = () => table.claims.find(({ depth }) => depth === table.maxDepth)
    await player.play(table, view, { againstRoot: true, over: leaf })
    // The last claim is about the very first step, and it is true.
    assert.equal(table.leafAt(leaf().position), 0)
    const { state, proof } = (await this.court.witness(table.runOf(leaf()), 0)).witness
    await assert.rejects(player.simulate(table, 'step', [BigInt(leaf().index), true, state, proof]), /ValidStep/)
  }

  /** A liar whose first moves, down to a depth, come when its clock has almost run out. */
  async late(one, untilDepth) {
    const { table, player } = one
    const left = async ({ index }) => table.clock - Number(await table.read('getChallengerDuration', [BigInt(index)]))
    await this.fight(one, { before: async (claim, { depth }) => {
      if (depth > untilDepth) return true
      const seconds = await left(claim)
      if (seconds > 200) await this.court.later(seconds - 100)
      await waitFor('the last seconds', async () => (await left(claim)) < 200)
      return true
    } })
    const moves = table.claims.filter(({ claimant, parent, depth }) =>
      claimant === player.address && parent !== null && depth <= untilDepth)
    assert.equal(moves.length, untilDepth / 2)
    for (const { used } of moves) assert.equal(used, table.clock - table.extension)
  }

  /** Lets every clock run out; then every game has to be as it should, and everybody's ether. */
  async settle(timeout) {
    await this.court.later(this.trials[0].table.clock)
    const shares = []
    for (const { name, player, table, status, had, honest, honestHad } of this.trials) {
      const isTrue = status === won.defender && !honest // a true claim that nobody disputed
      const share = await settled(table, status, { honest: isTrue ? [player] : honest ? [honest] : [], timeout })
      const back = await balanced(player, had, [share])
      if (!isTrue) assert.equal(back, 0n, `${name} got something back`)
      if (honest) await balanced(honest, honestHad, [share])
      shares.push(share)
    }
    const books = await spendings(this.court, this.challenger, this.since)
    const earned = shares.reduce((sum, share) => sum + (share.get(this.challenger.toLowerCase()) ?? 0n), 0n)
    assert.equal(await this.court.balance(this.challenger, BigInt(books.to)), this.had - books.fees - books.value + earned)
  }
}
