import 'reflect-metadata';
import {
  buildSchema,
  type DocumentNode,
  type ExecutionResult,
  execute,
  type GraphQLSchema,
  getOperationAST,
  parse,
  validate,
} from 'graphql';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { analyseValid } from '../../src/graphql/operation/analyse-operation.js';
import { createExecute } from '../../src/graphql/operation/execute.js';
import { createContextFactory, type GatewayContext } from '../../src/graphql/request/services.js';
import { buildGatewaySchema } from '../../src/graphql/schema.js';
import { fixedAccounts } from '../support/fixed-accounts.js';
import {
  observeCampaign,
  observeCase,
  observeThreat,
  sampleCampaign,
  sampleCase,
  sampleMessage,
  sampleThreat,
} from '../support/records.js';
import { Graph, minutesAfterStart } from './harness.js';
import { randomQuery } from './random-query.js';

/*
 * Queries that come again are run by a compiler. Whatever graphql-js answers, it must answer too: data, errors
 * with their paths and places, nulls that spread.
 */

type Run = (document: DocumentNode, variables?: Record<string, unknown>) => Promise<ExecutionResult[]>;

/** Runs with graphql-js, then several times with the executor, so that the last runs are compiled ones. */
function compare(schema: GraphQLSchema, context: () => GatewayContext): Run {
  const run = createExecute(schema);
  return async (document, variables = {}) => {
    const expected = await execute({ schema, document, variableValues: variables, contextValue: context() });
    const answers = [expected];
    const operation = getOperationAST(document) ?? null;
    const analysed = operation && analyseValid(schema, document, operation);
    const asked = { document, operation, analysed, source: '', operationName: null, variables };
    for (let round = 0; round < 3; round += 1) answers.push(await run({ ...asked, context: context() }));
    return answers.map(plain);
  };
}

/** A result as a client sees it; errors may come in any order, and only ours name the path of an argument. */
function plain({ data, errors = [] }: ExecutionResult): ExecutionResult {
  const seen = errors.map((error) => {
    const { extensions, ...rest } = error.toJSON();
    const { argumentPath: _, ...others } = extensions ?? {};
    return Object.keys(others).length === 0 ? rest : { ...rest, extensions: others };
  });
  seen.sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
  return JSON.parse(JSON.stringify({ data, errors: seen })) as ExecutionResult;
}

