import { describe, expect, it } from 'vitest';
import type { TenantRecordKind } from '../../src/simulator/options.js';
import { createTenant, demoTenant } from '../../src/simulator/tenant.js';
import { DAY, HOUR, shift, toInstant, toMillis } from '../../src/values/instant.js';

const NOW = '2026-03-04T10:20:30.000Z';

function counts(at: string): Record<TenantRecordKind, number> {
  const found = { threat: 0, case: 0, campaign: 0 };
  const tenant = createTenant(demoTenant(toMillis(at)));
  for (const { kind } of tenant.truth(at, shift(at, -30 * DAY))) found[kind]++;
  return found;
}

describe('the demo tenant', () => {
  it.each([NOW, '2027-11-30T00:00:00.000Z', '2031-07-01T23:59:59.000Z'])(
    'has a month of data at %s',
    (at) => {
      const { threat, case: cases, campaign } = counts(at);
      expect(threat).toBeGreaterThan(540);
      expect(threat).toBeLessThan(660);
      expect(cases).toBeGreaterThan(48);
      expect(cases).toBeLessThan(72);
      expect(campaign).toBeGreaterThan(30);
      expect(campaign).toBeLessThan(50);
    },
  );

  it('continues: on a workday new threats arrive every hour or so', () => {
    const tenant = createTenant(demoTenant(toMillis(NOW)));
    const ids = (at: string) => new Set([...tenant.truth(at, shift(NOW, -DAY))].map((record) => record.id));
    const later = ids(shift(NOW, 6 * HOUR));
    expect([...ids(NOW)].every((id) => later.has(id))).toBe(true);
    expect(later.size - ids(NOW).size).toBeGreaterThan(4);
  });

  it('is the same tenant after a restart, on any day', () => {
    const [one, two] = [NOW, shift(NOW, 100 * DAY)].map((at) => createTenant(demoTenant(toMillis(at))));
    const since = shift(NOW, -3 * DAY);
    expect([...(two?.truth(NOW, since) ?? [])]).toEqual([...(one?.truth(NOW, since) ?? [])]);
  });

  it('fails with a clear error if the clock is beyond its data', () => {
    expect(() => demoTenant(toMillis('1999-01-01T00:00:00.000Z'))).toThrow(RangeError);
    expect(() => demoTenant(toMillis(toInstant(Date.parse('2071-01-01T00:00:00Z'))))).toThrow(RangeError);
  });
});
