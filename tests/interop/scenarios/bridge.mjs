// Deposits and withdrawals by viem's op-stack actions as they are published.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  encodeFunctionData, getAddress, hexToBigInt, pad, parseAbi, parseEther, parseEventLogs, size, slice, toHex,
} from 'viem'
import { getL2TransactionHashes, getWithdrawals } from 'viem/op-stack'
import { own, token } from '../support/artifacts.mjs'
import { accounts, keys } from '../support/chain.mjs'
import { cast, run, temporaryFolder, viaduct, waitFor } from '../support/harness.mjs'
import { call } from '../support/rpc.mjs'

const predeploy = (low) => `0x42000000000000000000000000000000000000${low}`
const l2Messenger = predeploy('07')
const l2Bridge = predeploy('10')
const l2Tokens = predeploy('12')
const passer = predeploy('16')
const bridgeAbi = parseAbi([
  'function bridgeERC20To(address local, address remote, address to, uint256 amount, uint32 gas, bytes data)',
  'function createOptimismMintableERC20(address remote, string name, string symbol) returns (address)',
  'function initiateWithdrawal(address target, uint256 gasLimit, bytes data) payable',
])
const wallet = own('Wallet')
const portalAbi = own('OptimismPortal2').abi
const messengerAbi = own('L2CrossDomainMessenger').abi

/** The status behind a proof: its delays are short enough to pass while a busy machine looks away. */
const isProven = /^(waiting|ready)-to-finalize$/

/** Calls a contract and gives the receipt of success. */
async function write(rollup, layer, index, request, options) {
  const hash = await rollup[`w${layer}`](index).writeContract(request)
  return rollup.mined(rollup[`p${layer}`], hash, options)
}

async function deploy(rollup, layer, index, artifact, args) {
  const hash = await rollup[`w${layer}`](index).deployContract({ ...artifact, args })
  return getAddress((await rollup.mined(rollup[`p${layer}`], hash)).contractAddress)
}

const balanceOf = (client, address, account) =>
  client.readContract({ address, abi: token.abi, functionName: 'balanceOf', args: [account] })

/** The L2 receipt of the one deposit in an L1 receipt. */
async function arrived(rollup, receipt, options) {
  const hashes = getL2TransactionHashes(receipt)
  assert.equal(hashes.length, 1)
  return rollup.mined(rollup.p2, hashes[0], options)
}

/** What the node says of the one withdrawal of an L2 transaction. */
export async function standing(rollup, hash) {
  const answer = await call(rollup.l2Url, 'viaduct_withdrawalStatus', hash)
  assert.equal(answer.withdrawals.length, 1)
  return answer.withdrawals[0]
}

/** ETH by the portal: the L2 receipt. */
export async function depositEth(rollup, index, amount) {
  const to = accounts[index].address
  const before = await rollup.p2.getBalance({ address: to })
  const args = await rollup.p2.buildDepositTransaction({ account: accounts[index], mint: amount, to })
  const gas = await rollup.p1.estimateDepositTransactionGas(args)
  const hash = await rollup.w1(index).depositTransaction({ ...args, gas: gas * 12n / 10n })
  const receipt = await rollup.mined(rollup.p1, hash)
  const [l2Hash] = getL2TransactionHashes(receipt)
  const l2Receipt = await rollup.mined(rollup.p2, l2Hash)
  assert.equal(await rollup.p2.getBalance({ address: to }), before + amount)
  return l2Receipt
}

/** What viem finds to prove the withdrawal of an L2 receipt by, once the portal takes a proof of it:
 *  none in the second of the game's creation, in which an estimate may run too. */
async function provable(rollup, receipt) {
  const found = await rollup.p1.waitToProve({ receipt, targetChain: rollup.l2Chain })
  await waitFor('the node to find it ready to prove', async () =>
    (await standing(rollup, receipt.transactionHash)).status === 'ready-to-prove', { timeout: 60_000 })
  await waitFor('a later block than the game', async () =>
    (await rollup.p1.getBlock()).timestamp > found.game.timestamp, { timeout: 60_000 })
  return found
}

/** The same by the game that the node names.  viem takes any that is late enough, even if the
 *  guardian has refused it. */
export async function provableByNode(rollup, receipt) {
  const { game: { index } } = await waitFor('a game that proves it', async () => {
    const now = await standing(rollup, receipt.transactionHash)
    return now.status === 'ready-to-prove' && now
  }, { timeout: 60_000 })
  const games = await rollup.p1.getGames({ targetChain: rollup.l2Chain })
  const [withdrawal] = getWithdrawals(receipt)
  return { game: games.find((game) => game.index === BigInt(index)), withdrawal }
}

