import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PAGE_READINGS } from '../../../src/history/reading-pages.js';
import { Connection } from '../../../src/history/sqlite/connection.js';
import { DerivedCheck } from '../../../src/history/sqlite/derived.js';
import { type Head, runWrite } from '../../../src/history/sqlite/record-batch.js';
import { openSqliteStore } from '../../../src/history/sqlite/store.js';
import type { DerivedFault } from '../../../src/history/store.js';
import {
  batchOf,
  ledgerEntry,
  minutesAfterStart,
  observeThreat,
  sampleThreat,
  streamState,
} from '../../support/records.js';

const BATCHES = 5;

const partOf = (n: number, integration: string) =>
  batchOf(`b${n}`, {
    now: minutesAfterStart(n),
    observations: [sampleThreat('again', { recipientCount: n }), sampleThreat(`t${n}`)].map((threat) =>
      observeThreat(threat, { basis: n, integration, fetchedAt: minutesAfterStart(n) }),
    ),
    streams: [streamState({ integration })],
    ledger: Array.from({ length: PAGE_READINGS / BATCHES + 1 }, () =>
      ledgerEntry({ integration, readAt: minutesAfterStart(n) }),
    ),
  });

/** A connection that does something before its query with this number. */
class Interrupted extends Connection {
  constructor(
    path: string,
    private left: number,
    private readonly interrupt: () => void,
  ) {
    super(path, 'read');
  }

  get isOver(): boolean {
    return this.left > 0;
  }

  override first(...query: Parameters<Connection['first']>): ReturnType<Connection['first']> {
    this.#count();
    return super.first(...query);
  }

  override all(...query: Parameters<Connection['all']>): ReturnType<Connection['all']> {
    this.#count();
    return super.all(...query);
  }

  #count(): void {
    this.left -= 1;
    if (this.left === 0) this.interrupt();
  }
}

const joinBlocks = (writer: Connection) =>
  runWrite(writer, {
    ...{ type: 'MAKE_BLOCK', source: 'SMALL', kind: 'threat' },
    sizes: { rows: 1_000, blocks: 2 },
  });

/** Another version of a record, and the first readings of another account. */
function recordMore(writer: Connection): void {
  const [seq, at, lastRev] = writer.first('SELECT max(seq), max(at), max(last_rev) FROM batches') ?? [];
  let head: Head = { seq: Number(seq), at: String(at), lastRev: Number(lastRev) };
  for (const integration of ['default', 'another'])
    head = runWrite(writer, { type: 'RECORD', batch: partOf(head.seq + 1, integration), head }).head;
}

it.each<[string, (writer: Connection) => void]>([
  ['joins blocks', joinBlocks],
  ['joins readings', (writer) => runWrite(writer, { type: 'JOIN_READINGS', seq: BATCHES })],
  ['records more', recordMore],
  [
    'records more and joins that',
    (writer) => {
      recordMore(writer);
      joinBlocks(writer);
    },
  ],
])(
  'an intact history is found intact, whichever query of its check another connection %s before',
  async (_, write) => {
    const folder = await mkdtemp(join(tmpdir(), 'gateway-check-'));
    try {
      const original = join(folder, 'original.db');
      const store = await openSqliteStore(original, 'write');
      for (let n = 0; n < BATCHES; n += 1) await store.record(partOf(n, 'default'));
      const { seq } = await store.head();
      await store.close();
      for (let query = 1, isOver = false; !isOver; query += 1) {
        const path = join(folder, `${query}.db`);
        await copyFile(original, path);
        const writer = new Connection(path, 'write');
        const reader = new Interrupted(path, query, () => write(writer));
        const faults: DerivedFault[] = [];
        for await (const fault of new DerivedCheck(reader, seq).run()) faults.push(fault);
        expect({ query, faults }).toEqual({ query, faults: [] });
        isOver = reader.isOver;
        reader.close();
        writer.close();
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  },
  120_000,
);
