import { streamText } from '../../model/ledger.js';
import { type Observation, OPEN_SEQ } from '../../model/revision.js';
import {
  groupKeys,
  isListed,
  KINDS,
  keyText,
  type ListedKind,
  type RecordKey,
  type RecordValues,
  recordValues,
} from '../../resources/registry.js';
import { latest, shift } from '../../values/instant.js';
import {
  type BatchOperation,
  type HeldVersion,
  keysOf,
  planBatch,
  quarantineAdditions,
  releasedKeys,
  statementOf,
} from '../batch-plan.js';
import type { BlockRow } from '../columns/block.js';
import { PAGE_READINGS, packReadings, type ReadingRow } from '../reading-pages.js';
import type { Batch, Pin, Recorded } from '../store.js';
import { packReceived, packText } from '../stored-texts.js';
import { type BlockSizes, type BlockSource, makeBlock, putBlock, writeBlock } from './column-blocks.js';
import { isName, listedFields, liveCountAt, TimeMarks, toValues } from './columns.js';
import { type Connection, Integrations } from './connection.js';
import type { Row } from './driver.js';
import { References, statements } from './schema.js';

/** The newest view, and how far revisions are numbered in it. */
export interface Head extends Pin {
  readonly lastRev: number;
}

/** What a batch left, for what is kept in memory. */
interface Written {
  readonly recorded: Recorded;
  readonly head: Head;
  /** Revisions that ended or were confirmed. */
  readonly touched: readonly number[];
  /** Keys (as `keyText`) that have a newer revision. */
  readonly renewed: readonly string[];
}

interface HeldRevision extends HeldVersion {
  readonly rev: number;
}

const INSERT_BODY = 'INSERT INTO bodies (rev, record, received) VALUES (?, ?, ?)';
const INSERT_LIVE_COUNT = 'INSERT INTO tallies (kind, integration, seq, live) VALUES (?, ?, ?, ?)';
const INSERT_BATCH = 'INSERT INTO batches (seq, at, id, run_id, last_rev, outcome) VALUES (?, ?, ?, ?, ?, ?)';

/** Writes one batch, once, within a transaction that the caller has begun. */
function writeBatch(
  connection: Connection,
  integrations: Integrations,
  batch: Batch,
  { seq, at, lastRev }: Head,
): Written {
  const pin = { seq: seq + 1, at: latest(batch.now, shift(at, 1)) };
  const { recorded, operations, liveChanges, verified } = planBatch(
    batch,
    pin,
    heldRevisions(connection, integrations, keysOf(batch)),
  );
  const revisions = new RevisionWriter(connection, integrations, pin, lastRev);
  for (const operation of operations) revisions.write(operation);
  const head = { ...pin, lastRev: revisions.end() };
  for (const { kind, integration, change } of liveChanges) {
    const n = integrations.numberOf(integration);
    const live = liveCountAt(connection, kind, n, pin.seq) + change;
    connection.run(INSERT_LIVE_COUNT, [kind, n, pin.seq, live]);
  }
  const stated = statementOf(batch, writeLedger(connection, batch, pin.seq), verified);
  const outcome = JSON.stringify({ ...recorded, stated });
  connection.run(INSERT_BATCH, [pin.seq, pin.at, batch.id, batch.run.id, head.lastRev, outcome]);
  return {
    ...{ recorded, head },
    touched: operations.flatMap(({ held }) => held?.rev ?? []),
    renewed: operations.flatMap(({ type, key, held }) => (held && type !== 'CONFIRM' ? keyText(key) : [])),
  };
}

function heldRevisions(
  connection: Connection,
  integrations: Integrations,
  keys: ReadonlyMap<string, RecordKey>,
): Map<string, HeldRevision> {
  for (const key of keys.values()) assertKey(key);
  const held = new Map<string, HeldRevision>();
  for (const { kind, integration, ids } of groupKeys(keys.values())) {
    const params = [JSON.stringify(ids), integrations.numberOf(integration), OPEN_SEQ];
    for (const [id, rev, seqFrom, verifiedAt, confirmedBy, digest, deleted] of connection.all(
      statements(kind).current,
      params,
    )) {
      held.set(keyText({ integration, kind, id: String(id) }), {
        ...{ rev: Number(rev), seqFrom: Number(seqFrom), confirmedBy: Number(confirmedBy) },
        ...{ verifiedAt: String(verifiedAt), digest: String(digest), deleted: deleted === 1 },
      });
    }
  }
  return held;
}

