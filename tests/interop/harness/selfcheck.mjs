// selfcheck [TEST...] runs the client tests against an anvil that plays the L2, which shows that
// the tests themselves are right.
import { spawnSync } from 'node:child_process';

import { startAnvil } from './chain.mjs';

const tests = process.argv.slice(2);
const anvil = await startAnvil({ chainId: 901 });
const { status } = spawnSync(
  process.execPath,
  ['--test', '--test-concurrency=1',
    ...(tests.length > 0 ? tests : ['viem.test.mjs', 'ethers.test.mjs', 'cast.test.mjs', 'uniswap.test.mjs'])],
  { stdio: 'inherit', env: { ...process.env, VD_INTEROP_L2_URL: anvil.url } });
await anvil.stop();
process.exitCode = status;
