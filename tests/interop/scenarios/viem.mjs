// What a user of viem does, against any chain of ours.
import assert from 'node:assert/strict'
import {
  BaseError, ContractFunctionRevertedError, concat, createPublicClient, getContractAddress, http,
  keccak256, parseEther, toHex,
} from 'viem'
import * as artifacts from '../support/artifacts.mjs'
import { accounts } from '../support/chain.mjs'
import { waitFor } from '../support/harness.mjs'
import { checkAccountProof } from '../support/proof.mjs'
import { call, post } from '../support/rpc.mjs'

const nobody = (tag) => `0x${keccak256(toHex(tag)).slice(-40)}`

/** Rejects with a revert whose error or reason is the one named. */
async function reverts(promise, name) {
  await assert.rejects(promise, (error) => {
    assert(error instanceof BaseError, String(error))
    const revert = error.walk((cause) => cause instanceof ContractFunctionRevertedError)
    assert(revert, `no revert in: ${error.message}`)
    assert.equal(revert.data?.errorName === 'Error' ? revert.reason : revert.data?.errorName, name)
    return true
  })
}

export async function identity(chain) {
  assert.equal(await chain.public.getChainId(), chain.id)
  assert.equal(await call(chain.url, 'net_version'), String(chain.id))
  assert.match(await call(chain.url, 'web3_clientVersion'), /\S/)
  assert.equal(await call(chain.url, 'web3_sha3', '0x68656c6c6f'), keccak256(toHex('hello')))
  assert((await chain.public.getBalance({ address: accounts[0].address })) > parseEther('9000'))
  const block = await chain.public.getBlock()
  assert(block.baseFeePerGas > 0n)
  assert.equal(block.hash, (await chain.public.getBlock({ blockHash: block.hash })).hash)
}

/** One transaction of each type a user can sign without a blob. */
export async function transactionTypes(chain, { from = 0 } = {}) {
  const wallet = chain.wallet(from)
  const to = nobody('types')
  const before = await chain.public.getBalance({ address: to })
  const gasPrice = await chain.public.getGasPrice()
  const delegate = await chain.deploy(from, artifacts.token, ['Delegate', 'D', 1n])
  const forms = [
    { type: 'legacy', gasPrice: gasPrice * 2n },
    { type: 'eip2930', gasPrice: gasPrice * 2n, accessList: [{ address: delegate, storageKeys: [toHex(2, { size: 32 })] }] },
    { type: 'eip1559' },
  ]
  for (const form of forms) {
    const hash = await wallet.sendTransaction({ ...form, to, value: 1n })
    const receipt = await chain.receipt(hash)
    assert.equal(receipt.status, 'success')
    assert.equal(receipt.type, form.type)
    const sent = await chain.public.getTransaction({ hash })
    assert.equal(sent.type, form.type)
    assert.equal(sent.from, accounts[from].address.toLowerCase())
    assert.equal(sent.blockHash, receipt.blockHash)
    if (form.accessList) {
      assert.equal(sent.accessList.length, 1)
      assert.equal(receipt.gasUsed, 21000n + 2400n + 1900n)
    } else {
      assert.equal(receipt.gasUsed, 21000n)
    }
    const block = await chain.public.getBlock({ blockHash: receipt.blockHash })
    assert(receipt.effectiveGasPrice >= block.baseFeePerGas)
    assert(block.transactions.includes(hash))
    if (chain.l2) assert(receipt.l1Fee > 0n, 'the L1 data fee is charged and reported')
  }
  assert.equal(await chain.public.getBalance({ address: to }), before + 3n)

  // EIP-7702: the account takes the token's code as its own.
  const authorization = await wallet.signAuthorization({ contractAddress: delegate, executor: 'self' })
  const hash = await wallet.sendTransaction({
    authorizationList: [authorization], to: accounts[from].address, value: 0n,
    data: '0x313ce567', // decimals()
  })
  const receipt = await chain.receipt(hash)
  assert.equal(receipt.type, 'eip7702')
  assert.equal(receipt.status, 'success')
  const sent = await chain.public.getTransaction({ hash })
  assert.equal(sent.authorizationList.length, 1)
  assert.equal(sent.authorizationList[0].address.toLowerCase(), delegate.toLowerCase())
  const code = await chain.public.getCode({ address: accounts[from].address })
  assert.equal(code, concat(['0xef0100', delegate.toLowerCase()]))
  assert.equal(await chain.read(accounts[from].address, artifacts.token.abi, 'decimals'), 18)
}

