import { hash } from 'node:crypto';
import { nextTurn } from '../../async/waiting.js';
import { damageOf, HistoryError } from '../../history/errors.js';
import type { BatchNote, HistoryStore } from '../../history/store.js';
import type { Collection, StoredDocument } from '../../model/documents.js';
import { type RecordedEntry, streamText } from '../../model/ledger.js';
import type { RevisionRecord } from '../../model/revision.js';
import { KINDS } from '../../resources/registry.js';
import { canonicalJson, sha256 } from '../../values/canonical-json.js';

/** What never changes of a revision, unlike its end and its last verification. */
export interface RevisionFacts {
  readonly integration: string;
  readonly kind: string;
  readonly id: string;
  readonly seqFrom: number;
  readonly observedFrom: string;
  readonly digest: string;
  readonly deleted: boolean;
  readonly origin: string;
  readonly runId: string;
  /** SHA-256 of the decoded record's canonical JSON. */
  readonly record: string;
}

/** With a name for reports of missing or altered ones. */
export interface Leaf {
  readonly seq: number;
  /**
   * A revision: kind, integration, id. A reading: stream, beginning and end of the window, position in the
   * batch. A document: collection, id; `seq` is its version. A batch has no name.
   */
  readonly name: readonly string[];
  readonly hash: string;
}

/** A leaf with the hash of the canonical JSON (RFC 8785) of a value. */
function leafOf(seq: number, name: readonly string[], value: unknown): Leaf {
  return { seq, name, hash: leafHash(canonicalJson(value)).toString('hex') };
}

export function revisionFacts(revision: RevisionRecord): RevisionFacts {
  const { key, seqFrom, observedFrom, digest, deleted, origin, runId } = revision;
  const { integration, kind, id } = key;
  const record = sha256(canonicalJson(revision.record));
  return { integration, kind, id, seqFrom, observedFrom, digest, deleted, origin, runId, record };
}

export function factsLeaf(facts: RevisionFacts): Leaf {
  return leafOf(facts.seqFrom, [facts.kind, facts.integration, facts.id], facts);
}

export function revisionLeaf(revision: RevisionRecord): Leaf {
  return factsLeaf(revisionFacts(revision));
}

export function ledgerLeaves(entries: readonly RecordedEntry[]): Leaf[] {
  let before = -1;
  let place = 0;
  return entries.map((entry) => {
    place = entry.seq === before ? place + 1 : 0;
    before = entry.seq;
    return ledgerLeaf(entry, place);
  });
}

export function ledgerLeaf(entry: RecordedEntry, place: number): Leaf {
  return leafOf(entry.seq, [streamText(entry), entry.from, entry.to, String(place)], entry);
}

/** Its id, its result with the instant, and what it states of rows that are overwritten later. */
export function batchLeaf({ id, seq, recorded, stated }: BatchNote): Leaf {
  return leafOf(seq, [], { id, ...recorded, stated });
}

export function documentLeaf(collection: Collection, { id, version, body }: StoredDocument): Leaf {
  return leafOf(version, [collection, id], { collection, id, version, body });
}

const NODE = Buffer.from([1]);

/** As in RFC 6962: SHA-256 of a zero byte and the leaf's bytes (UTF-8). */
export function leafHash(text: string): Buffer {
  return hash('sha256', `\0${text}`, 'buffer');
}

function nodeHash(left: Buffer, right: Buffer): Buffer {
  return hash('sha256', Buffer.concat([NODE, left, right]), 'buffer');
}

/** A Merkle tree (RFC 6962, section 2.1); takes leaves one by one and keeps one hash per level. */
export class MerkleTree {
  #count = 0;
  /** Roots of complete subtrees, the widest first; the binary digits of the count are their widths. */
  readonly #subtrees: Buffer[] = [];

  get count(): number {
    return this.#count;
  }

