import { afterEach, beforeEach, expect, test } from 'vitest';
import { openHistory } from '../../src/app/collector.js';
import { toInstant } from '../../src/values/instant.js';
import { Playground } from '../support/app.js';
import { batchOf, sampleRun } from '../support/records.js';

let ground: Playground;
beforeEach(() => {
  ground = new Playground();
});
afterEach(() => ground.clear());

/** Closes the gateway, writes tombstones that are wrong, and starts it again. */
async function bury(ids: readonly string[]): Promise<string> {
  await ground.stop();
  const store = await openHistory(ground.config(), 'write', ground.options);
  const tombstones = ids.map((id) => ({ integration: 'simulated', kind: 'case', id }) as const);
  const run = sampleRun('burial', { integration: 'simulated', resource: 'cases', status: 'SUCCEEDED' });
  await store.record(batchOf('burial', { now: toInstant(Date.now()), run, tombstones }));
  await store.close();
  return (await ground.start()).url;
}

interface Case {
  readonly id: string;
  readonly caseId: string;
}

test('a record with a wrong tombstone is restored by a fresh request, by its own id or its global id', async () => {
  const first = await ground.start();
  await ground.collected(first.url);
  const all =
    '{ cases(first: 20, maxAge: 86400, orderBy: { field: CREATED_TIME }) { totalCount nodes { id caseId } } }';
  const ask = async <T>(url: string, query: string) => (await ground.ask(url, query)).data as T;
  const { cases } = await ask<{ cases: { totalCount: number; nodes: Case[] } }>(first.url, all);
  const [one, other] = cases.nodes;
  if (!one || !other) throw new Error('the tenant has no two cases');
  const url = await bury([one.caseId, other.caseId]);

  const held = `{ cases(maxAge: 86400) { totalCount } case(caseId: "${one.caseId}", maxAge: 86400) { deletedAt } }`;
  expect(await ask(url, held)).toEqual({
    cases: { totalCount: cases.totalCount - 2 },
    case: { deletedAt: expect.any(String) },
  });

  const versions = 'deletedAt revisions { totalCount nodes { change } } provenance { stale }';
  const back = {
    deletedAt: null,
    revisions: { totalCount: 3, nodes: [{ change: 'ADDED' }, { change: 'DELETED' }, { change: 'ADDED' }] },
    provenance: { stale: false },
  };
  expect(await ask(url, `{ case(caseId: "${one.caseId}", maxAge: 0) { ${versions} } }`)).toEqual({
    case: back,
  });
  const byNode = `{ node: record(id: "${other.id}", maxAge: 0) { ... on Case { ${versions} } } }`;
  expect(await ask(url, byNode)).toEqual({ node: back });
  expect(await ask(url, '{ cases(maxAge: 86400) { totalCount } }')).toEqual({
    cases: { totalCount: cases.totalCount },
  });
});
