import { getHeapStatistics } from 'node:v8';
import { nextTurn } from '../../async/waiting.js';
import { OPEN_SEQ, type Origin, type RevisionRecord } from '../../model/revision.js';
import { KINDS, type Kind, keyText, type RecordKey } from '../../resources/registry.js';
import { BoundedCache, CACHE_BYTES, textBytes } from '../../values/bounded-cache.js';
import { DamagedRecordError, damageOf, HistoryError, withRecord } from '../errors.js';
import type { Confirmation, ReceivedRevision } from '../store.js';
import { referencesIn, unpackReceived, unpackText } from '../stored-texts.js';
import type { Connection, Integrations } from './connection.js';
import type { Row, SqlValue } from './driver.js';

/** What changes of a revision while it stands. */
type Standing = Pick<RevisionRecord, 'seqTo' | 'observedTo' | 'verifiedAt'>;

interface Entry {
  /** The generation as of which it is known how the revision stands. */
  readonly generation: number;
  readonly revision: RevisionRecord;
  /** What it takes in memory. */
  readonly bytes: number;
}

// no batch has replaced the newest version, which most reads want: none is looked for
const REPLACED_AT = `iif(t.seq_to = ${OPEN_SEQ}, NULL, (SELECT at FROM batches WHERE seq = t.seq_to))`;
const STANDING = `t.rev, t.seq_to, ${REPLACED_AT}, t.verified_at`;
const FACTS = `${STANDING}, t.integration, t.id, t.seq_from, f.at, t.digest, f.run_id, t.origin, t.deleted`;

/** How many revisions are decoded before other work is let in: at first, and at most. */
const FIRST_AT_ONCE = 50;
const AT_ONCE = 200;
/** How long decoding may take before other work is let in, in ms; a threat may have thousands of messages. */
const TURN_MS = 8;
/** What a record takes once it is decoded, for each byte of its JSON; 1.3 was measured on threats of 3 KB. */
const BYTES_A_BYTE = 1.5;
/** What a revision takes besides its record. */
const REVISION_BYTES = 700;
/** Of how many revisions it is known that they were read once. */
const READ_ONCE = 2_048;
const MIB = 1024 * 1024;
/** What other work needs of a heap, and the least that this cache has. */
const OTHERS_MIB = 96;
const LEAST_MIB = 16;
const CONFIRMED_AT_ONCE = 2_000;
const RECEIVED_AT_ONCE = 100;

/**
 * Revisions by their numbers. A version's record never changes, so one that is read a second time is kept, as many
 * as fit; most are read once, and keeping those would cost more than decoding them. So would keeping what a seal, a
 * report or an export walks through. How a revision stands is read again after it may have changed.
 */
export class Revisions {
  readonly #entries: BoundedCache<Entry, number>;
  /** The newest revision of a key, where it is known. */
  readonly #newest = new BoundedCache<number>('sqliteNewestRevisions', () => 0);
  /** The number of the revision that was last read at each place, which is the number's remainder. */
  readonly #readOnce = new Float64Array(READ_ONCE);
  #generation = 0;
  #atOnce = FIRST_AT_ONCE;

  constructor(
    private readonly connection: Connection,
    private readonly integrations: Integrations,
    cacheBytes = cacheBytesOf(getHeapStatistics().heap_size_limit),
  ) {
    this.#entries = new BoundedCache('sqliteRevisions', ({ bytes }) => bytes, cacheBytes);
  }

