import 'reflect-metadata';
import { expect, test } from 'vitest';
import { runCommand } from '../../src/cli/run-command.js';

const NOW = '2026-10-06T00:00:00.000Z';

async function run(args: readonly string[], env: Record<string, string> = {}) {
  const err: string[] = [];
  const code = await runCommand({
    arguments: [...args],
    env: { HISTORY: 'sqlite:/nowhere/history.db', LOG_LEVEL: 'silent', ...env },
    terminal: { out: { write: () => undefined }, err: { write: (text) => err.push(text) } },
    stop: new AbortController().signal,
    clock: () => Date.parse(NOW),
  });
  return { code, err: err.join('') };
}

test.each<[readonly string[], string]>([
  [['backfill', '--from', '0000-01-01'], '2000-01-01 or later'],
  [['backfill', '--from', '1999-12-31'], '2000-01-01 or later'],
  [['backfill', '--from', '999999999d'], '2000-01-01 or later'],
  [['backfill', '--from', '9999-12-31'], 'must be in the past'],
  [['backfill', '--from', '9999-12-31T23:59:59-14:00'], 'Accepted: a day'],
  [['reconcile', '--from', '0000-01-01'], '2000-01-01 or later'],
  [['reconcile', '--from', '9999-12-31'], 'not before'],
  [['report', '--period', '0000-Q1'], 'between 2000-01-01 and 2027-10-07, one year from now'],
  [['report', '--period', '9999-12-30', '--trend', 'day'], 'between 2000-01-01 and 2027-10-07'],
  [['report', '--period', '2026-Q3', '--as-of', '0000-01-01T00:00:00+14:00'], '--as-of'],
])('the arguments %j are refused with the accepted range', async (args, message) => {
  const { code, err } = await run(args);
  expect([code, err]).toEqual([args[0] === 'backfill' ? 2 : 64, expect.stringContaining(message)]);
});

test('BACKFILL_FROM before 2000 is refused with the accepted range', async () => {
  const { code, err } = await run(['backfill', '--from', '2026-01-01'], { BACKFILL_FROM: '0000-01-01' });
  expect([code, err]).toEqual([2, expect.stringContaining('2000-01-01 or later')]);
});
