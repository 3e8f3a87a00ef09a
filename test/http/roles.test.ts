import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import {
  type GraphQLField,
  type GraphQLInputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  parse,
  validate,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KEY_CACHE_MS } from '../../src/callers/api-keys.js';
import { rootsOf } from '../../src/graphql/operation/guard.js';
import { buildGatewaySchema } from '../../src/graphql/schema.js';
import { ROLES, type Role, roleFor } from '../../src/values/access.js';
import { HOUR, MINUTE } from '../../src/values/instant.js';
import { bearer, GuardedGateway, type Problem } from '../support/guarded-gateway.js';
import { AUDIENCE, IdentityProvider, ISSUER } from '../support/identity-provider.js';

/*
 * Every root of the schema × every role × every state of a credential, through HTTP: allowed exactly where the
 * table of docs/security.md says so.
 */

const schema = buildGatewaySchema();

interface Root {
  /** As the table has it, `Query.cases`. */
  readonly name: string;
  readonly field: string;
  /** An operation that asks for it. */
  readonly operation: string;
}

const roots = rootsOf(schema).flatMap((type) =>
  Object.values(type.getFields()).map((field): Root => {
    const kind = type === schema.getMutationType() ? 'mutation' : 'query';
    return { name: `${type.name}.${field.name}`, field: field.name, operation: `${kind} { ${call(field)} }` };
  }),
);

function call({ name, args, type }: GraphQLField<unknown, unknown>): string {
  // a poll or a comparison goes on by itself; nobody has to wait for it here
  const given = args.filter((arg) => isNonNullType(arg.type) || arg.name === 'wait');
  const values = given.map((arg) => `${arg.name}: ${arg.name === 'wait' ? '0' : literal(arg.type)}`);
  const selection = isLeafType(getNamedType(type)) ? '' : ' { __typename }';
  return `${name}${values.length > 0 ? `(${values.join(', ')})` : ''}${selection}`;
}

/** Some value of a type, as simple as there is. */
function literal(type: GraphQLInputType): string {
  if (isNonNullType(type)) return literal(type.ofType);
  if (isListType(type)) return `[${literal(type.ofType)}]`;
  if (isEnumType(type)) return type.getValues()[0]?.name ?? '';
  if (isInputObjectType(type)) {
    const needed = Object.values(type.getFields()).filter((field) => isNonNullType(field.type));
    return `{ ${needed.map((field) => `${field.name}: ${literal(field.type)}`).join(', ')} }`;
  }
  const known: Record<string, string> = {
    Int: '1',
    Float: '1',
    Boolean: 'true',
    DateTime: '"2026-01-01T00:00:00Z"',
  };
  return known[type.name] ?? '"2026-01"';
}

/** The table of docs/security.md. */
const table = new Map(
  [
    ...readFileSync('docs/security.md', 'utf8').matchAll(
      /^\| `((?:Query|Mutation|Subscription)\.\w+)` \| (.*) \|$/gm,
    ),
  ].map(([, name = '', cells = '']) => [name, cells.split(' | ').map((cell) => cell === 'yes')] as const),
);

/** Whether the table lets a role have a root. */
function isAllowed(name: string, role: Role): boolean {
  return table.get(name)?.[ROLES.indexOf(role)] === true;
}

let gateway: GuardedGateway;
let provider: IdentityProvider;
let stranger: IdentityProvider;
/** Headers by what they show, each for one role. */
const credentials = new Map<string, Record<string, string>>();

beforeAll(async () => {
  [gateway, provider, stranger] = await Promise.all([
    GuardedGateway.open(),
    IdentityProvider.start(),
    IdentityProvider.start('RS256'),
  ]);
  // what was signed before the provider took back its key
  for (const role of ROLES) credentials.set(`revoked token ${role}`, bearer(await provider.token({ role })));
  await provider.rotate();
  for (const role of ROLES) await addCredentials(role);
  await gateway.start({
    ...{ JWKS_URL: provider.jwksUrl, JWT_AUDIENCE: AUDIENCE, JWT_ISSUER: ISSUER },
    ...{ TRUST_PROXY: '127.0.0.1', COST_LIMITS: 'reader=1000000,operator=1000000,admin=1000000' },
  });
  for (const role of ROLES) await gateway.keys.revoke(revoked.get(role) ?? '');
  gateway.now += 2 * MINUTE + KEY_CACHE_MS;
});

