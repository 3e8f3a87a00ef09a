import 'reflect-metadata';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { type App, createApp } from '../../src/app.js';
import { type Config, readEnv, toConfig } from '../../src/config.js';
import { DAY, toInstant } from '../../src/model/instant.js';
import { createTenant } from '../../src/simulator/tenant.js';

/** The configuration that an environment means; throws when it is wrong. */
export function configOf(env: Record<string, string>): Config {
  const result = toConfig(readEnv(env));
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.config;
}

export interface RunningApp {
  readonly app: App;
  readonly url: string;
  close(): Promise<void>;
}

/** The whole gateway in this process, on a free port, against a small simulated tenant. */
export async function startApp(env: Record<string, string> = {}): Promise<RunningApp> {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-app-'));
  const clock = Date.now;
  const now = clock();
  const tenant = createTenant({
    seed: 'app',
    from: toInstant(now - 20 * DAY),
    to: toInstant(now),
    threats: 60,
    cases: 12,
    campaigns: 8,
  });
  const config = configOf({ PORT: '0', HISTORY: `sqlite:${join(folder, 'history.db')}`, ...env });
  const app = createApp(config, { log: pino({ level: 'silent' }), clock, simulator: { tenant, clock } });
  const { url } = await app.start();
  return {
    app,
    url,
    close: async () => {
      await app.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
