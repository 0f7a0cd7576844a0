// Gas of a user's and the proposer's transactions on L1, of this project's contracts as `viaduct
// deploy` founds them and of the OP Stack's 0.17.3 as npm publishes them: both on one anvil, with the
// same deposits, the same claims about one L2 and proofs of the same withdrawals.  Called by run.sh;
// no assertions.
//   gas.mjs VIADUCT PEER OUT.json     PEER: folder that holds the peer's package
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

process.env.VIADUCT = process.argv[2]
const { cleanUp, startAnvil, startDev, waitFor } = await import('../interop/support/harness.mjs')
const { Chain, accounts } = await import('../interop/support/chain.mjs')
const { own } = await import('../interop/support/artifacts.mjs')
const { Deployment, chainConfig, roles } = await import('../interop/support/deploy.mjs')
const { call } = await import('../interop/support/rpc.mjs')
const { concat, encodeFunctionData, keccak256, pad, parseEther, parseEventLogs, toHex } =
  await import('../interop/node_modules/viem/_esm/index.js')

/** What the project asks of itself: at most this share of the peer's gas. */
const goals = { deposit: 1, propose: 1, prove: 1.15, finalize: 1.15 }
const passer = '0x4200000000000000000000000000000000000016'
const bond = parseEther('0.08')
const delays = { maturity: 5n, finality: 3n, clock: 5n, weth: 3n }
const word = (number) => toHex(number, { size: 32 })

/** Withdrawals on an L2, two outputs above them and the proofs of two of them. */
async function claims() {
  const { info: { l2: { rpc, chainId } } } = await startDev()
  const l2 = new Chain(rpc, chainId)
  const { abi } = own('L2ToL1MessagePasser')
  const receipts = []
  for (let i = 0; i < 100; i++) {
    const hash = await l2.wallet(i % 7).writeContract({
      address: passer, abi, functionName: 'initiateWithdrawal', args: [accounts[5].address, 21_000n, '0x'],
      value: parseEther('0.01'), gas: 150_000n,
    })
    receipts.push(hash)
  }
  const logs = []
  for (const hash of receipts) logs.push(...parseEventLogs({ abi, logs: (await l2.receipt(hash)).logs, eventName: 'MessagePassed' }))
  const first = Number((await l2.public.getBlock()).number)
  await waitFor('one more L2 block', async () => (await l2.public.getBlockNumber()) > BigInt(first))
  const output = async (number) => ({ number, ...(await call(rpc, 'optimism_outputAtBlock', toHex(number))) })
  const outputs = [await output(first), await output(first + 1)]
  const withdrawals = await Promise.all([logs[10], logs[60]].map(async ({ args }) => {
    const slot = keccak256(concat([args.withdrawalHash, word(0)]))
    const proof = await call(rpc, 'eth_getProof', passer, [slot], toHex(first + 1))
    const { nonce, sender, target, value, gasLimit, data } = args
    return { tuple: { nonce, sender, target, value, gasLimit, data }, nodes: proof.storageProof[0].proof }
  }))
  return { outputs, withdrawals }
}

/** Of a game that nobody disputed: its claim, then itself. */
const resolver = (l1, abi) => async (game) => {
  await l1.write(0, game, abi, 'resolveClaim', [0n, 0n])
  await l1.write(0, game, abi, 'resolve')
}

/** One set of contracts: { name, portal, factory, portalAbi, factoryAbi, gameType, resolve }. */
async function ours(anvil, l1) {
  const deployment = new Deployment(anvil.url, chainConfig({
    proofMaturityDelaySeconds: Number(delays.maturity), disputeGameFinalityDelaySeconds: Number(delays.finality),
    faultGameMaxClockDuration: Number(delays.clock), faultGameWithdrawalDelay: Number(delays.weth),
  }))
  const { code, errors } = await deployment.run()
  if (code !== 0) throw new Error(`deploy: ${errors}`)
  const at = deployment.addresses
  return {
    portal: at.OptimismPortalProxy, factory: at.DisputeGameFactoryProxy, gameType: 101,
    portalAbi: own('OptimismPortal2').abi, factoryAbi: own('DisputeGameFactory').abi,
    resolve: resolver(l1, own('FaultDisputeGame').abi),
  }
}

