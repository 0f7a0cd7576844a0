// Random transactions on both layers: deposits, transfers and withdrawals of every kind, those that
// fail included.  What becomes of them is not followed here: support/ledger.mjs reads the chains.
import { encodeFunctionData, getContractAddress, maxUint256, pad, parseAbi, parseEther, parseGwei } from 'viem'
import { own, token } from './artifacts.mjs'
import { accounts } from './chain.mjs'
import { batch } from './history.mjs'
import { at } from './ledger.mjs'

const abi = parseAbi([
  'function bridgeERC20To(address local, address remote, address to, uint256 amount, uint32 gas, bytes data)',
  'function bridgeETHTo(address to, uint32 gas, bytes data) payable',
  'function sendMessage(address target, bytes message, uint32 gas) payable',
  'function initiateWithdrawal(address target, uint256 gasLimit, bytes data) payable',
  'function depositTransaction(address to, uint256 value, uint64 gasLimit, bool isCreation, bytes data) payable',
  'function burn()', 'function withdraw() returns (uint256)', 'function execute(address target, uint256 value, bytes data) payable',
  'function transfer(address to, uint256 amount)', 'function approve(address spender, uint256 amount)',
  'function createOptimismMintableERC20(address remote, string name, string symbol)',
])
const encode = (functionName, ...args) => encodeFunctionData({ abi, functionName, args })
export const users = [0, 1, 2, 3, 4, 5, 6]
const me = (index) => accounts[index].address
const wallet = own('Wallet')

/** Signs for the ten accounts on one layer and sends in batches.  Nonces are read anew before each
    round, since a reorganisation or a kill may have undone some. */
export class Sender {
  constructor(url, chainId) {
    this.url = url
    this.chainId = chainId
    this.queue = []
    this.sent = 0
    this.refused = new Map()
  }

  async begin() {
    const counts = await batch(this.url, accounts.map(({ address }) => ['eth_getTransactionCount', address, 'pending']))
    this.nonces = counts.map(Number)
    this.queue = []
  }

  /** Adds a transaction; its nonce. */
  add(index, { to, value = 0n, data = '0x', gas }) {
    const nonce = this.nonces[index]++
    this.queue.push([index, {
      type: 'eip1559', chainId: this.chainId, nonce, to, value, data, gas, maxFeePerGas: parseGwei('50'),
      maxPriorityFeePerGas: parseGwei('1'),
    }])
    return nonce
  }

  async flush() {
    const raw = await Promise.all(this.queue.map(([index, tx]) => accounts[index].signTransaction(tx)))
    this.queue = []
    const answers = await batch(this.url, raw.map((tx) => ['eth_sendRawTransaction', tx]), { errors: true })
    for (const answer of answers) {
      if (typeof answer === 'string') {
        this.sent++
      } else {
        const { message } = answer.error
        this.refused.set(message, (this.refused.get(message) ?? 0) + 1)
      }
    }
    return answers
  }
}

export class Traffic {
  constructor({ random, l1, l2, contracts }) {
    Object.assign(this, { random, l1, l2, contracts })
    this.strangers = Array.from({ length: 40 }, () => random.hex(20))
    this.counts = {}
    // Owned by accounts 0 to 2 on both layers; nonce order decides the addresses.
    this.wallets = { 1: [], 2: [] }
    this.pairs = []
  }

  /** Deploys tokens and wallets: two tokens of L1, one of them without its counterpart on L2 yet, and
      one of L2. */
  async prepare(settled) {
    for (const layer of [1, 2]) {
      const sender = this[`l${layer}`]
      await sender.begin()
      const create = (index, artifact, args) => {
        const nonce = sender.add(index, { data: `${artifact.bytecode}${args}`, gas: 2_000_000n })
        return getContractAddress({ from: me(index), nonce: BigInt(nonce) })
      }
      for (const index of [0, 1, 2]) this.wallets[layer].push({ owner: index, address: create(index, wallet, pad(me(index)).slice(2)) })
      this[`tokens${layer}`] = (layer === 1 ? [3, 4] : [3]).map((index) => create(index, token, tokenArguments(`T${index}`)))
      await sender.flush()
    }
    await settled()
    const [first, second] = this.tokens1
    const [third] = this.tokens2
    const counterparts = await batch(this.l2.url, [first, second].map((l1) =>
      ['eth_call', { from: me(3), to: at.tokens, data: createMintable(l1) }, 'latest']))
    const [onL1] = await batch(this.l1.url, [
      ['eth_call', { from: me(3), to: this.contracts.OptimismMintableERC20FactoryProxy, data: createMintable(third) }, 'latest']])
    const address = (word) => `0x${word.slice(-40)}`
    this.pairs = [
      { name: 'token of L1', l1: first, l2: address(counterparts[0]), home: 1 },
      { name: 'token of L1, late on L2', l1: second, l2: address(counterparts[1]), home: 1, late: true },
      { name: 'token of L2', l1: address(onL1), l2: third, home: 2 },
    ]
    await Promise.all([this.l1.begin(), this.l2.begin()])
    this.l2.add(3, { to: at.tokens, data: createMintable(first), gas: 3_000_000n })
    this.l1.add(3, { to: this.contracts.OptimismMintableERC20FactoryProxy, data: createMintable(third), gas: 3_000_000n })
    this.share(this.l1, this.tokens1, this.contracts.L1StandardBridgeProxy)
    this.share(this.l2, this.tokens2, at.bridge)
    await Promise.all([this.l1.flush(), this.l2.flush()])
    await settled()
  }

