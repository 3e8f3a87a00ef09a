import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { leafHash, MerkleTree } from '../../../src/evidence/seal/leaf.js';

/** The inputs that the authors of RFC 6962 test their own trees with, and the roots of the first so many. */
const VECTORS: readonly (readonly [input: string, root: string])[] = [
  ['', '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'],
  ['\u0000', 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125'],
  ['\u0010', 'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77'],
  [' !', 'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7'],
  ['01', '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4'],
  ['@ABC', '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef'],
  ['PQRSTUVW', 'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c'],
  ['`abcdefghijklmno', '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'],
];

/** The definition in section 2.1, to the letter. */
function rootOf(leaves: readonly Buffer[]): Buffer {
  const [only] = leaves;
  if (only === undefined) return createHash('sha256').digest();
  if (leaves.length === 1) return only;
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  const parts = [Buffer.from([1]), rootOf(leaves.slice(0, k)), rootOf(leaves.slice(k))];
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}

describe('a Merkle tree', () => {
  it('has the roots that RFC 6962 defines', () => {
    const tree = new MerkleTree();
    expect(tree.root()).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    for (const [input, root] of VECTORS) {
      tree.add(leafHash(input));
      expect(tree.root()).toBe(root);
    }
  });

  it('has the root of the definition for every size', () => {
    const leaves = Array.from({ length: 200 }, (_, n) => leafHash(`leaf ${n}`));
    const tree = new MerkleTree();
    for (const [n, leaf] of leaves.entries()) {
      tree.add(leaf);
      expect(tree.count).toBe(n + 1);
      expect(tree.root()).toBe(rootOf(leaves.slice(0, n + 1)).toString('hex'));
    }
  });
});
