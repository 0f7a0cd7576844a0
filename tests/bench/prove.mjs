// Figures of the fault proof of single blocks, in one table: steps, seconds, memory, preimages.  Blocks
// of a development chain in the whole guest, and real blocks of the OP Stack in the execution image,
// where VD_VECTORS is set.  Called by run.sh; no assertions.
//   prove.mjs VIADUCT OUT.json [IMAGE]
import { createRequire } from 'node:module'
import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

process.env.VIADUCT = process.argv[2]
const { cleanUp, run, startDev, temporaryFolder, waitFor } = await import('../interop/support/harness.mjs')
const { call, post } = await import('../interop/support/rpc.mjs')
const { token } = await import('../interop/support/artifacts.mjs')
const { ethers } = createRequire(join(import.meta.dirname, '..', 'interop', 'x.js'))('ethers')

const image = process.argv[4] ? ['--image', process.argv[4]] : []
const datadir = temporaryFolder()
const rows = []

/** Signs what makers give and sends it in one request; resolves to the block that holds most of it. */
async function fill(l2, wallet, requests) {
  let nonce = Number(await call(l2.rpc, 'eth_getTransactionCount', wallet.address, 'pending'))
  const raws = []
  for (const request of requests) {
    raws.push(await wallet.signTransaction({
      type: 2, chainId: l2.chainId, nonce: nonce++, maxFeePerGas: 2_000_000_000n,
      maxPriorityFeePerGas: 1_000_000n, ...request,
    }))
  }
  const before = await call(l2.rpc, 'eth_blockNumber')
  await waitFor('a new block', async () => (await call(l2.rpc, 'eth_blockNumber')) !== before, { interval: 5 })
  const answers = await post(l2.rpc, raws.map((raw, id) => ({ jsonrpc: '2.0', id, method: 'eth_sendRawTransaction', params: [raw] })))
  const list = answers.json ?? answers
  const hash = list[list.length - 1].result
  const receipt = await waitFor('a receipt', async () => (await call(l2.rpc, 'eth_getTransactionReceipt', hash)) ?? undefined)
  return { number: Number(receipt.blockNumber), address: receipt.contractAddress }
}

/** The witness that is asked for is the one of `step`, wherever that is in the run. */
async function prove(what, dev, number, step = 1_234_567) {
  await waitFor(`block ${number} to be safe`,
    async () => (await call(dev.info.l2.rpc, 'optimism_syncStatus')).safe_l2.number >= number, { timeout: 60_000 })
  const block = await call(dev.info.l2.rpc, 'eth_getBlockByNumber', `0x${number.toString(16)}`, false)
  const { code, output, errors } = await run(process.argv[2], ['prove', '--json', '--datadir', join(datadir, 'l2'),
    '--rollup', join(datadir, 'rollup.json'), '--l1', dev.info.l1.rpc, '--from', String(number - 1), '--step', String(step), ...image],
  { timeout: 600_000 })
  if (code !== 0) throw new Error(`${what}: ${errors}`)
  const r = JSON.parse(output)
  rows.push({
    what, transactions: block.transactions.length - 1, gas: Number(block.gasUsed), steps: r.steps, status: r.status,
    nativeSeconds: r.nativeSeconds, machineSeconds: r.machineSeconds, witnessSeconds: r.witnessSeconds,
    preimages: r.preimages, preimageBytes: r.preimageBytes, peakMb: Math.round(r.peakBytes / 2 ** 20),
  })
}

const random = () => ethers.hexlify(ethers.randomBytes(20))
/** Init code that computes one instruction over and over until its gas is gone. */
const burner = (body) => `0x5b${body.repeat(200)}5f56`
const word = 'ff'.repeat(31)
const hex = (number, bytes) => number.toString(16).padStart(2 * bytes, '0')
/** The same with modexp of 32 bytes each and an even modulus, the dearest use of gas that is known. */
const modexpBurner = () => {
  const input = `${hex(32, 32).repeat(3)}${'ff'.repeat(32)}${'ff'.repeat(32)}${'ff'.repeat(31)}00`
  const loop = `5b${'5f5f60c05f60055afa50'.repeat(200)}600756`
  return `0x60c061${hex(7 + loop.length / 2, 2)}5f39${loop}${input}`
}

