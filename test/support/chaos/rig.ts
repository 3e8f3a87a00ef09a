import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Logger, pino } from 'pino';
import { createBudget } from '../../../src/abnormal/budget.js';
import type { AbnormalClient } from '../../../src/abnormal/client.js';
import { createAbnormalClient } from '../../../src/abnormal/rest-client.js';
import { openStore } from '../../../src/history/open-store.js';
import type { Batch, HistoryStore, Recorded } from '../../../src/history/store.js';
import type { Account } from '../../../src/integrations/accounts.js';
import { keyText } from '../../../src/resources/registry.js';
import { type Simulator, startSimulator } from '../../../src/simulator/server.js';
import type { Tenant } from '../../../src/simulator/tenant.js';
import type { SyncSettings } from '../../../src/sync/context.js';
import { createSync } from '../../../src/sync/create-sync.js';
import type { Sync } from '../../../src/sync/sync.js';
import { canonicalJson, sha256 } from '../../../src/values/canonical-json.js';
import type { Instant } from '../../../src/values/instant.js';
import { fixedAccounts } from '../fixed-accounts.js';
import { ChaosTime } from './time.js';
import { HUGE_BYTES } from './weather.js';

export const INTEGRATION = 'default';
/** Like nothing else that could turn up in a log. */
export const TOKEN = 'chaos-5f0d1c77e2b94b0f-TOKEN';

/** What kills a gateway, and when: counted in requests that arrive, or in batches that it records. */
export interface Doom {
  readonly kind: 'abort' | 'kill' | 'hiccup';
  readonly trigger: 'request' | 'beforeRecord' | 'afterRecord';
  after: number;
}

/** A request as the tenant answered it, in the order of the answers. */
export interface Served {
  readonly url: string;
  /** When it arrived, by the tenant's clock. */
  readonly at: number;
  readonly status: number;
  /** The fault that it met, or `null`. */
  readonly fault: string | null;
}

export interface RigOptions {
  readonly start: Instant;
  readonly tenant: Tenant;
  readonly settings: SyncSettings;
  /** For the jitter of retries: in [0, 1). */
  readonly random: () => number;
  readonly perRequestMs: number;
  readonly retentionDays?: number;
  /** A SQLite file of its own unless given. */
  readonly history?: string;
}

/** One life of the gateway, from start to kill. */
export interface Life {
  readonly sync: Sync;
  readonly store: HistoryStore;
  readonly account: Account;
  readonly signal: AbortSignal;
}

/** A simulated tenant behind HTTP and a gateway without its front that can be killed and started again. */
export class Rig {
  readonly time: ChaosTime;
  readonly log: Logger;
  readonly logged: string[] = [];
  readonly served: Served[] = [];
  /** Details that the client gave to the sync and that no batch has recorded yet, by key and digest. */
  readonly pending = new Set<string>();
  /** What batches have recorded, by key and digest. */
  readonly recorded = new Set<string>();
  /** Keys of which an observation was sent back as a conflict. */
  readonly conflicts = new Set<string>();
  trapped = 0;
  trapUrl = '';
  doom: Doom | null = null;
  hasStruck = false;
  private readonly arrivals = new Map<string, number[]>();
  private isDead = false;
  private abort = new AbortController();
  private closers: (() => Promise<void>)[] = [];
  private simulatorOf: Simulator | null = null;
  private lifeOf: Life | null = null;
  private rawOf: HistoryStore | null = null;
  private clientOf: AbnormalClient | null = null;
  private url = '';

  private constructor(private readonly options: RigOptions) {
    this.time = new ChaosTime(options.start);
    this.log = pino({ level: 'debug' }, { write: (line: string) => void this.logged.push(line) });
  }

  static async open(options: RigOptions): Promise<Rig> {
    const rig = new Rig(options);
    await rig.startTrap();
    await rig.startTenant();
    const folder = await mkdtemp(join(tmpdir(), 'chaos-'));
    rig.closers.push(() => rm(folder, { recursive: true }));
    rig.url = options.history ?? `sqlite:${join(folder, 'history.db')}`;
    await rig.begin();
    return rig;
  }

  get simulator(): Simulator {
    return there(this.simulatorOf);
  }

  get life(): Life {
    return there(this.lifeOf);
  }

  /** The history itself, whatever has become of the gateway. */
  get store(): HistoryStore {
    return there(this.rawOf);
  }

  get wasKilled(): boolean {
    return this.isDead;
  }

  /** Ends the life as a kill would: nothing more of it reaches the history. */
  kill(): void {
    this.isDead = true;
    this.abort.abort();
    this.clientOf?.close();
  }

  interrupt(): void {
    this.abort.abort();
  }

  /** Opens the history anew, with a gateway that knows nothing but it. */
  async restart(): Promise<void> {
    await this.end();
    await this.begin();
  }

  /** A new signal for what is begun from now on. */
  renewSignal(): void {
    this.abort = new AbortController();
    if (this.lifeOf) this.lifeOf = { ...this.lifeOf, signal: this.abort.signal };
  }

