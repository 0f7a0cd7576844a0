// What genesis put on L2, on a running chain and by viem: the predeploys behind their proxies, the
// fees that clients ask for and the vaults that hold them, the preinstalls at work.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  concat, encodeFunctionData, getContractAddress, hashDomain, keccak256, numberToHex, padHex, parseAbi,
  parseEther, parseGwei, serializeTransaction, toHex,
} from 'viem'
import { publicActionsL2 } from 'viem/op-stack'
import { own, token } from './support/artifacts.mjs'
import { accounts, Chain } from './support/chain.mjs'
import { cleanUp, startDev } from './support/harness.mjs'

const bound = { timeout: 120_000 }
const adminSlot = '0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103'
const implementationSlot = '0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc'
const predeploy = (n) => numberToHex(0x4200000000000000000000000000000000000000n + BigInt(n), { size: 20 })
const word = (value) => padHex(value, { size: 32 }).toLowerCase()

describe('genesis of L2', () => {
  let dev
  let l2
  let client
  before(async () => {
    dev = await startDev()
    l2 = new Chain(dev.info.l2.rpc, dev.info.l2.chainId)
    l2.public.chain.contracts = {
      ...l2.public.chain.contracts,
      multicall3: { address: '0xcA11bde05977b3631167028862bE2a173976CA11' },
    }
    client = l2.public.extend(publicActionsL2())
  }, bound)
  after(cleanUp)

  const storage = (address, slot) => l2.public.getStorageAt({ address, slot })
  const codeAt = async (address) => (await l2.public.getCode({ address })) ?? '0x'

  test('every predeploy is a proxy of the admin before its implementation', bound, async () => {
    const used = [0, 2, 7, 0xf, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x20, 0x21]
    const proxy = await codeAt(predeploy(0))
    for (const n of used) {
      const implementation = numberToHex(0xc0d3c0d3c0d3c0d3c0d3c0d3c0d3c0d3c0d30000n + BigInt(n), { size: 20 })
      assert.equal(await codeAt(predeploy(n)), proxy)
      assert.equal(await storage(predeploy(n), adminSlot), word(predeploy(0x18)))
      assert.equal(await storage(predeploy(n), implementationSlot), word(implementation))
      assert.notEqual(await codeAt(implementation), '0x')
      assert.equal(await l2.public.getTransactionCount({ address: predeploy(n) }), 0)
    }
    for (const n of [0x01, 0x22, 0x23, 0x43, 0x7ff]) {
      assert.equal(await codeAt(predeploy(n)), proxy)
      assert.equal(await storage(predeploy(n), implementationSlot), word('0x'))
    }
    for (const n of [0x42, 0x800]) assert.equal(await codeAt(predeploy(n)), '0x')
    assert.notEqual(await codeAt(predeploy(6)), proxy)
  })

  test('precompiles hold one wei', bound, async () => {
    for (const n of [0, 1, 0x7f, 0xff]) {
      assert.equal(await l2.public.getBalance({ address: padHex(toHex(n), { size: 20 }) }), 1n)
    }
    assert.equal(await l2.public.getBalance({ address: padHex('0x100', { size: 20 }) }), 0n)
  })

  // A wallet asks before it signs, the engine charges for what was signed: the oracle's 68 bytes
  // stand for the signature, which the estimate therefore misses by less than a fifth.
  test('the fees that viem asks for are near those charged', bound, async () => {
    const request = {
      chainId: l2.id, type: 'eip1559', nonce: 0, to: accounts[1].address, value: 1n, gas: 100_000n,
      maxFeePerGas: parseGwei('2'), maxPriorityFeePerGas: parseGwei('1'),
      data: keccak256('0x01').repeat(10).replaceAll('0x', '').replace(/^/, '0x'),
    }
    const oracle = parseAbi([
      'function getL1Fee(bytes) view returns (uint256)',
      'function getL1FeeUpperBound(uint256) view returns (uint256)',
      'function l1BaseFee() view returns (uint256)',
    ])
    const unsigned = serializeTransaction(request)
    const estimate = await l2.read(predeploy(0xf), oracle, 'getL1Fee', [unsigned])
    assert.ok(estimate > 0n)
    assert.ok(estimate <= await l2.read(predeploy(0xf), oracle, 'getL1FeeUpperBound', [BigInt(unsigned.length / 2 - 1)]))
    const hash = await l2.wallet(2).sendTransaction({ ...request, nonce: undefined })
    const receipt = await l2.receipt(hash)
    const scale = (fee, price) => Number(fee * 1000n / price)
    const charged = scale(receipt.l1Fee, receipt.l1GasPrice)
    const expected = scale(estimate, await l2.read(predeploy(0xf), oracle, 'l1BaseFee'))
    assert.ok(Math.abs(charged / expected - 1) < 0.2, `${charged} and ${expected}`)
    assert.equal(typeof await client.estimateL1Fee({ account: accounts[0], to: accounts[1].address }), 'bigint')
    assert.equal(typeof await client.estimateL1Gas({ account: accounts[0], to: accounts[1].address }), 'bigint')
    assert.equal(typeof await client.estimateOperatorFee({ account: accounts[0], to: accounts[1].address }), 'bigint')
  })

  test('a vault pays its recipient', bound, async () => {
    const { abi } = own('SequencerFeeVault')
    for (const n of [0x11, 0x19, 0x1a]) {
      const vault = predeploy(n)
      const held = await l2.public.getBalance({ address: vault })
      assert.ok(held > 0n)
      const recipient = await l2.read(vault, abi, 'recipient')
      assert.equal(await l2.read(vault, abi, 'withdrawalNetwork'), 1)
      const before = await l2.public.getBalance({ address: recipient })
      const receipt = await l2.write(3, vault, abi, 'withdraw')
      const paid = await l2.read(vault, abi, 'totalProcessed')
      assert.ok(paid >= held)
      assert.equal(await l2.public.getBalance({ address: recipient, blockNumber: receipt.blockNumber }) - before, paid)
    }
  })

  test('WETH is ether', bound, async () => {
    const { abi } = own('WETH')
    await l2.write(4, predeploy(6), abi, 'deposit', [], { value: parseEther('2') })
    await l2.write(4, predeploy(6), abi, 'transfer', [accounts[5].address, parseEther('1')])
    await l2.write(5, predeploy(6), abi, 'withdraw', [parseEther('1')])
    assert.equal(await l2.read(predeploy(6), abi, 'balanceOf', [accounts[4].address]), parseEther('1'))
    assert.equal(await l2.public.getBalance({ address: predeploy(6) }), parseEther('1'))
  })

  test('Multicall3 serves viem', bound, async () => {
    const { abi } = own('WETH')
    const contract = { address: predeploy(6), abi }
    const answers = await l2.public.multicall({
      allowFailure: false,
      contracts: [
        { ...contract, functionName: 'symbol' },
        { ...contract, functionName: 'decimals' },
        { ...contract, functionName: 'name' },
      ],
    })
    assert.deepEqual(answers, ['WETH', 18, 'Wrapped Ether'])
  })

  test('the deterministic deployers deploy where CREATE2 says', bound, async () => {
    const code = own('LegacyMessagePasser').bytecode
    const salt = word('0x07')
    for (const from of ['0x4e59b44847b379578588920cA78FbF26c0B4956C', '0x914d7Fec6aaC8cd542e72Bca78B30650d45643d7']) {
      await l2.receipt(await l2.wallet(6).sendTransaction({ to: from, data: concat([salt, code]) }))
      const address = getContractAddress({ opcode: 'CREATE2', from, salt, bytecode: code })
      assert.notEqual(await codeAt(address), '0x')
    }
    const deployer = '0x13b0D85CcB8bf860b6b79AF3029fCA081AE9beF2'
    const abi = parseAbi(['function deploy(uint256,bytes32,bytes)'])
    await l2.write(6, deployer, abi, 'deploy', [0n, salt, code])
    assert.notEqual(await codeAt(getContractAddress({ opcode: 'CREATE2', from: deployer, salt, bytecode: code })), '0x')
    const createx = '0xba5Ed099633D3B313e4D5F7bdc1305d3c28ba5Ed'
    const createxAbi = parseAbi([
      'function deployCreate2(bytes) returns (address)',
      'function computeCreate2Address(bytes32,bytes32) view returns (address)',
      'event ContractCreation(address indexed newContract, bytes32 indexed salt)',
    ])
    assert.equal(await l2.read(createx, createxAbi, 'computeCreate2Address', [salt, keccak256(code)]),
      getContractAddress({ opcode: 'CREATE2', from: createx, salt, bytecode: code }))
    const receipt = await l2.write(6, createx, createxAbi, 'deployCreate2', [code])
    assert.equal(receipt.logs.length, 1)
    assert.notEqual(await codeAt(`0x${receipt.logs[0].topics[1].slice(26)}`), '0x')
  })

  test('Permit2 signs for this chain and moves tokens', bound, async () => {
    const permit2 = '0x000000000022D473030F116dDEE9F6B43aC78BA3'
    const abi = parseAbi([
      'function DOMAIN_SEPARATOR() view returns (bytes32)',
      'struct Details { address token; uint160 amount; uint48 expiration; uint48 nonce; }',
      'struct Permit { Details details; address spender; uint256 sigDeadline; }',
      'function permit(address owner, Permit permitSingle, bytes signature)',
      'function transferFrom(address from, address to, uint160 amount, address token)',
    ])
    const domain = { name: 'Permit2', chainId: l2.id, verifyingContract: permit2 }
    assert.equal(await l2.read(permit2, abi, 'DOMAIN_SEPARATOR'), hashDomain({
      domain,
      types: { EIP712Domain: [
        { name: 'name', type: 'string' }, { name: 'chainId', type: 'uint256' },
        { name: 'verifyingContract', type: 'address' },
      ] },
    }))
    const address = await l2.deploy(7, token, ['Token', 'TKN', parseEther('10')])
    await l2.write(7, address, token.abi, 'approve', [permit2, 2n ** 256n - 1n])
    const message = {
      details: { token: address, amount: 5n, expiration: 2 ** 40, nonce: 0 },
      spender: accounts[8].address, sigDeadline: 2n ** 40n,
    }
    const signature = await accounts[7].signTypedData({
      domain, primaryType: 'PermitSingle', message,
      types: {
        PermitSingle: [
          { name: 'details', type: 'PermitDetails' }, { name: 'spender', type: 'address' },
          { name: 'sigDeadline', type: 'uint256' },
        ],
        PermitDetails: [
          { name: 'token', type: 'address' }, { name: 'amount', type: 'uint160' },
          { name: 'expiration', type: 'uint48' }, { name: 'nonce', type: 'uint48' },
        ],
      },
    })
    await l2.write(8, permit2, abi, 'permit', [accounts[7].address, message, signature])
    await l2.write(8, permit2, abi, 'transferFrom', [accounts[7].address, accounts[8].address, 5n, address])
    assert.equal(await l2.read(address, token.abi, 'balanceOf', [accounts[8].address]), 5n)
  })

  test('nobody sets up the Safe singletons', bound, async () => {
    const abi = parseAbi([
      'function getThreshold() view returns (uint256)',
      'function VERSION() view returns (string)',
      'function setup(address[],uint256,address,bytes,address,address,uint256,address)',
    ])
    const zero = padHex('0x', { size: 20 })
    for (const safe of ['0x69f4D1788e39c87893C980c06EdF4b7f686e2938', '0xfb1bffC9d739B8D520DaF37dF666da4C687191EA']) {
      assert.equal(await l2.read(safe, abi, 'getThreshold'), 1n)
      assert.equal(await l2.read(safe, abi, 'VERSION'), '1.3.0')
      const data = encodeFunctionData({
        abi, functionName: 'setup', args: [[accounts[0].address], 1n, zero, '0x', zero, zero, 0n, zero],
      })
      await assert.rejects(l2.public.call({ to: safe, data }), /GS200/)
    }
  })

  test('entry points take deposits and find their sender creators', bound, async () => {
    const abi = parseAbi([
      'function depositTo(address) payable',
      'function balanceOf(address) view returns (uint256)',
      'function getSenderAddress(bytes initCode)',
      'error SenderAddressResult(address sender)',
    ])
    for (const entry of ['0x5FF137D4b0FDCD49DcA30c7CF57E578a026d2789', '0x0000000071727De22E5E9d8BAf0edAc6f37da032']) {
      await l2.write(9, entry, abi, 'depositTo', [accounts[3].address], { value: 7n })
      assert.equal(await l2.read(entry, abi, 'balanceOf', [accounts[3].address]), 7n)
      // The factory that the sender creator calls: one that answers with an address.
      const getter = encodeFunctionData({ abi: parseAbi(['function recipient()']), functionName: 'recipient' })
      const recipient = await l2.read(predeploy(0x11), own('SequencerFeeVault').abi, 'recipient')
      await assert.rejects(
        l2.public.simulateContract({
          address: entry, abi, functionName: 'getSenderAddress', args: [concat([predeploy(0x11), getter])],
        }),
        (error) => error.walk((cause) => cause.data?.errorName === 'SenderAddressResult')?.data.args[0] === recipient,
      )
    }
  })

  test('attestations are made and found', bound, async () => {
    const registry = parseAbi(['function register(string,address,bool) returns (bytes32)'])
    const eas = parseAbi([
      'function getName() view returns (string)',
      'function getSchemaRegistry() view returns (address)',
      'struct Data { address recipient; uint64 expirationTime; bool revocable; bytes32 refUID; bytes data; uint256 value; }',
      'struct Request { bytes32 schema; Data data; }',
      'function attest(Request request) payable returns (bytes32)',
      'function isAttestationValid(bytes32) view returns (bool)',
      'event Attested(address indexed recipient, address indexed attester, bytes32 uid, bytes32 indexed schemaUID)',
    ])
    assert.equal(await l2.read(predeploy(0x21), eas, 'getName'), 'EAS')
    assert.equal(await l2.read(predeploy(0x21), eas, 'getSchemaRegistry'), predeploy(0x20))
    const registered = await l2.write(0, predeploy(0x20), registry, 'register', ['bool like', padHex('0x', { size: 20 }), true])
    const schema = registered.logs[0].topics[1]
    const attested = await l2.write(0, predeploy(0x21), eas, 'attest', [{
      schema,
      data: {
        recipient: accounts[1].address, expirationTime: 0n, revocable: true, refUID: word('0x'), data: word('0x01'),
        value: 0n,
      },
    }])
    assert.equal(await l2.read(predeploy(0x21), eas, 'isAttestationValid', [attested.logs[0].data]), true)
  })
})
