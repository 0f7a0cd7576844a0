// Transfers without pause, with a record of what was acknowledged.
import assert from 'node:assert/strict'
import { keccak256 } from 'viem'
import { accounts } from './chain.mjs'
import { sleep, waitFor } from './harness.mjs'
import { call } from './rpc.mjs'

export class Load {
  /** sync: acknowledgement means a preconfirmed receipt. */
  constructor(chain, from, { sync = true, pauseMs = 10 } = {}) {
    Object.assign(this, { chain, from, sync, pauseMs })
    this.acknowledged = []
    this.refused = new Map()
    this.stopping = false
  }

  start() {
    this.done = this.#work()
    return this
  }

  async #work() {
    const account = accounts[this.from]
    let nonce
    let value = 1n
    while (!this.stopping) {
      try {
        nonce ??= Number(await call(this.chain.url, 'eth_getTransactionCount', account.address, 'pending'))
        const raw = await account.signTransaction({
          chainId: this.chain.id, type: 'eip1559', to: '0x00000000000000000000000000000000000010ad',
          value: value++, gas: 21000n, nonce, maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1n,
        })
        const method = this.sync ? 'eth_sendRawTransactionSync' : 'eth_sendRawTransaction'
        const answer = await call(this.chain.url, method, raw)
        this.acknowledged.push({ hash: keccak256(raw), nonce, receipt: this.sync ? answer : undefined })
        nonce++
      } catch (error) {
        // The node is gone, or L1 took blocks back: the next nonce has to be asked for again.
        this.refused.set(error.message, (this.refused.get(error.message) ?? 0) + 1)
        nonce = undefined
        await sleep(50)
      }
      await sleep(this.pauseMs)
    }
  }

  async stop() {
    this.stopping = true
    await this.done
    return this.acknowledged
  }
}

/** Every acknowledged transfer has its receipt, in nonce order. */
export async function allIncluded(chain, acknowledged) {
  let last = [-1, -1]
  for (const { hash, nonce } of acknowledged) {
    const receipt = await waitFor(`the receipt of transfer ${nonce}`,
      async () => (await call(chain.url, 'eth_getTransactionReceipt', hash)) ?? undefined)
    const place = [Number(receipt.blockNumber), Number(receipt.transactionIndex)]
    assert(place[0] > last[0] || (place[0] === last[0] && place[1] > last[1]), `transfer ${nonce} out of order`)
    last = place
  }
}
