import { promisify } from 'node:util';
import { deflateRaw, deflateRawSync, inflateRaw } from 'node:zlib';
import type { HistoryStore } from '../../history/store.js';
import type { JournalEntry } from '../../model/documents.js';
import type { RunRecord } from '../../model/run.js';
import { canonicalJson, parsedJson, sha256 } from '../../values/canonical-json.js';
import type { Instant } from '../../values/instant.js';
import type { Leaf } from './leaf.js';
import { isPublicJwk, type PublicJwk, type Signer } from './signing-key.js';

/** The bytes that are hashed and signed, as RFC 8785 canonical JSON. */
export interface SealBody {
  readonly type: typeof SEAL_TYPE;
  readonly version: 1;
  /** From 1, without gaps. */
  readonly index: number;
  /** When it was begun (UTC). */
  readonly at: Instant;
  /** It covers the batches after this one, */
  readonly fromSeq: number;
  /** up to this one, which was recorded at `toAt`. */
  readonly toSeq: number;
  readonly toAt: Instant;
  /** The Merkle tree over the revisions of those batches. */
  readonly revisions: Tree;
  /** The same over their readings. */
  readonly ledger: Tree;
  /**
   * The same over the batches after `batches.fromSeq`: the instant and the result of each, and what it left of rows
   * that later ones overwrite. The first seal that has it covers all batches; seals of earlier versions do not have it.
   */
  readonly batches?: Tree & { readonly fromSeq: number };
  /** SHA-256 of the list of leaves, which is stored with the seal. */
  readonly list: string;
  /** The coverage of each stream at `toSeq`. */
  readonly coverage: readonly StreamCoverage[];
  /** The runs that ended since the previous seal, oldest first. */
  readonly runs: readonly SealedRun[];
  /** Every run that began before this instant and has ended is in this seal or an earlier one. */
  readonly runsBefore: Instant;
  /** Whether ended runs were left for the next seal. */
  readonly runsLeft: boolean;
  /** The last entry of the audit trail, each of which has the digest of the previous one; `null`: no entry. */
  readonly audit: AuditTip | null;
  /**
   * SHA-256 of the policy file that was in use; its text is the document `settings/policy-<digest>`, which the list of
   * leaves contains. Missing where no policy was ever in use, `null` if it no longer is.
   */
  readonly policy?: string | null;
  /** The hash of the previous seal; `null` in the first. */
  readonly previous: string | null;
  /** `null` if it is not signed. */
  readonly key: PublicJwk | null;
}

export const SEAL_TYPE = 'abnormal-gateway/seal';

export interface AuditTip {
  readonly index: number;
  /** SHA-256 of the canonical JSON of the entry as stored. */
  readonly digest: string;
}

export interface Tree {
  readonly count: number;
  /** In hex. */
  readonly root: string;
}

export interface StreamCoverage {
  readonly stream: string;
  readonly from: Instant;
  readonly to: Instant;
  readonly complete: boolean;
  /** The number of readings by status. */
  readonly windows: Readonly<Record<string, number>>;
  /** The newest; `gapCount` counts all. */
  readonly gaps: readonly { readonly from: Instant; readonly to: Instant; readonly reason: string }[];
  readonly gapCount: number;
}

export interface SealedRun
  extends Pick<
    RunRecord,
    'id' | 'integration' | 'resource' | 'trigger' | 'status' | 'startedAt' | 'endedAt'
  > {
  readonly parameters: RunRecord['parameters'];
  readonly digest: string;
}

/** As stored: the signed bytes, their hash and signature, and the list of leaves. */
export interface Seal {
  readonly text: string;
  readonly hash: string;
  /** Ed25519 over `text`, in base64. */
  readonly signature: string | null;
  /** Compressed; see `packLeaves`. */
  readonly leaves: string;
}

export function makeSeal(body: SealBody, leaves: string, signer: Signer | null): Seal {
  const text = canonicalJson(body);
  return { text, hash: sha256(text), signature: signer?.sign(text) ?? null, leaves };
}

/** A longer list of leaves is stored compressed. */
const LONG_LIST = 8_192;

/** As an entry of the journal: a short list of leaves as text, which the store compresses with the rest. */
export function journalBody(seal: Seal, list: string): JournalEntry['body'] {
  if (list.length > LONG_LIST) return { ...seal };
  const { leaves: _leaves, ...others } = seal;
  return { ...others, list };
}

/** `null` if the entry has none. */
export function sealIn(body: JournalEntry['body']): Seal | null {
  const { text, hash, signature, list } = body;
  const leaves = typeof list === 'string' ? deflateRawSync(list).toString('base64') : body.leaves;
  if (typeof text !== 'string' || typeof hash !== 'string' || typeof leaves !== 'string') return null;
  if (signature !== null && typeof signature !== 'string') return null;
  return { text, hash, signature, leaves };
}

/** `null` if it cannot be read. */
export function bodyOf({ text }: Pick<Seal, 'text'>): SealBody | null {
  const value = parsedJson(text);
  return isBody(value) ? value : null;
}

/** `seal` or `body` is `null` if it cannot be read. */
export interface StoredSeal {
  readonly index: number;
  readonly at: Instant;
  readonly seal: Seal | null;
  readonly body: SealBody | null;
}