/** Proves and finalizes the withdrawal of an L2 receipt, checking its status on the way. */
export async function proveAndFinalize(rollup, index, receipt, found) {
  const { p1, p2 } = rollup
  const targetChain = p2.chain
  const status = (wanted) => async () => {
    const is = await p1.getWithdrawalStatus({ receipt, targetChain })
    return is === wanted
  }
  const { game, withdrawal } = found ?? await provable(rollup, receipt)
  const args = await p2.buildProveWithdrawal({ account: accounts[index], game, withdrawal })
  await rollup.mined(p1, await rollup.w1(index).proveWithdrawal(args))
  const proven = await standing(rollup, receipt.transactionHash)
  assert.match(proven.status, isProven)
  assert.equal(proven.proofSubmitter, accounts[index].address.toLowerCase())
  assert.ok(proven.game.valid)
  await p1.waitToFinalize({ withdrawalHash: withdrawal.withdrawalHash, targetChain })
  await waitFor('viem to find it ready to finalize', status('ready-to-finalize'), { timeout: 60_000 })
  assert.equal((await standing(rollup, receipt.transactionHash)).status, 'ready-to-finalize')
  const finalize = await rollup.w1(index).finalizeWithdrawal({ targetChain, withdrawal })
  const finalized = await rollup.mined(p1, finalize)
  assert.ok(await status('finalized')())
  assert.equal((await standing(rollup, receipt.transactionHash)).status, 'finalized')
  return finalized
}

/** ETH straight through the message passer. */
export async function withdrawEth(rollup, index) {
  const to = '0x00000000000000000000000000000000000e0001'
  const amount = parseEther('0.3')
  // Without gas viem estimates the call from the zero address, which is rich on the main L1 alone.
  const args = await rollup.p1.buildInitiateWithdrawal({
    account: accounts[index], to, value: amount, gas: 21_000n,
  })
  const hash = await rollup.w2(index).initiateWithdrawal(args)
  const receipt = await rollup.mined(rollup.p2, hash)
  const [withdrawal] = getWithdrawals(receipt)
  assert.equal((await standing(rollup, hash)).withdrawalHash, withdrawal.withdrawalHash)
  assert.equal((await standing(rollup, withdrawal.withdrawalHash)).withdrawalHash, withdrawal.withdrawalHash)
  await assert.rejects(standing(rollup, pad('0x01')), /no transaction of this hash on L2/)
  const [attributes] = (await rollup.p2.getBlock()).transactions
  await assert.rejects(standing(rollup, attributes), /withdraws nothing/)
  await assert.rejects(standing(rollup, '0x01'), /invalid argument 0/)
  const before = await rollup.p1.getBalance({ address: to })
  await proveAndFinalize(rollup, index, receipt)
  assert.equal(await rollup.p1.getBalance({ address: to }), before + amount)
}

/** What the guardian refuses: a proof on a blacklisted or retired game is worth nothing, and it is
 *  proven again on the next game. */
export async function refusedGames(rollup, index, guardian) {
  const registry = { address: rollup.contracts.AnchorStateRegistryProxy, abi: own('AnchorStateRegistry').abi }
  const targetChain = rollup.p2.chain
  const hash = await rollup.w2(index).initiateWithdrawal({
    request: { to: '0x00000000000000000000000000000000000e0004', value: 5n, gas: 21_000n },
  })
  const receipt = await rollup.mined(rollup.p2, hash)
  const [withdrawal] = getWithdrawals(receipt)
  const prove = async () => {
    const { game } = await provableByNode(rollup, receipt)
    const args = await rollup.p2.buildProveWithdrawal({ account: accounts[index], game, withdrawal })
    await rollup.mined(rollup.p1, await rollup.w1(index).proveWithdrawal(args))
    const proven = await standing(rollup, hash)
    assert.match(proven.status, isProven)
    return getAddress(proven.game.proxy)
  }
  const fallsBack = async () => {
    assert.match((await standing(rollup, hash)).status, /^(waiting|ready)-to-prove$/)
    await assert.rejects(rollup.w1(index).finalizeWithdrawal({ targetChain, withdrawal }))
  }

  const first = await prove()
  await write(rollup, 1, guardian, { ...registry, functionName: 'blacklistDisputeGame', args: [first] })
  await fallsBack()
  const second = await prove()
  assert.notEqual(second, first)
  await write(rollup, 1, guardian, { ...registry, functionName: 'updateRetirementTimestamp' })
  await fallsBack()
  await proveAndFinalize(rollup, index, receipt, await provableByNode(rollup, receipt))
}

/** Games that believe their proposer are taken out of service: a withdrawal that is proven on one and
 *  ripe does not finalize any more, and is proven again on a fault dispute game. */