afterAll(async () => {
  await gateway.close();
  await Promise.all([provider.stop(), stranger.stop()]);
});

const revoked = new Map<Role, string>();

async function addCredentials(role: Role): Promise<void> {
  const [valid, expired, toRevoke] = [
    await gateway.key(role),
    await gateway.key(role, MINUTE),
    await gateway.key(role),
  ];
  revoked.set(role, toRevoke.key.id);
  credentials.set(`valid key ${role}`, bearer(valid.text));
  credentials.set(`expired key ${role}`, bearer(expired.text));
  credentials.set(`revoked key ${role}`, bearer(toRevoke.text));
  // the id of a key that is valid, with a secret that is another's
  credentials.set(`wrong key ${role}`, {
    'x-api-key': `${valid.text.slice(0, 17)}${expired.text.slice(17)}`,
  });
  credentials.set(`valid token ${role}`, bearer(await provider.token({ role })));
  credentials.set(`expired token ${role}`, bearer(await provider.token({ role }, gateway.now - HOUR)));
  credentials.set(`wrong token ${role}`, bearer(await stranger.token({ role })));
}

let asked = 0;

/** What became of an operation: `DONE` where it was run, with whatever outcome; else the code it was refused with. */
async function outcome({ operation, field }: Root, headers: Record<string, string>): Promise<string> {
  asked += 1;
  // each from an address of its own, so that none has to wait for the failures of the others
  const address = `10.${asked >> 16}.${(asked >> 8) & 255}.${asked & 255}`;
  const accept = 'application/graphql-response+json';
  const answer = await gateway.ask({ ...headers, accept, 'x-forwarded-for': address }, operation);
  const { data, errors = [] } = (await answer.json()) as Problem;
  const isRun = (data as Record<string, unknown> | undefined)?.[field] !== undefined;
  const [error] = errors;
  if (isRun || error?.path?.[0] === field) return 'DONE';
  return `${answer.status} ${error?.extensions.code}`;
}

test('the table contains every root field of the schema and no other', () => {
  expect([...table.keys()].sort()).toEqual(roots.map(({ name }) => name).sort());
});

test('the table agrees with the rules of the schema', () => {
  const ofSchema = rootsOf(schema).flatMap((type) =>
    Object.values(type.getFields()).map((field) => {
      const needed = roleFor(field);
      const from = needed === null ? ROLES.length : ROLES.indexOf(needed);
      return [`${type.name}.${field.name}`, ROLES.map((_role, index) => index >= from)] as const;
    }),
  );
  expect(Object.fromEntries(table)).toEqual(Object.fromEntries(ofSchema));
});

test('the table has only root fields that can be requested, so that a refusal depends on the caller', () => {
  for (const { operation } of roots) {
    expect([operation, validate(schema, parse(operation)).map(String)]).toEqual([operation, []]);
  }
});

describe.each(roots)('$name', (root) => {
  test('admits nobody without a credential', async () => {
    expect(await outcome(root, {})).toBe('401 UNAUTHENTICATED');
  });

  const STATES = ['wrong', 'expired', 'revoked'].flatMap((state) => [`${state} key`, `${state} token`]);

  test.each(STATES)('admits nobody with a %s', async (state) => {
    for (const role of ROLES) {
      const headers = credentials.get(`${state} ${role}`) ?? {};
      expect([role, await outcome(root, headers)]).toEqual([role, '401 UNAUTHENTICATED']);
    }
  });

  test.each(['valid key', 'valid token'])('follows the table with a %s', async (state) => {
    for (const role of ROLES) {
      const headers = credentials.get(`${state} ${role}`) ?? {};
      const expected = isAllowed(root.name, role) ? 'DONE' : '403 FORBIDDEN';
      expect([role, await outcome(root, headers)]).toEqual([role, expected]);
    }
  });
});
