import 'reflect-metadata';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from '../../src/cli/run-command.js';
import { openStore } from '../../src/history/open-store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { CONTROL_IDS } from '../../src/policy/policy.js';
import { mail } from '../support/control-facts.js';
import { hoursAfter, recordHistory, type Seen } from '../support/evidence-history.js';
import { sampleMessage, sampleThreat } from '../support/records.js';

const NOW = '2026-10-06T00:00:00.000Z';
const AT = '2026-09-18T08:00:00.000Z';
const outage = { from: '2026-09-10T00:00:00.000Z', to: '2026-09-11T00:00:00.000Z', caughtUp: false };

const seen: Seen[] = Array.from({ length: 250 }, (_, i) => {
  const at = hoursAfter('2026-09-02T00:00:00.000Z', i * 2);
  const left = at > AT && i % 10 === 0;
  const messages = [
    sampleMessage(`m${i}`, mail(at, left ? null : 5000, { subject: i === 150 ? '=1+1' : `Mail ${i}` })),
  ];
  return { at: hoursAfter(at, 1), threat: sampleThreat(`t${i}`, { messages }) };
});

let folder: string;
let store: HistoryStore;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'report-'));
  // stays open for writing all the while, as that of a running gateway
  store = await openStore(`sqlite:${join(folder, 'history.db')}`, 'write');
  const span = { from: '2026-07-25T00:00:00.000Z', to: '2026-10-05T00:00:00.000Z' };
  await recordHistory(store, { ...span, seen, outages: () => [outage] });
});

afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

async function run(
  args: readonly string[],
  options: { env?: Record<string, string>; stop?: AbortSignal } = {},
) {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runCommand({
    arguments: ['report', ...args],
    env: { HISTORY: `sqlite:${join(folder, 'history.db')}`, LOG_LEVEL: 'warn', ...options.env },
    terminal: { out: { write: (text) => out.push(text) }, err: { write: (text) => err.push(text) } },
    stop: options.stop ?? new AbortController().signal,
    clock: () => Date.parse(NOW),
  });
  return { code, out: out.join(''), err: err.join('') };
}

const QUIET_WEEK = '2026-09-14/2026-09-18';

