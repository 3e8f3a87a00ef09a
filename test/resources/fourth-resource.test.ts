import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { graphql } from 'graphql';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createBudget } from '../../src/abnormal/budget.js';
import { createAbnormalClient } from '../../src/abnormal/rest-client.js';
import { readEnv, toConfig } from '../../src/config/config.js';
import { OutputType, showFields, Value } from '../../src/graphql/base/fields.js';
import { recordListOf } from '../../src/graphql/lists/connection.js';
import { recordQueries } from '../../src/graphql/lists/list-records.js';
import { NODES } from '../../src/graphql/records/nodes.js';
import { Node, RecordNode } from '../../src/graphql/records/record.type.js';
import { createContextFactory } from '../../src/graphql/request/services.js';
import { buildGatewaySchema } from '../../src/graphql/schema.js';
import { openStore } from '../../src/history/open-store.js';
import type { HistoryStore } from '../../src/history/store.js';
import type { Account } from '../../src/integrations/accounts.js';
import { THRESHOLD_NAMES } from '../../src/policy/thresholds.js';
import type { Resource } from '../../src/resources/registry.js';
import { DEFAULT_SYNC_SETTINGS } from '../../src/sync/context.js';
import { createSync } from '../../src/sync/create-sync.js';
import { HOUR, toInstant, toMillis } from '../../src/values/instant.js';
import { fixedAccounts } from '../support/fixed-accounts.js';
import { testMongo } from '../support/mongo.js';
import { json, startUpstream, type UpstreamServer } from '../support/upstream-server.js';
import type { VendorRecord } from '../support/vendor.js';

/*
 * Adds a resource as a project would: its definition, its node, and a line in each of two lists.
 * The types of the gateway do not know it, so here it goes by the type of a campaign.
 */

vi.mock('../../src/resources/definitions.js', async (load) => {
  const { DEFINITIONS } = await load<typeof import('../../src/resources/definitions.js')>();
  const { vendorDefinition } = await import('../support/vendor.js');
  return { DEFINITIONS: [...DEFINITIONS, vendorDefinition] };
});

vi.mock('type-graphql', async (load) => {
  const library = await load<typeof import('type-graphql')>();
  const buildSchemaSync: typeof library.buildSchemaSync = (options) =>
    library.buildSchemaSync({
      ...options,
      resolvers: [...options.resolvers, recordQueries(NODES[KIND])] as never,
    });
  return { ...library, buildSchemaSync };
});

const KIND = 'vendor' as 'campaign';
const RESOURCE = 'vendors' as Resource;

@OutputType('A vendor.', { implements: [Node, RecordNode] })
class Vendor extends RecordNode<'campaign'> {
  get own(): VendorRecord {
    return this.record as unknown as VendorRecord;
  }
}

showFields(Vendor, 'own', {
  vendorId: Value.id('Abnormal’s own id.'),
  vendorDomain: Value.textOrNull('The vendor’s domain.', { personal: ['addresses'] }),
});

const vendorList = recordListOf(KIND, Vendor, {
  page: 'A page of a list of vendors.',
  filter: { vendorDomain: 'the vendor’s domain' } as never,
  order: { lastModifiedTime: 'When it was last modified: the default.' } as never,
});

Object.assign(NODES, { [KIND]: vendorList });

const START = '2026-05-01T00:00:00.000Z';

interface UpstreamCase {
  readonly vendorId: string;
  readonly vendorDomain: string;
  readonly status: string;
  readonly lastModifiedTime: string;
}

/** Answers as Abnormal does: a list by the window of its filter, and details. */
function serve(server: UpstreamServer, cases: readonly UpstreamCase[]): void {
  server.on('/vendors', (response, request) => {
    const [, from = '', to = ''] = /gte (\S+) lte (\S+)/.exec(request.query.get('filter') ?? '') ?? [];
    const isListed = ({ lastModifiedTime: at }: UpstreamCase) =>
      toMillis(at) >= toMillis(toInstant(Date.parse(from))) && toMillis(at) <= Date.parse(to);
    const vendors = cases.filter(isListed).map(({ vendorId }) => ({ vendorId }));
    json({ vendors, pageNumber: 1 })(response, request);
  });
  for (const each of cases) server.on(`/vendors/${each.vendorId}`, json(each));
}

