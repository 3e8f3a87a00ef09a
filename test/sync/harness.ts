import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { type Budget, createBudget } from '../../src/abnormal/budget.js';
import { createAbnormalClient } from '../../src/abnormal/rest-client.js';
import type { StartTimer } from '../../src/async/waiting.js';
import { openStore } from '../../src/history/open-store.js';
import type { HistoryStore, PageItem, StorePage } from '../../src/history/store.js';
import type { Account } from '../../src/integrations/accounts.js';
import type { Log } from '../../src/log.js';
import type { Counters } from '../../src/metrics/counters.js';
import { OPEN_SEQ, type RevisionRecord } from '../../src/model/revision.js';
import { CORE_RESOURCES, type ListedKind, type Resource } from '../../src/resources/registry.js';
import type { TenantOptions, TenantRecordKind } from '../../src/simulator/options.js';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/server.js';
import { createTenant, type Tenant } from '../../src/simulator/tenant.js';
import { DEFAULT_SYNC_SETTINGS, type SyncSettings } from '../../src/sync/context.js';
import { createSync } from '../../src/sync/create-sync.js';
import type { PassReport, PollReport, Sync } from '../../src/sync/sync.js';
import { canonicalJson } from '../../src/values/canonical-json.js';
import { type Instant, toMillis } from '../../src/values/instant.js';
import { fixedAccounts } from '../support/fixed-accounts.js';

export const INTEGRATION = 'default';

/** The clock of everything in a test; it stands until it is moved. */
export interface TestClock {
  (): number;
  set(instant: Instant): void;
  advance(ms: number): void;
  /** Moves by `ms` with every request that reaches the simulator. */
  perRequestMs: number;
  /** How far the gateway's own clock is ahead of the tenant's. */
  skewMs: number;
}

export function testClock(start: Instant): TestClock {
  let now = toMillis(start);
  return Object.assign(() => now, {
    set: (instant: Instant) => {
      now = toMillis(instant);
    },
    advance: (ms: number) => {
      now += ms;
    },
    perRequestMs: 0,
    skewMs: 0,
  });
}

/** A timer that does not wait: the clock moves instead. */
function passing(clock: TestClock): StartTimer {
  return (callback, ms) => {
    const immediate = setImmediate(() => {
      clock.advance(ms);
      callback();
    });
    return () => clearImmediate(immediate);
  };
}

export interface World {
  readonly clock: TestClock;
  readonly tenant: Tenant;
  readonly simulator: Simulator;
  readonly store: HistoryStore;
  /** The file of the store. */
  readonly file: string;
  readonly account: Account;
  readonly budget: Budget;
  readonly settings: SyncSettings;
  readonly sync: Sync;
  /** What the client sends as its token. */
  readonly token: { value: string };
  poll(resource?: Resource, signal?: AbortSignal): Promise<PollReport>;
  /** Another sync over the same store, as after a restart. */
  restart(settings?: Partial<SyncSettings>): Sync;
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly now: Instant;
  readonly tenant: TenantOptions;
  readonly simulator?: Partial<Omit<SimulatorOptions, 'tenant' | 'clock'>>;
  readonly settings?: Partial<SyncSettings>;
  readonly log?: Log;
  readonly counters?: Pick<Counters, 'upstream' | 'sync'>;
  /** Requests a minute; far more than there can be, unless given. */
  readonly rpm?: number;
  /** The largest body that the client reads. */
  readonly maxBodyBytes?: number;
  /** Default: a SQLite file. */
  readonly history?: string;
}

