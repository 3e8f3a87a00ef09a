import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { MongoBinary } from 'mongodb-memory-server-core/lib/util/MongoBinary.js';

/** What a member has that is not the default, such as a delay. */
export type MemberOptions = Readonly<Record<string, unknown>>;

interface Member {
  readonly port: number;
  readonly folder: string;
  process: ChildProcess | null;
}

const SET = 'failover';
const TRIES = 4;

/** A replica set of real servers on this machine, whose members can be killed, suspended and started again. */
export class ReplicaSet {
  private constructor(
    private readonly binary: string,
    private readonly members: readonly Member[],
  ) {}

  /** `null` if there is no server program on this machine. */
  static async start(count: number, options: readonly MemberOptions[] = []): Promise<ReplicaSet | null> {
    const binary = process.env.MONGOMS_SYSTEM_BINARY ?? (await MongoBinary.getPath().catch(() => null));
    if (!binary) return null;
    const members: Member[] = [];
    for (let n = 0; n < count; n++)
      members.push({ port: await freePort(), folder: mkdtempSync(join(tmpdir(), 'member-')), process: null });
    const set = new ReplicaSet(binary, members);
    await Promise.all(members.map((_, n) => set.restart(n)));
    const config = members.map(({ port }, n) => ({ _id: n, host: `127.0.0.1:${port}`, ...options[n] }));
    await set.#on(0, (client) =>
      client.db('admin').command({ replSetInitiate: { _id: SET, members: config } }),
    );
    await set.primary();
    await Promise.all(members.map((_, n) => set.#isMember(n)));
    return set;
  }

  url(database: string, options = ''): string {
    const hosts = this.members.map(({ port }) => `127.0.0.1:${port}`).join(',');
    return `mongodb://${hosts}/${database}?replicaSet=${SET}${options}`;
  }

  /** One member alone. */
  urlOf(n: number): string {
    return `mongodb://127.0.0.1:${this.#member(n).port}/?directConnection=true`;
  }

  /** The number of the member that is the primary, as soon as there is one. */
  async primary(): Promise<number> {
    for (;;) {
      for (const [n, { process: own }] of this.members.entries()) {
        if (own && (await this.#isPrimary(n))) return n;
      }
      await delay(200);
    }
  }

  /** Ends a member as a power failure does. */
  async kill(n: number): Promise<void> {
    const own = this.#member(n);
    const child = own.process;
    own.process = null;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  /** Lets a member answer nothing, as a server that hangs. */
  suspend(n: number): void {
    this.#member(n).process?.kill('SIGSTOP');
  }

  resume(n: number): void {
    this.#member(n).process?.kill('SIGCONT');
  }

  /** Whether a secondary writes what it receives from the primary: if not, it falls behind. */
  async replicate(n: number, isOn: boolean): Promise<void> {
    const stop = { configureFailPoint: 'rsSyncApplyStop', mode: isOn ? 'off' : 'alwaysOn' };
    await this.#on(n, (client) => client.db('admin').command(stop));
  }

  /** Starts a member that does not run, with the data that it had; returns when it answers. */
  async restart(n: number): Promise<void> {
    const own = this.#member(n);
    for (let tries = 1; ; tries++) {
      own.process = spawn(this.binary, this.#argumentsOf(own), { stdio: 'ignore' });
      if (await this.#answers(n)) return;
      await this.kill(n);
      if (tries === TRIES) throw new Error(`member ${n} does not start`);
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((_, n) => this.kill(n)));
    for (const { folder } of this.members) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #argumentsOf({ port, folder }: Member): string[] {
    return [
      ...['--port', String(port), '--dbpath', folder, '--replSet', SET, '--bind_ip', '127.0.0.1'],
      ...['--wiredTigerCacheSizeGB', '0.25', '--oplogSize', '64', '--setParameter', 'enableTestCommands=1'],
    ];
  }

  async #answers(n: number): Promise<boolean> {
    const own = this.#member(n).process;
    for (let waited = 0; waited < 90_000 && own?.exitCode === null; waited += 300) {
      const isUp = await this.#on(n, (client) => client.db('admin').command({ ping: 1 })).catch(() => null);
      if (isUp) return true;
      await delay(300);
    }
    return false;
  }

  async #isPrimary(n: number): Promise<boolean> {
    return (await this.#hello(n))?.isWritablePrimary === true;
  }

  /** Waits until a member has the data. */
  async #isMember(n: number): Promise<void> {
    for (;;) {
      const hello = await this.#hello(n);
      if (hello?.isWritablePrimary || hello?.secondary) return;
      await delay(300);
    }
  }

  #hello(n: number) {
    return this.#on(n, (client) => client.db('admin').command({ hello: 1 })).catch(() => null);
  }

  async #on<T>(n: number, work: (client: MongoClient) => Promise<T>): Promise<T> {
    const client = new MongoClient(this.urlOf(n), { serverSelectionTimeoutMS: 3_000 });
    try {
      return await work(client);
    } finally {
      await client.close();
    }
  }

  #member(n: number): Member {
    const member = this.members[n];
    if (!member) throw new Error(`there is no member ${n}`);
    return member;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
