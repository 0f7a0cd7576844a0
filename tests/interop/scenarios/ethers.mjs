// What a user of ethers does.
import assert from 'node:assert/strict'
import { Contract, ContractFactory, JsonRpcProvider, Wallet, parseEther } from 'ethers'
import * as artifacts from '../support/artifacts.mjs'
import { keys } from '../support/chain.mjs'
import { waitFor } from '../support/harness.mjs'

export async function ethersClient(chain, { from = 1 } = {}) {
  const provider = new JsonRpcProvider(chain.url, undefined, { pollingInterval: 100, cacheTimeout: -1 })
  try {
    const wallet = new Wallet(keys[from], provider)
    assert.equal((await provider.getNetwork()).chainId, BigInt(chain.id))
    const to = Wallet.createRandom().address
    for (const type of [0, 1, 2]) {
      const sent = await wallet.sendTransaction({ to, value: 7n, type })
      const receipt = await sent.wait(1, 20_000)
      assert.equal(receipt.status, 1)
      assert.equal(receipt.type, type)
      assert.equal(receipt.from, wallet.address)
      assert.equal((await provider.getTransaction(sent.hash)).blockHash, receipt.blockHash)
    }
    assert.equal(await provider.getBalance(to), 21n)

    const factory = new ContractFactory(artifacts.token.abi, artifacts.token.bytecode, wallet)
    const token = await factory.deploy('Silver', 'SLV', parseEther('5'))
    await token.waitForDeployment()
    const seen = []
    await token.on('Transfer', (_from, _to, value) => seen.push(value))
    const transfer = await (await token.transfer(to, 9n)).wait(1, 20_000)
    assert.equal(transfer.logs.length, 1)
    await waitFor('the event listener', () => seen.includes(9n))
    await token.off('Transfer')
    const logs = await token.queryFilter('Transfer', transfer.blockNumber, 'latest')
    assert.equal(logs.length, 1)
    assert.equal(logs[0].args.value, 9n)
    await assert.rejects(token.connect(provider).transfer.staticCall(to, 1n, { from: `0x${'12'.repeat(20)}` }),
      (error) => error.code === 'CALL_EXCEPTION' && error.revert?.name === 'ERC20InsufficientBalance')
    const other = new Contract(await token.getAddress(), artifacts.token.abi, provider)
    assert.equal(await other.balanceOf(to), 9n)
    const block = await provider.getBlock('latest', true)
    assert(block.baseFeePerGas > 0n)
    const fees = await provider.getFeeData()
    assert(fees.maxFeePerGas > 0n)
    await assert.rejects(wallet.sendTransaction({ to, value: parseEther('99999999') }),
      (error) => error.code === 'INSUFFICIENT_FUNDS')
    await assert.rejects(wallet.sendTransaction({ to, nonce: 0, gasLimit: 21000 }),
      (error) => error.code === 'NONCE_EXPIRED')
  } finally {
    provider.destroy()
  }
}
