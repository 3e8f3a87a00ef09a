import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CORE_RESOURCES } from '../../src/resources/registry.js';
import { createKinds } from '../../src/simulator/kinds.js';
import {
  createTenantWorld,
  RESOURCE_OF,
  type Resource,
  type TenantOptions,
  type TenantRecordKind,
} from '../../src/simulator/options.js';
import { createTenant, type Tenant } from '../../src/simulator/tenant.js';
import type { TimeWindow } from '../../src/simulator/wire.js';
import { DAY, parseUpstreamTime, toInstant, toMillis } from '../../src/values/instant.js';

const FROM = Date.parse('2026-02-01T00:00:00Z');

const options = fc.record({
  seed: fc.integer(),
  days: fc.integer({ min: 1, max: 60 }),
  threats: fc.integer({ min: 0, max: 300 }),
  cases: fc.integer({ min: 0, max: 150 }),
  campaigns: fc.integer({ min: 0, max: 150 }),
  late: fc.constantFrom<number[]>(0, 0.1, 1),
});
const share = fc.double({ min: 0, max: 1, noNaN: true });
const asked = fc.record({
  at: share,
  from: share,
  width: fc.oneof(share, fc.double({ min: 0, max: 0.02, noNaN: true })),
  inclusive: fc.boolean(),
});

type Shape = typeof options extends fc.Arbitrary<infer T> ? T : never;
type Asked = typeof asked extends fc.Arbitrary<infer T> ? T : never;

function optionsOf({ seed, days, threats, cases, campaigns, late }: Shape): TenantOptions {
  const [from, to] = [toInstant(FROM), toInstant(FROM + days * DAY)];
  const shares = {
    lateArrivals: late,
    missingThreats: 0.02,
    deletedThreats: 0.02,
    undoneRelists: 0.5,
    hugeThreats: 0.01,
  };
  return { seed, from, to, threats, cases, campaigns, shares };
}

/** An instant up to a month past the tenant's end, and a window on whole seconds that may reach beyond either. */
function windowOf(
  { days }: Shape,
  { at, from, width, inclusive }: Asked,
): { at: number; window: TimeWindow } {
  const start = Math.floor((FROM - DAY + from * (days + 20) * DAY) / 1000) * 1000;
  const end = start + Math.floor((width * (days + 20) * DAY) / 1000) * 1000;
  return { at: Math.floor(FROM + at * (days + 30) * DAY), window: { from: start, to: end, inclusive } };
}

const byNumber = (a: number, b: number) => a - b;

