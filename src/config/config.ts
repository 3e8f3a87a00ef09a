import { LOG_LEVELS, type LogLevel } from '../log.js';
import {
  byResource,
  COLLECTABLE_PARTS,
  type PartKind,
  RESOURCES,
  type Resource,
} from '../resources/registry.js';
import { DAY, HOUR, type Instant } from '../values/instant.js';
import { Secret } from '../values/secret.js';
import {
  type CallersConfig,
  callerWarnings,
  keysIn,
  readCallers,
  readCorsOrigins,
  readSignInHeader,
  readTrustProxy,
  type TrustProxy,
} from './callers.js';
import {
  dashed,
  nearestVariable,
  type Problem,
  quote,
  VARIABLE_NAMES,
  VARIABLES,
  VariableReader,
} from './reader.js';
import {
  type AccountConfig,
  formsOfKeys,
  type LimitsConfig,
  type ProofConfig,
  readAccount,
  readLimits,
  readProof,
  readVault,
  secretsInProof,
  type VaultConfig,
  webhookSecretsIn,
} from './sections.js';

/** Durations are in milliseconds. */
export interface Config {
  readonly account: AccountConfig | null;
  /** Whether the simulated tenant is used if there is no account; `null`: not set. */
  readonly simulator: boolean | null;
  readonly vault: VaultConfig;
  /** `sqlite:<path>` or a MongoDB connection string, which may contain a password. */
  readonly history: string;
  /** Which servers of a MongoDB history answer the reads of callers. */
  readonly historyReads: 'primary' | 'secondary-preferred';
  readonly http: {
    readonly host: string;
    readonly port: number;
    readonly ide: boolean;
    /** Whether `/` is a page, and `/graphql` is Apollo Sandbox in a browser. */
    readonly landingPage: boolean;
    readonly introspection: boolean;
    readonly isSubgraph: boolean;
    /** Whether everyone may read, from any host, if authentication is off. */
    readonly anyHost: boolean;
    /** Whether `/metrics` is public. */
    readonly openMetrics: boolean;
    readonly trustProxy: TrustProxy;
    /** In which header a trusted proxy passes the token of its user; `null`: in none. */
    readonly signInHeader: string | null;
    readonly corsOrigins: readonly string[];
    readonly accessLog: boolean;
  };
  readonly callers: CallersConfig;
  readonly poll: {
    readonly every: Readonly<Record<Resource, number>>;
    readonly collect: readonly Resource[];
    /** Parts of records that are read without a request for them. */
    readonly collectParts: readonly PartKind[];
    readonly backfillFrom: Instant | null;
    readonly ingestionLag: number;
    readonly rereadHorizon: number;
    /** 0: never. */
    readonly reconcileEvery: number;
  };
  readonly maxAge: number;
  readonly upstream: {
    /** Requests per minute; `null`: not set, so that the simulated tenant may have another default. */
    readonly rpm: number | null;
    readonly concurrency: number;
    readonly timeout: number;
  };
  readonly limits: LimitsConfig;
  readonly proof: ProofConfig;
  readonly policy: string | null;
  /** `null`: not set, so that each command may have another default. */
  readonly logLevel: LogLevel | null;
  /** All credentials of the configuration, to keep them out of logs and messages. */
  readonly secrets: readonly Secret[];
}

/** The requests per minute that Abnormal allows a customer, for all clients together. */
export const DEFAULT_RPM = Number(VARIABLES.UPSTREAM_RPM);

export interface RawConfig {
  readonly values: Readonly<Record<string, string>>;
  /** Names that look like misspellings of known ones, with the probable name. */
  readonly misspelt: readonly { readonly name: string; readonly meant: string }[];
}

export type ConfigResult =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly warnings: readonly string[] };

/** An empty or blank variable counts as unset. */
export function readEnv(env: Readonly<Record<string, string | undefined>>): RawConfig {
  const isSet = (name: string) => (env[name] ?? '').trim() !== '';
  const values = Object.fromEntries(
    VARIABLE_NAMES.filter(isSet).map((name) => [name, (env[name] ?? '').trim()]),
  );
  const misspelt = Object.keys(env)
    .filter((name) => isSet(name) && !VARIABLE_NAMES.some((known) => known === name))
    .flatMap((name) => {
      const meant = nearestVariable(name);
      return meant === null ? [] : [{ name, meant }];
    });
  return { values, misspelt };
}

/** A complete configuration, or all problems at once. */
export function toConfig(raw: RawConfig): ConfigResult {
  const read = new VariableReader(raw.values);
  const simulator = readSimulator(read);
  const config: Config = {
    account: readAccount(read),
    simulator,
    vault: readVault(read),
    history: history(read, simulator),
    historyReads: read.oneOf('MONGODB_READS', ['primary', 'secondary-preferred']),
    http: http(read),
    callers: readCallers(read),
    poll: {
      every: byResource(({ polling }) => read.duration(polling.variable, 1000, 30 * DAY)),
      ...readCollect(read),
      backfillFrom: read.instant('BACKFILL_FROM'),
      ingestionLag: read.duration('INGESTION_LAG', 0, DAY),
      rereadHorizon: read.duration('REREAD_HORIZON', 0, 3650 * DAY),
      reconcileEvery: read.durationOrOff('RECONCILE_EVERY', HOUR, 30 * DAY),
    },
    maxAge: read.seconds('DEFAULT_MAX_AGE'),
    upstream: {
      rpm: raw.values.UPSTREAM_RPM === undefined ? null : read.number('UPSTREAM_RPM', 1, 1_000_000),
      concurrency: read.number('UPSTREAM_CONCURRENCY', 1, 100),
      timeout: read.duration('UPSTREAM_TIMEOUT', 100, HOUR),
    },
    limits: readLimits(read),
    proof: readProof(read),
    policy: read.text('POLICY'),
    logLevel: raw.values.LOG_LEVEL === undefined ? null : read.oneOf('LOG_LEVEL', LOG_LEVELS),
    secrets: secretsIn(raw.values),
  };
  const warnings = [...misspellings(raw), ...callerWarnings(raw.values), ...unusedTogether(raw.values)];
  if (read.problems.length > 0) return { ok: false, problems: read.problems, warnings };
  return { ok: true, config, warnings };
}