describe('report', () => {
  test('ends with 0 if all controls pass or do not apply', async () => {
    const controls = 'detection-active,attacks-captured,attacks-remediated,abuse-mailbox-operating';
    const { code, out } = await run(['--period', QUIET_WEEK, '--controls', controls]);
    expect(out).toMatch(/attacks-remediated\s+PASS\s+0\s+Remediated 100 %, at least 100 %/);
    expect(out).toMatch(/abuse-mailbox-operating\s+NOT_APPLICABLE/);
    expect(code).toBe(0);
  });

  test('ends with 1 if a control fails, even if others are undecided', async () => {
    const { code, out } = await run(['--period', '2026-09']);
    expect(code).toBe(1);
    expect(out).toMatch(/token-rotation\s+INSUFFICIENT_DATA/);
    expect(out).toMatch(/attacks-captured: 1 hole in the collection/);
  });

  test('ends with 2 if a control is undecided and none fails', async () => {
    expect((await run(['--period', QUIET_WEEK, '--controls', 'token-rotation'])).code).toBe(2);
    expect((await run(['--period', '2026-12', '--controls', 'attacks-captured'])).code).toBe(2);
  });

  test.each([
    [[], 'The period is missing: --period a quarter (2026-Q3)'],
    [['--period', '2026-Q9'], '--period: "2026-Q9" is not a period'],
    [
      ['--period', '2026-09', '--controls', 'nope'],
      '--controls: There is no control nope. Known controls: detection-active',
    ],
    [
      ['--period', '2026-09', '--format', 'pdf'],
      '--format is "pdf"; accepted: text, html, json, ndjson, csv, oscal',
    ],
    [['--period', '2026-09', '--trend', 'year'], '--trend is "year"; accepted: day, week, month, none'],
    [
      ['--period', '2010-01-01/2026-01-01', '--trend', 'day'],
      '--trend: 2010-01-01/2026-01-01 by DAY has more than 400',
    ],
    [['--period', '2026-09', '--rows', 'some'], '--rows is "some"; accepted: exceptions, population'],
    [['--period', '2026-09', '--integration', 'x'], '--integration: "x" does not exist. Known: default'],
    [['--period', '2026-09', '--as-of', 'yesterday'], '--as-of is "yesterday"; accepted: a day'],
    [
      ['--period', '2026-09', '--as-of', '2027-01-01'],
      '--as-of is 2027-01-01T00:00:00.000Z, which is in the future',
    ],
    [
      ['--period', '2026-09', '--threshold', 'remediateWithin'],
      'remediateWithin is ""; accepted: a duration',
    ],
    [
      ['--period', '2026-09', '--threshold', 'remediatedShare=101%'],
      '--threshold: remediatedShare is 1.01; it must be a share',
    ],
    [['--period', '2026-09', '--threshold', 'mood=1'], 'where NAME is one of pollThreatsEvery'],
    [['--period', '2026-09', '--out', '/nowhere/at/all.html'], '--out: ENOENT'],
    [['--period', '2026-09', '--frobnicate'], "unknown option '--frobnicate'"],
  ])('with %j ends with 64 and says what is accepted', async (args, words) => {
    const { code, err, out } = await run(args);
    expect(err).toContain(words);
    expect([code, out]).toEqual([64, '']);
  });

  test('ends with 64 if the configuration is wrong, and with 4 if there is no history', async () => {
    expect((await run(['--period', '2026-09'], { env: { PORT: 'high' } })).code).toBe(64);
    const env = { HISTORY: `sqlite:${join(folder, 'none.db')}` };
    expect((await run(['--period', '2026-09'], { env })).code).toBe(4);
  });

  test('writes a page to a file and a summary to standard error; a repeated run writes the same bytes', async () => {
    const files = ['a.html', 'b.html'].map((name) => join(folder, name));
    for (const file of files) {
      const { out } = await run(['--period', '2026-09', '--out', file]);
      expect(out).toContain(`Written to ${file}`);
    }
    const [first = '', second = ''] = files.map((file) => readFileSync(file, 'utf8'));
    expect(first).toContain('<h1>E-mail security controls, 2026-09</h1>');
    expect(second).toBe(first);
  });

  test('prints only the requested output with --quiet', async () => {
    const file = join(folder, 'quiet.json');
    const quiet = await run(['--period', '2026-09', '--out', file, '--quiet']);
    expect(quiet).toMatchObject({ code: 1, out: '', err: '' });
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ period: { text: '2026-09' } });
    const piped = await run(['--period', '2026-09', '--format', 'json', '-q']);
    expect(piped.out).toBe(readFileSync(file, 'utf8'));
    expect(await run(['--period', '2026-09', '-q'])).toMatchObject({ code: 1, out: '', err: '' });
  });

  test('writes every exception, or every member of the population, as CSV', async () => {
    const args = ['--period', '2026-09', '--controls', 'attacks-remediated', '--format', 'csv'];
    const lines = async (...more: string[]) => (await run([...args, ...more])).out.trimEnd().split('\r\n');
    const exceptions = await lines();
    expect(exceptions[0]).toMatch(/^control,outcome,integration,kind,id,message_id/);
    expect(
      exceptions.slice(1).every((line) => line.startsWith('attacks-remediated,EXCEPTION,default,threat,')),
    ).toBe(true);
    const left = seen.filter(({ threat }) => threat?.messages[0]?.remediationTime === null);
    expect(left.length).toBeGreaterThan(3);
    expect(exceptions).toHaveLength(1 + left.length);
    expect(await lines('--rows', 'population')).toHaveLength(1 + seen.length);
  });

  test('applies the given thresholds and the configured intervals', async () => {
    const args = ['--period', '2026-09-18/2026-09-22', '--controls', 'attacks-remediated'];
    expect((await run(args)).code).toBe(1);
    expect((await run([...args, '--threshold', 'remediatedShare=50%'])).code).toBe(0);
    const polls = ['--period', QUIET_WEEK, '--controls', 'collection-continuous'];
    expect((await run(polls)).code).toBe(0);
    expect((await run(polls, { env: { POLL_THREATS_EVERY: '1h' } })).code).toBe(1);
  });

  test('evaluates only what was recorded by the --as-of instant', async () => {
    const args = ['--period', '2026-09-24', '--controls', 'attacks-captured'];
    expect((await run([...args, '--as-of', '2026-09-24T12:00:00Z'])).code).toBe(2);
    expect((await run([...args, '--as-of', '2026-09-26'])).code).toBe(0);
  });

  test('ends on a signal and leaves no file behind', async () => {
    const file = join(folder, 'never.html');
    const stop = AbortSignal.abort('SIGTERM');
    expect((await run(['--period', '2026-09', '--out', file], { stop })).code).toBe(143);
    expect(existsSync(file)).toBe(false);
    expect(readdirSync(folder).filter((name) => name.includes('partial'))).toEqual([]);
  });

  test('writes one NDJSON line per item, and the last line marks the output as complete', async () => {
    const { code, out } = await run(['--period', '2026-09', '--format', 'ndjson', '--rows', 'population']);
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.at(-1)).toEqual({ type: 'end', rows: lines.length - 2 - CONTROL_IDS.length });
    expect(code).toBe(1);
  });

  test('writes versions without evaluating controls', async () => {
    const file = join(folder, 'september.jsonl');
    const { code, out } = await run(['--period', '2026-09', '--rows', 'revisions', '-o', file]);
    expect([code, out]).toEqual([0, `Written to ${file}\n`]);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    expect(JSON.parse(lines.at(-1) ?? '')).toEqual({ type: 'end', rows: seen.length });
    const csv = await run(['--period', '2026-09', '--rows', 'revisions', '--format', 'csv']);
    expect(csv).toMatchObject({ code: 64, out: '' });
    expect(csv.err).toContain('--rows revisions is available with --format ndjson only');
  });

  test('writes OSCAL if the file name says so, with the same exit codes', async () => {
    const file = join(folder, 'oscal-2026-09.json');
    expect((await run(['--period', '2026-09', '-q', '-o', file])).code).toBe(1);
    const document = JSON.parse(readFileSync(file, 'utf8'));
    expect(document['assessment-results'].results[0].start).toBe('2026-09-01T00:00:00.000Z');
  });

  test('repeats the exit code and its reason in the JSON summary', async () => {
    const { code, out } = await run(['--period', '2026-09', '--json']);
    const summary = JSON.parse(out);
    expect(summary).toMatchObject({ exitCode: code, out: null, period: { text: '2026-09' } });
    expect(summary.controls.map(({ control }: { control: string }) => control)).toEqual(CONTROL_IDS);
    expect(summary.controls[1]).toMatchObject({ verdict: 'FAIL', exceptions: 1 });
    const file = join(folder, 'with-summary.csv');
    expect(JSON.parse((await run(['--period', '2026-09', '--json', '-o', file])).out)).toMatchObject({
      out: file,
    });
    expect(existsSync(file)).toBe(true);
    expect((await run(['--period', '2026-09', '--json', '--format', 'csv'])).code).toBe(64);
  });

  test('names every exit code in its help text', async () => {
    const { code, out } = await run(['--help']);
    expect(code).toBe(0);
    for (const text of [
      '0 every control',
      '1 a control failed',
      '2 a control could not be evaluated',
      '64',
      '70',
    ]) {
      expect(out).toContain(text);
    }
  });
});

