// The two layers of one rollup as viem's op-stack actions want them, unmodified.
import { createPublicClient, createWalletClient, defineChain, http } from 'viem'
import {
  chainConfig, publicActionsL1, publicActionsL2, walletActionsL1, walletActionsL2,
} from 'viem/op-stack'
import { accounts } from './chain.mjs'

const ether = { name: 'Ether', symbol: 'ETH', decimals: 18 }
const often = { pollingInterval: 200, cacheTime: 0 }

/** contracts: names of the addresses file to addresses. */
export class Rollup {
  constructor({ l1, l2, contracts }) {
    this.contracts = contracts
    this.l1Url = l1.rpc
    this.l2Url = l2.rpc
    this.l1Chain = defineChain({
      id: l1.chainId,
      name: `L1 ${l1.chainId}`,
      nativeCurrency: ether,
      rpcUrls: { default: { http: [l1.rpc] } },
      contracts: { multicall3: { address: contracts.Multicall3 } },
    })
    const at = (name) => ({ [l1.chainId]: { address: contracts[name] } })
    this.l2Chain = defineChain({
      ...chainConfig,
      id: l2.chainId,
      name: `L2 ${l2.chainId}`,
      nativeCurrency: ether,
      rpcUrls: { default: { http: [l2.rpc] } },
      sourceId: l1.chainId,
      contracts: {
        ...chainConfig.contracts,
        portal: at('OptimismPortalProxy'),
        disputeGameFactory: at('DisputeGameFactoryProxy'),
        l1StandardBridge: at('L1StandardBridgeProxy'),
      },
    })
    const transport = (url) => http(url, { retryCount: 0, timeout: 20_000 })
    this.t1 = transport(l1.rpc)
    this.t2 = transport(l2.rpc)
    this.p1 = createPublicClient({ chain: this.l1Chain, transport: this.t1, ...often })
      .extend(publicActionsL1())
    this.p2 = createPublicClient({ chain: this.l2Chain, transport: this.t2, ...often })
      .extend(publicActionsL2())
  }

  w1(index) {
    return createWalletClient({
      chain: this.l1Chain, transport: this.t1, account: accounts[index], ...often,
    }).extend(walletActionsL1())
  }

  w2(index) {
    return createWalletClient({
      chain: this.l2Chain, transport: this.t2, account: accounts[index], ...often,
    }).extend(walletActionsL2())
  }

  async mined(client, hash, { status = 'success' } = {}) {
    const receipt = await client.waitForTransactionReceipt({
      hash, timeout: 60_000, checkReplacement: false, ...often,
    })
    if (receipt.status !== status) throw new Error(`${hash}: ${receipt.status}, not ${status}`)
    return receipt
  }
}
