import { statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { sealHistory } from '../../src/evidence/seal/make-seals.js';
import { verifyHistory } from '../../src/evidence/verify/verify.js';
import { INLINE_LIMITS, type Limits } from '../../src/history/sqlite/query-worker.js';
import { openSqliteStore } from '../../src/history/sqlite/store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { unpackReceived, unpackText } from '../../src/history/stored-texts.js';
import type { Observation } from '../../src/model/revision.js';
import { canonicalJson, sha256 } from '../../src/values/canonical-json.js';
import { MINUTE, toInstant } from '../../src/values/instant.js';
import { batch, median, observe, START_MS, threat } from './payloads.js';

/*
 * What a history in SQLite takes on disk for each byte received, and what `verify` takes for each version beside the
 * least that any verification has to do: read both texts, parse the record, and hash both. Then how many versions
 * `verify` checks in a second, with its two threads.
 */

const VERSIONS = 5_000;
/** Of another history. What it takes longer is the time of versions alone, without the start of a thread. */
const MANY_VERSIONS = 20_000;
const PER_BATCH = 100;
const ROUNDS = 5;
const MOST_DISK = 1.3;
const MOST_VERIFY = 5;
const LEAST_A_SECOND = 10_000;

/**
 * Fills and seals a history, and closes it; the bytes received. One version in four is the second of its record. `seen`
 * is given the observations of each batch.
 */
export async function fillStorage(
  store: HistoryStore,
  seen: (observations: readonly Observation[]) => Promise<void> = async () => {},
  versions = VERSIONS,
): Promise<number> {
  let bytes = 0;
  for (let n = 0; n * PER_BATCH < versions; n += 1) {
    const { seq } = await store.head();
    const now = toInstant(START_MS + n * PER_BATCH * MINUTE);
    const observations = Array.from({ length: PER_BATCH }, (_, i) => {
      const place = n * PER_BATCH + i;
      const isChange = n > 0 && i % 4 === 0;
      const number = isChange ? place - PER_BATCH + 1 : place;
      return observe(threat(number, START_MS + number * MINUTE, isChange ? 1 : 0), now, seq);
    });
    bytes += observations.reduce((sum, { received }) => sum + Buffer.byteLength(received), 0);
    await store.record(batch(n, now, observations));
    await seen(observations);
  }
  const clock = () => START_MS + versions * MINUTE;
  await sealHistory(store, { signer: null, clock, enough: 20_000 });
  await store.close();
  return bytes;
}

/** Processor time in µs for each version: other work on the machine changes it less than the time that passes. */
async function timed(work: () => Promise<number> | number): Promise<number> {
  const before = process.cpuUsage();
  const versions = await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / versions;
}

// in one thread, so that the start of another does not count
const ONE_THREAD: Limits = {
  walk: Number.POSITIVE_INFINITY,
  scan: Number.POSITIVE_INFINITY,
  records: Number.POSITIVE_INFINITY,
};

async function verified(path: string, limits: Limits = ONE_THREAD): Promise<number> {
  const store = await openSqliteStore(path, 'read', { limits });
  const options = { publicKeys: [], mustBeSigned: false, held: [] };
  const { verdict, revisions } = await verifyHistory(store, options).finally(() => store.close());
  if (verdict !== 'INTACT') throw new Error(`the history is ${verdict}`);
  return revisions;
}

/** In ms that pass, with a second thread. */
async function elapsed(path: string): Promise<number> {
  const begun = performance.now();
  await verified(path, INLINE_LIMITS);
  return performance.now() - begun;
}

/** Reads all texts and compares the digests of what was received. */
function readBare(path: string): number {
  const db = new DatabaseSync(path, { readOnly: true, returnArrays: true });
  const rows = db.prepare(
    'SELECT b.rev, t.digest, b.record, b.received FROM threat t JOIN bodies b USING (rev) WHERE rev > ? ORDER BY rev LIMIT 200',
  );
  let versions = 0;
  // the texts of a group follow the version that has them
  let group = new Map<string, unknown>();
  for (let last = 0, read = rows.all(last) as Row[]; read.length > 0; read = rows.all(last) as Row[]) {
    const cells = new Map<string, unknown>(group);
    for (const [rev, , , cell] of read) {
      cells.set(String(rev), cell);
      if (cell instanceof Uint8Array) group = new Map([[String(rev), cell]]);
    }
    const texts = unpackReceived(
      read.map(([rev]) => String(rev)),
      cells,
    );
    for (const [rev, digest, record] of read) {
      sha256(canonicalJson(JSON.parse(unpackText(record) ?? '')));
      if (sha256(texts.get(String(rev)) ?? '') !== digest) throw new Error(`version ${rev} differs`);
      versions += 1;
      last = rev;
    }
  }
  db.close();
  return versions;
}

type Row = [rev: number, digest: string, record: unknown, received: unknown];

/** The figures, as lines for a person; the process ends with 1 where one is beyond its limit. */
export async function storageReport(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-storage-'));
  try {
    const path = join(folder, 'history.db');
    const received = await fillStorage(await openSqliteStore(path, 'write'));
    const disk = statSync(path).size / received;
    const longer = join(folder, 'longer.db');
    await fillStorage(await openSqliteStore(longer, 'write'), undefined, MANY_VERSIONS);
    const figures: { bare: number; verify: number; aSecond: number }[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const bare = await timed(() => readBare(path));
      const verify = await timed(() => verified(path));
      const few = await elapsed(path);
      const ms = (await elapsed(longer)) - few;
      figures.push({ bare, verify, aSecond: ((MANY_VERSIONS - VERSIONS) / ms) * 1_000 });
    }
    const ratio = median(figures.map(({ bare, verify }) => verify / bare));
    const [bare, verify] = [
      median(figures.map((each) => each.bare)),
      median(figures.map((each) => each.verify)),
    ];
    const aSecond = median(figures.map((each) => each.aSecond));
    if (disk > MOST_DISK || ratio > MOST_VERIFY || aSecond < LEAST_A_SECOND) process.exitCode = 1;
    return [
      `bytes on disk / bytes received, SQLite: ${disk.toFixed(2)} (at most ${MOST_DISK})`,
      `verify, processor time a version: bare read, parse and hash ${bare.toFixed(0)} µs, verify ${verify.toFixed(0)} µs, ratio ${ratio.toFixed(1)} (at most ${MOST_VERIFY})`,
      `verify, versions a second: ${aSecond.toFixed(0)} (at least ${LEAST_A_SECOND})`,
    ].join('\n');
  } finally {
    await rm(folder, { recursive: true });
  }
}