  /** The late counterpart, after which what failed for want of it can be replayed. */
  createLate() {
    const late = this.pairs.find((pair) => pair.late)
    if (!late) return
    this.l2.add(3, { to: at.tokens, data: createMintable(late.l1), gas: 3_000_000n })
    late.late = false
  }

  /** Deals a token out and lets the bridge take it. */
  share(sender, tokens, bridge) {
    const deployers = sender === this.l1 ? [3, 4] : [3]
    tokens.forEach((to, i) => {
      for (const user of users) {
        if (user !== deployers[i]) sender.add(deployers[i], { to, gas: 100_000n, data: encode('transfer', me(user), parseEther('1000')) })
        sender.add(user, { to, gas: 100_000n, data: encode('approve', bridge, maxUint256) })
      }
    })
  }

  /** One random operation, into the queue of its layer. */
  operate() {
    const operation = this.random.weighted([
      [8, 'deposit'], [3, 'plainDeposit'], [3, 'failingDeposit'], [2, 'creation'], [4, 'bridgeEtherIn'], [2, 'refusedEtherIn'],
      [5, 'walletDeposit'], [9, 'tokenIn'], [2, 'wrongTokenIn'], [1, 'message'],
      [18, 'transfer'], [8, 'tokenTransfer'], [12, 'withdraw'], [4, 'walletWithdraw'], [2, 'refusedWithdrawal'], [5, 'bridgeEtherOut'],
      [2, 'refusedEtherOut'], [9, 'tokenOut'], [2, 'burn'], [1, 'vault'], [1, 'forcedWithdrawal'],
    ])
    this.counts[operation] = (this.counts[operation] ?? 0) + 1
    this[operation](this.random.pick(users))
  }

  amount = () => BigInt(this.random.between(1, 1_000_000)) * 10n ** 12n
  anybody = () => (this.random.chance(0.5) ? me(this.random.pick(users)) : this.random.pick(this.strangers))

  portal(index, value, ...args) {
    this.l1.add(index, { to: this.contracts.OptimismPortalProxy, value, gas: 3_000_000n, data: encode('depositTransaction', ...args) })
  }

  // --- towards L2 ---

  deposit(index) {
    const mint = this.amount()
    this.portal(index, mint, this.anybody(), this.random.chance(0.5) ? mint : mint / 2n, 60_000n, false, '0x')
  }

  plainDeposit(index) {
    this.l1.add(index, { to: this.contracts.OptimismPortalProxy, value: this.amount(), gas: 2_000_000n })
  }

  /** More value than the sender has, or a call that reverts: only the mint stays. */
  failingDeposit(index) {
    const mint = this.amount()
    if (this.random.chance(0.5)) this.portal(index, mint, this.anybody(), parseEther('1000000'), 60_000n, false, '0x')
    else this.portal(index, mint, at.bridge, mint, 60_000n, false, this.random.hex(36))
  }

  /** Of a wallet, or of code that reverts. */
  creation(index) {
    const code = this.random.chance(0.5) ? `${wallet.bytecode}${pad(me(index)).slice(2)}` : '0x60006000fd'
    this.portal(index, this.amount(), `0x${'00'.repeat(20)}`, 0n, 600_000n, true, code)
  }

  bridgeEtherIn(index) {
    this.l1.add(index, {
      to: this.contracts.L1StandardBridgeProxy, value: this.amount(), gas: 3_000_000n,
      data: encode('bridgeETHTo', this.anybody(), 100_000, '0x'),
    })
  }

  /** A receiver that takes no ether: it stays with the messenger. */
  refusedEtherIn(index) {
    this.l1.add(index, {
      to: this.contracts.L1StandardBridgeProxy, value: this.amount(), gas: 3_000_000n,
      data: encode('bridgeETHTo', this.pairs[0].l2, 100_000, '0x'),
    })
  }