  /** The revisions of one kind with these numbers, in their order; those of a walk are not kept. */
  of<K extends Kind>(kind: K, revs: readonly number[], isWalk = false): RevisionRecord<K>[] {
    const known = revs.map((rev) => this.#entries.get(rev));
    const missing = revs.filter((_, i) => known[i] === undefined);
    // held here, since what is read now may push them out of the cache
    const stale = new Map<number, Entry>();
    for (const [i, entry] of known.entries()) {
      if (entry && entry.generation < this.#generation) stale.set(revs[i] ?? 0, entry);
    }
    const read = missing.length > 0 ? this.#read(kind, missing, isWalk) : null;
    const renewed = stale.size > 0 ? this.#renew(kind, stale) : null;
    return revs.map((rev, i) => {
      const revision = read?.get(rev) ?? renewed?.get(rev) ?? known[i]?.revision;
      if (!revision)
        throw new HistoryError('DAMAGED', `Version ${rev} of kind ${kind} is not in the history.`);
      return revision as RevisionRecord<K>;
    });
  }

  /** As `of`, letting other work in between when there are many to decode. */
  async ofMany<K extends Kind>(
    kind: K,
    revs: readonly number[],
    isWalk = false,
  ): Promise<RevisionRecord<K>[]> {
    const revisions: RevisionRecord<K>[] = [];
    for await (const some of this.inChunks(kind, revs, isWalk)) revisions.push(...some);
    return revisions;
  }

  /** As `ofMany`, some at a time. */
  async *inChunks<K extends Kind>(
    kind: K,
    revs: readonly number[],
    isWalk: boolean,
  ): AsyncGenerator<RevisionRecord<K>[]> {
    for (let from = 0, to = 0; to < revs.length; from = to) {
      if (from > 0) await nextTurn();
      to = Math.min(revs.length, from + this.#atOnce);
      const begun = performance.now();
      const found = this.of(kind, revs.slice(from, to), isWalk);
      this.#adapt(to - from, performance.now() - begun);
      yield found;
    }
  }

  /** As many at once as recent ones could be decoded in a turn. */
  #adapt(count: number, ms: number): void {
    const fitting = Math.floor((count * TURN_MS) / Math.max(ms, 0.1));
    // a few quick ones say little of others, and those that were in memory nothing
    this.#atOnce = Math.max(1, Math.min(AT_ONCE, fitting, 2 * this.#atOnce));
  }

  /** The newest revision of a key, if it is known and visible at `seq`. */
  newest(key: RecordKey, seq: number): RevisionRecord | undefined {
    const rev = this.#newest.get(keyText(key));
    const entry = rev === undefined ? undefined : this.#entries.get(rev);
    if (!entry || entry.generation < this.#generation || entry.revision.seqFrom > seq) return undefined;
    return entry.revision;
  }

  /** What this process has just committed: revisions that stand differently, and keys with a newer one. */
  changed(revs: Iterable<number>, keys: Iterable<string>): void {
    for (const key of keys) this.#newest.delete(key);
    for (const rev of revs) {
      const entry = this.#entries.peek(rev);
      if (entry) this.#keep(rev, { ...entry, generation: -1 });
    }
  }

  /** Another process has committed something: how revisions stand is no longer known. */
  outdate(): void {
    this.#generation += 1;
    this.#newest.clear();
  }

  #read(kind: Kind, revs: readonly number[], isWalk: boolean): Map<number, RevisionRecord> {
    const sql = `SELECT ${FACTS}, b.record AS json
      FROM json_each(?) r CROSS JOIN "${kind}" t ON t.rev = r.value
      CROSS JOIN batches f ON f.seq = t.seq_from
      LEFT JOIN bodies b ON b.rev = coalesce(t.body, t.rev)`;
    const found = new Map<number, RevisionRecord>();
    for (const row of this.connection.all(sql, [JSON.stringify(revs)])) {
      const rev = Number(row[0]);
      const text = this.#recordText(rev, kind, row.at(-1));
      const revision = withRecord(factsOf(kind, row, this.integrations), text);
      found.set(rev, revision);
      // a damaged one is read again each time: it may have been restored
      if (!isWalk && this.#isReadAgain(rev) && damageOf(revision) === null) {
        const bytes = REVISION_BYTES + BYTES_A_BYTE * textBytes(text ?? '');
        this.#keep(rev, { generation: this.#generation, revision, bytes });
      }
    }
    return found;
  }

  #isReadAgain(rev: number): boolean {
    if (this.#readOnce[rev % READ_ONCE] === rev) return true;
    this.#readOnce[rev % READ_ONCE] = rev;
    return false;
  }

  /** A record's JSON as stored. Text that is not UTF-8 comes with U+FFFD, which a text may also hold itself. */
  #recordText(rev: number, kind: Kind, cell: SqlValue | undefined): string | null {
    const text = unpackText(cell);
    if (typeof cell !== 'string' || !cell.includes('\ufffd')) return text;
    const sql = `SELECT b.record = ? FROM "${kind}" t CROSS JOIN bodies b ON b.rev = coalesce(t.body, t.rev)
      WHERE t.rev = ?`;
    return this.connection.first(sql, [text, rev])?.[0] === 1 ? text : null;
  }

  #renew(kind: Kind, entries: ReadonlyMap<number, Entry>): Map<number, RevisionRecord> {
    const sql = `SELECT ${STANDING}
      FROM json_each(?) r CROSS JOIN "${kind}" t ON t.rev = r.value`;
    const found = new Map<number, RevisionRecord>();
    for (const row of this.connection.all(sql, [JSON.stringify([...entries.keys()])])) {
      const rev = Number(row[0]);
      const entry = entries.get(rev);
      if (!entry) continue;
      const revision = { ...entry.revision, ...standing(row) };
      found.set(rev, revision);
      this.#keep(rev, { ...entry, generation: this.#generation, revision });
    }
    return found;
  }

