import { describe, expect, test } from 'vitest';
import { abuseMailboxOperating } from '../../../src/controls/checks/abuse-mailbox-operating.js';
import type { CampaignRecord } from '../../../src/resources/campaign/campaign.js';
import { type Instant, shift } from '../../../src/values/instant.js';
import { campaignFact, run, scopeOf, type VersionOf } from '../../support/control-facts.js';
import { ledgerEntry, sampleCampaign } from '../../support/records.js';

const HOUR = 3_600_000;
const START = '2026-09-10T08:00:00.000Z';
const hours = (count: number): Instant => shift(START, count * HOUR);

type Step = readonly [seen: Instant, judgement: string | null, verified?: Instant];

function judge(
  steps: readonly [Step, ...Step[]],
  scope: Parameters<typeof scopeOf>[0] = {},
  changes: Partial<CampaignRecord> = {},
) {
  const [first, ...rest] = steps.map(([seen, judgementStatusRaw, verified]): VersionOf<CampaignRecord> => {
    const record = sampleCampaign('k1', { judgementStatusRaw, firstReportedTime: START, ...changes });
    return verified === undefined ? [seen, record] : [seen, record, verified];
  });
  if (!first) throw new Error('no version');
  return run(abuseMailboxOperating, scopeOf(scope), [campaignFact('k1', [first, ...rest])]);
}

describe('abuse-mailbox-operating', () => {
  test.each(['Malicious', 'Spam', 'Safe', 'N/A', 'Quishing'])(
    'the judgement %s counts as an answer',
    (word) => {
      expect(judge([[hours(3), word]])).toMatchObject({ verdict: 'PASS', count: 1 });
    },
  );

  test.each(['Scanning', '', null])('the judgement %s does not count as an answer', (word) => {
    expect(judge([[hours(3), word]])).toMatchObject({ verdict: 'FAIL', outcomes: { EXCEPTION: 1 } });
  });

  test('a judgement seen by the deadline passes, one seen open at the deadline fails, one in between is undecided', () => {
    expect(
      judge([
        [hours(1), 'Scanning'],
        [hours(48), 'Safe'],
      ]).outcomes.MET,
    ).toBe(1);
    expect(
      judge([
        [hours(1), 'Scanning', hours(48)],
        [hours(72), 'Safe'],
      ]).outcomes.EXCEPTION,
    ).toBe(1);
    expect(
      judge([
        [hours(1), 'Scanning', hours(47)],
        [hours(72), 'Safe'],
      ]).outcomes.IN_DOUBT,
    ).toBe(1);
  });

  test('a report first seen long after its time and already judged is undecided', () => {
    expect(judge([[hours(500), 'Malicious']])).toMatchObject({ verdict: 'INSUFFICIENT_DATA' });
  });

  test('an unjudged report is late only after a complete cycle has read it after the deadline', () => {
    const start = '2026-09-29T08:00:00.000Z';
    const steps = [[shift(start, HOUR), 'Scanning']] as const;
    const at = (now: Instant) => judge(steps, { now }, { firstReportedTime: start }).outcomes;
    expect(at('2026-10-01T07:59:59.000Z')).toMatchObject({ PENDING: 1 });
    expect(at('2026-10-01T20:00:00.000Z')).toMatchObject({ IN_DOUBT: 1 });
    expect(at('2026-10-04T00:00:00.000Z')).toMatchObject({ EXCEPTION: 1 });
  });

  test('is not applicable if Abnormal reports that the account does not have the feature', () => {
    const refused = { ...ledgerEntry({ status: 'NOT_LICENSED', reason: 'HTTP 403: not licensed' }), seq: 1 };
    const span = { from: '2026-08-01T00:00:00.000Z', to: '2026-10-10T00:00:00.000Z' };
    const scope = scopeOf({
      ledger: (stream) => (stream.resource === 'campaigns' ? [{ ...refused, ...stream, ...span }] : null),
    });
    const result = run(abuseMailboxOperating, scope);
    expect(result).toMatchObject({ verdict: 'NOT_APPLICABLE', count: 0 });
    expect(result.reason).toBe('campaigns of default, which Abnormal refuses (HTTP 403: not licensed).');
  });

  test('an account without the feature is excluded and named', () => {
    const span = { from: '2026-08-01T00:00:00.000Z', to: '2026-10-10T00:00:00.000Z' };
    const scope = scopeOf({
      integrations: ['default', 'other'],
      ledger: (stream) =>
        stream.resource === 'campaigns' && stream.integration === 'other'
          ? [{ ...ledgerEntry({ ...stream, ...span, status: 'NOT_LICENSED', reason: 'no licence' }), seq: 1 }]
          : null,
    });
    const record = sampleCampaign('k1', { firstReportedTime: START });
    const result = run(abuseMailboxOperating, scope, [campaignFact('k1', [[hours(1), record]])]);
    expect(result.verdict).toBe('PASS');
    expect(result.reason).toContain('Left out: campaigns of other');
  });

  test('counts the reports by judgement', () => {
    const [judgements] = judge([[hours(3), 'Spam']]).distributions;
    expect(judgements?.bars).toEqual([{ label: 'spam', count: 1, before: null }]);
  });
});
