// A chain founded on anvil, its sequencer and a verifier.
import assert from 'node:assert/strict'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as rollup from '../scenarios/rollup.mjs'
import * as artifacts from './artifacts.mjs'
import { Chain, accounts, keys } from './chain.mjs'
import { run, startAnvil, startNode, temporaryFolder, viaduct, waitFor } from './harness.mjs'
import { call } from './rpc.mjs'

export const batcher = 9
const l2Id = 5901
const ether = 10n ** 18n

/** An L1 with stand-ins for the portal and the system config, and a chain founded on it. */
export async function found({ slots = 4, l1BlockTime = 1, l2BlockTime = 1, window = 3600, anvilArgs = [] } = {}) {
  const anvil = await startAnvil(['--block-time', String(l1BlockTime), '--slots-in-an-epoch', String(slots), ...anvilArgs])
  const l1 = new Chain(anvil.url, 31337, { l2: false })
  const portal = await l1.deploy(0, artifacts.logSource)
  const systemConfig = await l1.deploy(0, artifacts.logSource)
  const files = temporaryFolder()
  const config = {
    l1ChainID: 31337, l2ChainID: l2Id, l2BlockTime, sequencerWindowSize: window,
    batchSenderAddress: accounts[batcher].address,
    batchInboxAddress: '0xff00000000000000000000000000000000005901',
    optimismPortalProxy: portal, systemConfigProxy: systemConfig,
    ...Object.fromEntries(['sequencerFee', 'baseFee', 'l1Fee', 'operatorFee'].map((fee) =>
      [`${fee}VaultRecipient`, accounts[8].address])),
    fundAccounts: Object.fromEntries(accounts.map(({ address }) => [address, `0x${(10_000n * ether).toString(16)}`])),
  }
  const configFile = join(files, 'chain.json')
  writeFileSync(configFile, JSON.stringify(config))
  const { code, errors } = await run(viaduct, ['genesis', '--l1', anvil.url, '--config', configFile, '--out', files])
  assert.equal(code, 0, errors)
  const keyFile = join(files, 'batcher.key')
  writeFileSync(keyFile, `${keys[batcher]}\n`, { mode: 0o600 })
  chmodSync(keyFile, 0o600)
  return { anvil, l1Url: anvil.url, l1, portal, systemConfig, files, configFile, keyFile }
}

/** l1Url of base may lead elsewhere than to anvil itself. */
export async function startSequencer(base, datadir = temporaryFolder(), { args = [], env } = {}) {
  const node = await startNode({
    name: 'sequencer', l1: base.l1Url, files: base.files, datadir, env,
    args: ['--sequencer', '--batcher', '--batcher-key-file', base.keyFile, '--sequencer-l1-confs', '0',
      '--batcher-max-channel-age', '2000', '--batcher-confs', '1', ...args],
  })
  return { ...node, datadir, chain: new Chain(node.url, l2Id) }
}

export async function startVerifier(base, datadir = temporaryFolder()) {
  const node = await startNode({ name: 'verifier', l1: base.anvil.url, files: base.files, datadir })
  return { ...node, datadir, chain: new Chain(node.url, l2Id) }
}

const hashAt = async (chain, number) =>
  (await call(chain.url, 'eth_getBlockByNumber', `0x${number.toString(16)}`, false))?.hash

/** Demands equal hashes from genesis to the lower of the two safe heads; that head's number. */
export async function sameChain(a, b) {
  const [left, right] = await Promise.all([rollup.syncStatus(a), rollup.syncStatus(b)])
  const top = Math.min(left.safe_l2.number, right.safe_l2.number)
  for (let n = 0; n <= top; n++) {
    assert.equal(await hashAt(a, n), await hashAt(b, n), `block ${n} of ${top}`)
  }
  return top
}

export const safe = async (chain) => (await rollup.syncStatus(chain)).safe_l2.number

/** Waits until both have a safe block above the number. */
export async function bothSafe(a, b, number, timeout = 90_000) {
  const passes = async (chain) => {
    const now = await safe(chain)
    if (now <= number) throw new Error(`safe ${now}`)
    return true
  }
  await waitFor(`the sequencer's safe block ${number}`, () => passes(a), { timeout, interval: 250 })
  await waitFor(`the verifier's safe block ${number}`, () => passes(b), { timeout, interval: 250 })
}
