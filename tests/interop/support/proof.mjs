// Checks Merkle Patricia proofs (EIP-1186), independently of the program under test.
import { fromRlp, hexToBytes, keccak256, toRlp, trim, numberToHex } from 'viem'

const nibbles = (hex) => [...hex.slice(2)].map((digit) => parseInt(digit, 16))

/** The path of a leaf or extension: { leaf, path }. */
function compact(hex) {
  const all = nibbles(hex)
  return { leaf: all[0] >= 2, path: all.slice(all[0] % 2 === 1 ? 1 : 2) }
}

const emptyRoot = keccak256('0x80')
const noCode = keccak256('0x')

/** Walks the proof of key under root; gives the value's RLP, or undefined when it proves absence. */
export function walk(root, key, proof) {
  let path = nibbles(keccak256(key))
  let reference = root
  if (root === emptyRoot) return undefined
  for (const encoded of proof) {
    const found = hexToBytes(encoded).length < 32 ? encoded : keccak256(encoded)
    if (found !== reference) throw new Error(`proof: node ${found}, expected ${reference}`)
    const node = fromRlp(encoded)
    if (node.length === 17) {
      if (path.length === 0) return node[16] === '0x' ? undefined : node[16]
      reference = node[path[0]]
      path = path.slice(1)
    } else {
      const { leaf, path: part } = compact(node[0])
      if (part.some((nibble, i) => nibble !== path[i])) return undefined
      path = path.slice(part.length)
      if (leaf) return path.length === 0 ? node[1] : undefined
      reference = node[1]
    }
    // A node shorter than 32 bytes stands inside its parent.
    if (Array.isArray(reference)) reference = toRlp(reference)
    if (reference === '0x') return undefined
  }
  throw new Error('proof: ends before a value or an absence')
}

const word = (value) => (BigInt(value) === 0n ? '0x' : trim(numberToHex(BigInt(value))))

/** Demands that an answer of eth_getProof holds under a state root. */
export function checkAccountProof(stateRoot, answer) {
  const value = walk(stateRoot, answer.address, answer.accountProof)
  const absent = BigInt(answer.nonce) === 0n && BigInt(answer.balance) === 0n &&
    [noCode, `0x${'0'.repeat(64)}`].includes(answer.codeHash)
  if (value === undefined && absent) return
  const expected = toRlp([
    word(answer.nonce), word(answer.balance), answer.storageHash, answer.codeHash,
  ].map((field) => (field.length % 2 ? `0x0${field.slice(2)}` : field)))
  if (value !== expected) throw new Error(`account proof: ${value}, expected ${expected}`)
  for (const { key, value: slot, proof } of answer.storageProof) {
    const padded = `0x${key.slice(2).padStart(64, '0')}`
    const stored = walk(answer.storageHash, padded, proof)
    const want = BigInt(slot) === 0n ? undefined : toRlp(word(slot))
    if (stored !== want) throw new Error(`storage proof of ${key}: ${stored}, expected ${want}`)
  }
}
