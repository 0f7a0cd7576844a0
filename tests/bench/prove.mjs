// Figures of the fault proof of single blocks on a development chain: steps, seconds, memory,
// preimages.  Called by run.sh; no assertions.
//   prove.mjs VIADUCT OUT.json [IMAGE]
import { createRequire } from 'node:module'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

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

async function prove(what, dev, number) {
  await waitFor(`block ${number} to be safe`,
    async () => (await call(dev.info.l2.rpc, 'optimism_syncStatus')).safe_l2.number >= number, { timeout: 60_000 })
  const block = await call(dev.info.l2.rpc, 'eth_getBlockByNumber', `0x${number.toString(16)}`, false)
  const { code, output, errors } = await run(process.argv[2], ['prove', '--json', '--datadir', join(datadir, 'l2'),
    '--rollup', join(datadir, 'rollup.json'), '--l1', dev.info.l1.rpc, '--from', String(number - 1), ...image],
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
    await prove(what, dev, (await fill(l2, wallet, [{ data: burner(body), gasLimit: 60_000_000 }])).number)
  }
} finally {
  await cleanUp()
}
for (const r of rows) {
  console.log(`${r.what.padEnd(34)} ${String(r.transactions).padStart(4)} txs ${String(r.gas).padStart(9)} gas ` +
    `${String(r.steps).padStart(12)} steps ${r.nativeSeconds.toFixed(3)} s native ${r.machineSeconds.toFixed(3)} s machine ` +
    `${r.witnessSeconds.toFixed(3)} s witness ${r.preimages} preimages ${r.preimageBytes} bytes ${r.peakMb} MB ${r.status}`)
}
writeFileSync(process.argv[3], `${JSON.stringify(rows, null, 2)}\n`)
process.exit(0)
