import { compareValues, type Fields } from '../model/filter.js';
import { type Instant, latest, shift } from '../model/instant.js';
import { KINDS, type Kind, keyText, type ListedKind, type RecordKey } from '../model/kind.js';
import { type Observation, OPEN_SEQ } from '../model/revision.js';
import { streamText } from '../model/stream.js';
import {
  COLUMN_NAMES,
  COLUMNS,
  isListed,
  listedFields,
  references,
  toValues,
  wellFormed,
} from './sqlite-columns.js';
import type { Connection, SqlValue } from './sqlite-connection.js';
import type { Integrations } from './sqlite-integrations.js';
import { REVISION_COLUMNS, referenceTable, referenceValue } from './sqlite-schema.js';
import { Tops } from './sqlite-tops.js';
import type { Batch, Pin, Recorded } from './store.js';

/** The head as the writer remembers it. */
export interface Head extends Pin {
  /** The newest revision's number. */
  readonly lastRev: number;
}

interface Current {
  readonly rev: number;
  readonly seqFrom: number;
  readonly verifiedAt: Instant;
  readonly verifiedSeq: number;
  readonly digest: string;
  readonly origin: string;
  readonly deleted: boolean;
  readonly body: number;
}

/** What is to happen to one key. */
interface Deed {
  readonly key: RecordKey;
  readonly text: string;
  /** `null`: a tombstone. */
  readonly seen: Observation | null;
}

type Outcome = 'added' | 'changed' | 'unchanged' | 'deleted' | 'conflict' | 'nothing';

/** Writes one batch within a transaction that the caller has begun. */
export class BatchWriter {
  readonly #current = new Map<string, Current>();
  readonly #counts = { added: 0, changed: 0, unchanged: 0, deleted: 0 };
  readonly #live = new Map<Kind, Map<number, number>>();
  readonly #conflicts = new Set<Observation>();
  readonly #pin: Pin;
  readonly #tops = new Tops();
  #lastRev: number;

  constructor(
    private readonly connection: Connection,
    private readonly integrations: Integrations,
    private readonly batch: Batch,
    head: Head,
  ) {
    this.#pin = { seq: head.seq + 1, at: latest(batch.now, shift(head.at, 1)) };
    this.#lastRev = head.lastRev;
  }

  /** Revisions that stand differently once the batch is in. */
  readonly touched: number[] = [];
  /** Keys (as `keyText`) that have a newer revision once the batch is in. */
  readonly renewed: string[] = [];

