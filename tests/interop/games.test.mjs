// viaduct games: what it lists of games and claims is what L1's contracts say, read by viem.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { keccak256, numberToHex, parseEther, toHex } from 'viem'
import { getWithdrawals } from 'viem/op-stack'
import { provableByNode, standing } from './scenarios/bridge.mjs'
import { own } from './support/artifacts.mjs'
import { Rollup } from './support/bridge.mjs'
import { Chain, accounts } from './support/chain.mjs'
import { cleanUp, run, startDev, temporaryFolder, viaduct, waitFor } from './support/harness.mjs'

const bound = { timeout: 240_000 }
const owner = 7
const fault = 101
const bond = parseEther('0.08')
const clock = 3600n
const factoryAbi = own('DisputeGameFactory').abi
const game = own('FaultDisputeGame')

describe('viaduct games', () => {
  let dev
  let l1
  let factory
  let addresses
  let prestate
  let proxy
  let index

  const games = async (...args) => {
    const { code, output, errors } = await run(viaduct,
      ['games', '--l1', dev.info.l1.rpc, '--addresses', addresses, ...args.map(String)])
    assert.equal(code, 0, errors)
    return output
  }
  const one = async () => JSON.parse(await games('--game', index, '--json'))[0]
  const read = (name, args = []) => l1.read(proxy, game.abi, name, args)

  before(async () => {
    dev = await startDev()
    l1 = new Chain(dev.info.l1.rpc, dev.info.l1.chainId, { l2: false })
    const { contracts } = dev.info
    factory = contracts.DisputeGameFactoryProxy
    addresses = join(temporaryFolder(), 'addresses.json')
    writeFileSync(addresses, JSON.stringify(contracts))
    const oracle = await l1.deploy(owner, own('PreimageOracle'), [126_000n, 60n])
    const vm = await l1.deploy(owner, own('RISCV'), [oracle])
    prestate = keccak256(toHex('prestate'))
    const implementation = await l1.deploy(owner, game, [{
      gameType: fault, absolutePrestate: prestate, maxGameDepth: 36n, splitDepth: 6n, clockExtension: 60n,
      maxClockDuration: clock, vm, weth: contracts.DelayedWETHProxy,
      anchorStateRegistry: contracts.AnchorStateRegistryProxy, l2ChainId: BigInt(dev.info.l2.chainId),
      bisectionBond: bond, stepBond: 16n * bond,
    }])
    await l1.write(owner, factory, factoryAbi, 'setImplementation', [fault, implementation])
    await l1.write(owner, factory, factoryAbi, 'setInitBond', [fault, bond])
  }, bound)
  after(cleanUp)

  test('a proposal has one claim', bound, async () => {
    await waitFor('a proposal', async () => (await l1.read(factory, factoryAbi, 'gameCount')) > 0n)
    const [first] = JSON.parse(await games('--json', '--game', 0))
    const [type, timestamp, address] = await l1.read(factory, factoryAbi, 'gameAtIndex', [0n])
    assert.equal(first.gameType, type)
    assert.equal(first.timestamp, Number(timestamp))
    assert.equal(first.address, address)
    assert.equal(first.gameType, fault)
    assert.equal(first.claims.length, 1)
    assert.equal(first.claims[0].claim, first.rootClaim)
    assert.equal(first.rootClaim, await l1.read(address, game.abi, 'rootClaim'))
  })

  test('claims are listed as they stand', bound, async () => {
    const root = keccak256(toHex('a false root'))
    const anchor = own('AnchorStateRegistry').abi
    const [, block] = await l1.read(dev.info.contracts.AnchorStateRegistryProxy, anchor, 'getAnchorRoot')
    const extra = numberToHex(block + 40n, { size: 32 })
    await l1.write(1, factory, factoryAbi, 'create', [fault, root, extra], { value: bond })
    ;[proxy] = await l1.read(factory, factoryAbi, 'games', [fault, root, extra])
    const count = await l1.read(factory, factoryAbi, 'gameCount')
    for (let i = count - 1n; index === undefined; i--) {
      const [, , address] = await l1.read(factory, factoryAbi, 'gameAtIndex', [i])
      if (address === proxy) index = i
    }
    const value = keccak256(toHex('another'))
    await l1.write(2, proxy, game.abi, 'attack', [root, 0n, value], { value: bond })
    await l1.write(1, proxy, game.abi, 'defend', [value, 1n, keccak256(toHex('a third'))], { value: bond })
    for (let i = 0; i < 9; i++) { // more than one batch of reads
      await l1.write(2, proxy, game.abi, 'attack', [root, 0n, keccak256(toHex(i))], { value: bond })
    }

    const listed = await one()
    assert.equal(listed.gameType, fault)
    assert.equal(listed.address, proxy)
    assert.equal(listed.status, 'in progress')
    assert.equal(listed.rootClaim, root)
    assert.equal(BigInt(listed.l2BlockNumber), block + 40n)
    assert.equal(listed.absolutePrestate, prestate)
    assert.equal(listed.maxGameDepth, 36)
    assert.equal(listed.splitDepth, 6)
    assert.equal(BigInt(listed.maxClockDuration), clock)
    assert.equal(listed.l2BlockNumberChallenged, false)
    assert.equal(BigInt(listed.claims.length), await read('claimDataLen'))
    assert.equal(listed.claims.length, 12)
    for (const [i, claim] of listed.claims.entries()) {
      const [parent, counteredBy, claimant, wei, at, position, packed] = await read('claimData', [BigInt(i)])
      assert.equal(claim.index, i)
      assert.equal(claim.parent, parent === 2 ** 32 - 1 ? null : parent)
      assert.equal(BigInt(claim.counteredBy ?? 0), BigInt(counteredBy))
      assert.equal(claim.claimant, claimant)
      assert.equal(claim.bond, wei.toString())
      assert.equal(claim.claim, at)
      assert.equal(claim.position, position.toString())
      assert.equal(claim.depth, position.toString(2).length - 1)
      assert.equal(BigInt(claim.clockUsed), packed >> 64n)
      assert.equal(BigInt(claim.timestamp), packed & (1n << 64n) - 1n)
      assert.equal(claim.state, 'open')
      const used = Number(await read('getChallengerDuration', [BigInt(i)]))
      assert(Math.abs(claim.clockLeft - (Number(clock) - used)) < 60, `clock of claim ${i}`)
    }
  })

  test('the table names every game and claim', bound, async () => {
    const table = await games()
    const lines = table.trimEnd().split('\n')
    const header = lines.findIndex((line) => line.includes(proxy))
    assert(header > 0, table)
    assert.match(lines[header], /101 +in progress/)
    assert.match(lines[header + 1], /claim +0 +answers +- +depth +0 +open .* left  0\.08 ether  0x/)
    assert.match(lines[header + 3], /claim +2 +answers +1 +depth +2 +open/)
    const below = lines.slice(header + 1) // down to the next game
    const isClaim = (line) => / claim +\d+ /.test(line)
    assert.equal([...below, ''].findIndex((line) => !isClaim(line)), 12)
  })

  test('a withdrawal is not proven on a disputed game, and one that is waits for its end', bound, async () => {
    const user = 3
    const rollup = new Rollup(dev.info)
    const hash = await rollup.w2(user).initiateWithdrawal({
      request: { to: '0x00000000000000000000000000000000000e0006', value: 3n, gas: 21_000n },
    })
    const receipt = await rollup.mined(rollup.p2, hash)
    const [withdrawal] = getWithdrawals(receipt)
    const dispute = async (index) => {
      const [, , address] = await l1.read(factory, factoryAbi, 'gameAtIndex', [index])
      assert.equal(await l1.read(address, game.abi, 'maxClockDuration'), clock)
      const root = await l1.read(address, game.abi, 'rootClaim')
      await l1.write(2, address, game.abi, 'attack', [root, 0n, keccak256(toHex('no'))], { value: bond })
      return address.toLowerCase()
    }
    const first = await provableByNode(rollup, receipt)
    const disputed = await dispute(first.game.index)
    await waitFor('a game that nobody disputes', async () => {
      const { status, game: named } = await standing(rollup, hash)
      return status === 'ready-to-prove' && named.proxy !== disputed && !named.disputed
    }, { timeout: 90_000 })

    const second = await provableByNode(rollup, receipt)
    const args = await rollup.p2.buildProveWithdrawal({ account: accounts[user], game: second.game, withdrawal })
    await rollup.mined(rollup.p1, await rollup.w1(user).proveWithdrawal(args))
    const before = await standing(rollup, hash)
    assert.equal(before.status, 'waiting-to-finalize')
    assert.equal(before.game.claims, 1)
    assert(before.secondsLeft > 60 && before.secondsLeft <= Number(clock) + 60, `${before.secondsLeft} seconds`)
    await dispute(second.game.index)
    const now = await standing(rollup, hash)
    assert.equal(now.status, 'waiting-to-finalize')
    assert.deepEqual([now.game.claims, now.game.disputed, now.game.valid], [2, true, true])
    assert.equal(now.secondsLeft, null)
    assert.match(now.next, /in dispute, with 2 claims.* at the least/)
  })

  test('what cannot be listed is said', bound, async () => {
    for (const [args, says] of [
      [['--game', '999999'], /there is no game 999999; the factory has \d+/],
      [['--addresses', '/nowhere.json'], /nowhere\.json/],
      [['--l1', dev.info.l2.rpc], /has no gameCount\(\)/],
      [['--l1', 'http://127.0.0.1:1'], /L1/],
    ]) {
      const { code, output, errors } = await run(viaduct,
        ['games', '--l1', dev.info.l1.rpc, '--addresses', addresses, '--json', ...args])
      assert.notEqual(code, 0)
      assert.match(errors, says)
      assert.equal(output, '')
    }
  })
})
