import 'reflect-metadata';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeReport } from '../../src/evidence/report/write-report.js';
import { sealHistory } from '../../src/evidence/seal/make-seals.js';
import { openStore } from '../../src/history/open-store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { canonicalJson, sha256 } from '../../src/values/canonical-json.js';
import { DAY, toMillis } from '../../src/values/instant.js';
import { testMongo } from '../support/mongo.js';
import { askExample, collectExample, EXAMPLE } from '../support/worked-example.js';
import { answersOver } from './answers.js';

/*
 * What the gateway answers over one fixed history, to the byte: a change of the code that is not meant to change
 * behaviour leaves these files as they are. `npx vitest run test/golden --update` writes them again.
 */

const mongo = await testMongo();

/** Fewer polls than the worked example has: the history is as varied, and is there in a fraction of the time. */
const DAILY = { threats: DAY, cases: DAY, campaigns: DAY };

/** Each report as its digest, and the seal: what an auditor keeps must not change in a single byte. */
async function proofs(store: HistoryStore): Promise<string> {
  const lines: string[] = [];
  for (const format of ['html', 'json', 'csv', 'ndjson', 'oscal'] as const) {
    const hash = createHash('sha256');
    await writeReport(store, { ...(await askExample(store, format)), format }, async (text) => {
      hash.update(text);
    });
    lines.push(`${format} ${hash.digest('hex')}`);
  }
  const clock = () => toMillis(EXAMPLE.collectedTo);
  await sealHistory(store, { clock, signer: null });
  for (const { body } of await store.journal({
    journal: 'seals',
    from: null,
    descending: false,
    limit: 10,
  })) {
    // the batches have random names, and the list of leaves names the encrypted token
    const { revisions, ledger, coverage, runs } = JSON.parse(String(body.text));
    lines.push(`seal ${sha256(canonicalJson({ revisions, ledger, coverage, runs }))}`);
  }
  return `${lines.join('\n')}\n`;
}

const STORES: [name: string, url: () => string][] = [
  ['sqlite', () => 'sqlite::memory:'],
  ...(mongo ? [['mongodb', () => mongo.freshUrl()] as [string, () => string]] : []),
];

describe.each(STORES)('the worked example in %s', (_name, freshUrl) => {
  const url = freshUrl();
  let store: HistoryStore;

  beforeAll(async () => {
    store = await openStore(url, 'write');
    await collectExample(store, DAILY);
  }, 300_000);

  afterAll(async () => {
    await store.close();
    if (url.startsWith('mongodb')) await mongo?.drop(url);
  });

  test('gives the pinned response to every operation', async () => {
    await expect(await answersOver(store)).toMatchFileSnapshot('./answers.json');
  });

  test('gives the pinned bytes of reports and seal', async () => {
    await expect(await proofs(store)).toMatchFileSnapshot('./proofs.txt');
  });
});
