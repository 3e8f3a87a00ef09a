import { describe, expect, test } from 'vitest';
import { collectionContinuous } from '../../src/controls/checks/collection-continuous.js';
import { detectionActive } from '../../src/controls/checks/detection-active.js';
import { mail, run, scopeOf, threatFact } from '../support/control-facts.js';

const HOUR = 3_600_000;
const threat = threatFact([mail('2026-09-10T08:00:00.000Z', 1000)]);
const day = { from: '2026-09-20T00:00:00.000Z', to: '2026-09-21T00:00:00.000Z' };
const threatsOnly = (outage: typeof day & { caughtUp: boolean; failure?: string }) => ({
  outages: ({ resource, filterKey }: { resource: string; filterKey: string }) =>
    resource === 'threats' && filterKey === 'receivedTime' ? [outage] : [],
});

describe('detection-active', () => {
  test('passes if every stream responded in time and something was detected', () => {
    const result = run(detectionActive, scopeOf(), [threat]);
    expect(result).toMatchObject({ verdict: 'PASS', count: 1, findings: [] });
    expect(result.measures[1]).toMatchObject({ value: 4 * HOUR, threshold: { value: 4.25 * HOUR } });
  });

  test('fails if Abnormal did not respond, even if the time was caught up', () => {
    const scope = scopeOf(threatsOnly({ ...day, caughtUp: true, failure: 'HTTP 401: token revoked' }));
    const result = run(detectionActive, scope, [threat]);
    expect(result).toMatchObject({ verdict: 'FAIL', outcomes: { EXCEPTION: 1 } });
    expect(result.reason).toContain('6 polls failed, the last with: HTTP 401: token revoked');
  });

  test('is undecided if no poll ran', () => {
    const result = run(detectionActive, scopeOf(threatsOnly({ ...day, caughtUp: true })), [threat]);
    expect(result).toMatchObject({ verdict: 'INSUFFICIENT_DATA', outcomes: { IN_DOUBT: 1, EXCEPTION: 0 } });
    const late = run(detectionActive, scopeOf({ polledFrom: '2026-09-01T00:00:00.001Z' }), [threat]);
    expect(late.reason).toContain('polling began only 2026-09-01');
  });

  test('fails if nothing was detected in a long and covered period', () => {
    expect(run(detectionActive, scopeOf()).verdict).toBe('FAIL');
    expect(run(detectionActive, scopeOf({ period: '2026-W37' })).verdict).toBe('FAIL');
    expect(run(detectionActive, scopeOf({ period: '2026-09-14' })).verdict).toBe('INSUFFICIENT_DATA');
    const scope = scopeOf(threatsOnly({ ...day, caughtUp: false }));
    expect(run(detectionActive, scope).verdict).toBe('INSUFFICIENT_DATA');
  });
});

describe('collection-continuous', () => {
  test('passes if no poll was missed and no window is missing', () => {
    const result = run(collectionContinuous, scopeOf());
    // 30 days of 6 polls for each of 3 streams, and of one for the campaigns
    expect(result).toMatchObject({ verdict: 'PASS', count: 3 * 180 + 30, findings: [] });
  });

  test('fails for missed polls, even if the time was caught up', () => {
    const result = run(collectionContinuous, scopeOf(threatsOnly({ ...day, caughtUp: true })));
    expect(result).toMatchObject({ verdict: 'FAIL', outcomes: { EXCEPTION: 1 } });
    expect(result.reason).toContain('6 polls missed, at most 0 allowed');
    expect(result.measures[1]).toMatchObject({ name: 'Longest gap', value: 0 });
  });

  test('tolerates the configured number of missed polls', () => {
    const scope = (missedPolls: number) =>
      scopeOf({ ...threatsOnly({ ...day, caughtUp: true }), thresholds: { missedPolls } });
    expect(run(collectionContinuous, scope(6)).verdict).toBe('PASS');
    expect(run(collectionContinuous, scope(5)).verdict).toBe('FAIL');
  });

  test('fails for a gap without a recorded reason, however long gaps may be', () => {
    const thresholds = { missedPolls: 100, longestGap: 1000 * HOUR };
    const result = run(
      collectionContinuous,
      scopeOf({ ...threatsOnly({ ...day, caughtUp: false }), thresholds }),
    );
    expect(result.verdict).toBe('FAIL');
    expect(result.reason).toContain('1 unexplained gap');
  });

  test('a gap with a recorded reason fails if it is too long, and never passes', () => {
    const scope = (longestGap: number) => {
      const outage = { ...day, caughtUp: false, failure: 'HTTP 503' };
      return scopeOf({ ...threatsOnly(outage), thresholds: { missedPolls: 100, longestGap } });
    };
    const [long, short] = [run(collectionContinuous, scope(0)), run(collectionContinuous, scope(48 * HOUR))];
    expect(long.verdict).toBe('FAIL');
    expect(short.verdict).toBe('INSUFFICIENT_DATA');
    expect(long.exceptions.map(({ reason }) => reason).join()).toContain('could not be read: HTTP 503');
  });

  test('is undecided for a period that was collected later without polls', () => {
    const scope = scopeOf({ period: '2026-08-30', polledFrom: '2026-08-31T00:00:00.000Z' });
    expect(run(collectionContinuous, scope).verdict).toBe('INSUFFICIENT_DATA');
  });
});
