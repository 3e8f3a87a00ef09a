import 'reflect-metadata';
import {
  buildSchema,
  type GraphQLSchema,
  getNamedType,
  isInterfaceType,
  isObjectType,
  parse,
  validate,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import { Access } from '../../src/graphql/operation/analyse-operation.js';
import { assertGuarded, roleFor, rootsOf } from '../../src/graphql/operation/guard.js';
import { buildGatewaySchema } from '../../src/graphql/schema.js';
import { ROLES, type Role } from '../../src/values/access.js';

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
const access = new Access(guarded(RULES));

/** What is refused of a query to each role. */
function refused(source: string, has: Role, name: string | null = null): string[] {
  const document = parse(source);
  expect(validate(guarded(RULES), document)).toEqual([]);
  return (access.refusal(document, name, has) ?? []).map(({ message }) => message.split(' ', 1)[0] ?? '');
}

describe('an operation is refused for what it asks for beyond the role:', () => {
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

  test('only the operation that is to be run counts, whichever was asked for before', () => {
    const source = 'query A { mail { id } } mutation B { ...F } fragment F on Mutation { connect }';
    const document = parse(source);
    expect(access.refusal(document, 'A', 'reader')).toBeNull();
    expect(access.refusal(document, 'B', 'reader')).toHaveLength(1);
    expect(access.refusal(document, 'A', 'reader')).toBeNull();
  });

  test('the error says which role it takes, and where', () => {
    const [error] = access.refusal(parse('mutation {\n  connect\n}'), null, 'operator') ?? [];
    expect(error?.message).toBe('Mutation.connect needs the role admin; your role is operator.');
    expect(error?.extensions).toMatchObject({ code: 'FORBIDDEN', role: 'admin' });
    expect(error?.locations).toEqual([{ line: 2, column: 3 }]);
  });
});

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

  test('and is, where all have one', () => {
    expect(() => assertGuarded(guarded(RULES))).not.toThrow();
  });
});

test('the gateway’s own has a rule at every root', () => {
  const roots = rootsOf(buildGatewaySchema()).flatMap((type) => Object.values(type.getFields()));
  expect(roots.length).toBeGreaterThan(10);
  expect(roots.filter((field) => roleFor(field) === null)).toEqual([]);
});

test('who reads the schema is told what is not for readers', () => {
  const schema = buildGatewaySchema();
  const { connectIntegration, pollNow } = schema.getMutationType()?.getFields() ?? {};
  expect(connectIntegration?.description).toMatch(/ Requires the role admin\.$/);
  expect(pollNow?.description).toMatch(/ Requires the role operator\.$/);
  expect(schema.getQueryType()?.getFields().cases?.description).not.toContain('role');
});

test('what is for admins or operators has no id by which a reader could ask for it', () => {
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
