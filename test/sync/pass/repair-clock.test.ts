import { describe, expect, test } from 'vitest';
import type { RecordedEntry, WindowStatus } from '../../../src/model/ledger.js';
import { doubtfulSpan } from '../../../src/sync/pass/read-streams.js';
import { HOUR, type Instant, MINUTE, shift } from '../../../src/values/instant.js';

const NOW = '2026-03-31T12:00:00.000Z';
const LAG = 15 * MINUTE;
const at = (hours: number): Instant => shift(NOW, hours * HOUR);

/** A reading of `[from, to)`, all in hours from now, dated `readAt`. */
function reading(
  seq: number,
  from: number,
  to: number,
  readAt: number,
  status: WindowStatus = 'COMPLETE',
): RecordedEntry {
  return {
    integration: 'default',
    resource: 'cases',
    filterKey: 'lastModifiedTime',
    from: at(from),
    to: at(to),
    status,
    runId: 'run',
    readAt: at(readAt),
    settledTo: shift(at(readAt), -LAG),
    filter: '',
    declared: null,
    listed: 0,
    held: 0,
    pages: 1,
    reason: null,
    seq,
  };
}

describe('readings dated in the future', () => {
  test('normally do not exist', () => {
    expect(doubtfulSpan([reading(1, -8, -4, -4), reading(2, -4, 0, 0)], NOW, LAG)).toBeNull();
    expect(doubtfulSpan([], NOW, LAG)).toBeNull();
  });

  test('are doubtful from the last reading with a trustworthy date, minus the ingestion lag', () => {
    const entries = [reading(1, -24, -6, -6), reading(2, -6, 5, 5)];
    expect(doubtfulSpan(entries, NOW, LAG)).toEqual({ from: at(-6), to: at(5) });
    const overlapping = [reading(1, -24, -6, -6), reading(2, -20, 5, 5)];
    expect(doubtfulSpan(overlapping, NOW, LAG)).toEqual({ from: shift(at(-6), -LAG), to: at(5) });
  });

  test('are all doubtful if there is no such reading', () => {
    expect(doubtfulSpan([reading(1, -24, 5, 5), reading(2, -48, -24, 5)], NOW, LAG)).toEqual({
      from: at(-48),
      to: at(5),
    });
  });

  test('are invalidated once', () => {
    const entries = [reading(1, -24, -6, -6), reading(2, -6, 5, 5), reading(3, -6, 5, 0, 'PARTIAL')];
    expect(doubtfulSpan(entries, NOW, LAG)).toBeNull();
    const again = [...entries, reading(4, -6, 0, 0)];
    expect(doubtfulSpan(again, at(1), LAG)).toBeNull();
  });

  test('are invalidated again if the clock was ahead again', () => {
    const entries = [
      reading(1, -24, -6, -6),
      reading(2, -6, 5, 5),
      reading(3, -6, 5, -1, 'PARTIAL'),
      reading(4, -6, -1, -1),
      reading(5, -1, 7, 7),
    ];
    expect(doubtfulSpan(entries, NOW, LAG)?.to).toBe(at(7));
  });

  test('make nothing complete if they failed', () => {
    expect(doubtfulSpan([reading(1, -24, -6, -6), reading(2, -6, 5, 5, 'FAILED')], NOW, LAG)).toBeNull();
  });
});
