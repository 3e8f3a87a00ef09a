import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { type App, createApp } from '../../src/app.js';
import { ApiKeys } from '../../src/callers/api-keys.js';
import { readEnv, toConfig } from '../../src/config/config.js';
import { openStore } from '../../src/history/open-store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { CORE_RESOURCES } from '../../src/resources/registry.js';
import type { Role } from '../../src/values/access.js';
import { smallTenant } from './app.js';

const QUERY = '{ runs(first: 1) { totalCount } }';

export const bearer = (text: string) => ({ authorization: `Bearer ${text}` });

function historyIn(folder: string): string {
  return `sqlite:${join(folder, 'history.db')}`;
}

/** An answer of the graph, or of HTTP in its shape. */
export interface Problem {
  readonly data?: unknown;
  readonly errors?: readonly {
    readonly message: string;
    readonly path?: readonly (string | number)[];
    readonly extensions: { readonly code: string; readonly role?: string; readonly argumentPath?: unknown };
  }[];
}

/** A gateway as it is run, its clock moved by the test, and the keys of its history as a command beside it has them. */
export class GuardedGateway {
  now = Date.now();
  readonly logged: string[] = [];
  url = '';
  private app: App | null = null;
  readonly keys: ApiKeys;

  private constructor(
    private readonly folder: string,
    private readonly store: HistoryStore,
  ) {
    this.keys = new ApiKeys({ store, clock: () => this.now, log: pino({ level: 'silent' }) });
  }

  static async open(): Promise<GuardedGateway> {
    const folder = await mkdtemp(join(tmpdir(), 'gateway-auth-'));
    return new GuardedGateway(folder, await openStore(historyIn(folder), 'manage'));
  }

  async start(env: Record<string, string> = {}): Promise<void> {
    const quiet = { COLLECT: CORE_RESOURCES.join(), RECONCILE_EVERY: 'off', RATE_LIMIT: 'off' };
    const result = toConfig(readEnv({ PORT: '0', HISTORY: historyIn(this.folder), ...quiet, ...env }));
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    const log = pino({ level: 'info' }, { write: (line: string) => void this.logged.push(line) });
    this.app = createApp(result.config, { log, clock: () => this.now, simulator: smallTenant() });
    this.url = (await this.app.start()).url;
  }

  async key(role: Role, lifetimeMs: number | null = null) {
    return this.keys.create(role, role, lifetimeMs);
  }

  ask(headers: Record<string, string> = {}, query = QUERY): Promise<Response> {
    return fetch(`${this.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query }),
    });
  }

  async code(headers: Record<string, string> = {}, query = QUERY): Promise<string> {
    const answer = await this.ask(headers, query);
    const { data, errors } = (await answer.json()) as Problem;
    return errors?.[0]?.extensions.code ?? (data ? `${answer.status}` : 'nothing');
  }

  async stop(): Promise<void> {
    await this.app?.close();
    this.app = null;
  }

  async close(): Promise<void> {
    await this.stop();
    await this.keys.close();
    await this.store.close();
    await rm(this.folder, { recursive: true });
  }
}
