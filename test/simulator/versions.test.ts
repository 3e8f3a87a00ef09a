import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { campaignCourse } from '../../src/simulator/campaign-course.js';
import { caseCourse } from '../../src/simulator/case-course.js';
import { createTenantWorld, type TenantRecordKind } from '../../src/simulator/options.js';
import { createTenant, type Tenant, type TenantVersion } from '../../src/simulator/tenant.js';
import { threatCourse } from '../../src/simulator/threat-course.js';
import { MINUTE, parseUpstreamTime, shift, toMillis } from '../../src/values/instant.js';
import { SMALL } from './harness.js';

const KINDS: readonly TenantRecordKind[] = ['threat', 'case', 'campaign'];
const LAG = 15 * MINUTE;

function* everything(
  tenant: Tenant,
): Iterable<{ kind: TenantRecordKind; index: number; versions: TenantVersion[] }> {
  for (const kind of KINDS) {
    for (let index = 0; index < tenant.count(kind); index++) {
      yield { kind, index, versions: tenant.versions(kind, index) };
    }
  }
}

const odd = { missingThreats: 0.05, deletedThreats: 0.05, lateArrivals: 0.5, undoneRelists: 0.5 };

describe('the versions of a record', () => {
  it('are sorted oldest first, differ from their neighbours, and end when the record is deleted', () => {
    for (const { versions } of everything(createTenant({ ...SMALL, shares: odd }))) {
      expect(versions.length).toBeGreaterThan(0);
      versions.forEach((version, place) => {
        const next = versions[place + 1];
        if (!next) return;
        expect(version.visibleFrom < next.visibleFrom).toBe(true);
        expect(version.payload).not.toEqual(next.payload);
        expect(version.payload).not.toBeNull();
      });
    }
  });

  it('match the tenant’s true state from the millisecond they become visible', () => {
    const tenant = createTenant({ ...SMALL, threats: 48, cases: 20, campaigns: 20, shares: odd });
    const held = (kind: TenantRecordKind, id: string, at: string) =>
      [...tenant.truth(at)].find((record) => record.kind === kind && record.id === id)?.payload ?? null;
    for (const { kind, index, versions } of everything(tenant)) {
      const id = tenant.idOf(kind, index);
      expect(tenant.versionsOf(kind, id)).toEqual(versions);
      versions.forEach((version, place) => {
        expect(held(kind, id, version.visibleFrom)).toEqual(version.payload);
        expect(held(kind, id, shift(version.visibleFrom, -1))).toEqual(versions[place - 1]?.payload ?? null);
      });
    }
  });

  it('show nothing too early and everything within 15 minutes', () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(0, 0.2, 1), (seed, lateArrivals) => {
        const tenant = createTenant({ ...SMALL, seed, threats: 120, shares: { ...odd, lateArrivals } });
        for (const { versions } of everything(tenant)) {
          let known = new Set<string>();
          for (const { visibleFrom, payload } of versions) {
            const times = new Set(happenings(payload));
            for (const time of times) {
              const lag = toMillis(visibleFrom) - toMillis(time);
              expect(lag).toBeGreaterThanOrEqual(0);
              if (!known.has(time)) expect(lag).toBeLessThan(LAG);
            }
            known = times;
          }
        }
      }),
      { numRuns: 6 },
    );
  });

  it('show changes in the order of their occurrence, however delayed each is', () => {
    const world = createTenantWorld({ ...SMALL, threats: 2000, cases: 2000, campaigns: 2000, shares: odd });
    for (let index = 0; index < 2000; index++) {
      const sequences = [
        caseCourse(world, index).states,
        campaignCourse(world, index).reports,
        ...threatCourse(world, index).waves.map((wave) => wave.steps),
      ];
      for (const sequence of sequences) {
        const times = sequence.map((step) => step.visibleAt);
        expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
      }
    }
  });

  it('never belong to another record', () => {
    const tenant = createTenant(SMALL);
    expect(tenant.versionsOf('threat', 'nobody')).toEqual([]);
    expect(tenant.versionsOf('case', tenant.idOf('threat', 0))).toEqual([]);
    expect(tenant.indexOf('campaign', tenant.idOf('threat', 0))).toBeNull();
  });

  it('depend only on the seed', () => {
    const [one, same, other] = [SMALL.seed, SMALL.seed, 'other'].map((seed) =>
      createTenant({ ...SMALL, seed }),
    );
    for (const kind of KINDS) {
      expect(one?.versions(kind, 17)).toEqual(same?.versions(kind, 17));
      expect(one?.versions(kind, 17)).not.toEqual(other?.versions(kind, 17));
    }
  });
});

describe('the true state of a tenant', () => {
  it('excludes what arrived before `since`', () => {
    const tenant = createTenant(SMALL);
    const at = '2026-03-01T00:00:00.000Z';
    const all = [...tenant.truth(at)].map((record) => record.id);
    const recent = [...tenant.truth(at, '2026-02-27T00:00:00.000Z')].map((record) => record.id);
    expect(recent.length).toBeGreaterThan(20);
    expect(recent.length).toBeLessThan(all.length / 2);
    expect(all).toEqual(expect.arrayContaining(recent));
  });

  it('grows as the clock advances, and names what is listed without a detail', () => {
    const tenant = createTenant({ ...SMALL, shares: odd });
    const count = (at: string) => [...tenant.truth(at)].length;
    expect(count('2026-02-14T00:00:00.000Z')).toBe(0);
    expect(count('2026-02-20T00:00:00.000Z')).toBeGreaterThan(100);
    const end = '2026-05-01T00:00:00.000Z';
    const missing = [...tenant.missing(end)];
    expect(missing.length).toBeGreaterThan(20);
    expect(count(end) + missing.length).toBe(SMALL.threats + SMALL.cases + SMALL.campaigns);
    for (const { kind, id } of missing) expect(tenant.versionsOf(kind, id).at(-1)?.payload).toBeNull();
  });

  it('is refused for impossible options', () => {
    expect(() => createTenant({ ...SMALL, to: SMALL.from })).toThrow(RangeError);
    expect(() => createTenant({ ...SMALL, threats: -1 })).toThrow(RangeError);
    expect(() => createTenant({ ...SMALL, cases: 1.5 })).toThrow(RangeError);
  });
});

/** The times at which a payload says that something happened that lists are filtered by. */
function happenings(payload: unknown): string[] {
  const {
    messages = [],
    item,
    lastReported,
  } = (payload ?? {}) as {
    messages?: Record<string, unknown>[];
    item?: Record<string, unknown>;
    lastReported?: unknown;
  };
  const texts = [
    ...messages.flatMap((message) => [message.receivedTime, message.remediationTimestamp]),
    item?.last_modified,
    lastReported,
  ];
  return texts.flatMap((text) => (typeof text === 'string' ? (parseUpstreamTime(text) ?? []) : []));
}
