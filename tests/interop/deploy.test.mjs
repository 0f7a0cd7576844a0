// `viaduct deploy` on anvil: read back by viem, interrupted everywhere, refused where it must be,
// and a chain that runs on what it leaves.
import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { getAddress, keccak256, pad, parseEther, zeroAddress } from 'viem'
import * as rollup from './scenarios/rollup.mjs'
import { own } from './support/artifacts.mjs'
import { Chain, accounts } from './support/chain.mjs'
import { Deployment, chainConfig, keyFile, roles } from './support/deploy.mjs'
import { cleanUp, run, sleep, startAnvil, startNode, temporaryFolder, viaduct, waitFor } from './support/harness.mjs'
import { Random, seed } from './support/random.mjs'
import { call } from './support/rpc.mjs'
import { startRpcProxy } from './support/rpc_proxy.mjs'

const bound = { timeout: 180_000 }
const random = new Random(seed)
const who = (role) => accounts[roles[role]].address
const nonce = async (url, address = who('deployer')) =>
  Number(await call(url, 'eth_getTransactionCount', address, 'latest'))
/** Transactions of a deployment on an L1 that has the deterministic deployer but no Multicall3. */
const transactions = 39
const slots = {
  implementation: '0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc',
  admin: '0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103',
}
const proxies = {
  SuperchainConfigProxy: 'SuperchainConfig', SystemConfigProxy: 'SystemConfig',
  OptimismPortalProxy: 'OptimismPortal2', L1CrossDomainMessengerProxy: 'L1CrossDomainMessenger',
  L1StandardBridgeProxy: 'L1StandardBridge', L1ERC721BridgeProxy: 'L1ERC721Bridge',
  OptimismMintableERC20FactoryProxy: 'OptimismMintableERC20Factory',
  DisputeGameFactoryProxy: 'DisputeGameFactory', AnchorStateRegistryProxy: 'AnchorStateRegistry',
  DelayedWETHProxy: 'DelayedWETH',
}

/** Demands of the game: its settings, and the prestate that `viaduct prestate` computes. */
async function checkGame(l1, deployment, { extension = 1n, clock = 5n, challenge = 2n } = {}) {
  const at = deployment.addresses
  const game = (name, args = []) => l1.read(at.FaultDisputeGame, own('FaultDisputeGame').abi, name, args)
  const oracle = (name) => l1.read(at.PreimageOracle, own('PreimageOracle').abi, name)
  const prestate = await run(viaduct, ['prestate', '--rollup', join(deployment.folder, 'rollup.json')])
  assert.equal(prestate.code, 0, prestate.errors)
  const settings = {
    gameType: 101, absolutePrestate: prestate.output.trim(), maxGameDepth: 64n, splitDepth: 20n,
    clockExtension: extension, maxClockDuration: clock, vm: at.RISCV, weth: at.DelayedWETHProxy,
    anchorStateRegistry: at.AnchorStateRegistryProxy, l2ChainId: BigInt(deployment.config.l2ChainID),
    bisectionBond: parseEther('0.08'), stepBond: parseEther('1.28'),
  }
  for (const [name, value] of Object.entries(settings)) assert.equal(await game(name), value, name)
  assert.equal(await l1.read(at.RISCV, own('RISCV').abi, 'oracle'), at.PreimageOracle)
  assert.equal(await oracle('minProposalSize'), 126_000n)
  assert.equal(await oracle('challengePeriod'), challenge)
}

