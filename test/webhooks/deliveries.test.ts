import 'reflect-metadata';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { endpointsOf } from '../../src/app/webhooks.js';
import { openStore } from '../../src/history/open-store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { newWebhookSecret, WebhookSecrets } from '../../src/integrations/webhook-secrets.js';
import { readPolicy } from '../../src/policy/read-policy.js';
import { DAY, HOUR, MINUTE } from '../../src/values/instant.js';
import { Secret } from '../../src/values/secret.js';
import { Deliveries, deliveryStatus } from '../../src/webhooks/deliveries.js';
import { deliveryDocument, readLetters, readState } from '../../src/webhooks/delivery-state.js';
import { testMongo } from '../support/mongo.js';
import { Receiver } from '../support/receiver.js';
import {
  batchOf,
  minutesAfterStart,
  observeCase,
  observeThreat,
  sampleCase,
  sampleMessage,
  sampleThreat,
  threatKey,
} from '../support/records.js';

const mongo = await testMongo();
const STORES: [name: string, url: () => string][] = [
  ['sqlite', () => 'sqlite::memory:'],
  ...(mongo ? [['mongodb', () => mongo.freshUrl()] as [string, () => string]] : []),
];
const SECRET = newWebhookSecret();
const OTHER = newWebhookSecret();
const EVENTS = '[threat.added, threat.changed, threat.deleted, case.added]';

