// Figures of the whole node: start to serving, memory, transfers per second, bytes on L1, with anvil
// as the peer in the same run where it is installed.  Called by run.sh; no assertions.
//   node.mjs VIADUCT OUT.json
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

process.env.VIADUCT = process.argv[2]
const { anvil, cleanUp, run, sleep, startAnvil, startDev, temporaryFolder, waitFor } =
  await import('../interop/support/harness.mjs')
const { call } = await import('../interop/support/rpc.mjs')

const generator = join(dirname(process.argv[2]), 'load')
const transfers = Number(process.env.BENCH_TRANSFERS ?? 50000)
const rows = []
const row = (what, value, unit, who = 'viaduct') => rows.push({ what, who, value, unit })

const residentMb = (pid) =>
  Number((readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+) kB/)[1] / 1024).toFixed(1))

/** Asynchronous: what the server prints has to be read meanwhile, or it stops. */
async function load(url, chainId, options) {
  const { code, output, errors } = await run(generator,
    ['--port', new URL(url).port, '--chain', String(chainId), ...options], { timeout: 300_000 })
  if (code !== 0) throw new Error(`load generator: ${errors}`)
  return { ...JSON.parse(output), complaint: errors.trim() }
}

function report(name, result, who) {
  row(`transfers acknowledged, ${name}`, result.per_second, '1/s', who)
  row(`latency p50, ${name}`, result.p50_ms, 'ms', who)
  row(`latency p99, ${name}`, result.p99_ms, 'ms', who)
  if (result.refused) row(`refused, ${name} (${result.complaint})`, result.refused, '', who)
}

/** As fast as it goes, then at half that rate. */
async function loads(url, chainId, who) {
  const single = await load(url, chainId, ['--transfers', String(transfers)])
  report('single requests', single, who)
  report('batches of 100', await load(url, chainId, ['--transfers', String(transfers), '--batch', '100', '--pipeline', '2']), who)
  const rate = Math.max(100, Math.floor(single.per_second / 2))
  report('single, half of that rate', await load(url, chainId, ['--transfers', String(rate * 5), '--rate', String(rate)]), who)
}

/** Bytes of calldata to the inbox in L1's blocks, without the transactions' envelopes. */
async function inboxBytes(l1, inbox) {
  const head = Number(await call(l1, 'eth_blockNumber'))
  let bytes = 0
  for (let n = 1; n <= head; n++) {
    const block = await call(l1, 'eth_getBlockByNumber', `0x${n.toString(16)}`, true)
    for (const sent of block.transactions) {
      if (sent.to?.toLowerCase() === inbox.toLowerCase()) bytes += (sent.input.length - 2) / 2
    }
  }
  return bytes
}

async function transfersUpTo(l2, number) {
  let count = 0
  for (let n = 1; n <= number; n++) {
    count += Number(await call(l2, 'eth_getBlockTransactionCountByNumber', `0x${n.toString(16)}`)) - 1
  }
  return count
}

const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)]
try {
  const starts = []
  for (let i = 0; i < 5; i++) {
    const dev = await startDev()
    starts.push(dev.startMs)
    await dev.child.stop()
  }
  row('start to serving, both chains (median of 5)', Math.round(median(starts)), 'ms')

  // With a folder of its own, so that what is acknowledged is durable.
  const dev = await startDev({ datadir: temporaryFolder() })
  await sleep(5000)
  row('resident memory, idle, both chains', residentMb(dev.child.pid), 'MB')
  const { l1, l2, contracts } = dev.info
  await loads(l2.rpc, l2.chainId, 'viaduct')
  row('resident memory after the load', residentMb(dev.child.pid), 'MB')
  const head = Number(await call(l2.rpc, 'eth_blockNumber'))
  await waitFor('the load to be safe',
    async () => (await call(l2.rpc, 'optimism_syncStatus')).safe_l2.number >= head, { timeout: 120_000, interval: 500 })
  const bytes = await inboxBytes(l1.rpc, contracts.BatchInbox)
  const posted = await transfersUpTo(l2.rpc, (await call(l2.rpc, 'optimism_syncStatus')).safe_l2.number)
  row('bytes on L1 per transfer', Number((bytes / posted).toFixed(1)), 'B')
  await dev.child.stop()

  if (existsSync(anvil)) {
    const peer = await startAnvil(['--block-time', '1', '--gas-limit', '400000000'])
    try {
      await loads(peer.url, 31337, 'anvil')
    } catch (error) {
      console.error(`anvil's figures end early: ${error.message}`)
    }
    await peer.child.stop()
  } else {
    console.error('SKIPPED: anvil is not installed; npm ci in tests/interop')
  }
} finally {
  await cleanUp()
}
const wide = Math.max(...rows.map((one) => one.what.length))
for (const { what, who, value, unit } of rows) {
  console.log(`${what.padEnd(wide)}  ${who.padEnd(8)} ${String(value ?? '-').padStart(10)} ${unit}`)
}
writeFileSync(process.argv[3], `${JSON.stringify(rows, null, 2)}\n`)
process.exit(0)
