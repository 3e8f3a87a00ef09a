import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { VerifyReport } from '../../../src/evidence/verify/findings.js';
import { verifyHistory } from '../../../src/evidence/verify/verify.js';
import { openStore } from '../../../src/history/open-store.js';
import { type HistoryShape, historyShape, recordShape, SIGNER } from '../../support/sealed-history.js';
import { type Deed, Forger, HISTORY_TAMPERS } from '../../support/tampering.js';

/** Alterations tried; a thousand by TAMPER_RUNS=1000. */
const RUNS = Number(process.env.TAMPER_RUNS ?? 60);

const names = Object.keys(HISTORY_TAMPERS);

interface Case {
  readonly shape: HistoryShape;
  readonly numbers: readonly number[];
}

const tamperCase = fc.record({
  shape: historyShape,
  numbers: fc.array(fc.nat(), { minLength: 8, maxLength: 8 }),
});

/** Makes the history, alters it and verifies it; `null` where the alteration could not be made. */
async function tryOut(
  name: string,
  { shape, numbers }: Case,
): Promise<{ deed: Deed; report: VerifyReport } | null> {
  const folder = mkdtempSync(join(tmpdir(), 'tamper-'));
  const path = join(folder, 'history.db');
  try {
    const store = await openStore(`sqlite:${path}`, 'write');
    await recordShape(store, shape, 'SIGNED');
    const index = await store.journalLength('seals');
    const [last] = await store.journal({ journal: 'seals', from: null, descending: true, limit: 1 });
    await store.close();
    let next = 0;
    const forger = new Forger(path, (n) => (numbers[next++ % numbers.length] ?? 0) % n);
    const deed = HISTORY_TAMPERS[name]?.(forger) ?? null;
    forger.close();
    if (deed === null) return null;
    const altered = await openStore(`sqlite:${path}`, 'read');
    const held = [{ hash: String(last?.body.hash), index }];
    const report = await verifyHistory(altered, {
      ...{ publicKeys: [SIGNER.publicKey], mustBeSigned: false, held },
    }).finally(() => altered.close());
    return { deed, report };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it(`all ${RUNS} random alterations of a history are found and named`, async () => {
  const overlooked: string[] = [];
  let left = RUNS;
  for (let seed = 1; left > 0; seed++) {
    const [tried] = fc.sample(tamperCase, { numRuns: 1, seed: seed + RUNS });
    // each in its turn; where there is nothing to be altered so, another history
    const name = names[left % names.length] ?? '';
    const outcome = tried ? await tryOut(name, tried) : null;
    if (!outcome) continue;
    const { deed, report } = outcome;
    const said = report.findings.map(({ message }) => message).join('\n');
    const isNamed = deed.named.some((name) => said.includes(name));
    if (report.verdict !== 'TAMPERED' || !isNamed) {
      overlooked.push(`seed ${seed}: ${deed.deed}: ${report.verdict}: ${said.slice(0, 500)}`);
    }
    left -= 1;
  }
  expect(overlooked).toEqual([]);
}, 1_800_000);
