import { basename, join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { observeThreat, sampleThreat } from '../support/records.js';
import { Graph, type GraphError, keyOf } from './harness.js';

/* What callers see of a history of which one record, or everything, cannot be read. */

let graph: Graph;

async function asked(role: 'reader' | 'operator' | 'admin', query: string, of = graph) {
  const response = await of.post(JSON.stringify({ query }), keyOf(role));
  return (await response.json()) as {
    data: { threats?: { nodes: { threatId: string }[] } };
    errors?: GraphError[];
  };
}

beforeAll(async () => {
  graph = await Graph.start(undefined, { asksCallers: true });
  await graph.observe(...['a', 'b', 'c'].map((id) => observeThreat(sampleThreat(id))));
  const db = new DatabaseSync(join(graph.folder, 'history.db'));
  db.exec("UPDATE bodies SET record = CAST(x'7b2278223a22ff227d' AS TEXT) WHERE rev = 2");
  db.close();
});
afterAll(() => graph.close());

const LIST = '{ threats { totalCount nodes { threatId subject } } }';
const ONE = '{ threat(threatId: "b") { subject } other: threat(threatId: "c") { subject } }';

describe('one damaged record', () => {
  test.each(['reader', 'operator', 'admin'] as const)(
    'is left out of a list with an error that names it to operators: %s',
    async (role) => {
      // a third time the query is compiled, and a fourth it could be answered from memory
      for (let round = 0; round < 4; round += 1) {
        const { data, errors } = await asked(role, LIST);
        expect(data).toMatchObject({ threats: { totalCount: 3 } });
        expect(data.threats?.nodes.map(({ threatId }) => threatId).sort()).toEqual(['a', 'c']);
        expect(errors).toHaveLength(1);
        expect(errors?.[0]?.extensions.code).toBe('HISTORY_UNAVAILABLE');
        if (role === 'reader') expect(errors?.[0]?.message).not.toContain('threat b');
        else expect(errors?.[0]?.message).toContain('threat b of integration default');
      }
    },
  );

  test('is the only one that fails if it is requested by id', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { data, errors } = await asked('operator', ONE);
      expect(data).toEqual({ threat: null, other: { subject: 'Overdue invoice 4471' } });
      expect(errors).toMatchObject([{ extensions: { code: 'HISTORY_UNAVAILABLE' }, path: ['threat'] }]);
      expect(errors?.[0]?.message).toContain('threat b');
    }
  });
});

test('an unreadable history names its location only to admins and in the log', async () => {
  const closed = await Graph.start(undefined, { asksCallers: true });
  const name = basename(closed.folder);
  await closed.observe(observeThreat(sampleThreat('a')));
  await closed.store.close();
  for (const role of ['reader', 'operator', 'admin'] as const) {
    const { errors } = await asked(role, '{ threats { nodes { threatId } } cases { totalCount } }', closed);
    expect(errors?.map(({ extensions }) => extensions.code)).toContain('HISTORY_UNAVAILABLE');
    const text = JSON.stringify(errors);
    if (role === 'admin') expect(text).toContain(name);
    else expect(text).not.toContain(name);
  }
  expect(closed.logged.join('')).toContain(name);
  await closed.close();
});
