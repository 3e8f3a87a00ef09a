import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DatabaseSync } from '@photostructure/sqlite';
import { openSqliteStore } from '../../src/history/sqlite/store.js';
import type { HistoryStore } from '../../src/history/store.js';
import type { Observation } from '../../src/model/revision.js';
import { MINUTE, toInstant } from '../../src/values/instant.js';
import { batch, median, observe, START_MS, threat } from './payloads.js';

/** The least that a driver has to do to keep a batch's payloads: one insert each, in one transaction. */
export interface BareInserts {
  insert(observations: readonly Observation[]): Promise<void>;
  close(): Promise<void>;
}

/** What is compared: an empty store, and bare inserts into an empty table through the same driver. */
export interface RecordBench {
  openStore(): Promise<HistoryStore>;
  openBare(): Promise<BareInserts>;
}

/** Records a second, medians over the rounds. */
export interface RecordFigures {
  readonly bare: number;
  readonly recorded: number;
  /** `recorded` as a part of `bare`, the median over the rounds. */
  readonly ratio: number;
  readonly charactersEach: number;
}

/** Compares `record` with bare inserts of the same payloads in the same batches, in turns. */
export async function measureRecord(
  bench: RecordBench,
  { records = 10_000, perBatch = 100, rounds = 5 } = {},
): Promise<RecordFigures> {
  const batches = payloads(records, perBatch);
  const figures: { bare: number; recorded: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const bare = records / (await timeBare(await bench.openBare(), batches));
    const recorded = records / (await timeStore(await bench.openStore(), batches));
    figures.push({ bare, recorded });
  }
  const sizes = batches.flat().map(({ received }) => received.length);
  return {
    bare: median(figures.map(({ bare }) => bare)),
    recorded: median(figures.map(({ recorded }) => recorded)),
    ratio: median(figures.map(({ bare, recorded }) => recorded / bare)),
    charactersEach: Math.round(sizes.reduce((sum, size) => sum + size, 0) / sizes.length),
  };
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

async function timeBare(bare: BareInserts, batches: readonly Observation[][]): Promise<number> {
  const begun = performance.now();
  for (const observations of batches) await bare.insert(observations);
  const seconds = (performance.now() - begun) / 1_000;
  await bare.close();
  return seconds;
}

async function timeStore(store: HistoryStore, batches: readonly Observation[][]): Promise<number> {
  const begun = performance.now();
  for (const [n, observations] of batches.entries()) {
    await store.record(batch(n, toInstant(START_MS + n), observations));
  }
  const seconds = (performance.now() - begun) / 1_000;
  await store.close();
  return seconds;
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
  db.exec(`CREATE TABLE payloads (integration TEXT, kind TEXT, id TEXT, digest TEXT, record TEXT, received TEXT,
    PRIMARY KEY (integration, kind, id))`);
  const statement = db.prepare('INSERT INTO payloads VALUES (?, ?, ?, ?, ?, ?)');
  return {
    insert: async (observations) => {
      db.exec('BEGIN');
      for (const { key, digest, record, received } of observations) {
        statement.run(key.integration, key.kind, key.id, digest, JSON.stringify(record), received);
      }
      db.exec('COMMIT');
    },
    close: async () => {
      db.close();
    },
  };
}

/** The figures for SQLite, as a line for a person. */
export async function recordReport(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-record-'));
  try {
    const { bare, recorded, ratio, charactersEach } = await measureRecord(sqliteBench(folder));
    const rate = (perSecond: number) => `${Math.round(perSecond)}/s`;
    return `record, SQLite, ${charactersEach} characters each: bare inserts ${rate(bare)}, record() ${rate(recorded)}, ratio ${ratio.toFixed(2)} (at least 0.50)`;
  } finally {
    await rm(folder, { recursive: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.log(await recordReport());