  message(index) {
    this.l1.add(index, {
      to: this.contracts.L1CrossDomainMessengerProxy, value: this.amount(), gas: 3_000_000n,
      data: encode('sendMessage', this.random.pick(this.strangers), this.random.hex(this.random.below(100)), 50_000),
    })
  }

  /** From a contract, whose address is aliased. */
  walletDeposit() {
    const { owner, address } = this.random.pick(this.wallets[1])
    const mint = this.amount()
    const data = encode('depositTransaction', this.anybody(), mint, 60_000n, false, '0x')
    this.l1.add(owner, {
      to: address, value: mint, gas: 3_000_000n, data: encode('execute', this.contracts.OptimismPortalProxy, mint, data),
    })
  }

  tokenIn(index) {
    const { l1, l2 } = this.random.pick(this.pairs)
    this.l1.add(index, {
      to: this.contracts.L1StandardBridgeProxy, gas: 4_000_000n,
      data: encode('bridgeERC20To', l1, l2, this.anybody(), this.amount(), 200_000, '0x'),
    })
  }

  /** For a counterpart that stands for another token: it never arrives, and takes nothing. */
  wrongTokenIn(index) {
    this.l1.add(index, {
      to: this.contracts.L1StandardBridgeProxy, gas: 4_000_000n,
      data: encode('bridgeERC20To', this.pairs[1].l1, this.pairs[0].l2, me(index), this.amount(), 200_000, '0x'),
    })
  }

  /** A withdrawal whose transaction comes from L1. */
  forcedWithdrawal(index) {
    const mint = this.amount()
    this.portal(index, mint, at.passer, mint, 200_000n, false, encode('initiateWithdrawal', this.anybody(), 50_000n, '0x'))
  }

  // --- on L2 ---

  transfer(index) {
    this.l2.add(index, { to: this.anybody(), value: this.amount(), gas: 21_000n })
  }

  tokenTransfer(index) {
    const { l2 } = this.random.pick(this.pairs)
    this.l2.add(index, { to: l2, gas: 100_000n, data: encode('transfer', this.anybody(), this.amount()) })
  }

  // --- towards L1 ---

  withdraw(index) {
    if (this.random.chance(0.2)) this.l2.add(index, { to: at.passer, value: this.amount(), gas: 200_000n })
    else {
      this.l2.add(index, {
        to: at.passer, value: this.amount(), gas: 200_000n,
        data: encode('initiateWithdrawal', this.anybody(), 50_000n, this.random.chance(0.3) ? this.random.hex(40) : '0x'),
      })
    }
  }

  walletWithdraw() {
    const { owner, address } = this.random.pick(this.wallets[2])
    const value = this.amount()
    this.l2.add(owner, {
      to: address, value, gas: 300_000n,
      data: encode('execute', at.passer, value, encode('initiateWithdrawal', me(owner), 50_000n, '0x')),
    })
  }

  /** Its call on L1 reverts: finalized all the same, and the ether stays with the portal. */
  refusedWithdrawal(index) {
    this.l2.add(index, {
      to: at.passer, value: this.amount(), gas: 200_000n, data: encode('initiateWithdrawal', this.pairs[0].l1, 50_000n, '0x'),
    })
  }

  bridgeEtherOut(index) {
    this.l2.add(index, { to: at.bridge, value: this.amount(), gas: 500_000n, data: encode('bridgeETHTo', this.anybody(), 100_000, '0x') })
  }

  refusedEtherOut(index) {
    this.l2.add(index, { to: at.bridge, value: this.amount(), gas: 500_000n, data: encode('bridgeETHTo', this.pairs[0].l1, 100_000, '0x') })
  }

  tokenOut(index) {
    const { l1, l2 } = this.random.pick(this.pairs)
    this.l2.add(index, {
      to: at.bridge, gas: 800_000n, data: encode('bridgeERC20To', l2, l1, this.anybody(), this.amount() / 4n, 200_000, '0x'),
    })
  }

  burn(index) {
    this.l2.add(index, { to: at.passer, gas: 200_000n, data: encode('burn') })
  }

  vault(index) {
    const low = this.random.pick(['11', '19', '1a', '1b'])
    this.l2.add(index, { to: `0x42000000000000000000000000000000000000${low}`, gas: 200_000n, data: encode('withdraw') })
  }
}

const createMintable = (remote) => encode('createOptimismMintableERC20', remote, 'Copy', 'CPY')

/** Of Token's constructor: name, symbol, supply. */
function tokenArguments(name) {
  const data = encodeFunctionData({
    abi: parseAbi(['function c(string name, string symbol, uint256 supply)']), functionName: 'c',
    args: [name, name, parseEther('1000000')],
  })
  return data.slice(10)
}