export async function interimRetired(rollup, index, { owner, guardian, proposer }) {
  const { contracts: at, p1, p2 } = rollup
  const targetChain = p2.chain
  const [interim, fault] = [100, 101]
  const bond = parseEther('0.08')
  const factory = { address: at.DisputeGameFactoryProxy, abi: own('DisputeGameFactory').abi }
  const registry = { address: at.AnchorStateRegistryProxy, abi: own('AnchorStateRegistry').abi }
  const respect = (type) =>
    write(rollup, 1, guardian, { ...registry, functionName: 'setRespectedGameType', args: [type] })
  const implementation = await deploy(rollup, 1, owner, own('InterimDisputeGame'), [
    interim, 5n, at.DelayedWETHProxy, at.AnchorStateRegistryProxy, BigInt(targetChain.id), accounts[proposer].address,
  ])
  await write(rollup, 1, owner, { ...factory, functionName: 'setImplementation', args: [interim, implementation] })
  await write(rollup, 1, owner, { ...factory, functionName: 'setInitBond', args: [interim, bond] })
  await respect(interim)

  const hash = await rollup.w2(index).initiateWithdrawal({
    request: { to: '0x00000000000000000000000000000000000e0005', value: 7n, gas: 21_000n },
  })
  const receipt = await rollup.mined(p2, hash)
  const proveOn = async (type) => {
    const { game, withdrawal } = await provableByNode(rollup, receipt)
    const args = await p2.buildProveWithdrawal({ account: accounts[index], game, withdrawal })
    await rollup.mined(p1, await rollup.w1(index).proveWithdrawal(args))
    const { proxy } = (await standing(rollup, hash)).game
    const gameType = await p1.readContract({ address: proxy, abi: own('FaultDisputeGame').abi, functionName: 'gameType' })
    assert.equal(gameType, type)
    return withdrawal
  }
  const ripe = () => waitFor('the withdrawal to be ripe', async () =>
    (await standing(rollup, hash)).status === 'ready-to-finalize', { timeout: 90_000 })

  const withdrawal = await proveOn(interim)
  await ripe()
  await respect(fault)
  await write(rollup, 1, guardian, { ...registry, functionName: 'updateRetirementTimestamp' })
  assert.match((await standing(rollup, hash)).status, /^(waiting|ready)-to-prove$/)
  await assert.rejects(rollup.w1(index).finalizeWithdrawal({ targetChain, withdrawal }))
  await proveOn(fault)
  await ripe()
  await rollup.mined(p1, await rollup.w1(index).finalizeWithdrawal({ targetChain, withdrawal }))
  assert.equal((await standing(rollup, hash)).status, 'finalized')
}

/** A token on L1 and, unless told otherwise, its counterpart on L2. */
async function tokenPair(rollup, index, { createL2 = true } = {}) {
  const l1 = await deploy(rollup, 1, index, token, ['Bridged', 'BRG', parseEther('1000')])
  const request = {
    account: accounts[index], address: l2Tokens, abi: bridgeAbi,
    functionName: 'createOptimismMintableERC20', args: [l1, 'Bridged', 'BRG'],
  }
  const { result: l2 } = await rollup.p2.simulateContract(request)
  const create = () => write(rollup, 2, index, request)
  if (createL2) await create()
  return { l1, l2, create }
}

async function depositToken(rollup, index, pair, amount) {
  const bridge = rollup.contracts.L1StandardBridgeProxy
  await write(rollup, 1, index, {
    address: pair.l1, abi: token.abi, functionName: 'approve', args: [bridge, amount],
  })
  return write(rollup, 1, index, {
    address: bridge, abi: bridgeAbi, functionName: 'bridgeERC20To', gas: 2_000_000n,
    args: [pair.l1, pair.l2, accounts[index].address, amount, 200_000, '0x'],
  })
}

/** An ERC-20 token to L2 and back. */
export async function erc20(rollup, index) {
  const me = accounts[index].address
  const pair = await tokenPair(rollup, index)
  await arrived(rollup, await depositToken(rollup, index, pair, parseEther('10')))
  assert.equal(await balanceOf(rollup.p2, pair.l2, me), parseEther('10'))
  assert.equal(await balanceOf(rollup.p1, pair.l1, me), parseEther('990'))
  const receipt = await write(rollup, 2, index, {
    address: l2Bridge, abi: bridgeAbi, functionName: 'bridgeERC20To',
    args: [pair.l2, pair.l1, me, parseEther('4'), 200_000, '0x'],
  })
  await proveAndFinalize(rollup, index, receipt)
  assert.equal(await balanceOf(rollup.p2, pair.l2, me), parseEther('6'))
  assert.equal(await balanceOf(rollup.p1, pair.l1, me), parseEther('994'))
}

/** `viaduct bridge`, by the options that every action wants. */
const bridgeCommand = (rollup, { addresses, key }) => (action, ...args) => {
  const common = ['--l1', rollup.l1Url, '--l2', rollup.l2Url, '--addresses', addresses]
  const signs = action === 'status' ? [] : ['--key-file', key]
  return run(viaduct, ['bridge', action, ...common, ...signs, ...args], { timeout: 120_000 })
}

/** Does what a command told to do, as its user would: in a shell that has the layers and the key. */
async function replayAsTold(rollup, index, output) {
  const [, line] = output.match(/^replay +(cast send .*)$/m)
  const { code, errors } = await run('bash', ['-c', `
    export PATH="${dirname(cast)}:$PATH" KEY=${keys[index]} VIADUCT_L1=${rollup.l1Url} VIADUCT_L2=${rollup.l2Url}
    ${line}`], { timeout: 60_000 })
  assert.equal(code, 0, errors)
}

