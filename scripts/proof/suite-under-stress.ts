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

const MOMENTS: Readonly<Record<string, { readonly start: string; readonly zone?: string }>> = {
  now: { start: '' },
  midnight: { start: '2026-05-13 23:59:00' },
  'month-end': { start: '2026-04-30 23:59:00' },
  'quarter-end': { start: '2026-06-30 23:59:00' },
  'year-end': { start: '2026-12-31 23:59:00' },
  'leap-day': { start: '2028-02-28 23:59:00' },
  'summer-time': { start: '2026-03-29 01:59:00', zone: 'Europe/Berlin' },
  'winter-time': { start: '2026-10-25 02:59:00', zone: 'Europe/Berlin' },
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

/** What a process is given so that it takes `start` for now, and its clock runs on from there. */
function clockOf(name: string): Record<string, string> {
  const moment = MOMENTS[name];
  if (!moment) throw new Error(`--at ${name} is unknown: give some of ${Object.keys(MOMENTS).join(', ')}`);
  if (moment.start === '') return {};
  if (!LIBRARY) throw new Error('libfaketime is not installed: apt-get install faketime');
  // timers go by the true monotonic clock: a shifted one would hold them up
  const shifted = { LD_PRELOAD: LIBRARY, FAKETIME: `@${moment.start}`, FAKETIME_DONT_FAKE_MONOTONIC: '1' };
  return { ...shifted, TZ: moment.zone ?? 'UTC' };
}

function run(name: string): Promise<number> {
  const order = ['--sequence.shuffle.files', '--sequence.shuffle.tests', `--sequence.seed=${values.seed}`];
  const args = [
    'vitest',
    'run',
    '--reporter=dot',
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
