import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type BlockRow, encodeBlock, packColumns } from '../../../src/history/columns/block.js';
import { BlockCheck } from '../../../src/history/sqlite/block-check.js';
import { makeBlock, putBlock, readRows } from '../../../src/history/sqlite/column-blocks.js';
import { Connection } from '../../../src/history/sqlite/connection.js';
import { openSqliteStore } from '../../../src/history/sqlite/store.js';
import { batchOf, observeThreat, sampleThreat } from '../../support/records.js';

const BATCHES = 3;
const PER_BATCH = 150;

/** A history with a small block for each of its batches, and its rows. */
async function withBlocks(work: (connection: Connection, rows: readonly BlockRow[]) => void): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-blocks-'));
  try {
    const path = join(folder, 'history.db');
    const store = await openSqliteStore(path, 'write');
    for (let n = 0; n < BATCHES; n += 1) {
      const own = Array.from({ length: PER_BATCH }, (_, i) => sampleThreat(`t${n}-${i}`));
      await store.record(batchOf(`b${n}`, { observations: own.map((each) => observeThreat(each)) }));
    }
    await store.close();
    const connection = new Connection(path, 'write');
    try {
      work(connection, readRows(connection, 'threat', 0, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER));
    } finally {
      connection.close();
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

const ends = (n: number) => ({ after: (n - 1) * PER_BATCH, last: n * PER_BATCH });

describe('a check of blocks', () => {
  it('finds the blocks right that have the values of the rows', () =>
    withBlocks((connection, rows) => {
      const check = new BlockCheck(connection, 'threat');
      expect(rows.flatMap((row) => [...check.add(row)])).toEqual(
        [1, 2, 3].map((n) => ({ ...ends(n), isRight: true })),
      );
      expect([...check.next()]).toEqual([]);
    }));

  it('finds a block wrong that has another value, and does not judge one with a row that cannot be read', () =>
    withBlocks((connection, rows) => {
      const check = new BlockCheck(connection, 'threat');
      const altered = rows.slice(0, PER_BATCH).map((row) => (row.rev === 7 ? { ...row, values: null } : row));
      const sql = 'UPDATE column_blocks SET data = ? WHERE kind = ? AND after = 0';
      connection.run(sql, [packColumns(encodeBlock('threat', 0, altered)), 'threat']);
      const unreadable = rows.map((row) => (row.rev === 2 * PER_BATCH ? { ...row, values: undefined } : row));
      const found = unreadable.flatMap((row) => [...check.add(row)]).map(({ isRight }) => isRight);
      expect(found).toEqual([false, null, true]);
    }));

  it('compares a block of which only some rows came with its records', () =>
    withBlocks((connection, rows) => {
      const check = new BlockCheck(connection, 'threat');
      const taken = rows.slice(0, PER_BATCH + 20).flatMap((row) => [...check.add(row)]);
      expect(taken).toEqual([{ ...ends(1), isRight: true }]);
      expect([...check.next()]).toEqual([{ ...ends(2), isRight: true }]);
    }));

  it('compares blocks that are joined meanwhile with their records', () =>
    withBlocks((connection, rows) => {
      const check = new BlockCheck(connection, 'threat');
      const [before, after] = [rows.slice(0, PER_BATCH + 20), rows.slice(PER_BATCH + 20)];
      expect(before.flatMap((row) => [...check.add(row)])).toEqual([{ ...ends(1), isRight: true }]);
      const joined = makeBlock(connection, 'SMALL', 'threat', { rows: 1_000, blocks: 3 });
      connection.transaction(() => putBlock(connection, joined));
      const whole = { after: 0, last: BATCHES * PER_BATCH, isRight: true };
      expect(after.flatMap((row) => [...check.add(row)])).toEqual([whole]);
    }));
});
