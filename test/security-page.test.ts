import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const page = readFileSync('docs/security.md', 'utf8');

/** The rows of the table under a heading, heading and rule left out, cell by cell. */
function rowsUnder(heading: string): string[][] {
  const [, rest = ''] = page.split(`\n## ${heading}\n`, 2);
  const lines = (rest.split('\n## ', 1)[0] ?? '').split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim()),
  );
}

const THREATS = rowsUnder('Threats and protection');
const OWASP = rowsUnder('The OWASP GraphQL cheat sheet, point by point');

test('the page names every threat', () => {
  const named = THREATS.map(([threat = '']) => threat.toLowerCase()).join('\n');
  for (const threat of [
    ...['token', 'database file', 'api key', 'encryption_key', 'hostile caller', 'hostile upstream', 'csrf'],
    ...['introspection', 'query bombs', 'ssrf', 'log leakage', 'timing'],
  ]) {
    expect(named).toContain(threat);
  }
});

test.each([...THREATS, ...OWASP])('%s: each named test exists', (_what, _how, shown = '') => {
  const tests = [...shown.matchAll(/`(test\/[^`]+\.test\.ts)`/g)].map(([, path = '']) => path);
  expect(tests).not.toEqual([]);
  expect(tests.filter((path) => !existsSync(path))).toEqual([]);
});
