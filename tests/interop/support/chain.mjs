// What a scenario gets: one L2 endpoint, its accounts and viem clients for them.
import { createPublicClient, createWalletClient, defineChain, http } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { chainConfig } from 'viem/op-stack'

/** The accounts of the public mnemonic that both viaduct dev and anvil fund. */
export const keys = [
  '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
  '0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
  '0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6',
  '0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a',
  '0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba',
  '0x92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e',
  '0x4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356',
  '0xdbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97',
  '0x2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6',
]
export const accounts = keys.map((key) => privateKeyToAccount(key))

export class Chain {
  /** l2: whether the endpoint is Viaduct's; anvil serves to prove the tests themselves. */
  constructor(url, id, { l2 = true } = {}) {
    this.url = url
    this.id = id
    this.l2 = l2
    this.chain = defineChain({
      ...(l2 ? chainConfig : {}),
      id,
      name: `chain ${id}`,
      nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
      rpcUrls: { default: { http: [url] } },
    })
    this.transport = http(url, { retryCount: 0, timeout: 20_000 })
    this.public = createPublicClient({
      chain: this.chain, transport: this.transport, pollingInterval: 100, cacheTime: 0,
    })
  }

  wallet(index) {
    return this.walletOf(accounts[index])
  }

  walletOf(account) {
    return createWalletClient({
      chain: this.chain, transport: this.transport, account, pollingInterval: 100, cacheTime: 0,
    })
  }

  receipt(hash, timeout = 20_000) {
    return this.public.waitForTransactionReceipt({
      hash, timeout, pollingInterval: 100, checkReplacement: false,
    })
  }

  /** Deploys and waits; the address. */
  async deploy(index, artifact, args = []) {
    const hash = await this.wallet(index).deployContract({ ...artifact, args })
    const receipt = await this.receipt(hash)
    if (receipt.status !== 'success') throw new Error(`deployment ${hash} reverted`)
    return receipt.contractAddress
  }

  /** Writes and waits for a receipt of success. */
  async write(index, address, abi, functionName, args = [], { value = 0n, gas } = {}) {
    const hash = await this.wallet(index).writeContract({ address, abi, functionName, args, value, gas })
    const receipt = await this.receipt(hash)
    if (receipt.status !== 'success') throw new Error(`${functionName} ${hash} reverted`)
    return receipt
  }

  read(address, abi, functionName, args = []) {
    return this.public.readContract({ address, abi, functionName, args })
  }
}
