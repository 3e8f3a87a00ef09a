import { createHash } from 'node:crypto';
import type { BatchNote } from '../../history/store.js';
import type { Collection, StoredDocument } from '../../model/documents.js';
import type { RecordedEntry } from '../../model/ledger.js';
import type { RevisionRecord } from '../../model/revision.js';
import { streamText } from '../../model/stream.js';
import { canonicalJson, sha256 } from '../../values/canonical-json.js';

/** What never changes of a revision; when it ended and when it was last verified does. */
export type RevisionFacts = Pick<
  RevisionRecord,
  'key' | 'seqFrom' | 'observedFrom' | 'digest' | 'deleted' | 'origin' | 'runId'
>;

/** A leaf with what it is called where it is missing or altered. */
export interface Leaf {
  /** The batch that brought it. */
  readonly seq: number;
  /**
   * A revision: kind, integration, id. A reading: stream, beginning and end of the window, its place in the batch. A
   * batch has none. A document: collection, id; `seq` is its version.
   */
  readonly name: readonly string[];
  readonly hash: string;
}

/** The digest of a decoded record, which is what controls judge. */
export function recordDigest(record: unknown): string {
  return sha256(canonicalJson(record));
}

/** The leaf of a revision: the canonical JSON (RFC 8785) of its facts, its decoded record by its digest. */
function revisionLeafText(facts: RevisionFacts, record: unknown): string {
  const { key, seqFrom, observedFrom, digest, deleted, origin, runId } = facts;
  const { integration, kind, id } = key;
  const named = { integration, kind, id, seqFrom, observedFrom, digest, deleted, origin, runId };
  return canonicalJson({ ...named, record: recordDigest(record) });
}

export function revisionLeaf(revision: RevisionFacts & { readonly record: unknown }): Leaf {
  const { kind, integration, id } = revision.key;
  const hash = leafHash(revisionLeafText(revision, revision.record)).toString('hex');
  return { seq: revision.seqFrom, name: [kind, integration, id], hash };
}

/** The leaves of a stream's readings, in the order in which they were recorded. */
export function ledgerLeaves(entries: readonly RecordedEntry[]): Leaf[] {
  let before = -1;
  let place = 0;
  return entries.map((entry) => {
    place = entry.seq === before ? place + 1 : 0;
    before = entry.seq;
    return ledgerLeaf(entry, place);
  });
}

/** The leaf of one reading, the `place`-th of its stream in its batch. */
export function ledgerLeaf(entry: RecordedEntry, place: number): Leaf {
  const name = [streamText(entry), entry.from, entry.to, String(place)];
  return { seq: entry.seq, name, hash: leafHash(canonicalJson(entry)).toString('hex') };
}

/** The leaf of a batch: its id, what was answered, its instant among it, and what it states of what is written over. */
export function batchLeaf({ id, seq, recorded, stated }: BatchNote): Leaf {
  const hash = leafHash(canonicalJson({ id, ...recorded, stated })).toString('hex');
  return { seq, name: [], hash };
}

export function documentLeaf(collection: Collection, { id, version, body }: StoredDocument): Leaf {
  const hash = leafHash(canonicalJson({ collection, id, version, body })).toString('hex');
  return { seq: version, name: [collection, id], hash };
}

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
