// What /readyz says when the node is up but its chain stands still: the disk is full, the disk does
// not sync, a deposit reaches a precompile that this build lacks.
import assert from 'node:assert/strict'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, describe, test } from 'node:test'
import * as artifacts from './support/artifacts.mjs'
import { found, sameChain, startSequencer, startVerifier } from './support/found.mjs'
import { cleanUp, run, temporaryFolder, viaduct, waitFor } from './support/harness.mjs'

const bound = { timeout: 180_000 }

async function readyz(url) {
  const response = await fetch(`${url}/readyz`)
  return { status: response.status, text: await response.text() }
}

/** Waits until /readyz answers so. */
async function says(url, status, pattern) {
  await waitFor(`/readyz ${status} ${pattern}`, async () => {
    const now = await readyz(url)
    if (now.status !== status || !pattern.test(now.text)) throw new Error(JSON.stringify(now))
    return true
  }, { timeout: 60_000 })
  assert.equal((await fetch(`${url}/healthz`)).status, 200)
}

describe('a disk that fails', () => {
  after(cleanUp)
  const shim = join(dirname(viaduct), 'failing_disk.so')
  const control = join(temporaryFolder(), 'fault')
  const fault = (text) => writeFileSync(control, text)
  const env = { LD_PRELOAD: shim, FAILING_DISK: control }
  const options = { ...bound, skip: !existsSync(shim) && 'failing_disk.so is not built' }
  let base
  let sequencer

  test('a full one: not ready until there is space again', options, async () => {
    base = await found()
    sequencer = await startSequencer(base, undefined, { env })
    await says(sequencer.url, 200, /^ready\n$/)
    for (const file of ['/journal', '/data.mdb']) {
      fault(`full ${file}`)
      await says(sequencer.url, 503, /^no space left in the node's folder\n$/)
      await sequencer.child.printed(new RegExp(`no space left for the (journal|database) in ${sequencer.datadir}`))
      rmSync(control)
      await says(sequencer.url, 200, /^ready\n$/)
    }
    const head = await sequencer.chain.public.getBlockNumber()
    await waitFor('a block after that', async () => await sequencer.chain.public.getBlockNumber() > head)
  })

  test('a sync that fails: not ready until a restart', options, async () => {
    fault('sync /data.mdb')
    const broken = /^writing to the node's folder failed; restart the node\n$/
    await says(sequencer.url, 503, broken)
    rmSync(control)
    await says(sequencer.url, 503, broken)
    await sequencer.child.stop()
    const again = await startSequencer(base, sequencer.datadir)
    await says(again.url, 200, /^ready\n$/)
  })
})

describe('a deposit that reaches a precompile this build lacks', () => {
  after(cleanUp)
  const ecMul = `0x${'07'.padStart(40, '0')}`
  const named = new RegExp(`reaches precompile ${ecMul}, which this build lacks`)

  test('halts sequencer and verifier, and both name it', bound, async () => {
    // So short a window that what has to stand in the next blocks is soon derived without a batch.
    const base = await found({ window: 12 })
    const sequencer = await startSequencer(base)
    const verifier = await startVerifier(base)
    await says(sequencer.url, 200, /^ready\n$/)
    await says(verifier.url, 200, /^ready\n$/)
    await base.l1.write(0, base.portal, artifacts.logSource.abi, 'depositTransaction',
      [ecMul, 0n, 100_000n, false, '0x'])
    await says(sequencer.url, 503, named)
    assert.match((await readyz(sequencer.url)).text, /^the sequencer cannot open a block: transaction 1 /)
    await says(verifier.url, 503, named)
    await sequencer.child.printed(/this build does not have a rule that a block needs/, 60_000)
    await says(sequencer.url, 503, named)
    await sameChain(sequencer.chain, verifier.chain)
  })
})

describe('an address that cannot be listened on', () => {
  for (const host of ['999.1.1.1', 'nowhere.invalid']) {
    test(`${host}: says why`, bound, async () => {
      const { code, errors } = await run(viaduct, ['dev', '--http-host', host, '--l1-port', '0', '--l2-port', '0'])
      assert.equal(code, 1)
      assert.match(errors, new RegExp(`cannot listen on ${host} port 0: not an IPv4 or IPv6 address`))
    })
  }
})
