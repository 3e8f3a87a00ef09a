import { describe, expect, test } from 'vitest';
import { accountTakeoverHandled } from '../../../src/controls/checks/account-takeover-handled.js';
import type { CaseRecord } from '../../../src/resources/case/case.js';
import { type Instant, shift } from '../../../src/values/instant.js';
import { caseFact, run, scopeOf, type VersionOf } from '../../support/control-facts.js';
import { sampleCase } from '../../support/records.js';

const HOUR = 3_600_000;
const START = '2026-09-10T08:00:00.000Z';
const hours = (count: number): Instant => shift(START, count * HOUR);

type Step = readonly [seen: Instant, status: string, modified: Instant, verified?: Instant];

function theCase(steps: readonly [Step, ...Step[]], changes: Partial<CaseRecord> = {}) {
  const [first, ...rest] = steps.map(
    ([seen, statusRaw, lastModifiedTime, verified]): VersionOf<CaseRecord> => {
      const record = sampleCase('c1', {
        statusRaw,
        lastModifiedTime,
        customerVisibleTime: START,
        ...changes,
      });
      return verified === undefined ? [seen, record] : [seen, record, verified];
    },
  );
  if (!first) throw new Error('no version');
  return caseFact('c1', [first, ...rest]);
}

const judge = (
  steps: readonly [Step, ...Step[]],
  scope: Parameters<typeof scopeOf>[0] = {},
  changes: Partial<CaseRecord> = {},
) => run(accountTakeoverHandled, scopeOf(scope), [theCase(steps, changes)]);

const OPEN = 'Action Required';
const TAKEN = 'Acknowledged (In progress)';

describe('account-takeover-handled', () => {
  test.each(['Acknowledged (In progress)', 'Acknowledged (Attack resolved)', 'Acknowledged (Not an attack)'])(
    'the status %s in time passes',
    (status) => {
      const result = judge([
        [hours(1), OPEN, hours(0)],
        [hours(5), status, hours(4)],
      ]);
      expect(result).toMatchObject({ verdict: 'PASS', count: 1 });
      // the case's own last modification is nearer than when it was seen
      expect(result.measures[1]).toMatchObject({ value: 4 * HOUR });
    },
  );

  test('a case acknowledged at the deadline is in time; a case still open at the deadline is late', () => {
    expect(judge([[hours(25), TAKEN, hours(24)]]).outcomes.MET).toBe(1);
    const late = judge([
      [hours(1), OPEN, hours(0), hours(24)],
      [hours(28), TAKEN, shift(hours(24), 1)],
    ]);
    expect(late).toMatchObject({ verdict: 'FAIL', outcomes: { EXCEPTION: 1 } });
    expect(late.exceptions[0]?.reason).toBe(
      'not acknowledged or resolved within 1 d: open 2026-09-11 08:00 UTC, acknowledged or resolved by 2026-09-11 08:00 UTC',
    );
  });

  test('a change between two readings on both sides of the deadline is undecided', () => {
    const result = judge([
      [hours(1), OPEN, hours(0), hours(20)],
      [hours(30), TAKEN, hours(29)],
    ]);
    expect(result).toMatchObject({ verdict: 'INSUFFICIENT_DATA', outcomes: { IN_DOUBT: 1 } });
    expect(result.reason).toContain('For 1 case the recorded data do not decide it');
  });

  test('a case first seen long after its time and already acknowledged is undecided, unless its last change was in time', () => {
    expect(judge([[hours(400), TAKEN, hours(300)]]).outcomes.IN_DOUBT).toBe(1);
    expect(judge([[hours(400), TAKEN, hours(23)]]).outcomes.MET).toBe(1);
  });

  test('a later change does not move the first acknowledgement', () => {
    const result = judge([
      [hours(2), TAKEN, hours(2)],
      [hours(100), 'Acknowledged (Attack resolved)', hours(99)],
    ]);
    expect(result.outcomes.MET).toBe(1);
  });

  test('an unacknowledged case is late after the deadline if the stream was covered', () => {
    expect(judge([[hours(1), OPEN, hours(0)]]).outcomes).toMatchObject({ EXCEPTION: 1 });
    const now = '2026-10-01T00:00:00.000Z';
    const start = '2026-09-30T08:00:00.000Z';
    const young = judge([[hours(1), OPEN, start]], { now }, { customerVisibleTime: start });
    expect(young.outcomes).toMatchObject({ PENDING: 1, EXCEPTION: 0 });
  });

  test('an unacknowledged case is undecided if changes before the deadline were not collected', () => {
    const outages = () => [{ from: hours(6), to: hours(40), caughtUp: false }];
    expect(judge([[hours(1), OPEN, hours(0)]], { outages }).outcomes).toMatchObject({ IN_DOUBT: 1 });
  });

  test('an unknown status counts as open, an unknown kind of acknowledgement as acknowledged', () => {
    expect(judge([[hours(2), 'Triaged', hours(1)]]).outcomes.EXCEPTION).toBe(1);
    expect(judge([[hours(2), 'Acknowledged (Escalated)', hours(1)]]).outcomes.MET).toBe(1);
  });

  test('the tolerated share decides, and undecided cases matter only if they could change the verdict', () => {
    const met = Array.from({ length: 8 }, () => theCase([[hours(1), TAKEN, hours(1)]]));
    const late = theCase([[hours(1), OPEN, hours(0)]]);
    const doubt = theCase([[hours(400), TAKEN, hours(300)]]);
    const at = (casesHandledShare: number) =>
      run(accountTakeoverHandled, scopeOf({ thresholds: { casesHandledShare } }), [...met, late, doubt])
        .verdict;
    expect([at(0.8), at(0.81), at(0.9), at(0.91)]).toEqual([
      'PASS',
      'INSUFFICIENT_DATA',
      'INSUFFICIENT_DATA',
      'FAIL',
    ]);
  });

  test.each([
    [{ customerVisibleTime: null }, 'createdTime'],
    [{ customerVisibleTime: null, createdTime: null }, 'firstObservedTime'],
  ] as const)('without %o the case counts by its %s', (unsaid, field) => {
    const steps = [[hours(1), TAKEN, hours(1)]] as const;
    expect(judge(steps, {}, { ...unsaid, [field]: START }).count).toBe(1);
    expect(judge(steps, {}, { ...unsaid, [field]: '2026-08-31T23:59:59.999Z' }).count).toBe(0);
  });

  test('without any time the case counts by the time of its first recording', () => {
    const none = { customerVisibleTime: null, createdTime: null, firstObservedTime: null };
    expect(judge([[hours(1), TAKEN, hours(1)]], {}, none).count).toBe(1);
    expect(judge([['2026-10-02T00:00:00.000Z', TAKEN, hours(1)]], {}, none).count).toBe(0);
  });

  test('without cases a covered period is not applicable, an uncovered period is undecided', () => {
    expect(run(accountTakeoverHandled, scopeOf()).verdict).toBe('NOT_APPLICABLE');
    const scope = scopeOf({ polledFrom: '2026-09-05T00:00:00.000Z' });
    expect(run(accountTakeoverHandled, scope).verdict).toBe('INSUFFICIENT_DATA');
  });
});
