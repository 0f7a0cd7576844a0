// Uniswap v2 as its packages publish it: two tokens, a pool, a trade, ether through WETH.
import assert from 'node:assert/strict'
import { parseEther, parseEventLogs } from 'viem'
import * as artifacts from '../support/artifacts.mjs'
import { accounts } from '../support/chain.mjs'

/** What the constant-product rule pays for an input, after the fee of 0.3 %. */
const amountOut = (input, reserveIn, reserveOut) =>
  (input * 997n * reserveOut) / (reserveIn * 1000n + input * 997n)

export async function uniswap(chain, { from = 3 } = {}) {
  const me = accounts[from].address
  const { factory, pair, router, weth, token } = artifacts
  const wethAddress = await chain.deploy(from, weth)
  const factoryAddress = await chain.deploy(from, factory, [me])
  const routerAddress = await chain.deploy(from, router, [factoryAddress, wethAddress])
  const supply = parseEther('1000000')
  const a = await chain.deploy(from, token, ['A', 'A', supply])
  const b = await chain.deploy(from, token, ['B', 'B', supply])
  for (const address of [a, b]) {
    await chain.write(from, address, token.abi, 'approve', [routerAddress, supply])
  }
  // More than an estimate: in the next second the pool also writes its price accumulators.
  const gas = 5_000_000n
  const deadline = (await chain.public.getBlock()).timestamp + 3600n
  await chain.write(from, routerAddress, router.abi, 'addLiquidity',
    [a, b, parseEther('1000'), parseEther('4000'), 0n, 0n, me, deadline], { gas })
  const pool = await chain.read(factoryAddress, factory.abi, 'getPair', [a, b])
  const reserves = async () => {
    const [r0, r1] = await chain.read(pool, pair.abi, 'getReserves')
    const first = await chain.read(pool, pair.abi, 'token0')
    return first.toLowerCase() === a.toLowerCase() ? [r0, r1] : [r1, r0]
  }
  assert.deepEqual(await reserves(), [parseEther('1000'), parseEther('4000')])
  // Square root of the product, less the thousand units that nobody owns.
  assert.equal(await chain.read(pool, pair.abi, 'balanceOf', [me]), parseEther('2000') - 1000n)

  const input = parseEther('10')
  const expected = amountOut(input, parseEther('1000'), parseEther('4000'))
  const before = await chain.read(b, token.abi, 'balanceOf', [me])
  const receipt = await chain.write(from, routerAddress, router.abi, 'swapExactTokensForTokens',
    [input, expected, [a, b], me, deadline], { gas })
  assert.equal(await chain.read(b, token.abi, 'balanceOf', [me]), before + expected)
  assert.deepEqual(await reserves(), [parseEther('1010'), parseEther('4000') - expected])
  const [swap] = parseEventLogs({ abi: pair.abi, eventName: 'Swap', logs: receipt.logs })
  assert.equal(swap.args.amount0Out + swap.args.amount1Out, expected)

  await chain.write(from, routerAddress, router.abi, 'addLiquidityETH',
    [a, parseEther('100'), 0n, 0n, me, deadline], { gas, value: parseEther('1') })
  await chain.write(from, routerAddress, router.abi, 'swapExactETHForTokens',
    [0n, [wethAddress, a], me, deadline], { gas, value: parseEther('0.1') })
  await assert.rejects(chain.public.simulateContract({
    address: routerAddress, abi: router.abi, functionName: 'swapExactTokensForTokens', account: accounts[from],
    args: [input, 0n, [a, b], me, 1n],
  }), /UniswapV2Router: EXPIRED/)
  await assert.rejects(chain.public.simulateContract({
    address: routerAddress, abi: router.abi, functionName: 'swapExactTokensForTokens', account: accounts[from],
    args: [input, supply, [a, b], me, deadline],
  }), /UniswapV2Router: INSUFFICIENT_OUTPUT_AMOUNT/)
  return { pool }
}
