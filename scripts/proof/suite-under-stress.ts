import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';

/*
 * Runs tests where time, order and load are against them: at the edges of the calendar, shuffled, and with every
 * core busy. The clock is shifted with libfaketime (Debian: `apt-get install faketime`).
 *
 *   npx tsx scripts/proof/suite-under-stress.ts [--at year-end …] [--busy] [--workers 1] [test files …]
 */

/** Each a minute and a half before something changes: time for the run to start. All to come, so that tests that only pass for some months are found too. */
const MOMENTS: Readonly<Record<string, { readonly start: string | null; readonly zone?: string }>> = {
  now: { start: null },
  midnight: { start: '2027-05-13T23:58:30Z' },
  'month-end': { start: '2027-04-30T23:58:30Z' },
  'quarter-end': { start: '2027-06-30T23:58:30Z' },
  'year-end': { start: '2026-12-31T23:58:30Z' },
  'summer-time': { start: '2027-03-28T00:58:30Z', zone: 'Europe/Berlin' },
  'winter-time': { start: '2027-10-31T00:58:30Z', zone: 'Europe/Berlin' },
};

const LIBRARY = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1',
].find(existsSync);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    at: { type: 'string', multiple: true, default: Object.keys(MOMENTS) },
    busy: { type: 'boolean', default: false },
    workers: { type: 'string', default: '2' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});

/** What every process of a run is given: one shift for all, so that their clocks agree. */
function clockOf(name: string): Record<string, string> {
  const moment = MOMENTS[name];
  if (!moment) throw new Error(`--at ${name} is unknown: give some of ${Object.keys(MOMENTS).join(', ')}`);
  if (moment.start === null) return {};
  if (!LIBRARY) throw new Error('libfaketime is not installed: apt-get install faketime');
  const seconds = Math.round((Date.parse(moment.start) - Date.now()) / 1000);
  // timers go by the monotonic clock, which stays as it is; the times of files stay the disk's
  const unshifted = { FAKETIME_DONT_FAKE_MONOTONIC: '1', NO_FAKE_STAT: '1' };
  const shifted = { FAKETIME: `${seconds < 0 ? '' : '+'}${seconds}s`, ...unshifted };
  return { ...shifted, LD_PRELOAD: LIBRARY, TZ: moment.zone ?? 'UTC' };
}

function run(name: string): Promise<number> {
  const order = ['--sequence.shuffle.files', '--sequence.shuffle.tests', `--sequence.seed=${values.seed}`];
  const args = [
    'vitest',
    'run',
    '--reporter=default',
    `--maxWorkers=${values.workers}`,
    ...order,
    ...positionals,
  ];
  const env = { ...process.env, ...clockOf(name) };
  const child = spawn('npx', args, { env, stdio: 'inherit' });
  return new Promise((done) => child.once('close', (code) => done(code ?? 1)));
}

const busy = values.busy
  ? Array.from({ length: availableParallelism() }, () => spawn(process.execPath, ['-e', 'for (;;);']))
  : [];
const failed: string[] = [];
try {
  for (const name of values.at) {
    console.log(`\n== ${name}, seed ${values.seed}${values.busy ? ', every core busy' : ''}`);
    if ((await run(name)) !== 0) failed.push(name);
  }
} finally {
  for (const child of busy) child.kill('SIGKILL');
}
console.log(failed.length === 0 ? 'all passed' : `failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