describe.each(STORES)('webhooks of a history in %s', (_name, freshUrl) => {
  let url: string;
  let store: HistoryStore;
  let receiver: Receiver;
  let now: number;
  let batches: number;
  const logged: string[] = [];
  const stops: (() => Promise<void>)[] = [];

  beforeEach(async () => {
    url = freshUrl();
    store = await openStore(url, 'write');
    receiver = await new Receiver().start();
    now = Date.now();
    batches = 0;
    logged.length = 0;
  });
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
    receiver.close();
    await store.close();
    if (url.startsWith('mongodb')) await mongo?.drop(url);
  });

  const endpoints = (more = '', secrets = '[main]') => {
    const text = `version: 1
webhooks:
  siem: { url: "${receiver.url}", events: ${EVENTS}, secrets: ${secrets}${more} }
`;
    const result = readPolicy(text);
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    return endpointsOf(result.policy);
  };

  const parts = (to = endpoints(), of = store) => ({
    store: of,
    endpoints: () => to,
    secrets: new WebhookSecrets({
      ...{ store: of, cipher: null, clock: () => now },
      fixed: new Map(Object.entries({ main: new Secret(SECRET), other: new Secret(OTHER) })),
    }),
    clock: () => now,
    log: pino({ level: 'debug' }, { write: (line: string) => void logged.push(line) }),
    sleep: async (ms: number) => delay(Math.min(ms, 5)),
    timeoutMs: 300,
  });

  /** Sends what waits once. */
  const flush = (to?: ReturnType<typeof endpoints>, of?: HistoryStore) =>
    new Deliveries(parts(to, of)).flush(new AbortController().signal);

  const run = (to?: ReturnType<typeof endpoints>, timeoutMs = 300) => {
    const stop = new AbortController();
    const running = new Deliveries({ ...parts(to), timeoutMs }).run(stop.signal);
    const end = async () => {
      stop.abort();
      await running;
    };
    stops.push(end);
    return end;
  };

  const record = (changes: Parameters<typeof batchOf>[1]) => {
    batches += 1;
    return store.record(batchOf(`b${batches}`, { now: minutesAfterStart(batches), ...changes }));
  };
  const threat = (id: string, recipientCount = 1) =>
    record({ observations: [observeThreat(sampleThreat(id, { recipientCount }), { basis: batches })] });

  test('a receiver verifies each message with the library of the specification, in the order of recording', async () => {
    await threat('before');
    await flush();
    expect(receiver.received).toEqual([]);
    await threat('t-1');
    await threat('t-1', 2);
    await record({ observations: [observeCase(sampleCase('17'))] });
    await record({ tombstones: [threatKey('t-1')] });
    await threat('t-1', 3);
    await flush();
    const messages = receiver.verified(SECRET);
    expect(messages.map(({ type, data }) => [type, data.id, data.seq])).toEqual([
      ['threat.added', 't-1', 2],
      ['threat.changed', 't-1', 3],
      ['case.added', '17', 4],
      ['threat.deleted', 't-1', 5],
      ['threat.added', 't-1', 6],
    ]);
    expect(messages[0]).toEqual({
      type: 'threat.added',
      timestamp: minutesAfterStart(2),
      data: { seq: 2, integration: 'default', kind: 'threat', id: 't-1', nodeId: expect.any(String) },
    });
    expect(new Set(receiver.ids()).size).toBe(5);
    await flush();
    expect(receiver.received).toHaveLength(5);
  });

  test('only changes that match the filter, the accounts and the events are sent', async () => {
    const filtered = endpoints(
      ', integrations: [eu], filter: { threat: { attackTypes: { in: [INVOICE_FRAUD_BEC] } } }',
    );
    await flush(filtered);
    const other = sampleThreat('t-2', {
      messages: [{ ...sampleThreat('x').messages[0], attackTypeRaw: 'Scam' } as never],
    });
    await record({
      observations: [
        observeThreat(sampleThreat('t-1'), { integration: 'eu' }),
        observeThreat(other, { integration: 'eu' }),
        observeThreat(sampleThreat('t-3'), { integration: 'us' }),
      ],
    });
    await flush(filtered);
    expect(receiver.verified(SECRET).map(({ data }) => data.id)).toEqual(['t-1']);
  });

  test('a filter of one message matches as it does in the list of threats', async () => {
    const filtered = endpoints(
      ', filter: { threat: { messages: { some: { attackType: { eq: INVOICE_FRAUD_BEC }, recipientAddress: { eq: "a@x.example" } } } } }',
    );
    await flush(filtered);
    const message = (recipientAddress: string, attackTypeRaw: string, messageId: string) =>
      sampleMessage(messageId, { recipientAddress, attackTypeRaw });
    const [fraud, scam] = ['Invoice/Payment Fraud (BEC)', 'Scam'];
    await record({
      observations: [
        observeThreat(sampleThreat('one', { messages: [message('a@x.example', fraud, '1')] })),
        // both conditions hold, but not for the same message
        observeThreat(
          sampleThreat('two', {
            messages: [message('a@x.example', scam, '2'), message('b@x.example', fraud, '3')],
          }),
        ),
      ],
    });
    await flush(filtered);
    expect(receiver.verified(SECRET).map(({ data }) => data.id)).toEqual(['one']);
  });

  test('a link leads to the record as it was recorded', async () => {
    const linked = endpoints(', links: "https://gateway.example.com/"');
    await flush(linked);
    await threat('t-1');
    await flush(linked);
    const [{ data } = { data: {} as Record<string, unknown> }] = receiver.verified(SECRET);
    const link = new URL(String(data.link));
    expect(link.origin + link.pathname).toBe('https://gateway.example.com/graphql');
    expect(link.searchParams.get('query')).toContain(`asOf:"${minutesAfterStart(1)}"`);
    expect(link.searchParams.get('query')).toContain(`id:"${data.nodeId}"`);
  });

  test('several secrets sign a message while one replaces another', async () => {
    const both = endpoints('', '[other, main]');
    await flush(both);
    await threat('t-1');
    await flush(both);
    expect(receiver.verified(SECRET)).toEqual(receiver.verified(OTHER));
    expect(() => receiver.verified(newWebhookSecret())).toThrow();
  });

  const FAILURES: [what: string, reply: Receiver['reply'], error: RegExp][] = [
    ['fails', 500, /responded with 500/],
    ['hangs', () => {}, /did not respond within 0.3 s/],
    ['hangs in the body', (response) => void response.writeHead(200).write('{'), /did not respond/],
    [
      'redirects',
      (response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      /responded with 302; redirects are not followed/,
    ],
    ['resets', (response) => void response.socket?.resetAndDestroy(), /ECONNRESET|socket hang up/],
    [
      'answers without end',
      (response) => void response.writeHead(200).end('x'.repeat(2 * 1024 * 1024)),
      /larger than 1048576 bytes/,
    ],
  ];

  test.each(FAILURES)(
    'a message to a receiver that %s is sent again with the same id',
    async (_what, reply, error) => {
      await flush();
      await threat('t-1');
      await threat('t-2');
      receiver.reply = reply;
      await flush();
      const [first] = receiver.ids();
      expect(receiver.received).toHaveLength(1);
      const [status] = await deliveryStatus(store, endpoints());
      expect(status?.failure).toMatchObject({ id: first, tries: 1, error: expect.stringMatching(error) });
      receiver.reply = 204;
      await flush();
      expect(receiver.ids()).toEqual([first, first, expect.stringMatching(/^msg_/)]);
      expect(receiver.verified(SECRET).map(({ data }) => data.id)).toEqual(['t-1', 't-1', 't-2']);
      expect(logged.join('')).not.toContain(receiver.url);
      expect(logged.join('')).not.toContain(SECRET);
    },
  );

  test('tries follow the schedule of the specification; after days the message is a dead letter and the next is sent', async () => {
    await flush();
    await threat('poison');
    await threat('t-2');
    receiver.reply = (response, { body }) =>
      void response.writeHead(body.includes('"poison"') ? 400 : 204).end();
    const begin = now;
    const tries: number[] = [];
    const end = run();
    await receiver.until(1);
    while (receiver.received.length < 11) {
      const count = receiver.received.length;
      const state = async () => (await readState(store, deliveryDocument('siem'))).state;
      while ((await state())?.failure?.tries !== count && (await readLetters(store, 'siem')).length === 0)
        await delay(5);
      if ((await readLetters(store, 'siem')).length > 0) break;
      tries.push(now - begin);
      const retryAt = Date.parse((await state())?.failure?.retryAt ?? '');
      now = retryAt - 1;
      await delay(40);
      // not before it is due
      expect(receiver.received).toHaveLength(count);
      now = retryAt;
      await receiver.until(count + 1);
    }
    await receiver.until(11);
    await end();
    // the library compares the time of the attempt with the clock, which is days behind here
    expect(receiver.received.map(({ body }) => JSON.parse(body).data.id)).toEqual([
      ...Array.from({ length: 10 }, () => 'poison'),
      't-2',
    ]);
    const [letter] = await readLetters(store, 'siem');
    expect(letter).toMatchObject({
      tries: 10,
      error: 'it responded with 400',
      message: { id: receiver.ids()[0] },
    });
    const waits = tries.slice(1).map((at, i) => at - (tries[i] ?? 0));
    const schedule = [5000, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR];
    for (const [i, wait] of waits.entries()) {
      expect(wait).toBeGreaterThanOrEqual(schedule[i] ?? DAY);
      expect(wait).toBeLessThanOrEqual((schedule[i] ?? DAY) * 1.1);
    }
    expect(now - begin).toBeGreaterThan(3 * DAY);
  });

  test('a receiver that responds with 410 gets nothing more until its address changes', async () => {
    await flush();
    await threat('t-1');
    receiver.reply = 410;
    await flush();
    await flush();
    expect(receiver.received).toHaveLength(1);
    const moved = await new Receiver().start();
    const [endpoint] = endpoints();
    if (!endpoint) throw new Error('none');
    await flush([{ ...endpoint, target: { kind: 'SIGNED', url: moved.url, secrets: ['main'] } }]);
    expect(moved.ids()).toEqual(receiver.ids());
    moved.close();
  });

  test('a hanging receiver delays no other one', async () => {
    const fast = await new Receiver().start();
    const [slow] = endpoints();
    if (!slow) throw new Error('none');
    const target = { kind: 'SIGNED', url: fast.url, secrets: ['main'] } as const;
    const both = [slow, { ...slow, name: 'fast', document: deliveryDocument('fast'), target }];
    receiver.reply = () => {};
    await flush(both);
    for (const id of ['a', 'b', 'c']) await threat(id);
    run(both, 600_000);
    await fast.until(3);
    expect(receiver.received).toHaveLength(1);
    fast.close();
  });

  test('an endpoint that is new, or new to an event, is sent nothing of the past', async () => {
    const [endpoint] = endpoints();
    if (!endpoint) throw new Error('none');
    const onlySeals = [{ ...endpoint, events: new Set(['seal.created']), kinds: [] }];
    await flush(onlySeals);
    await threat('t-1');
    await flush(onlySeals);
    await threat('t-2');
    await flush();
    expect(receiver.verified(SECRET).map(({ data }) => data.id)).toEqual(['t-2']);
  });

  test('more changes than one page arrive once each, also within one batch', async () => {
    await flush();
    const ids = Array.from({ length: 130 }, (_, i) => `t-${String(i).padStart(3, '0')}`);
    await record({ observations: ids.map((id) => observeThreat(sampleThreat(id))) });
    receiver.reply = (response) => void response.writeHead(receiver.received.length === 70 ? 503 : 200).end();
    await flush();
    receiver.reply = 204;
    await flush();
    expect([...new Set(receiver.ids())]).toHaveLength(130);
    expect(receiver.received).toHaveLength(131);
    expect(receiver.verified(SECRET).map(({ data }) => data.id)).toEqual([
      ...ids.slice(0, 70),
      ...ids.slice(69),
    ]);
  });

  test('a process that lost its turn stops after the message that it is sending', async () => {
    await flush();
    for (const id of ['a', 'b', 'c']) await threat(id);
    let answer: (() => void) | null = null;
    receiver.reply = (response) => {
      answer = () => void response.writeHead(204).end();
    };
    // it must not give up before the other one has sent
    const first = new Deliveries({ ...parts(), timeoutMs: 600_000 }).flush(new AbortController().signal);
    await receiver.until(1);
    receiver.reply = 204;
    // it was taken for dead
    await flush();
    expect(receiver.received).toHaveLength(4);
    (answer as (() => void) | null)?.();
    await first;
    expect(receiver.verified(SECRET).map(({ data }) => data.id)).toEqual(['a', 'a', 'b', 'c']);
  });
});