  async close(): Promise<void> {
    await this.end();
    this.time.stop();
    for (const close of this.closers.toReversed()) await close();
  }

  private async begin(): Promise<void> {
    const { time, log, options } = this;
    this.isDead = false;
    this.abort = new AbortController();
    this.pending.clear();
    const raw = await openStore(this.url, 'write', { now: time.gatewayNow });
    const budget = createBudget({
      rpm: 60_000,
      concurrency: 4,
      clock: time.gatewayNow,
      startTimer: time.startTimer,
    });
    const client = createAbnormalClient({
      baseUrl: this.simulator.baseUrl,
      token: () => TOKEN,
      budget,
      timeoutMs: 30_000,
      maxBodyBytes: HUGE_BYTES - 1,
      clock: time.gatewayNow,
      log,
      startTimer: time.startTimer,
      retry: { random: options.random },
    });
    const { baseUrl } = this.simulator;
    const account = {
      name: INTEGRATION,
      origin: 'SIMULATED',
      baseUrl,
      client: this.watched(client),
    } as const;
    const store = this.mortal(raw);
    const { settings } = options;
    const sync = createSync({
      store,
      accounts: fixedAccounts(account),
      settings,
      clock: time.gatewayNow,
      log,
    });
    this.rawOf = raw;
    this.clientOf = client;
    this.lifeOf = { sync, store, account, signal: this.abort.signal };
  }

  private async end(): Promise<void> {
    await this.life.sync.close().catch(() => undefined);
    this.clientOf?.close();
    await this.store.close();
  }

  private async startTrap(): Promise<void> {
    const server = createServer((_request, response) => {
      this.trapped += 1;
      response.end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.trapUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/threats`;
    this.closers.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
  }

  private async startTenant(): Promise<void> {
    const { tenant, perRequestMs, retentionDays } = this.options;
    this.simulatorOf = await startSimulator({
      tenant,
      clock: this.time.now,
      token: TOKEN,
      ...(retentionDays === undefined ? {} : { retentionDays }),
      onRequest: ({ url }) => {
        this.arrivals.set(url, [...(this.arrivals.get(url) ?? []), this.time.now()]);
        this.time.requestArrived();
        this.time.advance(perRequestMs);
        this.count('request');
      },
      log: (line) => this.answered(line),
    });
    this.closers.push(() => this.simulator.close());
  }

  private answered(line: string): void {
    this.time.requestDone();
    const [, url = '', status = '0', fault = null] = /^GET (\S+) (\d+)(?: \((\w+)\))?$/.exec(line) ?? [];
    const at = this.arrivals.get(url)?.shift() ?? this.time.now();
    this.served.push({ url, at, status: Number(status), fault });
  }

  /** True when the doom strikes now, and lets nothing through. */
  private count(trigger: Doom['trigger']): boolean {
    const { doom } = this;
    if (doom?.trigger !== trigger) return false;
    doom.after -= 1;
    if (doom.after !== 0) return false;
    this.hasStruck = true;
    if (doom.kind === 'abort') this.interrupt();
    if (doom.kind === 'kill') this.kill();
    return doom.kind !== 'abort';
  }

  /** The client, with an eye on what it answers. */
  private watched(client: AbnormalClient): AbnormalClient {
    const detail: AbnormalClient['detail'] = async (kind, id, item, options) => {
      const fetched = await client.detail(kind, id, item, options);
      const digest = sha256(canonicalJson(fetched.payload));
      this.pending.add(`${keyText({ integration: INTEGRATION, kind, id })} ${digest}`);
      return fetched;
    };
    return {
      list: (...args) => client.list(...args),
      detail,
      threatLog: (...args) => client.threatLog(...args),
      tokens: (...args) => client.tokens(...args),
      close: () => client.close(),
    };
  }

  /** The history as a gateway has it that may die at any batch: before it is written, or before it hears that it was. */
  private mortal(store: HistoryStore): HistoryStore {
    const isAlive = () => {
      if (this.isDead) throw new Error('this process is dead');
    };
    const record = async (batch: Batch): Promise<Recorded> => {
      isAlive();
      if (this.count('beforeRecord')) throw new Error('the history cannot be written to');
      const recorded = await store.record(batch);
      this.noteRecorded(batch, recorded);
      if (this.count('afterRecord')) throw new Error('the history does not answer');
      return recorded;
    };
    return new Proxy(store, {
      get: (target, name) => {
        if (name === 'record') return record;
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return async (...args: unknown[]) => {
          isAlive();
          return value.apply(target, args);
        };
      },
    });
  }

  private noteRecorded({ observations }: Batch, { conflicts }: Recorded): void {
    const refused = new Set(conflicts.map(keyText));
    for (const key of refused) this.conflicts.add(key);
    for (const { key, digest } of observations) {
      const name = `${keyText(key)} ${digest}`;
      this.pending.delete(name);
      if (!refused.has(keyText(key))) this.recorded.add(name);
    }
  }
}

function there<T>(value: T | null): T {
  if (value === null) throw new Error('not open');
  return value;
}
