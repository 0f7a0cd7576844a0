// Who plays the false side of dispute games: a proposer of false roots that answers every counter.
import { concat, keccak256, numberToHex, toHex } from 'viem'
import { own } from './artifacts.mjs'
import { accounts } from './chain.mjs'
import { sleep } from './harness.mjs'

export const factoryAbi = own('DisputeGameFactory').abi
export const gameAbi = own('FaultDisputeGame').abi
export const fault = 101
const noParent = 2 ** 32 - 1

export const depthOf = (position) => position.toString(2).length - 1

/** The claims of a game, from `first` on, as claimData has them. */
export async function claimsOf(l1, game, first = 0) {
  const count = Number(await l1.read(game, gameAbi, 'claimDataLen'))
  return Promise.all(Array.from({ length: count - first }, async (_, i) => {
    const [parent, counteredBy, claimant, bond, value, position] =
      await l1.read(game, gameAbi, 'claimData', [BigInt(first + i)])
    return {
      index: first + i, parent: parent === noParent ? null : parent, counteredBy, claimant, bond, value,
      position, depth: depthOf(position),
    }
  }))
}

/** Creates a game; its address. */
export async function propose(l1, account, factory, root, block) {
  const bond = await l1.read(factory, factoryAbi, 'initBonds', [fault])
  const extra = numberToHex(block, { size: 32 })
  await l1.write(account, factory, factoryAbi, 'create', [fault, root, extra], { value: bond })
  const [proxy] = await l1.read(factory, factoryAbi, 'games', [fault, root, extra])
  return proxy
}

export class Adversary {
  /** choose(claim): true to attack a claim, false to defend it. */
  constructor(l1, account, game, choose = () => true) {
    Object.assign(this, { l1, account, game, choose, seen: 0, moves: 0 })
    this.address = accounts[account].address
  }

  /** Answers what came since the last time; how many moves that took. */
  async answer() {
    this.maxDepth ??= Number(await this.l1.read(this.game, gameAbi, 'maxGameDepth'))
    this.splitDepth ??= Number(await this.l1.read(this.game, gameAbi, 'splitDepth'))
    const fresh = await claimsOf(this.l1, this.game, this.seen)
    const before = this.moves
    for (const claim of fresh) {
      if (claim.claimant !== this.address && claim.depth < this.maxDepth) await this.counter(claim)
      this.seen = claim.index + 1
    }
    return this.moves - before
  }

  async counter(claim) {
    const attacks = this.choose(claim)
    let value = keccak256(toHex(`lie ${this.game} ${claim.index}`))
    // The root of a trace says how the machine ends: invalid by who attacks, valid by who defends.
    if (claim.depth === this.splitDepth) value = concat([attacks ? '0x01' : '0x00', `0x${value.slice(4)}`])
    const position = claim.position * 2n + (attacks ? 0n : 2n)
    const bond = await this.l1.read(this.game, gameAbi, 'getRequiredBond', [position])
    await this.l1.write(this.account, this.game, gameAbi, attacks ? 'attack' : 'defend',
      [claim.value, BigInt(claim.index), value], { value: bond })
    this.moves++
  }

  /** Plays until stop() or until an answer fails, as it does when the game is over. */
  play() {
    this.stopped = false
    this.done = (async () => {
      while (!this.stopped) {
        if (await this.answer() === 0) await sleep(100)
      }
    })()
    this.done.catch(() => {})
    return this
  }

  async stop() {
    this.stopped = true
    await this.done
  }
}