/** A token deposit whose relay fails on L2, since the token is not there yet, and is replayed. */
export async function replay(rollup, index, options) {
  const bridge = bridgeCommand(rollup, options)
  const me = accounts[index].address
  const pair = await tokenPair(rollup, index, { createL2: false })
  const sent = await depositToken(rollup, index, pair, parseEther('7'))
  const relay = await arrived(rollup, sent)
  const [failed] = parseEventLogs({ abi: messengerAbi, logs: relay.logs, eventName: 'FailedRelayedMessage' })
  assert.ok(failed)
  const [message] = parseEventLogs({
    abi: messengerAbi, logs: sent.logs, eventName: 'SentMessage',
  })
  const { target, sender, message: data, messageNonce, gasLimit } = message.args
  const request = {
    address: l2Messenger, abi: messengerAbi, functionName: 'relayMessage', gas: 1_000_000n,
    args: [messageNonce, sender, target, 0n, gasLimit, data],
  }
  const told = await bridge('deposit', '--tx', sent.transactionHash)
  assert.equal(told.code, 1, told.output)
  assert.match(told.output, /failed in messenger +in L2 block/)
  assert.doesNotMatch(told.output, /arrived/)
  assert.match(told.errors, /L2: the message 0x[0-9a-f]{64} failed in the messenger 0x4200[0-9a-f]{32}0007/)
  await pair.create()
  assert.equal(await balanceOf(rollup.p2, pair.l2, me), 0n)
  await replayAsTold(rollup, index, told.output)
  assert.equal(await balanceOf(rollup.p2, pair.l2, me), parseEther('7'))
  await write(rollup, 2, index, request, { status: 'reverted' }) // once is enough
  assert.equal(await balanceOf(rollup.p2, pair.l2, me), parseEther('7'))
  const again = await bridge('deposit', '--tx', sent.transactionHash)
  assert.equal(again.code, 0, again.errors)
  assert.match(again.output, /arrived +in L2 block/)
}

/** Messages that finalized withdrawals bring to L1's messenger: one fails there and is replayed, one
 *  the messenger refuses. */