describe('a compiled query over the gateway’s own schema', () => {
  const schema = buildGatewaySchema();
  let graph: Graph;
  let run: Run;

  beforeAll(async () => {
    graph = await Graph.start();
    await graph.observe(
      observeThreat(
        sampleThreat('t1', { messages: [sampleMessage('11'), sampleMessage('12', { subject: null })] }),
      ),
      observeThreat(sampleThreat('t2', { messages: [], recipientCount: null })),
      observeCase(sampleCase('c1', { threatIds: ['t1', 't2', 'gone'] })),
      observeCase(sampleCase('c2', { severityLevelRaw: 'unheard of', lastModifiedTime: null })),
      observeCampaign(sampleCampaign('k1', { messageId: '11' })),
    );
    await graph.observe(observeCase(sampleCase('c1', { threatIds: ['t1'], statusRaw: null })));
    graph.live.onRecord = async (key) =>
      key.kind === 'caseAnalysis'
        ? { stale: true, verifiedAt: null, code: 'TIMEOUT', reason: 'no answer in time' }
        : { stale: false, verifiedAt: null, live: false };
    const context = createContextFactory({
      ...{
        store: graph.store,
        live: graph.live,
        accounts: fixedAccounts(),
        defaultMaxAgeMs: 300_000,
        clock: () => graph.now,
      },
      log: pino({ level: 'silent' }),
    });
    run = compare(schema, () => context());
  });
  afterAll(() => graph.close());

  const same = async (query: string, variables?: Record<string, unknown>) => {
    const document = parse(query);
    expect(validate(schema, document).map(String)).toEqual([]);
    const [expected, ...others] = await run(document, variables);
    for (const other of others) expect(other).toEqual(expected);
    return expected as ExecutionResult;
  };

  test.each([
    [
      'a page',
      '{ cases(first: 50) { edges { cursor node { id severity threats(first: 5) { edges { node { id subject } } } } } pageInfo { hasNextPage endCursor } totalCount } }',
    ],
    [
      'aliases of one field',
      '{ a: cases(first: 1) { nodes { caseId } } b: cases(last: 1) { nodes { x: caseId y: caseId } } }',
    ],
    [
      'fragments',
      'query { cases { nodes { ...F ... on Case { status } ... on Node { id } } } } fragment F on Record { deletedAt provenance { source } revisions { totalCount nodes { change node { ...G } } } } fragment G on Case { severity missingThreatIds }',
    ],
    [
      'interfaces',
      '{ changes(since: "2026-03-02T00:00:00Z") { nodes { node { __typename id ... on Threat { subject remediation { state } } ... on Campaign { threat { threatId } } } fieldChanges { field before after } } } }',
    ],
    ['an error below a list', '{ cases { nodes { caseId timeline { events { title } } } } }'],
    [
      'errors at the root',
      '{ a: cases(first: 0) { asOf } b: threats(after: "x") { asOf } c: case(caseId: "c1") { caseId } }',
    ],
    ['introspection', '{ __schema { queryType { name } } __type(name: "Case") { fields { name } } }'],
    ['directives', '{ cases { nodes { caseId @include(if: false) status @skip(if: true) severity } } }'],
    [
      'a filter written out',
      '{ cases(filter: { or: [{ caseId: { eq: "c2" } }, { not: { threatId: { in: ["t1"] } } }], status: { eq: null } }) { nodes { caseId } } }',
    ],
  ])('gives the result of the reference implementation: %s', async (_what, query) => {
    await same(query);
  });

  const FILTERED = `query($filter: CaseFilter, $order: CaseOrder, $first: Int = 2, $id: String, $asOf: DateTime, $all: [ID!]) {
    cases(filter: $filter, orderBy: $order, first: $first, asOf: $asOf, integrations: $all) { totalCount nodes { caseId } }
    byId: cases(filter: { caseId: { eq: $id } }) { nodes { caseId } }
  }`;

  test.each([
    ['none given', {}],
    [
      'all given',
      {
        filter: { not: { caseId: { eq: 'c1' } } },
        order: { field: 'SEVERITY', direction: 'ASC' },
        first: 1,
        id: 'c1',
        asOf: minutesAfterStart(1),
        all: ['default'],
      },
    ],
    ['an input’s default', { order: { field: 'CASE_ID' }, id: 'c2' }],
    ['nulls', { filter: null, order: null, first: null, id: null, asOf: null, all: null }],
    ['a list of one without its brackets', { all: 'default', id: 'c1' }],
    ['a wrong one', { first: 'many' }],
    ['an unknown value', { order: { field: 'NOTHING' } }],
    ['an instant that is none', { asOf: 'yesterday' }],
  ])('gives the result of the reference implementation with variables: %s', async (_what, variables) => {
    await same(FILTERED, variables);
  });

  test('gives the result of the reference implementation for 120 random queries', async () => {
    let seed = 20260302;
    const random = () => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return seed / 2 ** 32;
    };
    let [withData, withErrors] = [0, 0];
    for (let n = 0; n < 120; n += 1) {
      const { data, errors } = await same(randomQuery(schema, random));
      if (data && Object.values(data).some((value) => value !== null)) withData += 1;
      if (errors?.length) withErrors += 1;
    }
    // were these to be few, the comparison would show little
    expect(withData).toBeGreaterThan(60);
    expect(withErrors).toBeGreaterThan(8);
  });

  test('is not created for a query that doubles at every level, which is still executed', async () => {
    const levels = 24;
    const fragments = Array.from(
      { length: levels },
      (_, n) =>
        `fragment F${n} on Case { a${n}: threats(first: 1) { totalCount } ${n + 1 < levels ? `...F${n + 1} ... on Case { ...F${n + 1} }` : ''} }`,
    );
    await same(`{ case(caseId: "c1") { ...F0 } } ${fragments.join(' ')}`);
  });
});

