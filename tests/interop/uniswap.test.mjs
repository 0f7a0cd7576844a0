// Uniswap v2 on the L2, and what its market leaves in logs.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { accounts } from './harness/accounts.mjs';
import { Pair } from './harness/artifacts.mjs';
import { needsL2, startL2 } from './harness/chain.mjs';
import { viemFor } from './harness/clients.mjs';
import { trade } from './harness/uniswap.mjs';

describe('Uniswap v2', { ...needsL2, timeout: 300_000 }, () => {
  let l2;
  let market;
  let clients;
  before(async () => {
    l2 = await startL2();
    clients = viemFor(l2, accounts[0]);
  });
  after(() => l2?.stop());

  it('opens a market and trades at the price of its reserves', { timeout: 240_000 }, async () => {
    market = await trade(clients);
  });

  it('leaves one Swap of the pair for each swap over it', async () => {
    const swaps = await clients.reader.getContractEvents({
      address: market.pair, abi: Pair.abi, eventName: 'Swap', fromBlock: 0n, toBlock: market.block,
    });
    assert.equal(swaps.length, 2);
    assert.equal(swaps[0].args.to, accounts[0].address);
    assert.ok(swaps[0].blockNumber < swaps[1].blockNumber);
    assert.equal(swaps[1].blockNumber, market.block);
  });
});