describe('the search in a window', () => {
  it('misses nothing that a full scan finds', () => {
    fc.assert(
      fc.property(options, asked, (shape, wanted) => {
        const tenantOptions = optionsOf(shape);
        const { upstream } = createTenant(tenantOptions);
        const kinds = createKinds(createTenantWorld(tenantOptions));
        const { at, window } = windowOf(shape, wanted);
        for (const resource of CORE_RESOURCES) {
          const { schedule, keys, isListed } = kinds[resource];
          const all = Array.from({ length: schedule.count }, (_, index) => index);
          for (const [key, { isWithin }] of Object.entries(keys)) {
            const expected = all.filter((index) => isListed(index, at) && isWithin(index, window, at));
            expect(upstream.list(resource, key, window, at)?.sort(byNumber), `${resource} ${key}`).toEqual(
              expected,
            );
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it.each([1, 2])('loses nothing between narrow windows that tile all time, seed %i', (seed) => {
    const shape = { seed, days: 45, threats: 2500, cases: 1500, campaigns: 800, late: 0.1 };
    const { upstream } = createTenant(optionsOf(shape));
    const kinds = createKinds(createTenantWorld(optionsOf(shape)));
    const ends = { from: FROM - 10 * DAY, to: FROM + 80 * DAY };
    for (const at of [FROM + 30 * DAY, ends.to]) {
      for (const resource of CORE_RESOURCES) {
        const { schedule, keys, isListed } = kinds[resource];
        for (const [key, { isWithin }] of Object.entries(keys)) {
          const found = new Set<number>();
          for (let from = ends.from; from < ends.to; from += DAY) {
            const window = { from, to: from + DAY, inclusive: false };
            for (const index of upstream.list(resource, key, window, at) ?? []) found.add(index);
          }
          const all = Array.from({ length: schedule.count }, (_, index) => index);
          const whole = { ...ends, inclusive: false };
          const expected = all.filter((index) => isListed(index, at) && isWithin(index, whole, at));
          expect([...found].sort(byNumber), `${resource} ${key}`).toEqual(expected);
        }
      }
    }
  });

  it('finds exactly the records whose own times are in the window', () => {
    fc.assert(
      fc.property(options, asked, (shape, wanted) => {
        const tenant = createTenant({
          ...optionsOf(shape),
          shares: { withoutMessages: 0, missingThreats: 0 },
        });
        const { at, window } = windowOf(shape, wanted);
        for (const [kind, key, timesOf] of TIMES) {
          const listed = tenant.upstream.list(RESOURCE_OF[kind], key, window, at) ?? [];
          const ids = listed
            .map((index) => tenant.idOf(kind, index))
            .filter((id) => isThere(tenant, kind, id, at));
          const expected = [...tenant.truth(toInstant(at))]
            .filter((record) => record.kind === kind)
            .filter((record) => timesOf(record.payload as Payload).some((time) => isIn(time, window)))
            .map((record) => record.id);
          expect(ids.sort(), `${kind} ${key}`).toEqual(expected.sort());
        }
      }),
      { numRuns: 40 },
    );
  });

  it('lists a threat in each second in which one of its messages was received', () => {
    const shares = { withoutMessages: 0, hugeThreats: 0.02 };
    const tenant = createTenant({
      ...optionsOf({ seed: 5, days: 20, threats: 300, cases: 0, campaigns: 0, late: 0 }),
      shares,
    });
    const at = FROM + 40 * DAY;
    for (const { index, payload } of tenant.truth(toInstant(at))) {
      const times = ((payload as Payload).messages ?? []).flatMap((message) => millis(message.receivedTime));
      for (const from of new Set(times)) {
        const window = { from, to: from + 1000, inclusive: false };
        expect(tenant.upstream.list('threats', 'receivedTime', window, at)).toContain(index);
        const instant = { from, to: from, inclusive: true };
        expect(tenant.upstream.list('threats', 'receivedTime', instant, at)).toContain(index);
      }
    }
  });

  it('lists a threat by its latest remediation if a message has one', () => {
    fc.assert(
      fc.property(options, asked, (shape, wanted) => {
        const tenant = createTenant({ ...optionsOf(shape), shares: { withoutMessages: 0 } });
        const { at, window } = windowOf(shape, { ...wanted, inclusive: false });
        const listed = new Set(
          tenant.upstream
            .list('threats', 'latestTimeRemediated', window, at)
            ?.map((index) => tenant.idOf('threat', index)),
        );
        for (const { kind, id, payload } of tenant.truth(toInstant(at))) {
          if (kind !== 'threat') continue;
          const messages = (payload as Payload).messages ?? [];
          const times = messages.flatMap((message) => millis(message.remediationTimestamp));
          const isUndone = messages.some((message) => message.remediationStatus === 'Not Remediated');
          if (times.length > 0 && !isUndone) expect(listed.has(id)).toBe(isIn(Math.max(...times), window));
        }
      }),
      { numRuns: 40 },
    );
  });

  it('returns pages in an order without relation to time', () => {
    const tenant = createTenant({
      ...optionsOf({ seed: 1, days: 30, threats: 2000, cases: 2000, campaigns: 2000, late: 0 }),
    });
    const at = FROM + 60 * DAY;
    const window = { from: FROM, to: at, inclusive: true };
    for (const [resource, key] of KEYS) {
      const indexes = tenant.upstream.list(resource, key, window, at) ?? [];
      const rises = indexes.filter((index, place) => place > 0 && index > (indexes[place - 1] ?? 0)).length;
      expect(rises / indexes.length).toBeGreaterThan(0.45);
      expect(rises / indexes.length).toBeLessThan(0.55);
    }
  });

  it('supports no other filter key', () => {
    const { upstream } = createTenant(
      optionsOf({ seed: 1, days: 3, threats: 9, cases: 9, campaigns: 9, late: 0 }),
    );
    const window = { from: FROM, to: FROM + DAY, inclusive: true };
    for (const key of ['lastModifiedTime', 'toString', '', 'receivedtime']) {
      expect(upstream.list('threats', key, window, FROM + DAY)).toBeNull();
    }
  });
});

const KEYS: readonly [Resource, string][] = [
  ['threats', 'receivedTime'],
  ['cases', 'lastModifiedTime'],
  ['campaigns', 'lastReportedTime'],
];

interface Payload {
  readonly messages?: readonly Record<string, unknown>[];
  readonly item?: Record<string, unknown>;
  readonly detail?: Record<string, unknown>;
  readonly lastReported?: unknown;
}

const TIMES: readonly [TenantRecordKind, string, (payload: Payload) => number[]][] = [
  [
    'threat',
    'receivedTime',
    ({ messages = [] }) => messages.flatMap((message) => millis(message.receivedTime)),
  ],
  ['case', 'lastModifiedTime', ({ item }) => millis(item?.last_modified)],
  ['case', 'createdTime', ({ item }) => millis(item?.created)],
  ['case', 'customerVisibleTime', ({ detail }) => millis(detail?.customerVisibleTime)],
  ['campaign', 'lastReportedTime', ({ lastReported }) => millis(lastReported)],
];

function millis(value: unknown): number[] {
  const instant = typeof value === 'string' ? parseUpstreamTime(value) : null;
  return instant === null ? [] : [toMillis(instant)];
}

function isIn(time: number, { from, to, inclusive }: TimeWindow): boolean {
  return time >= from && (inclusive ? time <= to : time < to);
}

function isThere(tenant: Tenant, kind: TenantRecordKind, id: string, at: number): boolean {
  return tenant.upstream.detail(RESOURCE_OF[kind], id, at, { size: 100, number: 1 }) !== null;
}
