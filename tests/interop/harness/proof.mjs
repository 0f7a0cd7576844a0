// A verifier of eth_getProof answers that shares nothing with the node: it walks the trie from the
// root hash down, as the yellow paper's appendix D describes it.
import assert from 'node:assert/strict';

import { fromRlp, keccak256, toRlp } from 'viem';

const EMPTY_ROOT = keccak256('0x80');

function nibbles(hex) {
  return [...hex.slice(2)].map((digit) => parseInt(digit, 16));
}

// decodePath undoes the hex-prefix encoding: the nibbles, and whether they end in a leaf.
function decodePath(encoded) {
  const all = nibbles(encoded);
  const odd = (all[0] & 1) === 1;
  return { leaf: all[0] >= 2, path: all.slice(odd ? 1 : 2) };
}

// verify returns the value that the proof shows under key (hashed here), or null if it shows that
// there is none; it throws if the proof shows neither.
export function verify(root, key, proof) {
  const path = nibbles(keccak256(key));
  if (proof.length === 0) {
    assert.equal(root, EMPTY_ROOT, 'an empty proof stands for the empty trie only');
    return null;
  }
  let expected = root;
  let at = 0;
  for (const raw of proof) {
    // A node shorter than a hash stands inside its parent; proofs may list it all the same.
    const reference = expected.length === 66 ? keccak256(raw) : raw;
    assert.equal(reference, expected, 'node does not hash to its reference');
    const node = fromRlp(raw);
    if (node.length === 17) {
      if (at === path.length) return node[16] === '0x' ? null : node[16];
      const child = node[path[at++]];
      if (child === '0x') return null;
      expected = typeof child === 'string' ? child : toRlp(child);
    } else {
      const { leaf, path: part } = decodePath(node[0]);
      const matches = part.every((nibble, i) => path[at + i] === nibble);
      if (!matches) return null;
      at += part.length;
      if (leaf) {
        assert.equal(at, path.length, 'leaf above the end of the key');
        return node[1];
      }
      expected = typeof node[1] === 'string' ? node[1] : toRlp(node[1]);
    }
  }
  throw new Error('proof ends before the key does');
}

const quantity = (bytes) => (bytes === '0x' || bytes === null ? 0n : BigInt(bytes));

// verifyAccount checks an eth_getProof answer, account and slots, against a state root.
export function verifyAccount(stateRoot, answer) {
  const value = verify(stateRoot, answer.address, answer.accountProof);
  if (value === null) {
    assert.equal(BigInt(answer.balance), 0n);
    assert.equal(BigInt(answer.nonce), 0n);
  } else {
    const [nonce, balance, storageHash, codeHash] = fromRlp(value);
    assert.equal(quantity(nonce), BigInt(answer.nonce));
    assert.equal(quantity(balance), BigInt(answer.balance));
    assert.equal(storageHash, answer.storageHash);
    assert.equal(codeHash, answer.codeHash);
  }
  for (const slot of answer.storageProof) {
    const key = `0x${BigInt(slot.key).toString(16).padStart(64, '0')}`;
    const leaf = verify(answer.storageHash, key, slot.proof);
    assert.equal(leaf === null ? 0n : quantity(fromRlp(leaf)), BigInt(slot.value));
  }
}
