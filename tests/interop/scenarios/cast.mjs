// What a user of Foundry's cast does.
import assert from 'node:assert/strict'
import * as artifacts from '../support/artifacts.mjs'
import { accounts, keys } from '../support/chain.mjs'
import { cast, run } from '../support/harness.mjs'

export async function castClient(chain, { from = 2 } = {}) {
  const ask = async (...args) => {
    const { code, output, errors } = await run(cast, [args[0], '--rpc-url', chain.url, ...args.slice(1)])
    assert.equal(code, 0, `cast ${args.join(' ').slice(0, 200)}: ${errors}`)
    return output.trim()
  }
  const send = async (...args) =>
    JSON.parse(await ask('send', '--json', '--private-key', keys[from], ...args))
  assert.equal(await ask('chain-id'), String(chain.id))
  assert(Number(await ask('block-number')) >= 0)
  const to = '0x00000000000000000000000000000000000ca570'
  const before = BigInt(await ask('balance', to))
  const accessList = JSON.stringify([{ address: to, storageKeys: [] }])
  for (const [type, flags] of [['0x2', []], ['0x0', ['--legacy']], ['0x2', ['--access-list', accessList]]]) {
    const receipt = await send(...flags, '--value', '3', to)
    assert.equal(receipt.status, '0x1')
    assert.equal(receipt.type, type)
    assert.equal(JSON.parse(await ask('receipt', '--json', receipt.transactionHash)).blockHash, receipt.blockHash)
    assert.equal(JSON.parse(await ask('tx', '--json', receipt.transactionHash)).from, accounts[from].address.toLowerCase())
  }
  assert.equal(BigInt(await ask('balance', to)), before + 9n)

  const { bytecode } = artifacts.token
  const created = await send('--create', bytecode, 'constructor(string,string,uint256)', 'Copper', 'CPR', '1000')
  const token = created.contractAddress
  assert.equal(created.status, '0x1')
  assert.equal(await ask('call', token, 'name()(string)'), '"Copper"')
  const transfer = await send(token, 'transfer(address,uint256)', to, '42')
  assert.equal(transfer.logs.length, 1)
  assert.equal(await ask('call', token, 'balanceOf(address)(uint256)', to), '42')
  const logs = JSON.parse(await ask('logs', '--json', '--address', token, '--from-block', String(Number(transfer.blockNumber)),
    'Transfer(address,address,uint256)'))
  assert.equal(logs.length, 1)
  assert((await ask('code', token)).length > 100)
  assert(Number(await ask('estimate', token, 'transfer(address,uint256)', to, '1', '--from', accounts[from].address)) > 21000)
  assert.equal(BigInt(await ask('storage', token, '2')), 1000n)
  const proof = JSON.parse(await ask('proof', token, '2'))
  assert.equal(BigInt(proof.storageProof[0].value), 1000n)
  const block = JSON.parse(await ask('block', '--json', 'latest'))
  assert.match(block.hash, /^0x[0-9a-f]{64}$/)
  const reverted = await run(cast, ['call', token, 'transfer(address,uint256)', to, '1', '--from', to, '--rpc-url', chain.url])
  assert.equal(reverted.code, 0, reverted.errors) // it holds 42
  const failing = await run(cast, ['call', token, 'transfer(address,uint256)', to, '99', '--from', to, '--rpc-url', chain.url])
  assert.notEqual(failing.code, 0)
  assert.match(failing.errors, /revert/)
}
