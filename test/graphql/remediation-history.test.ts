import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  observationOf,
  observeThreat,
  sampleMessage,
  sampleRemediationHistory,
  sampleThreat,
} from '../support/records.js';
import { Graph } from './harness.js';

let graph: Graph;
let before: string;

const FIELDS = 'messageId events { statusRaw time } folders { name displayName } provenance { source }';
const ask = (rest: string, messageId = '7') =>
  graph.ask<{ threat: unknown }>(
    `{ threat(threatId: "t1"${rest}) { remediationHistory(messageId: "${messageId}") { ${FIELDS} } } }`,
  );

beforeAll(async () => {
  graph = await Graph.start();
  const messages = [sampleMessage('7'), sampleMessage('8')];
  ({ at: before } = await graph.observe(observeThreat(sampleThreat('t1', { messages }))));
  await graph.observe(observationOf('messageRemediation', '7', sampleRemediationHistory('7')));
});
afterAll(() => graph.close());

test('a message has its remediation history, recorded under the id of the message', async () => {
  expect((await ask('')).data).toEqual({
    threat: {
      remediationHistory: {
        ...{ messageId: '7', events: [{ statusRaw: 'Auto-Remediated', time: '2026-03-01T08:15:09.123Z' }] },
        ...{
          folders: [{ name: 'junkemail', displayName: 'Junk' }],
          provenance: { source: expect.any(String) },
        },
      },
    },
  });
});

test('before it was recorded, asOf is an error that says what to do', async () => {
  const { data, errors } = await ask(`, asOf: "${before}"`);
  expect(data).toEqual({ threat: { remediationHistory: null } });
  expect(errors).toMatchObject([
    {
      message: expect.stringContaining('of message 7 was not recorded'),
      extensions: { code: 'NOT_COLLECTED' },
    },
  ]);
});

test('a message of another threat is an error of the caller', async () => {
  const { errors } = await ask('', '9');
  expect(errors).toMatchObject([
    { message: expect.stringContaining('has no stored message "9"'), extensions: { code: 'BAD_USER_INPUT' } },
  ]);
});
