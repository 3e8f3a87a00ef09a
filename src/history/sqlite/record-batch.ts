import { streamText } from '../../model/ledger.js';
import { type Observation, OPEN_SEQ } from '../../model/revision.js';
import {
  groupKeys,
  isListed,
  KINDS,
  type Kind,
  keyText,
  type ListedKind,
  type RecordKey,
  type RecordValues,
  recordValues,
} from '../../resources/registry.js';
import type { Fields } from '../../values/filter.js';
import { type Instant, latest, shift } from '../../values/instant.js';
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
import { raiseMark, type TimedRevision, TRACKED_TIMES } from '../high-water-marks.js';
import type { Batch, Pin, Recorded } from '../store.js';
import { packReceived, packText } from '../stored-texts.js';
import { writeBlock } from './column-blocks.js';
import { isName, listedFields, references, toValues } from './columns.js';
import type { Connection, Integrations } from './connection.js';
import { statements } from './schema.js';

/** The newest view, and how far revisions are numbered in it. */
export interface Head extends Pin {
  /** The newest revision's number. */
  readonly lastRev: number;
}

/** What a batch left, for what is kept in memory. */
export interface Written {
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
const INSERT_BATCH = 'INSERT INTO batches (seq, at, id, run_id, last_rev, outcome) VALUES (?, ?, ?, ?, ?, ?)';

/** Writes one batch, once, within a transaction that the caller has begun. */
export function writeBatch(
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

/** Gathers what new revisions refer to, then writes it, all of one field in one go: several times as quick. */
export class References {
  /** By the statement that writes them: each value with the revision that has it. */
  readonly #found = new Map<string, Map<number, [value: string, rev: number][]>>();

  add(kind: Kind, integration: number, rev: number, fields: Fields): void {
    for (const { field, sql } of statements(kind).refer) {
      const values = references(fields, field);
      if (values.length === 0) continue;
      const ofField = this.#found.get(sql) ?? new Map<number, [string, number][]>();
      const pairs = ofField.get(integration) ?? [];
      for (const value of values) pairs.push([value, rev]);
      this.#found.set(sql, ofField.set(integration, pairs));
    }
  }

  write(connection: Connection): void {
    for (const [sql, ofField] of this.#found) {
      for (const [integration, pairs] of ofField) connection.run(sql, [integration, JSON.stringify(pairs)]);
    }
    this.#found.clear();
  }
}

const LIVE = `SELECT live FROM tallies WHERE kind = ? AND integration = ? AND seq <= ?
  ORDER BY seq DESC LIMIT 1`;
const INSERT_LIVE_COUNT = 'INSERT INTO tallies (kind, integration, seq, live) VALUES (?, ?, ?, ?)';

/** How many records of a listed kind were live after batch `seq`. */
export function liveCountAt(connection: Connection, kind: Kind, integration: number, seq: number): number {
  return Number(connection.first(LIVE, [kind, integration, seq])?.[0] ?? 0);
}

const MARK = `SELECT top FROM tops
  WHERE kind = ? AND field = ? AND integration = ? AND seq <= ? ORDER BY seq DESC LIMIT 1`;
const INSERT_MARK = 'INSERT INTO tops (kind, field, integration, seq, top) VALUES (?, ?, ?, ?, ?)';

/** The newest time of a field recorded up to `seq`, those ahead left out; `null` when there is none. */
export function markAt(
  connection: Connection,
  kind: ListedKind,
  field: string,
  integration: number,
  seq: number,
): Instant | null {
  const row = connection.first(MARK, [kind, field, integration, seq]);
  return row ? String(row[0]) : null;
}

/** Gathers the times of one batch's new revisions, then writes the marks that it leaves behind. */
export class TimeMarks {
  readonly #added = new Map<ListedKind, Map<number, TimedRevision[]>>();

  add(kind: ListedKind, integration: number, rev: number, fields: Fields): void {
    const ofKind = this.#added.get(kind) ?? new Map<number, TimedRevision[]>();
    const added = ofKind.get(integration) ?? [];
    added.push({ rev, fields });
    this.#added.set(kind, ofKind.set(integration, added));
  }

  write(connection: Connection, { seq, at }: Pin): void {
    for (const [kind, ofKind] of this.#added) {
      for (const [integration, added] of ofKind) {
        for (const field of TRACKED_TIMES[kind]) {
          const newest = markAt(connection, kind, field, integration, seq);
          const { raised, ahead } = raiseMark(at, newest, field, added);
          if (raised !== null) connection.run(INSERT_MARK, [kind, field, integration, seq, raised]);
          for (const rev of ahead) connection.run(`UPDATE "${kind}" SET ahead = 1 WHERE rev = ?`, [rev]);
        }
      }
    }
    this.#added.clear();
  }
}
