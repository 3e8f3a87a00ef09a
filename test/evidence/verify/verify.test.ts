import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { MongoClient } from 'mongodb';
import { describe, expect, it } from 'vitest';
import { sealHistory } from '../../../src/evidence/seal/make-seals.js';
import {
  bodyOf,
  leafListText,
  makeSeal,
  packLeaves,
  sealIn,
  unpackLeaves,
} from '../../../src/evidence/seal/seal.js';
import { verifyHistory } from '../../../src/evidence/verify/verify.js';
import { openMongoStore } from '../../../src/history/mongo/store.js';
import { openStore } from '../../../src/history/open-store.js';
import type { HistoryStore, OpenMode } from '../../../src/history/store.js';
import { unpackText } from '../../../src/history/stored-texts.js';
import { sha256 } from '../../../src/values/canonical-json.js';
import { recordEverything } from '../../support/every-field.js';
import { testMongo } from '../../support/mongo.js';
import { OracleStore } from '../../support/oracle-store.js';
import {
  batchOf,
  ledgerEntry,
  minutesAfterStart,
  observeThreat,
  quarantineEntry,
  sampleRun,
  sampleThreat,
  streamState,
  threatKey,
} from '../../support/records.js';
import { historyShape, recordShape, SIGNER } from '../../support/sealed-history.js';
import { Forger } from '../../support/tampering.js';

const mongo = await testMongo();

const RUNS = Number(process.env.TAMPER_RUNS ?? 25);
const CHECK = { publicKeys: [SIGNER.publicKey], mustBeSigned: false, held: [] };

describe('an untouched history', () => {
  it('is found intact, in every shape', async () => {
    await fc.assert(
      fc.asyncProperty(historyShape, async (shape) => {
        const folder = mkdtempSync(join(tmpdir(), 'proof-'));
        const store = await openStore(`sqlite:${join(folder, 'history.db')}`, 'write');
        try {
          await recordShape(store, shape);
          const report = await verifyHistory(store, CHECK);
          expect(report.findings).toEqual([]);
          expect(report.verdict).toBe(report.seals === 0 ? 'UNDECIDED' : 'INTACT');
        } finally {
          await store.close();
          rmSync(folder, { recursive: true });
        }
      }),
      { numRuns: RUNS },
    );
  }, 1_800_000);

  it('has the same seals in both stores', async () => {
    await fc.assert(
      fc.asyncProperty(historyShape, async (shape) => {
        const stores = [new OracleStore(() => 0), await openStore('sqlite::memory:', 'write')];
        const texts = [];
        for (const store of stores) {
          await recordShape(store, shape, 'SIGNED');
          const seals = await store.journal({ journal: 'seals', from: null, descending: false, limit: 100 });
          texts.push(seals.map(({ body }) => body.text));
          await store.close();
        }
        expect(texts[1]).toEqual(texts[0]);
      }),
      { numRuns: RUNS },
    );
  }, 1_800_000);
});

