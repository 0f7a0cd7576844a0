// viaduct dev --drill: a false output is proposed, disputed to a single step, and loses, on the
// embedded L1 and on anvil; what it says it has seen there is what viem reads of anvil's contracts.
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { getAddress, parseAbiItem, parseEther } from 'viem'
import { own } from './support/artifacts.mjs'
import { accounts, Chain } from './support/chain.mjs'
import { cleanUp, run, startAnvil, viaduct } from './support/harness.mjs'

const bound = { timeout: 420_000 }
const challenger = getAddress(accounts[6].address)
const dishonest = getAddress(accounts[5].address)
const depths = 36
const game = own('FaultDisputeGame')

const drill = (...args) => run(viaduct,
  ['dev', '--drill', '--l1-port', '0', '--l2-port', '0', '--log-level', 'warn', ...args], { timeout: 400_000 })

/** The moves that the output tells, from depth 1 on: [who, depth]. */
const moves = (output) => [...output.matchAll(/ s {2}(\w+) +depth +(\d+) {2}(?:attacks|defends) {2}/g)]
  .map(([, who, depth]) => [who, Number(depth)])

/** Every move was told, in its order, and everything behind them; the game's address. */
function checkStory({ code, output, errors }) {
  assert.equal(code, 0, `${output}\n${errors}`)
  assert.deepEqual(moves(output), Array.from({ length: depths }, (_, i) =>
    [i % 2 === 0 ? 'challenger' : 'dishonest', i + 1]))
  const [, address] = output.match(/game +(0x[0-9a-f]{40}), /)
  let at = 0
  for (const line of [
    /user +deposits 0\.5 ether/, /user +withdraws 0\.5 ether/, /dishonest +proposes a false output of block \d+/,
    /depth 36 .*step \d+ of block \d+/, /challenger +has L1 compute step \d+ of block \d+/,
    /challenger +resolves the game: the false output has lost/,
    /challenger +gets \d+ wei from DelayedWETH/, /the false output cost its proposer 2\.72 ether/,
  ]) {
    const found = output.slice(at).search(line)
    assert(found >= 0, `${line} is not told in its place\n${output}`)
    at += found
  }
  assert.match(output, /user +proves the withdrawal by the proposer's output/)
  assert.match(output, /user +finalizes the withdrawal: 0\.5 ether are on L1/)
  return getAddress(address)
}

/** The same by L1's contracts. */
async function checkGame(url, id, address, output) {
  const l1 = new Chain(url, id, { l2: false })
  const read = (name, args = []) => l1.read(address, game.abi, name, args)
  assert.equal(await read('status'), 1) // CHALLENGER_WINS
  assert.equal(await read('gameCreator'), dishonest)
  assert.equal(await read('claimDataLen'), BigInt(depths + 1))
  let due = 0n
  let lost = 0n
  for (let i = 0; i <= depths; i++) {
    const [, counteredBy, claimant, wei, , position] = await read('claimData', [BigInt(i)])
    assert.equal(position.toString(2).length - 1, i)
    assert.equal(claimant, i % 2 === 0 ? dishonest : challenger)
    assert.equal(BigInt(counteredBy), i % 2 === 0 ? BigInt(challenger) : 0n)
    due += wei
    lost += i % 2 === 0 ? wei : 0n
  }
  assert.equal(lost, parseEther('2.72')) // 18 of 0.08 and, at the last depth, 1.28
  assert.match(output, new RegExp(`gets ${due} wei`))
  const [paid, ...others] = await l1.public.getLogs({
    address: await read('weth'), event: parseAbiItem('event Withdrawal(address indexed src, uint256 wad)'),
    args: { src: address }, fromBlock: 0n })
  assert.equal(paid.args.wad, due)
  assert.deepEqual(others, [])
  assert.equal(await read('credit', [challenger]), 0n)
  assert.equal(await read('credit', [dishonest]), 0n)
}

describe('the drill', () => {
  after(cleanUp)

  test('on the embedded L1', bound, async () => {
    checkStory(await drill())
  })

  test('on anvil', bound, async () => {
    const { url } = await startAnvil(['--block-time', '1'])
    const told = await drill('--l1', url)
    await checkGame(url, 31337, checkStory(told), told.output)
  })

  test('on an accepted chain whose blocks come with transactions', bound, async () => {
    const { url } = await startAnvil(['--chain-id', '1337'])
    const refused = await drill('--l1', url)
    assert.equal(refused.code, 1)
    assert.match(refused.errors, /L1 is chain 1337.*--accept-l1 1337/)
    const told = await drill('--l1', url, '--accept-l1', '1337')
    await checkGame(url, 1337, checkStory(told), told.output)
  })

  test('without a challenger it fails, and says of what', bound, async () => {
    const { code, output, errors } = await drill('--no-challenger')
    assert.equal(code, 1)
    assert.match(errors, /drill: nobody has countered the false claim of depth 0 in time/)
    assert.deepEqual(moves(output), [])
  })

  test('what it cannot take is refused', bound, async () => {
    for (const [args, says] of [
      [['--drill', '--datadir', '/nowhere'], /give no --datadir/],
      [['--l1', 'http://127.0.0.1:1'], /--l1 is for the --drill/],
    ]) {
      const { code, errors } = await run(viaduct, ['dev', ...args])
      assert.equal(code, 2)
      assert.match(errors, says)
    }
    const { code, errors } = await drill('--l1', 'http://127.0.0.1:1')
    assert.equal(code, 1)
    assert.match(errors, /drill: L1: /)
  })
})
