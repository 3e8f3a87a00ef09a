import 'reflect-metadata';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHistory } from '../../src/app/collector.js';
import { type App, createApp } from '../../src/app.js';
import { type Config, readEnv, toConfig } from '../../src/config/config.js';
import { newEncryptionKey } from '../../src/integrations/encryption.js';
import { type Vault, vaultOf } from '../../src/integrations/stored-vault.js';
import { createLog } from '../../src/log.js';
import { CORE_RESOURCES } from '../../src/resources/registry.js';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/server.js';
import { createTenant } from '../../src/simulator/tenant.js';
import { DAY, toInstant } from '../../src/values/instant.js';

export interface GraphError {
  readonly message: string;
  readonly extensions: { readonly code: string };
}

export interface Answer<T> {
  readonly data: T;
  readonly errors: readonly GraphError[];
}

/** A gateway that keeps its accounts, on a free port, over a history of its own. It begins without any. */
export class Gateway {
  readonly lines: string[] = [];
  url = '';
  private app: App | null = null;
  private readonly folder = mkdtempSync(join(tmpdir(), 'gateway-accounts-'));
  private readonly simulators: Simulator[] = [];
  readonly config: Config;

  constructor(env: Readonly<Record<string, string>> = {}) {
    const result = toConfig(
      readEnv({
        ...{ PORT: '0', ENCRYPTION_KEY: newEncryptionKey(), LOG_LEVEL: 'trace' },
        ...{
          HISTORY: `sqlite:${join(this.folder, 'history.db')}`,
          COLLECT: CORE_RESOURCES.join(),
          RECONCILE_EVERY: 'off',
          UPSTREAM_RPM: '60000',
        },
        ...env,
      }),
    );
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    this.config = result.config;
  }

  async start(): Promise<readonly string[]> {
    this.app = createApp(this.config, { log: this.log(), clock: Date.now });
    const { url, accounts } = await this.app.start();
    this.url = url;
    return accounts;
  }

  async stop(): Promise<void> {
    await this.app?.close();
    this.app = null;
  }

  async clear(): Promise<void> {
    await this.stop();
    await Promise.all(this.simulators.map((simulator) => simulator.close()));
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** An Abnormal account with 30 threats behind HTTP. Equal seeds hold records of equal ids. */
  async tenant(seed: string, options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
    const now = Date.now();
    const span = { from: toInstant(now - 20 * DAY), to: toInstant(now) };
    const shares = { missingThreats: 0, deletedThreats: 0, lateArrivals: 0 };
    const tenant = createTenant({ seed, ...span, threats: 30, cases: 8, campaigns: 6, shares });
    const simulator = await startSimulator({ tenant, clock: Date.now, ...options });
    this.simulators.push(simulator);
    return simulator;
  }

  /** What a command beside the gateway does with the vault. */
  async beside<T>(work: (vault: Vault) => Promise<T>): Promise<T> {
    const store = await openHistory(this.config, 'manage', { log: this.log(), clock: Date.now });
    try {
      return await work(vaultOf(store, this.config.vault, Date.now));
    } finally {
      await store.close();
    }
  }

  async ask<T>(query: string, variables: object = {}): Promise<Answer<T>> {
    const response = await this.post({ query, variables });
    const { data, errors = [] } = (await response.json()) as { data: T; errors?: GraphError[] };
    return { data, errors };
  }

  /** The data of an operation that must go well. */
  async data<T>(query: string, variables: object = {}): Promise<T> {
    const { data, errors } = await this.ask<T>(query, variables);
    if (errors.length > 0) throw new Error(JSON.stringify(errors));
    return data;
  }

  post(body: object): Promise<Response> {
    const headers = { 'content-type': 'application/json' };
    return fetch(`${this.url}/graphql`, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  private log() {
    const destination = { write: (line: string) => void this.lines.push(line) };
    return createLog({ level: 'trace', pretty: false, secrets: this.config.secrets, destination });
  }
}