/** A simulated tenant behind HTTP, the real client, a SQLite file and the sync between them. */
export async function createTenantWorld(options: WorldOptions): Promise<World> {
  const clock = testClock(options.now);
  const tenant = createTenant(options.tenant);
  const simulator = await startSimulator({
    ...options.simulator,
    tenant,
    clock,
    onRequest: (request) => {
      clock.advance(clock.perRequestMs);
      options.simulator?.onRequest?.(request);
    },
  });
  const ownClock = () => clock() + clock.skewMs;
  const folder = await mkdtemp(join(tmpdir(), 'sync-'));
  const file = join(folder, 'history.db');
  const store = await openStore(options.history ?? `sqlite:${file}`, 'write', { now: ownClock });
  const token = { value: simulator.token };
  const log = options.log ?? pino({ level: process.env.SYNC_LOG ?? 'silent' });
  // nothing waits for the rate: the clock moves on instead
  const budget = createBudget({
    ...{ rpm: options.rpm ?? 1e9, concurrency: 4 },
    ...{ clock, startTimer: passing(clock) },
  });
  const client = createAbnormalClient({
    baseUrl: simulator.baseUrl,
    token: () => token.value,
    budget,
    timeoutMs: 2_000,
    clock: ownClock,
    log,
    retry: { baseMs: 1, capMs: 5, pauseMs: 1 },
    observer: options.counters?.upstream(INTEGRATION),
    maxBodyBytes: options.maxBodyBytes,
  });
  const account: Account = { name: INTEGRATION, origin: 'SIMULATED', baseUrl: simulator.baseUrl, client };
  const settings: SyncSettings = {
    ...DEFAULT_SYNC_SETTINGS,
    collect: CORE_RESOURCES,
    ...options.settings,
  };
  const make = (over: Partial<SyncSettings> = {}) =>
    createSync({
      store,
      accounts: fixedAccounts(account),
      settings: { ...settings, ...over },
      clock: ownClock,
      log,
      observer: options.counters?.sync,
    });
  const sync = make();
  return {
    clock,
    tenant,
    simulator,
    store,
    file,
    account,
    budget,
    settings,
    sync,
    token,
    poll: (resource, signal = new AbortController().signal) =>
      sync.poll({ ...(resource ? { resources: [resource] } : {}), signal }),
    restart: make,
    async close() {
      await sync.close();
      client.close();
      await store.close();
      await simulator.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** The pass of one resource in a report. */
export function passOf(report: PollReport, resource: Resource): PassReport {
  const pass = report.passes.find((candidate) => candidate.resource === resource);
  if (!pass) throw new Error(`no pass of ${resource}`);
  return pass;
}

/** Everything the history holds of a kind, current and not deleted, by id. */
export async function heldOf(store: HistoryStore, kind: ListedKind): Promise<Map<string, RevisionRecord>> {
  const { seq } = await store.head();
  const held = new Map<string, RevisionRecord>();
  let after = null;
  for (;;) {
    const page: StorePage<PageItem> = await store.page({
      kind,
      integrations: null,
      filter: null,
      seq,
      orderBy: 'id',
      descending: false,
      after,
      limit: 500,
    });
    for (const { revision } of page.items) held.set(revision.key.id, revision);
    if (!page.hasMore) return held;
    after = page.items.at(-1)?.position ?? null;
  }
}

/** What the tenant holds of a kind at an instant, by id, as canonical JSON. */
export function truthOf(tenant: Tenant, kind: ListedKind, at: Instant, since?: Instant): Map<string, string> {
  const truth = new Map<string, string>();
  for (const record of tenant.truth(at, since)) {
    if (record.kind === kind) truth.set(record.id, canonicalJson(record.payload));
  }
  return truth;
}

/** All revisions of a record with what was received, oldest first. */
export async function historyOf(store: HistoryStore, key: RevisionRecord['key']) {
  const revisions = await store.revisions(key, OPEN_SEQ, 1000);
  return Promise.all(
    revisions
      .toReversed()
      .map(async (revision) => ({ revision, received: await store.received(key, revision.seqFrom) })),
  );
}

/**
 * What is wrong with the history of a kind, as the tenant's versions tell: records that it lacks as of `settled`,
 * those whose last version had been superseded by then, and versions that the tenant never had, or in another
 * order. Empty when all is well.
 */
export async function faultsOf(
  { store, tenant }: Pick<World, 'store' | 'tenant'>,
  kind: ListedKind,
  settled: Instant,
  since: Instant,
): Promise<string[]> {
  const faults: string[] = [];
  const held = await heldOf(store, kind);
  for (const record of tenant.truth(settled, since)) {
    if (record.kind === kind && !held.has(record.id)) faults.push(`${record.id} is missing`);
  }
  for (const [id, { key }] of held) {
    const versions = tenant.versionsOf(kind as TenantRecordKind, id);
    const texts = versions.map(({ payload }) => receivedText(payload));
    const wanted = versions.findLastIndex(({ visibleFrom }) => visibleFrom <= settled);
    const received = (await historyOf(store, key)).map((version) =>
      withoutEmptyMessages(version.received ?? ''),
    );
    let place = -1;
    for (const text of received) {
      place = texts.indexOf(text, place + 1);
      if (place < 0) break;
    }
    if (place < 0) faults.push(`${id} has a version that never was, or in another order`);
    else if (!texts.slice(Math.max(0, wanted)).includes(received.at(-1) ?? ''))
      faults.push(`${id} is behind`);
  }
  return faults;
}

function receivedText(payload: unknown): string | null {
  return payload === null ? null : withoutEmptyMessages(canonicalJson(payload));
}

/** The tenant's account of a threat without messages does not say whether the list of them is empty or absent. */
function withoutEmptyMessages(text: string): string {
  return text.replace('"messages":[],', '');
}
