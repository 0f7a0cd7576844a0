// What stands in the batch inbox on L1, decoded here (OP Stack specs, derivation: batcher
// transactions, frames, channels, batches): which channel holds which L2 blocks.
import zlib from 'node:zlib'
import { fromRlp } from 'viem'
import { call } from './rpc.mjs'

/** One RLP item: its own bytes, its header cut off, and what follows it. */
function item(bytes) {
  const first = bytes[0]
  if (first < 0x80) return { raw: bytes.subarray(0, 1), content: bytes.subarray(0, 1), rest: bytes.subarray(1) }
  const base = first < 0xc0 ? 0x80 : 0xc0
  const lengthBytes = Math.max(first - base - 55, 0)
  const length = lengthBytes ? Number(BigInt(`0x${bytes.subarray(1, 1 + lengthBytes).toString('hex')}`)) : first - base
  const start = 1 + lengthBytes
  return { raw: bytes.subarray(0, start + length), content: bytes.subarray(start, start + length), rest: bytes.subarray(start + length) }
}

function uvarint(bytes, at) {
  let value = 0n
  for (let shift = 0n; ; shift += 7n) {
    const byte = bytes[at++]
    value |= BigInt(byte & 0x7f) << shift
    if (byte < 0x80) return [Number(value), at]
  }
}

/** The numbers of the L2 blocks in one batch. */
function blocksOf(batch, { genesisTime, blockTime }) {
  const number = (time) => (time - genesisTime) / blockTime
  if (batch[0] === 0) {
    // rlp([parent_hash, epoch_number, epoch_hash, timestamp, transactions])
    const [, , , timestamp] = fromRlp(batch.subarray(1), 'hex')
    return [number(Number(timestamp))]
  }
  // rel_timestamp, l1_origin_num, parent_check and l1_origin_check of 20 bytes each, block_count
  const [relative, afterTime] = uvarint(batch, 1)
  const [, afterOrigin] = uvarint(batch, afterTime)
  const [count] = uvarint(batch, afterOrigin + 40)
  return Array.from({ length: count }, (_, i) => number(genesisTime + relative) + i)
}

function blocksOfChannel(frames, chain) {
  const packed = Buffer.concat(frames)
  // The first byte tells brotli (Fjord) from zlib.
  let bytes = packed[0] === 1 ? zlib.brotliDecompressSync(packed.subarray(1)) : zlib.inflateSync(packed)
  const blocks = []
  while (bytes.length > 0) {
    const { content, rest } = item(bytes)
    blocks.push(...blocksOf(content, chain))
    bytes = rest
  }
  return blocks
}

/** Adds one batcher transaction's frames to the channels, by their id. */
function addFrames(channels, data) {
  let rest = data.subarray(1)
  while (rest.length > 0) {
    const id = rest.subarray(0, 16).toString('hex')
    const end = 22 + rest.readUInt32BE(18)
    const channel = channels.get(id) ?? { frames: [], closed: false }
    channels.set(id, channel)
    channel.frames[rest.readUInt16BE(16)] ??= rest.subarray(22, end)
    channel.closed ||= rest[end] === 1
    rest = rest.subarray(end + 1)
  }
}

/** The channels that are whole on L1, each as the list of its L2 blocks; rollup is rollup.json. */
export async function channelsOnL1(url, rollup) {
  const channels = new Map()
  const tip = Number(await call(url, 'eth_blockNumber'))
  for (let n = 0; n <= tip; n++) {
    const { transactions } = await call(url, 'eth_getBlockByNumber', `0x${n.toString(16)}`, true)
    for (const { to, input } of transactions) {
      if (to === rollup.batch_inbox_address) addFrames(channels, Buffer.from(input.slice(2), 'hex'))
    }
  }
  const chain = { genesisTime: rollup.genesis.l2_time, blockTime: rollup.block_time }
  return [...channels.values()]
    .filter(({ frames, closed }) => closed && !frames.includes(undefined))
    .map(({ frames }) => blocksOfChannel(frames, chain))
}
