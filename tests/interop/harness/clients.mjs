// viem clients for an L2 at a URL, with the formatters for the rollup's own fields.
import { createPublicClient, createWalletClient, defineChain, http } from 'viem';
import { chainConfig } from 'viem/op-stack';

import { within } from './wait.mjs';

export function viemFor(l2, account, { batch = false } = {}) {
  const chain = defineChain({
    ...chainConfig,
    id: l2.chainId,
    name: 'L2 under test',
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [l2.url] } },
  });
  const transport = http(l2.url, { batch, timeout: 15_000, retryCount: 0 });
  const options = { chain, transport, pollingInterval: 100, cacheTime: 0 };
  return {
    chain,
    reader: createPublicClient(options),
    wallet: createWalletClient({ ...options, account }),
  };
}

// mined waits for the receipt of a transaction and demands that it succeeded.
export async function mined(reader, hash) {
  const receipt = await within(30_000, `receipt of ${hash}`,
    reader.waitForTransactionReceipt({ hash, timeout: 30_000 }));
  if (receipt.status !== 'success') throw new Error(`${hash} was reverted`);
  return receipt;
}

export async function deploy({ reader, wallet }, { abi, bytecode }, args = []) {
  const receipt = await mined(reader, await wallet.deployContract({ abi, bytecode, args }));
  return receipt.contractAddress;
}
