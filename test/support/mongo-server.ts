import { MongoClient } from 'mongodb';
import { MongoMemoryReplSet } from 'mongodb-memory-server';
import { DryMongoBinary } from 'mongodb-memory-server-core/lib/util/DryMongoBinary.js';

/** What a test file is told about the run's MongoDB. */
export type MongoAnswer =
  | { readonly ok: true; readonly url: string; readonly version: string }
  | { readonly ok: false; readonly reason: string; readonly required: boolean };

/** A server can lose the race for its port, or die as it starts on a busy machine. */
const STARTS = 4;

const DOWNLOAD_SITE = 'https://fastdl.mongodb.org/';

/**
 * The MongoDB of a test run: the server that MONGODB_TEST_URL names, or else a replica set of one on this
 * machine, whose mongod is downloaded where it is not at hand.
 */
export class MongoServer {
  #replicaSet: MongoMemoryReplSet | null = null;

  constructor(private readonly env: Readonly<Record<string, string | undefined>>) {}

  /** Never rejects: where there is no MongoDB the answer says why. */
  async start(): Promise<MongoAnswer> {
    try {
      const url = this.env.MONGODB_TEST_URL || (await this.#startReplicaSet());
      return { ok: true, url, version: await versionOf(url) };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const reason = `mongodb skipped: ${why.split('\n', 1)[0]}`;
      return { ok: false, reason, required: this.env.REQUIRE_MONGODB === '1' };
    }
  }

  async stop(): Promise<void> {
    await this.#replicaSet?.stop({ doCleanup: true, force: true });
  }

  async #startReplicaSet(): Promise<string> {
    await this.#checkBinary();
    this.#replicaSet = await withTries(STARTS, () =>
      MongoMemoryReplSet.create({
        // by default it would take half of the machine's memory
        replSet: { count: 1, storageEngine: 'wiredTiger', args: ['--wiredTigerCacheSizeGB', '1'] },
        instanceOpts: [{ launchTimeout: 60_000 }],
      }),
    );
    return this.#replicaSet.getUri();
  }

  /** Fails fast where a download would only time out; behind a proxy it is left to try. */
  async #checkBinary(): Promise<void> {
    const options = await DryMongoBinary.generateOptions();
    if (options.systemBinary || (await DryMongoBinary.locateBinary(options))) return;
    if (this.env.MONGOMS_RUNTIME_DOWNLOAD === 'false') throw new Error('there is no mongod on this machine');
    if (this.env.HTTPS_PROXY || this.env.https_proxy || this.env.MONGOMS_DOWNLOAD_MIRROR) return;
    await fetch(DOWNLOAD_SITE, { method: 'HEAD', signal: AbortSignal.timeout(5_000) }).catch(() => {
      throw new Error(`no mongod on this machine, and ${DOWNLOAD_SITE} cannot be reached`);
    });
  }
}

async function withTries<T>(tries: number, attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    if (tries <= 1) throw error;
    return withTries(tries - 1, attempt);
  }
}

async function versionOf(url: string): Promise<string> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 20_000 });
  try {
    const { version } = await client.db('admin').command({ buildInfo: 1 });
    return String(version);
  } finally {
    await client.close();
  }
}
