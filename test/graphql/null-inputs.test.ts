import { setTimeout as delay } from 'node:timers/promises';
import { isNonNullType } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildGatewaySchema } from '../../src/graphql/schema.js';
import { isCollected, RUNS, type Runs } from '../support/collected.js';
import { bearer, GuardedGateway, type Problem } from '../support/guarded-gateway.js';
import { inputPlaces, literal } from '../support/schema-inputs.js';

/*
 * null for every argument of every field and every field of every input object: as a literal, and as the value of
 * a variable. Clients send null for what a user leaves empty.
 */

const SENSIBLE = { period: '"2026-Q1"', name: '"nobody"', days: '1', wait: '0' };

describe('null', () => {
  const places = inputPlaces(buildGatewaySchema(), SENSIBLE);
  let gateway: GuardedGateway;
  let admin: Record<string, string>;

  beforeAll(async () => {
    gateway = await GuardedGateway.open();
    const { text } = await gateway.key('admin');
    admin = bearer(text);
    await gateway.start();
    await collected();
  });
  afterAll(() => gateway.close());

  async function send(query: string, variables: object = {}): Promise<{ status: number; answer: Problem }> {
    const headers = {
      ...admin,
      'content-type': 'application/json',
      accept: 'application/graphql-response+json',
    };
    const body = JSON.stringify({ query, variables });
    const response = await fetch(`${gateway.url}/graphql`, { method: 'POST', headers, body });
    return { status: response.status, answer: (await response.json()) as Problem };
  }

  /** Waits until every resource has been polled once. */
  async function collected(): Promise<void> {
    for (;;) {
      const { data } = (await send(`{ ${RUNS} }`)).answer;
      if (isCollected((data as { runs: Runs }).runs)) return;
      await delay(50);
    }
  }

  /** The codes of the errors; sent twice, since what comes again is compiled. */
  async function codes(query: string, variables?: object): Promise<string[]> {
    const found = new Set<string>();
    for (let round = 0; round < (variables ? 2 : 1); round += 1) {
      const { errors = [] } = (await send(query, variables)).answer;
      for (const { extensions } of errors) found.add(extensions.code);
      if (errors.length === 0) found.add('NONE');
    }
    return [...found];
  }

  test('is tested at known places', () => {
    const names = places.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        ...['Query.node(id)', 'Query.nodes(ids)', 'Query.changes(since)', 'Query.evidence(period)'],
        ...['Mutation.revokeApiKey(id)', 'Query.threats(orderBy.direction)', 'Case.revisions(first)'],
      ]),
    );
    expect(names.length).toBeGreaterThan(200);
  });

  test('at any place that allows it never causes an internal error', async () => {
    for (const { name, type, operation } of places) {
      if (isNonNullType(type)) continue;
      for (const found of [
        await codes(operation('null')),
        await codes(operation('$v', `$v: ${type}`), { v: null }),
      ]) {
        expect.soft(found, name).not.toContain('INTERNAL_SERVER_ERROR');
        expect.soft(found, name).not.toContain('GRAPHQL_VALIDATION_FAILED');
      }
    }
  });

  test('in a variable with a default, at a place that requires a value, is BAD_USER_INPUT', async () => {
    let tried = 0;
    for (const { name, type, operation } of places) {
      if (!isNonNullType(type)) continue;
      tried += 1;
      const query = operation('$v', `$v: ${type.ofType} = ${literal('', type, SENSIBLE)}`);
      expect.soft(await codes(query, { v: null }), name).toEqual(['BAD_USER_INPUT']);
    }
    expect(tried).toBeGreaterThan(20);
  });

  test.each(['skip', 'include'])('as the condition of @%s is BAD_USER_INPUT', async (directive) => {
    for (const query of [
      `query($v: Boolean = true) { __typename @${directive}(if: $v) }`,
      `query($v: Boolean = true) { cases { nodes { caseId @${directive}(if: $v) } } }`,
    ]) {
      expect(await codes(query, { v: null })).toEqual(['BAD_USER_INPUT']);
    }
  });

  test('as a sort direction means the default', async () => {
    const order = async (variables: object) => {
      const query =
        'query($d: OrderDirection) { threats(orderBy: {field: RECEIVED_TIME, direction: $d}) { nodes { threatId } } }';
      const { answer } = await send(query, variables);
      expect(answer.errors).toBeUndefined();
      return answer.data;
    };
    const byDefault = await order({ d: 'DESC' });
    for (let round = 0; round < 3; round += 1) {
      expect(await order({ d: null })).toEqual(byDefault);
      expect(await order({})).toEqual(byDefault);
    }
    expect(await order({ d: 'ASC' })).not.toEqual(byDefault);
  });

  test('is reported with the name of its variable', async () => {
    const { answer } = await send('query($id: ID = "x") { node(id: $id) { id } }', { id: null });
    expect(answer.errors?.[0]?.message).toBe(
      'Argument "id" of non-null type "ID!" must not be null. Pass a value other than null for $id.',
    );
  });
});

test('a subscription without the header for events is refused in validation', async () => {
  const gateway = await GuardedGateway.open();
  try {
    await gateway.start();
    for (const query of ['subscription { changes(start: NOW) { tail { cursor } } }']) {
      const response = await gateway.ask({ accept: 'application/graphql-response+json' }, query);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        errors: [
          {
            message: 'Subscriptions are answered with server-sent events: send “Accept: text/event-stream”.',
            extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
          },
        ],
      });
    }
  } finally {
    await gateway.close();
  }
});