export async function token(chain, { from = 0 } = {}) {
  const me = accounts[from].address
  const to = nobody('token')
  const { abi } = artifacts.token
  const nonce = await chain.public.getTransactionCount({ address: me, blockTag: 'pending' })
  const address = await chain.deploy(from, artifacts.token, ['Gold', 'GLD', parseEther('1000')])
  assert.equal(address.toLowerCase(), getContractAddress({ from: me, nonce: BigInt(nonce) }).toLowerCase())
  assert.equal(await chain.read(address, abi, 'name'), 'Gold')
  assert.equal(await chain.read(address, abi, 'totalSupply'), parseEther('1000'))

  const filter = await chain.public.createContractEventFilter({ address, abi, eventName: 'Transfer' })
  const blocks = await chain.public.createBlockFilter()
  const receipts = []
  for (const amount of [1n, 2n, 3n]) {
    receipts.push(await chain.write(from, address, abi, 'transfer', [to, amount]))
  }
  assert.equal(await chain.read(address, abi, 'balanceOf', [to]), 6n)
  const seen = await chain.public.getFilterChanges({ filter })
  assert.deepEqual(seen.map((log) => log.args.value), [1n, 2n, 3n])
  assert.deepEqual(await chain.public.getFilterChanges({ filter }), [])
  const wide = await chain.public.createContractEventFilter({
    address, abi, eventName: 'Transfer', fromBlock: receipts[0].blockNumber,
  })
  assert.deepEqual((await chain.public.getFilterLogs({ filter: wide })).map((log) => log.args.value), [1n, 2n, 3n])
  const newBlocks = await chain.public.getFilterChanges({ filter: blocks })
  for (const receipt of receipts) assert(newBlocks.includes(receipt.blockHash))
  assert.equal(await chain.public.uninstallFilter({ filter }), true)
  await assert.rejects(chain.public.getFilterChanges({ filter }), /filter not found/)

  const logs = await chain.public.getContractEvents({
    address, abi, eventName: 'Transfer', args: { to }, fromBlock: receipts[0].blockNumber,
  })
  assert.deepEqual(logs.map((log) => log.transactionHash), receipts.map((r) => r.transactionHash))
  const byHash = await chain.public.getLogs({ address, blockHash: receipts[2].blockHash })
  assert.equal(byHash.length, 1)
  assert.equal(byHash[0].logIndex, receipts[2].logs[0].logIndex)
  assert.deepEqual(await chain.public.getLogs({ address: to, fromBlock: 0n }), [])

  await reverts(chain.public.simulateContract({
    address, abi, functionName: 'transfer', args: [me, 7n], account: to,
  }), 'ERC20InsufficientBalance')
  await reverts(chain.public.estimateContractGas({
    address, abi, functionName: 'transfer', args: [me, 7n], account: to,
  }), 'ERC20InsufficientBalance')
  // A transaction that is sent all the same stands in a block as failed.
  const failed = await chain.wallet(from).writeContract({
    address, abi, functionName: 'transfer', args: [to, parseEther('2000')], gas: 100_000n,
  })
  assert.equal((await chain.receipt(failed)).status, 'reverted')
  return address
}

/** Events as an application watches them. */
export async function watching(chain, { from = 0 } = {}) {
  const { abi } = artifacts.token
  const address = await chain.deploy(from, artifacts.token, ['Watched', 'W', 10n])
  const seen = []
  const unwatch = chain.public.watchContractEvent({
    address, abi, eventName: 'Transfer', pollingInterval: 100,
    onLogs: (logs) => seen.push(...logs),
  })
  try {
    // The filter is made by the watcher's first poll.
    await waitFor('the first event', async () => {
      await chain.write(from, address, abi, 'transfer', [nobody('watch'), 1n])
      return seen.length > 0
    }, { timeout: 20_000 })
  } finally {
    unwatch()
  }
  assert.equal(seen[0].eventName, 'Transfer')
  assert.equal(seen[0].args.value, 1n)
}

export async function proofs(chain, tokenAddress) {
  const block = await chain.public.getBlock()
  const number = toHex(block.number)
  // Slot 2 holds the supply; a slot that nothing wrote proves absence.
  const slots = [toHex(2, { size: 32 }), toHex(1000, { size: 32 })]
  for (const address of [accounts[0].address, tokenAddress, nobody('absent?'), '0x4200000000000000000000000000000000000015']) {
    const answer = await call(chain.url, 'eth_getProof', address, slots, number)
    checkAccountProof(block.stateRoot, answer)
  }
  const answer = await chain.public.getProof({ address: tokenAddress, storageKeys: slots, blockNumber: block.number })
  assert.equal(answer.storageProof[0].value, parseEther('1000'))
  assert.equal(answer.storageProof[1].value, 0n)
}

