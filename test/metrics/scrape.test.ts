import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { createBudget } from '../../src/abnormal/budget.js';
import { openStore } from '../../src/history/open-store.js';
import { createCounters } from '../../src/metrics/counters.js';
import { createScrape } from '../../src/metrics/scrape.js';
import { DAY, HOUR, shift, toMillis } from '../../src/values/instant.js';
import { batchOf } from '../support/records.js';

const NOW = '2026-03-31T12:00:00.000Z';
const folder = mkdtempSync(join(tmpdir(), 'scrape-'));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function valueIn(text: string, series: string): number | null {
  const line = text.split('\n').find((each) => each.startsWith(`abnormal_gateway_${series} `));
  return line === undefined ? null : Number(line.split(' ').at(-1));
}

test('gaps, budgets and a failing history are measured correctly', async () => {
  let now = toMillis(NOW);
  const clock = () => now;
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
  const store = await openStore(`sqlite:${join(folder, 'history.db')}`, 'write');
  const stream = { integration: 'default', resource: 'cases', filterKey: 'lastModifiedTime' } as const;
  const from = shift(NOW, -DAY);
  const state = { ...stream, status: 'OK', message: null, collectFrom: from } as const;
  const read = {
    ...stream,
    runId: 'r',
    filter: 'f',
    declared: null,
    listed: 0,
    held: 0,
    pages: 1,
    reason: null,
  };
  const entry = (begin: number, end: number, status: 'COMPLETE' | 'FAILED') => {
    const window = { from: shift(from, begin * HOUR), to: shift(from, end * HOUR) };
    return { ...read, ...window, status, readAt: NOW, settledTo: NOW };
  };
  await store.record(
    batchOf('b', {
      now: NOW,
      streams: [{ ...state, lastAttemptAt: NOW, lastSuccessAt: from }],
      ledger: [
        entry(0, 4, 'COMPLETE'),
        entry(4, 7, 'FAILED'),
        entry(7, 20, 'COMPLETE'),
        entry(20, 21, 'FAILED'),
      ],
    }),
  );
  const budget = createBudget({ rpm: 60, concurrency: 1, clock });
  const place = await budget.acquire('cases', 'poll');
  const waiting = new AbortController();
  const second = budget.acquire('cases', 'interactive', waiting.signal).catch(() => null);
  const budgets = () => new Map([['default', budget]]);
  const scrape = createScrape({ counters: createCounters(), store, budgets, clock, log });

  const text = await scrape.text();
  const labels = 'integration="default",resource="cases",filter_key="lastModifiedTime"';
  expect(valueIn(text, 'history_up')).toBe(1);
  expect(valueIn(text, 'history_head_seq')).toBe(1);
  expect(valueIn(text, 'history_head_timestamp_seconds')).toBe(toMillis(NOW) / 1000);
  expect(valueIn(text, `gaps{${labels},reason="FAILED"}`)).toBe(2);
  expect(valueIn(text, `longest_gap_seconds{${labels},reason="FAILED"}`)).toBe(3 * 3600);
  expect(valueIn(text, `longest_gap_seconds{${labels},reason="NOT_COLLECTED"}`)).toBe(3 * 3600);
  expect(valueIn(text, `stream_last_success_timestamp_seconds{${labels}}`)).toBe(toMillis(from) / 1000);
  expect(valueIn(text, 'upstream_budget_limit_requests{integration="default"}')).toBe(60);
  expect(valueIn(text, 'upstream_budget_used_requests{integration="default"}')).toBe(1);
  const queue = (priority: string) =>
    valueIn(text, `upstream_budget_waiting_requests{integration="default",priority="${priority}"}`);
  expect([queue('interactive'), queue('poll'), queue('backfill')]).toEqual([1, 0, 0]);
  waiting.abort();
  await second;
  place.release();

  // within the minute the gaps stand as they were found; then they are looked for again
  await store.record(batchOf('c', { now: NOW, ledger: [entry(0, 24, 'COMPLETE')] }));
  expect(valueIn(await scrape.text(), `gaps{${labels},reason="FAILED"}`)).toBe(2);
  now += 61_000;
  expect(valueIn(await scrape.text(), `gaps{${labels},reason="FAILED"}`)).toBe(null);

  await store.close();
  for (let i = 0; i < 3; i += 1) expect(valueIn(await scrape.text(), 'history_up')).toBe(0);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('the history cannot be measured');
});
