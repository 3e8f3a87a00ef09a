import { beforeAll, describe, expect, test } from 'vitest';
import { type ItemPosition, readItems } from '../../src/history/items.js';
import { openStore } from '../../src/history/open-store.js';
import type { HistoryStore } from '../../src/history/store.js';
import {
  batchOf,
  minutesAfterStart,
  observeThreat,
  sampleMessage,
  sampleThreat,
} from '../support/records.js';

const THREATS = 600;
const SIZE = 10;

let store: HistoryStore;

beforeAll(async () => {
  store = await openStore('sqlite::memory:', 'write');
  const observations = Array.from({ length: THREATS }, (_, n) => {
    const messages = [0, 20, 40].map((minutes) =>
      sampleMessage(`${n}-${minutes}`, {
        receivedTime: minutesAfterStart(n + minutes),
        isRead: n % 2 === 0,
      }),
    );
    return observeThreat(sampleThreat(`threat-${n}`, { messages }));
  });
  await store.record(batchOf('all', { observations }));
  return () => store.close();
});

describe('a walk through the messages of many threats', () => {
  test.each([
    ['newest first', true, null, 3 * THREATS],
    ['oldest first', false, null, 3 * THREATS],
    ['that match a filter', true, { field: 'isRead', eq: true }, (3 * THREATS) / 2],
  ])(
    '%s reads as few threats for a late page as for an early one',
    async (_, descending, filter, expected) => {
      const reads: number[] = [];
      const counting: Pick<HistoryStore, 'page'> = {
        page: async (query) => {
          const page = await store.page(query);
          reads[reads.length - 1] = (reads.at(-1) ?? 0) + page.items.length;
          return page;
        },
      };
      let found = 0;
      for (let after: ItemPosition | null = null, hasMore = true; hasMore; ) {
        reads.push(0);
        const query = {
          kind: 'threat',
          integrations: null,
          filter,
          seq: 1,
          descending,
          after,
          limit: SIZE,
        } as const;
        const page: Awaited<ReturnType<typeof readItems>> = await readItems(counting, query);
        found += page.items.length;
        after = page.items.at(-1)?.position ?? null;
        hasMore = page.hasMore;
      }
      expect(found).toBe(expected);
      expect(reads).toHaveLength(expected / SIZE);
      expect(Math.max(...reads)).toBeLessThanOrEqual(100);
    },
  );
});
