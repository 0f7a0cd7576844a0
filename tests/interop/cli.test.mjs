// What users of the settlement commands type wrong: a named error, a status other than 0, and neither
// chain, key nor file changed.  (What deploy refuses in a founder's file is in deploy.test.mjs, what
// account refuses in keys.test.mjs, and the rest of db in tests/integration/db.sh.)
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parseEther, zeroAddress } from 'viem'
import { accounts } from './support/chain.mjs'
import { chainConfig, keyFile, roles } from './support/deploy.mjs'
import { cleanUp, run, startDev, temporaryFolder, viaduct } from './support/harness.mjs'
import { Rollup } from './support/bridge.mjs'
import { call } from './support/rpc.mjs'

const bound = { timeout: 240_000 }
// An account without a role on the development chain, whose own transactions are not in the way.
roles.user = 4
const nowhere = 'http://127.0.0.1:1'
const hash = (digit) => `0x${digit.repeat(64)}`
const folder = temporaryFolder()
const file = (name, text, mode = 0o600) => {
  const path = join(folder, name)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

/** Names and contents of everything below a folder, but a database's locks, which readers take too. */
function contents(path) {
  return readdirSync(path).filter((name) => name !== 'lock.mdb').sort().map((name) => {
    const at = join(path, name)
    return statSync(at).isDirectory() ? [name, contents(at)]
      : [name, createHash('sha256').update(readFileSync(at)).digest('hex')]
  })
}

describe('malformed input', () => {
  let dev
  let rollup
  let common
  let transfer
  let withdrawal
  const key = keyFile('user')
  const out = join(folder, 'out')
  mkdirSync(out)

  before(async () => {
    dev = await startDev()
    rollup = new Rollup(dev.info)
    const addresses = file('addresses.json', JSON.stringify(dev.info.contracts))
    common = { '--l1': dev.info.l1.rpc, '--l2': dev.info.l2.rpc, '--addresses': addresses, '--key-file': key }
    transfer = await rollup.w2(0).sendTransaction({ to: accounts[1].address, value: 1n })
    withdrawal = await rollup.w2(0).sendTransaction({ to: '0x4200000000000000000000000000000000000016', value: 1n })
    await rollup.mined(rollup.p2, withdrawal)
  }, bound)
  after(cleanUp)

  /** What must stay: the key's transactions on both layers, and the folder. */
  const state = async () => JSON.stringify([
    await Promise.all([dev.info.l1.rpc, dev.info.l2.rpc].map((url) =>
      call(url, 'eth_getTransactionCount', accounts[roles.user].address, 'pending'))),
    contents(folder),
  ])

  const refuses = async (says, ...args) => {
    const untouched = await state()
    const { code, output, errors } = await run(viaduct, args.map(String), { timeout: 60_000, cwd: out })
    const typed = `viaduct ${args.join(' ')}\n${output}${errors}`
    assert(code === 1 || code === 2, `status ${code}: ${typed}`)
    assert.match(errors, says, typed)
    assert.equal(await state(), untouched, typed)
  }
  /** The usual options with some changed; undefined leaves one out. */
  const bridge = (action, changes, says) => {
    const options = { ...common, ...(action === 'status' ? { '--key-file': undefined } : {}), ...changes }
    return refuses(says, 'bridge', action, ...Object.entries(options).flatMap(([name, value]) =>
      (value === undefined ? [] : [name, value])))
  }

  const ends = {
    deposit: { '--amount': '1' }, withdraw: { '--amount': '1' }, prove: { '--tx': hash('0') },
    finalize: { '--tx': hash('0') }, status: { '--tx': hash('0') },
  }
  for (const [action, usual] of Object.entries(ends)) {
    test(`bridge ${action}: layers and keys`, bound, async () => {
      const noJson = file('no-json', '{"OptimismPortalProxy": ')
      const list = file('list', '[]')
      const names = file('names', JSON.stringify({ OptimismPortalProxy: '0x12' }))
      const other = file('other', JSON.stringify({ ...dev.info.contracts, OptimismPortalProxy: accounts[1].address }))
      const cases = [
        [/--l1 is missing/, { '--l1': undefined }],
        [/--l2 is missing/, { '--l2': undefined }],
        [/nowhere.*No such file/, { '--addresses': join(folder, 'nowhere') }],
        [/no-json/, { '--addresses': noJson }],
        [/list/, { '--addresses': list }],
        [/OptimismPortalProxy/, { '--addresses': names }],
        [/no portal/, { '--addresses': other }],
        [/L1: URL using bad/, { '--l1': 'not a url' }],
        [/L1: Failed to connect/, { '--l1': nowhere }],
        [/L2: Failed to connect/, { '--l2': nowhere }],
        [/the same chain, 900/, { '--l2': dev.info.l1.rpc }],
        [/no portal/, { '--l1': dev.info.l2.rpc, '--l2': dev.info.l1.rpc }],
        [/unknown option '--amonut'/, { '--amonut': '1' }],
        [/--timeout/, { '--timeout': 'soon' }],
        [/--index/, { '--index': '-1' }],
        [/--gas/, { '--gas': '1e6' }],
      ]
      for (const [says, changes] of cases) await bridge(action, { ...usual, ...changes }, says)
      if (action === 'status') return
      const open = file('open', readFileSync(key), 0o644)
      const short = file('short', '0x12')
      const keyCases = [
        [/has no key/, { '--key-file': undefined }],
        [/more than one key/, { '--keystore': key }],
        [/mode 0644/, { '--key-file': open }],
        [/private key/, { '--key-file': short }],
        [/No such file/, { '--key-file': join(folder, 'nowhere') }],
        [/--signer-address is missing/, { '--key-file': undefined, '--signer': 'https://127.0.0.1:1' }],
      ]
      for (const [says, changes] of keyCases) await bridge(action, { ...usual, ...changes }, says)
    })
  }

  for (const action of ['deposit', 'withdraw']) {
    test(`bridge ${action}: amounts and accounts`, bound, async () => {
      const token = accounts[1].address
      const tokens = { '--l1-token': token, '--l2-token': token }
      const cases = [
        [/--amount is missing/, { '--amount': undefined }],
        ...['', 'x', '1.5', '-1', '1.0000000000000000001ether', '1 ether', '0x', `1${'0'.repeat(80)}`, '1pound'].map((text) =>
          [/--amount/, { '--amount': text }]),
        ...['0', '00', '0ether', '0.000gwei'].map((text) =>
          [/--amount is 0: there is nothing to move/, { '--amount': text }]),
        [/--amount is 0: there is nothing to move/, { '--amount': '0', ...tokens }],
        [/--to is the zero address/, { '--to': zeroAddress }],
        [/--to is the zero address/, { '--to': zeroAddress, ...tokens }],
        [/--to is 0x12; give an address/, { '--to': '0x12' }],
        [/--to/, { '--to': 'vitalik.eth' }],
        [/--l2-token/, { '--l1-token': token }],
        [/--l1-token/, { '--l2-token': token }],
        [/--l1-token/, { '--l1-token': '0x12', '--l2-token': token }],
        [/no counterpart/, tokens],
        [/ether and the fee are needed/, { '--amount': String(parseEther('900000')) }],
      ]
      for (const [says, changes] of cases) await bridge(action, { '--amount': '1', ...changes }, says)
    })
  }
  test('bridge withdraw: to the rollup\'s own contracts', bound, async () => {
    const token = accounts[1].address
    const own = ['OptimismPortalProxy', 'L1CrossDomainMessengerProxy', 'L1StandardBridgeProxy', 'OptimismPortal2']
    for (const name of own) {
      const changes = { '--amount': '1', '--to': dev.info.contracts[name] }
      const says = new RegExp(`the rollup's own ${name} on L1: it would be lost there`)
      await bridge('withdraw', changes, says)
      await bridge('withdraw', { ...changes, '--l1-token': token, '--l2-token': token }, says)
    }
  })
  test('bridge deposit: tokens to contracts of the protocol', bound, async () => {
    const token = accounts[1].address
    for (const low of ['0007', '0010', '07ff']) {
      await bridge('deposit', {
        '--amount': '1', '--to': `0x420000000000000000000000000000000000${low}`, '--l1-token': token, '--l2-token': token,
      }, /a contract of the protocol on L2: tokens would be lost there/)
    }
  })
  test('bridge deposit: a transaction of before', bound, async () => {
    await bridge('deposit', { '--tx': '0x12' }, /--tx/)
    await bridge('deposit', { '--tx': hash('1'), '--timeout': '1' }, /0x1{64} is in no block after 1 s/)
  })

  for (const action of ['prove', 'finalize', 'status']) {
    test(`bridge ${action}: transactions`, bound, async () => {
      const cases = [
        [/--tx is missing/, { '--tx': undefined }],
        ...['', '0x', '0x12', hash('g'), `${hash('1')}1`].map((text) => [/--tx/, { '--tx': text }]),
        [/is in no block/, { '--tx': hash('1') }],
        [/withdraws nothing/, { '--tx': transfer }],
        [/--index is 1; the transaction has 1 withdrawals/, { '--tx': withdrawal, '--index': '1' }],
      ]
      for (const [says, changes] of cases) await bridge(action, changes, says)
    })
  }
  test('bridge finalize: what is not proven', bound, () => bridge('finalize', { '--tx': withdrawal }, /proven first/))
  test('bridge without an action, or with another', bound, async () => {
    await refuses(/usage: viaduct bridge/, 'bridge')
    await refuses(/bridge has no action 'burn'/, 'bridge', 'burn')
  })

  for (const command of ['deploy', 'genesis']) {
    test(`${command}: options and files`, bound, async () => {
      const good = JSON.stringify(chainConfig({
        l1ChainID: 900, optimismPortalProxy: accounts[1].address, systemConfigProxy: accounts[2].address,
      }))
      const config = file('chain.json', good)
      const options = (changes) => Object.entries({
        '--l1': dev.info.l1.rpc, '--config': config, '--out': out, ...(command === 'deploy' ? { '--key-file': key } : {}), ...changes,
      }).flatMap(([name, value]) => (value === undefined ? [] : [name, value]))
      const cases = [
        [/--l1/, { '--l1': undefined }],
        [/--config/, { '--config': undefined }],
        [/nowhere.*No such file/, { '--config': join(folder, 'nowhere') }],
        [/'\[' or '\{' expected/, { '--config': folder }],
        [/half/, { '--config': file('half', good.slice(0, good.length / 2)) }],
        [/empty/, { '--config': file('empty', '') }],
        [/number/, { '--config': file('number', '1') }],
        [/l1ChainID/, { '--config': file('text-id', good.replace('"l1ChainID":900', '"l1ChainID":"x"')) }],
        [/l2ChainID/, { '--config': file('negative-id', good.replace('"l2ChainID":5901', '"l2ChainID":-1')) }],
        [/chain id 900.*says 31337/, { '--config': file('other-id', good.replace('"l1ChainID":900', '"l1ChainID":31337')) }],
        [/'0x12' must be an address/, { '--config': file('funds', JSON.stringify({ ...JSON.parse(good), fundAccounts: { '0x12': '1' } })) }],
        [/batchInboxAddress/, { '--config': file('inbox', good.replace('0xff0000', '0xfg0000')) }],
        [/L1 at ftp:.* does not answer/, { '--l1': 'ftp://127.0.0.1' }],
        [/L1 at http:.* does not answer/, { '--l1': nowhere }],
        [/Not a directory/, { '--out': join(key, 'below') }],
        [/unknown option '--port'/, { '--port': '1' }],
      ]
      if (command === 'deploy') {
        cases.push(
          [/--max-fee/, { '--max-fee': '0' }],
          [/--confirmations/, { '--confirmations': 'many' }],
          [/has no key/, { '--key-file': undefined }],
          [/mode 0644/, { '--key-file': file('open', readFileSync(key), 0o644) }],
          [/more than one key/, { '--signer': 'https://127.0.0.1:1', '--signer-address': accounts[1].address }],
        )
      } else {
        cases.push(
          [/nowhere/, { '--deployment': join(folder, 'nowhere') }],
          [/out\/addresses\.json: .*No such file/, { '--deployment': out }],
        )
      }
      for (const [says, changes] of cases) await refuses(says, command, ...options(changes))
    })
  }

  test('genesis: a full disk leaves no half-written file', bound, async () => {
    const { OptimismPortalProxy, SystemConfigProxy } = dev.info.contracts
    const config = file('full-disk.json', JSON.stringify(chainConfig({
      l1ChainID: 900, optimismPortalProxy: OptimismPortalProxy, systemConfigProxy: SystemConfigProxy,
    })))
    const to = join(folder, 'full-disk')
    mkdirSync(to)
    const genesis = (limit) => run('bash', ['-c',
      `trap '' XFSZ; ulimit -f ${limit}; exec "$@"`, 'bash', viaduct, 'genesis', '--l1', dev.info.l1.rpc, '--config', config, '--out', to,
    ], { timeout: 60_000 })
    const { code, errors } = await genesis(64)
    assert.equal(code, 1, errors)
    assert.match(errors, /cannot write .*genesis\.json: File too large/)
    assert.deepEqual(readdirSync(to), [])
    const again = await genesis('unlimited')
    assert.equal(again.code, 0, again.errors)
    assert.ok(readdirSync(to).includes('genesis.json'))
  })

  test('db: folders that hold no chain', bound, async () => {
    const junk = join(folder, 'junk')
    mkdirSync(junk)
    writeFileSync(join(junk, 'data.mdb'), Buffer.alloc(8192, 0x5a))
    const empty = join(folder, 'none')
    mkdirSync(empty)
    for (const action of ['stat', 'verify']) {
      await refuses(/--datadir/, 'db', action)
      await refuses(/no database/, 'db', action, '--datadir', empty)
      await refuses(/no database/, 'db', action, '--datadir', key)
      await refuses(/junk/, 'db', action, '--datadir', junk)
      await refuses(/unknown option '--depth'/, 'db', action, '--datadir', empty, '--depth', '1')
    }
    await refuses(/no database/, 'db', 'copy', '--datadir', empty, '--to', join(folder, 'copy'))
    await refuses(/junk/, 'db', 'copy', '--datadir', junk, '--to', join(folder, 'copy'))
    await refuses(/usage: viaduct db/, 'db')
    await refuses(/no action 'drop'/, 'db', 'drop')
  })
})