export async function gas(chain, { from = 0 } = {}) {
  const account = accounts[from].address
  // A fresh recipient, a plain transfer: exactly the intrinsic gas.
  assert.equal(await chain.public.estimateGas({ account: accounts[8].address, to: nobody('gas'), value: 1n }), 21000n)
  const history = await chain.public.getFeeHistory({ blockCount: 3, rewardPercentiles: [10, 50] })
  assert.equal(history.baseFeePerGas.length, history.gasUsedRatio.length + 1)
  assert(history.gasUsedRatio.length >= 1 && history.gasUsedRatio.length <= 3)
  assert.equal(history.reward.length, history.gasUsedRatio.length)
  const oldest = await chain.public.getBlock({ blockNumber: history.oldestBlock })
  assert.equal(history.baseFeePerGas[0], oldest.baseFeePerGas)
  const fees = await chain.public.estimateFeesPerGas()
  assert(fees.maxFeePerGas >= fees.maxPriorityFeePerGas)
  assert(await chain.public.getBlobBaseFee() >= 0n)
  if (chain.l2) {
    await assert.rejects(chain.public.estimateGas({ account, to: nobody('gas'), value: parseEther('1000000000') }),
      /insufficient funds|exceeds the balance/i)
  }
}

/** Answers that wallets match on. */
export async function refusals(chain, { from = 0 } = {}) {
  const account = accounts[from]
  const sign = async (fields) => account.signTransaction({
    chainId: chain.id, type: 'eip1559', to: nobody('refused'), value: 1n, gas: 21000n,
    maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 0n,
    nonce: await chain.public.getTransactionCount({ address: account.address, blockTag: 'pending' }), ...fields,
  })
  const refuse = async (fields, text) =>
    assert.rejects(call(chain.url, 'eth_sendRawTransaction', await sign(fields)), (error) => {
      assert.match(error.message, text)
      assert.equal(error.code, -32000)
      return true
    })
  if (chain.l2) {
    await refuse({ nonce: 0 }, /nonce too low/)
    await refuse({ gas: 20000n }, /intrinsic gas too low/)
    await refuse({ value: parseEther('100000000') }, /insufficient funds for gas \* price \+ value/)
    await refuse({ chainId: 1 }, /invalid chain ?id|invalid sender/i)
  }
  await assert.rejects(call(chain.url, 'eth_sendRawTransaction', '0xc0'))
  await assert.rejects(call(chain.url, 'eth_noSuchMethod'), (error) => error.code === -32601)
  await assert.rejects(call(chain.url, 'eth_getBalance', '0x12', 'latest'), (error) => error.code === -32602)
  const bad = await post(chain.url, '{"jsonrpc":"2.0","id":1,"method":')
  assert.equal(bad.error.code, chain.l2 ? -32700 : -32600)
}

export async function batches(chain) {
  const methods = ['eth_chainId', 'eth_blockNumber', 'eth_noSuchMethod', 'eth_gasPrice']
  const answers = await post(chain.url, methods.map((method, i) => ({ jsonrpc: '2.0', id: `q${i}`, method, params: [] })))
  assert.equal(answers.length, 4)
  assert.deepEqual(answers.map((answer) => answer.id), ['q0', 'q1', 'q2', 'q3'])
  assert.equal(Number(answers[0].result), chain.id)
  assert.equal(answers[2].error.code, -32601)
  const batching = createPublicClient({ chain: chain.chain, transport: http(chain.url, { batch: { batchSize: 50 } }) })
  const balances = await Promise.all(accounts.map(({ address }) => batching.getBalance({ address })))
  assert.equal(balances.length, accounts.length)
  assert(balances.every((balance) => typeof balance === 'bigint'))
}

