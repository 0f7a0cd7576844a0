// The bridge in both directions, by viem's op-stack actions and by `viaduct bridge`.
import { after, before, describe, test } from 'node:test'
import { parseEther } from 'viem'
import * as bridge from './scenarios/bridge.mjs'
import { Rollup } from './support/bridge.mjs'
import { cleanUp, startDev } from './support/harness.mjs'

const bound = { timeout: 240_000 }

describe('a development chain', () => {
  let dev
  let rollup
  before(async () => {
    dev = await startDev()
    rollup = new Rollup(dev.info)
  }, bound)
  after(async () => {
    if (process.env.INTEROP_VERBOSE) console.error(dev?.child.tail())
    await cleanUp()
  })

  test('viem: ETH deposited', bound, () => bridge.depositEth(rollup, 0, parseEther('1')))
  test('viem: ETH withdrawn, proven, finalized', bound, () => bridge.withdrawEth(rollup, 0))
})