/** Simulated records have a history of their own, unless `HISTORY` is set. */
const DEFAULT_HISTORY = { account: VARIABLES.HISTORY, simulated: 'sqlite:./data/simulated.db' };

function history(read: VariableReader, simulator: boolean | null): string {
  // who sets a key stores integrations, or is about to
  const isKeeper = read.text('ENCRYPTION_KEY') !== null;
  const isForAccounts = read.text('ABNORMAL_TOKEN') !== null || !(simulator ?? !isKeeper);
  const byDefault = isForAccounts ? DEFAULT_HISTORY.account : DEFAULT_HISTORY.simulated;
  const text = read.text('HISTORY') ?? byDefault;
  if (/^sqlite:.+/.test(text) || /^mongodb(\+srv)?:\/\/.+/.test(text)) return text;
  // the value may contain a password, so no message repeats it
  const right = 'sqlite:<path of a file>, mongodb://… or mongodb+srv://…';
  read.refuse('HISTORY', 'is neither a SQLite path nor a MongoDB address', right, DEFAULT_HISTORY.account);
  return text;
}

/** Both `vendor-cases` and `vendorCases` are accepted. */
function readCollect(read: VariableReader): Pick<Config['poll'], 'collect' | 'collectParts'> {
  const plain = (name: string) => name.replaceAll('-', '').toLowerCase();
  const named = read.textOrDefault('COLLECT').split(/[\s,]+/);
  const texts = new Set(named.filter((name) => name !== '').map(plain));
  const [collect, collectParts] = [RESOURCES, COLLECTABLE_PARTS].map((all) =>
    all.filter((name) => texts.has(plain(name))),
  ) as [Resource[], PartKind[]];
  const known = [...RESOURCES, ...COLLECTABLE_PARTS];
  const unknown = named.find((name) => name !== '' && !known.some((each) => plain(each) === plain(name)));
  const problem = unknown === undefined ? null : `names ${quote(unknown)}`;
  if (problem !== null || collect.length === 0) {
    const right = `a list of ${known.map(dashed).join(', ')}, with at least one resource`;
    read.refuse('COLLECT', problem ?? 'names no resource', right, VARIABLES.COLLECT);
  }
  return { collect, collectParts };
}

function readSimulator(read: VariableReader): boolean | null {
  if (read.text('SIMULATOR') === null) return null;
  return read.oneOf('SIMULATOR', ['on', 'off']) === 'on';
}

function secretsIn(values: RawConfig['values']): Secret[] {
  const [, password = ''] = /^mongodb(?:[+]srv)?:[/][/][^:@/]*:([^@/]*)@/.exec(values.HISTORY ?? '') ?? [];
  const keys = formsOfKeys(values.ENCRYPTION_KEY ?? '');
  const own = [...keys, ...keysIn(values.API_KEYS ?? ''), ...secretsInProof(values)];
  const hooks = webhookSecretsIn(values.WEBHOOK_SECRETS ?? '');
  const tokens = [values.ABNORMAL_TOKEN ?? '', values.ABNORMAL_NEW_TOKEN ?? ''];
  const texts = [...tokens, ...hooks, password, percentDecoded(password), ...own];
  return [...new Set(texts)].filter((text) => text !== '').map((text) => new Secret(text));
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function http(read: VariableReader): Config['http'] {
  const isOn = (name: 'IDE' | 'LANDING_PAGE' | 'INTROSPECTION' | 'FEDERATION' | 'ACCESS_LOG') =>
    read.oneOf(name, ['on', 'off']) === 'on';
  return {
    host: read.textOrDefault('HOST'),
    port: read.number('PORT', 0, 65_535),
    ide: isOn('IDE'),
    landingPage: isOn('LANDING_PAGE'),
    introspection: isOn('INTROSPECTION'),
    isSubgraph: isOn('FEDERATION'),
    anyHost: read.oneOf('ALLOW_UNAUTHENTICATED', ['yes', 'no']) === 'yes',
    openMetrics: read.oneOf('METRICS', ['readers', 'open']) === 'open',
    trustProxy: readTrustProxy(read),
    signInHeader: readSignInHeader(read),
    corsOrigins: readCorsOrigins(read),
    accessLog: isOn('ACCESS_LOG'),
  };
}

function misspellings(raw: RawConfig): string[] {
  return raw.misspelt.map(
    ({ name, meant }) => `${name} is not a variable of this service; did you mean ${meant}?`,
  );
}

function unusedTogether(values: RawConfig['values']): string[] {
  if (values.ABNORMAL_TOKEN !== undefined) return [];
  return ['ABNORMAL_BASE_URL', 'ABNORMAL_REGION']
    .filter((name) => values[name] !== undefined)
    .map(
      (name) =>
        `${name} is set, but ABNORMAL_TOKEN is not: ${values.ENCRYPTION_KEY === undefined ? 'the built-in simulated tenant is used, not your account' : 'stored accounts have addresses of their own'}`,
    );
}
