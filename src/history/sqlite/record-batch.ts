import type { Observation } from '../../model/revision.js';
import { OPEN_SEQ } from '../../model/revision.js';
import { streamText } from '../../model/stream.js';
import { isListed, KINDS, keyText, type RecordKey } from '../../resources/registry.js';
import { latest, shift } from '../../values/instant.js';
import {
  type BatchOperation,
  type HeldVersion,
  keysOf,
  planBatch,
  quarantineChanges,
} from '../batch-plan.js';
import { statementOf } from '../batch-statement.js';
import { groupKeys } from '../keys.js';
import type { Batch, Pin, Recorded } from '../store.js';
import { References, TimeMarks, writeLiveCounts } from './batch-indexes.js';
import { isName, listedFields, toValues } from './columns.js';
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
  writeLiveCounts(
    connection,
    pin.seq,
    liveChanges.map(({ integration, ...change }) => ({ ...change, n: integrations.numberOf(integration) })),
  );
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

  constructor(
    private readonly connection: Connection,
    private readonly integrations: Integrations,
    private readonly pin: Pin,
    private lastRev: number,
  ) {}

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
    if (type === 'TOMBSTONE') this.connection.run(bury, [this.lastRev, seq, verifiedAt, held.rev]);
    else this.#insert(this.lastRev, operation.observation, verifiedAt);
  }

  #insert(rev: number, observation: Observation, verifiedAt: string): void {
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
  }

  /** Writes what goes by all revisions together; the number of the last one. */
  end(): number {
    for (const [rev, { record, received }] of this.#bodies) {
      this.connection.run(INSERT_BODY, [rev, JSON.stringify(record), received]);
    }
    this.#references.write(this.connection);
    this.#marks.write(this.connection, this.pin);
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
  const { added, released } = quarantineChanges(batch);
  const freed = release(connection, released);
  for (const entry of added) {
    const { integration, kind, id } = entry.key;
    connection.run(ADD_TO_QUARANTINE, [integration, kind, id, JSON.stringify(entry)]);
  }
  return freed;
}

function release(connection: Connection, released: ReadonlyMap<string, RecordKey>): string[] {
  // the quarantine is nearly always empty
  if (connection.first('SELECT 1 FROM quarantine LIMIT 1') === undefined) return [];
  return [...released].flatMap(([text, { integration, kind, id }]) =>
    connection.all(RELEASE, [integration, kind, id]).map(() => text),
  );
}
