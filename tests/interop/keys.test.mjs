// Keys: `viaduct account` against other programs' keystores and signatures, and a batcher whose key
// is in a keystore or behind a remote signer over HTTPS with client certificates.
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { Wallet, encryptKeystoreJsonSync } from 'ethers'
import { hashMessage, parseGwei } from 'viem'
import { privateKeyToAccount, sign, serializeSignature } from 'viem/accounts'
import { accounts, keys } from './support/chain.mjs'
import { batcher, found, safe } from './support/found.mjs'
import { cast, cleanUp, run, startNode, temporaryFolder, viaduct, waitFor } from './support/harness.mjs'

const bound = { timeout: 120_000 }
const password = 'correct horse / battery "staple"'

/** A file of mode 0600. */
function secretFile(folder, name, text, mode = 0o600) {
  const path = join(folder, name)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

function encryptedByEthers(key) {
  const { address, privateKey } = new Wallet(key)
  return encryptKeystoreJsonSync({ address, privateKey }, password, { scrypt: { N: 1024, r: 8, p: 1 } })
}

/** Runs `viaduct account ...`: { code, output, errors }. */
const account = (...args) => run(viaduct, ['account', ...args])

async function succeeds(...args) {
  const { code, output, errors } = await account(...args)
  assert.equal(code, 0, errors)
  return output.trim()
}

/** What `viaduct account ...` prints on a terminal of its own where, at each prompt, a line is typed. */
async function typed(args, lines) {
  const command = [viaduct, 'account', ...args].map((word) => `'${word}'`).join(' ')
  const child = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'pipe'] })
  const rest = [...lines]
  let output = ''
  child.stdout.on('data', (data) => {
    output += data
    if (/: $/.test(output) && rest.length) child.stdin.write(`${rest.shift()}\n`)
  })
  await new Promise((resolve) => child.on('close', resolve))
  for (const line of lines.filter((text) => text.length > 1)) assert(!output.includes(line), 'the password is shown')
  return output
}

