// The chains that tests talk to: anvil, `viaduct dev`, and nodes on an L1 of their own.
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { MNEMONIC, accounts } from './accounts.mjs';
import { freePort, mustLive, run, start } from './process.mjs';
import { rpc } from './rpc.mjs';
import { until } from './wait.mjs';

const here = fileURLToPath(new URL('../', import.meta.url));
const binaries = process.env.VD_BIN_DIR ?? fileURLToPath(
  new URL('../../../build/release/bin', import.meta.url));
export const viaduct = join(binaries, 'viaduct');
export const cast = join(here, 'node_modules/.bin/cast');
const anvil = join(here, 'node_modules/.bin/anvil');

function exists(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

// Options for a test that needs the program: skips it, with the reason, if there is none.
export const needsViaduct = {
  skip: exists(viaduct) ? false : `SKIPPED: no program at ${viaduct} (build it, or set VD_BIN_DIR)`,
};
export const needsL2 = process.env.VD_INTEROP_L2_URL ? { skip: false } : needsViaduct;

// folder makes a temporary folder that goes when the process does.
export function folder() {
  const path = mkdtempSync(join(tmpdir(), 'viaduct-interop-'));
  process.once('exit', () => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function serving(process_, name, url, ms) {
  await until(ms, `${name} to serve`, () => {
    mustLive(process_, name);
    return rpc(url, 'eth_chainId');
  });
}

// startAnvil runs anvil with a block a second.  safe and finalized trail by slots and 2 * slots.
export async function startAnvil({ slots = 4, chainId = 31337, args = [] } = {}) {
  const port = await freePort();
  const self = start(anvil, [
    '--port', String(port), '--host', '127.0.0.1', '--chain-id', String(chainId),
    '--slots-in-an-epoch', String(slots), '--block-time', '1', '--mnemonic', MNEMONIC,
    '--balance', '10000', '--silent', ...args,
  ]);
  self.url = `http://127.0.0.1:${port}`;
  await serving(self, 'anvil', self.url, 20_000);
  return self;
}

// startDev runs `viaduct dev` on free ports; info is what it wrote to --info.
export async function startDev(args = []) {
  const infoFile = join(folder(), 'info.json');
  const self = start(viaduct, ['dev', '--l1-port', '0', '--l2-port', '0', '--info', infoFile, ...args]);
  self.info = await until(30_000, 'viaduct dev to write --info', () => {
    mustLive(self, 'viaduct dev');
    return JSON.parse(readFileSync(infoFile, 'utf8'));
  });
  self.url = self.info.l2.rpc;
  await serving(self, 'viaduct dev', self.url, 10_000);
  return self;
}

// startL2 is the L2 that client tests talk to: a fresh `viaduct dev`, or whatever answers at
// VD_INTEROP_L2_URL.  isViaduct tells them whether the rollup's own extras can be expected.
export async function startL2() {
  const url = process.env.VD_INTEROP_L2_URL;
  const self = url ? { url, stop: async () => {} } : await startDev();
  self.chainId = Number(await rpc(self.url, 'eth_chainId'));
  self.isViaduct = (await rpc(self.url, 'web3_clientVersion')).toLowerCase().includes('viaduct');
  return self;
}

// found writes rollup.json and genesis.json for a chain whose portal and system config stand at
// these addresses of the L1, and the batcher's key.  The batcher is the last of the ten accounts.
export async function found(l1, { portal, systemConfig, overrides = {} }) {
  const out = folder();
  const batcher = accounts[9];
  const config = {
    l1ChainID: Number(await rpc(l1.url, 'eth_chainId')),
    l2ChainID: 901,
    l2BlockTime: 1,
    sequencerWindowSize: 3600,
    l2GenesisBlockGasLimit: 60_000_000,
    batchSenderAddress: batcher.address.toLowerCase(),
    batchInboxAddress: '0xff00000000000000000000000000000000000901',
    optimismPortalProxy: portal.toLowerCase(),
    systemConfigProxy: systemConfig.toLowerCase(),
    fundAccounts: Object.fromEntries(
      accounts.map((account) => [account.address.toLowerCase(), '0x21e19e0c9bab2400000'])),
    ...overrides,
  };
  const configFile = join(out, 'chain.json');
  writeFileSync(configFile, JSON.stringify(config, null, 2));
  const keyFile = join(out, 'batcher.key');
  writeFileSync(keyFile, `${batcher.key.slice(2)}\n`, { mode: 0o600 });
  const { code, output } = await run(
    viaduct, ['genesis', '--l1', l1.url, '--config', configFile, '--out', out]);
  if (code !== 0) throw new Error(`viaduct genesis: status ${code}\n${output}`);
  return { rollup: join(out, 'rollup.json'), genesis: join(out, 'genesis.json'), keyFile };
}

export function nodeArguments(l1, chain, datadir, port) {
  return ['node', '--l1', l1.url, '--rollup', chain.rollup, '--genesis', chain.genesis,
    '--datadir', datadir, '--http-port', String(port), '--l1-poll', '200',
    '--l1-trust-blob-blocks'];
}

// startNode runs `viaduct node` in an empty folder; no further arguments make it a verifier.
export async function startNode(l1, chain, args = []) {
  const port = await freePort();
  const self = start(viaduct, [...nodeArguments(l1, chain, folder(), port), ...args]);
  self.url = `http://127.0.0.1:${port}`;
  await serving(self, 'viaduct node', self.url, 20_000);
  return self;
}

// startSequencer runs a node that builds blocks and posts them within seconds.
export function startSequencer(l1, chain, args = []) {
  return startNode(l1, chain, ['--sequencer', '--batcher', '--batcher-key-file', chain.keyFile,
    '--batcher-max-channel-age', '2000', '--batcher-confs', '1', ...args]);
}

// safeNumber is the number of the newest L2 block that L1 alone can show.
export async function safeNumber(url) {
  return (await rpc(url, 'optimism_syncStatus')).safe_l2.number;
}