/** Rows of the real blocks, as the conformance test prints them. */
async function realBlocks() {
  const program = join(dirname(process.argv[2]), 'conformance.test_execution_image')
  if (!process.env.VD_VECTORS || !existsSync(program)) {
    console.log('SKIPPED: real blocks (VD_VECTORS is not set or conformance.test_execution_image not built)')
    return
  }
  const { output } = await run(program, [], { timeout: 600_000 })
  for (const [, block, preimages, bytes, million, seconds] of output.matchAll(
    /(\d+): (\d+) preimages, (\d+) bytes\n +exit 0 after ([\d.]+) million steps, ([\d.]+) s/g)) {
    rows.push({
      what: `OP Sepolia ${block}, execution image`, steps: Math.round(million * 1e6), status: 'valid',
      machineSeconds: Number(seconds), preimages: Number(preimages), preimageBytes: Number(bytes),
    })
  }
}

const median = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b)
  return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.floor(sorted.length / 2)]) / 2
}

try {
  const dev = await startDev({ datadir })
  const { l2, accounts } = dev.info
  const wallet = new ethers.Wallet(accounts[0].key)
  const empty = Number(await call(l2.rpc, 'eth_blockNumber')) + 1
  await prove('empty', dev, empty)
  await prove('100 transfers', dev, (await fill(l2, wallet,
    Array.from({ length: 100 }, (_, i) => ({ to: random(), value: 10n ** 15n + BigInt(i), gasLimit: 21000 })))).number)
  const coin = (await fill(l2, wallet, [{ data: token.bytecode +
    ethers.AbiCoder.defaultAbiCoder().encode(token.abi.find((one) => one.type === 'constructor').inputs.map((one) => one.type),
      token.abi.find((one) => one.type === 'constructor').inputs.map((one) => (one.type === 'string' ? 'Coin' : 10n ** 24n))).slice(2),
  gasLimit: 3_000_000 }])).address
  const erc20 = new ethers.Interface(['function transfer(address,uint256)'])
  await prove('100 ERC-20 transfers', dev, (await fill(l2, wallet, Array.from({ length: 100 },
    (_, i) => ({ to: coin, data: erc20.encodeFunctionData('transfer', [random(), 1000 + i]), gasLimit: 100_000 })))).number)
  for (const [what, body] of [['60 M gas of MULMOD', `7f${word}fd7f${word}fb7f${word}f90950`],
    ['60 M gas of KECCAK256 of 32 bytes', '60205f2050'], ['60 M gas of DIV', `7f${'ab'.repeat(20)}${'00'.repeat(12)}7f${word}f10450`]]) {
    await prove(what, dev, (await fill(l2, wallet, [{ data: burner(body), gasLimit: 60_000_000 }])).number, 1_234_567_890)
  }
  await prove('60 M gas of modexp, the worst', dev,
    (await fill(l2, wallet, [{ data: modexpBurner(), gasLimit: 60_000_000 }])).number, 1_234_567_890)
  await realBlocks()
} finally {
  await cleanUp()
}
const seconds = (number) => (number === undefined ? '' : number.toFixed(3))
const print = (first, ...cells) => console.log(first.padEnd(38) + cells.map((cell) => String(cell ?? '').padStart(12)).join(''))
print('block', 'gas', 'steps', 'native, s', 'machine, s', 'witness, s', 'in all, s', 'preimages', 'bytes', 'peak, MB', 'status')
for (const r of rows) {
  r.allSeconds = r.nativeSeconds === undefined ? undefined : r.nativeSeconds + r.machineSeconds + r.witnessSeconds
  print(r.what, r.gas, r.steps, seconds(r.nativeSeconds), seconds(r.machineSeconds), seconds(r.witnessSeconds),
    seconds(r.allSeconds), r.preimages, r.preimageBytes, r.peakMb, r.status)
}
// Programs of over 500 million steps: how long making the image takes does not count there.
const speeds = rows.filter(({ steps }) => steps > 5e8).map(({ steps, machineSeconds }) => steps / machineSeconds / 1e6)
console.log(`the machine's speed, median of the ${speeds.length} longest: ${Math.round(median(speeds))} million instructions a second`)
writeFileSync(process.argv[3], `${JSON.stringify({ rows, speeds }, null, 2)}\n`)
process.exit(0)
