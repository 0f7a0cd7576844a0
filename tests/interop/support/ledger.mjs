// What both layers hold, against what crossed between them.  Everything is read from the canonical
// chains: at one L2 block, and at the L1 block that is its origin, since the deposits up to there are
// exactly those that it has.
import assert from 'node:assert/strict'
import { decodeAbiParameters, encodeFunctionData, getContractAddress, keccak256, parseAbi, toEventSelector } from 'viem'
import { History, Moved, batch } from './history.mjs'

const predeploy = (low) => `0x42000000000000000000000000000000000000${low}`
export const at = { messenger: predeploy('07'), bridge: predeploy('10'), tokens: predeploy('12'), passer: predeploy('16') }

export const topic = {
  deposited: toEventSelector('TransactionDeposited(address,address,uint256,bytes)'),
  passed: toEventSelector('MessagePassed(uint256,address,address,uint256,uint256,bytes,bytes32)'),
  burnt: toEventSelector('WithdrawerBalanceBurnt(uint256)'),
  proven: toEventSelector('WithdrawalProvenExtension1(bytes32,address)'),
  finalized: toEventSelector('WithdrawalFinalized(bytes32,bool)'),
  sent: toEventSelector('SentMessage(address,address,bytes,uint256,uint256)'),
  value: toEventSelector('SentMessageExtension1(address,uint256)'),
  relayed: toEventSelector('RelayedMessage(bytes32)'),
  failed: toEventSelector('FailedRelayedMessage(bytes32)'),
}
export const messengerAbi = parseAbi([
  'function relayMessage(uint256 nonce, address sender, address target, uint256 value, uint256 minGasLimit, bytes message) payable',
])
const vaults = ['11', '19', '1a', '1b'].map(predeploy)
const views = parseAbi([
  'function balanceOf(address) view returns (uint256)', 'function totalSupply() view returns (uint256)',
  'function deposits(address, address) view returns (uint256)',
])
const finalizeErc20 = '0x0166a07a'
const address = (word) => `0x${word.slice(-40)}`
const sum = (list) => list.reduce((total, value) => total + value, 0n)
const words = (data, types) => decodeAbiParameters(types.map((type) => ({ type })), data)

export class Ledger {
  /** contracts: names to addresses on L1; genesis: alloc of L2; seeds: accounts that may hold ether
      on L2 without any transaction naming them; pairs: { l1, l2, home: layer of the original }. */
  constructor({ l1, l2, contracts, genesis, seeds, pairs }) {
    this.l1 = new History(l1)
    this.l2 = new History(l2)
    this.contracts = contracts
    this.genesis = sum(Object.values(genesis).map(({ balance }) => BigInt(balance ?? 0)))
    this.seeds = [...Object.keys(genesis).filter((key) => BigInt(genesis[key].balance ?? 0) > 0n), ...seeds]
      .map((key) => (key.startsWith('0x') ? key : `0x${key}`).toLowerCase())
    this.pairs = pairs
  }

  /** Reads both chains up to a common point: { origin, number }. */
  async sync() {
    await Promise.all([this.l1.sync(), this.l2.sync()])
    for (let number = this.l2.blocks.length - 1; number > 0; number--) {
      const [info] = this.l2.blocks[number].transactions
      const origin = Number(BigInt(`0x${info.input.slice(2 + 56, 2 + 72)}`))
      const block = this.l1.blocks[origin]
      if (!block) continue // L1 was read before this L2 block was made
      if (block.hash.slice(2) !== info.input.slice(2 + 200, 2 + 264)) throw new Moved(`L2 block ${number} stands on an L1 block that left the chain`)
      return (this.point = { origin, number })
    }
    throw new Moved('no L2 block yet')
  }

  /** Deposits in L1's blocks up to the origin. */
  deposits() {
    return this.l1.logs(this.point.origin, this.contracts.OptimismPortalProxy, topic.deposited).map((log) => {
      const [opaque] = words(log.data, ['bytes'])
      const field = (from, to) => BigInt(`0x${opaque.slice(2 + 2 * from, 2 + 2 * to)}`)
      const creation = field(72, 73) === 1n
      return {
        from: address(log.topics[1]), to: creation ? null : address(log.topics[2]), mint: field(0, 32),
        value: field(32, 64), gas: field(64, 72), input: `0x${opaque.slice(2 + 2 * 73)}`,
      }
    })
  }

  /** Deposits as L2 has executed them, without the first transaction of each block. */
  arrivals() {
    return this.l2.blocks.slice(1, this.point.number + 1).flatMap((block) =>
      block.transactions.slice(1).filter((tx) => tx.type === '0x7e').map((tx) => ({
        from: tx.from, to: tx.to ?? null, mint: BigInt(tx.mint ?? 0), value: BigInt(tx.value), gas: BigInt(tx.gas),
        input: tx.input,
      })))
  }