  write(): void {
    const deeds = deedsOf(this.batch);
    this.#loadCurrent(deeds);
    for (const deed of deeds)
      this.#count(deed, deed.seen ? this.#observe(deed, deed.seen) : this.#bury(deed));
    this.#tops.write(this.connection, this.#pin);
    this.#tally();
    this.#keepBooks();
    const { seq, at } = this.#pin;
    const outcome = JSON.stringify(this.recorded);
    this.connection.run('INSERT INTO batches (seq, at, id, last_rev, outcome) VALUES (?, ?, ?, ?, ?)', [
      ...[seq, at, this.batch.id, this.#lastRev, outcome],
    ]);
  }

  get recorded(): Recorded {
    const conflicts = this.batch.observations.filter((seen) => this.#conflicts.has(seen));
    return { ...this.#pin, ...this.#counts, conflicts: conflicts.map(({ key }) => key) };
  }

  get head(): Head {
    return { ...this.#pin, lastRev: this.#lastRev };
  }

  #loadCurrent(deeds: readonly Deed[]): void {
    for (const [kind, ofKind] of grouped(deeds, ({ key }) => key.kind)) {
      for (const [name, some] of grouped(ofKind, ({ key }) => key.integration)) {
        const ids = JSON.stringify([...new Set(some.map(({ key }) => wellFormed(key.id)))]);
        const rows = this.connection.all(statements(kind).current, [
          ids,
          this.integrations.numberOf(name),
          OPEN_SEQ,
        ]);
        for (const [id, ...row] of rows) {
          this.#current.set(keyText({ integration: name, kind, id: String(id) }), currentOf(row));
        }
      }
    }
  }

  #observe({ text, key }: Deed, seen: Observation): Outcome {
    const current = this.#current.get(text);
    if (current && !current.deleted && current.digest === seen.digest)
      return this.#verify(text, current, seen);
    if (current && (current.verifiedSeq > seen.basis || current.seqFrom === this.#pin.seq)) return 'conflict';
    const fields = isListed(key.kind) ? listedFields(key.kind, seen.record) : null;
    const next = { ...seen, verifiedAt: seen.fetchedAt, deleted: false, body: null };
    const rev = this.#add(key, current, next, fields);
    this.connection.run(INSERT_BODY, [rev, JSON.stringify(seen.record), seen.received]);
    if (fields) this.#refer(key, rev, fields);
    return current && !current.deleted ? 'changed' : 'added';
  }

  #verify(text: string, current: Current, seen: Observation): Outcome {
    const verifiedAt = latest(current.verifiedAt, seen.fetchedAt);
    this.connection.run(statements(seen.key.kind).verify, [verifiedAt, this.#pin.seq, current.rev]);
    this.touched.push(current.rev);
    this.#current.set(text, { ...current, verifiedAt, verifiedSeq: this.#pin.seq });
    return 'unchanged';
  }

  #bury({ text, key }: Deed): Outcome {
    const current = this.#current.get(text);
    if (!current || current.deleted) return 'nothing';
    this.#add(key, current, { ...current, verifiedAt: this.#pin.at, deleted: true }, null);
    return 'deleted';
  }

  /** Closes the current revision, if there is one, and opens the next. */
  #add(
    key: RecordKey,
    current: Current | undefined,
    next: Pick<Current, 'verifiedAt' | 'digest' | 'origin' | 'deleted'> & {
      readonly body: number | null;
    },
    fields: Fields | null,
  ): number {
    const { seq, at } = this.#pin;
    if (current) {
      this.connection.run(statements(key.kind).close, [seq, at, current.rev]);
      this.touched.push(current.rev);
      this.renewed.push(keyText(key));
    }
    const rev = ++this.#lastRev;
    const opened: Current = { ...next, rev, seqFrom: seq, verifiedSeq: seq, body: next.body ?? rev };
    this.connection.run(statements(key.kind).insert, [
      ...[rev, this.integrations.numberOf(key.integration), key.id, seq, OPEN_SEQ, at, null],
      ...[next.verifiedAt, seq, next.digest, this.batch.run.id, next.origin, next.deleted ? 1 : 0],
      ...[opened.body, 0],
      ...(isListed(key.kind) ? fieldValues(key.kind, fields) : []),
    ]);
    this.#current.set(keyText(key), opened);
    return rev;
  }

  #refer({ kind, integration }: RecordKey, rev: number, fields: Fields): void {
    const n = this.integrations.numberOf(integration);
    this.#tops.add(kind, n, rev, fields);
    for (const { field, sql } of statements(kind).refer) {
      const values = references(fields, field);
      if (values.length > 0) this.connection.run(sql, [n, rev, JSON.stringify(values)]);
    }
  }

  #count({ key, seen }: Deed, outcome: Outcome): void {
    if (outcome === 'nothing') return;
    if (outcome === 'conflict') {
      if (seen) this.#conflicts.add(seen);
      return;
    }
    this.#counts[outcome] += 1;
    if (!isListed(key.kind) || (outcome !== 'added' && outcome !== 'deleted')) return;
    const ofKind = this.#live.get(key.kind) ?? new Map<number, number>();
    const n = this.integrations.numberOf(key.integration);
    ofKind.set(n, (ofKind.get(n) ?? 0) + (outcome === 'added' ? 1 : -1));
    this.#live.set(key.kind, ofKind);
  }

  #tally(): void {
    const sql = `INSERT INTO tallies (kind, integration, seq, live)
      SELECT ?1, ?2, ?3, ?4 + coalesce((SELECT live FROM tallies
        WHERE kind = ?1 AND integration = ?2 ORDER BY seq DESC LIMIT 1), 0)`;
    for (const [kind, ofKind] of this.#live) {
      for (const [integration, change] of ofKind) {
        this.connection.run(sql, [kind, integration, this.#pin.seq, change]);
      }
    }
  }

  #keepBooks(): void {
    const { run, ledger, streams, quarantine, released, observations, tombstones } = this.batch;
    const write = (sql: string, params: readonly SqlValue[]) => this.connection.run(sql, params);
    write('INSERT OR REPLACE INTO runs (id, integration, started_at, run) VALUES (?, ?, ?, ?)', [
      ...[run.id, run.integration, run.startedAt],
      JSON.stringify(run),
    ]);
    for (const entry of ledger) {
      const sql = 'INSERT INTO ledger (stream, win_from, win_to, seq, entry) VALUES (?, ?, ?, ?, ?)';
      const { seq } = this.#pin;
      write(sql, [streamText(entry), entry.from, entry.to, seq, JSON.stringify({ ...entry, seq })]);
    }
    for (const state of streams) {
      const sql = 'INSERT OR REPLACE INTO streams (stream, state) VALUES (?, ?)';
      write(sql, [streamText(state), JSON.stringify(state)]);
    }
    for (const entry of quarantine) {
      const sql = 'INSERT OR REPLACE INTO quarantine (integration, kind, id, entry) VALUES (?, ?, ?, ?)';
      write(sql, [entry.key.integration, entry.key.kind, entry.key.id, JSON.stringify(entry)]);
    }
    this.#release([...released, ...observations.map(({ key }) => key), ...tombstones]);
  }

  /** Takes keys out of quarantine, which is empty nearly always. */
  #release(keys: readonly RecordKey[]): void {
    if (this.connection.first('SELECT 1 FROM quarantine LIMIT 1') === undefined) return;
    for (const { integration, kind, id } of keys) {
      const sql = 'DELETE FROM quarantine WHERE integration = ? AND kind = ? AND id = ?';
      this.connection.run(sql, [integration, kind, id]);
    }
  }
}

