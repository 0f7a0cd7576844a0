// The challenger as `viaduct node --challenger`: a false root is disputed down to one step of the
// machine against a proposer that answers every move, through a kill and a restart; a watcher only
// reports; what an L1 block made safe is judged the same after a restart and when the record of it is
// gone; a game of another program is left alone.
import assert from 'node:assert/strict'
import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { keccak256, parseEther, toHex } from 'viem'
import { Adversary, claimsOf, factoryAbi, fault, gameAbi, propose } from './support/adversary.mjs'
import { own } from './support/artifacts.mjs'
import { Chain, accounts, keys } from './support/chain.mjs'
import { cleanUp, fatal, run, startDev, startNode, temporaryFolder, viaduct, waitFor } from './support/harness.mjs'
import { Random, seed } from './support/random.mjs'
import { call } from './support/rpc.mjs'

const bound = { timeout: 400_000 }
const owner = 7
const challenger = 6
const liar = 3
const bond = parseEther('0.08')
const clock = 200
const splitDepth = 10
const maxDepth = 40
const challengerWins = 1

describe('the challenger', () => {
  let dev
  let l1
  let factory
  let datadir
  let chain // rollup.json and genesis.json
  let node
  let watcher
  let keyFile
  let constants // of the game that dev has deployed

  const start = (name, folder, args) => startNode({
    name, l1: dev.info.l1.rpc, files: chain, datadir: folder, args: ['--challenger', ...args],
  })
  const startChallenger = () =>
    start('challenger', datadir, ['--challenger-key-file', keyFile, '--challenger-confs', '1'])
  const stops = async (who) => assert.equal((await who.child.stop()).code, 0, who.child.tail())
  const time = (seconds) => call(dev.info.l1.rpc, 'evm_increaseTime', seconds)
  const safe = async (url) => Number((await call(url, 'eth_getBlockByNumber', 'safe', false)).number)
  const says = (who, pattern) => who.child.printed(pattern, 60_000)
    .catch((error) => { throw new Error(`${error.message}\n${who.child.tail()}`) })
  /** waitFor, whose failure shows the challenger's log. */
  const awaits = (what, probe, options = { timeout: 60_000 }) => waitFor(what, async () => {
    if (node.child.end) throw fatal(`the challenger ended\n${node.child.tail()}`)
    return probe()
  }, options).catch((error) => { throw new Error(`${error.message}\n${node.child.tail()}`) })
  const metric = async (who, name) => {
    const text = await (await fetch(`${who.url}/metrics`)).text()
    return Number(text.match(new RegExp(`^viaduct_challenger_${name} (\\d+)$`, 'm'))[1])
  }
  /** The block so far above the one that a game starts from now. */
  const above = async (blocks) => {
    const [, anchor] = await l1.read(dev.info.contracts.AnchorStateRegistryProxy,
      own('AnchorStateRegistry').abi, 'getAnchorRoot')
    return anchor + BigInt(blocks)
  }
  const deployGame = async (changes) => {
    const implementation = await l1.deploy(owner, own('FaultDisputeGame'), [{ ...constants, ...changes }])
    await l1.write(owner, factory, factoryAbi, 'setImplementation', [fault, implementation])
    await l1.write(owner, factory, factoryAbi, 'setInitBond', [fault, bond])
  }
  /** What an account has paid for gas since an L1 block. */
  const gasOf = async (address, from) => {
    const head = Number(await l1.public.getBlockNumber())
    let wei = 0n
    for (let n = from; n <= head; n++) {
      const block = await l1.public.getBlock({ blockNumber: BigInt(n), includeTransactions: true })
      for (const tx of block.transactions.filter(({ from: sender }) => sender === address.toLowerCase())) {
        const receipt = await l1.public.getTransactionReceipt({ hash: tx.hash })
        wei += receipt.gasUsed * receipt.effectiveGasPrice
      }
    }
    return wei
  }

  before(async () => {
    chain = temporaryFolder()
    datadir = temporaryFolder()
    dev = await startDev({
      datadir: chain, args: ['--no-challenger', '--proposal-interval', '31536000', '--batcher-max-channel-age', '2000'],
    })
    l1 = new Chain(dev.info.l1.rpc, dev.info.l1.chainId, { l2: false })
    const { contracts } = dev.info
    factory = contracts.DisputeGameFactoryProxy
    const old = contracts.FaultDisputeGame
    const names = ['absolutePrestate', 'vm', 'weth', 'anchorStateRegistry', 'l2ChainId']
    const values = await Promise.all(names.map((name) => l1.read(old, gameAbi, name)))
    constants = {
      gameType: fault, maxGameDepth: BigInt(maxDepth), splitDepth: BigInt(splitDepth), clockExtension: 30n, maxClockDuration: BigInt(clock),
      bisectionBond: bond, stepBond: 2n * bond, ...Object.fromEntries(names.map((name, i) => [name, values[i]])),
    }
    keyFile = join(datadir, 'challenger.key')
    writeFileSync(keyFile, `${keys[challenger]}\n`, { mode: 0o600 })
    chmodSync(keyFile, 0o600)
    await waitFor('genesis.json', () => existsSync(join(chain, 'genesis.json')))
    await deployGame({})
    node = await startChallenger()
    watcher = await start('watcher', temporaryFolder(), [])
    const end = await above(12)
    await waitFor('safe blocks', async () => BigInt(await safe(node.url)) >= end, { timeout: 60_000 })
  }, bound)
  after(cleanUp)

  test('a false root is lost at one step of the machine, through a kill', bound, async () => {
    const random = new Random(seed)
    const from = Number(await l1.public.getBlockNumber())
    const address = accounts[challenger].address
    const rich = await l1.public.getBalance({ address, blockNumber: BigInt(from) })
    const game = await propose(l1, liar, factory, keccak256(toHex('a false root')), await above(10))
    await says(node, /ALERT game \d+: FALSE root claim about block \d+: it is disputed/)
    await says(watcher, /ALERT game \d+: FALSE root claim about block \d+: it is disputed by nobody here/)
    // Outputs to the left, states anywhere.
    const adversary = new Adversary(l1, liar, game, ({ depth }) => depth <= splitDepth + 1 || random.below(2) === 0).play()
    try {
      await awaits('claims', async () => Number(await l1.read(game, gameAbi, 'claimDataLen')) >= splitDepth + 6, { timeout: 120_000 })
      assert.equal(await metric(watcher, 'disputed_games'), 1)
      assert.equal(await metric(watcher, 'moves'), 0)
      assert(await metric(node, 'moves') > 0)
      await node.child.stop('SIGKILL')
      node = await startChallenger()
      await awaits('the step', async () => {
        const last = (await claimsOf(l1, game)).find(({ depth }) => depth === maxDepth)
        return last && BigInt(last.counteredBy) !== 0n
      }, { timeout: 200_000, interval: 500 })
    } finally {
      await adversary.stop()
    }

    const claims = await claimsOf(l1, game)
    assert.equal(claims.length, maxDepth + 1)
    claims.forEach(({ claimant }, i) => assert.equal(claimant, accounts[i % 2 === 0 ? liar : challenger].address, `claim ${i}`))
    assert.equal(claims[maxDepth].counteredBy, address)

    await time(clock + 1)
    await awaits('the end', async () => (await l1.read(game, gameAbi, 'status')) === challengerWins)
    const lies = claims.filter(({ claimant }) => claimant !== address).reduce((sum, claim) => sum + claim.bond, 0n)
    // Unlocked, past the delay, paid.
    await awaits('the bonds', async () => await l1.public.getBalance({ address }) > rich, { timeout: 200_000 })
    await awaits('no open game', async () => (await metric(node, 'open_games')) === 0)
    assert.equal(await l1.public.getBalance({ address }), rich + lies - await gasOf(address, from + 1))
    assert.equal(await metric(node, 'games_against'), 0)
    assert.equal(await metric(watcher, 'disputed_games'), 0)
  })

  test('a claim past the safe head is false, after a restart and without the record too', bound, async () => {
    const url = dev.info.l2.rpc
    let number
    let game
    let l1Head
    let before
    const safeAt = () => call(node.url, 'optimism_safeHeadAtL1Block', toHex(l1Head))
    for (let tries = 0; tries < 10 && !(Number(before?.safeHead.number) < number); tries++) {
      // The newest block, unless its batch is on L1 before the game is.
      number = Number((await call(url, 'eth_getBlockByNumber', 'latest', false)).number)
      const { outputRoot } = await call(url, 'optimism_outputAtBlock', toHex(number))
      game = await propose(l1, liar, factory, outputRoot, BigInt(number))
      l1Head = Number((await l1.public.getBlock({ blockHash: await l1.read(game, gameAbi, 'l1Head') })).number)
      before = await awaits('the record of its L1 block', safeAt)
    }
    assert(Number(before.safeHead.number) < number)
    const judged = new RegExp(`ALERT game \\d+: FALSE root claim about block ${number}: it is disputed`)
    await awaits('a counter', async () => await l1.read(game, gameAbi, 'claimDataLen') === 2n)
    // The state that it starts from and all later ones are kept while it is open.
    const [, from] = await l1.read(game, gameAbi, 'startingOutputRoot')
    await awaits('the pin', async () => {
      const { output } = await run(viaduct, ['db', 'stat', '--datadir', datadir])
      return Number(output.match(/^pin +(\d+)$/m)[1]) <= Number(from)
    })

    // The block becomes final, so that derivation starts again from above what L1 had then.
    await awaits('a safe block', async () => (await safe(node.url)) >= number)
    await call(dev.info.l1.rpc, 'anvil_mine', 60)
    await awaits('a final block', async () =>
      Number((await call(node.url, 'eth_getBlockByNumber', 'finalized', false)).number) > number)
    await node.child.stop('SIGKILL')
    node = await startChallenger()
    await says(node, judged)
    assert.deepEqual(await safeAt(), before)

    await stops(node)
    const { code, errors } = await run(join(dirname(viaduct), 'forget_safe'), [datadir])
    assert.equal(code, 0, errors)
    node = await startChallenger()
    const [, until] = await says(node, new RegExp(`L1 block ${l1Head} had no entry .*derived again, up to block (\\d+)`))
    assert.equal(Number(until), Number(before.safeHead.number))
    await says(node, judged)
    assert.equal(await l1.read(game, gameAbi, 'claimDataLen'), 2n)
  })

  test('a game of another program is not touched', bound, async () => {
    await deployGame({ absolutePrestate: keccak256(toHex('another program')) })
    const game = await propose(l1, liar, factory, keccak256(toHex('another lie')), await above(11))
    await says(node, /ALERT game \d+: no judgement: its prestate is not the one/)
    await says(watcher, /ALERT game \d+: no judgement: its prestate is not the one/)
    const seen = Number(await l1.public.getBlockNumber())
    await awaits('some L1 blocks', async () => Number(await l1.public.getBlockNumber()) >= seen + 4)
    assert.equal(await l1.read(game, gameAbi, 'claimDataLen'), 1n)
  })

  test('it may share the account of the proposer', bound, async () => {
    await deployGame({})
    const both = 5
    const shared = join(temporaryFolder(), 'both.key')
    writeFileSync(shared, `${keys[both]}\n`, { mode: 0o600 })
    await stops(node)
    node = await start('both roles', temporaryFolder(), [
      '--challenger-key-file', shared, '--proposer', '--proposer-key-file', shared, '--proposer-allow-unfinalized',
      '--proposer-confs', '1', '--proposal-interval', '1',
    ])
    const game = await propose(l1, liar, factory, keccak256(toHex('a third lie')), await above(12))
    const claimants = async () => (await claimsOf(l1, game)).map(({ claimant }) => claimant)
    await awaits('its counter', async () => (await claimants()).includes(accounts[both].address))
    await awaits('its proposal', async () => {
      const count = await l1.read(factory, factoryAbi, 'gameCount')
      const [, , last] = await l1.read(factory, factoryAbi, 'gameAtIndex', [count - 1n])
      return await l1.read(last, gameAbi, 'gameCreator') === accounts[both].address
    })
    assert.equal((await claimants()).filter((one) => one === accounts[both].address).length, 1)
    await stops(node)
    await stops(watcher)
  })

  test('keys that make no sense are refused', bound, async () => {
    const common = ['node', '--l1', dev.info.l1.rpc, '--rollup', join(chain, 'rollup.json'), '--genesis',
      join(chain, 'genesis.json'), '--datadir', temporaryFolder(), '--http-port', '0', '--challenger']
    for (const [args, message] of [
      [['--challenger-key-file', '/nowhere/key'], /nowhere/],
      [['--challenger-signer', 'http://127.0.0.1:1'], /--challenger-signer-address/],
      [['--challenger-key-file', keyFile, '--batcher', '--batcher-key-file', keyFile], /batcher and challenger/],
    ]) {
      const { code, errors } = await run(viaduct, [...common, ...args])
      assert.notEqual(code, 0)
      assert.match(errors, message)
    }
  })
})