/** Demands of a finished deployment, by viem alone. */
async function checkOnL1(l1, deployment) {
  const at = deployment.addresses
  const config = deployment.config
  const read = (proxy, name, args = []) => l1.read(at[proxy], own(proxies[proxy]).abi, name, args)
  for (const [proxy, implementation] of Object.entries(proxies)) {
    const word = (slot) => l1.public.getStorageAt({ address: at[proxy], slot })
    assert.equal(await word(slots.implementation), pad(at[implementation]).toLowerCase(), proxy)
    assert.equal(await word(slots.admin), pad(at.ProxyAdmin).toLowerCase(), proxy)
  }
  assert.equal(await l1.read(at.ProxyAdmin, own('ProxyAdmin').abi, 'owner'), who('owner'))
  for (const proxy of ['SystemConfigProxy', 'DisputeGameFactoryProxy', 'DelayedWETHProxy']) {
    assert.equal(await read(proxy, 'owner'), who('owner'), proxy)
  }
  assert.equal(await read('SystemConfigProxy', 'batcherHash'), pad(who('batcher')).toLowerCase())
  assert.equal(await read('SystemConfigProxy', 'gasLimit'), 60_000_000n)
  assert.equal(await read('SystemConfigProxy', 'operatorFeeScalar'), config.gasPriceOracleOperatorFeeScalar)
  assert.equal(await read('SystemConfigProxy', 'optimismPortal'), at.OptimismPortalProxy)
  assert.equal(await read('SystemConfigProxy', 'batchInbox'), getAddress(config.batchInboxAddress))
  assert.equal(await read('SuperchainConfigProxy', 'guardian'), who('guardian'))
  assert.equal(await read('OptimismPortalProxy', 'proofMaturityDelaySeconds'), 5n)
  assert.equal(await read('OptimismPortalProxy', 'guardian'), who('guardian'))
  assert.equal(await read('AnchorStateRegistryProxy', 'respectedGameType'), 101)
  assert.equal(await read('AnchorStateRegistryProxy', 'disputeGameFinalityDelaySeconds'), 3n)
  assert.equal(await read('DelayedWETHProxy', 'delay'), 3n)
  assert.equal(await read('DisputeGameFactoryProxy', 'gameImpls', [101]), at.FaultDisputeGame)
  assert.equal(await read('DisputeGameFactoryProxy', 'initBonds', [101]), parseEther('0.08'))
  assert.equal(await read('DisputeGameFactoryProxy', 'gameImpls', [100]), zeroAddress)
  await checkGame(l1, deployment)
  assert.notEqual(await l1.public.getCode({ address: at.Multicall3 }), undefined)
  assert.equal(at.BatchInbox, getAddress(config.batchInboxAddress))
  return read('AnchorStateRegistryProxy', 'getAnchorRoot')
}