async function inFile(work: (path: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'proof-'));
  try {
    await work(join(folder, 'history.db'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Writes every part of a batch that later ones write over, and the first reading of another account. */
async function recordMore(store: HistoryStore, n: number): Promise<void> {
  const { seq } = await store.head();
  const now = minutesAfterStart(600 + n);
  const added = { integration: `account-${n}` };
  await store.record(
    batchOf(`more-${n}`, {
      ...{ now, run: sampleRun(`more-${n % 3}`, { startedAt: minutesAfterStart(599) }) },
      observations: [
        observeThreat(sampleThreat('again', { recipientCount: n % 4 }), { basis: seq, fetchedAt: now }),
        observeThreat(sampleThreat('same'), { basis: seq, fetchedAt: now }),
      ],
      quarantine: [quarantineEntry(threatKey('q'), { tries: n })],
      released: n % 2 === 0 ? [threatKey('q2')] : [],
      streams: [streamState({ message: `more ${n}`, lastAttemptAt: now }), streamState(added)],
      ledger: [ledgerEntry({ readAt: now }), ledgerEntry({ ...added, readAt: now })],
    }),
  );
}

describe('a history that is written during the verification', () => {
  const verifyWhileWritten = async (open: (mode: OpenMode) => Promise<HistoryStore>, rounds: number) => {
    const writer = await open('write');
    await recordEverything(writer);
    const reader = await open('read');
    let n = 0;
    let isOver = false;
    const writing = (async () => {
      for (; !isOver || n < 4 * rounds; n++) {
        await recordMore(writer, n);
        if (n % 5 === 0) {
          await sealHistory(writer, { signer: SIGNER, clock: () => Date.parse(minutesAfterStart(700 + n)) });
          await writer.joinReadings((await writer.head()).seq);
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    for (let round = 0; round < rounds; round++)
      expect((await verifyHistory(reader, CHECK)).findings).toEqual([]);
    isOver = true;
    await writing;
    await reader.close();
    await writer.close();
  };

  it('is found intact in SQLite', () =>
    inFile((path) => verifyWhileWritten((mode) => openStore(`sqlite:${path}`, mode), 5)));

  it.skipIf(!mongo)('is found intact in MongoDB', async () => {
    if (!mongo) throw new Error('no MongoDB');
    const url = mongo.freshUrl();
    await verifyWhileWritten((mode) => openMongoStore(url, mode), 2).finally(() => mongo.drop(url));
  });
});

/** As a gateway from before batches were sealed left it: no statements, and seals that cover none. */
async function asBefore(path: string): Promise<void> {
  const forger = new Forger(path, () => 0);
  for (const { seq, outcome } of forger.all('SELECT seq, outcome FROM batches')) {
    const { stated: _stated, ...recorded } = JSON.parse(unpackText(outcome) ?? '');
    forger.run('UPDATE batches SET outcome = ? WHERE seq = ?', JSON.stringify(recorded), Number(seq));
  }
  let previous: string | null = null;
  for (const { n, ...kept } of forger.seals()) {
    const seal = sealIn(kept);
    const list = seal && (await unpackLeaves(seal.leaves));
    const body = seal && bodyOf(seal);
    if (!list || !body) throw new Error('no seal');
    const { batches: _batches, ...old } = body;
    const text = leafListText({ ...list, batches: [], documents: [] });
    const made = makeSeal({ ...old, previous, list: sha256(text) }, await packLeaves(text), SIGNER);
    previous = made.hash;
    forger.run("UPDATE journals SET body = ? WHERE journal = 'seals' AND n = ?", JSON.stringify(made), n);
  }
  forger.close();
}

it('seals from before batches were sealed verify as before, and the next seal covers those batches', () =>
  inFile(async (path) => {
    const first = await openStore(`sqlite:${path}`, 'write');
    await recordEverything(first);
    await first.close();
    await asBefore(path);
    const store = await openStore(`sqlite:${path}`, 'write');
    expect(await verifyHistory(store, CHECK)).toMatchObject({ verdict: 'INTACT', findings: [] });
    for (let n = 0; n < 4; n++) await recordMore(store, n);
    await sealHistory(store, { signer: SIGNER, clock: () => Date.parse(minutesAfterStart(700)) });
    expect(await verifyHistory(store, CHECK)).toMatchObject({ verdict: 'INTACT', findings: [] });
    await store.close();
    const forger = new Forger(path, () => 0);
    // the fourth brought nothing: its instant is all there is of it
    forger.run("UPDATE batches SET at = replace(at, ':00.000Z', ':01.000Z') WHERE seq = 4");
    forger.close();
    const altered = await openStore(`sqlite:${path}`, 'read');
    const { verdict, findings } = await verifyHistory(altered, CHECK);
    await altered.close();
    expect([verdict, findings.map(({ seq }) => seq)]).toEqual(['TAMPERED', expect.arrayContaining([4])]);
  }));

describe('a missing index', () => {
  it('is not tampering in SQLite, and the next writer creates it', () =>
    inFile(async (path) => {
      const made = await openStore(`sqlite:${path}`, 'write');
      await recordEverything(made);
      await made.close();
      // nothing that is checked is read by the first
      for (const name of ['threat_by_receivedTime', 'case_key', 'ledger_window']) {
        const forger = new Forger(path, () => 0);
        forger.run(`DROP INDEX "${name}"`);
        forger.close();
        const reader = await openStore(`sqlite:${path}`, 'read');
        if (name === 'threat_by_receivedTime')
          expect(await verifyHistory(reader, CHECK)).toMatchObject({ verdict: 'INTACT', findings: [] });
        else await expect(verifyHistory(reader, CHECK)).rejects.toThrow(`no such index: ${name}`);
        await reader.close();
        const writer = await openStore(`sqlite:${path}`, 'write');
        expect((await verifyHistory(writer, CHECK)).findings).toEqual([]);
        await writer.close();
      }
    }));

  it.skipIf(!mongo)('is not tampering in MongoDB, and the next writer creates it', async () => {
    if (!mongo) throw new Error('no MongoDB');
    const url = mongo.freshUrl();
    const client = new MongoClient(url);
    const made = await openMongoStore(url, 'write');
    try {
      await recordEverything(made);
      const revisions = client.db().collection('revisions');
      const names = (await revisions.indexes()).flatMap(({ name = '_id_' }) => (name === '_id_' ? [] : name));
      for (const name of names) await revisions.dropIndex(name);
      await expect(verifyHistory(made, CHECK)).rejects.toThrow('has an index missing');
      const writer = await openMongoStore(url, 'write');
      expect((await verifyHistory(writer, CHECK)).findings).toEqual([]);
      await writer.close();
      expect((await revisions.indexes()).map(({ name }) => name)).toEqual(expect.arrayContaining(names));
    } finally {
      await made.close();
      await client.close();
      await mongo.drop(url);
    }
  });
});