export async function unrelayed(rollup, index, options) {
  const me = accounts[index].address
  const to = '0x00000000000000000000000000000000000e0007'
  const messenger = rollup.contracts.L1CrossDomainMessengerProxy
  const bridge = bridgeCommand(rollup, options)
  const says = async (status, printed, ...args) => {
    const { code, output, errors } = await bridge(...args)
    assert.equal(code, status, `${args.join(' ')}: ${output}${errors}`)
    assert.match(output + errors, printed, args.join(' '))
    return output
  }
  const held = await deploy(rollup, 1, index, token, ['Held', 'HLD', 1000n])
  const send = async (target, data) => (await write(rollup, 2, index, {
    address: l2Messenger, abi: messengerAbi, functionName: 'sendMessage', args: [target, data, 200_000],
  })).transactionHash
  const pull = encodeFunctionData({ abi: token.abi, functionName: 'transferFrom', args: [me, to, 5n] })
  const failing = await send(held, pull)
  const refused = await send(rollup.contracts.OptimismPortalProxy, '0x')
  for (const tx of [failing, refused]) {
    await says(0, /status +(waiting|ready)-to-finalize/, 'prove', '--tx', tx, '--wait')
    assert.equal((await standing(rollup, tx)).message, null)
  }

  await says(1, /its call failed\n.*the withdrawal's call of 0x[0-9a-f]{40} failed on L1/s, 'finalize', '--tx', refused, '--wait')
  await says(0, /finalized, but the messenger 0x[0-9a-f]{40} refused its message, which is lost/, 'status', '--tx', refused)
  await says(1, /already; nothing is sent\n.*refused the withdrawal's message/s, 'finalize', '--tx', refused)
  assert.equal((await standing(rollup, refused)).message, 'refused')

  const failed = /its message failed in the messenger\n.*L1: the message 0x[0-9a-f]{64} failed in the messenger 0x[0-9a-f]{40}/s
  await says(1, failed, 'finalize', '--tx', failing, '--wait')
  await says(1, /already; nothing is sent\n.*failed in the messenger/s, 'finalize', '--tx', failing)
  const told = await says(0, /next +replay it: its message failed in the messenger/, 'status', '--tx', failing)
  const now = await standing(rollup, failing)
  assert.deepEqual([now.status, now.message, now.command], ['finalized', 'failed', null])
  assert.match(now.next, new RegExp(`^replay it: .*${messenger}`, 'i'))

  await write(rollup, 1, index, { address: held, abi: token.abi, functionName: 'approve', args: [messenger, 5n] })
  await replayAsTold(rollup, index, told)
  assert.equal(await balanceOf(rollup.p1, held, to), 5n)
  assert.equal((await standing(rollup, failing)).message, 'relayed')
  await says(0, /next +nothing: it is finalized\n$/, 'status', '--tx', failing)
  await says(0, /already; nothing is sent/, 'finalize', '--tx', failing)
}

/** A withdrawal to the portal, made without `viaduct bridge`, which refuses to: it never leaves. */
export async function toThePortal(rollup, index, options) {
  const bridge = bridgeCommand(rollup, options)
  const portal = rollup.contracts.OptimismPortalProxy
  const { transactionHash: tx } = await write(rollup, 2, index, {
    address: passer, abi: bridgeAbi, functionName: 'initiateWithdrawal', args: [portal, 100_000n, '0x'], value: 3n,
  })
  const now = await standing(rollup, tx)
  assert.deepEqual([now.status, now.command, now.game], ['never-provable', null, null])
  const status = await bridge('status', '--tx', tx)
  assert.equal(status.code, 0, status.errors)
  assert.match(status.output, /status +never-provable\n/)
  assert.match(status.output, /next +nothing: its target is the portal/)
  for (const action of ['prove', 'finalize']) {
    const { code, errors } = await bridge(action, '--tx', tx, '--wait')
    assert.equal(code, 1)
    assert.match(errors, /never-provable: .*its target is the portal.*is lost/)
  }
}

const alias = (address) =>
  getAddress(toHex((BigInt(address) + 0x1111000000000000000000000000000000001111n) % 2n ** 160n, { size: 20 }))

/** A contract wallet on each layer, and what they are told to do. */
async function wallets(rollup, index) {
  const me = accounts[index].address
  const [l1, l2] = [await deploy(rollup, 1, index, wallet, [me]), await deploy(rollup, 2, index, wallet, [me])]
  const execute = (layer, target, value, data, gas) => write(rollup, layer, index, {
    address: layer === 1 ? l1 : l2, abi: wallet.abi, functionName: 'execute', args: [target, value, data], value, gas,
  })
  return { l1, l2, execute }
}

/** The wallet on L1 proves and finalizes the withdrawal of an L2 receipt for itself. */
async function finalizeByWallet(rollup, index, { l1, execute }, receipt) {
  const portal = rollup.contracts.OptimismPortalProxy
  const [withdrawal] = getWithdrawals(receipt)
  const { game } = await provable(rollup, receipt)
  const proof = await rollup.p2.buildProveWithdrawal({ account: accounts[index], game, withdrawal })
  await execute(1, portal, 0n, encodeFunctionData({
    abi: portalAbi, functionName: 'proveWithdrawalTransaction',
    args: [proof.withdrawal, proof.l2OutputIndex, proof.outputRootProof, proof.withdrawalProof],
  }))
  const proven = await standing(rollup, receipt.transactionHash)
  assert.equal(getAddress(proven.proofSubmitter), l1)
  await waitFor('the delays', async () =>
    (await standing(rollup, receipt.transactionHash)).status === 'ready-to-finalize', { timeout: 90_000 })
  assert.equal(await rollup.p1.getWithdrawalStatus({ receipt, targetChain: rollup.l2Chain }), 'ready-to-finalize')
  await execute(1, portal, 0n, encodeFunctionData({
    abi: portalAbi, functionName: 'finalizeWithdrawalTransaction', args: [withdrawal],
  }), 1_000_000n)
}

/** A contract crosses in both directions: aliased on L2, proving and finalizing for itself. */
export async function contractWallet(rollup, index) {
  const amount = parseEther('0.5')
  const pair = await wallets(rollup, index)
  const { l1, l2, execute } = pair
  const deposit = await execute(1, rollup.contracts.OptimismPortalProxy, amount, encodeFunctionData({
    abi: portalAbi, functionName: 'depositTransaction', args: [l2, amount, 100_000n, false, '0x'],
  }), 500_000n)
  const arrival = await arrived(rollup, deposit)
  assert.equal(getAddress(arrival.from), alias(l1))
  assert.equal(await rollup.p2.getBalance({ address: l2 }), amount)

  const receipt = await execute(2, passer, amount, encodeFunctionData({
    abi: bridgeAbi, functionName: 'initiateWithdrawal', args: [l1, 100_000n, '0x'],
  }))
  const [withdrawal] = getWithdrawals(receipt)
  assert.equal(getAddress(withdrawal.sender), l2)
  const before = await rollup.p1.getBalance({ address: l1 })
  await finalizeByWallet(rollup, index, pair, receipt)
  assert.equal(await rollup.p1.getBalance({ address: l1 }), before + amount)
}

/** A contract's ERC-20 tokens cross in both directions, by the bridges' functions that name a receiver:
 *  those that name none refuse a sender without a key. */
export async function contractWalletToken(rollup, index) {
  const bridge = rollup.contracts.L1StandardBridgeProxy
  const pair = await wallets(rollup, index)
  const { l1, l2, execute } = pair
  const coins = await tokenPair(rollup, index)
  const crossing = (local, remote, to, amount) => encodeFunctionData({
    abi: bridgeAbi, functionName: 'bridgeERC20To', args: [local, remote, to, amount, 200_000, '0x'],
  })
  await write(rollup, 1, index, {
    address: coins.l1, abi: token.abi, functionName: 'transfer', args: [l1, parseEther('10')],
  })
  await execute(1, coins.l1, 0n, encodeFunctionData({
    abi: token.abi, functionName: 'approve', args: [bridge, parseEther('10')],
  }))
  await arrived(rollup, await execute(1, bridge, 0n, crossing(coins.l1, coins.l2, l2, parseEther('10')), 2_000_000n))
  assert.equal(await balanceOf(rollup.p2, coins.l2, l2), parseEther('10'))
  assert.equal(await balanceOf(rollup.p1, coins.l1, l1), 0n)

  const receipt = await execute(2, l2Bridge, 0n, crossing(coins.l2, coins.l1, l1, parseEther('4')))
  assert.equal(await balanceOf(rollup.p2, coins.l2, l2), parseEther('6'))
  await finalizeByWallet(rollup, index, pair, receipt)
  assert.equal(await balanceOf(rollup.p1, coins.l1, l1), parseEther('4'))
  assert.equal(await balanceOf(rollup.p1, coins.l1, bridge), parseEther('6'))
}

/** Creations, and deposits whose call fails: the minted ether stays with the sender. */
export async function unusualDeposits(rollup, index) {
  const me = accounts[index].address
  const send = (request) => rollup.w1(index).depositTransaction({
    request, targetChain: rollup.l2Chain, gas: 3_000_000n,
  })
  const data = `${wallet.bytecode}${pad(me).slice(2)}`
  const created = await arrived(rollup, await rollup.mined(rollup.p1,
    await send({ gas: 2_000_000n, isCreation: true, data })))
  const address = created.contractAddress
  assert.equal(getAddress(await rollup.p2.readContract({ address, abi: wallet.abi, functionName: 'OWNER' })),
    getAddress(me))

  const before = await rollup.p2.getBalance({ address: me })
  const failing = encodeFunctionData({ abi: bridgeAbi, functionName: 'initiateWithdrawal', args: [me, 1n, '0x'] })
  const failed = await arrived(rollup, await rollup.mined(rollup.p1,
    await send({ gas: 100_000n, to: address, mint: parseEther('0.2'), value: parseEther('0.1'), data: failing })),
  { status: 'reverted' })
  assert.equal(failed.type, '0x7e')
  assert.equal(await rollup.p2.getBalance({ address: me }), before + parseEther('0.2'))
}

/** An addresses file with the bridge of another rollup on the same L1. */
function foreign(addresses) {
  const file = join(temporaryFolder(), 'addresses.json')
  const contracts = JSON.parse(readFileSync(addresses, 'utf8'))
  writeFileSync(file, JSON.stringify({ ...contracts, L1StandardBridgeProxy: contracts.L1ERC721BridgeProxy }))
  return file
}

/** The walk of docs/bridge.md: every step by the program's own commands, twice where it matters. */
export async function commands(rollup, index, { addresses, key }) {
  const bridge = bridgeCommand(rollup, { addresses, key })
  const ok = async (...args) => {
    const { code, output, errors } = await bridge(...args)
    assert.equal(code, 0, `${args.join(' ')}: ${errors}`)
    return output
  }
  const refused = async (pattern, ...args) => {
    const { code, errors } = await bridge(...args)
    assert.notEqual(code, 0)
    assert.match(errors, pattern)
  }
  const me = accounts[index].address
  const to = '0x00000000000000000000000000000000000e0003'
  const l2Before = await rollup.p2.getBalance({ address: me })
  const output = await ok('deposit', '--amount', '0.75ether')
  assert.equal(await rollup.p2.getBalance({ address: me }), l2Before + parseEther('0.75'))
  const [, l1Hash] = output.match(/deposit sent +(0x[0-9a-f]{64})/)
  assert.match(await ok('deposit', '--tx', l1Hash), /arrived/) // again: nothing is sent
  assert.equal(await rollup.p2.getBalance({ address: me }), l2Before + parseEther('0.75'))

  const pair = await tokenPair(rollup, index)
  const tokens = ['--l1-token', pair.l1, '--l2-token', pair.l2]
  await ok('deposit', '--amount', '5ether', ...tokens)
  assert.equal(await balanceOf(rollup.p2, pair.l2, me), parseEther('5'))

  const withdrawn = async (...args) =>
    (await ok('withdraw', ...args)).match(/withdrawal sent +(0x[0-9a-f]{64})/)[1]
  const ether = await withdrawn('--amount', '200000gwei', '--to', to)
  const coins = await withdrawn('--amount', '2ether', '--to', to, ...tokens)
  assert.match(await ok('status', '--tx', ether), /waiting-to-prove/)
  await refused(/proven first/, 'finalize', '--tx', ether)
  for (const hash of [ether, coins]) await ok('prove', '--tx', hash, '--wait')
  assert.match(await ok('prove', '--tx', ether), /already; nothing is sent/)
  assert.match(await ok('status', '--tx', ether), /-to-finalize/)
  for (const hash of [ether, coins]) await ok('finalize', '--tx', hash, '--wait')
  assert.match(await ok('finalize', '--tx', ether), /already; nothing is sent/)
  assert.match(await ok('status', '--tx', coins), /status +finalized/)
  assert.equal(await rollup.p1.getBalance({ address: to }), parseEther('0.0002'))
  assert.equal(await balanceOf(rollup.p1, pair.l1, to), parseEther('2'))

  await refused(/deposit sent would fail: OutOfGas: .*less --gas/,
    'deposit', '--amount', '1ether', '--gas', '20000000', ...tokens)
  await refused(/--amount is '1\.5'; give a whole number of wei/, 'deposit', '--amount', '1.5')
  await refused(/--amount is missing/, 'deposit')
  await refused(/--to is 0x12; give an address/, 'deposit', '--amount', '1', '--to', '0x12')
  await refused(/do not fit the digits \(EIP-55\)/, 'deposit', '--amount', '1', '--to',
    '0xf39fd6e51aad88F6F4ce6aB8827279cffFb92266')
  await refused(/L2: its bridge belongs to/, 'withdraw', '--amount', '1', '--addresses', foreign(addresses))
  await refused(/nothing\.json: No such file/, 'status', '--tx', ether, '--addresses', 'nothing.json')
  await refused(/is no counterpart/, 'deposit', '--amount', '1', '--l1-token', pair.l1, '--l2-token', me)
  await refused(/withdraws nothing/, 'status', '--tx', (await rollup.p2.getBlock()).transactions[0])
  await refused(/is in no block/, 'status', '--tx', pad('0x01'))
  await refused(/ether and the fee are needed/, 'withdraw', '--amount', '900000ether')
}

/* --- the system config --- */

/** What an L2 block's attributes say (Isthmus's packed form). */
async function l1Info(client, number) {
  const block = await client.getBlock({ blockNumber: BigInt(number), includeTransactions: true })
  const input = block.transactions[0].input
  const field = (from, to) => hexToBigInt(slice(input, from, to))
  assert.equal(size(input), 176)
  return {
    hash: block.hash,
    baseFeeScalar: field(4, 8),
    blobBaseFeeScalar: field(8, 12),
    origin: field(28, 36),
    l1BaseFee: field(36, 68),
    blobBaseFee: field(68, 100),
    batcher: slice(input, 132, 164),
    operatorFeeScalar: field(164, 168),
    operatorFeeConstant: field(168, 176),
    gasLimit: block.gasLimit,
    extraData: block.extraData,
    baseFee: block.baseFeePerGas,
    gasUsed: block.gasUsed,
  }
}

const eip1559 = { denominator: 300n, elasticity: 8n }
const fees = { baseFeeScalar: 2000n, blobBaseFeeScalar: 900_000n, operatorScalar: 21_000_000n, operatorConstant: 22n }

/** What a node says that a small transaction paid, against the formulas of the specs (Fjord: L1 cost;
 *  Isthmus: operator fee) with the parameters above.  A transfer has so few bytes that it counts as one
 *  of the least size, 100 bytes. */
async function feesFollow(client, hash, from) {
  const receipt = await client.request({ method: 'eth_getTransactionReceipt', params: [hash] })
  const number = hexToBigInt(receipt.blockNumber)
  const { l1BaseFee, blobBaseFee } = await l1Info(client, number)
  const perByte = 16n * fees.baseFeeScalar * l1BaseFee + fees.blobBaseFeeScalar * blobBaseFee
  const l1Fee = 100_000_000n * perByte / 10n ** 12n
  assert.ok(l1Fee > 0n)
  assert.equal(hexToBigInt(receipt.l1Fee), l1Fee)
  const gas = hexToBigInt(receipt.gasUsed)
  const operatorFee = gas * fees.operatorScalar / 1_000_000n + fees.operatorConstant
  assert.equal(operatorFee, 441_022n)
  const [before, after] = await Promise.all([number - 1n, number].map((blockNumber) =>
    client.getBalance({ address: from, blockNumber })))
  assert.equal(before - after, 1n + gas * hexToBigInt(receipt.effectiveGasPrice) + l1Fee + operatorFee)
}

/** The base fees of the blocks up to `top`, against EIP-1559 with the parameters above (Holocene: the
 *  parent's header names them), which are not those of before. */
async function baseFeesFollow(client, top) {
  const next = ({ baseFee, gasUsed, gasLimit }, { denominator, elasticity }) => {
    const target = gasLimit / elasticity
    if (gasUsed > target) {
      const more = baseFee * (gasUsed - target) / target / denominator
      return baseFee + (more > 1n ? more : 1n)
    }
    return baseFee - baseFee * (target - gasUsed) / target / denominator
  }
  let parent = await l1Info(client, top - 8)
  for (let n = top - 7; n <= top; n++) {
    const block = await l1Info(client, n)
    assert.equal(block.baseFee, next(parent, eip1559), `base fee of L2 block ${n}`)
    assert.notEqual(block.baseFee, next(parent, { denominator: 250n, elasticity: 6n }))
    parent = block
  }
}

/** In force from the first block of the epoch of L1 block `changed`, in none before. */
async function inForceFrom(client, since, changed, read, before, after) {
  const first = await waitFor(`an L2 block of L1 block ${changed}`, async () => {
    const head = Number(await client.getBlockNumber())
    return (await l1Info(client, head)).origin >= changed ? head : undefined
  }, { timeout: 90_000 })
  let seen = 0
  for (let n = first; n > Math.max(0, first - 20); n--) {
    const info = await l1Info(client, n)
    if (info.origin < since) break // of another change before
    const wanted = info.origin >= changed ? after : before
    assert.equal(read(info), wanted, `L2 block ${n}, of L1 block ${info.origin}, changed in ${changed}`)
    seen |= info.origin >= changed ? 1 : 2
  }
  assert.equal(seen, 3)
  return first
}

/** Every parameter changed by the owner, each in the block that the protocol says, and what is charged
 *  then, on both nodes. */
export async function systemConfig(rollup, owner, follower) {
  const address = rollup.contracts.SystemConfigProxy
  const abi = own('SystemConfig').abi
  const now = await l1Info(rollup.p2, await rollup.p2.getBlockNumber())
  const batcher = now.batcher
  const other = pad('0x00000000000000000000000000000000000000ba')
  const changes = [
    ['setGasConfigEcotone', [Number(fees.baseFeeScalar), Number(fees.blobBaseFeeScalar)],
      (i) => `${i.baseFeeScalar},${i.blobBaseFeeScalar}`, `${fees.baseFeeScalar},${fees.blobBaseFeeScalar}`],
    ['setGasLimit', [70_000_000n], (i) => i.gasLimit, 70_000_000n],
    ['setEIP1559Params', [300, 8], (i) => i.extraData, '0x000000012c00000008'],
    ['setOperatorFeeScalars', [Number(fees.operatorScalar), fees.operatorConstant],
      (i) => `${i.operatorFeeScalar},${i.operatorFeeConstant}`, `${fees.operatorScalar},${fees.operatorConstant}`],
    ['setUnsafeBlockSigner', [accounts[0].address], (i) => i.batcher, batcher], // changes no block
    ['setBatcherHash', [other], (i) => i.batcher, other],
    ['setBatcherHash', [batcher], (i) => i.batcher, batcher],
  ]
  let top = 0
  let since = 0n
  for (const [functionName, args, read, after] of changes) {
    const before = read(await l1Info(rollup.p2, await rollup.p2.getBlockNumber()))
    const receipt = await write(rollup, 1, owner, { address, abi, functionName, args })
    top = await inForceFrom(rollup.p2, since, receipt.blockNumber, read, before, after)
    since = receipt.blockNumber
  }
  const to = '0x00000000000000000000000000000000000e0006'
  const hash = await rollup.w2(owner).sendTransaction({ to, value: 1n, gas: 21_000n })
  const paid = await rollup.mined(rollup.p2, hash)
  top = Math.max(top, Number(paid.blockNumber))

  // The follower derives the same blocks from L1 alone, those of the other batcher's time included.
  await waitFor('the follower', async () => (await follower.getBlockNumber()) >= BigInt(top),
    { timeout: 120_000, interval: 500 })
  assert.equal((await l1Info(follower, top)).hash, (await l1Info(rollup.p2, top)).hash)
  for (const client of [rollup.p2, follower]) {
    await feesFollow(client, hash, accounts[owner].address)
    await baseFeesFollow(client, top)
  }
}

/* --- censorship --- */

/** With a sequencer that refuses everything, a deposit still acts, and even withdraws. */
export async function forcedIn(rollup, index) {
  const me = accounts[index].address
  await assert.rejects(rollup.w2(index).sendTransaction({ to: me, value: 1n, gas: 21_000n }),
    /takes no transactions/)
  await depositEth(rollup, index, parseEther('0.4'))
  const data = encodeFunctionData({ abi: bridgeAbi, functionName: 'initiateWithdrawal', args: [me, 100_000n, '0x'] })
  const hash = await rollup.w1(index).depositTransaction({
    targetChain: rollup.l2Chain, gas: 1_000_000n,
    request: { to: passer, gas: 200_000n, value: parseEther('0.1'), mint: parseEther('0.1'), data },
  })
  const receipt = await arrived(rollup, await rollup.mined(rollup.p1, hash))
  assert.equal(getWithdrawals(receipt).length, 1)
  const head = await rollup.p2.getBlock({ includeTransactions: true })
  assert.ok(head.transactions.every((tx) => tx.type === 'deposit'))
  await proveAndFinalize(rollup, index, receipt)
}
