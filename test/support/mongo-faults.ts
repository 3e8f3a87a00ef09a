import { type Db, MongoClient } from 'mongodb';
import { storedOutcomeOf } from '../../src/history/mongo/packed.js';
import type { BatchDoc, LedgerDoc, RevisionDoc } from '../../src/history/mongo/stored-types.js';
import { OPEN_SEQ } from '../../src/model/revision.js';
import { keyText } from '../../src/resources/registry.js';

/**
 * What is wrong with a history in MongoDB, looked at past the store: a batch that is there in part, a number
 * left out or given twice, a version that does not follow the one before, a version without its text. Every
 * batch of the test is expected to bring one ledger entry.
 */
export async function faultsOf(url: string): Promise<string[]> {
  const client = new MongoClient(url);
  try {
    return await findFaults(client.db());
  } finally {
    await client.close();
  }
}

async function findFaults(db: Db): Promise<string[]> {
  const batches = await db.collection<BatchDoc>('batches').find().sort({ seq: 1 }).toArray();
  const revisions = await db.collection<RevisionDoc>('revisions').find().sort({ _id: 1 }).toArray();
  const entries = await db.collection<LedgerDoc>('ledger').find().toArray();
  const bodies = await db.collection('bodies').distinct('_id');
  const head = await db.collection<{ _id: string; seq: number }>('meta').findOne({ _id: 'head' });
  return [
    ...(head?.seq === batches.length ? [] : [`head ${head?.seq} of ${batches.length} batches`]),
    ...batches.flatMap((batch, n) => batchFaults(batch, n, revisions, entries)),
    ...chainFaults(revisions),
    ...missingTexts(revisions, new Set(bodies.map(String))),
    ...revisions.filter(({ seqFrom }) => seqFrom > batches.length).map(({ _id }) => `${_id} of no batch`),
  ];
}

function batchFaults(
  doc: BatchDoc,
  n: number,
  revisions: readonly RevisionDoc[],
  entries: readonly LedgerDoc[],
): string[] {
  const { seq, at } = doc;
  const { recorded } = storedOutcomeOf(doc);
  const own = revisions.filter(({ seqFrom }) => seqFrom === seq);
  const expected = recorded.added + recorded.changed + recorded.deleted;
  return [
    ...(seq === n + 1 && recorded.seq === seq ? [] : [`batch ${seq} in place ${n + 1}`]),
    ...(own.length === expected ? [] : [`batch ${seq}: ${own.length} revisions of ${expected}`]),
    ...(own.every(({ observedFrom }) => observedFrom === at) ? [] : [`batch ${seq}: another instant`]),
    ...(entries.filter((entry) => entry.seq === seq).length === 1 ? [] : [`batch ${seq}: its ledger`]),
  ];
}

function chainFaults(revisions: readonly RevisionDoc[]): string[] {
  const chains = new Map<string, RevisionDoc[]>();
  for (const revision of revisions) {
    chains.set(keyText(revision), [...(chains.get(keyText(revision)) ?? []), revision]);
  }
  return [...chains].flatMap(([key, versions]) =>
    versions.flatMap((version, n) => {
      const next = versions[n + 1];
      const isWhole = version.seqTo === (next?.seqFrom ?? OPEN_SEQ);
      return isWhole && version.digest !== next?.digest ? [] : [`${key}: version of ${version.seqFrom}`];
    }),
  );
}

function missingTexts(revisions: readonly RevisionDoc[], bodies: ReadonlySet<string>): string[] {
  return revisions
    .filter(({ body }) => !bodies.has(String(body)))
    .map(({ _id }) => `${_id} without its text`);
}
