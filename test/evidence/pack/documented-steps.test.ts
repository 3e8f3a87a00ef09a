import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsePeriod } from '../../../src/controls/period.js';
import { controlsOf } from '../../../src/controls/registry.js';
import { writePack } from '../../../src/evidence/pack/write-pack.js';
import { sealHistory } from '../../../src/evidence/seal/make-seals.js';
import { pemOf } from '../../../src/evidence/seal/signing-key.js';
import { openStore } from '../../../src/history/open-store.js';
import { applyPolicy, CONTROL_IDS, NO_POLICY } from '../../../src/policy/policy.js';
import { hoursAfter, recordHistory } from '../../support/evidence-history.js';
import { sampleThreat } from '../../support/records.js';
import { SIGNER } from '../../support/sealed-history.js';

/* The steps that docs/evidence.md gives to those who check a pack, run as they stand there on a real pack. */

const TOOLS = ['bash', 'tar', 'sha256sum', 'openssl', 'jq', 'xxd', 'gzip', 'base64', 'sed'];
const missing = TOOLS.filter((tool) => spawnSync('which', [tool]).status !== 0);

/** The shell commands of each numbered step, as the document has them. */
function stepsOf(document: string): ReadonlyMap<number, string> {
  const steps = new Map<number, string>();
  const [, section = ''] = document.split('## For auditors');
  for (const part of section.split(/^(?=\d+\. )/m)) {
    const [, n] = /^(\d+)\. /.exec(part) ?? [];
    const [, block] = /```sh\n([\s\S]*?)```/.exec(part) ?? [];
    if (n && block) steps.set(Number(n), block.replace(/^ {3}/gm, ''));
  }
  return steps;
}

const steps = stepsOf(readFileSync('docs/evidence.md', 'utf8'));

describe.skipIf(missing.length > 0)(
  `the steps of docs/evidence.md (without them: ${missing.join(', ') || 'none'})`,
  { shuffle: false },
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'steps-'));
    const run = (n: number) =>
      execFileSync('bash', ['-c', steps.get(n) ?? 'exit 1'], {
        cwd: folder,
        encoding: 'utf8',
      });

    beforeAll(async () => {
      const store = await openStore('sqlite::memory:', 'write');
      const begin = '2026-09-02T00:00:00.000Z';
      for (const half of [0, 1]) {
        const [from, to] = [hoursAfter(begin, half * 72), hoursAfter(begin, (half + 1) * 72)];
        const seen = Array.from({ length: 6 }, (_, n) => ({
          at: hoursAfter(from, n * 10 + 5),
          threat: sampleThreat(`t${half * 6 + n + 1}`),
        }));
        await recordHistory(store, { from, to, seen, prefix: `half-${half}` });
        await sealHistory(store, { signer: SIGNER, clock: () => Date.parse(to) });
      }
      const question = {
        ...{ period: parsePeriod('2026-Q3'), controls: controlsOf(CONTROL_IDS), pin: await store.head() },
        ...{ integrations: null, rules: applyPolicy(NO_POLICY), credentials: [], trend: null },
        ...({ format: 'html', rows: 'population', simulated: [] } as const),
      };
      const options = { signer: SIGNER };
      await writePack(store, question, join(folder, 'evidence-2026-Q3.tar'), options);
      await store.close();
      writeFileSync(join(folder, 'key.pem'), pemOf(SIGNER.publicKey));
    }, 60_000);
    afterAll(() => rmSync(folder, { recursive: true }));

    it('are five', () => {
      expect([...steps.keys()]).toEqual([1, 2, 3, 4, 5]);
    });

    it('verify that the key with the published fingerprint signed the manifest (1)', () => {
      const said = run(1);
      expect(said).toContain(SIGNER.publicKey.kid);
      expect(said).toContain('Signature Verified Successfully');
    });

    it('verify that each file is the one that the manifest names (2)', () => {
      const lines = run(2).trim().split('\n');
      expect(lines.length).toBeGreaterThan(8);
      expect(lines.filter((line) => !line.endsWith(': OK'))).toEqual([]);
    });

    it('verify that a seal has its signed text and that the next one names it (3)', () => {
      const said = run(3);
      const hashes = said.match(/\b[0-9a-f]{64}\b/g) ?? [];
      expect(hashes).toHaveLength(3);
      expect(new Set(hashes).size).toBe(1);
      expect(said).toContain('Signature Verified Successfully');
    });

    it('verify that a version is what was received (4)', () => {
      const [one, two, ...rest] = run(4).match(/\b[0-9a-f]{64}\b/g) ?? [];
      expect([one, ...rest]).toEqual([two]);
    });

    it('verify that a version is in the list of its seal (5)', () => {
      const [hash = '', ...listed] = run(5).match(/\b[0-9a-f]{64}\b/g) ?? [];
      expect(listed).toEqual([hash]);
    });

    it('fail on an altered pack', () => {
      const report = readFileSync(join(folder, 'report.html'), 'utf8');
      writeFileSync(join(folder, 'report.html'), `${report} `);
      expect(() => run(2)).toThrow('computed checksum did NOT match');
    });
  },
);
