import 'reflect-metadata';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { runCommand } from '../../src/cli/run-command.js';

const folder = mkdtempSync(join(tmpdir(), 'policy-'));
const path = join(folder, 'policy.yaml');
afterAll(() => rmSync(folder, { recursive: true }));

async function run(args: readonly string[], env: Record<string, string> = {}) {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runCommand({
    arguments: ['policy', ...args],
    env,
    terminal: { out: { write: (text) => out.push(text) }, err: { write: (text) => err.push(text) } },
    stop: new AbortController().signal,
    clock: () => Date.parse('2026-10-06T00:00:00.000Z'),
  });
  return { code, out: out.join(''), err: err.join('') };
}

test('init writes a valid policy, and never over another file', async () => {
  const made = join(folder, 'made.yaml');
  expect(await run(['init', '--out', made])).toMatchObject({ code: 0 });
  expect((await run(['init', '--out', made])).code).toBe(2);
  expect(readFileSync(made, 'utf8')).toBe((await run(['init'])).out);
  expect(await run(['check', made])).toMatchObject({ code: 0, err: '' });
});

test('check prints every problem with its place, and ends with 1', async () => {
  const bad = join(folder, 'bad.yaml');
  writeFileSync(bad, 'version: 1\nthresholds: { tokenAge: soon }\nowner: me\n');
  const { code, err } = await run(['check'], { POLICY: bad });
  expect(code).toBe(1);
  expect(err).toBe(
    `${bad}:2:15: thresholds.tokenAge must be a duration such as 30m, 4h or 90d.\n${bad}:3:1: owner is not a known name.\n`,
  );
  expect((await run(['check', join(folder, 'none.yaml')])).code).toBe(2);
  expect((await run(['check'])).code).toBe(2);
});

test('show says what applies and where it comes from', async () => {
  writeFileSync(
    path,
    `version: 1
thresholds: { tokenAge: 30d }
integrations: { eu: { thresholds: { tokenAge: 10d } } }
controls: { token-rotation: { owner: Ops } }
waivers:
  - { control: attacks-captured, subject: { record: t1 }, reason: r, owner: o, ticket: T-1, from: 2026-01-01, expires: 2026-10-06 }
`,
  );
  const { out } = await run(['show'], { POLICY: path, INGESTION_LAG: '20m' });
  expect(out).toMatch(/^tokenAge +30d +policy$/m);
  expect(out).toMatch(/^tokenAge \(eu\) +10d +policy$/m);
  expect(out).toMatch(/^ingestionLag +20m +environment$/m);
  expect(out).toMatch(/^quietFor +7d +default$/m);
  expect(out).toMatch(/^token-rotation +Ops +-$/m);
  expect(out).toMatch(/^attacks-captured +record t1 +o +T-1 +2026-10-06 +expired$/m);
  const json = JSON.parse((await run(['show', '--json'], { POLICY: path })).out);
  expect(json).toMatchObject({ policy: { text: readFileSync(path, 'utf8') }, waivers: [{ ticket: 'T-1' }] });
});
