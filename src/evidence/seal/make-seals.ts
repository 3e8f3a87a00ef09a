import { nextTurn } from '../../async/waiting.js';
import type { HistoryStore, Pin } from '../../history/store.js';
import { COLLECTIONS, type Collection, POLICY_DOCUMENT, type StoredDocument } from '../../model/documents.js';
import { streamText } from '../../model/ledger.js';
import { sha256 } from '../../values/canonical-json.js';
import { type Instant, MINUTE, shift, toInstant } from '../../values/instant.js';
import { batchLeaf, documentLeaf, type Leaf, MerkleTree, revisionLeaf, walkBatches } from './leaf.js';
import {
  type AuditTip,
  entryDigest,
  journalBody,
  lastThat,
  leafListText,
  makeSeal,
  packLeaves,
  SEAL_TYPE,
  type SealBody,
  type StoredSeal,
  storedSeal,
  type Tree,
} from './seal.js';
import { allStreams, type EndedRuns, endedRuns, RecentRuns, stateCoverage } from './seal-content.js';
import type { Signer } from './signing-key.js';

/** With so many revisions a seal ends with the batch: hashing its tree and writing its list let nothing in between. */
const ENOUGH = 4_000;
const BATCHES_AT_ONCE = 100;
const AT_ONCE = 20;
const HASHED_AT_ONCE = 1_000;
const MOST_TRIES = 10;

interface SealOptions {
  /** `null`: seals are not signed. */
  readonly signer: Signer | null;
  readonly clock: () => number;
  /** Cache for callers that seal repeatedly. */
  readonly recent?: RecentRuns;
  /** Default: `ENOUGH`. */
  readonly enough?: number;
}

interface SealNote {
  readonly index: number;
  readonly hash: string;
  readonly at: Instant;
  readonly toSeq: number;
}

/** With its hash; throws if it cannot be read, because no seal may follow it then. */
async function lastSeal(store: HistoryStore): Promise<(SealBody & { readonly hash: string }) | null> {
  const last = await storedSeal(store, null);
  if (!last) return null;
  const { index, seal, body } = last;
  if (!seal || body?.index !== index || sha256(seal.text) !== seal.hash) {
    throw new Error(`Seal ${index} is not as it was made: run verify. Nothing is sealed after it.`);
  }
  return { ...body, hash: seal.hash };
}

/**
 * Seals every recorded batch up to the head, with the runs that have ended. Several processes may do so: the
 * chain has one next place, and the process that is late starts again.
 */
export async function sealHistory(store: HistoryStore, options: SealOptions): Promise<SealNote[]> {
  const { recent = new RecentRuns() } = options;
  const target = await store.head();
  const made: SealNote[] = [];
  for (let tries = 0, again = true; again && tries < MOST_TRIES; ) {
    const last = await lastSeal(store);
    const step = await sealNext(store, last, target, { ...options, recent });
    if (step.note) made.push(step.note);
    tries = step.wasFirst ? 0 : tries + 1;
    again = step.again;
  }
  return made;
}

async function sealNext(
  store: HistoryStore,
  last: (SealBody & { readonly hash: string }) | null,
  target: Pin,
  { signer, clock, recent, enough = ENOUGH }: SealOptions & { readonly recent: RecentRuns },
): Promise<{ note: SealNote | null; wasFirst: boolean; again: boolean }> {
  const fromSeq = last?.toSeq ?? 0;
  const at = toInstant(clock());
  const isBehind = fromSeq < target.seq;
  if (!isBehind && (last === null || !last.runsLeft)) return { note: null, wasFirst: true, again: false };
  const part = await readPart(store, fromSeq, target, enough);
  const range = isBehind ? part : { ...part, toSeq: fromSeq, toAt: last?.toAt ?? target.at };
  const statements = await stateAll(store, { fromSeq, ...range });
  const ended: EndedRuns = await endedRuns(store, last, recent, at);
  const ledger = statements.flatMap(({ leaves }) => leaves);
  // the first seal that covers batches covers all of them
  const batchesFrom = last?.batches ? fromSeq : 0;
  const batches = await readBatches(store, batchesFrom, range.toSeq);
  const documents = await readDocuments(store);
  const documentLeaves = documents.map(([collection, document]) => documentLeaf(collection, document));
  const list = leafListText({ revisions: part.leaves, ledger, batches, documents: documentLeaves });
  const body: SealBody = {
    ...{ type: SEAL_TYPE, version: 1, index: (last?.index ?? 0) + 1, at },
    ...{ fromSeq, toSeq: range.toSeq, toAt: range.toAt },
    revisions: await treeOf(part.leaves),
    ledger: await treeOf(ledger),
    batches: { ...(await treeOf(batches)), fromSeq: batchesFrom },
    list: sha256(list),
    coverage: statements.map(({ coverage }) => coverage),
    ...{ runs: ended.runs, runsBefore: ended.before, runsLeft: ended.hasMore },
    audit: await auditTip(store),
    ...policyInUse(documents),
    ...{ previous: last?.hash ?? null, key: signer?.publicKey ?? null },
  };
  const seal = makeSeal(body, await packLeaves(list), signer);
  const wasFirst = await store.append('seals', body.index, at, journalBody(seal, list));
  const note = wasFirst ? { index: body.index, hash: seal.hash, at, toSeq: body.toSeq } : null;
  return { note, wasFirst, again: !wasFirst || body.toSeq < target.seq || ended.hasMore };
}

