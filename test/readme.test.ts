import 'reflect-metadata';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type GraphQLInterfaceType, parse, validate } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { VARIABLE_NAMES, VARIABLES } from '../src/config/reader.js';
import { ERROR_CODES } from '../src/graphql/base/errors.js';
import { readOperationManifest } from '../src/graphql/operation/persisted-operations.js';
import { QUESTIONS, QUESTIONS_DOCUMENT } from '../src/graphql/operation/questions.js';
import { buildGatewaySchema } from '../src/graphql/schema.js';
import { DAY, toInstant } from '../src/values/instant.js';
import { Playground } from './support/app.js';

const DOCS = ['README.md', ...markdownIn('docs'), ...markdownIn('docs/adr'), ...markdownIn('docs/clients')];
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
  expect(cells.sort()).toEqual([...VARIABLE_NAMES].sort());
});

test('the configuration table shows the default of every variable that has one', () => {
  const rows = [...section('Configuration').matchAll(/^\| (`[^|]+`) \| ([^|]*) \|/gm)];
  const shown = Object.fromEntries(
    rows.flatMap(([, cell = '', byDefault = '']) =>
      [...cell.matchAll(/`([A-Z_]+)`/g)].map(([, name = '']) => [name, /^`([^`]+)`/.exec(byDefault)?.[1]]),
    ),
  );
  const declared = Object.entries(VARIABLES).filter(([, byDefault]) => byDefault !== null);
  expect(shown).toMatchObject(Object.fromEntries(declared));
});

test('the example file names known variables only', () => {
  const names = [...readFileSync('.env.example', 'utf8').matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name);
  expect(VARIABLE_NAMES).toEqual(expect.arrayContaining(names));
});

test('every error code of the graph is explained', () => {
  const rows = [...section('Error codes').matchAll(/^\| `([A-Z_]+)` \| (.*) \|$/gm)].map(
    ([, ...cells]) => cells,
  );
  expect(rows).toEqual(Object.entries(ERROR_CODES));
});

const documented = DOCS.map((file) => readFileSync(file, 'utf8')).join('\n');
// a block of types is of another schema
const blocksOf = (text: string) =>
  [...text.matchAll(/```graphql\n(?!type )(.*?)```/gs)].map(([, block = '']) => block);
const bodiesOf = (text: string) => [...text.matchAll(/"query": "(.*?)"\}/g)].map(([, body = '']) => body);
const shown = blocksOf(readme);
const inJson = bodiesOf(readme);

describe('each documented query is valid:', () => {
  const schema = buildGatewaySchema();

  const everywhere = [...blocksOf(documented), ...bodiesOf(documented)];

  test.each([...QUESTIONS.map(({ query }) => query), ...everywhere])('%s', (text) => {
    expect(validate(schema, parse(text))).toEqual([]);
  });

  test('the documentation contains queries', () => {
    expect(shown.length + inJson.length).toBeGreaterThanOrEqual(3);
    expect(everywhere.length).toBeGreaterThanOrEqual(12);
  });

  test('the documented types of both interfaces are those of the schema', () => {
    for (const name of ['Record', 'Node']) {
      const [, listed = ''] = new RegExp(`\\n  ${name}: \\[(.*)\\],\\n`).exec(documented) ?? [];
      const types = schema.getPossibleTypes(schema.getType(name) as GraphQLInterfaceType);
      expect(listed.replaceAll("'", '').split(', ')).toEqual(types.map((type) => type.name).sort());
    }
  });
});

test('the collection of questions and their manifest are as written by “npm run questions”', () => {
  expect(QUESTIONS).toHaveLength(12);
  expect(readFileSync('docs/clients/questions.graphql', 'utf8')).toBe(QUESTIONS_DOCUMENT);
  const text = readFileSync('docs/clients/questions.manifest.json', 'utf8');
  const manifest = readOperationManifest(text);
  const { operations } = JSON.parse(text) as { operations: { id: string; name: string; body: string }[] };
  expect(operations.map(({ name, body }) => [name, body])).toEqual(
    QUESTIONS.map(({ name, query }) => [name, query]),
  );
  for (const { id, body } of operations) {
    expect(id).toBe(createHash('sha256').update(body).digest('hex'));
    expect([manifest.bodyOf(id), manifest.lists(body)]).toEqual([body, true]);
  }
});

interface Returned {
  readonly total?: { readonly count?: number; readonly duration?: { readonly count: number } };
  readonly totalCount?: number;
  readonly nodes?: unknown[];
  readonly length?: number;
}

describe('on the first day of the simulated tenant', () => {
  const playground = new Playground();
  let url: string;
  let first: { readonly cases: { readonly asOf: string } };

  beforeAll(async () => {
    // without a tenant of the test's own the gateway has the one that `npm start` has
    const { simulator: _small, ...asStarted } = playground.options;
    ({ url } = await playground.start({ UPSTREAM_RPM: '60000' }, asStarted));
    await playground.collected(url);
    first = (await dataOf(inJson[0] ?? '')) as typeof first;
  });
  afterAll(() => playground.clear());

  async function dataOf(query: string, variables: object = {}): Promise<object> {
    const { data, errors } = await playground.ask(url, query, variables);
    expect(errors).toBeUndefined();
    return data as object;
  }

  test.each([...shown, ...inJson])('%s returns data', async (text) => {
    const data = await dataOf(text, text.includes('$asOf') ? { asOf: first.cases.asOf } : {});
    for (const [root, list] of Object.entries<Returned>({ ...data })) {
      expect(list.total?.count ?? list.totalCount ?? list.nodes?.length, root).toBeGreaterThan(0);
      if (list.nodes) expect(list.nodes.length, root).toBeGreaterThan(0);
    }
  });

  test.each(QUESTIONS)('the question $name is answered with data', async ({ query }) => {
    const [list, ...others] = Object.values<Returned | null>({ ...(await dataOf(query)) });
    const total = list?.total?.count ?? list?.total?.duration?.count;
    expect(total ?? list?.totalCount ?? list?.nodes?.length ?? list?.length).toBeGreaterThan(0);
    expect(others).not.toContain(null);
  });

  test('yesterday is before the first recording, and the error names an instant that returns data', async () => {
    const [query = ''] = shown.filter((text) => text.includes('$asOf'));
    const yesterday = toInstant(Date.now() - DAY);
    const { data, errors } = await playground.ask(url, query, { asOf: yesterday });
    expect(data).toEqual({ cases: null });
    expect(errors).toMatchObject([{ path: ['cases'], extensions: { code: 'NOT_COLLECTED' } }]);
    const firstRecordedAt = String(errors?.[0]?.extensions.firstRecordedAt);
    expect(errors?.[0]?.message).toContain(firstRecordedAt);
    expect(await dataOf(query, { asOf: firstRecordedAt })).toMatchObject({
      cases: { nodes: expect.any(Array) },
    });
  });
});

test.each(DOCS)('links between files in %s have targets', (file) => {
  const links = [...readFileSync(file, 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(
    ([, path = '']) => path,
  );
  expect(links.filter((path) => !existsSync(join(dirname(file), path)))).toEqual([]);
});

test.each([...DOCS, 'CHANGELOG.md'])('paths of source files that %s names exist', (file) => {
  const paths = [...readFileSync(file, 'utf8').matchAll(/\bsrc\/[\w./-]*\w/g)].map(([path]) => path);
  expect(paths.filter((path) => !existsSync(path))).toEqual([]);
});
