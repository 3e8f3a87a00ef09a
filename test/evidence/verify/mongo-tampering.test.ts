import fc from 'fast-check';
import { MongoClient } from 'mongodb';
import { describe, expect, it } from 'vitest';
import { verifyHistory } from '../../../src/evidence/verify/verify.js';
import { entryOf, ledgerDoc, runDoc, runOf } from '../../../src/history/mongo/packed.js';
import { openMongoStore } from '../../../src/history/mongo/store.js';
import type { LedgerDoc, RunDoc } from '../../../src/history/mongo/stored-types.js';
import { testMongo } from '../../support/mongo.js';
import { type HistoryShape, historyShape, recordShape, SIGNER } from '../../support/sealed-history.js';

const mongo = await testMongo();

type Db = ReturnType<MongoClient['db']>;
type Doc = Record<string, unknown> & { _id: never };

/** What is done to one document of a collection, and what a verification has to name. */
interface Tamper {
  readonly collection: string;
  readonly query?: Record<string, unknown>;
  readonly edit: (db: Db, doc: Doc) => Promise<unknown>;
  readonly named: (doc: Doc) => string;
}

const set = (collection: string, change: (doc: Doc) => Record<string, unknown>) => (db: Db, doc: Doc) =>
  db.collection(collection).updateOne({ _id: doc._id }, { $set: change(doc) });
const remove = (collection: string) => (db: Db, doc: Doc) =>
  db.collection(collection).deleteOne({ _id: doc._id });
const ofRecord = (doc: Doc) => `/${doc.kind}/${doc.id}`;

const TAMPERS: Readonly<Record<string, Tamper>> = {
  digest: {
    collection: 'revisions',
    edit: set('revisions', () => ({ digest: 'f'.repeat(64) })),
    named: ofRecord,
  },
  origin: { collection: 'revisions', edit: set('revisions', () => ({ origin: 'FORGED' })), named: ofRecord },
  deleted: {
    collection: 'revisions',
    edit: set('revisions', ({ deleted }) => ({ deleted: !deleted })),
    named: ofRecord,
  },
  ended: {
    collection: 'revisions',
    edit: set('revisions', ({ seqFrom }) => ({ seqTo: seqFrom })),
    named: ofRecord,
  },
  removed: { collection: 'revisions', edit: remove('revisions'), named: ofRecord },
  received: {
    collection: 'bodies',
    edit: set('bodies', () => ({ received: '{}' })),
    named: () => 'received text',
  },
  record: { collection: 'bodies', edit: set('bodies', () => ({ record: '{}' })), named: () => 'was altered' },
  body: { collection: 'bodies', edit: remove('bodies'), named: () => 'RECORD_' },
  reading: {
    collection: 'ledger',
    edit: set('ledger', (doc) => {
      const { seq, n } = doc as unknown as LedgerDoc;
      const entry = entryOf(doc as unknown as LedgerDoc);
      return {
        ...ledgerDoc({ ...entry, status: entry.status === 'COMPLETE' ? 'FAILED' : 'COMPLETE' }, seq, n),
      };
    }),
    named: ({ stream }) => String(stream),
  },
  readingLength: {
    collection: 'ledger',
    edit: set('ledger', () => ({ reach: 1 })),
    named: ({ stream }) => String(stream),
  },
  readingRemoved: { collection: 'ledger', edit: remove('ledger'), named: ({ stream }) => String(stream) },
  counted: {
    collection: 'batches',
    query: { 'live.0': { $exists: true } },
    edit: set('batches', ({ live }) => {
      const [first, ...rest] = live as { readonly n: number }[];
      return { live: [{ ...first, n: (first?.n ?? 0) + 1 }, ...rest] };
    }),
    named: ({ seq }) => `after batch ${seq}, and there are`,
  },
  run: {
    collection: 'runs',
    edit: set('runs', (doc) => ({
      ...runDoc({ ...runOf(doc as unknown as RunDoc), errors: ['forged'] }),
    })),
    named: ({ _id }) => String(_id),
  },
};

describe.skipIf(!mongo)('a history in MongoDB', () => {
  it('is found altered and the alteration is named, for each kind of it, and is intact after it is undone', async () => {
    if (!mongo) throw new Error('no MongoDB');
    const url = mongo.freshUrl();
    const client = new MongoClient(url);
    const store = await openMongoStore(url, 'write');
    const verify = () =>
      verifyHistory(store, { publicKeys: [SIGNER.publicKey], mustBeSigned: false, held: [] });
    try {
      await recordShape(store, aShapeWithEverything(), 'SIGNED');
      for (const [name, { collection, query, edit, named }] of Object.entries(TAMPERS)) {
        const docs = await client
          .db()
          .collection(collection)
          .find(query ?? {})
          .toArray();
        const doc = docs[docs.length >> 1] as Doc | undefined;
        if (!doc) throw new Error(`nothing to alter: ${name}`);
        await edit(client.db(), doc);
        const { verdict, findings } = await verify();
        const said = findings.map(({ code, message }) => `${code} ${message}`).join('\n');
        expect([name, verdict, said]).toEqual([name, 'TAMPERED', expect.stringContaining(named(doc))]);
        await client.db().collection(collection).replaceOne({ _id: doc._id }, doc, { upsert: true });
      }
      expect((await verify()).verdict).toBe('INTACT');
    } finally {
      await store.close();
      await client.close();
      await mongo.drop(url);
    }
  }, 300_000);
});

function aShapeWithEverything(): HistoryShape {
  const isRich = ({ batches }: HistoryShape) =>
    batches.length > 6 && batches.flatMap(({ plan }) => plan.windows).length > 3;
  const [shape] = fc.sample(historyShape.filter(isRich), { numRuns: 1, seed: 7 });
  if (!shape) throw new Error('no such shape');
  return shape;
}
