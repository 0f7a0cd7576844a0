// The canonical chain of one layer, kept over reorganisations: its blocks, transactions and logs.
import { post } from './rpc.mjs'

/** The chain changed under a reader: read again. */
export class Moved extends Error {}

export const hex = (number) => `0x${number.toString(16)}`

const most = 500 // requests in one batch

/** Calls many methods at once; the results in order.  Null where the answer is an error. */
export async function batch(url, calls, { errors = false } = {}) {
  if (calls.length === 0) return []
  if (calls.length > most) {
    return [...await batch(url, calls.slice(0, most), { errors }), ...await batch(url, calls.slice(most), { errors })]
  }
  const answers = await post(url, calls.map(([method, ...params], id) => ({ jsonrpc: '2.0', id, method, params })), 60_000)
  if (!Array.isArray(answers)) throw new Error(`batch: ${JSON.stringify(answers)}`)
  const sorted = []
  for (const answer of answers) sorted[answer.id] = answer
  return sorted.map((answer) => (answer.error ? (errors ? answer : null) : answer.result))
}

const step = 100

export class History {
  constructor(url) {
    this.url = url
    this.blocks = [] // by number
  }

  get head() {
    return this.blocks.at(-1)
  }

  /** Fetches what is new, from the newest block that is still on the chain. */
  async sync() {
    const top = Number((await batch(this.url, [['eth_blockNumber']]))[0])
    const fresh = [] // from the top down
    for (let end = top; end >= 0; end -= step) {
      const start = Math.max(0, end - step + 1)
      const part = await this.fetch(start, end)
      if (fresh.length > 0 && fresh.at(-1).parentHash !== part.at(-1).hash) throw new Moved('while it was read')
      for (const block of part.reverse()) {
        if (this.blocks[block.number]?.hash === block.hash) return this.replace(fresh, top)
        fresh.push(block)
      }
    }
    return this.replace(fresh, top)
  }

  replace(fresh, top) {
    fresh.reverse()
    if (fresh.length > 0) this.blocks.splice(fresh[0].number, Infinity, ...fresh)
    else this.blocks.length = top + 1 // the chain may have become shorter
  }

  async fetch(start, end) {
    const numbers = Array.from({ length: end - start + 1 }, (_, i) => start + i)
    const answers = await batch(this.url, [
      ['eth_getLogs', { fromBlock: hex(start), toBlock: hex(end) }],
      ...numbers.map((n) => ['eth_getBlockByNumber', hex(n), true]),
    ])
    const [logs, ...blocks] = answers
    if (!logs || blocks.includes(null)) throw new Moved('blocks that were there')
    for (let i = 0; i < blocks.length; i++) {
      const block = blocks[i]
      block.number = Number(block.number)
      block.logs = []
      if (i > 0 && block.parentHash !== blocks[i - 1].hash) throw new Moved('between two blocks')
    }
    for (const log of logs) {
      const block = blocks[Number(log.blockNumber) - start]
      if (log.blockHash !== block.hash) throw new Moved('between block and logs')
      block.logs.push(log)
    }
    return blocks
  }

  /** Of one contract's event in blocks up to a number, in order. */
  logs(upTo, address, topic) {
    const at = address.toLowerCase()
    return this.blocks.slice(0, upTo + 1).flatMap((block) =>
      block.logs.filter((log) => log.address === at && log.topics[0] === topic))
  }
}
