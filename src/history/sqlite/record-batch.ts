import { type Observation, OPEN_SEQ } from '../../model/revision.js';
import { streamText } from '../../model/stream.js';
import { isListed, type Kind, keyText, type RecordKey } from '../../resources/registry.js';
import { type Instant, latest, shift } from '../../values/instant.js';
import { statementOf } from '../batch-statement.js';
import { type Batch, type Pin, type Recorded, releasedKeys } from '../store.js';
import { LiveCounts, References, TimeMarks } from './batch-indexes.js';
import { type BatchOperation, grouped, planBatch } from './batch-plan.js';
import { listedFields, toValues } from './columns.js';
import type { Connection, Integrations } from './connection.js';
import type { SqlValue } from './driver.js';
import { statements } from './schema.js';

/** The newest view, and how far revisions are numbered in it. */
export interface Head extends Pin {
  /** The newest revision's number. */
  readonly lastRev: number;
}

/** What is held of a key. */
interface Current {
  readonly rev: number;
  readonly seqFrom: number;
  readonly verifiedAt: Instant;
  readonly verifiedSeq: number;
  readonly digest: string;
  readonly deleted: boolean;
}

const INSERT_BODY = 'INSERT INTO bodies (rev, record, received) VALUES (?, ?, ?)';
const INSERT_BATCH = 'INSERT INTO batches (seq, at, id, run_id, last_rev, outcome) VALUES (?, ?, ?, ?, ?, ?)';

/** Writes one batch, once, within a transaction that the caller has begun. */
export class BatchWriter {
  /** Revisions that stand differently once the batch is in. */
  readonly touched: number[] = [];
  /** Keys (as `keyText`) that have a newer revision once the batch is in. */
  readonly renewed: string[] = [];
  readonly #pin: Pin;
  readonly #current = new Map<string, Current>();
  readonly #counts = { added: 0, changed: 0, unchanged: 0, deleted: 0 };
  readonly #conflicts = new Set<Observation>();
  readonly #liveCounts = new LiveCounts();
  readonly #marks = new TimeMarks();
  readonly #references = new References();
  readonly #bodies: [rev: number, seen: Observation][] = [];
  /** The versions that the batch brings or confirms, by their keys, as they are left. */
  readonly #verified = new Map<string, { key: RecordKey; seqFrom: number; verifiedAt: Instant }>();
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

