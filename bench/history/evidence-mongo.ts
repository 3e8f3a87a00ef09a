import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openMongoStore } from '../../src/history/mongo/store.js';
import { openSqliteStore } from '../../src/history/sqlite/store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { DAY, shift, toInstant } from '../../src/values/instant.js';
import { ask, recordHistory } from '../../test/support/evidence-history.js';
import { MongoProxy } from '../../test/support/mongo-proxy.js';
import { MongoServer } from '../../test/support/mongo-server.js';
import { observeCampaign, observeCase, sampleCampaign, sampleCase } from '../../test/support/records.js';
import { batch, median, observe, START_MS, threat } from './payloads.js';
import { freshDatabase } from './record-mongo.js';

/* Evidence for a month, in MongoDB and in SQLite: the same history, the same process, one after the other. */

export interface EvidenceSizes {
  readonly threats: number;
  readonly cases: number;
  readonly campaigns: number;
}

const SIZES: EvidenceSizes = { threats: 20_000, cases: 3_000, campaigns: 2_000 };
const PERIOD = '2026-01';
const ROUNDS = 5;

export interface EvidenceFigures {
  readonly mongoMs: number;
  readonly sqliteMs: number;
  readonly roundTrips: number;
}

/** A month of regular polls, with all the records. */
async function fill(store: HistoryStore, sizes: EvidenceSizes): Promise<void> {
  const from = toInstant(START_MS);
  const until = shift(from, 33 * DAY);
  await recordHistory(store, { from, to: until });
  const { seq } = await store.head();
  // as a gateway that seals leaves them
  await store.joinReadings(seq);
  const at = (n: number, of: number) => START_MS + Math.floor(((n + 0.5) * 31 * DAY) / of);
  const observations = [
    ...Array.from({ length: sizes.threats }, (_, n) => observe(threat(n, at(n, sizes.threats)), until, seq)),
    ...Array.from({ length: sizes.cases }, (_, n) => {
      const time = toInstant(at(n, sizes.cases));
      const times = { createdTime: time, customerVisibleTime: time, firstObservedTime: time };
      return observeCase(sampleCase(`case-${n}`, { ...times, lastModifiedTime: time }), { basis: seq });
    }),
    ...Array.from({ length: sizes.campaigns }, (_, n) => {
      const time = toInstant(at(n, sizes.campaigns));
      const times = { firstReportedTime: time, lastReportedTime: time };
      return observeCampaign(sampleCampaign(`campaign-${n}`, times), { basis: seq });
    }),
  ];
  for (let i = 0; i < observations.length; i += 500) {
    await store.record(batch(i, shift(until, i), observations.slice(i, i + 500)));
  }
}

/** Evidence over both stores; medians of rounds that take turns. */
export async function measureEvidence(url: string, sizes = SIZES): Promise<EvidenceFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  const proxy = await MongoProxy.before(url);
  const [sqlite, mongo] = await Promise.all([
    openSqliteStore(join(folder, 'history.db'), 'write'),
    openMongoStore(url, 'write'),
  ]);
  const counted = await openMongoStore(proxy.url, 'read');
  try {
    for (const store of [sqlite, mongo]) await fill(store, sizes);
    const times: Record<'sqlite' | 'mongo', number[]> = { sqlite: [], mongo: [] };
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [name, store] of [
        ['sqlite', sqlite],
        ['mongo', mongo],
      ] as const) {
        const begin = performance.now();
        await ask(store, { period: PERIOD });
        times[name].push(performance.now() - begin);
      }
    }
    const before = proxy.commands.length;
    await ask(counted, { period: PERIOD });
    const roundTrips = proxy.commands.length - before;
    return { sqliteMs: median(times.sqlite), mongoMs: median(times.mongo), roundTrips };
  } finally {
    await Promise.all([sqlite.close(), mongo.close(), counted.close()]);
    await proxy.close();
    await rm(folder, { recursive: true });
  }
}

const MOST_ROUND_TRIPS = 60;
const MOST_TIMES = 2;

/** The figures, as a line for a person; where there is no MongoDB, why not. */
export async function mongoEvidenceReport(): Promise<string> {
  const server = new MongoServer(process.env);
  try {
    const answer = await server.start();
    if (!answer.ok) return `evidence, MongoDB: ${answer.reason}`;
    const database = freshDatabase(answer.url);
    try {
      const { mongoMs, sqliteMs, roundTrips } = await measureEvidence(database.url);
      const times = mongoMs / sqliteMs;
      if (roundTrips > MOST_ROUND_TRIPS || times > MOST_TIMES) process.exitCode = 1;
      return (
        `evidence for a month (${SIZES.threats} threats), MongoDB ${answer.version}: ${roundTrips} round trips ` +
        `(at most ${MOST_ROUND_TRIPS}), ${times.toFixed(2)} times SQLite (at most ${MOST_TIMES})`
      );
    } finally {
      await database.drop();
    }
  } finally {
    await server.stop();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.log(await mongoEvidenceReport());
