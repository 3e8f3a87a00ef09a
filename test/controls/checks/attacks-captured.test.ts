import { describe, expect, test } from 'vitest';
import { attacksCaptured } from '../../../src/controls/checks/attacks-captured.js';
import { collectionContinuous } from '../../../src/controls/checks/collection-continuous.js';
import { detectionActive } from '../../../src/controls/checks/detection-active.js';
import type { ControlMeasure, ReconciliationFact, Scope } from '../../../src/controls/control.js';
import type { LedgerEntry, QuarantineCode } from '../../../src/model/ledger.js';
import type { ReconciliationRecord } from '../../../src/model/run.js';
import type { Stream } from '../../../src/model/stream.js';
import type { Detection360ReportRecord } from '../../../src/resources/detection360-report/detection360-report.js';
import { CORE_RESOURCES } from '../../../src/resources/registry.js';
import type { Instant } from '../../../src/values/instant.js';
import { mail, reportFact, run, scopeOf, threatFact, type VersionOf } from '../../support/control-facts.js';
import { hoursAfter } from '../../support/evidence-history.js';
import { ledgerEntry, sampleDetection360Report } from '../../support/records.js';

const AT = '2026-09-10T08:00:00.000Z';
const whole = () => threatFact([mail(AT, 1000)]);
const outage = { from: '2026-09-20T00:00:00.000Z', to: '2026-09-21T00:00:00.000Z' };

