// Compiled contracts: ours, and Uniswap's as its packages publish them.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const root = new URL('../../../', import.meta.url);

function own(name) {
  return JSON.parse(readFileSync(new URL(`contracts/artifacts/${name}.json`, root), 'utf8'));
}

function uniswap(path) {
  const { abi, bytecode } = require(`@uniswap/${path}.json`);
  return { abi, bytecode: bytecode.startsWith('0x') ? bytecode : `0x${bytecode}` };
}

export const Token = own('Token');
export const LogSource = own('LogSource');
export const L2ToL1MessagePasser = own('L2ToL1MessagePasser');
export const Factory = uniswap('v2-core/build/UniswapV2Factory');
export const Pair = uniswap('v2-core/build/UniswapV2Pair');
export const Router = uniswap('v2-periphery/build/UniswapV2Router02');
export const Weth = uniswap('v2-periphery/build/WETH9');
