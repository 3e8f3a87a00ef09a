import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { openSqliteStore } from '../../src/history/sqlite/store.js';
import type { HistoryStore } from '../../src/history/store.js';
import type { Observation } from '../../src/model/revision.js';
import type { ThreatRecord } from '../../src/resources/threat/threat.js';
import { receivedTime } from '../../src/resources/threat/threat.js';
import { MINUTE, toInstant } from '../../src/values/instant.js';
import type { BenchRow } from '../table.js';
import { batch, median, observe, START_MS, threat } from './payloads.js';

/**
 * What a program would do that keeps the same texts and finds them again: the record and what was received of it, its
 * key, and its time with an index; one insert each, in one durable transaction. It compresses nothing, keeps no earlier
 * version, finds records by no other field, counts nothing, and cannot tell what a batch was.
 */
export interface BareInserts {
  insert(observations: readonly Observation[]): Promise<void>;
  close(): Promise<void>;
}

/** What is compared: an empty store, and bare inserts into an empty table through the same driver. */
export interface RecordBench {
  openStore(): Promise<HistoryStore>;
  openBare(): Promise<BareInserts>;
}

/** By time, and by processor time of this process in all of its threads. */
export type RecordFigures = Record<'time' | 'processorTime', number>;

/** When a record was received, which lists are ordered by. */
export function timeOf({ record }: Observation): string | null {
  return receivedTime(record as ThreatRecord);
}

/**
 * Bare inserts of the same payloads in the same batches as a part of `record`: medians over the rounds, in which they take
 * turns. The first batches do not count: in them a thread starts and V8 compiles, once in a process.
 */
export async function measureRecord(
  bench: RecordBench,
  { records = 10_000, uncounted = 4_000, perBatch = 100, rounds = 5 } = {},
): Promise<RecordFigures> {
  const batches = payloads(uncounted + records, perBatch);
  const first = uncounted / perBatch;
  const ratios: RecordFigures[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const bare = await timeBare(await bench.openBare(), batches, first);
    const recorded = await timeStore(await bench.openStore(), batches, first);
    const each = (figures: RecordFigures) =>
      [figures.time, figures.processorTime]
        .map((ms) => `${((1_000 * ms) / records).toFixed(0)} µs`)
        .join(', ');
    console.log(`time and processor time of one record: bare ${each(bare)}; record() ${each(recorded)}`);
    ratios.push({
      time: bare.time / recorded.time,
      processorTime: bare.processorTime / recorded.processorTime,
    });
  }
  return {
    time: median(ratios.map(({ time }) => time)),
    processorTime: median(ratios.map(({ processorTime }) => processorTime)),
  };
}

/** The figures of what is done with the batches after the `first` ones. */
async function measured(
  batches: readonly Observation[][],
  first: number,
  work: (observations: Observation[], n: number) => Promise<unknown>,
): Promise<RecordFigures> {
  const all = [...batches.entries()];
  for (const [n, observations] of all.slice(0, first)) await work(observations, n);
  const [begun, before] = [performance.now(), process.cpuUsage()];
  for (const [n, observations] of all.slice(first)) await work(observations, n);
  const { user, system } = process.cpuUsage(before);
  return { time: performance.now() - begun, processorTime: (user + system) / 1_000 };
}

function payloads(records: number, perBatch: number): Observation[][] {
  const observations = Array.from({ length: records }, (_, n) =>
    // newest first, as a first collection goes
    observe(threat(n, START_MS - n * MINUTE), toInstant(START_MS), 0),
  );
  return Array.from({ length: Math.ceil(records / perBatch) }, (_, n) =>
    observations.slice(n * perBatch, (n + 1) * perBatch),
  );
}

async function timeBare(
  bare: BareInserts,
  batches: readonly Observation[][],
  first: number,
): Promise<RecordFigures> {
  const figures = await measured(batches, first, (observations) => bare.insert(observations));
  await bare.close();
  return figures;
}

async function timeStore(
  store: HistoryStore,
  batches: readonly Observation[][],
  first: number,
): Promise<RecordFigures> {
  const figures = await measured(batches, first, (observations, n) =>
    store.record(batch(n, toInstant(START_MS + n), observations)),
  );
  await store.close();
  return figures;
}

/** SQLite files under `folder`, one for each time that something is opened. */
export function sqliteBench(folder: string): RecordBench {
  let made = 0;
  return {
    openStore: () => openSqliteStore(join(folder, `store-${++made}.db`), 'write'),
    openBare: async () => bareSqlite(join(folder, `bare-${++made}.db`)),
  };
}

function bareSqlite(path: string): BareInserts {
  const db = new DatabaseSync(path);
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  db.exec(`CREATE TABLE payloads (integration TEXT, kind TEXT, id TEXT, time TEXT, digest TEXT,
    record TEXT, received TEXT, PRIMARY KEY (integration, kind, id))`);
  db.exec('CREATE INDEX by_time ON payloads (integration, kind, time, id)');
  const statement = db.prepare('INSERT INTO payloads VALUES (?, ?, ?, ?, ?, ?, ?)');
  return {
    insert: async (observations) => {
      db.exec('BEGIN');
      for (const observation of observations) {
        const { key, digest, record, received } = observation;
        const { integration, kind, id } = key;
        statement.run(integration, kind, id, timeOf(observation), digest, JSON.stringify(record), received);
      }
      db.exec('COMMIT');
    },
    close: async () => {
      db.close();
    },
  };
}

/** The rows of the table for SQLite. */
export async function recordRows(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-record-'));
  try {
    const { time, processorTime } = await measureRecord(sqliteBench(folder));
    const row = { work: 'record() in SQLite', limit: { atLeast: 0.6 } };
    return [
      { ...row, measure: 'bare inserts / record(), in time', value: time },
      { ...row, measure: 'bare inserts / record(), in processor time', value: processorTime },
    ];
  } finally {
    await rm(folder, { recursive: true });
  }
}
