import 'reflect-metadata';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { BSON, type Document, MongoClient } from 'mongodb';
import { afterAll, describe, expect, test } from 'vitest';
import { verifyHistory } from '../../src/evidence/verify/verify.js';
import { openStore } from '../../src/history/open-store.js';
import { testMongo } from '../support/mongo.js';
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

describe.each(HISTORIES)('a %s history of an earlier release', (_name, restore) => {
  test('opens, gives the same responses, and is found intact', async () => {
    const store = await openStore(await restore(), 'write');
    try {
      await expect(await answersOver(store)).toMatchFileSnapshot('./old-answers.json');
      const verified = await verifyHistory(store, { publicKeys: null, mustBeSigned: false, held: [] });
      expect(verified.findings).toEqual([]);
    } finally {
      await store.close();
    }
  });
});
