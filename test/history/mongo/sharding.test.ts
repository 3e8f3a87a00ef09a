import { MongoClient } from 'mongodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { INDEXES } from '../../../src/history/mongo/schema.js';
import { openMongoStore } from '../../../src/history/mongo/store.js';
import type { HistoryStore } from '../../../src/history/store.js';
import type { FieldSpec } from '../../../src/resources/definition.js';
import { FIELDS, LISTED_KINDS, type ListedKind } from '../../../src/resources/registry.js';
import { testMongo } from '../../support/mongo.js';
import {
  batchOf,
  caseKey,
  observeCase,
  observeThreat,
  START,
  sampleCase,
  sampleMessage,
  sampleThreat,
  threatKey,
} from '../../support/records.js';

const mongo = await testMongo();

/** How ADR 0003 shards the collections; the others stay on one shard. */
const SHARD_KEYS = { revisions: 'integration', bodies: '_id', parts: '_id' } as const;

type Condition = Readonly<Record<string, unknown>>;

interface Profiled {
  readonly ns: string;
  readonly op: string;
  readonly command: Condition & { readonly q?: Condition; readonly filter?: Condition };
}

describe('the collections that are sharded', () => {
  it('have no unique index that does not begin with the shard key', () => {
    for (const [name, field] of Object.entries(SHARD_KEYS)) {
      const unique = INDEXES[name as keyof typeof SHARD_KEYS]().filter((index) => index.unique);
      expect(unique.map(({ key }) => Object.keys(key)[0]).filter((first) => first !== field)).toEqual([]);
    }
  });
});

describe.skipIf(!mongo)('every command for one account', () => {
  const ACCOUNT = 'emea';
  let url: string;
  let store: HistoryStore;
  let client: MongoClient;

  beforeEach(async () => {
    url = mongo?.freshUrl() ?? '';
    store = await openMongoStore(url, 'write');
    client = new MongoClient(url);
    await store.record(batchOf('before', { observations: [observeCase(sampleCase('1'))] }));
    // the server writes down each command
    await client.db().command({ profile: 2 });
  });
  afterEach(async () => {
    await Promise.all([store.close(), client.close()]);
    await mongo?.drop(url);
  });

  /** The commands on a sharded collection, with the conditions that they find documents by. */
  async function commandsOf(): Promise<{ ns: string; condition: Condition }[]> {
    const profile = client.db().collection<Profiled>('system.profile');
    const found = await profile.find({ op: { $in: ['query', 'command', 'update', 'remove'] } }).toArray();
    return found.flatMap(({ ns, command }) => {
      const name = ns.split('.').slice(1).join('.');
      const pipeline = command.pipeline as { $match?: Condition }[] | undefined;
      const isFind = 'find' in command || 'aggregate' in command || 'q' in command || 'distinct' in command;
      if (!(name in SHARD_KEYS) || !isFind) return [];
      const condition: Condition = pipeline?.[0]?.$match ?? command.q ?? command.filter ?? {};
      return [{ ns: name, condition }];
    });
  }

  /** Whether only documents with one value of the field, or with some of a list, can match. */
  function isTargeted(condition: Condition, field: string): boolean {
    const value = condition[field];
    const isNamed =
      typeof value === 'string' || (value !== null && typeof value === 'object' && isList(value));
    const { $and = [], $or = [] } = condition as { $and?: Condition[]; $or?: Condition[] };
    const byAll = $or.length > 0 && $or.every((part) => isTargeted(part, field));
    return isNamed || byAll || $and.some((part) => isTargeted(part, field));
  }

  function isList(value: object): boolean {
    return '$in' in value || '$eq' in value || '_bsontype' in value;
  }

  async function readEverything(kind: ListedKind): Promise<void> {
    const { seq } = await store.head();
    const list = { kind, integrations: [ACCOUNT], seq } as const;
    const specs: [string, FieldSpec][] = Object.entries(FIELDS[kind]);
    for (const [field, { order, type }] of specs) {
      const filter = type === 'instant' ? { field, gte: START } : null;
      for (const descending of order ? [true, false] : []) {
        const page = { ...list, filter, orderBy: field, descending, limit: 1 };
        const { items } = await store.page({ ...page, filter: null, after: null });
        await store.page({ ...page, after: items[0]?.position ?? null });
      }
      await store.count({ ...list, filter });
      if (type === 'instant')
        await store.recorded({ ...list, filter, orderBy: field, after: null, limit: 5 });
    }
  }

  it('carries the shard key', async () => {
    const observed = (n: number) => [
      observeCase(sampleCase('1', { description: `${n}` }), { basis: n, integration: ACCOUNT }),
      observeThreat(sampleThreat('t', { messages: [sampleMessage('7')] }), {
        basis: n,
        integration: ACCOUNT,
      }),
    ];
    for (let n = 1; n <= 3; n++) await store.record(batchOf(`own-${n}`, { observations: observed(n) }));
    await store.record(batchOf('gone', { tombstones: [threatKey('t', ACCOUNT)] }));
    await store.record(batchOf('back', { observations: observed(5) }));
    const { seq } = await store.head();
    for (const kind of LISTED_KINDS) await readEverything(kind);
    const key = caseKey('1', ACCOUNT);
    await store.get([key, threatKey('t', ACCOUNT) as never], seq);
    await store.revisions(key, seq + 1, 5);
    await store.countRevisions(key, seq);
    for await (const some of store.versions([key], seq)) expect(some.length).toBeGreaterThan(0);
    const [first] = await store.get([key], seq);
    expect(await store.received(key, first?.seqFrom ?? 0)).not.toBeNull();
    const changes = {
      afterSeq: 0,
      toSeq: seq,
      kinds: [...LISTED_KINDS],
      integrations: [ACCOUNT],
      after: null,
    };
    await store.changes({ ...changes, limit: 100 });
    await store.changesReceived({ ...changes, limit: 100 });
    await store.referrers('case', 'threatId', ACCOUNT, ['t'], seq);
    await store.firstRecorded({ kinds: [...LISTED_KINDS], integrations: [ACCOUNT] });
    const commands = await commandsOf();
    const untargeted = commands.filter(
      ({ ns, condition }) => !isTargeted(condition, SHARD_KEYS[ns as keyof typeof SHARD_KEYS]),
    );
    expect(untargeted).toEqual([]);
    expect(commands.length).toBeGreaterThan(60);
    expect(new Set(commands.map(({ ns }) => ns))).toContain('revisions');
  });
});