  /** Withdrawals of L2 by their hash. */
  withdrawals() {
    const all = new Map()
    for (const log of this.l2.logs(this.point.number, at.passer, topic.passed)) {
      const [value, gasLimit, data, hash] = words(log.data, ['uint256', 'uint256', 'bytes', 'bytes32'])
      assert(!all.has(hash), `withdrawal ${hash} was initiated twice`)
      all.set(hash, {
        hash, block: Number(log.blockNumber), nonce: BigInt(log.topics[1]), sender: address(log.topics[2]),
        target: address(log.topics[3]), value, gasLimit, data,
      })
    }
    return all
  }

  /** Whether each finalized withdrawal's call succeeded, by hash. */
  finalized(upTo = this.point.origin) {
    const all = new Map()
    for (const log of this.l1.logs(upTo, this.contracts.OptimismPortalProxy, topic.finalized)) {
      assert(!all.has(log.topics[1]), `withdrawal ${log.topics[1]} finalized twice`)
      all.set(log.topics[1], BigInt(log.data) === 1n)
    }
    return all
  }

  /** Messages to L1 whose withdrawals were finalized. */
  paidMessages() {
    const finalized = this.finalized()
    return new Set([...this.withdrawals().values()]
      .filter(({ hash, sender }) => sender === at.messenger && finalized.get(hash))
      .map(({ data }) => keccak256(data)))
  }

  /** Submitters of the proofs of each withdrawal, newest last. */
  proven() {
    const all = new Map()
    for (const log of this.l1.logs(Infinity, this.contracts.OptimismPortalProxy, topic.proven)) {
      all.set(log.topics[1], [...(all.get(log.topics[1]) ?? []), address(log.topics[2])])
    }
    return all
  }

  /** Messages from a layer to the other, with what became of them there. */
  messages(from) {
    const [here, there] = from === 1 ? [this.l1, this.l2] : [this.l2, this.l1]
    const [upTo, other] = from === 1 ? [this.point.origin, this.point.number] : [this.point.number, this.point.origin]
    const messengers = [this.contracts.L1CrossDomainMessengerProxy, at.messenger]
    const [mine, theirs] = from === 1 ? messengers : [...messengers].reverse()
    const values = here.logs(upTo, mine, topic.value).map((log) => BigInt(log.data))
    const failed = new Set(there.logs(other, theirs, topic.failed).map((log) => log.topics[1]))
    const relayed = new Set()
    for (const log of there.logs(other, theirs, topic.relayed)) {
      assert(!relayed.has(log.topics[1]), `message ${log.topics[1]} was relayed twice`)
      relayed.add(log.topics[1])
    }
    const messages = here.logs(upTo, mine, topic.sent).map((log, i) => {
      const [sender, data, nonce, gas] = words(log.data, ['address', 'bytes', 'uint256', 'uint256'])
      const args = [nonce, sender, address(log.topics[1]), values[i], gas, data]
      const call = encodeFunctionData({ abi: messengerAbi, functionName: 'relayMessage', args })
      const hash = keccak256(call)
      return { hash, call, value: values[i], data, relayed: relayed.has(hash), failed: failed.has(hash) }
    })
    const known = new Set(messages.map(({ hash }) => hash))
    for (const hash of [...relayed, ...failed]) assert(known.has(hash), `message ${hash} arrived but was never sent`)
    const delivered = from === 1 ? known : this.paidMessages()
    assert.deepEqual(new Set(messages.filter((one) => one.relayed || one.failed).map(({ hash }) => hash)), delivered,
      'every message that a deposit or a withdrawal brought is there, and no other')
    return messages
  }

  /** Every account that may hold ether on L2. */
  holders() {
    const all = new Set([...this.seeds, ...Object.values(at), ...vaults])
    for (const block of this.l2.blocks.slice(0, this.point.number + 1)) {
      all.add(block.miner)
      for (const tx of block.transactions) {
        all.add(tx.from)
        if (tx.to) all.add(tx.to)
        else all.add(getContractAddress({ from: tx.from, nonce: BigInt(tx.nonce) }).toLowerCase())
      }
    }
    // Receivers of calls that contracts make on a message's behalf.
    for (const log of this.l2.blocks.slice(0, this.point.number + 1).flatMap((block) => block.logs)) {
      for (const word of log.topics.slice(1)) if (/^0x0{24}/.test(word)) all.add(address(word))
    }
    return [...all]
  }

  async read(history, number, calls) {
    const block = { blockHash: history.blocks[number].hash }
    const answers = await batch(history.url, calls.map(([method, ...params]) => [method, ...params, block]))
    if (answers.includes(null)) throw new Moved('a block that was read from')
    return answers.map((answer) => (answer === '0x' ? 0n : BigInt(answer))) // 0x: a token that is not there yet
  }

