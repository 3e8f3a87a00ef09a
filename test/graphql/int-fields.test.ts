import { expect, test } from 'vitest';
import { buildGatewaySchema } from '../../src/graphql/schema.js';
import {
  ledgerEntry,
  observeCampaign,
  observeCase,
  observeThreat,
  sampleCampaign,
  sampleCase,
  sampleMessage,
  sampleThreat,
  streamState,
} from '../support/records.js';
import { Graph } from './harness.js';
import { everythingOf } from './operation/everything.js';

/*
 * Histories of earlier versions hold integers that no `Int` can show: they were decoded without a bound. Whatever
 * number a decoded record has, every field of it can be read.
 */

const EVERYTHING = everythingOf(buildGatewaySchema(), {
  threats: '(first: 5)',
  cases: '(first: 5)',
  campaigns: '(first: 5)',
  changes: '(since: "2026-01-01T00:00:00Z")',
});

/** The value with every number in it, and every null where a number may be, replaced. */
function withNumbers<T extends object>(value: T, number: number, names: ReadonlySet<string>): T {
  const text = JSON.stringify(value, (key, inner: unknown) =>
    typeof inner === 'number' || names.has(key) ? number : inner,
  );
  return JSON.parse(text) as T;
}

test.each([2 ** 31, -(2 ** 31) - 1, 2 ** 53 - 1, 1.5, 1e300])(
  'a stored record with integers of %d is returned with null in their place',
  async (number) => {
    const graph = await Graph.start();
    try {
      const names = new Set(['recipientCount', 'attachmentCount', 'urlCount']);
      const threat = sampleThreat('t1', { messages: [sampleMessage('1'), sampleMessage('2')] });
      await graph.observe(
        observeThreat(withNumbers(threat, number, names)),
        observeCase(withNumbers(sampleCase('c1', { threatIds: ['t1'] }), number, names)),
        observeCampaign(withNumbers(sampleCampaign('k1', { messageId: '1' }), number, names)),
      );
      for (let round = 0; round < 3; round += 1) {
        const { data, errors } = await graph.ask(EVERYTHING);
        // what was not collected is not here
        expect(new Set(errors.map(({ extensions }) => extensions.code))).toEqual(new Set(['NOT_COLLECTED']));
        const text = JSON.stringify(data);
        expect(text).toContain('"Threat_recipientCount":null');
        expect(text).toContain('"Message_attachmentCount":null,');
        expect(text).toContain('"Message_urlCount":null,');
      }
      const query = 'query($n: Int) { threats(filter: {recipientCount: {gte: $n}}) { totalCount } }';
      const { errors } = await graph.ask(query, { n: 2_147_483_647 });
      expect(errors).toEqual([]);
    } finally {
      await graph.close();
    }
  },
);

test('declared counts whose sum exceeds an Int are null', async () => {
  const graph = await Graph.start();
  try {
    const day = (n: number) => `2026-02-0${n}T00:00:00.000Z`;
    const ledger = [1, 2].map((n) =>
      ledgerEntry({ from: day(n), to: day(n + 1), declared: 2 ** 31 - 1, listed: 1, held: 1 }),
    );
    await graph.record({ ledger, streams: [streamState({ collectFrom: day(1) })] });
    const query = `{ coverage(resource: THREATS, from: "${day(1)}", to: "${day(3)}") { complete declared } }`;
    const { data, errors } = await graph.ask(query);
    expect(errors).toEqual([]);
    expect(data).toMatchObject({ coverage: { complete: true, declared: null } });
  } finally {
    await graph.close();
  }
});
