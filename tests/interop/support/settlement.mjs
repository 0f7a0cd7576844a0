// Whoever withdraws, and the guardian: proves and finalizes what L2 has withdrawn, each withdrawal
// more often than once, and blacklists games that claim what L2's chain is not.
import assert from 'node:assert/strict'
import { concat, decodeErrorResult, decodeFunctionResult, encodeFunctionData, keccak256, pad } from 'viem'
import { own } from './artifacts.mjs'
import { batch, hex } from './history.mjs'
import { at } from './ledger.mjs'

const portal = own('OptimismPortal2').abi
const factory = own('DisputeGameFactory').abi
const game = own('FaultDisputeGame').abi
const registry = own('AnchorStateRegistry').abi
export const guardian = 7
const challengerWins = 1

export class Settlement {
  constructor({ random, ledger, traffic, contracts }) {
    Object.assign(this, { random, ledger, traffic, contracts })
    this.lost = [] // true outputs
    this.counts = { proofs: 0, finalizations: 0, early: 0, blacklisted: 0, badProofs: 0 }
    this.fraction = 0.7 // of what could be done now
  }

  async views(requests) {
    const answers = await batch(this.ledger.l1.url, requests.map(([to, abi, functionName, args = []]) =>
      ['eth_call', { to, data: encodeFunctionData({ abi, functionName, args }) }, 'latest']))
    return answers.map((data, i) => {
      const [, abi, functionName] = requests[i]
      return data === null ? undefined : decodeFunctionResult({ abi, functionName, data })
    })
  }

  /** All games, newest last, with what the node says of their claims. */
  async games() {
    const at = this.contracts.DisputeGameFactoryProxy
    const [count] = await this.views([[at, factory, 'gameCount']])
    const listed = await this.views(Array.from({ length: Number(count) }, (_, i) => [at, factory, 'gameAtIndex', [BigInt(i)]]))
    if (listed.includes(undefined)) return []
    const facts = await this.views(listed.flatMap(([, , address]) => [
      [address, game, 'rootClaim'], [address, game, 'l2SequenceNumber'],
      [this.contracts.AnchorStateRegistryProxy, registry, 'isGameBlacklisted', [address]],
      [address, game, 'status'], [address, game, 'l1Head'], [address, game, 'claimDataLen'],
    ]))
    const all = listed.map(([, , address], i) => {
      const [root, block, blacklisted, status, l1Head, claims] = facts.slice(6 * i, 6 * i + 6)
      return { index: i, address, root, block: Number(block), blacklisted, status, l1Head, claims }
    })
    const outputs = await batch(this.ledger.l2.url, all.map(({ block }) => ['optimism_outputAtBlock', hex(block)]))
    all.forEach((one, i) => Object.assign(one, {
      output: outputs[i], right: outputs[i]?.outputRoot === one.root, wrong: outputs[i] !== null && outputs[i].outputRoot !== one.root,
    }))
    this.lost = all.filter(({ right, status }) => right && status === challengerWins)
    return all
  }

  /** A true output can lose: where a reorganisation took L1's batches behind the game that claims it,
      the output was not safe yet at the game's L1 head.  For no other reason; while L1 is at rest. */
  async checkLost() {
    const heads = await batch(this.ledger.l1.url, this.lost.map(({ l1Head }) => ['eth_getBlockByHash', l1Head, false]))
    const safe = await batch(this.ledger.l2.url, heads.map(({ number }) => ['optimism_safeHeadAtL1Block', number]))
    this.lost.forEach(({ index, block }, i) => {
      const { number } = safe[i].safeHead
      assert(number < block, `game ${index} lost with the output of block ${block}, but ${number} was safe at its L1 head`)
    })
  }

  /** Queues transactions of one moment.  The ledger is in sync and the sender has begun. */
  async pursue() {
    const { random, ledger, traffic: { l1 } } = this
    const all = await this.games()
    for (const { address } of all.filter(({ wrong, blacklisted }) => wrong && !blacklisted)) {
      this.counts.blacklisted++
      l1.add(guardian, {
        to: this.contracts.AnchorStateRegistryProxy, gas: 200_000n,
        data: encodeFunctionData({ abi: registry, functionName: 'blacklistDisputeGame', args: [address] }),
      })
    }
    const [status] = await batch(ledger.l2.url, [['optimism_syncStatus']])
    const withdrawals = ledger.withdrawals()
    const finalized = ledger.finalized(Infinity) // L2's origin may lie far behind L1's head
    const proven = ledger.proven()
    const byAddress = new Map(all.map((one) => [one.address.toLowerCase(), one]))
    const isSound = (one) => one?.right && !one.blacklisted && one.status !== challengerWins
    const usable = all.filter(isSound)
    const open = [...withdrawals.values()].filter(({ hash }) => !finalized.has(hash))
    this.open = open.length
    const proofs = await this.views(open.map(({ hash }) =>
      [this.contracts.OptimismPortalProxy, portal, 'provenWithdrawals', [hash, proven.get(hash)?.at(-1) ?? this.contracts.ProxyAdmin]]))
    const toProve = []
    const toFinalize = []
    open.forEach((withdrawal, i) => {
      const proof = proofs[i]?.[1] > 0n ? byAddress.get(proofs[i][0].toLowerCase()) : undefined
      if (isSound(proof)) toFinalize.push({ withdrawal, proof })
      else toProve.push(withdrawal)
    })
    await this.prove(toProve.filter(() => random.chance(this.fraction)), usable)
    await this.finalize(toFinalize, proven, status.finalized_l2.number)
    await this.again([...withdrawals.values()].filter(({ hash }) => finalized.has(hash)), proven)
  }