/**
 * What a batch does, key by key. Revisions are numbered in the order in which `changes` gives them, so that
 * their numbers are their places. A key that is both observed and tombstoned is observed.
 */
function deedsOf({ observations, tombstones }: Batch): Deed[] {
  const observed = observations.map((seen): Deed => ({ key: seen.key, text: keyText(seen.key), seen }));
  const texts = new Set(observed.map(({ text }) => text));
  const gone = tombstones
    .map((key): Deed => ({ key, text: keyText(key), seen: null }))
    .filter(({ text }) => !texts.has(text));
  const deeds = [...observed, ...gone];
  for (const { key } of deeds) assertKey(key);
  return deeds.sort((a, b) => compareWritten(a.key, b.key));
}

function assertKey({ kind, id, integration }: RecordKey): void {
  // the driver cuts text at NUL when it is read back
  if (!KINDS.includes(kind) || id === '' || integration === '' || id.includes('\0')) {
    throw new TypeError(`not the key of a record: ${JSON.stringify({ integration, kind, id })}`);
  }
}

/** The order of the revisions of one batch. */
export function compareWritten(a: RecordKey, b: RecordKey): number {
  return (
    compareValues(a.kind, b.kind) || compareValues(a.integration, b.integration) || compareValues(a.id, b.id)
  );
}

function grouped<T, G>(items: readonly T[], groupOf: (item: T) => G): Map<G, T[]> {
  const groups = new Map<G, T[]>();
  for (const item of items) {
    const group = groups.get(groupOf(item));
    if (group) group.push(item);
    else groups.set(groupOf(item), [item]);
  }
  return groups;
}

function currentOf([
  rev,
  seqFrom,
  verifiedAt,
  verifiedSeq,
  digest,
  origin,
  deleted,
  body,
]: readonly SqlValue[]): Current {
  return {
    rev: Number(rev),
    seqFrom: Number(seqFrom),
    verifiedAt: String(verifiedAt),
    verifiedSeq: Number(verifiedSeq),
    digest: String(digest),
    origin: String(origin),
    deleted: deleted === 1,
    body: Number(body),
  };
}

/** A tombstone is in no list: its field columns stay empty. */
function fieldValues(kind: ListedKind, fields: Fields | null): SqlValue[] {
  return fields === null ? COLUMN_NAMES[kind].map(() => null) : toValues(kind, fields);
}

/** The statements of one kind, written once so that the connection knows them by sight. */
function statementsOf(kind: Kind) {
  const columns = [...REVISION_COLUMNS, ...(isListed(kind) ? COLUMN_NAMES[kind] : [])];
  const references = isListed(kind) ? COLUMNS[kind].filter(({ spec }) => spec.reference) : [];
  return {
    current: `SELECT k.value, t.rev, t.seq_from, t.verified_at, t.verified_seq, t.digest, t.origin, t.deleted,
        t.body
      FROM json_each(?) k
      CROSS JOIN "${kind}" t ON t.integration = ? AND t.id = k.value AND t.seq_to = ?`,
    insert: `INSERT INTO "${kind}" (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
    close: `UPDATE "${kind}" SET seq_to = ?, observed_to = ? WHERE rev = ?`,
    verify: `UPDATE "${kind}" SET verified_at = ?, verified_seq = ? WHERE rev = ?`,
    refer: references.map(({ field }) => ({
      field,
      sql: `INSERT INTO ${referenceTable(kind, field)} (integration, value, rev)
        SELECT ?, ${referenceValue('value')}, ? FROM json_each(?)`,
    })),
  };
}

const STATEMENTS = new Map(KINDS.map((kind) => [kind, statementsOf(kind)]));
const INSERT_BODY = 'INSERT INTO bodies (rev, record, received) VALUES (?, ?, ?)';

function statements(kind: Kind): ReturnType<typeof statementsOf> {
  return STATEMENTS.get(kind) ?? statementsOf(kind);
}
