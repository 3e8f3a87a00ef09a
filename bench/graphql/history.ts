import { openSqliteStore } from '../../src/history/sqlite/store.js';
import type { Observation } from '../../src/model/revision.js';
import { DAY, HOUR, MINUTE, toInstant } from '../../src/values/instant.js';
import { batchOf, ledgerEntry, observeCase, sampleCase, streamState } from '../../test/support/records.js';
import { observe, START_MS, threat } from '../history/payloads.js';

/* The history that requests are measured on: 2,000 cases with five threats each, over 100 days. */

const CASES = 2_000;
const THREATS_PER_CASE = 5;
const CASES_PER_BATCH = 50;
const EVERY = HOUR + 12 * MINUTE;
/** A part of the threats has a second version, so that there are revisions to list. */
const CHANGED = 10;

/** The time that the records are from, and after which nothing was recorded. */
export const FROM_MS = START_MS;
export const UNTIL_MS = START_MS + CASES * EVERY;
/** When everything was recorded. */
export const RECORDED_MS = UNTIL_MS + DAY;

/** The records of a case, the case last; threats are number `THREATS_PER_CASE * n` and those after it. */
function recordsOf(n: number, version: number): Observation[] {
  const at = START_MS + n * EVERY;
  const numbers = Array.from({ length: THREATS_PER_CASE }, (_, t) => THREATS_PER_CASE * n + t);
  const threats = numbers.map((number, t) => threat(number, at - t * MINUTE, version));
  const fetchedAt = toInstant(RECORDED_MS);
  const found = sampleCase(caseId(n), {
    threatIds: threats.map(({ threatId }) => threatId),
    lastModifiedTime: toInstant(at),
    severityLevelRaw: ['LOW', 'MEDIUM', 'HIGH'][n % 3] ?? null,
  });
  const observed = threats.map((record) => observe(record, fetchedAt, version === 0 ? 0 : CASES));
  return version === 0 ? [...observed, observeCase(found, { fetchedAt, origin: 'SIMULATED' })] : observed;
}

export function caseId(n: number): string {
  return String(100_000 + n);
}

export const CASE_COUNT = CASES;
export const THREAT_COUNT = CASES * THREATS_PER_CASE;

export async function makeHistory(path: string): Promise<void> {
  const store = await openSqliteStore(path, 'write');
  let recorded = 0;
  const record = (changes: Parameters<typeof batchOf>[1]) => {
    recorded += 1;
    return store.record(batchOf(`batch-${recorded}`, { now: toInstant(RECORDED_MS + recorded), ...changes }));
  };
  for (let n = 0; n < CASES; n += CASES_PER_BATCH) {
    const numbers = Array.from({ length: CASES_PER_BATCH }, (_, i) => n + i);
    await record({ observations: numbers.flatMap((number) => recordsOf(number, 0)) });
  }
  for (let n = 0; n < CASES; n += CASES_PER_BATCH * CHANGED) {
    const numbers = Array.from({ length: CASES_PER_BATCH }, (_, i) => n + i);
    await record({ observations: numbers.flatMap((number) => recordsOf(number, 1)) });
  }
  const readAt = toInstant(RECORDED_MS);
  for (let from = FROM_MS - DAY; from < UNTIL_MS; from += DAY) {
    const window = { from: toInstant(from), to: toInstant(from + DAY), readAt };
    await record({ ledger: [ledgerEntry(window)] });
  }
  const collectFrom = toInstant(FROM_MS - DAY);
  await record({ streams: [streamState({ collectFrom, lastAttemptAt: readAt, lastSuccessAt: readAt })] });
  await store.close();
}
