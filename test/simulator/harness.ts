import { get as httpGet, type IncomingHttpHeaders } from 'node:http';
import type { TenantOptions } from '../../src/simulator/options.js';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/server.js';
import { createTenant, type Tenant } from '../../src/simulator/tenant.js';
import { toMillis } from '../../src/values/instant.js';

export const NOW = '2026-03-01T12:00:00.000Z';

/** A month, half of it already past at `NOW`. */
export const SMALL: TenantOptions = {
  seed: 'small',
  from: '2026-02-15T00:00:00.000Z',
  to: '2026-03-15T00:00:00.000Z',
  threats: 600,
  cases: 150,
  campaigns: 120,
};

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Harness {
  readonly tenant: Tenant;
  readonly simulator: Simulator;
  /** The simulator's clock; assign to move it. */
  now: number;
  get(path: string, headers?: Record<string, string>): Promise<Reply>;
  json(path: string): Promise<Record<string, unknown>>;
}

const running: Simulator[] = [];

/** Starts a simulator that `stopAll` stops. */
export async function startHarness(
  tenantOptions: Partial<TenantOptions> = {},
  options: Partial<SimulatorOptions> = {},
): Promise<Harness> {
  const tenant = createTenant({ ...SMALL, ...tenantOptions });
  const time = { now: toMillis(NOW) };
  const simulator = await startSimulator({ tenant, clock: () => time.now, ...options });
  running.push(simulator);
  const get = (path: string, headers = { authorization: `Bearer ${simulator.token}` }) =>
    fetchText(`${simulator.baseUrl}${path}`, headers);
  return {
    tenant,
    simulator,
    get,
    json: async (path) => parse((await get(path)).text),
    get now() {
      return time.now;
    },
    set now(now) {
      time.now = now;
    },
  };
}

export async function stopAll(): Promise<void> {
  await Promise.all(running.splice(0).map((simulator) => simulator.close()));
}

/** Answers as they came, whatever their status; rejects when none came whole. */
export function fetchText(url: string, headers: Record<string, string>): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = httpGet(url, { headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
    });
    request.on('error', reject);
  });
}

/** JSON with integers beyond 2^53 as strings. */
export function parse(text: string): Record<string, unknown> {
  return JSON.parse(
    text.replace(/("abxMessageId":)(-?\d+)/g, (whole, key: string, digits: string) =>
      Number.isSafeInteger(Number(digits)) ? whole : `${key}"${digits}"`,
    ),
  );
}

export type Rows = Record<string, string | number>[];

/** `?filter=KEY gte FROM lte TO` and what else is wanted. */
export function query(key: string, from: string, to: string, rest = ''): string {
  return `?filter=${encodeURIComponent(`${key} gte ${from} lte ${to}`)}${rest}`;
}

/** `2026-03-01T12:00:00Z` of ms since the epoch. */
export function second(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
