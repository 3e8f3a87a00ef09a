import { afterEach, describe, expect, test } from 'vitest';
import { coverageOf, stillMissing } from '../../src/model/ledger.js';
import type { CaseRecord } from '../../src/resources/case/case.js';
import type { TenantVersion } from '../../src/simulator/tenant.js';
import { canonicalJson } from '../../src/values/canonical-json.js';
import { DAY, HOUR, MINUTE, shift, toInstant } from '../../src/values/instant.js';
import { batchOf, ledgerEntry, sampleRun } from '../support/records.js';
import { createTenantWorld, historyOf, INTEGRATION, type World } from './harness.js';

/*
 * A case takes its time of modification from the list alone. When a list names a change whose detail cannot be
 * read, a later detail without that list item is not the change.
 */

const NOW = '2026-03-31T12:00:00.000Z';
const SINCE = shift(NOW, -5 * DAY);

let world: World;
afterEach(() => world.close());

interface Change {
  readonly id: string;
  readonly version: TenantVersion;
}

/** A case that is stored and has changed since, and Abnormal lists the change but has not returned its detail. */
async function startWithUnreadChange(): Promise<Change> {
  world = await createTenantWorld({
    now: NOW,
    tenant: {
      seed: 'listed-change',
      ...{ from: SINCE, to: shift(NOW, 2 * DAY) },
      ...{ threats: 10, cases: 60, campaigns: 0 },
    },
    settings: { backfillFrom: SINCE },
  });
  await world.poll('cases');
  const change = nextChange();
  world.clock.set(shift(change.version.visibleFrom, HOUR));
  answerNotFound(change.id);
  await world.poll('cases');
  return change;
}

/** The next change of a case that is stored and does not change again for the rest of a test. */
function nextChange(): Change {
  const { tenant } = world;
  for (let index = 0; index < tenant.count('case'); index += 1) {
    const versions = tenant.versions('case', index);
    const place = versions.findIndex(({ visibleFrom }) => visibleFrom > NOW);
    const version = versions[place];
    const isLast = place === versions.length - 1;
    if (place > 0 && isLast && version) return { id: tenant.idOf('case', index), version };
  }
  throw new Error('no case changes');
}

function answerNotFound(id: string): void {
  world.simulator.setFaults({
    rules: [{ fault: { kind: 'notFound' }, match: new RegExp(`/${id}(\\?|$)`) }],
  });
}

const CASES = { integration: INTEGRATION, resource: 'cases', filterKey: 'lastModifiedTime' } as const;
const keyOf = (id: string) => ({ integration: INTEGRATION, kind: 'case', id }) as const;

async function namedAsMissing(): Promise<{ id: string; code: string }[]> {
  const { seq } = await world.store.head();
  const to = shift(toInstant(world.clock()), -15 * MINUTE);
  const { missing } = coverageOf(await world.store.ledger(CASES, SINCE, to, seq), SINCE, to);
  const left = await stillMissing(world.store, CASES, missing, seq);
  return left.map(({ id, code }) => ({ id, code }));
}

async function newest(id: string) {
  const last = (await historyOf(world.store, keyOf(id))).at(-1);
  if (!last) throw new Error('not stored');
  const { deleted, record } = last.revision;
  return { deleted, time: (record as CaseRecord).lastModifiedTime, received: last.received };
}

/** The detail is returned again, and a caller reads it before the next poll. */
async function readLive(id: string): Promise<void> {
  world.simulator.setFaults(null);
  world.clock.advance(MINUTE);
  await world.sync.live.record(keyOf(id), 0);
}

async function pollLater(): Promise<void> {
  world.clock.advance(4 * HOUR);
  await world.poll('cases');
}

describe('a change of a case that was listed and could not be read', () => {
  test('stays named as missing when a live read records a newer detail without its list item', async () => {
    const { id, version } = await startWithUnreadChange();
    expect(await namedAsMissing()).toEqual([{ id, code: 'NOT_FOUND' }]);
    await readLive(id);
    expect((await newest(id)).received).not.toBe(canonicalJson(version.payload));
    expect(await namedAsMissing()).toEqual([{ id, code: 'NOT_FOUND' }]);
  });

  test('is read with its list item by the next poll', async () => {
    const { id, version } = await startWithUnreadChange();
    await readLive(id);
    await pollLater();
    expect((await newest(id)).received).toBe(canonicalJson(version.payload));
    expect(await namedAsMissing()).toEqual([]);
  });

  test('is read with its list item when the case was taken for deleted meanwhile', async () => {
    const { id, version } = await startWithUnreadChange();
    await pollLater();
    expect(await newest(id)).toMatchObject({ deleted: true });
    await readLive(id);
    const { received } = await newest(id);
    if (received !== canonicalJson(version.payload)) expect(await namedAsMissing()).toMatchObject([{ id }]);
    await pollLater();
    expect((await newest(id)).received).toBe(canonicalJson(version.payload));
    expect(await namedAsMissing()).toEqual([]);
  });

  test('is found by a reconciliation where the reading of an earlier gateway did not keep the listed time', async () => {
    const { id, version } = await startWithUnreadChange();
    await readLive(id);
    const settledTo = shift(toInstant(world.clock()), -15 * MINUTE);
    const reading = { ...CASES, from: SINCE, to: settledTo, settledTo, readAt: toInstant(world.clock()) };
    const now = reading.readAt;
    await world.store.record(
      batchOf('earlier', { now, run: sampleRun('earlier'), ledger: [ledgerEntry(reading)] }),
    );
    expect(await namedAsMissing()).toEqual([]);
    const span = { resources: ['cases'], from: SINCE, to: now } as const;
    const { reconciliations } = await world.sync.reconcile({ ...span, signal: new AbortController().signal });
    expect(reconciliations.flatMap(({ missing }) => missing.ids)).toEqual([id]);
    await pollLater();
    expect((await newest(id)).received).toBe(canonicalJson(version.payload));
  });
});
