// ABI and bytecode of the contracts that the tests deploy.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { repository } from './harness.mjs'

const require = createRequire(import.meta.url)

/** One of ours, as committed. */
export function own(name) {
  const file = join(repository, 'contracts', 'artifacts', `${name}.json`)
  const { abi, bytecode } = JSON.parse(readFileSync(file, 'utf8'))
  return { abi, bytecode }
}

/** One of Uniswap's, as its packages publish it. */
function uniswap(path) {
  const { abi, bytecode } = require(path)
  return { abi, bytecode: bytecode.startsWith('0x') ? bytecode : `0x${bytecode}` }
}

export const token = own('Token')
export const logSource = own('LogSource')
export const factory = uniswap('@uniswap/v2-core/build/UniswapV2Factory.json')
export const pair = uniswap('@uniswap/v2-core/build/UniswapV2Pair.json')
export const router = uniswap('@uniswap/v2-periphery/build/UniswapV2Router02.json')
export const weth = uniswap('@uniswap/v2-periphery/build/WETH9.json')
