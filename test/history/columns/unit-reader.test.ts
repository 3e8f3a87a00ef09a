import { expect, test } from 'vitest';
import { Block, encodeBlock } from '../../../src/history/columns/block.js';
import { UnitReader } from '../../../src/history/columns/unit-reader.js';
import { Values } from '../../../src/history/columns/values.js';

const [FIRST, SECOND] = ['2026-03-01T00:00:00.000Z', '2026-03-02T00:00:00.000Z'];

test('items have the fields of their own record, also if there are as many records as items', () => {
  const record = (rev: number, state: string, time: string, items: number) => ({
    ...{ rev, prior: 0, account: 1 },
    values: {
      fields: { remediationState: state, firstReceivedTime: time },
      items: Array.from({ length: items }, () => ({})),
    },
  });
  const columns = encodeBlock('threat', 0, [
    record(1, 'REMEDIATED', FIRST, 0),
    record(2, 'ATTEMPTED', SECOND, 2),
  ]);
  const block = new Block(0, (name) => columns.get(name) ?? new Uint8Array());
  const reader = new UnitReader('threat', 'ITEM', block, Uint32Array.of(0, 1));
  const values = new Values();
  const { numbers } = reader.numbers('remediationState', values);
  expect(Array.from(numbers, (number) => values.at(number))).toEqual(['ATTEMPTED', 'ATTEMPTED']);
  expect([...reader.times('firstReceivedTime')]).toEqual([Date.parse(SECOND), Date.parse(SECOND)]);
});