  l1Read = (calls) => this.read(this.l1, this.point.origin, calls)
  l2Read = (calls) => this.read(this.l2, this.point.number, calls)

  /** Demands that nothing was made or lost; what there is. */
  async check() {
    await this.sync()
    return this.checkFigures()
  }

  /** The same at the point of the last sync. */
  async checkFigures() {
    const figures = await this.checkEther()
    await this.checkMessengers()
    for (const pair of this.pairs) await this.checkToken(pair)
    return figures
  }

  async checkEther() {
    const deposits = this.deposits()
    assert.deepEqual(this.arrivals(), deposits, 'L2 executes the deposits of L1, in their order')
    const withdrawals = this.withdrawals()
    const finalized = this.finalized()
    for (const hash of finalized.keys()) assert(withdrawals.has(hash), `withdrawal ${hash} finalized, but L2 does not have it`)
    const paid = sum([...finalized].filter(([, success]) => success).map(([hash]) => withdrawals.get(hash).value))
    const minted = sum(deposits.map(({ mint }) => mint))
    const withdrawn = sum([...withdrawals.values()].map(({ value }) => value))
    const burnt = sum(this.l2.logs(this.point.number, at.passer, topic.burnt).map((log) => BigInt(log.topics[1])))

    const [portal] = await this.l1Read([['eth_getBalance', this.contracts.OptimismPortalProxy]])
    assert.equal(portal, minted - paid, 'the portal holds what was deposited and not paid out')
    const holders = this.holders()
    const balances = await this.l2Read(holders.map((holder) => ['eth_getBalance', holder]))
    const supply = sum(balances)
    assert.equal(supply, this.genesis + minted - burnt, 'ether on L2 is genesis and mints without what was burnt')
    const passer = balances[holders.indexOf(at.passer)]
    assert.equal(passer + burnt, withdrawn, 'the message passer has, or has burnt, what was withdrawn')
    assert.equal(portal, supply - passer - this.genesis + withdrawn - paid,
      'the portal holds what is on L2 and what is on its way back')
    return {
      deposits: deposits.length, withdrawals: withdrawals.size, finalized: finalized.size,
      refused: [...finalized.values()].filter((success) => !success).length, paid,
    }
  }

  /** Ether with a messenger is that of messages whose call failed. */
  async checkMessengers() {
    const waiting = (from) => sum(this.messages(from).filter(({ failed, relayed }) => failed && !relayed).map(({ value }) => value))
    const [l1] = await this.l1Read([['eth_getBalance', this.contracts.L1CrossDomainMessengerProxy]])
    const [l2] = await this.l2Read([['eth_getBalance', at.messenger]])
    assert.equal(l2, waiting(1), "ether with L2's messenger")
    assert.equal(l1, waiting(2), "ether with L1's messenger")
  }

  async checkToken({ name, l1, l2, home }) {
    const call = (to, functionName, args = []) => ['eth_call', { to, data: encodeFunctionData({ abi: views, functionName, args }) }]
    const [original, copy] = home === 1 ? [l1, l2] : [l2, l1]
    const [readHome, readAway] = home === 1 ? [this.l1Read, this.l2Read] : [this.l2Read, this.l1Read]
    const bridge = home === 1 ? this.contracts.L1StandardBridgeProxy : at.bridge
    const others = this.pairs.filter((pair) => pair.home === home).map((pair) => (home === 1 ? pair.l2 : pair.l1))
    const [held, ...counted] = await readHome([
      call(original, 'balanceOf', [bridge]), ...others.map((other) => call(bridge, 'deposits', [original, other])),
    ])
    const escrow = counted[others.indexOf(copy)]
    assert.equal(held, sum(counted), `${name}: what the bridge holds is what it counts`)
    const [supply] = await readAway([call(copy, 'totalSupply')])
    // A message names the receiving layer's token first.
    const inFlight = (from, local, remote) => sum(this.messages(from)
      .filter(({ relayed }) => !relayed)
      .map(({ data }) => {
        if (!data.startsWith(finalizeErc20)) return 0n
        const [toToken, fromToken, , , amount] =
          words(`0x${data.slice(10)}`, ['address', 'address', 'address', 'address', 'uint256', 'bytes'])
        const same = toToken.toLowerCase() === local.toLowerCase() && fromToken.toLowerCase() === remote.toLowerCase()
        return same ? amount : 0n
      }))
    const away = home === 1 ? 2 : 1
    const under = inFlight(home, copy, original) + inFlight(away, original, copy)
    assert.equal(escrow, supply + under, `${name}: the bridge holds what exists on the other layer and what is on its way`)
    return { escrow, supply, under }
  }
}