describe('a chain deployed on anvil', () => {
  after(cleanUp)
  let anvil
  let l1
  let deployment
  let node

  before(async () => {
    anvil = await startAnvil(['--block-time', '1', '--slots-in-an-epoch', '4'])
    l1 = new Chain(anvil.url, 31337, { l2: false })
    deployment = new Deployment(anvil.url)
  }, bound)

  test('deploy', bound, async () => {
    const { code, output, errors } = await deployment.run()
    assert.equal(code, 0, errors)
    assert.match(output, /read-back: \d+ facts on L1 are as planned/)
    assert.equal(await nonce(anvil.url), transactions)
    assert(Object.entries(deployment.plan).every(([name, { status }]) =>
      status === 'done' || ['deployer', 'plan'].includes(name)), JSON.stringify(deployment.plan))
  })

  // `op-node genesis l2 --l1-deployments` reads these names (op-chain-ops/genesis, L1Deployments) and
  // takes the first five; a name that it does not know it passes over, and one that is absent is zero.
  test('op-node finds what it needs in the addresses file', bound, () => {
    const names = ['L1StandardBridgeProxy', 'L1CrossDomainMessengerProxy', 'L1ERC721BridgeProxy', 'SystemConfigProxy',
      'OptimismPortalProxy', 'L1StandardBridge', 'L1CrossDomainMessenger', 'L1ERC721Bridge', 'SystemConfig',
      'DisputeGameFactory', 'DisputeGameFactoryProxy', 'OptimismMintableERC20Factory',
      'OptimismMintableERC20FactoryProxy', 'ProxyAdmin']
    const { addresses } = deployment
    for (const name of names) assert.notEqual(getAddress(addresses[name]), zeroAddress, name)
    assert.equal(new Set(names.map((name) => addresses[name])).size, names.length)
    // One flat object of addresses, nothing else: anything but a string of 20 bytes ends the reader.
    assert.match(JSON.stringify(addresses), /^\{("\w+":"0x[0-9a-fA-F]{40}",?)+\}$/)
    const { deposit_contract_address: portal, l1_system_config_address: config } = deployment.json('rollup.json')
    assert.equal(getAddress(portal), addresses.OptimismPortalProxy)
    assert.equal(getAddress(config), addresses.SystemConfigProxy)
    // These the rollup does without; see docs/deploy.md.
    for (const name of ['AddressManager', 'ProtocolVersions', 'ProtocolVersionsProxy', 'L2OutputOracleProxy']) {
      assert.equal(addresses[name], undefined, name)
    }
  })

  test('what stands on L1, by viem', bound, async () => {
    const [root, block] = await checkOnL1(l1, deployment)
    assert.equal(block, 0n)
    assert.notEqual(root, `0x${'00'.repeat(32)}`)
    const { genesis, deposit_contract_address: portal } = deployment.json('rollup.json')
    assert.equal(getAddress(portal), deployment.addresses.OptimismPortalProxy)
    const anchor = deployment.plan['anchor-block']
    assert.equal(genesis.l1.hash, anchor.tx)
    assert.equal(String(genesis.l1.number), anchor.where)
    assert.equal((await l1.public.getBlock({ blockNumber: BigInt(genesis.l1.number) })).hash, anchor.tx)
    assert.equal(deployment.plan['rollup.json'].tx,
      keccak256(readFileSync(join(deployment.folder, 'rollup.json'))))
  })

  test('no address has code twice, every transaction stands', bound, async () => {
    for (const [name, { tx }] of Object.entries(deployment.plan)) {
      if (!/^0x[0-9a-f]{64}$/.test(tx) || ['plan', 'anchor-block', 'rollup.json'].includes(name)) continue
      const receipt = await l1.public.getTransactionReceipt({ hash: tx })
      assert.equal(receipt.status, 'success', name)
      assert.equal(receipt.from, who('deployer').toLowerCase(), name)
    }
  })

  test('a second run finds everything in place', bound, async () => {
    const files = ['rollup.json', 'genesis.json', 'addresses.json', 'deploy-plan.txt']
    const contents = () => files.map((name) => readFileSync(join(deployment.folder, name), 'utf8'))
    const kept = contents()
    const { code, errors } = await deployment.run()
    assert.equal(code, 0, errors)
    assert.deepEqual(contents(), kept)
    assert.equal(await nonce(anvil.url), transactions)
  })

  test('genesis computes the same files again', bound, async () => {
    const out = join(temporaryFolder(), 'again')
    const { code, errors } = await run(viaduct, ['genesis', '--l1', anvil.url, '--config',
      deployment.configFile, '--deployment', deployment.folder, '--out', out])
    assert.equal(code, 0, errors)
    for (const name of ['rollup.json', 'genesis.json']) {
      assert.equal(readFileSync(join(out, name), 'utf8'), readFileSync(join(deployment.folder, name), 'utf8'), name)
    }
  })

  test('a node runs on it: a deposit through the portal', bound, async () => {
    const started = await startNode({
      name: 'sequencer', l1: anvil.url, files: deployment.folder, datadir: temporaryFolder(),
      args: ['--sequencer', '--batcher', '--batcher-key-file', keyFile('batcher'), '--sequencer-l1-confs', '0',
        '--batcher-max-channel-age', '2000', '--batcher-confs', '1'],
    })
    node = { ...started, chain: new Chain(started.url, 5901) }
    await rollup.deposit(l1, node.chain, deployment.addresses.OptimismPortalProxy)
    await rollup.headsAdvance(node.chain, { safe: 3, finalized: 0 })
    const output = await call(node.url, 'optimism_outputAtBlock', '0x0')
    assert.equal(output.outputRoot, (await checkOnL1(l1, deployment))[0], 'the anchor is the genesis output')
  })

  test('the predeploys stand and answer', bound, async () => {
    const l2 = node.chain
    const predeploy = (suffix) => `0x42000000000000000000000000000000000000${suffix}`
    const at = deployment.addresses
    const abi = (name) => own(name).abi
    assert.equal(await l2.read(predeploy('07'), abi('L2CrossDomainMessenger'), 'otherMessenger'), at.L1CrossDomainMessengerProxy)
    assert.equal(await l2.read(predeploy('10'), abi('L2StandardBridge'), 'otherBridge'), at.L1StandardBridgeProxy)
    assert.equal(await l2.read(predeploy('14'), abi('L2ERC721Bridge'), 'otherBridge'), at.L1ERC721BridgeProxy)
    assert.equal(await l2.read(predeploy('12'), abi('OptimismMintableERC20Factory'), 'bridge'), predeploy('10'))
    assert.equal(await l2.read(predeploy('18'), abi('ProxyAdmin'), 'owner'), who('owner'))
    assert.equal(await l2.read(predeploy('0f').replace('0f', '0F'), abi('GasPriceOracle'), 'isIsthmus'), true)
    for (const suffix of ['11', '19', '1a', '1b']) {
      assert.equal(await l2.read(predeploy(suffix), abi('SequencerFeeVault'), 'recipient'), who('owner'), suffix)
      assert.equal(await l2.read(predeploy(suffix), abi('SequencerFeeVault'), 'withdrawalNetwork'), 1, suffix)
    }
    assert.equal(await l2.read(predeploy('06'), abi('WETH'), 'symbol'), 'WETH')
    // All 2048 but the GovernanceToken hold code; the last of them a bare proxy.
    assert.equal(await l2.public.getCode({ address: predeploy('42') }), undefined)
    assert.notEqual(await l2.public.getCode({ address: '0x42000000000000000000000000000000000007fF' }), undefined)
    assert.equal(await l2.public.getCode({ address: '0x4200000000000000000000000000000000000800' }), undefined)
    assert.equal(await l2.public.getBalance({ address: '0x00000000000000000000000000000000000000fF' }), 1n)
    assert.notEqual(await l2.public.getCode({ address: '0xcA11bde05977b3631167028862bE2a173976CA11' }), undefined)
    // viem's own domain of Permit2 is the one that the contract computes.
    const separator = await call(node.url, 'eth_call', { to: '0x000000000022D473030F116dDEE9F6B43aC78BA3', data: '0x3644e515' }, 'latest')
    const { hashDomain, getTypesForEIP712Domain } = await import('viem')
    const domain = { name: 'Permit2', chainId: 5901, verifyingContract: '0x000000000022D473030F116dDEE9F6B43aC78BA3' }
    assert.equal(separator, hashDomain({ domain, types: { EIP712Domain: getTypesForEIP712Domain({ domain }) } }))
  })
})

