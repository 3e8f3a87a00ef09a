import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { verifyHistory } from '../../../src/evidence/proof/verify-history.js';
import { openStore } from '../../../src/history/open-store.js';
import { OracleStore } from '../../support/oracle-store.js';
import { historyShape, recordShape, SIGNER } from '../../support/sealed-history.js';

const RUNS = Number(process.env.TAMPER_RUNS ?? 25);
const CHECK = { publicKeys: [SIGNER.publicKey], mustBeSigned: false, held: [] };

describe('an untouched history', () => {
  it('is found intact, whatever its shape', async () => {
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

  it('is sealed alike, whichever store keeps it', async () => {
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