/** Preconfirmation: eth_sendRawTransactionSync and the pending tag. */
export async function pending(chain, { from = 0 } = {}) {
  const account = accounts[from]
  const to = nobody('pending')
  const nonce = await chain.public.getTransactionCount({ address: account.address, blockTag: 'pending' })
  const fees = await chain.public.estimateFeesPerGas()
  const sign = (n, value) => account.signTransaction({
    chainId: chain.id, type: 'eip1559', to, value, gas: 21000n, nonce: n, ...fees,
  })
  const before = await chain.public.getBalance({ address: to, blockTag: 'pending' })
  const raw = await sign(nonce, 5n)
  const preconfirmed = await chain.public.sendRawTransactionSync({
    serializedTransaction: raw, ...(chain.l2 ? { timeout: 10_000 } : {}),
  })
  assert.equal(preconfirmed.transactionHash, keccak256(raw))
  assert.equal(preconfirmed.status, 'success')
  assert.equal(preconfirmed.gasUsed, 21000n)
  assert.equal(await chain.public.getTransactionCount({ address: account.address, blockTag: 'pending' }), nonce + 1)
  assert.equal(await chain.public.getBalance({ address: to, blockTag: 'pending' }), before + 5n)

  const open = await call(chain.url, 'eth_getBlockByNumber', 'pending', true)
  assert(BigInt(open.number) >= preconfirmed.blockNumber)
  const receipts = await call(chain.url, 'eth_getBlockReceipts', 'pending')
  if (chain.l2 && BigInt(open.number) === preconfirmed.blockNumber && receipts) {
    const own = receipts.find((receipt) => receipt.transactionHash === preconfirmed.transactionHash)
    if (own) assert.equal(own.blockHash, toHex(0, { size: 32 }))
  }

  // The seal changes nothing but the block's hash.
  const final = await chain.receipt(preconfirmed.transactionHash)
  assert.notEqual(final.blockHash, toHex(0, { size: 32 }))
  const plain = ({ blockHash, logs, ...rest }) => ({ ...rest, logs: logs.map(({ blockHash, ...log }) => log) })
  assert.deepEqual(plain(final), plain(preconfirmed))
  // A nonce gap waits and is filled.
  const second = await call(chain.url, 'eth_sendRawTransaction', await sign(nonce + 2, 1n))
  assert.equal(await chain.public.getTransactionCount({ address: account.address, blockTag: 'pending' }), nonce + 1)
  const first = await call(chain.url, 'eth_sendRawTransaction', await sign(nonce + 1, 1n))
  await chain.receipt(first)
  assert.equal((await chain.receipt(second)).status, 'success')
}

/** Receipts by block, counts and raw forms agree with each other. */
export async function blockReads(chain, { from = 0 } = {}) {
  const hash = await chain.wallet(from).sendTransaction({ to: nobody('reads'), value: 1n })
  const receipt = await chain.receipt(hash)
  const number = toHex(receipt.blockNumber)
  const block = await call(chain.url, 'eth_getBlockByNumber', number, true)
  const receipts = await call(chain.url, 'eth_getBlockReceipts', number)
  assert.equal(receipts.length, block.transactions.length)
  assert.deepEqual(receipts.map((r) => r.transactionHash), block.transactions.map((t) => t.hash))
  assert.equal(Number(await call(chain.url, 'eth_getBlockTransactionCountByHash', block.hash)), receipts.length)
  assert.equal(Number(await call(chain.url, 'eth_getBlockTransactionCountByNumber', number)), receipts.length)
  const byIndex = await call(chain.url, 'eth_getTransactionByBlockNumberAndIndex', number, toHex(receipt.transactionIndex))
  assert.equal(byIndex.hash, hash)
  assert.deepEqual(await call(chain.url, 'eth_getTransactionByBlockHashAndIndex', block.hash,
    toHex(receipt.transactionIndex)), byIndex)
  assert.equal(await call(chain.url, 'eth_getTransactionByBlockHashAndIndex', block.hash, toHex(receipts.length)), null)
  assert.equal(await call(chain.url, 'eth_syncing'), false)
  assert.equal(await call(chain.url, 'eth_getBlockByNumber', '0xffffffff', false), null)
  assert.equal(await call(chain.url, 'eth_getTransactionReceipt', toHex(1, { size: 32 })), null)
  if (chain.l2) {
    assert.equal(keccak256(await call(chain.url, 'debug_getRawHeader', number)), block.hash)
    assert.equal(keccak256(await call(chain.url, 'debug_getRawTransaction', hash)), hash)
    assert.equal((await call(chain.url, 'debug_getRawReceipts', number)).length, receipts.length)
    assert.match(await call(chain.url, 'debug_getRawBlock', number), /^0xf/)
    assert.equal(block.transactions[0].type, '0x7e')
    assert.equal(receipts[0].type, '0x7e')
    assert.equal(BigInt(receipts[0].depositNonce), receipt.blockNumber - 1n)
  }
}