describe('a compiled query over a schema in which any field may fail', () => {
  const schema = buildSchema(`
    scalar Odd
    enum Size { SMALL LARGE }
    interface Thing { name: String! }
    type Good implements Thing { name: String! size: Size odd: Odd }
    type Bad implements Thing { name: String! broken: String! maybe: String }
    type Query {
      things: [Thing] strict: [Thing!] stricter: [Thing!]! good: Good bad: Bad surely: Bad!
      list: [Int!] lists: [[Int]] boom: String later: String rejected: Bad wrong: Int echo(text: String = "as usual", size: Size): String
    }
  `);
  const fields = (type: string) =>
    (schema.getType(type) as unknown as { getFields(): Record<string, { resolve: unknown }> }).getFields();
  const resolve = (type: string, field: string, resolver: unknown) => {
    const target = fields(type)[field];
    if (target) target.resolve = resolver;
  };
  const thing = schema.getType('Thing') as { resolveType?: unknown };
  thing.resolveType = (value: { kind: string }) => value.kind;
  const good = { kind: 'Good', name: 'good', size: 'SMALL', odd: { any: ['thing'] } };
  const bad = { kind: 'Bad', name: 'bad' };
  const things = () => [good, bad, null, Promise.resolve(good), Promise.reject(new Error('one is lost'))];
  resolve('Query', 'things', things);
  resolve('Query', 'strict', () => [good, null]);
  resolve('Query', 'stricter', () => [good, bad, bad]);
  resolve('Query', 'good', async () => ({ ...good, size: 'HUGE' }));
  resolve('Query', 'bad', () => bad);
  resolve('Query', 'surely', () => bad);
  resolve('Query', 'list', () => [1, null, 3]);
  resolve('Query', 'lists', async () => [[1], null, [2, null]]);
  resolve('Query', 'boom', () => {
    throw new Error('boom');
  });
  resolve('Query', 'later', async () => {
    throw new TypeError('later');
  });
  resolve('Query', 'rejected', () => Promise.reject(new Error('rejected')));
  resolve('Query', 'wrong', () => 'not a number');
  resolve(
    'Query',
    'echo',
    (_: unknown, args: { text?: string; size?: string }) => `${args.text} ${args.size}`,
  );
  resolve('Bad', 'broken', async () => {
    throw new Error('broken');
  });
  resolve('Bad', 'maybe', () => new Error('returned'));

  const run = compare(schema, () => undefined as unknown as GatewayContext);

  test.each([
    '{ things { name } }',
    '{ things { name ... on Good { size odd } ... on Bad { maybe } } }',
    '{ things { ... on Bad { broken } name } }',
    '{ strict { name } boom }',
    '{ stricter { name ... on Bad { broken } } }',
    '{ things { ... on Bad { broken b: broken } } x: strict { name } }',
    '{ bad { broken name } good { name } }',
    '{ surely { broken } good { name } }',
    '{ good { size odd __typename } }',
    '{ list lists wrong }',
    '{ boom later rejected { name } }',
    '{ a: boom b: boom list }',
    '{ echo }',
    '{ echo(text: null, size: LARGE) }',
  ])('gives the result of the reference implementation: %s', async (query) => {
    const [expected, ...others] = await run(parse(query));
    for (const other of others) expect(other).toEqual(expected);
  });

  test.each([{}, { text: 'hello' }, { text: null, size: 'SMALL' }, { size: 'HUGE' }])(
    'gives the result of the reference implementation for variables %j',
    async (variables) => {
      const document = parse('query($text: String, $size: Size) { echo(text: $text, size: $size) }');
      const [expected, ...others] = await run(document, variables);
      for (const other of others) expect(other).toEqual(expected);
    },
  );
});
