import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CoverageGap,
  coverageOf,
  type RecordedEntry,
  type WindowStatus,
} from '../../src/model/ledger.js';
import { type Instant, toInstant, toMillis } from '../../src/values/instant.js';

const START = Date.parse('2026-03-01T00:00:00Z');
const at = (second: number): Instant => toInstant(START + second * 1000);

let nextSeq = 0;
function entry(
  from: number,
  to: number,
  status: WindowStatus = 'COMPLETE',
  over: Partial<RecordedEntry> = {},
): RecordedEntry {
  nextSeq += 1;
  return {
    integration: 'default',
    resource: 'threats',
    filterKey: 'receivedTime',
    from: at(from),
    to: at(to),
    status,
    runId: 'run',
    readAt: at(to + 3600),
    settledTo: at(to + 3600),
    filter: '',
    declared: null,
    listed: 0,
    held: 0,
    pages: 1,
    reason: status === 'COMPLETE' ? null : status.toLowerCase(),
    seq: nextSeq,
    ...over,
  };
}

function gapTexts(gaps: readonly CoverageGap[]): string[] {
  const second = (instant: Instant) => (toMillis(instant) - START) / 1000;
  return gaps.map((gap) => `${second(gap.from)}-${second(gap.to)} ${gap.reason}`);
}

/** The rule of `coverageOf` as its comment states it, second by second. */
function bySecond(entries: readonly RecordedEntry[], from: number, to: number): string[] {
  const ordered = [...entries].sort((a, b) => a.seq - b.seq);
  const seconds: string[] = [];
  for (let s = from; s < to; s += 1) {
    let covered = false;
    let gap = 'NOT_COLLECTED null';
    for (const e of ordered) {
      if (at(s) < e.from || at(s) >= e.to) continue;
      if (e.status === 'COMPLETE' && at(s) < e.settledTo) covered = true;
      else if (e.status === 'PARTIAL') {
        covered = false;
        gap = `PARTIAL ${e.reason}`;
      } else if (!covered) gap = e.status === 'COMPLETE' ? 'PROVISIONAL null' : `${e.status} ${e.reason}`;
    }
    seconds.push(covered ? 'covered' : gap);
  }
  return seconds;
}

function secondsOf(gaps: readonly CoverageGap[], from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => {
    const instant = at(from + i);
    const gap = gaps.find((g) => g.from <= instant && instant < g.to);
    return gap ? `${gap.reason} ${gap.detail}` : 'covered';
  });
}

const arbitraryEntry = fc
  .record({
    from: fc.integer({ min: 0, max: 40 }),
    width: fc.integer({ min: 1, max: 20 }),
    settled: fc.integer({ min: -30, max: 30 }),
    status: fc.constantFrom<WindowStatus>(
      'COMPLETE',
      'COMPLETE',
      'PARTIAL',
      'FAILED',
      'NOT_LICENSED',
      'OUT_OF_RETENTION',
    ),
    seq: fc.integer({ min: 1, max: 12 }),
  })
  .map(({ from, width, settled, status, seq }) =>
    entry(from, from + width, status, { settledTo: at(from + width + settled), seq }),
  );

describe('coverage', () => {
  test('without readings is one gap', () => {
    const { complete, gaps } = coverageOf([], at(0), at(10));
    expect(complete).toBe(false);
    expect(gaps).toEqual([{ from: at(0), to: at(10), reason: 'NOT_COLLECTED', detail: null }]);
  });

  test('of an empty span is complete', () => {
    expect(coverageOf([], at(5), at(5))).toEqual({
      from: at(5),
      to: at(5),
      complete: true,
      gaps: [],
      missing: [],
    });
    expect(coverageOf([], at(6), at(5)).complete).toBe(true);
  });

  test('of adjacent readings has no gap between them', () => {
    expect(coverageOf([entry(5, 10), entry(0, 5)], at(0), at(10)).complete).toBe(true);
  });

  test('is provisional for time that had not settled when it was read', () => {
    const { gaps } = coverageOf([entry(0, 10, 'COMPLETE', { settledTo: at(7) })], at(0), at(12));
    expect(gapTexts(gaps)).toEqual(['7-10 PROVISIONAL', '10-12 NOT_COLLECTED']);
  });

  test('does not lose stored records through a failed second reading', () => {
    const { gaps } = coverageOf([entry(0, 5), entry(3, 10, 'FAILED')], at(0), at(10));
    expect(gapTexts(gaps)).toEqual(['5-10 FAILED']);
  });

  test('becomes incomplete by a partial second reading, and complete by a full third one', () => {
    const entries = [entry(0, 10), entry(2, 4, 'PARTIAL')];
    expect(gapTexts(coverageOf(entries, at(0), at(10)).gaps)).toEqual(['2-4 PARTIAL']);
    expect(coverageOf([...entries, entry(2, 4)], at(0), at(10)).complete).toBe(true);
  });

  test('joins gaps of one reason, and keeps gaps of different reasons apart', () => {
    const entries = [
      entry(0, 2, 'PARTIAL'),
      entry(2, 4, 'PARTIAL'),
      entry(4, 6, 'PARTIAL', { reason: 'another' }),
    ];
    expect(gapTexts(coverageOf(entries, at(0), at(6)).gaps)).toEqual(['0-4 PARTIAL', '4-6 PARTIAL']);
  });

  test('shows an unreadable span as one gap, however many windows it was read in', () => {
    const entries = [entry(0, 2, 'FAILED'), entry(2, 6, 'FAILED', { reason: 'the newest' })];
    const { gaps } = coverageOf(entries, at(0), at(6));
    expect(gapTexts(gaps)).toEqual(['0-6 FAILED']);
    expect(gaps[0]?.detail).toBe('the newest');
  });

  test('equals a computation second by second, for any readings in any order', () => {
    fc.assert(
      fc.property(
        fc.array(arbitraryEntry, { maxLength: 25 }),
        fc.integer({ min: 0, max: 30 }),
        fc.integer({ min: 1, max: 35 }),
        (entries, from, width) => {
          const { gaps, complete } = coverageOf(entries, at(from), at(from + width));
          const expected = bySecond(entries, from, from + width);
          expect(secondsOf(gaps, from, from + width)).toEqual(expected);
          expect(complete).toBe(expected.every((second) => second === 'covered'));
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('has gaps that are sorted, disjoint, inside the span, and joined', () => {
    fc.assert(
      fc.property(fc.array(arbitraryEntry, { maxLength: 25 }), (entries) => {
        const { gaps } = coverageOf(entries, at(10), at(40));
        gaps.forEach((gap, i) => {
          expect(at(10) <= gap.from && gap.from < gap.to && gap.to <= at(40)).toBe(true);
          const next = gaps[i + 1];
          if (next === undefined) return;
          expect(gap.to <= next.from).toBe(true);
          const mergeable = gap.to === next.from && gap.reason === next.reason && gap.detail === next.detail;
          expect(mergeable).toBe(false);
        });
      }),
      { numRuns: 500 },
    );
  });

  test('is computed quickly from a hundred thousand readings, half of them read twice', () => {
    const entries: RecordedEntry[] = [];
    for (let i = 0; i < 50_000; i += 1) entries.push(entry(i * 10, i * 10 + 10));
    for (let i = 0; i < 50_000; i += 1)
      entries.push(entry(i * 10, i * 10 + 5, i % 1000 ? 'FAILED' : 'PARTIAL'));
    const { gaps } = coverageOf(entries, at(0), at(500_000));
    expect(gaps).toHaveLength(50);
    expect(gaps.every((gap) => gap.reason === 'PARTIAL')).toBe(true);
  });
});
