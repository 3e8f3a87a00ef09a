import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** Lines of files under `folder` that match, as `file: line`. */
function linesIn(folder: string, pattern: RegExp): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  return files.flatMap((name) =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter((line) => pattern.test(line) && !/^\s*(\/?\*|\/\/)/.test(line))
      .map((line) => `${join(folder, name)}: ${line.trim()}`),
  );
}

const CLOCK = /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bset(Timeout|Interval)\(/;

test('pure modules read no clock and set no timer: `now` is an argument', () => {
  const pure = ['values', 'resources', 'model', 'controls'];
  expect(pure.flatMap((module) => linesIn(`src/${module}`, CLOCK))).toEqual([]);
});

test('credentials are revealed only where accounts are opened and where requests are sent', () => {
  const revealed = linesIn('src', /\.reveal\(/);
  expect(revealed.filter((line) => !/^src\/(integrations\/|abnormal\/request\.ts)/.test(line))).toEqual([]);
  expect(revealed.length).toBeGreaterThan(0);
});

test('no request bypasses outgoing.ts, neither by the global fetch nor by node:http', () => {
  const sent = linesIn('src', /(?<![\w.#])fetch\(|\b(https?|http2)\.(request|get|connect)\(/);
  expect(sent.filter((line) => !line.startsWith('src/outgoing.ts: '))).toEqual([]);
  expect(sent.length).toBeGreaterThan(0);
});

test('only main.ts ends the process or reads its environment', () => {
  const lines = linesIn('src', /\bprocess\.(exit\(|env\b|argv\b|on\()/);
  expect(lines.filter((line) => !line.startsWith('src/main.ts'))).toEqual([]);
});
