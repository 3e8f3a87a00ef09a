import 'reflect-metadata';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { endpointsOf } from '../../src/app/webhooks.js';
import { pause } from '../../src/async/waiting.js';
import { openStore } from '../../src/history/open-store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { newWebhookSecret, WebhookSecrets } from '../../src/integrations/webhook-secrets.js';
import { readPolicy } from '../../src/policy/read-policy.js';
import { byResource, CORE_RESOURCES } from '../../src/resources/registry.js';
import { createPoller } from '../../src/sync/schedule/poller.js';
import { DAY } from '../../src/values/instant.js';
import { Secret } from '../../src/values/secret.js';
import { Deliveries } from '../../src/webhooks/deliveries.js';
import { fixedAccounts } from '../support/fixed-accounts.js';
import { testMongo } from '../support/mongo.js';
import { Receiver } from '../support/receiver.js';
import { batchOf, observeThreat, sampleThreat } from '../support/records.js';

const mongo = await testMongo();
const SECRET = newWebhookSecret();
const LEASE_MS = 4000;

describe.skipIf(!mongo)('two replicas of a gateway with webhooks', () => {
  let url: string;
  let receiver: Receiver;
  let writer: HistoryStore;
  const stops: (() => Promise<void>)[] = [];
  let recorded = 0;

  beforeEach(async () => {
    url = mongo?.freshUrl() ?? '';
    receiver = await new Receiver().start();
    writer = await openStore(url, 'write');
    recorded = 0;
  });
  afterEach(async () => {
    await Promise.all(stops.splice(0).map((stop) => stop()));
    receiver.close();
    await writer.close();
    await mongo?.drop(url);
  });

  /** A process of its own, as far as the history can tell. */
  async function replica(holder: string) {
    const opened = await openStore(url, 'write');
    let isCutOff = false;
    const store = new Proxy(opened, {
      get(target, name) {
        if (name === 'acquireLease' && isCutOff) return () => Promise.reject(new Error('cut off'));
        const own = Reflect.get(target, name) as unknown;
        return typeof own === 'function' ? own.bind(target) : own;
      },
    });
    const policy = readPolicy(
      `version: 1\nwebhooks: { siem: { url: "${receiver.url}", events: [threat.added], secrets: [main] } }\n`,
    );
    if (!policy.ok) throw new Error('policy');
    const endpoints = endpointsOf(policy.policy);
    const log = pino({ level: 'silent' });
    const secrets = new WebhookSecrets({
      ...{ store, cipher: null, clock: Date.now, fixed: new Map([['main', new Secret(SECRET)]]) },
    });
    const deliveries = new Deliveries({
      ...{ store, secrets, log, clock: Date.now, sleep: pause, everyMs: 20 },
      endpoints: () => endpoints,
    });
    const poller = createPoller({
      ...{ store, holder, log, clock: Date.now, leaseMs: LEASE_MS, alongside: [deliveries] },
      ...{ accounts: fixedAccounts(), intervals: byResource(() => DAY), resources: CORE_RESOURCES },
      sync: {
        poll: () => Promise.reject(new Error('none')),
        reconcile: () => Promise.reject(new Error('none')),
      },
    });
    const stop = new AbortController();
    const running = poller.run(stop.signal);
    const end = async () => {
      stop.abort();
      await running;
    };
    stops.push(async () => {
      await end();
      await opened.close();
    });
    return {
      end,
      isLeading: () => poller.status().isLeading,
      cutOff: () => {
        isCutOff = true;
      },
    };
  }

  async function record(count: number): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      recorded += 1;
      const observations = [observeThreat(sampleThreat(`t-${recorded}`))];
      await writer.record(batchOf(`b${recorded}`, { now: new Date().toISOString(), observations }));
    }
  }

  const expectEachOnce = () => {
    expect(receiver.verified(SECRET).map(({ data }) => data.id)).toEqual(
      Array.from({ length: recorded }, (_, i) => `t-${i + 1}`),
    );
  };

  const until = async (isSo: () => boolean) => {
    while (!isSo()) await delay(10);
  };

  async function twoReplicas() {
    const both = [await replica('a'), await replica('b')] as const;
    await until(() => both.some(({ isLeading }) => isLeading()));
    const stored = async () => (await writer.document('settings', 'webhook-endpoint-siem')) !== null;
    while (!(await stored())) await delay(10);
    const leader = both.find(({ isLeading }) => isLeading());
    if (!leader) throw new Error('no leader');
    return { leader, other: both[0] === leader ? both[1] : both[0] };
  }

  test('send each message once, and in order, also when the one that sends stops', async () => {
    const { leader, other } = await twoReplicas();
    await record(20);
    await receiver.until(20);
    const ending = leader.end();
    await record(20);
    await ending;
    await record(20);
    await receiver.until(60);
    await delay(200);
    expect(other.isLeading()).toBe(true);
    expectEachOnce();
  });

  test('send each message once when the one that sends cannot renew its lease, or one again with its id', async () => {
    const { leader, other } = await twoReplicas();
    await record(10);
    await receiver.until(10);
    leader.cutOff();
    const adding = record(60);
    await until(() => other.isLeading());
    await adding;
    await until(() => new Set(receiver.ids()).size === 70);
    await delay(200);
    // a machine may be too slow for the answer to a message to be stored before the lease ends
    const repeated = receiver.dropRepeated();
    expect(repeated.length).toBeLessThanOrEqual(1);
    expectEachOnce();
  });
});
