import 'reflect-metadata';
import { getIntrospectionQuery, parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import { type AskedOperation, OperationLimiter } from '../../../src/graphql/operation/pipeline.js';
import { buildGatewaySchema } from '../../../src/graphql/schema.js';
import { DEFAULT_COST_LIMITS, DEFAULT_QUERY_LIMITS } from '../../../src/values/access.js';

const schema = buildGatewaySchema();
const limiter = new OperationLimiter(schema, DEFAULT_QUERY_LIMITS, DEFAULT_COST_LIMITS);

function judge(
  query: string,
  variables: AskedOperation['variables'] = {},
  operationName: string | null = null,
) {
  return limiter.admit({ query, variables, operationName }, 'reader');
}

function costOf(query: string, variables: AskedOperation['variables'] = {}): number {
  expect(validate(schema, parse(query))).toEqual([]);
  const verdict = judge(query, variables);
  if (!('admitted' in verdict)) throw new Error(JSON.stringify(verdict));
  return verdict.admitted.requested;
}

function refusalOf(query: string, variables: AskedOperation['variables'] = {}) {
  const verdict = judge(query, variables);
  if (!('refused' in verdict)) throw new Error(JSON.stringify(verdict));
  return verdict.refused;
}

/** `inner` within a case of a threat of a case, so many times. */
function within(levels: number, inner: string): string {
  if (levels === 0) return inner;
  const below = within(levels - 1, inner);
  return levels % 2 === 0
    ? `threats(first: 1) { nodes { ${below} } }`
    : `cases(first: 1) { nodes { ${below} } }`;
}

describe('the size limits', () => {
  test('report the actual and the allowed size', () => {
    const many = (count: number, of: (index: number) => string) =>
      Array.from({ length: count }, (_, index) => of(index)).join(' ');
    const refusals = [
      `{ ${many(4_001, () => '__typename')} }`,
      `{ cases(filter: ${'{ not: '.repeat(80)}{}${'}'.repeat(80)}) { totalCount } }`,
      `{ case(caseId: "1") { ${within(14, '__typename')} } }`,
      `{ ${many(21, (index) => `a${index}: __typename`)} }`,
      `{ cases { nodes { ${many(51, (index) => `a${index}: caseId`)} } } }`,
      `{ cases { nodes { caseId ${many(51, () => '@skip(if: false)')} } } }`,
      `{ __typename } ${many(51, (index) => `fragment F${index} on Case { caseId }`)}`,
    ].map((query) => refusalOf(query));
    expect(refusals.map(({ code, details }) => ({ code, ...details }))).toEqual([
      { code: 'LIMIT_EXCEEDED', limit: 'tokens', asked: 4_001, allowed: 4_000 },
      { code: 'LIMIT_EXCEEDED', limit: 'nesting', asked: 65, allowed: 64 },
      { code: 'LIMIT_EXCEEDED', limit: 'depth', asked: 16, allowed: 15 },
      { code: 'LIMIT_EXCEEDED', limit: 'roots', asked: 21, allowed: 20 },
      { code: 'LIMIT_EXCEEDED', limit: 'aliases', asked: 51, allowed: 50 },
      { code: 'LIMIT_EXCEEDED', limit: 'directives', asked: 51, allowed: 50 },
      { code: 'LIMIT_EXCEEDED', limit: 'fragments', asked: 51, allowed: 50 },
    ]);
  });

  test('stop fragments that double at each step early', () => {
    const steps = Array.from(
      { length: 14 },
      (_, n) => `fragment F${n} on Case { a${n}: threats { nodes { cases { nodes { ...F${n + 1} } } } }
        b${n}: threats { nodes { cases { nodes { ...F${n + 1} } } } } }`,
    );
    const query = `{ cases { nodes { ...F0 } } } ${steps.join('\n')} fragment F14 on Case { caseId }`;
    expect(refusalOf(query).details).toMatchObject({ limit: 'depth' });
  });

  test('handle fragments that contain themselves', () => {
    const own = '{ cases { nodes { ...A } } } fragment A on Case { caseId ...A }';
    expect(judge(own)).toHaveProperty('admitted');
    const around =
      '{ cases { nodes { ...A } } } fragment A on Case { threats { nodes { cases { nodes { ...A } } } } }';
    expect(refusalOf(around).details).toMatchObject({ limit: 'depth' });
    const ofTypes = '{ __type(name: "Case") { ...T } } fragment T on __Type { ofType { ...T } }';
    expect(refusalOf(ofTypes).details).toMatchObject({ limit: 'depth' });
  });

  test('bound the number and the depth of variables', () => {
    const deep = JSON.parse(`${'{"not":'.repeat(5_000)}{}${'}'.repeat(5_000)}`);
    const wide = { eq: Array.from({ length: 5_001 }, () => 1) };
    const query = 'query ($filter: CaseFilter) { cases(filter: $filter) { totalCount } }';
    expect(refusalOf(query, { filter: deep }).details).toMatchObject({ limit: 'nesting' });
    expect(refusalOf(query, { filter: wide }).details).toMatchObject({ limit: 'variables' });
  });

  test('compare one repeated field in linear time', () => {
    expect(refusalOf(`{ ${'__typename '.repeat(101)} }`).details).toMatchObject({ limit: 'fields' });
  });

  test('accept the introspection queries of common tools', () => {
    const full = getIntrospectionQuery({
      descriptions: true,
      specifiedByUrl: true,
      directiveIsRepeatable: true,
      schemaDescription: true,
      inputValueDeprecation: true,
      oneOf: true,
    });
    expect(judge(full, {}, 'IntrospectionQuery')).toHaveProperty('admitted');
  });

  test('leave invalid GraphQL and unknown operation names to the server', () => {
    expect(judge('{ cases(')).toEqual({ unclear: true });
    expect(judge('query A { __typename } query B { __typename }')).toEqual({ unclear: true });
    expect(judge('query A { __typename }', {}, 'B')).toEqual({ unclear: true });
  });
});

describe('the cost of an operation', () => {
  const CALL = 100;

  test('is the largest possible number of records, through nested lists', () => {
    expect(costOf('{ __typename }')).toBe(0);
    expect(costOf('{ cases(first: 50, after: "x") { nodes { caseId } } }')).toBe(50);
    expect(costOf('{ cases(last: 7, before: "x") { edges { node { caseId } } } }')).toBe(7);
    expect(costOf('{ cases(after: "x") { nodes { caseId } } }')).toBe(25);
    const nested =
      '{ cases(first: 10, after: "x") { nodes { threats(first: 4) { nodes { messages { nodes { subject } } } } } } }';
    expect(costOf(nested)).toBe(10 + 10 * 4 + 10 * 4 * 25);
  });

  test('counts a list once, however it is requested, and once across fragments with the same fields', () => {
    const twice = '{ cases(first: 10, after: "x") { nodes { caseId } edges { cursor node { caseId } } } }';
    expect(costOf(twice)).toBe(10);
    const shared = `{ cases(first: 10, after: "x") { nodes { ...A ...B } } }
      fragment A on Case { threats(first: 3) { nodes { threatId } } }
      fragment B on Case { threats(first: 3) { nodes { subject } } }`;
    expect(costOf(shared)).toBe(10 + 30);
    const aliased =
      '{ a: cases(first: 10, after: "x") { nodes { caseId } } b: cases(first: 10, after: "x") { nodes { caseId } } }';
    expect(costOf(aliased)).toBe(20);
  });

  test('depends on the variables, or their defaults', () => {
    const query =
      'query ($first: Int = 5, $after: String) { cases(first: $first, after: $after) { nodes { caseId } } }';
    expect(costOf(query, { after: 'x' })).toBe(5);
    expect(costOf(query, { after: 'x', first: 60 })).toBe(60);
    expect(costOf(query, { after: 'x', first: null })).toBe(25);
    // refused as no page size when it is run
    expect(costOf(query, { after: 'x', first: 1e9 })).toBe(100);
    expect(costOf(query, { first: 5 })).toBe(5 + CALL);
  });

  test('counts possible calls to Abnormal, and none for the past', () => {
    expect(costOf('{ case(caseId: "1") { caseId timeline { events { title } } } }')).toBe(1 + 2 * CALL);
    expect(costOf('{ nodes(ids: ["a", "b", "c"]) { id } }')).toBe(3 + 3 * CALL);
    expect(costOf('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids: ['a', 'b'] })).toBe(
      2 + 2 * CALL,
    );
    const extras = (args: string) =>
      `{ threats(${args}) { nodes { attachments { items { name } } links { items { url } } } } }`;
    expect(costOf(extras('first: 10'))).toBe(10 + CALL + 20 * CALL);
    expect(costOf(extras('first: 10, asOf: "2026-01-01T00:00:00Z"'))).toBe(10);
    const revisions =
      '{ changes(since: "2026-01-01T00:00:00Z", first: 10) { nodes { node { ... on Threat { links { items { url } } } } } } }';
    expect(costOf(revisions)).toBe(10);
  });

  test('counts each scan of statistics, for every root field that returns them', () => {
    const roots = Object.keys(schema.getQueryType()?.getFields() ?? {}).filter((name) =>
      name.endsWith('Statistics'),
    );
    expect(roots).toHaveLength(8);
    for (const root of roots) expect([root, costOf(`{ ${root} { asOf } }`)]).toEqual([root, 20]);
    const measured =
      '{ messageStatistics { total { distinct(of: THREAT) duration { median } } groups { distinct(of: THREAT) } } }';
    expect(costOf(measured)).toBe(20 + 3 * 20);
  });

  test('beyond the limit of the role is refused with both numbers', () => {
    const query =
      '{ threats(first: 100) { nodes { messages(first: 100) { nodes { subject } } cases(first: 100) { nodes { caseId } } } } }';
    const requested = 100 + CALL + 2 * 10_000;
    expect(refusalOf(query)).toMatchObject({
      code: 'COST_EXCEEDED',
      message: expect.stringContaining(`may cost ${requested}; the role reader is allowed 20000. `),
      details: { requested, limit: 20_000 },
    });
    const byOperator = limiter.admit({ query, variables: {}, operationName: null }, 'operator');
    expect(byOperator).toMatchObject({ admitted: { requested, limit: 50_000 } });
  });
});