async function testResource(store: HistoryStore): Promise<void> {
  const server = await startUpstream();
  let now = toMillis(START);
  const clock = () => now;
  const log = pino({ level: 'silent' });
  const client = createAbnormalClient({
    ...{ baseUrl: server.baseUrl, token: () => 'token', timeoutMs: 10_000, clock, log },
    budget: createBudget({ rpm: 600_000, concurrency: 4, clock }),
  });
  const account: Account = { name: 'default', origin: 'ABNORMAL', baseUrl: server.baseUrl, client };
  const accounts = fixedAccounts(account);
  const settings = { ...DEFAULT_SYNC_SETTINGS, backfillFrom: '2026-04-28T00:00:00.000Z' };
  const sync = createSync({ store, accounts, settings, clock, log });
  const signal = new AbortController().signal;
  try {
    const first = { vendorId: 'v1', vendorDomain: 'supplier.example', status: 'Open' };
    const second = { vendorId: 'v2', vendorDomain: 'other.example', status: 'Open' };
    const cases = [
      { ...first, lastModifiedTime: '2026-04-29T10:00:00.000Z' },
      { ...second, lastModifiedTime: '2026-04-30T10:00:00.000Z' },
    ];
    serve(server, cases);
    await sync.poll({ resources: [RESOURCE], signal });
    const { seq } = await store.head();
    const all = { kind: KIND, integrations: null, filter: null };
    expect(await store.count({ ...all, seq })).toBe(2);

    now += 2 * HOUR;
    const closed = { ...first, status: 'Closed', lastModifiedTime: '2026-05-01T01:00:00.000Z' };
    serve(server, [closed, ...cases.slice(1)]);
    await sync.poll({ resources: [RESOURCE], signal });
    const later = (await store.head()).seq;
    expect(
      await store.revisions({ integration: 'default', kind: KIND, id: 'v1' }, later + 1, 9),
    ).toHaveLength(2);
    expect(await store.count({ ...all, filter: { field: 'open', eq: true }, seq: later })).toBe(1);
    expect(await store.count({ ...all, filter: { field: 'open', eq: true }, seq })).toBe(2);

    const context = createContextFactory({
      store,
      accounts,
      live: sync.live,
      defaultMaxAgeMs: 1e12,
      clock,
      log,
    });
    const schema = buildGatewaySchema();
    const ask = (source: string) => graphql({ schema, source, contextValue: context() });
    const listed = await ask(
      '{ vendors(first: 5, filter: {vendorDomain: {contains: "SUPPLIER"}}) { totalCount nodes { id vendorId revisions(first: 5) { totalCount } } } changes(since: "2026-04-01T00:00:00Z", first: 9) { nodes { kind recordId } } }',
    );
    expect(listed.errors).toBeUndefined();
    const node = { vendorId: 'v1', revisions: { totalCount: 2 }, id: expect.any(String) };
    expect(listed.data).toMatchObject({
      vendors: { totalCount: 1, nodes: [node] },
      changes: { nodes: ['v2', 'v1', 'v1'].map((recordId) => ({ kind: 'VENDOR', recordId })) },
    });
    const [{ id }] = (listed.data as { vendors: { nodes: [{ id: string }] } }).vendors.nodes;
    const single = await ask(
      `{ vendor(vendorId: "v2") { vendorDomain } node(id: "${id}") { __typename ... on Vendor { vendorId } } }`,
    );
    expect(single).toEqual({
      data: {
        vendor: { vendorDomain: 'other.example' },
        node: { __typename: 'Vendor', vendorId: 'v1' },
      },
    });
  } finally {
    await sync.close();
    client.close();
    await server.close();
  }
}

const mongo = await testMongo();

describe('a resource that is added by its definition, its node and its resolver', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fourth-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is collected, recorded in SQLite and answered', async () => {
    const store = await openStore(`sqlite:${join(folder, 'history.db')}`, 'write');
    await testResource(store).finally(() => store.close());
  });

  it.skipIf(mongo === null)('is collected, recorded in MongoDB and answered', async () => {
    const url = mongo?.freshUrl() ?? '';
    const store = await openStore(url, 'write');
    await testResource(store).finally(() => store.close());
    await mongo?.drop(url);
  });

  it('has its polling variable and its threshold', () => {
    const read = toConfig(readEnv({ POLL_VENDORS_EVERY: '6h' }));
    expect(read.ok && read.config.poll.every[RESOURCE]).toBe(6 * HOUR);
    expect(THRESHOLD_NAMES).toContain('pollVendorsEvery');
  });
});