describe('report --since-last', () => {
  const since = (job: string, ...more: string[]) => run(['--since-last', '--job', job, '--json', ...more]);
  const spanOf = ({ out }: { out: string }) => JSON.parse(out).period;
  const NOTHING = 'Nothing to report: no whole day has passed since 2026-10-05.\n';
  const FINE = ['--controls', 'abuse-mailbox-operating'];

  test('reports the last full day first, then everything since, then nothing', async () => {
    const first = await since('nightly', '--until', '2026-09-14', ...FINE);
    expect(spanOf(first)).toMatchObject({ from: '2026-09-13T00:00:00.000Z', to: '2026-09-14T00:00:00.000Z' });
    expect(first.code).toBe(0);
    const second = await since('nightly');
    expect(spanOf(second)).toMatchObject({
      from: '2026-09-14T00:00:00.000Z',
      to: '2026-10-05T00:00:00.000Z',
    });
    expect(second.code).toBe(1);
    const third = await since('nightly');
    expect(JSON.parse(third.out)).toMatchObject({ period: null, exitCode: 0, controls: [], job: 'nightly' });
    const words = await run(['--since-last', '--job', 'nightly']);
    expect(words).toMatchObject({ code: 0, out: NOTHING });
    expect((await run(['--since-last', '--job', 'nightly', '-q'])).out).toBe('');
  });

  test('remembers the end of each job separately, and only of reports that were completed', async () => {
    const stopped = await run(['--since-last', '--job', 'other'], { stop: AbortSignal.abort('SIGINT') });
    expect(stopped.code).toBe(130);
    const wrong = await run(['--since-last', '--job', 'other', '--out', '/nowhere/at/all.csv']);
    expect(wrong.code).toBe(64);
    const days = ['2026-09-10', '2026-09-11', '2026-09-13'];
    const spans = [];
    for (const until of days) spans.push(spanOf(await since('other', '--until', until)));
    expect(spans.map(({ from }) => from.slice(0, 10))).toEqual(['2026-09-09', '2026-09-10', '2026-09-11']);
  });

  test('accepts only the first of two concurrent runs of a job', async () => {
    const both = await Promise.all([since('twice'), since('twice')]);
    expect(both.map(({ code }) => code).sort()).toEqual([2, 70]);
    expect(both.map(({ err }) => err).join('')).toContain(
      'Another run of the job twice ended at the same time',
    );
  });

  test.each([
    [['--since-last', '--period', '2026-09'], '--period and --since-last cannot be combined'],
    [['--since-last', '--as-of', '2026-09-01'], 'cannot be combined with --as-of'],
    [['--since-last', '--job', 'a b'], '--job: accepted is a name'],
    [['--since-last', '--controls', 'nope'], '--controls: There is no control nope'],
    [['--period', '2026-09', '--job', 'x'], '--job requires --since-last'],
    [['--period', '2026-09', '--until', '2d'], '--until requires --since-last'],
    [['--since-last', '--until', 'soon'], 'Accepted: a day'],
  ])('with %j ends with 64 and says what is accepted', async (args, words) => {
    const { code, err } = await run(args);
    expect(err).toContain(words);
    expect(code).toBe(64);
  });
});
