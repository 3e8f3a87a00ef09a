import { describe, expect, test } from 'vitest';
import { parsePeriod } from '../../../src/controls/period.js';
import { coverageStrips, gapTable } from '../../../src/evidence/report/html-coverage.js';
import { scopeOf } from '../../support/control-facts.js';
import { ledgerEntry } from '../../support/records.js';

const plain = (text: string) => text.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');

describe('a stream without a licence', () => {
  const span = { from: '2026-08-01T00:00:00.000Z', to: '2026-09-20T00:00:00.000Z' };
  const rest = { from: span.to, to: '2026-10-10T00:00:00.000Z' };
  const { period, streams } = scopeOf({
    ledger: (stream) =>
      stream.resource === 'campaigns'
        ? [
            { ...ledgerEntry({ ...stream, ...span, status: 'NOT_LICENSED', reason: 'no licence' }), seq: 1 },
            { ...ledgerEntry({ ...stream, ...rest, status: 'FAILED', reason: 'HTTP 503' }), seq: 2 },
          ]
        : null,
  });

  test('is shown once as not licensed, and not as a gap', () => {
    const strips = coverageStrips(streams, period).text;
    expect(plain(strips)).toContain('default/campaigns/lastReportedTime: not licensed');
    const [, table = ''] = gapTable(streams, period).text.split('<tbody>');
    expect(table.match(/<tr>/g)).toHaveLength(1);
    expect(plain(table)).toContain('2026-09-01 to 2026-10-01 30 d Not licensed no licence');
  });
});

test('records that could not be read are named, and listed apart from those that disappeared before', () => {
  const span = { from: '2026-08-01T00:00:00.000Z', to: '2026-10-10T00:00:00.000Z' };
  const missing = [
    { id: 'lost', code: 'UNDECODABLE', reason: 'cannot be parsed', since: span.from },
    { id: 'vanished', code: 'GONE', reason: 'answered 404 in two runs', since: span.from },
  ] as const;
  const { period, streams } = scopeOf({
    ledger: (stream) =>
      stream.resource === 'threats'
        ? [{ ...ledgerEntry({ ...stream, ...span, readAt: span.to, settledTo: span.to, missing }), seq: 1 }]
        : null,
  });
  const table = plain(gapTable(streams, period).text);
  expect(table).toContain('No gaps.');
  expect(table).toContain('threat lost Listed and could not be read cannot be parsed');
  expect(table).toContain('threat vanished Disappeared before it could be read answered 404 in two runs');
  // two streams list threats, and each record is named once
  expect(table.match(/lost/g)).toHaveLength(1);
});

describe('the dates along the coverage strips', () => {
  const { streams } = scopeOf();
  const datesOf = (period: string) => {
    const [, axis = ''] = coverageStrips(streams, parsePeriod(period)).text.split('class="time"');
    return [...axis.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text).sort();
  };

  test.each([
    ['2026-Q3', ['08-01', '09-01', '10-01', '2026-07-01']],
    ['2026-09', ['09-14', '09-21', '10-01', '2026-09-01']],
    ['2026-09-14', ['09-15', '2026-09-14']],
    ['2026-Q4', ['11-01', '12-01', '2026-10-01', '2027-01-01']],
    ['2026-09-14T08:15:00Z/2026-09-14T20:00:00Z', ['09-14 20:00 UTC', '2026-09-14 08:15 UTC']],
  ])('of %s do not overlap', (period, dates) => {
    expect(datesOf(period)).toEqual(dates);
  });

  test('are few, however long the period', () => {
    for (const period of ['2020-01-01/2026-01-01', '2000-01-01/2100-01-01', '2026-01-01/2026-03-04']) {
      expect(datesOf(period).length).toBeLessThanOrEqual(9);
    }
  });
});

test('a stream that was never read is shown as that', () => {
  const period = parsePeriod('2026-09');
  expect(plain(coverageStrips([], period).text)).toContain('Nothing was read.');
  expect(gapTable([], period).text).toBe('');
});
