import 'reflect-metadata';
import { expect, test } from 'vitest';
import { createApollo } from '../../src/graphql/operation/apollo.js';
import { createContextFactory } from '../../src/graphql/request/services.js';
import { buildGatewaySchema } from '../../src/graphql/schema.js';
import { createServer } from '../../src/http/server.js';
import { createLog } from '../../src/log.js';
import type { RevisionRecord } from '../../src/model/revision.js';
import type { CampaignRecord } from '../../src/resources/campaign/campaign.js';
import type { CaseRecord } from '../../src/resources/case/case.js';
import type { ThreatRecord } from '../../src/resources/threat/threat.js';
import type { FaultRule } from '../../src/simulator/faults.js';
import { HOUR } from '../../src/values/instant.js';
import { fixedAccounts } from '../support/fixed-accounts.js';
import { LOCAL_CALLERS } from '../support/local-callers.js';
import { createTenantWorld, heldOf, type World } from '../sync/harness.js';

const NOW = '2026-03-30T00:00:00.000Z';

/** Whatever may go wrong with an answer, now and then; those that quote something above all. */
const RULES: FaultRule[] = [
  { fault: { kind: 'undecodable' }, match: /^\/(threats|cases|abusecampaigns)\/[^/?]+/, probability: 0.05 },
  { fault: { kind: 'notFound' }, match: /^\/threats\/[^/?]+/, probability: 0.03 },
  { fault: { kind: 'cutJson' }, probability: 0.03 },
  { fault: { kind: 'echo' }, probability: 0.02 },
  { fault: { kind: 'truncated' }, probability: 0.02 },
  { fault: { kind: 'serverError' }, probability: 0.05 },
  { fault: { kind: 'rateLimited' }, probability: 0.02 },
  { fault: { kind: 'wrongContent' }, probability: 0.01 },
  { fault: { kind: 'missingKey' }, probability: 0.01 },
  { fault: { kind: 'reset' }, probability: 0.01 },
];

/** What people ask, rightly and wrongly, with addresses and subjects in it. */
function questionsAbout(address: string, subject: string, threatId: string): object[] {
  const filter = { or: [{ fromAddresses: { eq: address } }, { subject: { contains: subject } }] };
  const threats =
    'query ($filter: ThreatFilter) { threats(maxAge: 0, filter: $filter) { nodes { subject } } }';
  return [
    { query: threats, variables: { filter } },
    { query: threats, variables: { filter: { fromAddress: address } } },
    { query: threats, variables: { filter: { [address]: subject } } },
    {
      query: `{ threat(threatId: "${threatId}", maxAge: 0) { subject links { items { url } } attachments { items { name } } } }`,
    },
    {
      query: `{ threats(filter: { subject: { contains: ${JSON.stringify(subject)} } }) { nodes { ${JSON.stringify(subject)} } }`,
    },
    {
      query: `{ case(caseId: ${JSON.stringify(address)}, maxAge: 0) { caseId } node(id: ${JSON.stringify(address)}) { id } }`,
    },
    { query: `{ threats(after: ${JSON.stringify(subject)}) { nodes { id } } }` },
  ];
}

async function personalOf({ store }: World): Promise<Set<string>> {
  const found = new Set<string>();
  const take = (...texts: (string | null | undefined)[]) => {
    for (const text of texts) if (text && text.length > 3) found.add(text);
  };
  for (const { record } of (await heldOf(store, 'threat')).values()) {
    for (const message of (record as ThreatRecord).messages) {
      take(message.subject, message.fromAddress, message.recipientAddress, message.returnPath);
      take(...message.toAddresses, ...message.ccAddresses, ...message.replyToAddresses);
    }
  }
  for (const { record } of (await heldOf(store, 'case')).values())
    take((record as CaseRecord).affectedEmployee);
  for (const { record } of (await heldOf(store, 'campaign')).values()) {
    const { subject, fromAddress, recipientAddress } = record as CampaignRecord;
    take(subject, fromAddress, recipientAddress);
  }
  return found;
}

test('a day with faults leaves no email address and no subject in the log', async () => {
  const lines: string[] = [];
  const log = createLog({
    ...{ level: 'info', pretty: false, secrets: [] },
    destination: { write: (line) => lines.push(line) },
  });
  const world = await createTenantWorld({
    now: NOW,
    log,
    tenant: {
      ...{ seed: 'log', from: '2026-03-20T00:00:00.000Z', to: '2026-04-02T00:00:00.000Z' },
      ...{ threats: 300, cases: 60, campaigns: 60 },
    },
    simulator: { faults: { seed: 'log', rules: RULES } },
  });
  const { store, account, clock, sync } = world;
  const context = createContextFactory({
    ...{ store, clock, log, accounts: fixedAccounts(account), live: sync.live, defaultMaxAgeMs: 300_000 },
  });
  const server = createServer({
    ...{ host: '127.0.0.1', port: 0, ide: false, anyHost: false, callers: LOCAL_CALLERS, context, log },
    apollo: createApollo({ schema: buildGatewaySchema(), log }),
    readiness: async () => ({ ready: true, checks: [] }),
  });
  const url = await server.start();
  const ask = (body: object) =>
    fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }).then((answer) => answer.text());
  try {
    for (let hour = 0; hour <= 24; hour += 4) {
      await world.poll();
      const [threat] = [...(await heldOf(store, 'threat')).values()].slice(
        hour,
      ) as RevisionRecord<'threat'>[];
      const { fromAddress, subject } = threat?.record.messages[0] ?? {};
      for (const body of questionsAbout(
        fromAddress ?? 'a@b.example',
        subject ?? 'Subject',
        threat?.key.id ?? '',
      )) {
        await ask(body);
      }
      clock.advance(4 * HOUR);
    }
    const personal = await personalOf(world);
    expect(personal.size).toBeGreaterThan(200);
    const text = lines.join('');
    // something was said: of runs, and of what went wrong
    expect(text).toContain('run ended');
    expect(lines.filter((line) => line.includes('"level":"warn"')).length).toBeGreaterThan(5);
    const written = lines.map((line) => JSON.stringify(JSON.parse(line)).replaceAll('\\"', '"'));
    const leaks = [...personal].filter((each) => written.some((line) => line.includes(each)));
    expect(leaks).toEqual([]);
  } finally {
    await server.close(1_000);
    await world.close();
  }
});
