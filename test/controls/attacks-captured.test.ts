import { describe, expect, test } from 'vitest';
import { attacksCaptured } from '../../src/controls/attacks-captured.js';
import { mail, run, scopeOf, threatFact } from '../support/control-facts.js';
import { ledgerEntry } from '../support/records.js';

const AT = '2026-09-10T08:00:00.000Z';
const whole = () => threatFact([mail(AT, 1000)]);
const outage = { from: '2026-09-20T00:00:00.000Z', to: '2026-09-21T00:00:00.000Z' };

describe('attacks-captured', () => {
  test('passes a covered period with every threat held in full', () => {
    const result = run(attacksCaptured, scopeOf(), [whole(), whole()]);
    expect(result).toMatchObject({ verdict: 'PASS', count: 2, exceptions: [] });
  });

  test('fails for a hole, and names it as the one exception', () => {
    const result = run(attacksCaptured, scopeOf({ outages: () => [{ ...outage, caughtUp: false }] }), [
      whole(),
    ]);
    expect(result.verdict).toBe('FAIL');
    expect(result.exceptions).toMatchObject([
      {
        subject: {
          type: 'SPAN',
          stream: { filterKey: 'receivedTime' },
          from: '2026-09-19T19:45:00.000Z',
          to: outage.to,
        },
      },
    ]);
  });

  test('passes when the outage was caught up', () => {
    const scope = scopeOf({ outages: () => [{ ...outage, caughtUp: true }] });
    expect(run(attacksCaptured, scope, [whole()]).verdict).toBe('PASS');
  });

  test('looks at no other stream than the one that says which threats there are', () => {
    const scope = scopeOf({
      outages: ({ filterKey }) => (filterKey === 'receivedTime' ? [] : [{ ...outage, caughtUp: false }]),
    });
    expect(run(attacksCaptured, scope, [whole()]).verdict).toBe('PASS');
  });

  test('a window of which records could not be had is a hole, with what was said of it', () => {
    const scope = scopeOf({
      ledger: (stream) => {
        const span = { from: '2026-08-20T00:00:00.000Z', to: '2026-10-10T00:00:00.000Z' };
        const read = ledgerEntry({ ...stream, ...span, readAt: span.to, settledTo: span.to });
        const part = { from: '2026-09-03T00:00:00.000Z', to: '2026-09-04T00:00:00.000Z', listed: 9, held: 7 };
        const reason = '2 of 9 records set aside';
        const partial = ledgerEntry({ ...stream, ...part, status: 'PARTIAL', reason });
        return [
          { ...read, seq: 1 },
          { ...partial, seq: 2 },
        ];
      },
    });
    const result = run(attacksCaptured, scope, [whole()]);
    expect(result.verdict).toBe('FAIL');
    expect(result.exceptions[0]?.reason).toContain('2 of 9 records set aside');
    expect(result.measures[1]).toMatchObject({ name: 'Listed ids that are held', value: 7 / 9 });
  });

  test('a threat without messages, or whose pages were not all read, is not held in full', () => {
    const empty = { ...threatFact([]), firstRecordedAt: AT };
    const cut = threatFact([mail(AT, 1000)], { pagesComplete: false });
    const result = run(attacksCaptured, scopeOf(), [empty, cut, whole()]);
    expect(result).toMatchObject({ verdict: 'FAIL', count: 3, outcomes: { EXCEPTION: 2, MET: 1 } });
    const tolerant = scopeOf({ thresholds: { capturedShare: 0.3 } });
    expect(run(attacksCaptured, tolerant, [empty, cut, whole()]).verdict).toBe('PASS');
  });

  test('what was never to be had leaves it undecided: before the beginning, out of retention', () => {
    expect(run(attacksCaptured, scopeOf({ polledFrom: '2026-09-05T00:00:00.000Z' }), [whole()]).verdict).toBe(
      'INSUFFICIENT_DATA',
    );
    const lost = { from: '2026-08-01T00:00:00.000Z', to: '2026-09-03T00:00:00.000Z' };
    const scope = scopeOf({
      ledger: (stream) => [
        { ...ledgerEntry({ ...stream, ...lost, status: 'OUT_OF_RETENTION', reason: 'too old' }), seq: 1 },
        { ...ledgerEntry({ ...stream, from: lost.to, to: '2026-10-10T00:00:00.000Z' }), seq: 2 },
      ],
    });
    const result = run(attacksCaptured, scope, [whole()]);
    expect(result).toMatchObject({ verdict: 'INSUFFICIENT_DATA' });
    expect(result.reason).toContain('older than what Abnormal keeps');
  });

  test('nothing ever read is undecided, and so is a period after the view', () => {
    expect(run(attacksCaptured, scopeOf({ ledger: () => [] })).verdict).toBe('INSUFFICIENT_DATA');
    expect(run(attacksCaptured, scopeOf({ integrations: [] })).reason).toBe('Nothing was ever recorded.');
    expect(run(attacksCaptured, scopeOf({ now: '2026-08-01T00:00:00.000Z' })).reason).toContain(
      'begins after',
    );
  });
});
