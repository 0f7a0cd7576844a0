// Large preimages in the oracle of a chain whose node runs a challenger: it checks what anybody
// proposes there, and a wrong commitment costs its proposer the bond.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { keccakP } from '@noble/hashes/sha3'
import { concat, keccak256, pad, parseEther, toHex } from 'viem'
import { own } from './support/artifacts.mjs'
import { Chain, accounts } from './support/chain.mjs'
import { cleanUp, startDev, waitFor } from './support/harness.mjs'

const bound = { timeout: 240_000 }
const proposer = 3
const bond = parseEther('0.25')
const blockBytes = 136
const atOnce = 500
const oracle = own('PreimageOracle')

/** The commitments to the state of Keccak after each block of a preimage. */
function commitmentsOf(bytes) {
  const padded = new Uint8Array((Math.floor(bytes.length / blockBytes) + 1) * blockBytes)
  padded.set(bytes)
  padded[bytes.length] = 0x01
  padded[padded.length - 1] |= 0x80
  const state = new Uint32Array(50)
  const commitments = []
  for (let at = 0; at < padded.length; at += blockBytes) {
    const words = new DataView(padded.buffer, at, blockBytes)
    for (let i = 0; i < blockBytes / 4; i++) state[i] ^= words.getUint32(4 * i, true)
    keccakP(state)
    const lanes = Array.from({ length: 25 }, (_, i) =>
      pad(toHex(BigInt(state[2 * i + 1]) << 32n | BigInt(state[2 * i])), { size: 32 }))
    commitments.push(keccak256(concat(lanes)))
  }
  return commitments
}

describe('large preimages', () => {
  let dev
  let l1
  let address

  const read = (name, ...args) => l1.read(address, oracle.abi, name, args)
  const isCountered = async (uuid) =>
    (await read('proposalMetadata', accounts[proposer].address, uuid)).endsWith('1')

  async function propose(uuid, bytes, commitments) {
    await l1.write(proposer, address, oracle.abi, 'initLPP', [uuid, 8, bytes.length], { value: bond })
    for (let at = 0; at < commitments.length; at += atOnce) {
      const end = Math.min(at + atOnce, commitments.length)
      await l1.write(proposer, address, oracle.abi, 'addLeavesLPP', [
        uuid, BigInt(at), toHex(bytes.subarray(at * blockBytes, end * blockBytes)),
        commitments.slice(at, end), end === commitments.length,
      ])
    }
  }

  before(async () => {
    dev = await startDev()
    l1 = new Chain(dev.info.l1.rpc, dev.info.l1.chainId, { l2: false })
    address = dev.info.contracts.PreimageOracle
  }, bound)
  after(cleanUp)

  test('a wrong one is refuted, wherever it is wrong, a right one is not', bound, async () => {
    const bytes = Uint8Array.from({ length: 130_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff)
    const right = commitmentsOf(bytes)
    const wrong = [0, 1, atOnce, right.length - 1]
    await propose(100n, bytes, right)
    for (const [i, block] of wrong.entries()) {
      await propose(BigInt(i), bytes, right.with(block, keccak256(toHex(block))))
    }
    for (const i of wrong.keys()) {
      await waitFor(`proposal ${i} to be refuted`, () => isCountered(BigInt(i)), { timeout: 60_000 })
      assert.equal(await read('proposalBonds', accounts[proposer].address, BigInt(i)), 0n)
    }
    assert.equal(await isCountered(100n), false)
    assert.equal(await read('proposalBonds', accounts[proposer].address, 100n), bond)
  })
})
