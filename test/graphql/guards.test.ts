import 'reflect-metadata';
import {
  buildSchema,
  type DocumentNode,
  type GraphQLSchema,
  getNamedType,
  getOperationAST,
  isInterfaceType,
  isObjectType,
  type OperationDefinitionNode,
  parse,
  TypeInfo,
  validate,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import { analyseValid, roleErrors } from '../../src/graphql/operation/analyse-operation.js';
import { assertGuarded, rootsOf } from '../../src/graphql/operation/guard.js';
import { buildGatewaySchema } from '../../src/graphql/schema.js';
import { ROLES, type Role, roleFor } from '../../src/values/access.js';
import { randomQuery } from './random-query.js';

const SDL = `
  interface Node { id: ID!, note: String }
  type Mail implements Node { id: ID!, note: String, sender: Person }
  type Person { name: String, address: String }
  type Entry implements Node { id: ID!, note: String }
  type Query { mail: Mail, node: Node, entries: [Entry!] }
  type Mutation { poll: Boolean, connect: Boolean }
`;

/** A schema whose coordinates ask for roles. */
function guarded(roles: Readonly<Record<string, string>>, sdl = SDL): GraphQLSchema {
  const schema = buildSchema(sdl);
  for (const [coordinate, role] of Object.entries(roles)) {
    const [typeName = '', fieldName] = coordinate.split('.');
    const type = schema.getType(typeName);
    const field = isObjectType(type) && fieldName !== undefined ? type.getFields()[fieldName] : type;
    if (!field) throw new Error(`no ${coordinate}`);
    field.extensions = { role };
  }
  return schema;
}

const ROOTS = {
  'Query.mail': 'reader',
  'Query.node': 'reader',
  'Query.entries': 'reader',
  'Mutation.poll': 'operator',
  'Mutation.connect': 'admin',
};
const RULES = { ...ROOTS, 'Mail.note': 'operator', 'Person.address': 'operator', Entry: 'admin' };
const schemaWithRules = guarded(RULES);

/** The errors that a role gets for an operation. */
function errorsOf(source: string, has: Role, name: string | null = null) {
  const document = parse(source);
  expect(validate(schemaWithRules, document)).toEqual([]);
  const operation = getOperationAST(document, name);
  if (!operation) throw new Error(`no operation ${name}`);
  return roleErrors(analyseValid(schemaWithRules, document, operation), has);
}

/** What is refused of a query to each role. */
function refused(source: string, has: Role, name: string | null = null): string[] {
  return (errorsOf(source, has, name) ?? []).map(({ message }) => message.split(' ', 1)[0] ?? '');
}

describe('an operation is refused for each field beyond the caller’s role:', () => {
  test.each<[query: string, Record<Role, string[]>]>([
    ['{ mail { id } }', { reader: [], operator: [], admin: [] }],
    ['{ __typename }', { reader: [], operator: [], admin: [] }],
    ['{ __schema { queryType { name } } }', { reader: [], operator: [], admin: [] }],
    ['mutation { poll }', { reader: ['Mutation.poll'], operator: [], admin: [] }],
    [
      'mutation { poll connect }',
      { reader: ['Mutation.poll', 'Mutation.connect'], operator: ['Mutation.connect'], admin: [] },
    ],
    ['{ mail { sender { name } } }', { reader: [], operator: [], admin: [] }],
    ['{ mail { sender { name address } } }', { reader: ['Person.address'], operator: [], admin: [] }],
    [
      '{ mail { x: sender { y: address z: address } } }',
      { reader: ['Person.address'], operator: [], admin: [] },
    ],
    [
      '{ mail { ...F } } fragment F on Mail { ...G } fragment G on Mail { note }',
      { reader: ['Mail.note'], operator: [], admin: [] },
    ],
    ['{ mail { ... @include(if: false) { note } } }', { reader: ['Mail.note'], operator: [], admin: [] }],
    ['{ node { id } }', { reader: [], operator: [], admin: [] }],
    ['{ node { note } }', { reader: ['Mail.note'], operator: [], admin: [] }],
    ['{ node { ... on Entry { id } } }', { reader: ['Entry'], operator: ['Entry'], admin: [] }],
    ['{ entries { __typename } }', { reader: ['Entry'], operator: ['Entry'], admin: [] }],
  ])('%s', (query, expected) => {
    for (const role of ROLES) expect(refused(query, role), role).toEqual(expected[role]);
  });

  test('only the operation that runs counts, not the others of its document', () => {
    const source = 'query A { mail { id } } mutation B { ...F } fragment F on Mutation { connect }';
    expect(errorsOf(source, 'reader', 'A')).toBeNull();
    expect(errorsOf(source, 'reader', 'B')).toHaveLength(1);
  });

  test('the error names the required role and the field', () => {
    const [error] = errorsOf('mutation {\n  connect\n}', 'operator') ?? [];
    expect(error?.message).toBe('Mutation.connect needs the role admin; your role is operator.');
    expect(error?.extensions).toMatchObject({ code: 'FORBIDDEN', role: 'admin' });
    expect(error?.locations).toEqual([{ line: 2, column: 3 }]);
  });
});

test('the walk through any operation finds the guards of all its fields', () => {
  const schema = buildGatewaySchema();
  let seed = 11;
  const random = () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return seed / 2 ** 32;
  };
  const roleOf = () => ({ role: random() < 0.2 ? 'admin' : 'reader' });
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    if (random() < 0.1) type.extensions = roleOf();
    for (const field of Object.values(type.getFields())) field.extensions = roleOf();
  }
  let refusedQueries = 0;
  for (let n = 0; n < 200; n += 1) {
    const document = parse(randomQuery(schema, random));
    const expected = guardedBy(schema, document);
    const operation = getOperationAST(document) as OperationDefinitionNode;
    const { demands } = analyseValid(schema, document, operation);
    expect(new Set(demands.map(({ what }) => what))).toEqual(expected);
    if (expected.size > 0) refusedQueries += 1;
  }
  expect(refusedQueries).toBeGreaterThan(50);
  expect(refusedQueries).toBeLessThan(200);
});