describe('account', () => {
  after(cleanUp)
  const folder = temporaryFolder()
  const store = join(folder, 'keystore')
  const passwordFile = secretFile(folder, 'password', `${password}\n`)
  const keyFile = secretFile(folder, 'key', `${keys[3]}\n`)
  const withPassword = ['--keystore', store, '--password-file', passwordFile]

  test('new: a file that ethers opens, under a name of geth\'s, of mode 0600', bound, async () => {
    const [address, path] = (await succeeds('new', ...withPassword)).split(/  /)
    assert.match(path, /\/UTC--\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{9}Z--[0-9a-f]{40}$/)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.equal(statSync(store).mode & 0o777, 0o700)
    const text = readFileSync(path, 'utf8')
    assert.deepEqual(JSON.parse(text).crypto.kdfparams.n, 262144)
    assert.equal(Wallet.fromEncryptedJsonSync(text, password).address, address)
  })

  test('import: ethers finds the key in it; a second time is refused', bound, async () => {
    const args = ['import', ...withPassword, '--key-file', keyFile, '--lightkdf']
    const [address, path] = (await succeeds(...args)).split(/  /)
    assert.equal(address, accounts[3].address)
    assert.equal(Wallet.fromEncryptedJsonSync(readFileSync(path, 'utf8'), password).privateKey, keys[3])
    const again = await account(...args)
    assert.equal(again.code, 1)
    assert.match(again.errors, /the account is there already, in .*UTC--/)
  })

  test('list: every account in the order of making, other files passed over', bound, async () => {
    writeFileSync(join(store, 'README'), 'not a key')
    writeFileSync(join(store, 'abi.json'), '{"abi":[]}')
    mkdirSync(join(store, 'more'))
    const lines = (await succeeds('list', '--keystore', store)).split('\n')
    assert.equal(lines.length, 2)
    assert.match(lines[1], new RegExp(`^${accounts[3].address}  ${store}/UTC--`))
  })

  test('sign: the signatures of viem', bound, async () => {
    const by = ['sign', ...withPassword, '--address', accounts[3].address]
    assert.equal(await succeeds(...by, '--message', 'hello'), await accounts[3].signMessage({ message: 'hello' }))
    assert.equal(await succeeds(...by, '--message', ''), await accounts[3].signMessage({ message: '' }))
    assert.equal(await succeeds(...by, '--message', '0x00 ä'), await accounts[3].signMessage({ message: '0x00 ä' }))
    assert.equal(await succeeds(...by, '--message-hex', '0x00ff'),
      await accounts[3].signMessage({ message: { raw: '0x00ff' } }))
    const hash = hashMessage('anything')
    assert.equal(await succeeds(...by, '--hash', hash),
      serializeSignature(await sign({ hash, privateKey: keys[3] })))
  })

  test('keystores of ethers and cast are read', bound, async () => {
    const wallet = new Wallet(keys[4])
    const file = join(folder, 'ethers.json')
    writeFileSync(file, encryptedByEthers(keys[4]))
    const message = ['--message', 'read']
    assert.equal(await succeeds('sign', '--keystore', file, '--password-file', passwordFile, ...message),
      await wallet.signMessage('read'))
    const castFolder = join(folder, 'cast')
    mkdirSync(castFolder)
    execFileSync(cast, ['wallet', 'new', castFolder, '--unsafe-password', password], { stdio: 'pipe' })
    const castFile = join(castFolder, readdirSync(castFolder)[0])
    const { privateKey } = Wallet.fromEncryptedJsonSync(readFileSync(castFile, 'utf8'), password)
    assert.equal(await succeeds('sign', '--keystore', castFile, '--password-file', passwordFile, ...message),
      await privateKeyToAccount(privateKey).signMessage({ message: 'read' }))
  })

  test('what cannot be done is named and nothing is written', bound, async () => {
    const wrong = secretFile(folder, 'wrong', 'nonsense')
    const open = secretFile(folder, 'open', password, 0o644)
    const empty = secretFile(folder, 'empty', '\n')
    const lines = secretFile(folder, 'lines', 'two\nlines\n')
    const noKey = secretFile(folder, 'no-key', 'ff')
    const zeroKey = secretFile(folder, 'zero-key', '0'.repeat(64))
    const largeKey = secretFile(folder, 'large-key', 'f'.repeat(64))
    const broken = secretFile(folder, 'broken.json', '{"version":3,"crypto":{"cipher":"aes-128-ctr"}}')
    const foreign = secretFile(folder, 'foreign.json', '{"version":1,"crypto":{}}')
    const mine = join(store, readdirSync(store).find((name) => name.endsWith(accounts[3].address.slice(2).toLowerCase())))
    const to = ['--message', 'x', '--password-file', passwordFile]
    const cases = [
      [2, /account has no action 'make'/, ['make']],
      [2, /unknown option '--password'/, ['new', '--password', 'secret']],
      [1, /--keystore is missing/, ['new']],
      [1, /--keystore is missing/, ['list']],
      [1, /--keystore is missing/, ['sign', ...to]],
      [1, /--key-file is missing/, ['import', ...withPassword]],
      [1, /No such file or directory/, ['list', '--keystore', join(folder, 'nowhere')]],
      [1, /password file .*open has mode 0644.*chmod 600/, ['new', '--keystore', store, '--password-file', open]],
      [1, /the password is empty/, ['new', '--keystore', store, '--password-file', empty]],
      [1, /a password is one line/, ['new', '--keystore', store, '--password-file', lines]],
      [1, /password file .*nowhere: No such file/, ['new', '--keystore', store, '--password-file', join(folder, 'nowhere')]],
      [1, /does not hold a private key/, ['import', ...withPassword, '--key-file', noKey]],
      ...[zeroKey, largeKey].map((file) =>
        [1, /its 32 bytes are no private key, which is a number from 1 to n - 1/, ['import', ...withPassword, '--key-file', file]]),
      [1, /keystore folder .*key: /, ['new', '--keystore', keyFile, '--password-file', passwordFile]],
      [1, /the password is wrong/, ['sign', '--keystore', mine, '--message', 'x', '--password-file', wrong]],
      [1, /crypto.cipherparams is missing/, ['sign', '--keystore', broken, ...to]],
      [1, /version is not 3/, ['sign', '--keystore', foreign, ...to]],
      [1, /is not a JSON object/, ['sign', '--keystore', keyFile, ...to]],
      [1, /give --address to say which/, ['sign', '--keystore', store, ...to]],
      [1, /has no file of account 0x/, ['sign', '--keystore', store, '--address', accounts[7].address, ...to]],
      [1, /another account than --address says/, ['sign', '--keystore', mine, '--address', accounts[7].address, ...to]],
      [1, /--address must be/, ['sign', '--keystore', store, '--address', '0x12', ...to]],
      [1, /give one of --message/, ['sign', '--keystore', mine, '--password-file', passwordFile]],
      [1, /give one of --message/, ['sign', '--keystore', mine, '--hash', `0x${'00'.repeat(32)}`, ...to]],
      [1, /--hash must be 0x and 64 hex digits/, ['sign', '--keystore', mine, '--hash', '0x00', '--password-file', passwordFile]],
      [1, /--message-hex must be/, ['sign', '--keystore', mine, '--message-hex', '0x0', '--password-file', passwordFile]],
    ]
    const before = readdirSync(store)
    for (const [code, says, args] of cases) {
      const result = await account(...args)
      assert.equal(result.code, code, `${args.join(' ')}: ${result.errors}`)
      assert.match(result.errors, says, args.join(' '))
      assert.equal(result.output, '', args.join(' '))
      for (const secret of [password, keys[3].slice(2, 14), 'nonsense', 'secret\'']) {
        assert(!result.errors.includes(secret), `${args.join(' ')} tells ${secret}`)
      }
    }
    assert.deepEqual(readdirSync(store), before)
  })

  test('on a terminal the password is asked for twice and not shown', bound, async () => {
    assert.match(await typed(['new', '--keystore', store, '--lightkdf'], ['open sesame', 'open sesame']),
      /^Password for the new keystore: \r\nThe same again: \r\n0x[0-9a-fA-F]{40}  .*UTC--[^\n]*\n$/)
    const before = readdirSync(store)
    const path = join(store, before.filter((name) => name.startsWith('UTC--')).at(-1))
    const { address } = Wallet.fromEncryptedJsonSync(readFileSync(path, 'utf8'), 'open sesame')
    assert.match(await typed(['sign', '--keystore', path, '--message', 'x'], ['open sesamx\x7fe']), /\r\n0x[0-9a-f]{130}\r\n$/)
    assert.match(await succeeds('list', '--keystore', store), new RegExp(address))
    const refused = /nothing was written|no password was given|the password is empty/
    for (const keys of [['eins', 'zwei'], ['eins', '\x03'], ['\x04'], ['', '']]) {
      assert.match(await typed(['new', '--keystore', store], keys), refused)
    }
    assert.deepEqual(readdirSync(store), before)
  })

  test('without a terminal and a password file it says so', bound, () => {
    const { status, stderr } = spawnSync('setsid', ['--wait', viaduct, 'account', 'new', '--keystore', store],
      { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' })
    assert.equal(status, 1)
    assert.match(stderr, /there is no terminal to ask for a password on/)
  })
})

/** A signer as web3signer and op-signer are, over HTTPS with client certificates. */
class RemoteSigner {
  constructor(folder) {
    this.account = accounts[batcher]
    this.signed = 0
    this.folder = folder
    this.port = 0
    const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
    openssl('req', '-x509', ...key, '-subj', '/CN=test CA', '-keyout', 'ca.key', '-out', 'ca.pem')
    for (const [name, san] of [['server', 'IP:127.0.0.1'], ['client', 'DNS:node']]) {
      openssl('req', '-x509', ...key, '-subj', `/CN=${name}`, '-addext', `subjectAltName=${san}`,
        '-addext', 'basicConstraints=critical,CA:FALSE',
        '-CA', 'ca.pem', '-CAkey', 'ca.key', '-keyout', `${name}.key`, '-out', `${name}.pem`)
    }
  }

  file(name) {
    return join(this.folder, name)
  }

  async start() {
    const read = (name) => readFileSync(this.file(name))
    this.server = createServer({
      key: read('server.key'), cert: read('server.pem'), ca: read('ca.pem'),
      requestCert: true, rejectUnauthorized: true,
    }, async (request, response) => {
      let text = ''
      for await (const piece of request) text += piece
      response.setHeader('Content-Type', 'application/json')
      response.end(JSON.stringify(await this.answer(JSON.parse(text))))
    })
    await new Promise((resolve) => this.server.listen(this.port, '127.0.0.1', resolve))
    this.port = this.server.address().port
    return this
  }

  async answer({ id, method, params: [tx] }) {
    assert.equal(method, 'eth_signTransaction')
    assert.equal(tx.from, this.account.address.toLowerCase())
    assert.equal(tx.input, tx.data)
    const result = await this.account.signTransaction({
      type: 'eip1559', chainId: Number(tx.chainId), nonce: Number(tx.nonce), gas: BigInt(tx.gas),
      maxFeePerGas: BigInt(tx.maxFeePerGas), maxPriorityFeePerGas: BigInt(tx.maxPriorityFeePerGas),
      to: tx.to, value: BigInt(tx.value), data: tx.data,
    })
    assert(BigInt(tx.maxFeePerGas) < parseGwei('2000'))
    this.signed++
    return { jsonrpc: '2.0', id, result }
  }

  stop() {
    this.server.closeAllConnections()
    return new Promise((resolve) => this.server.close(resolve))
  }

  get args() {
    return ['--batcher-signer', `https://127.0.0.1:${this.port}`, '--batcher-signer-address', this.account.address,
      '--signer-ca', this.file('ca.pem')]
  }

  get certificate() {
    return ['--signer-cert', this.file('client.pem'), '--signer-key', this.file('client.key')]
  }
}

describe('a batcher without a key file', () => {
  after(cleanUp)
  let base
  let signer
  let datadir
  /** A sequencer whose batcher has the given key options and no others. */
  const start = async (args) => {
    const sequencer = await startNode({
      name: 'sequencer', l1: base.l1Url, files: base.files, datadir,
      args: ['--sequencer', '--batcher', '--sequencer-l1-confs', '0', '--batcher-max-channel-age', '2000',
        '--batcher-confs', '1', ...args],
    })
    return { ...sequencer, chain: { url: sequencer.url } }
  }
  const becomesSafe = (node, number) =>
    waitFor(`safe block ${number}`, async () => (await safe(node.chain)) >= number, { timeout: 60_000 })

  test('a remote signer signs its batches', bound, async () => {
    base = await found()
    datadir = temporaryFolder()
    signer = await new RemoteSigner(temporaryFolder()).start()
    const node = await start([...signer.args, ...signer.certificate])
    await becomesSafe(node, 3)
    assert(signer.signed > 0)

    // Down: said once, and made up for when it is back.
    await signer.stop()
    const before = await safe(node.chain)
    await node.child.printed(/waits: signer https:\/\/127\.0\.0\.1:\d+: /, 30_000)
    await signer.start()
    await becomesSafe(node, before + 4)
    assert.deepEqual(await node.child.stop(), { code: 0, signal: null })
  })

  test('without the client certificate nothing is signed, and the log says why', bound, async () => {
    const signed = signer.signed
    const node = await start(signer.args)
    const [line] = await node.child.printed(/transaction of nonce \d+ waits: signer .*/, 30_000)
    assert.match(line, /certificate|alert|SSL/i)
    assert.equal(signer.signed, signed)
    assert.deepEqual(await node.child.stop(), { code: 0, signal: null })
    await signer.stop()
  })

  test('the same account from a keystore goes on where the signer stopped', bound, async () => {
    const folder = temporaryFolder()
    const passwordFile = secretFile(folder, 'password', password)
    const file = (await succeeds('import', '--keystore', folder, '--key-file', base.keyFile,
      '--password-file', passwordFile, '--lightkdf')).split(/  /)[1]
    const node = await start(['--batcher-keystore', file, '--batcher-password-file', passwordFile])
    const before = await safe(node.chain)
    await becomesSafe(node, before + 3)
    assert.deepEqual(await node.child.stop(), { code: 0, signal: null })
  })

  test('key options that do not fit together are refused before anything starts', bound, async () => {
    const folder = temporaryFolder()
    const passwordFile = secretFile(folder, 'password', 'wrong')
    const file = join(folder, 'key.json')
    writeFileSync(file, encryptedByEthers(keys[4]))
    const cases = [
      [/the batcher has no key; give --batcher-keystore FILE/, []],
      [/the batcher has more than one key/, ['--batcher-key-file', base.keyFile, '--batcher-keystore', file]],
      [/--batcher-password-file is given without --batcher-keystore/,
        ['--batcher-key-file', base.keyFile, '--batcher-password-file', passwordFile]],
      [/--batcher-signer-address is missing/, ['--batcher-signer', 'https://127.0.0.1:1']],
      [/--batcher-signer-address must be 0x and 40 hex digits/,
        ['--batcher-signer', 'https://127.0.0.1:1', '--batcher-signer-address', 'me']],
      [/neither https nor on this machine/,
        ['--batcher-signer', 'http://10.0.0.1:1', '--batcher-signer-address', accounts[1].address]],
      [/the key is missing/, [...signer.args, '--signer-cert', signer.file('client.pem')]],
      [/CA file .*none.pem cannot be read/, ['--batcher-signer', 'https://127.0.0.1:1',
        '--batcher-signer-address', accounts[1].address, '--signer-ca', join(folder, 'none.pem')]],
      [/keystore .*key.json: the password is wrong/,
        ['--batcher-keystore', file, '--batcher-password-file', passwordFile]],
      [/batcher and proposer have the same account 0x[0-9a-f]{40}.*give each role its own key/,
        ['--batcher-key-file', base.keyFile, '--proposer', '--proposer-key-file', base.keyFile]],
    ]
    for (const [says, args] of cases) {
      const { code, errors } = await run(viaduct, ['node', '--l1', base.l1Url, '--rollup', join(base.files, 'rollup.json'),
        '--genesis', join(base.files, 'genesis.json'), '--datadir', temporaryFolder(), '--http-port', '0', '--batcher', ...args])
      assert.equal(code, 1, `${args.join(' ')}: ${errors}`)
      assert.match(errors, says)
      assert(!errors.includes(password))
    }
  })
})
