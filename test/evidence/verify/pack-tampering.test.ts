import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lastSealed, PackedHistory } from '../../../src/evidence/pack/pack-history.js';
import { type PackPart, writePackFile } from '../../../src/evidence/pack/tar.js';
import { newSigningKey, type Signer, signerOf } from '../../../src/evidence/seal/signing-key.js';
import { verifyPack } from '../../../src/evidence/verify/verify.js';
import { openStore } from '../../../src/history/open-store.js';
import type { HistoryStore } from '../../../src/history/store.js';
import { PACK_TAMPERS, PackForger } from '../../support/pack-tampering.js';
import { type HistoryShape, historyShape, recordShape, SIGNER } from '../../support/sealed-history.js';

/** Alterations tried; a thousand by TAMPER_RUNS=1000. */
const RUNS = Number(process.env.TAMPER_RUNS ?? 60);

const names = Object.keys(PACK_TAMPERS);
const report: PackPart = { name: 'report.html', write: (write) => write('<h1>All is well</h1>') };

interface Packing {
  readonly from: string;
  readonly integrations: readonly string[] | null;
  readonly signed: boolean;
}

/** Packs a history as its last seal has it. */
async function pack(store: HistoryStore, path: string, { from, integrations, signed }: Packing) {
  const pin = await lastSealed(store);
  if (!pin) throw new Error('nothing is sealed');
  const history = await PackedHistory.open(store, { from, pin, integrations });
  const period = { text: 'the whole', from, to: pin.at };
  const facts = () => ({ period, asOf: pin.at, seq: pin.seq, integrations, ...history.facts });
  const parts = [report, ...history.parts(), history.pemPart()];
  await writePackFile(path, parts, facts, signed ? SIGNER : null);
  const [last] = await store.journal({ journal: 'seals', from: null, descending: true, limit: 1 });
  return [{ hash: String(last?.body.hash), index: null }];
}

/** Makes the history, its seals signed or none of them. */
async function inFolder<T>(
  shape: HistoryShape,
  signed: boolean,
  work: (store: HistoryStore, folder: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'pack-'));
  const store = await openStore('sqlite::memory:', 'write');
  try {
    const batches = shape.batches.map((batch) => ({
      ...batch,
      seal: signed || batch.seal === 'NO' ? batch.seal : ('UNSIGNED' as const),
    }));
    await recordShape(store, { ...shape, batches }, signed ? 'SIGNED' : 'UNSIGNED');
    return await work(store, folder);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
}

const packing = fc.record({
  from: fc.constantFrom('2026-03-01T08:00:00.000Z', '2026-03-02T08:00:00.003Z', '2026-03-02T09:00:00.000Z'),
  integrations: fc.constantFrom(null, null, ['default'], ['a']),
  signed: fc.boolean(),
});

describe('an untouched pack', () => {
  it('is found intact, and has the same bytes when made again', async () => {
    await fc.assert(
      fc.asyncProperty(historyShape, packing, (shape, how) =>
        inFolder(shape, how.signed, async (store, folder) => {
          const paths = [join(folder, 'one.tar'), join(folder, 'two.tar')];
          const [one = '', two = ''] = paths;
          const held = await pack(store, one, how);
          await pack(store, two, how);
          expect(readFileSync(one).equals(readFileSync(two))).toBe(true);
          const { publicKey } = SIGNER;
          const checked = await verifyPack(one, { publicKeys: [publicKey], mustBeSigned: how.signed, held });
          expect(checked.findings).toEqual([]);
          expect(checked.verdict).toBe('INTACT');
        }),
      ),
      { numRuns: Math.ceil(RUNS / 3) },
    );
  }, 1_800_000);
});

describe('a rebuilt pack with an altered report', () => {
  const [shape] = fc.sample(historyShape, { numRuns: 1, seed: 3 });
  const whole = { from: '2026-03-01T08:00:00.000Z', integrations: null, signed: true };

  it.each([
    [
      'signed by somebody else',
      'SEAL_UNKNOWN_KEY',
      'signs none of the seals',
      (): Signer | null => signerOf(newSigningKey()),
    ],
    ['signed by nobody', 'MANIFEST_ALTERED', 'its signature was removed', (): Signer | null => null],
  ] as const)('is detected if it is %s, even without a known key', async (_, code, words, signer) => {
    if (!shape) throw new Error('no shape');
    await inFolder(shape, true, async (store, folder) => {
      const path = join(folder, 'evidence.tar');
      const held = await pack(store, path, whole);
      const options = { publicKeys: null, mustBeSigned: false, held };
      expect((await verifyPack(path, options)).verdict).toBe('INTACT');
      new PackForger(path, () => 0).makeAnew('report.html', '<h1>All is very well</h1>', signer());
      const { verdict, findings } = await verifyPack(path, options);
      expect([verdict, findings]).toEqual([
        'TAMPERED',
        [expect.objectContaining({ code, message: expect.stringContaining(words) })],
      ]);
    });
  });

  it('verifies with a known key, as a pack of an earlier period does after a change of keys', async () => {
    if (!shape) throw new Error('no shape');
    await inFolder(shape, true, async (store, folder) => {
      const path = join(folder, 'evidence.tar');
      const held = await pack(store, path, whole);
      const later = signerOf(newSigningKey());
      new PackForger(path, () => 0).makeAnew('report.html', '<h1>All is well</h1>', later);
      const publicKeys = [SIGNER.publicKey, later.publicKey];
      const { verdict, notices } = await verifyPack(path, { publicKeys, mustBeSigned: true, held });
      expect([verdict, notices.join()]).toEqual(['INTACT', expect.stringContaining('among the keys given')]);
    });
  });
});

const tamperCase = fc.record({
  shape: historyShape,
  how: packing,
  numbers: fc.array(fc.nat(), { minLength: 8, maxLength: 8 }),
});

it(`all ${RUNS} random alterations of a pack are found and named`, async () => {
  const overlooked: string[] = [];
  let left = RUNS;
  for (let seed = 1; left > 0; seed++) {
    const [tried] = fc.sample(tamperCase, { numRuns: 1, seed: seed + RUNS });
    if (!tried) continue;
    // each in its turn; where there is nothing to be altered so, another pack
    const name = names[left % names.length] ?? '';
    const { shape, how, numbers } = tried;
    await inFolder(shape, how.signed, async (store, folder) => {
      const path = join(folder, 'evidence.tar');
      const held = await pack(store, path, how);
      let next = 0;
      const deed = PACK_TAMPERS[name]?.(new PackForger(path, (n) => (numbers[next++ % 8] ?? 0) % n));
      if (!deed) return;
      left -= 1;
      const options = { publicKeys: [SIGNER.publicKey], mustBeSigned: false, held };
      const { verdict, findings } = await verifyPack(path, options);
      const said = findings.map(({ message }) => message).join('\n');
      const isNamed = deed.named.some((each) => said.includes(each));
      if (verdict === 'TAMPERED' && isNamed) return;
      overlooked.push(`seed ${seed}: ${name}: ${deed.deed}: ${verdict}: ${said.slice(0, 500)}`);
    });
  }
  expect(overlooked).toEqual([]);
}, 1_800_000);
