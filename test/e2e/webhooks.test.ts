import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { openStore } from '../../src/history/open-store.js';
import { newWebhookSecret } from '../../src/integrations/webhook-secrets.js';
import { Receiver } from '../support/receiver.js';
import { buildService, type Service, Workplace } from '../support/service.js';

const SECRET = newWebhookSecret();
let place: Workplace;
let receiver: Receiver;

beforeAll(async () => {
  await buildService(inject('desk'));
  place = new Workplace();
  receiver = await new Receiver().start();
});
afterAll(async () => {
  receiver.close();
  await place.clear();
});

test('a process that is killed between sending and storing leaves out no message and keeps the order', async () => {
  const history = `sqlite:${join(place.folder, 'killed.db')}`;
  const policy = join(place.folder, 'policy.yaml');
  writeFileSync(
    policy,
    `version: 1
webhooks:
  siem:
    url: ${receiver.url}
    events: [threat.added, case.added, campaign.added, seal.created]
    secrets: [main]
`,
  );
  const env = {
    ...{ HISTORY: history, POLICY: policy, WEBHOOK_SECRETS: `main=${SECRET}`, PORT: '0' },
    ...{ UPSTREAM_RPM: '1000000', RECONCILE_EVERY: 'off', LOG_LEVEL: 'debug' },
  };
  // the webhook is there before the first record
  const empty = await openStore(history, 'write');
  const start = {
    place: { seq: 0, after: null, event: 0, seal: 0 },
    failure: null,
    gone: null,
    lastSentAt: null,
  };
  await empty.putDocument('settings', 'webhook-endpoint-siem', start, 0);
  await empty.close();

  let service: Service | null = null;
  let killAt = 0;
  receiver.reply = (response) => {
    if (receiver.received.length !== killAt) response.writeHead(204).end();
    // received, and never answered
    else void service?.end('SIGKILL');
  };
  const output: string[] = [];
  for (const more of [5, 40, 100]) {
    killAt = receiver.received.length + more;
    service = place.run(['serve'], env);
    expect(await service.exit).toBe('SIGKILL');
    output.push(service.output);
  }
  killAt = -1;
  service = place.run(['serve'], env);
  await service.url();
  const store = await openStore(history, 'read');
  try {
    for (let sent = -1; sent !== receiver.received.length; ) {
      sent = receiver.received.length;
      await new Promise((done) => setTimeout(done, 5000));
    }
    await service.end('SIGTERM');
    const { seq: toSeq } = await store.head();
    const changes = await store.changes({
      ...{ afterSeq: 0, toSeq, after: null, integrations: null, limit: 100_000 },
      kinds: ['threat', 'case', 'campaign'],
    });
    const messages = receiver.verified(SECRET);
    const ids = receiver.ids();
    // each killed message twice in a row
    const once = messages.filter((_, i) => ids[i] !== ids[i - 1]);
    expect(messages.length - once.length).toBe(3);
    const records = once.filter(({ type }) => type !== 'seal.created');
    const seen = new Set<string>();
    const added = changes.filter(({ key: { kind, id } }) => {
      const isNew = !seen.has(`${kind} ${id}`);
      seen.add(`${kind} ${id}`);
      return isNew;
    });
    expect(records.map(({ data }) => [data.seq, data.kind, data.id])).toEqual(
      added.map(({ seqFrom, key }) => [seqFrom, key.kind, key.id]),
    );
    expect(records.length).toBeGreaterThan(145);
    const seals = once.filter(({ type }) => type === 'seal.created').map(({ data }) => data.index);
    expect(seals).toEqual(Array.from({ length: await store.journalLength('seals') }, (_, i) => i + 1));
  } finally {
    await store.close();
  }
  output.push(service.output);
  expect(output.join('')).not.toContain(SECRET);
  expect(output.join('')).not.toContain(SECRET.slice(6));
  expect(readFileSync(policy, 'utf8')).not.toContain(SECRET);
});