/** The seal at `index`, or the last one if `index` is `null`; `null` if there is none. */
export async function storedSeal(store: HistoryStore, index: number | null): Promise<StoredSeal | null> {
  const [stored] = await sealsBefore(store, index === null ? null : index + 1, 1);
  return stored && (index === null || stored.index === index) ? stored : null;
}

/** The last seals before one (`null`: of all), newest first. */
export async function sealsBefore(
  store: HistoryStore,
  index: number | null,
  limit: number,
): Promise<StoredSeal[]> {
  const entries = await store.journal({ journal: 'seals', from: index, descending: true, limit });
  return entries.map(({ index, at, body }) => {
    const seal = sealIn(body);
    return { index, at, seal, body: seal && bodyOf(seal) };
  });
}

/** The last number in `[low, high]` for which `holds`, by bisection; it must hold for `low` and up to the answer. */
export async function lastThat(
  low: number,
  high: number,
  holds: (n: number) => Promise<boolean>,
): Promise<number> {
  let [good, bad] = [low, high + 1];
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (await holds(middle)) good = middle;
    else bad = middle;
  }
  return good;
}

function isBody(value: unknown): value is SealBody {
  if (typeof value !== 'object' || value === null) return false;
  const { type, version, index, fromSeq, toSeq, at, toAt, list, runsBefore, ...rest } =
    value as Partial<SealBody>;
  const { revisions, ledger, batches, coverage, runs, audit, policy, previous, key } = rest;
  return (
    type === SEAL_TYPE &&
    version === 1 &&
    [index, fromSeq, toSeq].every(Number.isSafeInteger) &&
    [at, toAt, list, runsBefore].every((text) => typeof text === 'string') &&
    [revisions, ledger].every(isTree) &&
    (batches === undefined || (isTree(batches) && Number.isSafeInteger(batches.fromSeq))) &&
    isListOf(coverage, ({ stream }) => typeof stream === 'string') &&
    isListOf(runs, ({ id, digest }) => typeof id === 'string' && typeof digest === 'string') &&
    (audit === null || (Number.isSafeInteger(audit?.index) && typeof audit?.digest === 'string')) &&
    (policy === undefined || policy === null || typeof policy === 'string') &&
    (previous === null || typeof previous === 'string') &&
    (key === null || isPublicJwk(key))
  );
}

function isTree(tree: Tree | undefined): boolean {
  return typeof tree?.root === 'string' && Number.isSafeInteger(tree.count);
}

function isListOf<T extends object>(list: readonly T[] | undefined, isOne: (each: T) => boolean): boolean {
  return (
    Array.isArray(list) && list.every((each) => typeof each === 'object' && each !== null && isOne(each))
  );
}

export interface LeafList {
  readonly revisions: readonly Leaf[];
  readonly ledger: readonly Leaf[];
  readonly batches: readonly Leaf[];
  /** All documents that existed at the time. */
  readonly documents: readonly Leaf[];
}

const compress = promisify(deflateRaw);
const expand = promisify(inflateRaw);

/**
 * One leaf per line: a JSON array of `r` (revision), `l` (reading), `b` (batch) or `d` (document), the batch
 * (or the document's version), the leaf's name and its hash.
 */
export function leafListText({ revisions, ledger, batches, documents }: LeafList): string {
  const lines = [revisions.map(lineOf('r')), ledger.map(lineOf('l'))];
  return [...lines, batches.map(lineOf('b')), documents.map(lineOf('d'))].flat().join('');
}

function lineOf(sort: 'r' | 'l' | 'b' | 'd') {
  return ({ seq, name, hash }: Leaf) => `${JSON.stringify([sort, seq, ...name, hash])}\n`;
}

/** For storage: raw deflate, in base64. */
export async function packLeaves(text: string): Promise<string> {
  return (await compress(Buffer.from(text))).toString('base64');
}

/** `null` if it cannot be read. */
export async function unpackLeaves(packed: string): Promise<(LeafList & { readonly text: string }) | null> {
  try {
    const bytes = await expand(Buffer.from(packed, 'base64'), { maxOutputLength: MOST_BYTES });
    const text = bytes.toString('utf8');
    const lines = text.split('\n').slice(0, -1).map(readLine);
    const of = (sort: string) => lines.filter((line) => line.sort === sort).map(({ leaf }) => leaf);
    return { text, revisions: of('r'), ledger: of('l'), batches: of('b'), documents: of('d') };
  } catch {
    return null;
  }
}

/** More than any seal's list, so that a forged one does not fill the memory. */
const MOST_BYTES = 256 * 1024 * 1024;

function readLine(line: string): { sort: string; leaf: Leaf } {
  const [sort = '', seq, ...rest] = JSON.parse(line) as [string, number, ...string[]];
  return { sort, leaf: { seq, name: rest.slice(0, -1), hash: rest.at(-1) ?? '' } };
}

/** SHA-256 of a journal's entry as stored, in hex. */
export function entryDigest({ index, at, body }: JournalEntry): string {
  return sha256(canonicalJson({ index, at, body }));
}