describe('attacks-captured', () => {
  test('passes a covered period in which every threat is stored completely', () => {
    const result = run(attacksCaptured, scopeOf(), [whole(), whole()]);
    expect(result).toMatchObject({ verdict: 'PASS', count: 2, exceptions: [] });
  });

  test('fails for a gap and names it as the only exception', () => {
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

  test('passes if the outage was caught up', () => {
    const scope = scopeOf({ outages: () => [{ ...outage, caughtUp: true }] });
    expect(run(attacksCaptured, scope, [whole()]).verdict).toBe('PASS');
  });

  test('depends on no stream other than the one that lists threats', () => {
    const scope = scopeOf({
      outages: ({ filterKey }) => (filterKey === 'receivedTime' ? [] : [{ ...outage, caughtUp: false }]),
    });
    expect(run(attacksCaptured, scope, [whole()]).verdict).toBe('PASS');
  });

  /** All of the period was read, and one day of it again, with this outcome. */
  const withDay = (changes: Partial<LedgerEntry>) =>
    scopeOf({
      ledger: (stream) => {
        const span = { from: '2026-08-20T00:00:00.000Z', to: '2026-10-10T00:00:00.000Z' };
        const read = ledgerEntry({ ...stream, ...span, readAt: span.to, settledTo: span.to });
        const part = { from: '2026-09-03T00:00:00.000Z', to: '2026-09-04T00:00:00.000Z' };
        const again = ledgerEntry({ ...stream, ...part, readAt: span.to, settledTo: span.to, ...changes });
        return [
          { ...read, seq: 1 },
          { ...again, seq: 2 },
        ];
      },
    });

  test('a window that may miss unnamed records is a gap with the reason that was recorded', () => {
    const result = run(attacksCaptured, withDay({ status: 'PARTIAL', reason: 'declares 9 rows, lists 7' }), [
      whole(),
    ]);
    expect(result.verdict).toBe('FAIL');
    expect(result.exceptions[0]?.reason).toContain('declares 9 rows, lists 7');
    // not "100 %, at least 100 % wanted" beside a failure
    expect(result.headline.measure).toMatchObject({ name: 'Holes', value: 1 });
  });

  const missing = (id: string, code: QuarantineCode) => ({ id, code, reason: `of ${id}`, since: AT });

  test('each listed record that was not read is one exception, and a share below 100 % fails', () => {
    const scope = withDay({ missing: [missing('a', 'NOT_FOUND'), missing('b', 'UNDECODABLE')] });
    const result = run(attacksCaptured, scope, [whole(), whole()]);
    expect(result).toMatchObject({ verdict: 'FAIL', outcomes: { EXCEPTION: 2, MET: 2 } });
    expect(result.reason).toBe('2 listed records could not be read: threat a and threat b.');
    expect(result.exceptions.map(({ subject }) => subject)).toMatchObject([
      { type: 'RECORD', key: { kind: 'threat', id: 'a' } },
      { type: 'RECORD', key: { kind: 'threat', id: 'b' } },
    ]);
    expect(result.headline.measure).toMatchObject({ name: 'Listed ids that are stored', value: 1 / 2 });
    expect(result.measures[1]).toMatchObject({ name: 'Listed ids that are stored', value: 1 / 2 });
    // one exception each, whichever control reads coverage, and however many streams list it
    const continuous = run(collectionContinuous, scope);
    expect(continuous.exceptions.filter(({ subject }) => subject.type === 'RECORD')).toHaveLength(6);
    expect(continuous.verdict).not.toBe('PASS');
    // a population that lacks a record proves nothing
    expect(run(detectionActive, scope, [whole()]).verdict).not.toBe('PASS');
  });

  test('a record that disappeared before it could be read is named and does not fail the control', () => {
    const scope = withDay({ missing: [missing('a', 'GONE')] });
    const result = run(attacksCaptured, scope, [whole()]);
    expect(result).toMatchObject({ verdict: 'PASS', outcomes: { EXCEPTION: 0, IN_DOUBT: 1 } });
    expect(result.findings.find(({ outcome }) => outcome === 'IN_DOUBT')?.reason).toBe(
      'disappeared before it could be read: of a',
    );
    expect(result.measures[1]).toMatchObject({ value: 1 });
  });

  test('a threat without messages, or with missing message pages, is not complete', () => {
    const empty = { ...threatFact([]), firstRecordedAt: AT };
    const cut = threatFact([mail(AT, 1000)], { pagesComplete: false });
    const result = run(attacksCaptured, scopeOf(), [empty, cut, whole()]);
    expect(result).toMatchObject({ verdict: 'FAIL', count: 3, outcomes: { EXCEPTION: 2, MET: 1 } });
    const tolerant = scopeOf({ thresholds: { capturedShare: 0.3 } });
    expect(run(attacksCaptured, tolerant, [empty, cut, whole()]).verdict).toBe('PASS');
  });

  test('time before the beginning of the collection or out of retention makes the period undecided', () => {
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
    expect(result.reason).toContain('older than Abnormal’s retention');
  });

  test('a period that was never read, or lies after the view, is undecided', () => {
    expect(run(attacksCaptured, scopeOf({ ledger: () => [] })).verdict).toBe('INSUFFICIENT_DATA');
    expect(run(attacksCaptured, scopeOf({ integrations: [] })).reason).toBe('Nothing was ever recorded.');
    expect(run(attacksCaptured, scopeOf({ now: '2026-08-01T00:00:00.000Z' })).reason).toContain(
      'begins after',
    );
  });

  describe('reconciliations with Abnormal’s own population', () => {
    const comparison = (
      days: readonly [number, number],
      endedAt: string,
      changes: Partial<ReconciliationFact> = {},
    ): ReconciliationFact => {
      const [from, to] = days.map((day) => hoursAfter('2026-09-01T00:00:00.000Z', (day - 1) * 24));
      const none = { count: 0, ids: [] };
      const found: ReconciliationRecord = {
        ...{
          from: from ?? '',
          to: to ?? '',
          verdict: 'MATCH',
          reason: null,
          failure: null,
          sources: ['LIST'],
        },
        ...{
          basis: 'IDS',
          population: 5,
          declared: 5,
          held: 5,
          missing: none,
          extra: none,
          gone: none,
          opened: [],
        },
      };
      return { integration: 'default', endedAt, found, stillMissing: [], stillMissingMore: 0, ...changes };
    };
    const judge = (reconciliations: readonly ReconciliationFact[], reconciledShare = 0) =>
      run(attacksCaptured, scopeOf({ reconciliations, thresholds: { reconciledShare } }), [whole()]);
    const shareOf = ({ measures }: { measures: readonly ControlMeasure[] }) =>
      measures.find(({ name }) => name.startsWith('Compared'))?.value;

    test('count by the share of the period that the newest of them found complete', () => {
      const half = comparison([1, 16], '2026-10-01T00:00:00.000Z');
      expect(shareOf(judge([half]))).toBe(0.5);
      expect(shareOf(judge([half, comparison([1, 16], '2026-10-02T00:00:00.000Z')]))).toBe(0.5);
      expect(shareOf(judge([half, comparison([13, 31], '2026-10-02T00:00:00.000Z')]))).toBe(1);
      expect(judge([half], 0.5).verdict).toBe('PASS');
      expect(judge([half], 0.6)).toMatchObject({ verdict: 'INSUFFICIENT_DATA' });
      expect(judge([]).verdict).toBe('PASS');
    });

    test('fail the control for records that are still missing, by id and by count', () => {
      const short = comparison([1, 16], '2026-10-01T00:00:00.000Z', {
        stillMissing: ['gone-missing'],
        stillMissingMore: 3,
      });
      const result = judge([short]);
      expect(result.verdict).toBe('FAIL');
      expect(result.exceptions).toMatchObject([
        { subject: { type: 'RECORD', key: { id: 'gone-missing' } } },
        { subject: { type: 'SPAN' }, reason: expect.stringContaining('3 threats more missing') },
      ]);
    });

    test('are superseded by a newer one, except by one that could not read anything', () => {
      const short = comparison([1, 16], '2026-10-01T00:00:00.000Z', { stillMissing: ['a'] });
      const newer = comparison([1, 31], '2026-10-02T00:00:00.000Z');
      expect(judge([short, newer]).verdict).toBe('PASS');
      const blind = { ...newer, found: { ...newer.found, verdict: 'UNVERIFIED' as const } };
      expect(judge([short, blind]).verdict).toBe('FAIL');
    });
  });

  describe('missed attacks that the organisation reported', () => {
    const RESOURCES = [...CORE_RESOURCES, 'detection360Reports'] as const;
    const report = (id: string, at: Instant, ...inquiries: [string, ...string[]]) => {
      const versions = inquiries.map((inquiryTypeRaw, i) => {
        const record = sampleDetection360Report(id, { inquiryTypeRaw, submissionTime: at });
        return [hoursAfter(at, i + 1), record] as VersionOf<Detection360ReportRecord>;
      });
      return reportFact(id, versions as [VersionOf<Detection360ReportRecord>]);
    };
    const facts = [
      whole(),
      report('first', '2026-09-01T00:00:00.000Z', 'MISSED_ATTACK'),
      report('last', '2026-09-30T23:59:59.999Z', 'MISSED_ATTACK'),
      report('before', '2026-08-31T23:59:59.999Z', 'MISSED_ATTACK'),
      report('after', '2026-10-01T00:00:00.000Z', 'MISSED_ATTACK'),
      report('harmless', AT, 'FALSE_POSITIVE'),
      report('corrected', AT, 'MISSED_ATTACK', 'FALSE_POSITIVE'),
    ];
    const reported = (scope: Scope) => {
      const { verdict, measures } = run(attacksCaptured, scope, facts);
      return [verdict, measures.find(({ name }) => name.startsWith('Missed attacks'))?.value];
    };

    test('are a measure of their period, by their last version, and change no verdict', () => {
      expect(reported(scopeOf({ resources: RESOURCES }))).toEqual(['PASS', 2]);
    });

    test('are unknown if not all reports of the period were collected', () => {
      const outages = ({ resource }: Stream) =>
        resource === 'detection360Reports' ? [{ ...outage, caughtUp: false }] : [];
      expect(reported(scopeOf({ resources: RESOURCES, outages }))).toEqual(['PASS', null]);
    });

    test('are no measure if reports are not collected', () => {
      expect(reported(scopeOf())).toEqual(['PASS', undefined]);
    });
  });
});
