import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { Binary, MongoClient } from 'mongodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sealHistory } from '../../../src/evidence/seal/make-seals.js';
import { wholeLedger } from '../../../src/evidence/seal/seal-content.js';
import { verifyHistory } from '../../../src/evidence/verify/verify.js';
import { openStore } from '../../../src/history/open-store.js';
import { PAGE_READINGS } from '../../../src/history/reading-pages.js';
import type { HistoryStore } from '../../../src/history/store.js';
import { toMillis } from '../../../src/values/instant.js';
import { testMongo } from '../../support/mongo.js';
import { batchOf, ledgerEntry, minutesAfterStart, sampleRun, streamState } from '../../support/records.js';
import { SIGNER } from '../../support/sealed-history.js';
import { Forger } from '../../support/tampering.js';

const mongo = await testMongo();
const CHECK = { publicKeys: [SIGNER.publicKey], mustBeSigned: true, held: [] };
const STREAM = { integration: 'default', resource: 'threats', filterKey: 'receivedTime' } as const;
const READINGS = PAGE_READINGS + 20;

/** A reading for each of many polls that found nothing, all of them sealed; two in no page, and one not sealed. */
async function recordPolls(store: HistoryStore): Promise<void> {
  for (let n = 0; n < READINGS; n += 4) {
    const now = minutesAfterStart(n);
    const run = sampleRun(`run-${n}`, { startedAt: now, endedAt: now });
    const windows = [n, n + 1, n + 2, n + 3].map((m) => ({
      from: minutesAfterStart(m),
      to: minutesAfterStart(m + 1),
    }));
    const ledger = windows.map((window) =>
      ledgerEntry({ ...window, runId: run.id, readAt: now, listed: 0, held: 0 }),
    );
    await store.record(
      batchOf(`poll-${n}`, { now, run, ledger, streams: [streamState({ lastAttemptAt: now })] }),
    );
    if (n % 40 === 0) await sealNow(store);
  }
  await sealNow(store);
}

async function sealNow(store: HistoryStore): Promise<void> {
  const { at } = await store.head();
  await sealHistory(store, { signer: SIGNER, clock: () => toMillis(at) + 1 });
}

async function findings(store: HistoryStore): Promise<string[]> {
  return (await verifyHistory(store, CHECK)).findings.map(({ code, message }) => `${code} ${message}`);
}

/** The texts of a page with one reading changed. */
function forged(bytes: Uint8Array): Buffer {
  const text = inflateRawSync(bytes).toString();
  return deflateRawSync(text.replace('"status":"COMPLETE"', '"status":"PARTIAL"'));
}

describe('pages of sealed readings in SQLite', () => {
  let folder: string;
  let path: string;
  let store: HistoryStore;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pages-'));
    path = join(folder, 'history.db');
    store = await openStore(`sqlite:${path}`, 'write');
    await recordPolls(store);
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  const inFile = (work: (forger: Forger) => void) => {
    const forger = new Forger(path, () => 0);
    work(forger);
    forger.close();
  };

  it('take a tenth of the rows and bytes, change no reading, no seal and no verification', async () => {
    const before = {
      ledger: await wholeLedger(store, STREAM, 1e6),
      length: await store.journalLength('seals'),
    };
    let bytes = 0;
    inFile((forger) => {
      bytes = Number(forger.all('SELECT sum(length(entry)) AS n FROM ledger')[0]?.n);
    });
    await store.joinReadings((await store.head()).seq);
    inFile((forger) => {
      const [row] = forger.all('SELECT count(*) AS rows, sum(length(entry)) AS bytes FROM ledger');
      expect(Number(row?.rows)).toBe(1 + READINGS - PAGE_READINGS);
      expect(Number(row?.bytes)).toBeLessThan(bytes / 5);
    });
    expect(await wholeLedger(store, STREAM, 1e6)).toStrictEqual(before.ledger);
    expect(await findings(store)).toEqual([]);
    await sealNow(store);
    expect(await store.journalLength('seals')).toBe(before.length);
    expect(await findings(store)).toEqual([]);
  });

  it.each<[string, string, RegExp]>([
    [
      'its window is moved',
      "UPDATE ledger SET win_to = '2026-03-01T00:00:01.000Z'",
      /STATE_ALTERED|READING_/,
    ],
    ['its batch is changed', 'UPDATE ledger SET seq = 9', /STATE_ALTERED|READING_/],
    [
      'its stream is changed',
      "UPDATE ledger SET stream = 'default/threats/latestTimeRemediated'",
      /STATE_ALTERED|READING_/,
    ],
    ['it is removed', 'DELETE FROM ledger', /READING_MISSING/],
    [
      'its bytes are cut',
      'UPDATE ledger SET entry = substr(entry, 1, 50)',
      /READING_ALTERED|READING_MISSING/,
    ],
  ])('are reported if %s', async (_, sql, finding) => {
    await store.joinReadings((await store.head()).seq);
    inFile((forger) => forger.run(`${sql} WHERE typeof(entry) = 'blob'`));
    expect((await findings(store)).join('\n')).toMatch(finding);
  });

  it('are reported if a reading in them is changed', async () => {
    await store.joinReadings((await store.head()).seq);
    inFile((forger) => {
      const [row] = forger.all("SELECT n, entry FROM ledger WHERE typeof(entry) = 'blob'");
      forger.run('UPDATE ledger SET entry = ? WHERE n = ?', forged(row?.entry as Uint8Array), Number(row?.n));
    });
    expect(await findings(store)).toContainEqual(expect.stringMatching(/^READING_ALTERED/));
  });

  it('are not made of readings that were altered before, which are reported as before', async () => {
    inFile((forger) => forger.run("UPDATE ledger SET win_from = '2026-03-01T00:00:00.500Z' WHERE n = 3"));
    const before = await findings(store);
    expect(before).not.toEqual([]);
    await store.joinReadings((await store.head()).seq);
    expect(await findings(store)).toEqual(before);
  });
});

describe.skipIf(!mongo)('pages of sealed readings in MongoDB', () => {
  it('take a tenth of the documents, change no verification, and are reported if they are changed', async () => {
    const url = mongo?.freshUrl() ?? '';
    const store = await openStore(url, 'write');
    const client = new MongoClient(url);
    try {
      await recordPolls(store);
      const ledger = client.db().collection<{ _id: string; page: Binary; to: string }>('ledger');
      const before = await wholeLedger(store, STREAM, 1e6);
      // two gateways at once make one page
      const { seq } = await store.head();
      const other = await openStore(url, 'write');
      await Promise.all([store.joinReadings(seq), other.joinReadings(seq)]);
      await other.close();
      expect(await ledger.countDocuments()).toBe(1 + READINGS - PAGE_READINGS);
      expect(await wholeLedger(store, STREAM, 1e6)).toStrictEqual(before);
      expect(await findings(store)).toEqual([]);
      const [page] = await ledger.find({ page: { $exists: true } }).toArray();
      if (!page) throw new Error('no page');
      for (const change of [
        { page: new Binary(forged(page.page.buffer)) },
        { to: page.to.replace('2026', '2027') },
      ]) {
        await ledger.updateOne({ _id: page._id }, { $set: change });
        expect((await findings(store)).join('\n')).toMatch(/READING_ALTERED|STATE_ALTERED/);
        await ledger.replaceOne({ _id: page._id }, page);
      }
      expect(await findings(store)).toEqual([]);
    } finally {
      await Promise.all([store.close(), client.close()]);
      await mongo?.drop(url);
    }
  });
});
