import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PAGE_READINGS } from '../../src/history/reading-pages.js';
import type { HistoryStore } from '../../src/history/store.js';
import type { LedgerEntry } from '../../src/model/ledger.js';
import { batchOf, ledgerEntry, minutesAfterStart, streamState } from '../support/records.js';
import type { OpenedStore } from './history-store-suite.js';

const STREAMS = [
  { integration: 'default', resource: 'threats', filterKey: 'receivedTime' },
  { integration: 'default', resource: 'cases', filterKey: 'lastModifiedTime' },
  { integration: 'other', resource: 'threats', filterKey: 'receivedTime' },
] as const;

const BATCHES = 60;
const EACH = 10;

/** Readings of every kind: adjacent ones that found nothing, long ones, failed ones, those with missing records. */
function readingsOf(batch: number): LedgerEntry[] {
  return STREAMS.flatMap((stream, s) =>
    Array.from({ length: s === 2 ? 1 : EACH }, (_, i) => {
      const n = batch * EACH + i;
      const [from, to] = n % 97 === 0 ? [0, n + 1] : [n, n + 1 + (n % 3)];
      const window = { from: minutesAfterStart(from * 15), to: minutesAfterStart(to * 15) };
      const settledTo = n % 7 === 0 ? window.from : window.to;
      const missing = [
        { id: `t${n}`, code: 'FAILED', reason: 'Grüße\n„x“ \u2028', since: window.from } as const,
      ];
      const failed = {
        status: 'FAILED',
        declared: null,
        listed: 0,
        held: 0,
        reason: `HTTP 500 after ${n}`,
      } as const;
      return ledgerEntry({
        ...{ ...stream, ...window, settledTo, runId: `run-${batch}`, readAt: window.to },
        ...(n % 31 === 0 ? failed : { declared: 0, listed: 0, held: 0 }),
        ...(n % 41 === 0 && { missing }),
      });
    }),
  );
}

/** Readings that are kept as pages. */
export function describeReadingPages(open: () => Promise<OpenedStore>): void {
  describe('readings that are joined into pages', () => {
    let opened: OpenedStore;
    let store: HistoryStore;

    beforeAll(async () => {
      opened = await open();
      store = opened.store;
      for (let n = 0; n < BATCHES; n++) {
        await store.record(
          batchOf(`readings-${n}`, {
            ledger: readingsOf(n),
            streams: STREAMS.map(streamState),
            now: minutesAfterStart(n),
          }),
        );
      }
    });
    afterAll(() => opened.dispose());

    /** What is read of windows everywhere, as of batches before, in and after the pages. */
    async function answers(from: HistoryStore): Promise<unknown[]> {
      const spans = [
        ...Array.from({ length: 12 }, (_, n) => [n * 57, n * 57 + 1 + (n % 5) * 100]),
        [0, 10_000],
      ];
      const asked = STREAMS.flatMap((stream) =>
        spans.flatMap(([begin = 0, end = 0]) =>
          [3, 25, 40, BATCHES].map((seq) =>
            from.ledger(stream, minutesAfterStart(begin * 15), minutesAfterStart(end * 15), seq),
          ),
        ),
      );
      const first = from.firstRecorded({ kinds: ['threat', 'case'], integrations: ['default', 'other'] });
      return Promise.all([...asked, first, from.batches({ afterSeq: 0, toSeq: BATCHES, limit: 100 })]);
    }

    it('are read as they were recorded, at every batch, also after another one and a restart', async () => {
      const expected = await answers(store);
      expect(JSON.stringify(expected)).toContain('Grüße');
      await store.joinReadings(40);
      expect(await answers(store)).toStrictEqual(expected);
      await store.joinReadings(BATCHES);
      await store.joinReadings(BATCHES);
      expect(await answers(store)).toStrictEqual(expected);
      const later = await store.record(
        batchOf('later', { ledger: readingsOf(BATCHES), now: minutesAfterStart(99) }),
      );
      expect(later.seq).toBe(BATCHES + 1);
      const all = await store.ledger(STREAMS[0], minutesAfterStart(0), minutesAfterStart(1e6), BATCHES + 1);
      expect(all).toHaveLength((BATCHES + 1) * EACH);
      expect(all.map(({ seq }) => seq)).toStrictEqual(all.map(({ seq }) => seq).sort((a, b) => a - b));
      store = await opened.reopen();
      expect(await answers(store)).toStrictEqual(expected);
      expect(BATCHES * EACH).toBeGreaterThan(2 * PAGE_READINGS);
    });

    it('are found under their own data', async () => {
      const faults: string[] = [];
      for await (const { message } of store.checkDerived(BATCHES)) faults.push(message);
      expect(faults).toEqual([]);
    });
  });
}
