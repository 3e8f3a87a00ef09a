import 'reflect-metadata';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { BSON, type Document, MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from '../../src/cli/run-command.js';
import { verifyHistory } from '../../src/evidence/verify/verify.js';
import { openStore } from '../../src/history/open-store.js';
import { toMillis } from '../../src/values/instant.js';
import { testMongo } from '../support/mongo.js';
import { EXAMPLE } from '../support/worked-example.js';
import { answersOver } from './answers.js';

/*
 * The same history, written to each store by the release before the restructuring of the code (2a71e9a): a history that
 * a user has must open and be read for as long as there are users.
 */

const mongo = await testMongo();
const folder = mkdtempSync(join(tmpdir(), 'old-histories-'));
const url = mongo?.freshUrl();

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  if (url) await mongo?.drop(url);
});

function fixture(name: string): Buffer {
  return gunzipSync(readFileSync(new URL(`../fixtures/${name}.gz`, import.meta.url)));
}

async function restoreSqlite(): Promise<string> {
  const path = join(folder, 'history.db');
  writeFileSync(path, fixture('history-sqlite.db'));
  return `sqlite:${path}`;
}

type Dump = Record<string, { readonly indexes: readonly Document[]; readonly docs: readonly Document[] }>;

async function restoreMongo(to: string): Promise<string> {
  const dump = BSON.EJSON.parse(fixture('history-mongodb.ejson').toString(), { relaxed: false }) as Dump;
  const client = new MongoClient(to);
  try {
    for (const [name, { indexes, docs }] of Object.entries(dump)) {
      const collection = client.db().collection(name);
      if (docs.length > 0) await collection.insertMany([...docs]);
      for (const { v, key, ...options } of indexes) {
        if (options.name !== '_id_') await collection.createIndex(key, options);
      }
    }
  } finally {
    await client.close();
  }
  return to;
}

const HISTORIES: [name: string, restore: () => Promise<string>][] = [
  ['sqlite', restoreSqlite],
  ...(url ? [['mongodb', () => restoreMongo(url)] as [string, () => Promise<string>]] : []),
];

/** What the release that wrote the histories found in 2026-Q3: verdicts, and how many exceptions. */
const VERDICTS_OF_2A71E9A = {
  'detection-active': ['INSUFFICIENT_DATA', 0],
  'attacks-captured': ['FAIL', 2],
  'attacks-remediated': ['FAIL', 3],
  'account-takeover-handled': ['FAIL', 1],
  'behavioural-ai-operating': ['INSUFFICIENT_DATA', 0],
  'abuse-mailbox-operating': ['NOT_APPLICABLE', 0],
  'collection-continuous': ['FAIL', 26],
  'token-rotation': ['FAIL', 1],
};

describe.each(HISTORIES)('a %s history of an earlier release', (_name, restore) => {
  let restored = '';
  beforeAll(async () => {
    restored = await restore();
  });

  test('opens, gives the same responses, and is found intact', async () => {
    const store = await openStore(restored, 'write');
    try {
      await expect(await answersOver(store)).toMatchFileSnapshot('./old-answers.json');
      const verified = await verifyHistory(store, { publicKeys: null, mustBeSigned: false, held: [] });
      expect(verified.findings).toEqual([]);
    } finally {
      await store.close();
    }
  });

  test('has the same verdicts as before in a report without a policy', async () => {
    const out: string[] = [];
    const code = await runCommand({
      arguments: ['report', '--period', '2026-Q3', '--json', '--quiet'],
      env: { HISTORY: restored, LOG_LEVEL: 'error' },
      terminal: { out: { write: (text) => out.push(text) }, err: { write: () => undefined } },
      stop: new AbortController().signal,
      clock: () => toMillis(EXAMPLE.collectedTo),
    });
    const { policy, controls } = JSON.parse(out.join('')) as {
      policy: string | null;
      controls: { control: string; verdict: string; exceptions: number }[];
    };
    const found = controls.map(({ control, verdict, exceptions }) => [control, [verdict, exceptions]]);
    expect({ code, policy }).toEqual({ code: 1, policy: null });
    expect(Object.fromEntries(found)).toEqual(VERDICTS_OF_2A71E9A);
  });
});