describe('a deployment where value may be at stake', () => {
  after(cleanUp)

  test('has the standard game by default', bound, async () => {
    const chainId = 17_000
    const anvil = await startAnvil(['--chain-id', String(chainId), '--block-time', '1'])
    const short = ['proofMaturityDelaySeconds', 'disputeGameFinalityDelaySeconds', 'faultGameMaxClockDuration',
      'faultGameClockExtension', 'preimageOracleChallengePeriod', 'faultGameWithdrawalDelay', 'l2OutputOracleProposer']
    const config = Object.fromEntries(Object.entries(chainConfig({ l1ChainID: chainId })).filter(([key]) => !short.includes(key)))
    const deployment = new Deployment(anvil.url, config)
    const { code, errors } = await deployment.run([], 170_000) // ten confirmations, twice
    assert.equal(code, 0, errors)
    const l1 = new Chain(anvil.url, chainId, { l2: false })
    await checkGame(l1, deployment, { extension: 10_800n, clock: 302_400n, challenge: 86_400n })
    assert.equal(await l1.read(deployment.addresses.DelayedWETHProxy, own('DelayedWETH').abi, 'delay'), 604_800n)
  })
})

describe('a deployment that is interrupted', () => {
  after(cleanUp)

  test('kill -9 after every step', { timeout: 400_000 }, async (t) => {
    const anvil = await startAnvil()
    const deployment = new Deployment(anvil.url)
    const seen = new Set(['L1 answers'])
    let runs = 0
    for (;;) {
      const child = deployment.start()
      runs++
      let fresh
      while (!child.end && !fresh) {
        await sleep(2)
        fresh = child.output.split('\n').slice(0, -1).find((line) => !seen.has(line))
      }
      if (!fresh || fresh.startsWith('deployed')) {
        assert.deepEqual(await child.exited(), { code: 0, signal: null }, child.tail())
        break
      }
      seen.add(fresh)
      await child.stop('SIGKILL')
      assert(runs < 200)
    }
    t.diagnostic(`${runs} runs, ${seen.size} kills`)
    assert(seen.size >= 37)
    assert.equal(await nonce(anvil.url), transactions, 'nothing was sent twice')
    await checkOnL1(new Chain(anvil.url, 31337, { l2: false }), deployment)
  })

  test('kill -9 at any moment', { timeout: 400_000 }, async (t) => {
    const anvil = await startAnvil(['--block-time', '1'])
    const deployment = new Deployment(anvil.url)
    let kills = 0
    for (let wait = 20; ; wait = 20 + random.below(900)) {
      const child = deployment.start()
      await Promise.race([child.ended, sleep(kills < 60 ? wait : 60_000)])
      if (child.end) {
        assert.deepEqual(child.end, { code: 0, signal: null }, child.tail())
        break
      }
      await child.stop('SIGKILL')
      kills++
    }
    t.diagnostic(`${kills} kills`)
    assert.equal(await nonce(anvil.url), transactions, 'nothing was sent twice')
    await checkOnL1(new Chain(anvil.url, 31337, { l2: false }), deployment)
  })

  test('an L1 that stops answering', { timeout: 120_000 }, async () => {
    const anvil = await startAnvil(['--block-time', '1'])
    const deployment = new Deployment(anvil.url)
    const child = deployment.start()
    await child.printed(/SystemConfig\.initialize/, 60_000)
    anvil.child.process.kill('SIGSTOP')
    await sleep(5000)
    anvil.child.process.kill('SIGCONT')
    assert.deepEqual(await child.exited(100_000), { code: 0, signal: null }, child.tail())
    assert.equal(await nonce(anvil.url), transactions)
  })

  test('an L1 that takes blocks back', { timeout: 180_000 }, async () => {
    const anvil = await startAnvil(['--block-time', '1'])
    const deployment = new Deployment(anvil.url)
    const child = deployment.start(['--confirmations', '5'])
    for (const step of [/DisputeGameFactory\n/, /L1StandardBridge\.initialize/, /OptimismPortal\.initialize/]) {
      await child.printed(step, 60_000)
      await waitFor('three blocks to take back', async () => Number(await call(anvil.url, 'eth_blockNumber')) > 3)
      await call(anvil.url, 'anvil_reorg', 3, [])
    }
    assert.deepEqual(await child.exited(120_000), { code: 0, signal: null }, child.tail())
    assert.equal(await nonce(anvil.url), transactions)
    await checkOnL1(new Chain(anvil.url, 31337, { l2: false }), deployment)
  })

  test('no money left', { timeout: 120_000 }, async () => {
    const anvil = await startAnvil()
    const deployment = new Deployment(anvil.url)
    await call(anvil.url, 'anvil_setBalance', who('deployer'), `0x${(5n * 10n ** 15n).toString(16)}`)
    const { code, errors } = await deployment.run()
    assert.equal(code, 1)
    assert.match(errors, /insufficient funds.*run the same command again/is)
    await call(anvil.url, 'anvil_setBalance', who('deployer'), `0x${(10n ** 20n).toString(16)}`)
    const second = await deployment.run()
    assert.equal(second.code, 0, second.errors)
    assert.equal(await nonce(anvil.url), transactions)
  })

  test('an L1 without the deterministic deployer', { timeout: 120_000 }, async () => {
    const anvil = await startAnvil(['--disable-default-create2-deployer'])
    const deployment = new Deployment(anvil.url)
    const { code, errors } = await deployment.run()
    assert.equal(code, 0, errors)
    assert.equal(await nonce(anvil.url), transactions + 1, 'one more: the money for its creator')
    await checkOnL1(new Chain(anvil.url, 31337, { l2: false }), deployment)
  })
})

