import { afterEach, expect, test } from 'vitest';
import { Playground } from '../support/app.js';
import { minutesAfterStart } from '../support/records.js';
import { Graph } from './harness.js';

const ALL = `query($integrations: [ID!]) { schemaDrift(integrations: $integrations) {
  integration isFull beyond names { kind path value count firstSeenAt lastSeenAt }
} }`;

let close: () => Promise<void>;
afterEach(() => close());

test('schemaDrift shows unknown content by integration', async () => {
  const graph = await Graph.start([
    { name: 'default', origin: 'ABNORMAL' },
    { name: 'other', origin: 'ABNORMAL' },
  ]);
  close = () => graph.close();
  expect(await graph.data(ALL)).toEqual({ schemaDrift: [] });
  const seen = { firstSeenAt: minutesAfterStart(1), lastSeenAt: minutesAfterStart(2) };
  const field = { kind: 'FIELD', path: 'threat.messages[].newField', value: null, count: 2, ...seen };
  const word = { kind: 'VALUE', path: 'case.confidence', value: 'CERTAIN', count: 1, ...seen };
  await graph.store.putDocument('drift', 'default', { names: [field, word], beyond: 0 }, 0);
  await graph.store.putDocument('drift', 'other', { names: [field], beyond: 12 }, 0);
  const [first, second] = [
    { integration: 'default', isFull: false, beyond: 0, names: [field, word] },
    { integration: 'other', isFull: true, beyond: 12, names: [field] },
  ];
  expect(await graph.data(ALL)).toEqual({ schemaDrift: [first, second] });
  expect(await graph.data(ALL, { integrations: ['other'] })).toEqual({ schemaDrift: [second] });
  expect(await graph.error(ALL, { integrations: ['nobody'] })).toMatchObject({ code: 'BAD_USER_INPUT' });
});

test('schemaDrift names what a gateway found at Abnormal, and the record is still served', async () => {
  const body = JSON.stringify({ caseId: '77', case_status: 'Escalated', mood: 'ann@corp.example' });
  const fault = { kind: 'status', status: 200, body } as const;
  const ground = new Playground({ rules: [{ fault, match: /^\/cases\/77(\?|$)/ }] });
  close = () => ground.clear();
  const { url } = await ground.start();
  const one = await ground.ask(url, '{ case(caseId: "77", maxAge: 0) { status statusRaw } }');
  expect(one.data).toEqual({ case: { status: 'OTHER', statusRaw: 'Escalated' } });
  const ask = async () => {
    const { data } = await ground.ask(url, '{ schemaDrift { integration names { kind path value count } } }');
    return (data as { schemaDrift: unknown }).schemaDrift;
  };
  await expect.poll(ask).toEqual([
    {
      integration: 'simulated',
      names: [
        { kind: 'VALUE', path: 'case.case_status', value: 'Escalated', count: 1 },
        { kind: 'FIELD', path: 'case.mood', value: null, count: 1 },
      ],
    },
  ]);
});
