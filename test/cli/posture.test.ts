import 'reflect-metadata';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from '../../src/cli/run-command.js';
import { openStore } from '../../src/history/open-store.js';
import { mail } from '../support/control-facts.js';
import { hoursAfter, recordHistory, type Seen } from '../support/evidence-history.js';
import { sampleMessage, sampleThreat } from '../support/records.js';

const TO = '2026-10-05T00:00:00.000Z';

const seen: Seen[] = Array.from({ length: 800 }, (_, i) => {
  const at = hoursAfter('2026-07-30T00:00:00.000Z', i * 2);
  const messages = [sampleMessage(`m${i}`, mail(at, i === 650 ? null : 5000))];
  return { at: hoursAfter(at, 1), threat: sampleThreat(`t${i}`, { messages }) };
});

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'posture-'));
  const store = await openStore(`sqlite:${join(folder, 'history.db')}`, 'write');
  await recordHistory(store, { from: '2026-06-25T00:00:00.000Z', to: TO, seen });
  await store.close();
});

afterAll(() => rmSync(folder, { recursive: true }));

async function run(command: string, args: readonly string[], now = TO) {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runCommand({
    arguments: [command, ...args],
    env: { HISTORY: `sqlite:${join(folder, 'history.db')}`, LOG_LEVEL: 'warn' },
    terminal: { out: { write: (text) => out.push(text) }, err: { write: (text) => err.push(text) } },
    stop: new AbortController().signal,
    clock: () => Date.parse(now),
  });
  return { code, out: out.join(''), err: err.join('') };
}

const CAPTURED = ['--controls', 'attacks-captured'];
const REMEDIATED = ['--controls', 'attacks-remediated'];

describe('posture', () => {
  test('prints the state of each control for each window', async () => {
    const { out } = await run('posture', []);
    expect(out).toMatch(/CONTROL +WINDOW +VERDICT +SINCE +TREND +VALID UNTIL +DECIDED BY/);
    expect(out).toMatch(/attacks-captured +24h +PASS +at least 2026-09-29 +steady +2026-10-05 04:15 UTC/);
    expect(out.match(/^attacks-remediated +(24h|7d|30d|90d) /gm)).toHaveLength(4);
  });

  test('ends with the worst verdict of what is shown, as report does', async () => {
    expect((await run('posture', [...CAPTURED, '--window', '24h'])).code).toBe(0);
    expect((await run('posture', [...REMEDIATED, '--window', '30d'])).code).toBe(1);
    expect((await run('posture', ['--controls', 'token-rotation'])).code).toBe(2);
  });

  test('is undecided when a poll is overdue', async () => {
    const { code, out } = await run('posture', [...CAPTURED, '--window', '24h'], hoursAfter(TO, 5));
    expect(code).toBe(2);
    expect(out).toMatch(/attacks-captured +24h +INSUFFICIENT_DATA +2026-10-05 04:15 UTC/);
  });

  test('has the verdict of a report of the same control and window, which names its instants', async () => {
    for (const [window, period] of [
      ['24h', 'last-24h'],
      ['7d', 'last-7d'],
      ['30d', 'P30D'],
    ] as const) {
      const state = JSON.parse((await run('posture', [...REMEDIATED, '--window', window, '--json'])).out);
      const report = await run('report', [...REMEDIATED, '--period', period, '--format', 'json']);
      const { results, ...given } = JSON.parse(report.out);
      const [{ verdict, reason, period: span }] = state.states;
      expect(results).toMatchObject([{ verdict, reason }]);
      expect(given.period).toMatchObject({ from: span.from, to: span.to });
      const oscal = await run('report', [...REMEDIATED, '--period', period, '--format', 'oscal']);
      const [{ start, end }] = JSON.parse(oscal.out)['assessment-results'].results;
      expect({ start, end }).toEqual({ start: span.from, end: span.to });
      const text = await run('report', [...REMEDIATED, '--period', period]);
      expect(text.out).toContain(span.text);
    }
  });

  test.each([
    [['--window', '1y'], '--window is "1y"; accepted: 24h, 7d, 30d, 90d.'],
    [['--controls', 'x'], '--controls: There is no control x.'],
    [['--integration', 'x'], '--integration: "x" does not exist. Known: default.'],
  ])('with %j ends with 64 and says what is accepted', async (args, words) => {
    const { code, err } = await run('posture', args);
    expect(err).toContain(words);
    expect(code).toBe(64);
  });
});
