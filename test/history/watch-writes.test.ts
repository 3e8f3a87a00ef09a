import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore } from '../../src/history/open-store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { watchWrites } from '../../src/history/watch-writes.js';
import { historyCheck, readiness, writesCheck } from '../../src/http/health.js';
import { createCounters } from '../../src/metrics/counters.js';
import { createScrape } from '../../src/metrics/scrape.js';
import { integrationHealth } from '../../src/model/stream.js';
import { batchOf, observeCase, START, sampleCase } from '../support/records.js';

/* A disk without space, in the ways that a test can have one; each gives the space back afterwards. */

interface FullDisk {
  readonly name: string;
  readonly code: string;
  /** Whether this machine can do it. */
  fill(folder: string): void;
  free(folder: string): void;
}

const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: 'pipe' });
const limitFiles = (bytes: string) => run('prlimit', `--pid=${process.pid}`, `--fsize=${bytes}:`);

const DISKS: readonly FullDisk[] = [
  {
    // a file may not grow further: what a quota does
    name: 'a limit of the size of files',
    code: 'UNAVAILABLE',
    fill: () => limitFiles('3000000'),
    free: () => limitFiles('unlimited'),
  },
  {
    name: 'a file system of 6 MB',
    code: 'FULL',
    fill: (folder) => run('mount', '-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', folder),
    free: (folder) => run('mount', '-o', 'remount,size=100m', folder),
  },
];

describe.each(DISKS)('a history on a full disk: $name', ({ code, fill, free }) => {
  let base: string;
  let folder: string;
  let store: HistoryStore | null = null;
  let reason: string | null = null;

  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'full-'));
    folder = join(base, 'disk');
    mkdirSync(folder);
    try {
      fill(folder);
      reason = null;
    } catch (error) {
      reason = `not possible here: ${error instanceof Error ? error.message : String(error)}`;
    }
  });
  afterEach(async () => {
    if (reason === null) free(folder);
    await store?.close();
    store = null;
    try {
      // the driver lets go of its files later than it closes them
      run('umount', '--lazy', folder);
    } catch {
      // it was no mount
    }
    rmSync(base, { recursive: true });
  });

  it('reports the failure everywhere, and recovers when there is space again', async ({ skip }) => {
    if (reason !== null) skip(reason);
    let now = Date.parse(START);
    const clock = () => now;
    const lines: string[] = [];
    const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
    const opened = await openStore(`sqlite:${join(folder, 'history.db')}`, 'write');
    store = opened;
    const watch = watchWrites(opened, { clock, log });
    const counters = createCounters();
    const scrape = createScrape({
      counters,
      store: watch.shown,
      writes: watch,
      budgets: () => new Map(),
      clock,
      log,
    });
    const ready = () => readiness([historyCheck(watch.shown), writesCheck(watch)]);
    const stream = { integration: 'default', resource: 'cases', filterKey: 'lastModifiedTime' } as const;
    const state = { ...stream, status: 'OK', message: null, collectFrom: START } as const;
    const streams = [{ ...state, lastAttemptAt: START, lastSuccessAt: START }];
    const description = 'x'.repeat(200_000);
    const record = (n: number) => {
      const observations = [observeCase(sampleCase(`case-${n}`, { description }))];
      return watch.store.record(batchOf(`batch-${n}`, { observations, streams }));
    };

    await record(0);
    expect(await ready()).toMatchObject({ ready: true });
    expect(await scrape.text()).toContain('abnormal_gateway_history_writable 1');
    let held = 1;
    const full = async () => {
      for (; held < 100; held += 1) await record(held);
    };
    await expect(full()).rejects.toMatchObject({ name: 'HistoryError', code });
    now += 60_000;
    await expect(record(held)).rejects.toMatchObject({ name: 'HistoryError' });

    expect(watch.failure()).toEqual({ since: START, code });
    const states = await watch.shown.streams();
    expect(states).toMatchObject([{ ...stream, status: 'HISTORY_UNAVAILABLE' }]);
    expect(states[0]?.message).toContain(`since ${START}: no data from Abnormal are recorded`);
    expect(states[0]?.message).not.toContain(folder);
    expect(integrationHealth(states).status).toBe('HISTORY_UNAVAILABLE');
    expect(await watch.store.streams()).toEqual(streams);
    const { checks, ...said } = await ready();
    expect(said).toEqual({ ready: false });
    expect(JSON.stringify(checks)).not.toContain(folder);
    expect(checks.map(({ ok }) => ok)).toEqual([true, false]);
    const text = await scrape.text();
    expect(text).toContain('abnormal_gateway_history_writable 0');
    expect(text).toContain('abnormal_gateway_history_write_failures 2');
    expect(text).toContain(`history_write_failing_since_timestamp_seconds ${Date.parse(START) / 1000}`);
    expect(text).toMatch(/integration_status\{integration="default",status="HISTORY_UNAVAILABLE"\} 1/);
    const errors = () => lines.map((line) => JSON.parse(line)).filter(({ level }) => level >= 50);
    expect(errors()).toMatchObject([{ code, msg: 'the history cannot be written: nothing is recorded' }]);
    // what is recorded can be read all the while
    expect((await watch.shown.head()).seq).toBe(held);

    free(folder);
    expect(await record(held)).toMatchObject({ seq: held + 1, added: 1 });
    expect(watch.failure()).toBeNull();
    expect(await ready()).toMatchObject({ ready: true });
    expect(await watch.shown.streams()).toEqual(streams);
    expect(await scrape.text()).toContain('abnormal_gateway_history_writable 1');
    expect(lines.at(-1)).toContain('the history can be written again');
    expect(errors()).toHaveLength(1);
  });
});