function assertKey({ kind, id, integration }: RecordKey): void {
  if (KINDS.includes(kind) && isName(id) && isName(integration)) return;
  throw new TypeError(`not the key of a record: ${JSON.stringify({ integration, kind, id })}`);
}

/** Writes a batch's revisions, numbered in the order in which they come. */
class RevisionWriter {
  readonly #marks = new TimeMarks();
  readonly #references = new References();
  readonly #bodies: [rev: number, observation: Observation][] = [];
  readonly #blocks = new Map<ListedKind, BlockRow[]>();
  readonly #revBefore: number;

  constructor(
    private readonly connection: Connection,
    private readonly integrations: Integrations,
    private readonly pin: Pin,
    private lastRev: number,
  ) {
    this.#revBefore = lastRev;
  }

  write(operation: BatchOperation<HeldRevision>): void {
    const { type, key, held, verifiedAt } = operation;
    const { confirm, close, bury } = statements(key.kind);
    const { seq } = this.pin;
    if (type === 'CONFIRM') {
      this.connection.run(confirm, [verifiedAt, seq, held.rev]);
      return;
    }
    if (held) this.connection.run(close, [seq, held.rev]);
    this.lastRev += 1;
    const prior = held?.rev ?? 0;
    if (type === 'INSERT') this.#insert(this.lastRev, prior, operation.observation, verifiedAt);
    else {
      this.connection.run(bury, [this.lastRev, seq, verifiedAt, prior]);
      this.#block(key, this.lastRev, prior, null);
    }
  }

  #block({ kind, integration }: RecordKey, rev: number, prior: number, values: RecordValues | null): void {
    if (!isListed(kind)) return;
    const rows = this.#blocks.get(kind) ?? [];
    rows.push({ rev, prior, account: this.integrations.numberOf(integration), values });
    this.#blocks.set(kind, rows);
  }

  #insert(rev: number, prior: number, observation: Observation, verifiedAt: string): void {
    const { key, record, digest, origin } = observation;
    const { kind } = key;
    const n = this.integrations.numberOf(key.integration);
    const fields = isListed(kind) ? listedFields(kind, record) : null;
    this.connection.run(statements(kind).insert, [
      ...[rev, n, key.id, this.pin.seq, verifiedAt, digest, origin],
      ...(isListed(kind) && fields ? toValues(kind, fields) : []),
    ]);
    this.#bodies.push([rev, observation]);
    if (!isListed(kind) || fields === null) return;
    this.#marks.add(kind, n, rev, fields);
    this.#references.add(kind, n, rev, fields);
    this.#block(key, rev, prior, recordValues(kind, record, fields));
  }

  /** Writes what goes by all revisions together; the number of the last one. */
  end(): number {
    const received = packReceived(
      this.#bodies.map(([rev, observation]) => [String(rev), observation.received]),
    );
    for (const [rev, { record }] of this.#bodies) {
      const text = packText(JSON.stringify(record));
      this.connection.run(INSERT_BODY, [rev, text, received.get(String(rev)) ?? null]);
    }
    this.#references.write(this.connection);
    this.#marks.write(this.connection, this.pin);
    for (const [kind, rows] of this.#blocks) writeBlock(this.connection, kind, rows, this.#revBefore);
    return this.lastRev;
  }
}

// an update if there is one, so that the newest row's number remains the number of runs
const RUN = `INSERT INTO runs (id, integration, started_at, run) VALUES (?1, ?2, ?3, ?4)
  ON CONFLICT (id) DO UPDATE SET integration = ?2, started_at = ?3, run = ?4`;
const ENTRY = 'INSERT INTO ledger (stream, win_from, win_to, seq, entry) VALUES (?, ?, ?, ?, ?)';
const STREAM = 'INSERT OR REPLACE INTO streams (stream, state) VALUES (?, ?)';
const ADD_TO_QUARANTINE =
  'INSERT OR REPLACE INTO quarantine (integration, kind, id, entry) VALUES (?, ?, ?, ?)';
const RELEASE = 'DELETE FROM quarantine WHERE integration = ? AND kind = ? AND id = ? RETURNING 1';