  get recorded(): Recorded {
    const conflicts = this.batch.observations.filter((seen) => this.#conflicts.has(seen));
    return { ...this.#pin, ...this.#counts, conflicts: conflicts.map(({ key }) => key) };
  }

  get head(): Head {
    return { ...this.#pin, lastRev: this.#lastRev };
  }

  write(): void {
    const { seq, at } = this.#pin;
    const operations = planBatch(this.batch);
    this.#loadCurrent(operations);
    for (const operation of operations) {
      if (operation.seen) this.#observe(operation, operation.seen);
      else this.#bury(operation);
    }
    for (const [rev, { record, received }] of this.#bodies) {
      this.connection.run(INSERT_BODY, [rev, JSON.stringify(record), received]);
    }
    this.#references.write(this.connection);
    this.#marks.write(this.connection, this.#pin);
    this.#liveCounts.write(this.connection, seq);
    const freed = writeLedger(this.connection, this.batch, seq);
    const stated = statementOf(this.batch, freed, this.#verified.values());
    const outcome = JSON.stringify({ ...this.recorded, stated });
    const { id, run } = this.batch;
    this.connection.run(INSERT_BATCH, [seq, at, id, run.id, this.#lastRev, outcome]);
  }

  #loadCurrent(operations: readonly BatchOperation[]): void {
    for (const [kind, ofKind] of grouped(operations, ({ key }) => key.kind)) {
      for (const [integration, some] of grouped(ofKind, ({ key }) => key.integration)) {
        const ids = JSON.stringify([...new Set(some.map(({ key }) => key.id))]);
        const n = this.integrations.numberOf(integration);
        for (const [id, ...row] of this.connection.all(statements(kind).current, [ids, n, OPEN_SEQ])) {
          this.#current.set(keyText({ integration, kind, id: String(id) }), currentOf(row));
        }
      }
    }
  }

  #observe({ key, text }: BatchOperation, seen: Observation): void {
    const current = this.#current.get(text);
    const live = current && !current.deleted;
    if (live && current.digest === seen.digest) this.#verify(text, current, seen);
    else if (current && this.#isNewer(current, seen)) this.#conflicts.add(seen);
    else {
      this.#insert(text, current, seen);
      this.#counts[live ? 'changed' : 'added'] += 1;
      if (!live) this.#liveCounts.add(key.kind, this.integrations.numberOf(key.integration), 1);
    }
  }

  /** Whether what is held was confirmed by a batch that the observation did not know of. */
  #isNewer(current: Current, seen: Observation): boolean {
    return current.verifiedSeq > seen.basis || current.seqFrom === this.#pin.seq;
  }

  #verify(text: string, current: Current, { key, fetchedAt }: Observation): void {
    const verifiedAt = latest(current.verifiedAt, fetchedAt);
    this.connection.run(statements(key.kind).verify, [verifiedAt, this.#pin.seq, current.rev]);
    this.touched.push(current.rev);
    this.#current.set(text, { ...current, verifiedAt, verifiedSeq: this.#pin.seq });
    this.#verified.set(text, { key, seqFrom: current.seqFrom, verifiedAt });
    this.#counts.unchanged += 1;
  }

  #bury({ key, text }: BatchOperation): void {
    const current = this.#current.get(text);
    if (!current || current.deleted) return;
    const { seq, at } = this.#pin;
    this.#close(text, current, key.kind);
    const rev = ++this.#lastRev;
    this.connection.run(statements(key.kind).bury, [rev, seq, at, current.rev]);
    this.#current.set(text, { ...current, rev, ...this.#confirmed(at), deleted: true });
    this.#verified.set(text, { key, seqFrom: seq, verifiedAt: at });
    this.#liveCounts.add(key.kind, this.integrations.numberOf(key.integration), -1);
    this.#counts.deleted += 1;
  }

  #insert(text: string, current: Current | undefined, seen: Observation): void {
    const { key, record, digest, origin, fetchedAt } = seen;
    const n = this.integrations.numberOf(key.integration);
    const fields = isListed(key.kind) ? listedFields(key.kind, record) : null;
    if (current) this.#close(text, current, key.kind);
    const rev = ++this.#lastRev;
    this.connection.run(statements(key.kind).insert, [
      ...[rev, n, key.id, this.#pin.seq, fetchedAt, digest, origin],
      ...(isListed(key.kind) && fields ? toValues(key.kind, fields) : []),
    ]);
    this.#current.set(text, { rev, digest, deleted: false, ...this.#confirmed(fetchedAt) });
    this.#verified.set(text, { key: seen.key, seqFrom: this.#pin.seq, verifiedAt: fetchedAt });
    this.#bodies.push([rev, seen]);
    if (fields === null) return;
    this.#marks.add(key.kind, n, rev, fields);
    this.#references.add(key.kind, n, rev, fields);
  }

  #close(text: string, { rev }: Current, kind: Kind): void {
    this.connection.run(statements(kind).close, [this.#pin.seq, rev]);
    this.touched.push(rev);
    this.renewed.push(text);
  }

  #confirmed(verifiedAt: Instant): Pick<Current, 'seqFrom' | 'verifiedAt' | 'verifiedSeq'> {
    return { seqFrom: this.#pin.seq, verifiedAt, verifiedSeq: this.#pin.seq };
  }
}

function currentOf([rev, seqFrom, verifiedAt, verifiedSeq, digest, deleted]: readonly SqlValue[]): Current {
  return {
    rev: Number(rev),
    seqFrom: Number(seqFrom),
    verifiedAt: String(verifiedAt),
    verifiedSeq: Number(verifiedSeq),
    digest: String(digest),
    deleted: deleted === 1,
  };
}

// an update where there is one, so that the newest row's number stays the number of runs
const RUN = `INSERT INTO runs (id, integration, started_at, run) VALUES (?1, ?2, ?3, ?4)
  ON CONFLICT (id) DO UPDATE SET integration = ?2, started_at = ?3, run = ?4`;
const ENTRY = 'INSERT INTO ledger (stream, win_from, win_to, seq, entry) VALUES (?, ?, ?, ?, ?)';
const STREAM = 'INSERT OR REPLACE INTO streams (stream, state) VALUES (?, ?)';
const SET_ASIDE = 'INSERT OR REPLACE INTO quarantine (integration, kind, id, entry) VALUES (?, ?, ?, ?)';
const RELEASE = 'DELETE FROM quarantine WHERE integration = ? AND kind = ? AND id = ? RETURNING 1';

/**
 * Writes what a batch brings besides revisions: its run, the ledger, the streams' states, the quarantine. The keys
 * that it took out of quarantine, where they had been before.
 */
function writeLedger(connection: Connection, batch: Batch, seq: number): string[] {
  const { run, ledger, streams, quarantine } = batch;
  connection.run(RUN, [run.id, run.integration, run.startedAt, JSON.stringify(run)]);
  for (const entry of ledger) {
    const json = JSON.stringify({ ...entry, seq });
    connection.run(ENTRY, [streamText(entry), entry.from, entry.to, seq, json]);
  }
  for (const state of streams) connection.run(STREAM, [streamText(state), JSON.stringify(state)]);
  const out = new Map(releasedKeys(batch).map((key) => [keyText(key), key]));
  const freed = release(connection, out);
  for (const entry of quarantine) {
    if (out.has(keyText(entry.key))) continue;
    const { integration, kind, id } = entry.key;
    connection.run(SET_ASIDE, [integration, kind, id, JSON.stringify(entry)]);
  }
  return freed;
}

function release(connection: Connection, out: ReadonlyMap<string, RecordKey>): string[] {
  // nearly always there is nothing in quarantine
  if (connection.first('SELECT 1 FROM quarantine LIMIT 1') === undefined) return [];
  return [...out].flatMap(([text, { integration, kind, id }]) =>
    connection.all(RELEASE, [integration, kind, id]).map(() => text),
  );
}
