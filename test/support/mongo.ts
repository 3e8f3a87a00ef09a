import { randomBytes } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { inject } from 'vitest';
import type { MongoAnswer } from './mongo-server.js';
import { withDatabase } from './mongo-url.js';

/** The run's MongoDB, as a test file sees it. */
export interface TestMongo {
  readonly version: string;
  /** The URL of a database that nobody else uses; give it to `drop` in the end. */
  freshUrl(): string;
  drop(url: string): Promise<void>;
}

/**
 * The run's MongoDB, started if it is not yet; `null` where there is none, for `describe.skipIf`. Takes some
 * seconds the first time, so it is called at a test file's top, not in a test. Throws where REQUIRE_MONGODB=1
 * and there is none.
 */
export async function testMongo(): Promise<TestMongo | null> {
  const response = await fetch(`http://127.0.0.1:${inject('desk')}/mongodb`);
  const answer = (await response.json()) as MongoAnswer;
  if (answer.ok) {
    const { url, version } = answer;
    return { version, freshUrl: () => withDatabase(url, `t-${randomBytes(6).toString('hex')}`), drop };
  }
  if (answer.required) throw new Error(`REQUIRE_MONGODB=1, but ${answer.reason}`);
  return null;
}

async function drop(url: string): Promise<void> {
  const client = new MongoClient(url);
  try {
    await client.db().dropDatabase();
  } finally {
    await client.close();
  }
}
