import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { afterEach, describe, expect, it } from 'vitest';
import { sealHistory } from '../../../src/evidence/seal/make-seals.js';
import { verifyHistory } from '../../../src/evidence/verify/verify.js';
import { openStore } from '../../../src/history/open-store.js';
import { testMongo } from '../../support/mongo.js';
import { batchOf, minutesAfterStart, observeThreat, sampleRun, sampleThreat } from '../../support/records.js';
import { SIGNER } from '../../support/sealed-history.js';
import { Forger } from '../../support/tampering.js';

const mongo = await testMongo();
const CHECK = { publicKeys: [SIGNER.publicKey], mustBeSigned: false, held: [] };

/** A history of two batches with two records each; the first batch is sealed. */
async function recordTwo(url: string): Promise<void> {
  const store = await openStore(url, 'write');
  for (const [n, ids] of [
    ['sealed', 'whole'],
    ['unsealed', 'other'],
  ].entries()) {
    const now = minutesAfterStart(n);
    const { seq: basis } = await store.head();
    const observations = ids.map((id) => observeThreat(sampleThreat(id), { basis, fetchedAt: now }));
    await store.record(batchOf(`batch-${n}`, { now, run: sampleRun(`run-${n}`), observations }));
    if (n === 0) await sealHistory(store, { signer: SIGNER, clock: () => Date.parse(now) + 1 });
  }
  await store.close();
}

async function findingsAbout(url: string) {
  const store = await openStore(url, 'read');
  const { verdict, revisions, findings } = await verifyHistory(store, CHECK).finally(() => store.close());
  expect([verdict, revisions]).toEqual(['TAMPERED', 4]);
  // SQLite also counts the rows of fields that it can derive from the records
  return findings.filter(({ what }) => what !== 'threat_messageId');
}

const damaged = (id: string, seq: number, where: string) => ({
  code: 'RECORD_ALTERED',
  ...{ seal: where === 'seal 1' ? 1 : null, seq, what: `default/threat/${id}` },
  message: `The version of default/threat/${id} that batch ${seq} brought is damaged: its stored record is missing or cannot be parsed (${where}).`,
});
const BOTH = [damaged('sealed', 1, 'seal 1'), damaged('unsealed', 2, 'not sealed yet')];

describe('a record of which the stored JSON cannot be parsed', () => {
  let folder = '';
  afterEach(() => {
    if (folder !== '') rmSync(folder, { recursive: true });
    folder = '';
  });

  it.each(['substr(record, 1, length(record) / 2)', "''", "'[1]'"])(
    'is the only one named in SQLite, sealed or not: %s',
    async (value) => {
      folder = mkdtempSync(join(tmpdir(), 'damaged-'));
      const path = join(folder, 'history.db');
      await recordTwo(`sqlite:${path}`);
      const forger = new Forger(path, () => 0);
      forger.run(
        `UPDATE bodies SET record = ${value} WHERE rev IN (SELECT rev FROM threat WHERE id IN ('sealed', 'unsealed'))`,
      );
      forger.close();
      expect(await findingsAbout(`sqlite:${path}`)).toEqual(BOTH);
    },
  );

  it.skipIf(!mongo).each(['{"threatId":"thr', '', '[1]'])(
    'is the only one named in MongoDB, sealed or not: %s',
    async (value) => {
      const url = mongo?.freshUrl() ?? '';
      const client = new MongoClient(url);
      try {
        await recordTwo(url);
        const bodies = client.db().collection('bodies');
        const change = { $set: { record: value } };
        const { modifiedCount } = await bodies.updateMany({ record: /"(un)?sealed"/ }, change);
        expect(modifiedCount).toBe(2);
        expect(await findingsAbout(url)).toEqual(BOTH);
      } finally {
        await client.close();
        await mongo?.drop(url);
      }
    },
  );
});