async function theirs(l1) {
  const artifact = (name) => {
    const folder = join(process.argv[3], 'node_modules', '@eth-optimism', 'contracts-bedrock', 'forge-artifacts')
    const { abi, bytecode } = JSON.parse(readFileSync(join(folder, `${name}.sol`, `${name}.json`), 'utf8'))
    return { abi, bytecode: bytecode.object }
  }
  const me = accounts[0].address
  const deploy = (name, ...args) => l1.deploy(0, artifact(name), args)
  const proxy = () => deploy('Proxy', me)
  const setUp = async (address, name, constructorArgs, initializeArgs) => {
    const implementation = await deploy(name, ...constructorArgs)
    const data = encodeFunctionData({ abi: artifact(name).abi, functionName: 'initialize', args: initializeArgs })
    await l1.write(0, address, artifact('Proxy').abi, 'upgradeToAndCall', [implementation, data])
  }
  const [superchain, config, portal, factory, registry, weth] =
    [await proxy(), await proxy(), await proxy(), await proxy(), await proxy(), await proxy()]
  const gameType = 0
  await setUp(superchain, 'SuperchainConfig', [], [me, false])
  await setUp(config, 'SystemConfig', [], [
    me, 1368, 810949, pad(me), 60_000_000n, me,
    { // as the OP Stack deploys it
      maxResourceLimit: 20_000_000, elasticityMultiplier: 10, baseFeeMaxChangeDenominator: 8,
      minimumBaseFee: 1_000_000_000, systemTxMaxGas: 1_000_000, maximumBaseFee: 2n ** 128n - 1n,
    },
    pad('0xff', { size: 20 }),
    {
      l1CrossDomainMessenger: me, l1ERC721Bridge: me, l1StandardBridge: me, disputeGameFactory: factory,
      optimismPortal: portal, optimismMintableERC20Factory: me,
      gasPayingToken: '0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE',
    },
  ])
  await setUp(factory, 'DisputeGameFactory', [], [me])
  await setUp(portal, 'OptimismPortal2', [delays.maturity, delays.finality], [factory, config, superchain, gameType])
  await setUp(registry, 'AnchorStateRegistry', [factory],
    [[{ gameType, outputRoot: { root: pad('0xaa'), l2BlockNumber: 0n } }]])
  await setUp(weth, 'DelayedWETH', [delays.weth], [me, superchain])
  const oracle = await deploy('PreimageOracle', 126_000n, 86_400n)
  const vm = await deploy('MIPS', oracle)
  const game = artifact('FaultDisputeGame')
  const implementation = await deploy('FaultDisputeGame', gameType, pad('0xdead'), 73n, 30n, 1n, delays.clock,
    vm, weth, registry, 901n)
  const factoryAbi = artifact('DisputeGameFactory').abi
  await l1.write(0, factory, factoryAbi, 'setImplementation', [gameType, implementation])
  await l1.write(0, factory, factoryAbi, 'setInitBond', [gameType, bond])
  return {
    portal, factory, gameType, portalAbi: artifact('OptimismPortal2').abi, factoryAbi,
    resolve: resolver(l1, game.abi),
  }
}

/** Each step twice: the first warms what a running chain has warm, the second is the figure. */
async function measure(anvil, l1, set, { outputs, withdrawals }) {
  const gas = {}
  for (const [who, value] of [[0, parseEther('1')], [1, parseEther('1')], [1, parseEther('1')]]) {
    const receipt = await l1.write(who, set.portal, set.portalAbi, 'depositTransaction',
      [accounts[who].address, value, 100_000n, false, '0x'], { value, gas: 500_000n })
    gas.deposit = receipt.gasUsed
  }
  for (const { number, outputRoot } of outputs) {
    const receipt = await l1.write(roles.proposer, set.factory, set.factoryAbi, 'create',
      [set.gameType, outputRoot, word(number)], { value: bond, gas: 2_000_000n })
    gas.propose = receipt.gasUsed
  }
  const pass = async (seconds) => {
    await call(anvil.url, 'evm_increaseTime', seconds)
    await call(anvil.url, 'evm_mine')
  }
  await pass(2)
  const [, output] = outputs
  const index = (await l1.read(set.factory, set.factoryAbi, 'gameCount')) - 1n
  const [, , game] = await l1.read(set.factory, set.factoryAbi, 'gameAtIndex', [index])
  const rootProof = {
    version: word(0), stateRoot: output.stateRoot, messagePasserStorageRoot: output.withdrawalStorageRoot,
    latestBlockhash: output.blockRef.hash,
  }
  for (const [who, { tuple, nodes }] of withdrawals.entries()) {
    const receipt = await l1.write(who, set.portal, set.portalAbi, 'proveWithdrawalTransaction',
      [tuple, index, rootProof, nodes], { gas: 2_000_000n })
    gas.prove = receipt.gasUsed
  }
  await pass(20)
  await set.resolve(game)
  await pass(20)
  for (const [who, { tuple }] of withdrawals.entries()) {
    const receipt = await l1.write(who, set.portal, set.portalAbi, 'finalizeWithdrawalTransaction', [tuple], { gas: 1_000_000n })
    gas.finalize = receipt.gasUsed
  }
  return gas
}

let rows
try {
  const claim = await claims()
  const anvil = await startAnvil()
  const l1 = new Chain(anvil.url, 31337, { l2: false })
  const [mine, other] = [await ours(anvil, l1), await theirs(l1)]
  const viaduct = await measure(anvil, l1, mine, claim)
  const bedrock = await measure(anvil, l1, other, claim)
  rows = Object.entries(goals).map(([what, goal]) => {
    const [a, b] = [Number(viaduct[what]), Number(bedrock[what])]
    return { what, viaduct: a, bedrock: b, ratio: Number((a / b).toFixed(3)), goal }
  })
} finally {
  await cleanUp()
}
const print = (...cells) => console.log(cells.map((cell, i) => (i === 0 ? String(cell).padEnd(10) : String(cell).padStart(18))).join(''))
print('gas of', 'viaduct', 'bedrock 0.17.3', 'ratio', 'goal, at most')
for (const { what, viaduct, bedrock, ratio, goal } of rows) print(what, viaduct, bedrock, ratio, `${goal}${ratio > goal ? '  MISSED' : ''}`)
writeFileSync(process.argv[4], `${JSON.stringify(rows, null, 2)}\n`)
process.exit(0)
