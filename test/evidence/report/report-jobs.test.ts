import { expect, test } from 'vitest';
import { nextSpan, readJob, rememberJob } from '../../../src/evidence/report/write-report.js';
import { openStore } from '../../../src/history/open-store.js';

const view = (at: string) => ({ seq: 7, at });
const fresh = { name: 'x', reportedTo: null, version: 0 };
const after = (reportedTo: string) => ({ name: 'x', reportedTo, version: 1 });
const NOON = '2026-09-14T12:00:00.000Z';
const MIDNIGHT = '2026-09-14T00:00:00.000Z';

test.each([
  ['a job’s first is the last whole day', fresh, NOON, NOON, ['2026-09-13T00:00:00.000Z', MIDNIGHT]],
  ['a midnight itself is past', fresh, MIDNIGHT, MIDNIGHT, ['2026-09-13T00:00:00.000Z', MIDNIGHT]],
  ['just before it, it is not', after('2026-09-13T00:00:00.000Z'), '2026-09-13T23:59:59.999Z', NOON, null],
  [
    'the view ends it',
    fresh,
    NOON,
    '2026-09-10T01:00:00.000Z',
    ['2026-09-09T00:00:00.000Z', '2026-09-10T00:00:00.000Z'],
  ],
  [
    'it goes on from the last',
    after('2026-08-31T00:00:00.000Z'),
    NOON,
    NOON,
    ['2026-08-31T00:00:00.000Z', MIDNIGHT],
  ],
  ['up to date, there is none', after(MIDNIGHT), NOON, NOON, null],
  ['nor where it was further once', after('2026-12-01T00:00:00.000Z'), NOON, NOON, null],
])('the next period of a job: %s', (_, job, until, at, expected) => {
  const span = nextSpan(job, until, view(at));
  expect(span && [span.from, span.to]).toEqual(expected);
});

test('an empty history has no period to report', () => {
  expect(nextSpan(fresh, NOON, { seq: 0, at: '1970-01-01T00:00:00.000Z' })).toBeNull();
});

test('the end of a job is stored by name, by the first of two jobs that end concurrently', async () => {
  const store = await openStore('sqlite::memory:', 'write');
  try {
    const [one, two] = [await readJob(store, 'x'), await readJob(store, 'x')];
    expect(one).toEqual(fresh);
    expect(await rememberJob(store, one, MIDNIGHT)).toBe(true);
    expect(await rememberJob(store, two, NOON)).toBe(false);
    expect(await readJob(store, 'x')).toMatchObject({ reportedTo: MIDNIGHT });
    expect(await readJob(store, 'y')).toMatchObject({ reportedTo: null });
  } finally {
    await store.close();
  }
});
