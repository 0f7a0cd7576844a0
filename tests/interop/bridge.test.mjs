// The bridge in both directions, by viem's op-stack actions as published and by `viaduct bridge`, on
// a chain that `viaduct deploy` founded on anvil and on a development chain.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parseEther } from 'viem'
import * as bridge from './scenarios/bridge.mjs'
import { Rollup } from './support/bridge.mjs'
import { Deployment, keyFile, roles } from './support/deploy.mjs'
import { cleanUp, startAnvil, startDev, startNode, temporaryFolder } from './support/harness.mjs'

const bound = { timeout: 240_000 }
const accounts = { eth: 0, token: 1, wallet: 2, commands: 4, deposits: 5 }
roles.commands = accounts.commands

describe('a chain deployed on anvil', () => {
  const datadir = temporaryFolder()
  const sequencerArgs = () => [
    '--sequencer', '--sequencer-l1-confs', '0', '--batcher', '--batcher-key-file', keyFile('batcher'),
    '--batcher-max-channel-age', '2000', '--batcher-confs', '1',
    '--proposer', '--proposer-key-file', keyFile('proposer'), '--proposer-confs', '1',
    '--proposal-interval', '6',
  ]
  let anvil
  let deployment
  let sequencer
  let rollup
  let follower

  const start = async (args) => {
    sequencer = await startNode({
      name: 'sequencer', l1: anvil.url, files: deployment.folder, datadir, args: [...sequencerArgs(), ...args],
    })
    rollup = new Rollup({
      l1: { rpc: anvil.url, chainId: 31337 }, l2: { rpc: sequencer.url, chainId: 5901 },
      contracts: deployment.addresses,
    })
  }

  before(async () => {
    anvil = await startAnvil(['--block-time', '1', '--slots-in-an-epoch', '4'])
    deployment = new Deployment(anvil.url)
    const { code, errors } = await deployment.run()
    assert.equal(code, 0, errors)
    await start([])
    const node = await startNode({
      name: 'follower', l1: anvil.url, files: deployment.folder, datadir: temporaryFolder(),
    })
    follower = new Rollup({
      l1: { rpc: anvil.url, chainId: 31337 }, l2: { rpc: node.url, chainId: 5901 },
      contracts: deployment.addresses,
    }).p2
  }, bound)
  after(async () => {
    if (process.env.INTEROP_VERBOSE) console.error(sequencer?.child.tail())
    await cleanUp()
  })

  // Most of each is waiting for proposals and delays, so they wait together.
  describe('users', { concurrency: true }, () => {
    test('viem: ETH to L2 and back', bound, async () => {
      await bridge.depositEth(rollup, accounts.eth, parseEther('1'))
      await bridge.withdrawEth(rollup, accounts.eth)
    })
    test('viem: an ERC-20 token to L2 and back', bound, () => bridge.erc20(rollup, accounts.token))
    test('a contract wallet: ETH and an ERC-20 token', bound, async () => {
      await bridge.contractWallet(rollup, accounts.wallet)
      await bridge.contractWalletToken(rollup, accounts.wallet)
    })
    test('viaduct bridge', bound, () => bridge.commands(rollup, accounts.commands, {
      addresses: join(deployment.folder, 'addresses.json'), key: keyFile('commands'),
    }))
    test('creations, failed deposits, a failed relay replayed', bound, async () => {
      await bridge.unusualDeposits(rollup, accounts.deposits)
      await bridge.replay(rollup, accounts.deposits, {
        addresses: join(deployment.folder, 'addresses.json'), key: keyFile('commands'),
      })
    })
  })

  test('every parameter of the system config, on both nodes', bound, () =>
    bridge.systemConfig(rollup, roles.owner, follower))

  test('a deposit is forced in under a sequencer that censors', bound, async () => {
    assert.deepEqual(await sequencer.child.stop(), { code: 0, signal: null })
    await start(['--sequencer-no-user-transactions'])
    await bridge.forcedIn(rollup, accounts.eth)
  })
})

describe('a development chain', () => {
  let rollup
  let options
  before(async () => {
    const dev = await startDev()
    rollup = new Rollup(dev.info)
    options = { addresses: join(temporaryFolder(), 'addresses.json'), key: keyFile('commands') }
    writeFileSync(options.addresses, JSON.stringify(dev.info.contracts))
  }, bound)
  after(cleanUp)

  test('viem: ETH to L2 and back', bound, async () => {
    await bridge.depositEth(rollup, accounts.eth, parseEther('1'))
    await bridge.withdrawEth(rollup, accounts.eth)
  })
  test('messages that do not arrive on L1', bound, () => bridge.unrelayed(rollup, accounts.commands, options))
  test('a withdrawal to the portal', bound, () => bridge.toThePortal(rollup, accounts.commands, options))
  test('games that the guardian refuses', bound, () => bridge.refusedGames(rollup, accounts.eth, 7))
  test('games that believe their proposer, retired', bound, () =>
    bridge.interimRetired(rollup, accounts.eth, { owner: 7, guardian: 7, proposer: 8 }))
})
