import 'reflect-metadata';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import { VARIABLES } from '../src/config/variables.js';
import { ERROR_CODES } from '../src/graphql/errors.js';
import { buildGatewaySchema } from '../src/graphql/schema.js';
import { FIRST_QUERY } from '../src/http/ide.js';

const DOCS = ['README.md', ...markdownIn('docs'), ...markdownIn('docs/adr')];
const readme = readFileSync('README.md', 'utf8');

function markdownIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
}

function section(heading: string): string {
  const [, rest = ''] = readme.split(`\n## ${heading}\n`, 2);
  return rest.split('\n## ', 1)[0] ?? '';
}

test('the configuration table has every variable and no other', () => {
  const cells = [...section('Configuration').matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name),
  );
  expect(cells.sort()).toEqual([...VARIABLES].sort());
});

test('the example file names known variables only', () => {
  const names = [...readFileSync('.env.example', 'utf8').matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name);
  expect(VARIABLES).toEqual(expect.arrayContaining(names));
});

test('every error code of the graph is explained, in its own words', () => {
  const rows = [...section('Error codes').matchAll(/^\| `([A-Z_]+)` \| (.*) \|$/gm)].map(
    ([, ...cells]) => cells,
  );
  expect(rows).toEqual(Object.entries(ERROR_CODES));
});

describe('queries that are shown are valid:', () => {
  const schema = buildGatewaySchema();
  const shown = [...readme.matchAll(/```graphql\n(.*?)```/gs)].map(([, text = '']) => text);
  const inJson = [...readme.matchAll(/"query": "(.*?)"\}/g)].map(([, text = '']) => text);

  test.each([FIRST_QUERY, ...shown, ...inJson])('%s', (text) => {
    expect(validate(schema, parse(text))).toEqual([]);
  });

  test('there are some', () => {
    expect(shown.length + inJson.length).toBeGreaterThanOrEqual(3);
  });
});

test.each(DOCS)('links between files in %s lead somewhere', (file) => {
  const links = [...readFileSync(file, 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(
    ([, path = '']) => path,
  );
  expect(links.filter((path) => !existsSync(join(dirname(file), path)))).toEqual([]);
});
