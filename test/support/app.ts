import 'reflect-metadata';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import type { AppOptions } from '../../src/app/collector.js';
import { type App, createApp, type Started } from '../../src/app.js';
import { type Config, readEnv, toConfig } from '../../src/config/config.js';
import { CORE_RESOURCES } from '../../src/resources/registry.js';
import type { FaultPlan } from '../../src/simulator/faults.js';
import { createTenant } from '../../src/simulator/tenant.js';
import { DAY, toInstant } from '../../src/values/instant.js';
import { isCollected, RUNS, type Runs } from './collected.js';

interface Answer {
  readonly data: unknown;
  readonly errors?: readonly { readonly message: string; readonly extensions: Record<string, unknown> }[];
}

/** Gateways in this process, on free ports, against a small simulated tenant, with histories in a folder of their own. */
export class Playground {
  readonly options: AppOptions;
  private readonly folder = mkdtempSync(join(tmpdir(), 'gateway-app-'));
  private readonly apps: App[] = [];

  /** What goes wrong with the simulated tenant's answers; nothing unless given. */
  constructor(faults?: FaultPlan) {
    const log = pino({ level: 'silent' });
    this.options = { log, clock: Date.now, simulator: { ...smallTenant(), ...(faults && { faults }) } };
  }

  history(name = 'history.db'): string {
    return `sqlite:${join(this.folder, name)}`;
  }

  /** What an environment means; throws when it is wrong. */
  config(env: Readonly<Record<string, string>> = {}): Config {
    const result = toConfig(
      readEnv({ PORT: '0', HISTORY: this.history(), COLLECT: CORE_RESOURCES.join(), ...env }),
    );
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    return result.config;
  }

  start(env: Readonly<Record<string, string>> = {}, options = this.options): Promise<Started> {
    const app = createApp(this.config(env), options);
    this.apps.push(app);
    return app.start();
  }

  async ask(url: string, query: string, variables: object = {}): Promise<Answer> {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ query, variables }),
    });
    return (await answer.json()) as Answer;
  }

  /** Waits until every resource has been polled once. */
  async collected(url: string): Promise<void> {
    for (;;) {
      const { data } = await this.ask(url, `{ ${RUNS} }`);
      if (isCollected((data as { runs: Runs }).runs)) return;
      await delay(50);
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.apps.splice(0).map((app) => app.close()));
  }

  async clear(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A tenant that is read in no time. */
export function smallTenant() {
  const now = Date.now();
  const span = { from: toInstant(now - 20 * DAY), to: toInstant(now) };
  const shares = { missingThreats: 0, deletedThreats: 0, lateArrivals: 0 };
  const tenant = createTenant({ seed: 'app', ...span, threats: 60, cases: 12, campaigns: 8, shares });
  return { tenant, clock: Date.now };
}