async function stateAll(store: HistoryStore, range: Pick<SealBody, 'fromSeq' | 'toSeq' | 'toAt'>) {
  const states = await store.streams();
  const from = new Map(states.map((state) => [streamText(state), state.collectFrom]));
  // all at once: MongoDB then reads the ledgers in one command
  const statements = await Promise.all(
    allStreams(states).map((stream) =>
      stateCoverage(store, stream, from.get(streamText(stream)) ?? null, range),
    ),
  );
  return statements.filter((statement) => statement !== null);
}

interface Part extends Pick<SealBody, 'toSeq' | 'toAt'> {
  readonly leaves: readonly Leaf[];
}

async function readPart(store: HistoryStore, fromSeq: number, target: Pin, enough: number): Promise<Part> {
  const leaves: Leaf[] = [];
  for await (const { seq, revisions } of walkBatches(store, fromSeq, target.seq)) {
    for (const revision of revisions) {
      leaves.push(revisionLeaf(revision));
      if (leaves.length % AT_ONCE === 0) await nextTurn();
    }
    const [first] = revisions;
    if (leaves.length >= enough && first) return { leaves, toSeq: seq, toAt: first.observedFrom };
  }
  return { leaves, toSeq: target.seq, toAt: target.at };
}

async function readBatches(store: HistoryStore, fromSeq: number, toSeq: number): Promise<Leaf[]> {
  const leaves: Leaf[] = [];
  for (let afterSeq = fromSeq; afterSeq < toSeq; await nextTurn()) {
    const notes = await store.batches({ afterSeq, toSeq, limit: BATCHES_AT_ONCE });
    leaves.push(...notes.map(batchLeaf));
    afterSeq = notes.length < BATCHES_AT_ONCE ? toSeq : (notes.at(-1)?.seq ?? toSeq);
  }
  return leaves;
}

type Kept = readonly [collection: Collection, document: StoredDocument];

/** All at once: MongoDB then reads them in one command. */
async function readDocuments(store: HistoryStore): Promise<Kept[]> {
  const read = async (collection: Collection) =>
    (await store.documents(collection)).map((document) => [collection, document] as const);
  return (await Promise.all(COLLECTIONS.map(read))).flat();
}

async function auditTip(store: HistoryStore): Promise<AuditTip | null> {
  const [entry] = await store.journal({ journal: 'audit', from: null, descending: true, limit: 1 });
  return entry ? { index: entry.index, digest: entryDigest(entry) } : null;
}

function policyInUse(documents: readonly Kept[]): Pick<SealBody, 'policy'> {
  const known = documents.find(([collection, { id }]) => collection === 'settings' && id === POLICY_DOCUMENT);
  if (!known) return {};
  const { digest } = known[1].body;
  return { policy: typeof digest === 'string' ? digest : null };
}

export async function treeOf(leaves: readonly Leaf[]): Promise<Tree> {
  const tree = new MerkleTree();
  for (const [i, { hash }] of leaves.entries()) {
    if (i % HASHED_AT_ONCE === 0) await nextTurn();
    tree.add(Buffer.from(hash, 'hex'));
  }
  return { count: tree.count, root: tree.root() };
}

export interface NamedSeal {
  readonly index: number;
  readonly hash: string;
  readonly at: Instant;
  /** The last batch that the chain covers up to this seal. */
  readonly toSeq: number;
  /** `null` if it is not signed. */
  readonly kid: string | null;
}

/** A seal's time is its beginning, and it is stored a little later; an older one is certainly stored. */
const SETTLED_MS = 10 * MINUTE;

/** The last seal before a view, always the same for one view. `null` if there is none or it cannot be read. */
export function sealBefore(store: HistoryStore, pin: Pin): Promise<NamedSeal | null> {
  const until = shift(pin.at, -SETTLED_MS);
  return lastSealThat(store, ({ at }) => at <= until);
}

/** The last seal that covers nothing later than a view. A newer one may follow, also for the same view. */
export function newestSeal(store: HistoryStore, pin: Pin): Promise<NamedSeal | null> {
  return lastSealThat(store, ({ body }) => body !== null && body.toSeq <= pin.seq);
}

async function lastSealThat(
  store: HistoryStore,
  isWanted: (stored: StoredSeal) => boolean,
): Promise<NamedSeal | null> {
  const isBefore = async (n: number) => {
    const stored = await storedSeal(store, n);
    return stored !== null && isWanted(stored);
  };
  const last = await lastThat(0, await store.journalLength('seals'), isBefore);
  const { seal, body } = (last === 0 ? null : await storedSeal(store, last)) ?? {};
  if (!seal || !body) return null;
  const { index, at, toSeq, key } = body;
  return { index, at, toSeq, hash: seal.hash, kid: key?.kid ?? null };
}