  #keep(rev: number, entry: Entry): void {
    this.#entries.set(rev, entry);
    if (entry.revision.seqTo === OPEN_SEQ && entry.generation === this.#generation) {
      this.#newest.set(keyText(entry.revision.key), rev);
    }
  }
}

/** A third of what a heap of this size has to spare, in bytes: all of the limit with that of `npm start`. */
export function cacheBytesOf(heap: number): number {
  const spare = Math.floor((heap - OTHERS_MIB * MIB) / 3);
  return Math.min(CACHE_BYTES.sqliteRevisions, Math.max(LEAST_MIB * MIB, spare));
}

/** What a row with the columns of `FACTS` says of a version. */
function factsOf(kind: Kind, row: Row, integrations: Integrations): Omit<RevisionRecord, 'record'> {
  const [integration, id, seqFrom, observedFrom, digest, runId, origin, deleted] = row.slice(4);
  return {
    key: { integration: integrations.nameOf(Number(integration)), kind, id: String(id) },
    seqFrom: Number(seqFrom),
    ...standing(row),
    observedFrom: String(observedFrom),
    digest: String(digest),
    runId: String(runId),
    origin: origin as Origin,
    deleted: deleted === 1,
  };
}

function standing([, seqTo, observedTo, verifiedAt]: readonly SqlValue[]): Standing {
  return {
    seqTo: Number(seqTo),
    observedTo: typeof observedTo === 'string' ? observedTo : null,
    verifiedAt: String(verifiedAt),
  };
}

/** When each version was last verified, and by which batch. */
export async function* readConfirmations(
  connection: Connection,
  integrations: Integrations,
): AsyncGenerator<readonly Confirmation[]> {
  for (const kind of KINDS) {
    const sql = `SELECT rev, integration, id, seq_from, verified_at, coalesce(verified_seq, seq_from)
      FROM "${kind}" WHERE rev > ? ORDER BY rev LIMIT ${CONFIRMED_AT_ONCE}`;
    for (let last = 0, rows: Row[] = []; ; last = Number(rows.at(-1)?.[0])) {
      rows = connection.all(sql, [last]);
      yield rows.map(([, integration, id, seqFrom, verifiedAt, confirmedBy]) => ({
        key: { integration: integrations.nameOf(Number(integration)), kind, id: String(id) },
        ...{ seqFrom: Number(seqFrom), verifiedAt: String(verifiedAt), confirmedBy: Number(confirmedBy) },
      }));
      if (rows.length < CONFIRMED_AT_ONCE) break;
      await nextTurn();
    }
  }
}

/** The revisions of one kind with these numbers, in their order, as they stand, with what was received. */
export async function readReceived(
  connection: Connection,
  integrations: Integrations,
  kind: Kind,
  revs: readonly number[],
): Promise<ReceivedRevision[]> {
  const sql = `SELECT ${FACTS}, coalesce(t.body, t.rev)
    FROM json_each(?) r CROSS JOIN "${kind}" t ON t.rev = r.value
    CROSS JOIN batches f ON f.seq = t.seq_from
    ORDER BY r.key`;
  const found: ReceivedRevision[] = [];
  for (let i = 0; i < revs.length; i += RECEIVED_AT_ONCE) {
    if (i > 0) await nextTurn();
    const rows = connection.all(sql, [JSON.stringify(revs.slice(i, i + RECEIVED_AT_ONCE))]);
    const texts = receivedTexts(
      connection,
      rows.map((row) => Number(row.at(-1))),
    );
    for (const row of rows) {
      const facts = factsOf(kind, row, integrations);
      const received = texts.get(String(row.at(-1)));
      if (received === undefined) throw new DamagedRecordError(facts.key, facts.seqFrom);
      found.push({ ...facts, received });
    }
  }
  if (found.length !== revs.length)
    throw new HistoryError('DAMAGED', `Versions of kind ${kind} are not in the history.`);
  return found;
}

/** Received texts by the numbers of the revisions that brought them; none where it cannot be read. */
export function receivedTexts(connection: Connection, revs: readonly number[]): ReadonlyMap<string, string> {
  const sql = 'SELECT b.rev, b.received FROM json_each(?) r CROSS JOIN bodies b ON b.rev = r.value';
  const read = (names: readonly (string | number)[]): [string, SqlValue][] =>
    connection.all(sql, [JSON.stringify(names.map(Number))]).map(([rev, cell = null]) => [String(rev), cell]);
  const cells = new Map(read(revs));
  for (const [rev, cell] of read(referencesIn(cells))) cells.set(rev, cell);
  return unpackReceived(revs.map(String), cells);
}