/** Writes the batch's run, ledger, streams and quarantine; the keys that it took out of quarantine. */
function writeLedger(connection: Connection, batch: Batch, seq: number): string[] {
  const { run, ledger, streams } = batch;
  connection.run(RUN, [run.id, run.integration, run.startedAt, JSON.stringify(run)]);
  for (const entry of ledger) {
    const json = JSON.stringify({ ...entry, seq });
    connection.run(ENTRY, [streamText(entry), entry.from, entry.to, seq, json]);
  }
  for (const state of streams) connection.run(STREAM, [streamText(state), JSON.stringify(state)]);
  const freed = release(connection, batch);
  for (const entry of quarantineAdditions(batch)) {
    const { integration, kind, id } = entry.key;
    connection.run(ADD_TO_QUARANTINE, [integration, kind, id, JSON.stringify(entry)]);
  }
  return freed;
}

function release(connection: Connection, batch: Batch): string[] {
  // the quarantine is nearly always empty
  if (connection.first('SELECT 1 FROM quarantine LIMIT 1') === undefined) return [];
  return [...releasedKeys(batch)].flatMap(([text, { integration, kind, id }]) =>
    connection.all(RELEASE, [integration, kind, id]).map(() => text),
  );
}

/** What is written on the event loop or in the query worker. */
export type WriteTask =
  | { readonly type: 'RECORD'; readonly batch: Batch; readonly head: Head }
  | {
      readonly type: 'MAKE_BLOCK';
      readonly kind: ListedKind;
      readonly source: BlockSource;
      readonly sizes: BlockSizes;
    }
  | { readonly type: 'JOIN_READINGS'; readonly seq: number }
  /** Copies the log into the file. */
  | { readonly type: 'CHECKPOINT' };

export type WriteResult<T extends WriteTask> = T extends { readonly type: 'RECORD' } ? Written : undefined;

export function runWrite<T extends WriteTask>(connection: Connection, task: T): WriteResult<T> {
  return write(connection, task) as WriteResult<T>;
}

function write(connection: Connection, task: WriteTask): Written | undefined {
  if (task.type === 'RECORD') {
    const integrations = new Integrations(connection);
    integrations.reload();
    return connection.transaction(() => writeBatch(connection, integrations, task.batch, task.head));
  }
  if (task.type === 'JOIN_READINGS') joinReadings(connection, task.seq);
  else if (task.type === 'CHECKPOINT') connection.exec('PRAGMA wal_checkpoint(PASSIVE)');
  else {
    // takes long, and so is done before the file is locked
    const made = connection.snapshot(() => makeBlock(connection, task.source, task.kind, task.sizes));
    connection.transaction(() => putBlock(connection, made));
  }
  return undefined;
}

/** Makes pages of the readings of batches up to `seq`, stream by stream. */
function joinReadings(connection: Connection, seq: number): void {
  const sql = `SELECT stream FROM ledger WHERE typeof(entry) = 'text' AND seq <= ?
    GROUP BY stream HAVING count(*) >= ?`;
  for (const [stream] of connection.all(sql, [seq, PAGE_READINGS])) {
    while (connection.transaction(() => joinSome(connection, String(stream), seq)));
  }
}

/** The oldest readings that are in no page become one; false if they are too few or cannot. */
function joinSome(connection: Connection, stream: string, seq: number): boolean {
  const sql = `SELECT n, win_from, win_to, seq, entry FROM ledger
    WHERE stream = ? AND typeof(entry) = 'text' AND seq <= ? ORDER BY n LIMIT ?`;
  const rows = connection.all(sql, [stream, seq, PAGE_READINGS]);
  if (rows.length < PAGE_READINGS) return false;
  const [first, ...others] = rows.map(([n]) => Number(n));
  const page = packReadings(stream, rows.map(rowOf));
  if (page === null || first === undefined) return false;
  connection.run('DELETE FROM ledger WHERE n IN (SELECT value FROM json_each(?))', [JSON.stringify(others)]);
  const place = 'UPDATE ledger SET win_from = ?, win_to = ?, seq = ?, entry = ? WHERE n = ?';
  connection.run(place, [page.from, page.to, page.seq, page.bytes, first]);
  return true;
}

function rowOf([, from, to, seq, entry]: Row): ReadingRow {
  return { from: String(from), to: String(to), seq: Number(seq), text: String(entry) };
}