describe('what is refused', () => {
  after(cleanUp)
  let anvil

  before(async () => {
    anvil = await startAnvil()
  }, bound)

  /** deploy must fail with the message and send nothing. */
  const refuses = async (pattern, config, extra) => {
    const deployment = new Deployment(anvil.url, config)
    const sent = await nonce(anvil.url)
    const { code, errors } = await deployment.run(extra)
    assert.match(errors, pattern)
    assert(code > 0, `exit status ${code}`)
    assert.equal(await nonce(anvil.url), sent)
  }
  const without = (key) => Object.fromEntries(Object.entries(chainConfig()).filter(([name]) => name !== key))

  const cases = [
    ['another chain id', /chain id 31337, the configuration says 900/, chainConfig({ l1ChainID: 900 })],
    ['a public L1 with a short game', /faultGameMaxDepth is 60/, chainConfig({
      l1ChainID: 1, faultGameMaxDepth: 60, faultGameClockExtension: 600, faultGameMaxClockDuration: 1800,
    })],
    ['a public L1 with a short extension', /faultGameClockExtension is 1:/, chainConfig({ l1ChainID: 1 })],
    ['a clock of 0', /faultGameMaxClockDuration is 0/, chainConfig({
      faultGameMaxClockDuration: 0, faultGameClockExtension: 0, preimageOracleChallengePeriod: 0,
    })],
    ['a delay without end', /faultGameWithdrawalDelay is too large/, chainConfig({ faultGameWithdrawalDelay: 2 ** 48 })],
    ['a game without moves', /faultGameSplitDepth is 63/, chainConfig({ faultGameSplitDepth: 63 })],
    ['a game too deep', /faultGameMaxDepth 126/, chainConfig({ faultGameMaxDepth: 126 })],
    ['a clock shorter than its extensions', /faultGameMaxClockDuration/, chainConfig({ faultGameClockExtension: 3 })],
    ['a challenge period longer than the clock', /preimageOracleChallengePeriod/, chainConfig({ preimageOracleChallengePeriod: 5 })],
    ['parts too large for a transaction', /preimageOracleMinProposalSize is 126001/, chainConfig({ preimageOracleMinProposalSize: 126_001 })],
    ['a gas limit under 21,000,000', /l2GenesisBlockGasLimit is 20999999/, chainConfig({ l2GenesisBlockGasLimit: 20_999_999 })],
    ['a gas limit over the ceiling', /l2GenesisBlockGasLimit is 500000001/, chainConfig({ l2GenesisBlockGasLimit: 500_000_001 })],
    ['no owner', /finalSystemOwner is missing or zero/, without('finalSystemOwner')],
    ['a zero guardian', /superchainConfigGuardian is missing or zero/, chainConfig({ superchainConfigGuardian: zeroAddress })],
    ['a vault without recipient', /l1FeeVaultRecipient is missing or zero/, without('l1FeeVaultRecipient')],
    ['a guardian who proposes', /one account.*judge/, chainConfig({ superchainConfigGuardian: who('proposer') })],
    ['a batcher who proposes', /one account.*nonces/, chainConfig({ batchSenderAddress: who('proposer') })],
    ['no inbox', /batchInboxAddress/, without('batchInboxAddress')],
    ['a scalar of five bytes', /gasPriceOracleBaseFeeScalar/, chainConfig({ gasPriceOracleBaseFeeScalar: 2 ** 32 })],
    ['a bond that no game can hold', /disputeGameInitBond is too large/, chainConfig({ disputeGameInitBond: `0x1${'0'.repeat(24)}` })],
    ['no elasticity', /eip1559Elasticity/, chainConfig({ eip1559Elasticity: 0 })],
    ['a network that is none', /WithdrawalNetwork/, chainConfig({ baseFeeVaultWithdrawalNetwork: 2 })],
    ['a bad address', /finalSystemOwner/, chainConfig({ finalSystemOwner: '0x12' })],
    ['a list', /expected a JSON object/, '[]'],
    ['no JSON', /chain\.json/, '{"l1ChainID": '],
    ['equal chain ids', /chain/, chainConfig({ l2ChainID: 31337 })],
    ['no block time', /block/i, chainConfig({ l2BlockTime: 0 })],
  ]
  for (const [name, pattern, config] of cases) {
    test(name, bound, () => refuses(pattern, config))
  }
  for (const [name, precompile, answer] of [
    ['ecrecover', 1, '0x'], ['sha256', 2, `0x${'11'.repeat(32)}`], ['blake2f', 9, '0x'],
  ]) {
    test(`an L1 whose ${name} is missing or wrong`, bound, async () => {
      const to = `0x${precompile.toString(16).padStart(40, '0')}`
      const proxy = await startRpcProxy(anvil.url, (method, [request]) =>
        method === 'eth_call' && request.to?.toLowerCase() === to ? answer : undefined)
      try {
        const deployment = new Deployment(proxy.url)
        const sent = await nonce(anvil.url)
        const { code, errors } = await deployment.run()
        assert.match(errors, new RegExp(`no precompile ${name} at address ${precompile}`))
        assert.equal(code, 1)
        assert.equal(await nonce(anvil.url), sent)
      } finally {
        await proxy.close()
      }
    })
  }
  // 65,535 blocks of 136 bytes hold the logs of 71 million gas at 8 gas a byte.
  for (const [name, args, pattern] of [
    ['transactions may use any gas', ['--gas-limit', '80000000', '--hardfork', 'prague'], /receipt of 10000000 bytes; .*holds 8912759/],
    ['blocks may use any gas', ['--gas-limit', '500000000'], /a block of this L1 may use 500000000 gas/],
  ]) {
    test(`an L1 whose ${name}`, bound, async () => {
      const large = await startAnvil(args)
      const { code, errors } = await new Deployment(large.url).run()
      assert.match(errors, pattern)
      assert.equal(code, 1)
      assert.equal(await nonce(large.url), 0)
    })
  }
  test('an L1 of large blocks of which a transaction may use a part is none of these', bound, async () => {
    const large = await startAnvil(['--gas-limit', '80000000'])
    const { code, errors } = await new Deployment(large.url).run()
    assert.equal(code, 0, errors)
  })
  test('a fork of the settings on what stands', bound, async () => {
    const first = new Deployment(anvil.url)
    assert.equal((await first.run()).code, 0)
    await refuses(/OptimismPortal\.initialize finds the contract .* in a state/, chainConfig({ proofMaturityDelaySeconds: 6 }))
    await refuses(/finds the contract|DIFFERS|differ/, chainConfig({ l1StartingBlockNumber: 1 }))
    first.configure(chainConfig({ proofMaturityDelaySeconds: 6 }))
    const again = await first.run()
    assert.match(again.errors, /plan of another deployment/)
    assert(again.code > 0)
  })
  test('a plan that was lost', bound, async () => {
    const deployment = new Deployment(anvil.url)
    const { code, errors } = await deployment.run()
    assert.match(errors, /names no anchor block/)
    assert(code > 0)
  })
  test('a damaged plan', bound, async () => {
    const deployment = new Deployment(anvil.url)
    writeFileSync(join(deployment.folder, 'deploy-plan.txt'), 'SystemConfigProxy\n')
    const { code, errors } = await deployment.run()
    assert.match(errors, /damaged/)
    assert(code > 0)
  })
  test('a second deployment beside the first', bound, async () => {
    const deployment = new Deployment(anvil.url, chainConfig({ create2Salt: `0x${'01'.repeat(32)}` }))
    const { code, errors } = await deployment.run()
    assert.equal(code, 0, errors)
  })
  test('two at once', bound, async () => {
    const deployment = new Deployment(anvil.url, chainConfig({ create2Salt: `0x${'02'.repeat(32)}` }))
    const first = deployment.start()
    await first.printed(/Proxy/)
    const second = await deployment.run()
    assert.match(second.errors, /held by another process/)
    assert(second.code > 0)
    assert.deepEqual(await first.exited(60_000), { code: 0, signal: null }, first.tail())
  })
  test('settings that were changed on L1', bound, async () => {
    const deployment = new Deployment(anvil.url, chainConfig({ create2Salt: `0x${'03'.repeat(32)}` }))
    assert.equal((await deployment.run()).code, 0)
    const l1 = new Chain(anvil.url, 31337, { l2: false })
    await l1.write(roles.owner, deployment.addresses.SystemConfigProxy, own('SystemConfig').abi, 'setGasLimit', [70_000_000n])
    const { code, output, errors } = await deployment.run()
    assert.match(output, /DIFFERS: SystemConfigProxy gasLimit\(\)/)
    assert.match(errors, /1 of \d+ facts/)
    assert.equal(code, 1)
  })
  test('no L1', bound, async () => {
    const deployment = new Deployment('http://127.0.0.1:1')
    const { code, errors } = await deployment.run()
    assert.match(errors, /does not answer/)
    assert.equal(code, 1)
  })
  test('no key', bound, async () => {
    const deployment = new Deployment(anvil.url)
    rmSync(deployment.key)
    const { code, errors } = await deployment.run()
    assert.match(errors, /deployer\.key/)
    assert(code > 0)
  })
})
