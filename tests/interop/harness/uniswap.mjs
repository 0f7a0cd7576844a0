// A market on Uniswap v2: what a user of any EVM chain does first, and a deep stack of contracts
// that call each other.
import assert from 'node:assert/strict';

import { maxUint256, parseEther } from 'viem';

import { Factory, Pair, Router, Token, Weth } from './artifacts.mjs';
import { deploy, mined } from './clients.mjs';

const LIQUIDITY = parseEther('1000');
const SWAP = parseEther('1');

// What the pair's invariant gives for an input after Uniswap's fee of 0.3 %.
export function outputOf(input, reserveIn, reserveOut) {
  return (input * 997n * reserveOut) / (reserveIn * 1000n + input * 997n);
}

// trade deploys the exchange and two tokens, opens a market, swaps there and back, sells ether, and
// checks every amount by the formula above.  It returns the addresses and the last block.
export async function trade(clients) {
  const { reader, wallet } = clients;
  const me = wallet.account.address;
  const a = await deploy(clients, Token, ['Apple', 'APL', parseEther('1000000')]);
  const b = await deploy(clients, Token, ['Berry', 'BRY', parseEther('1000000')]);
  const weth = await deploy(clients, Weth);
  const factory = await deploy(clients, Factory, [me]);
  const router = await deploy(clients, Router, [factory, weth]);

  // An estimate runs at the latest block's timestamp.  The pair writes two more words in the first
  // call of a later second, so, like every user of Uniswap, ask for half as much again.
  const send = async (address, abi, functionName, args, value) => {
    const call = { address, abi, functionName, args, value };
    const estimate = await reader.estimateContractGas({ ...call, account: wallet.account });
    const gas = (estimate * 3n) / 2n;
    return mined(reader, await wallet.writeContract({ ...call, gas }));
  };
  const read = (address, abi, functionName, args = []) =>
    reader.readContract({ address, abi, functionName, args });
  const deadline = BigInt(Math.floor(Date.now() / 1000) + 3600);

  await send(a, Token.abi, 'approve', [router, maxUint256]);
  await send(b, Token.abi, 'approve', [router, maxUint256]);
  await send(router, Router.abi, 'addLiquidity',
    [a, b, LIQUIDITY, 2n * LIQUIDITY, 0n, 0n, me, deadline]);
  const pair = await read(factory, Factory.abi, 'getPair', [a, b]);
  const firstIsA = (await read(pair, Pair.abi, 'token0')).toLowerCase() === a.toLowerCase();
  const reserves = async () => {
    const [r0, r1] = await read(pair, Pair.abi, 'getReserves');
    return firstIsA ? [r0, r1] : [r1, r0];
  };
  assert.deepEqual(await reserves(), [LIQUIDITY, 2n * LIQUIDITY]);

  const before = await read(b, Token.abi, 'balanceOf', [me]);
  const bought = outputOf(SWAP, LIQUIDITY, 2n * LIQUIDITY);
  await send(router, Router.abi, 'swapExactTokensForTokens', [SWAP, bought, [a, b], me, deadline]);
  assert.equal(await read(b, Token.abi, 'balanceOf', [me]), before + bought);
  assert.deepEqual(await reserves(), [LIQUIDITY + SWAP, 2n * LIQUIDITY - bought]);

  await send(router, Router.abi, 'addLiquidityETH', [a, LIQUIDITY, 0n, 0n, me, deadline],
    parseEther('10'));
  const sold = await read(router, Router.abi, 'getAmountsOut', [SWAP, [weth, a, b]]);
  const receipt = await send(router, Router.abi, 'swapExactETHForTokens',
    [sold[2], [weth, a, b], me, deadline], SWAP);
  assert.equal(sold[1], outputOf(SWAP, parseEther('10'), LIQUIDITY));
  assert.equal(await read(b, Token.abi, 'balanceOf', [me]), before + bought + sold[2]);
  return { a, b, weth, factory, router, pair, block: receipt.blockNumber };
}
