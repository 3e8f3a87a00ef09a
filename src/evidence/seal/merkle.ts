import { createHash } from 'node:crypto';

const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);

/** The hash of a leaf, as RFC 6962 has it: SHA-256 of a zero byte and the leaf's bytes (UTF-8). */
export function leafHash(text: string): Buffer {
  return createHash('sha256').update(LEAF).update(text, 'utf8').digest();
}

function nodeHash(left: Buffer, right: Buffer): Buffer {
  return createHash('sha256').update(NODE).update(left).update(right).digest();
}

/** A Merkle tree (RFC 6962, section 2.1) that is given its leaves one by one and keeps one hash a level. */
export class MerkleTree {
  #count = 0;
  /** Roots of the whole subtrees so far, the widest first; a count's binary digits say how wide they are. */
  readonly #subtrees: Buffer[] = [];

  get count(): number {
    return this.#count;
  }

  /** Adds a leaf by its hash. */
  add(hash: Buffer): void {
    let subtree = hash;
    for (let left = this.#count; left % 2 === 1; left = (left - 1) / 2) {
      subtree = nodeHash(this.#subtrees.pop() ?? subtree, subtree);
    }
    this.#subtrees.push(subtree);
    this.#count += 1;
  }

  /** The root in hex; of no leaves, the SHA-256 of nothing. */
  root(): string {
    const [last, ...wider] = this.#subtrees.toReversed();
    if (last === undefined) return createHash('sha256').digest('hex');
    return wider.reduce((right, left) => nodeHash(left, right), last).toString('hex');
  }
}
