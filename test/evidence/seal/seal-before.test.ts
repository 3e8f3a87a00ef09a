import { afterEach, beforeEach, expect, test } from 'vitest';
import { htmlReport } from '../../../src/evidence/report/html-report.js';
import { newestSeal, sealBefore, sealHistory } from '../../../src/evidence/seal/make-seals.js';
import { verifyHistory } from '../../../src/evidence/verify/verify.js';
import { openStore } from '../../../src/history/open-store.js';
import type { HistoryStore } from '../../../src/history/store.js';
import { DAY, type Instant, MINUTE, shift, toMillis } from '../../../src/values/instant.js';
import { ask, recordHistory } from '../../support/evidence-history.js';
import { SIGNER } from '../../support/sealed-history.js';

let store: HistoryStore;

beforeEach(async () => {
  store = await openStore('sqlite::memory:', 'write');
});
afterEach(() => store.close());

const BEGIN = '2026-09-01T00:00:00.000Z';

/** Records a day, and seals it at its end. */
async function recordDay(day: number): Promise<void> {
  const from = shift(BEGIN, day * DAY);
  await recordHistory(store, { from, to: shift(from, DAY - 1), prefix: `day-${day}` });
  const at = shift(from, DAY - 20 * MINUTE);
  await sealHistory(store, { signer: SIGNER, clock: () => toMillis(at) });
}

const pinAt = (at: Instant) => store.pinAt(at);

test('the seal of a view is the last one that existed at its time, however many follow', async () => {
  for (const day of [0, 1, 2]) await recordDay(day);
  const pin = await pinAt('2026-09-03T08:00:00.000Z');
  const before = await sealBefore(store, pin);
  expect(before).toMatchObject({ index: 2, at: '2026-09-02T23:40:00.000Z', kid: SIGNER.publicKey.kid });
  for (const day of [3, 4, 5, 6]) await recordDay(day);
  expect(await sealBefore(store, pin)).toEqual(before);
  expect(await sealBefore(store, await store.head())).toMatchObject({ index: 6 });
});

test('a view has no seal before the first one, or if the seal may be younger than the view', async () => {
  await recordDay(0);
  expect(await sealBefore(store, await pinAt('2026-09-01T12:00:00.000Z'))).toBeNull();
  expect(await sealBefore(store, { seq: 1, at: '2026-09-01T23:49:59.999Z' })).toBeNull();
  expect(await sealBefore(store, { seq: 1, at: '2026-09-01T23:50:00.000Z' })).toMatchObject({ index: 1 });
});

test('the newest seal of a view covers nothing later than the view, however young it is', async () => {
  await recordDay(0);
  const first = await store.head();
  expect(await newestSeal(store, first)).toMatchObject({ index: 1, toSeq: first.seq });
  expect(await newestSeal(store, { ...first, seq: first.seq - 1 })).toBeNull();
  await recordDay(1);
  expect(await newestSeal(store, first)).toMatchObject({ index: 1 });
  expect(await newestSeal(store, await store.head())).toMatchObject({ index: 2 });
});

test('the page names the seal, and verify accepts its hash', async () => {
  for (const day of [0, 1]) await recordDay(day);
  const pin = await store.head();
  const evidence = await ask(store, { period: '2026-09-01', pin });
  const seal = await sealBefore(store, pin);
  const page = htmlReport(evidence, { simulated: [], seal });
  const [, hash = ''] = /verify --seal ([0-9a-f]{64})</.exec(page) ?? [];
  expect(hash).toBe(seal?.hash);
  expect(page).toContain(SIGNER.publicKey.kid);
  const report = await verifyHistory(store, {
    publicKeys: null,
    mustBeSigned: true,
    held: [{ hash, index: null }],
  });
  expect(report.findings).toEqual([]);
  expect(htmlReport(evidence, { simulated: [] })).toContain('There was no seal');
});
