import { expect, test } from 'vitest';
import { Block, encodeBlock } from '../../../src/history/columns/block.js';
import { DurationRows } from '../../../src/history/columns/measures.js';
import { UnitReader } from '../../../src/history/columns/unit-reader.js';
import { BlockCells } from '../../../src/history/columns/values.js';
import type { DurationMeasure } from '../../../src/history/statistics.js';
import { DAY, HOUR, toInstant } from '../../../src/values/instant.js';

const DURATION: DurationMeasure = {
  ...{ type: 'DURATION', from: 'receivedTime', to: 'remediationTime' },
  state: { field: 'remediation', pending: ['NOT_REMEDIATED'], none: ['NOT_NEEDED'] },
};

/** A lasting block of one threat whose messages took so long (in ms) to be remediated; `null`: they are not. */
function blockOf(lengths: readonly (number | null)[]) {
  const [received, remediated] = [toInstant(0), (ms: number) => toInstant(ms)];
  const items = lengths.map((ms) => ({
    ...{ receivedTime: received, remediationTime: ms === null ? null : remediated(ms) },
    remediation: ms === null ? 'NOT_REMEDIATED' : 'REMEDIATED',
  }));
  const columns = encodeBlock('threat', 0, [{ rev: 1, prior: 0, account: 1, values: { fields: {}, items } }]);
  let reads = 0;
  const load = (name: string) => {
    reads += 1;
    return columns.get(name) ?? new Uint8Array();
  };
  return { block: new Block(0, load, () => new Map()), reads: () => reads };
}

test('durations of centuries are summarised like those of seconds', () => {
  const lengths = [900 * 365 * DAY, 1_000, null, 40 * 365 * DAY, 2_000, 300 * 365 * DAY, HOUR];
  const { block } = blockOf(lengths);
  const rows = new DurationRows(DURATION, null, new BlockCells());
  rows.add(new UnitReader('threat', 'ITEM', block, Uint32Array.from(lengths.keys())));
  const measure = rows.measure();
  expect(measure?.(Uint32Array.of(0, 2, 3, 5))).toMatchObject({
    ...{ count: 3, pending: 1, unknown: 0 },
    ...{ min: 40 * 365 * DAY, median: 300 * 365 * DAY, max: 900 * 365 * DAY },
  });
  expect(measure?.(Uint32Array.of(1, 3, 4, 6))).toMatchObject({
    ...{ count: 4, pending: 0, min: 1_000, median: 2_000, max: 40 * 365 * DAY },
  });
});

test('durations of a lasting block are computed once, for all of its rows', () => {
  const { block, reads } = blockOf([1_000, 2_000, 3_000]);
  const known = new BlockCells();
  const medianOf = (row: number) => {
    const rows = new DurationRows(DURATION, null, known);
    rows.add(new UnitReader('threat', 'ITEM', block, Uint32Array.of(row)));
    block.forget();
    return rows.measure()?.(Uint32Array.of(0));
  };
  expect(medianOf(0)).toMatchObject({ count: 1, median: 1_000 });
  const before = reads();
  expect(medianOf(2)).toMatchObject({ count: 1, median: 3_000 });
  expect(reads()).toBe(before);
});
