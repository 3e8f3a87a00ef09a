import { describe, expect, test } from 'vitest';
import { attacksRemediated } from '../../../src/controls/checks/attacks-remediated.js';
import type { MessageRecord } from '../../../src/resources/threat/threat.js';
import { shift } from '../../../src/values/instant.js';
import { mail, run, scopeOf, threatFact } from '../../support/control-facts.js';

const SECOND = 1000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const AT = '2026-09-10T08:00:00.000Z';

const judge = (messages: readonly Partial<MessageRecord>[], changes: Parameters<typeof scopeOf>[0] = {}) =>
  run(attacksRemediated, scopeOf(changes), [threatFact(messages)]);

describe('attacks-remediated', () => {
  test('passes if every message was remediated at once', () => {
    const result = judge([mail(AT, 10 * SECOND), mail(AT, 20 * SECOND)]);
    expect(result).toMatchObject({ verdict: 'PASS', count: 2 });
    expect(result.reason).toBe('100 % of 2 malicious messages remediated, half of them within 10 s.');
    expect(result.measures[0]).toMatchObject({ value: 1, unit: 'share' });
  });

  test('fails for a message still in a mailbox, and names it with the reason', () => {
    const result = judge([mail(AT, 10 * SECOND), mail(AT, null, { messageId: '77' })]);
    expect(result.verdict).toBe('FAIL');
    expect(result.exceptions).toHaveLength(1);
    expect(result.exceptions[0]).toMatchObject({
      subject: { messageId: '77' },
      at: AT,
      reason: 'still in the mailbox 1 d after receipt: Abnormal reports that it is not remediated',
    });
    expect(result.reason).toContain('1 of 2 malicious messages still in a mailbox');
  });

  test.each([
    ['Remediation Attempted', 'attempted'],
    ['Would Remediate', 'not remediated'],
    [null, 'reports no remediation'],
  ])('the status %s means that the message is still in the mailbox', (remediationStatusRaw, words) => {
    const unsaid = remediationStatusRaw === null ? { autoRemediated: null, postRemediated: null } : {};
    const result = judge([mail(AT, null, { remediationStatusRaw, ...unsaid })]);
    expect(result.exceptions[0]?.reason).toContain(words);
  });

  test('a tolerated share passes, and its exceptions are still named', () => {
    const messages = [mail(AT, null), ...Array.from({ length: 99 }, () => mail(AT, SECOND))];
    const result = judge(messages, { thresholds: { remediatedShare: 0.99 } });
    expect(result).toMatchObject({ verdict: 'PASS', outcomes: { EXCEPTION: 1, MET: 99 } });
    expect(judge(messages, { thresholds: { remediatedShare: 0.991 } }).verdict).toBe('FAIL');
  });

  test('a message before its deadline is pending: no exception, and not part of the share', () => {
    const now = '2026-10-01T07:00:00.000Z';
    const late = [mail('2026-09-30T07:00:00.001Z', null), mail(AT, SECOND)];
    expect(judge(late, { now })).toMatchObject({ outcomes: { PENDING: 1, EXCEPTION: 0, MET: 1 } });
    expect(judge(late, { now }).measures[0]?.value).toBe(1);
    // at the deadline itself its time is up
    const due = judge([mail('2026-09-30T07:00:00.000Z', null)], { now });
    expect(due.outcomes).toMatchObject({ PENDING: 0 });
  });

  test('a message that was remediated late counts as remediated and appears in the percentiles', () => {
    const result = judge([mail(AT, 3 * DAY)]);
    expect(result.verdict).toBe('FAIL');
    expect(result.exceptions).toEqual([]);
    expect(result.reason).toContain('median of the time to remediation is 3 d');
  });

  test.each([
    ['median', 'remediationMedian', 0.5],
    ['95th percentile', 'remediationP95', 0.95],
  ] as const)('the %s may equal its threshold but not exceed it', (_, name, share) => {
    const limit = 4 * HOUR;
    const others = { remediationMedian: 90 * DAY, remediationP95: 90 * DAY, [name]: limit };
    const of = (ms: number) => Array.from({ length: 20 }, (_, i) => mail(AT, i < share * 20 ? ms : 5 * HOUR));
    expect(judge(of(limit), { thresholds: others }).verdict).toBe('PASS');
    expect(judge(of(limit + 1), { thresholds: others }).verdict).toBe('FAIL');
  });

  test('messages marked as safe or spam are not attacks and are excluded', () => {
    const result = judge([
      mail(AT, null, { remediationStatusRaw: 'Marked Safe' }),
      mail(AT, null, { judgementRaw: 'Spam' }),
      mail(AT, null, { judgementRaw: null, attackTypeRaw: 'Graymail' }),
      mail(AT, null, {
        customerOverride: { overrideType: 'allow', reason: null, overrideJudgement: 'safe', value: null },
      }),
    ]);
    expect(result).toMatchObject({ verdict: 'NOT_APPLICABLE', count: 0, findings: [] });
  });

  test('a message that Abnormal judges an attack counts as one, whatever its type', () => {
    expect(judge([mail(AT, null, { judgementRaw: 'Attack', attackTypeRaw: 'Spam' })]).verdict).toBe('FAIL');
  });

  test('only messages received in the period count; the start is inclusive, the end exclusive', () => {
    const result = judge([
      mail('2026-09-01T00:00:00.000Z', SECOND),
      mail('2026-08-31T23:59:59.999Z', null),
      mail('2026-10-01T00:00:00.000Z', null),
      mail('2026-09-30T23:59:59.999Z', SECOND),
    ]);
    expect(result).toMatchObject({ verdict: 'PASS', count: 2 });
  });

  test('a message without a received time counts by the earliest time of its threat', () => {
    const undated = mail(AT, null, { receivedTime: null });
    expect(judge([undated, mail(AT, SECOND)]).outcomes).toMatchObject({ EXCEPTION: 1, MET: 1 });
    expect(judge([undated, mail('2026-08-01T00:00:00.000Z', SECOND)]).count).toBe(0);
  });

  test('a threat without any message time counts by the time of its first recording', () => {
    const fact = threatFact([mail(AT, null, { receivedTime: null })]);
    const at = (firstRecordedAt: string) =>
      run(attacksRemediated, scopeOf(), [{ ...fact, firstRecordedAt }]).count;
    expect(at(AT)).toBe(1);
    expect(at('2026-08-31T23:59:59.999Z')).toBe(0);
  });

  test('recipients without a message in the record are counted, not assumed remediated', () => {
    const fact = threatFact([mail(AT, SECOND)], { recipientCount: 12 });
    const { verdict, measures } = run(attacksRemediated, scopeOf(), [fact]);
    expect(verdict).toBe('PASS');
    expect(measures.at(-1)).toMatchObject({ value: 11 });
  });

  test('is undecided if remediations were not collected until the deadline', () => {
    const remediations = (stream: { filterKey: string }) => stream.filterKey === 'latestTimeRemediated';
    const outage = { from: '2026-09-30T22:00:00.000Z', to: '2026-10-01T03:00:00.000Z', caughtUp: false };
    const changes = { outages: (stream: { filterKey: string }) => (remediations(stream) ? [outage] : []) };
    const result = judge([mail('2026-09-30T12:00:00.000Z', null)], { ...changes, period: '2026-09-30' });
    expect(result).toMatchObject({ verdict: 'INSUFFICIENT_DATA', outcomes: { IN_DOUBT: 1, EXCEPTION: 0 } });
  });

  test('an undecided message does not hide an exception', () => {
    const outage = { from: '2026-09-20T00:00:00.000Z', to: '2026-09-21T00:00:00.000Z', caughtUp: false };
    const result = judge([mail(AT, null), mail('2026-09-20T06:00:00.000Z', null)], {
      outages: () => [outage],
    });
    expect(result).toMatchObject({ verdict: 'FAIL', outcomes: { IN_DOUBT: 1, EXCEPTION: 1 } });
    expect(result.reason).toContain('The period is not covered');
  });

  test('an uncovered period never passes', () => {
    const outage = { from: '2026-09-20T00:00:00.000Z', to: '2026-09-21T00:00:00.000Z', caughtUp: false };
    const result = judge([mail(AT, SECOND)], { outages: () => [outage] });
    expect(result.verdict).toBe('INSUFFICIENT_DATA');
    expect(judge([mail(AT, SECOND)], { outages: () => [{ ...outage, caughtUp: true }] }).verdict).toBe(
      'PASS',
    );
  });

  test('a period that has not ended never passes, but can fail', () => {
    const now = '2026-09-20T00:00:00.000Z';
    expect(judge([mail(AT, SECOND)], { now }).verdict).toBe('INSUFFICIENT_DATA');
    expect(judge([mail(AT, null)], { now }).verdict).toBe('FAIL');
    expect(judge([mail(AT, SECOND)], { now }).reason).toContain('has not ended');
  });

  test('an empty period is not applicable only if it is covered', () => {
    expect(judge([])).toMatchObject({ verdict: 'NOT_APPLICABLE' });
    expect(judge([], { polledFrom: '2026-09-05T00:00:00.000Z' }).verdict).toBe('INSUFFICIENT_DATA');
  });

  test('a period with only pending messages is undecided', () => {
    const now = shift('2026-10-01T00:00:00.000Z', 12 * HOUR);
    expect(judge([mail('2026-09-30T20:00:00.000Z', null)], { now })).toMatchObject({
      verdict: 'INSUFFICIENT_DATA',
    });
  });

  test('the distribution counts every message once', () => {
    const result = judge([
      ...[1, 60, 61, 3600, 86_400, 86_401].map((s) => mail(AT, s * SECOND)),
      mail(AT, null),
      mail(AT, SECOND, { remediationTime: null }),
    ]);
    const bars = result.distributions[0]?.bars ?? [];
    expect(bars.reduce((sum, { count }) => sum + count, 0)).toBe(8);
    expect(bars.filter(({ count }) => count > 0).map(({ label, count }) => [label, count])).toEqual([
      ['≤ 1 min', 2],
      ['≤ 5 min', 1],
      ['≤ 1 h', 1],
      ['≤ 1 d', 1],
      ['> 1 d', 1],
      ['time not given', 1],
      ['not remediated', 1],
    ]);
  });
});