  async prove(withdrawals, usable) {
    const { random, ledger, traffic: { l1 } } = this
    const plans = withdrawals.slice(0, 40).flatMap((withdrawal) => {
      const served = usable.filter(({ block }) => block >= withdrawal.block)
      return served.length === 0 ? [] : [{ withdrawal, by: random.pick(served) }]
    })
    const answers = await batch(ledger.l2.url, plans.map(({ withdrawal, by }) => ['eth_getProof', at.passer,
      [keccak256(concat([withdrawal.hash, pad('0x00')]))], hex(by.block)]))
    plans.forEach(({ withdrawal, by }, i) => {
      if (answers[i] === null) return
      const nodes = answers[i].storageProof[0].proof
      const bad = random.chance(0.08)
      if (bad) this.counts.badProofs++
      else this.counts.proofs++
      const tuple = tupleOf(withdrawal)
      if (bad) tuple.value += 1n // someone else's ether
      l1.add(random.pick([0, 1, 2, 3, 4, 5, 6]), {
        to: this.contracts.OptimismPortalProxy, gas: 1_000_000n,
        data: encodeFunctionData({
          abi: portal, functionName: 'proveWithdrawalTransaction', args: [tuple, BigInt(by.index), {
            version: pad('0x00'), stateRoot: by.output.stateRoot, messagePasserStorageRoot: by.output.withdrawalStorageRoot,
            latestBlockhash: by.output.blockRef.hash,
          }, nodes],
        }),
      })
    })
  }

  /** Only on claims about finalized blocks: no reorganisation can make those wrong any more.  The
      embedded L1's chain proposes earlier, which on other chains takes a flag. */
  async finalize(candidates, proven, finalizedBlock) {
    const { random } = this
    const sound = candidates.filter(({ proof }) => proof.block <= finalizedBlock)
    const checks = await batch(this.ledger.l1.url, sound.map(({ withdrawal: { hash } }) => ['eth_call', {
      to: this.contracts.OptimismPortalProxy,
      data: encodeFunctionData({ abi: portal, functionName: 'checkWithdrawal', args: [hash, proven.get(hash).at(-1)] }),
    }, 'latest']), { errors: true })
    this.waiting = {} // why, and on which games
    let sent = 0
    sound.forEach(({ withdrawal, proof }, i) => {
      const ready = typeof checks[i] === 'string'
      if (!ready) {
        const why = `${reason(checks[i].error)} of game ${proof.index}, status ${proof.status}, ${proof.claims} claims`
        this.waiting[why] = (this.waiting[why] ?? 0) + 1
      }
      if (!random.chance(ready ? this.fraction : 0.02) || sent++ > 60) return
      if (ready) this.counts.finalizations++
      else this.counts.early++
      for (let times = random.chance(0.15) ? 2 : 1; times > 0; times--) this.send(withdrawal, proven.get(withdrawal.hash).at(-1))
    })
  }

  /** Some that were finalized: once is enough. */
  async again(done, proven) {
    for (let i = 0; i < 2 && done.length > 0; i++) {
      const withdrawal = this.random.pick(done)
      const submitter = proven.get(withdrawal.hash)?.at(-1)
      if (submitter) this.send(withdrawal, submitter)
    }
  }

  send(withdrawal, submitter) {
    this.traffic.l1.add(this.random.pick([0, 1, 2, 3, 4, 5, 6]), {
      to: this.contracts.OptimismPortalProxy, gas: 1_500_000n,
      data: encodeFunctionData({
        abi: portal, functionName: 'finalizeWithdrawalTransactionExternalProof', args: [tupleOf(withdrawal), submitter],
      }),
    })
  }

  /** Delivers once more what failed; some of it fails for ever. */
  replay() {
    const { random, ledger, traffic } = this
    for (const [from, sender, to] of [[1, traffic.l2, at.messenger], [2, traffic.l1, this.contracts.L1CrossDomainMessengerProxy]]) {
      for (const { call } of ledger.messages(from).filter(({ failed, relayed }) => failed && !relayed).slice(-30)) {
        sender.add(random.pick([0, 1, 2, 3, 4, 5, 6]), { to, gas: 1_500_000n, data: call })
      }
    }
  }
}

/** Name of a contract's error. */
function reason({ message, data }) {
  try {
    return decodeErrorResult({ abi: portal, data }).errorName
  } catch {
    return message
  }
}

const tupleOf = ({ nonce, sender, target, value, gasLimit, data }) => ({ nonce, sender, target, value, gasLimit, data })
