import { byResource, DEFAULT_RESOURCES, type PollingVariable } from '../resources/registry.js';
import {
  DAY,
  EARLIEST_ASKED,
  formatDuration,
  HOUR,
  type Instant,
  parseDuration,
  parseInstant,
} from '../values/instant.js';

export interface Problem {
  readonly name: string;
  readonly wrong: string;
  readonly right: string;
  readonly example: string;
}

/** Reads variables and collects the problems; for an invalid value it returns the default. */
export class VariableReader {
  readonly problems: Problem[] = [];

  constructor(private readonly values: Readonly<Record<string, string>>) {}

  text(name: Variable): string | null {
    return this.values[name] ?? null;
  }

  refuse(name: Variable, wrong: string, right: string, example: string): void {
    this.problems.push({ name, wrong, right, example: `${name}=${example}` });
  }

  textOrDefault(name: Defaulted): string {
    return this.text(name) ?? VARIABLES[name];
  }

  number(name: Defaulted, least: number, most: number): number {
    const text = this.textOrDefault(name);
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    this.refuse(name, `is ${quote(text)}`, `a whole number from ${least} to ${most}`, VARIABLES[name]);
    return Number(VARIABLES[name]);
  }

  /** `0` and `off` mean never: 0. */
  durationOrOff(name: Defaulted, least: number, most: number): number {
    const isOff = /^(0+(ms|s|m|h|d)?|off)$/i.test(this.text(name) ?? '');
    return isOff ? 0 : this.duration(name, least, most, ', or off');
  }

  duration(name: Defaulted, least: number, most: number, also = ''): number {
    const text = this.textOrDefault(name);
    const value = parseDuration(text);
    if (value !== null && value >= least && value <= most) return value;
    const right = `a number with a unit (s, m, h or d), from ${formatDuration(least)} to ${formatDuration(most)}${also}`;
    const byDefault = parseDuration(VARIABLES[name]) ?? least;
    this.refuse(name, `is ${quote(text)}`, right, formatDuration(byDefault));
    return byDefault;
  }

  /** In seconds, or with a unit. */
  seconds(name: Defaulted): number {
    const text = this.textOrDefault(name);
    const value = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : parseDuration(text);
    if (value !== null && value <= 366 * DAY) return value;
    this.refuse(name, `is ${quote(text)}`, 'a number of seconds, at most one year', VARIABLES[name]);
    return Number(VARIABLES[name]) * 1000;
  }

  instant(name: Variable): Instant | null {
    const text = this.text(name);
    if (text === null) return null;
    const value = parseInstant(text);
    if (value !== null && value >= EARLIEST_ASKED) return value;
    const right = `a day or an instant in UTC (ISO 8601), ${EARLIEST_ASKED.slice(0, 10)} or later`;
    this.refuse(name, `is ${quote(text)}`, right, '2026-01-31');
    return null;
  }

  /** The default must be one of `allowed`. */
  oneOf<V extends Defaulted, T extends string>(
    name: V,
    allowed: (typeof VARIABLES)[V] extends T ? readonly T[] : never,
  ): T {
    const text = this.textOrDefault(name);
    const value = allowed.find((word) => word === text.toLowerCase());
    if (value !== undefined) return value;
    this.refuse(name, `is ${quote(text.toLowerCase())}`, `one of ${allowed.join(', ')}`, VARIABLES[name]);
    return VARIABLES[name] as (typeof VARIABLES)[V] & T;
  }
}

export function listed(text: string | null): string[] {
  const entries = (text ?? '').split(',').map((each) => each.trim());
  return entries.filter((each) => each !== '');
}

export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

export function describeProblems(problems: readonly Problem[]): string {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  const lines = problems.map(
    ({ name, wrong, right, example }) => `  ${name} ${wrong}.\n    Accepted: ${right}. Example: ${example}`,
  );
  return [`The configuration has ${count}:`, ...lines].join('\n');
}

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** `vendorCases` as `vendor-cases`. */
export function dashed(name: string): string {
  return name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '-').toLowerCase();
}

const POLLING = Object.fromEntries(
  Object.values(byResource(({ polling }) => [polling.variable, `${polling.defaultMs / HOUR}h`])),
) as Record<PollingVariable, string>;

/** Every variable with its default as text; `null`: none, or one that depends on others. */
export const VARIABLES = {
  ABNORMAL_TOKEN: null,
  ABNORMAL_BASE_URL: null,
  ABNORMAL_REGION: 'us',
  ABNORMAL_NEW_TOKEN: null,
  ENCRYPTION_KEY: null,
  ALLOW_PRIVATE_ADDRESSES: 'no',
  SIMULATOR: 'on',
  HISTORY: 'sqlite:./data/history.db',
  MONGODB_READS: 'primary',
  HOST: '127.0.0.1',
  PORT: '4000',
  ALLOW_UNAUTHENTICATED: 'no',
  API_KEYS: null,
  JWKS_URL: null,
  JWT_AUDIENCE: null,
  JWT_ISSUER: null,
  JWT_CLOCK_SKEW: '60s',
  JWT_ROLE_CLAIM: 'role',
  TRUST_PROXY: null,
  SIGN_IN_HEADER: null,
  CORS_ORIGINS: null,
  IDE: 'on',
  FEDERATION: 'off',
  LANDING_PAGE: 'on',
  INTROSPECTION: 'on',
  METRICS: 'readers',
  COLLECT: DEFAULT_RESOURCES.map(dashed).join(','),
  ...POLLING,
  BACKFILL_FROM: null,
  INGESTION_LAG: '15m',
  REREAD_HORIZON: '30d',
  RECONCILE_EVERY: '24h',
  DEFAULT_MAX_AGE: '300',
  SIGNING_KEY: null,
  SEAL_HOOK: null,
  POLICY: null,
  WEBHOOK_SECRETS: null,
  UPSTREAM_RPM: '300',
  UPSTREAM_CONCURRENCY: '4',
  UPSTREAM_TIMEOUT: '30s',
  RATE_LIMIT: '3000',
  REQUEST_TIMEOUT: '30s',
  QUERY_LIMITS: null,
  COST_LIMITS: null,
  PERSISTED_OPERATIONS: null,
  REDACT: null,
  LOG_LEVEL: 'info',
  ACCESS_LOG: 'off',
} as const;
export type Variable = keyof typeof VARIABLES;
export const VARIABLE_NAMES = Object.keys(VARIABLES) as readonly Variable[];
type Defaulted = { [V in Variable]: (typeof VARIABLES)[V] extends string ? V : never }[Variable];

/** The known name that `name` may be a misspelling of; short names are too similar to tell. */
export function nearestVariable(name: string): Variable | null {
  const upper = name.toUpperCase();
  const [best] = VARIABLE_NAMES.map((known) => ({ known, distance: editDistance(upper, known) })).sort(
    (a, b) => a.distance - b.distance,
  );
  if (!best) return null;
  const ours = /^(ABNORMAL_|UPSTREAM_|POLL_)/.test(upper);
  const near = Math.min(upper.length, best.known.length) < 7 ? 0 : 2;
  return ours || best.distance <= near ? best.known : null;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const swap = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(swap, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