  add(leaf: Buffer): void {
    let subtree = leaf;
    for (let left = this.#count; left % 2 === 1; left = (left - 1) / 2) {
      subtree = nodeHash(this.#subtrees.pop() ?? subtree, subtree);
    }
    this.#subtrees.push(subtree);
    this.#count += 1;
  }

  /** In hex; without leaves, the SHA-256 of nothing. */
  root(): string {
    const [last, ...wider] = this.#subtrees.toReversed();
    if (last === undefined) return sha256('');
    return wider.reduce((right, left) => nodeHash(left, right), last).toString('hex');
  }
}

/** The revisions of one batch. */
interface BatchRevisions {
  readonly seq: number;
  readonly revisions: readonly RevisionRecord[];
  /** Revisions whose record alone cannot be read. */
  readonly damaged: readonly RevisionRecord[];
  /** Set if the store can be reached, but cannot read the batch's revisions. */
  readonly isBroken?: boolean;
}

const AT_ONCE = 100;
/** How many batches are read one by one after a row that is out of order. */
const DETOUR = 50;

/**
 * The revisions of the batches `(afterSeq, toSeq]` by batch, without empty ones. Only the batches' numbers
 * lead the way, so altered rows cannot stop it or make it loop: a row that is out of order comes with the
 * batch in whose place it is.
 */
export async function* walkBatches(
  store: HistoryStore,
  afterSeq: number,
  toSeq: number,
): AsyncGenerator<BatchRevisions> {
  let detour = 0;
  for (let from = afterSeq, limit = AT_ONCE; from < toSeq; ) {
    const to = detour > 0 ? from + 1 : toSeq;
    const found = await changesOf(store, from, to, limit + 1);
    // other work may run between two pages
    await nextTurn();
    if (detour > 0) {
      if (found !== null && found.length > limit) limit *= 4;
      else {
        if (found === null) yield { seq: to, revisions: [], damaged: [], isBroken: true };
        else if (found.length > 0) yield batchOf(to, found);
        [from, limit, detour] = [to, AT_ONCE, detour - 1];
      }
    } else if (found === null || !isAscending(found, from, to)) detour = DETOUR;
    else {
      const groups = byBatch(found);
      // the last one may continue after the page
      if (found.length > limit) groups.pop();
      const last = found.length > limit ? groups.at(-1)?.seq : toSeq;
      yield* groups;
      limit = last === undefined ? limit * 4 : AT_ONCE;
      from = last ?? from;
    }
  }
}

/** `null` if the store cannot read the rows as revisions. */
async function changesOf(store: HistoryStore, afterSeq: number, toSeq: number, limit: number) {
  const query = { afterSeq, toSeq, kinds: KINDS, integrations: null, after: null, limit };
  return (await tolerantRead(store, () => store.changes(query))) ?? null;
}

function isAscending(found: readonly RevisionRecord[], from: number, to: number): boolean {
  let before = from + 1;
  for (const { seqFrom } of found) {
    if (!(seqFrom >= before && seqFrom <= to)) return false;
    before = seqFrom;
  }
  return true;
}

function byBatch(found: readonly RevisionRecord[]): BatchRevisions[] {
  const groups: RevisionRecord[][] = [];
  for (const revision of found) {
    const last = groups.at(-1);
    if (last?.[0]?.seqFrom === revision.seqFrom) last.push(revision);
    else groups.push([revision]);
  }
  return groups.map((group) => batchOf(group[0]?.seqFrom ?? 0, group));
}

function batchOf(seq: number, found: readonly RevisionRecord[]): BatchRevisions {
  const damaged = found.filter((revision) => damageOf(revision) !== null);
  const isWhole = damaged.length === 0;
  return { seq, revisions: isWhole ? found : found.filter((each) => !damaged.includes(each)), damaged };
}

/** `undefined` if what is stored cannot be read. Rejects if the store cannot be reached. */
export async function tolerantRead<T>(store: HistoryStore, get: () => Promise<T>): Promise<T | undefined> {
  try {
    return await get();
  } catch (error) {
    if (!(error instanceof HistoryError)) return undefined;
    if (error.code === 'DAMAGED') return undefined;
    if (error.code !== 'UNAVAILABLE') throw error;
    // altered rows can make a query fail, too; then the store can be reached, and fails again
    await store.ping();
    return get().catch(() => undefined);
  }
}