/** What a query asks for that is not for readers, found by the visitor of graphql-js. */
function guardedBy(schema: GraphQLSchema, document: DocumentNode): Set<string> {
  const found = new Set<string>();
  const types = new TypeInfo(schema);
  const note = (what: string, guardedThing: { readonly extensions: object } | undefined) => {
    if (guardedThing && roleFor(guardedThing) === 'admin') found.add(what);
  };
  const Field = () => {
    const [field, parent] = [types.getFieldDef(), types.getParentType()];
    if (!field || !parent) return;
    const parents = isInterfaceType(parent) ? [parent, ...schema.getPossibleTypes(parent)] : [parent];
    for (const type of parents) {
      if (isObjectType(type)) note(`${type.name}.${field.name}`, type.getFields()[field.name]);
    }
    for (const type of [parent, getNamedType(field.type)]) note(type.name, type);
  };
  visit(document, visitWithTypeInfo(types, { Field }));
  return found;
}

describe('a schema is not built', () => {
  const SILENT = [
    ['where a query has no rule', { ...ROOTS, 'Query.mail': '' }, 'Query.mail'],
    ['where a mutation has no rule', { ...ROOTS, 'Mutation.poll': 'everyone' }, 'Mutation.poll'],
    ['where an inner field asks for a role that there is not', { ...ROOTS, 'Mail.note': 'owner' }, 'Mail'],
    ['where a type does', { ...ROOTS, Entry: 'root' }, 'Entry'],
  ] as const;

  test.each(SILENT)('%s', (_what, roles, named) => {
    expect(() => assertGuarded(guarded(roles))).toThrow(named);
  });

  test('and is built if every field has a rule', () => {
    expect(() => assertGuarded(guarded(RULES))).not.toThrow();
  });
});

test('the gateway’s own schema has a rule for every root field', () => {
  const roots = rootsOf(buildGatewaySchema()).flatMap((type) => Object.values(type.getFields()));
  expect(roots.length).toBeGreaterThan(10);
  expect(roots.filter((field) => roleFor(field) === null)).toEqual([]);
});

test('the schema descriptions say which fields are not for readers', () => {
  const schema = buildGatewaySchema();
  const { connectIntegration, pollNow } = schema.getMutationType()?.getFields() ?? {};
  expect(connectIntegration?.description).toMatch(/ Requires the role admin\.$/);
  expect(pollNow?.description).toMatch(/ Requires the role operator\.$/);
  expect(schema.getQueryType()?.getFields().cases?.description).not.toContain('role');
});

test('types for admins or operators have no global id that a reader could request', () => {
  const schema = buildGatewaySchema();
  const node = schema.getType('Node');
  if (!isInterfaceType(node)) throw new Error('Node is no interface');
  const nodes = schema.getPossibleTypes(node).map(({ name }) => name);
  const queries = Object.values(schema.getQueryType()?.getFields() ?? {});
  const forOthers = queries.filter((field) => roleFor(field) !== 'reader');
  expect(forOthers.map(({ name }) => name)).toEqual(expect.arrayContaining(['apiKeys', 'auditTrail']));
  for (const field of forOthers) {
    const type = getNamedType(field.type);
    const inner = isObjectType(type) ? type.getFields().nodes : undefined;
    expect(nodes).not.toContain(type.name);
    expect(nodes).not.toContain(inner && getNamedType(inner.type).name);
  }
});
