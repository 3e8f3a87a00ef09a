import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { createBudget } from '../../src/abnormal/budget.js';
import { createAbnormalClient } from '../../src/abnormal/rest-client.js';
import { readReportQuestion } from '../../src/app/report-question.js';
import { resolveReport } from '../../src/app/reports.js';
import { readEnv, toConfig } from '../../src/config/config.js';
import type { ReportFormat, ReportQuestion } from '../../src/evidence/report/write-report.js';
import type { HistoryStore } from '../../src/history/store.js';
import type { Account } from '../../src/integrations/accounts.js';
import { createCipher } from '../../src/integrations/encryption.js';
import { Vault } from '../../src/integrations/stored-vault.js';
import { NO_POLICY } from '../../src/policy/policy.js';
import { CORE_RESOURCES, type CoreResource } from '../../src/resources/registry.js';
import type { Fault, FaultPlan } from '../../src/simulator/faults.js';
import type { TenantOptions } from '../../src/simulator/options.js';
import { type Simulator, startSimulator } from '../../src/simulator/server.js';
import { createTenant, type Tenant } from '../../src/simulator/tenant.js';
import { DEFAULT_SYNC_SETTINGS } from '../../src/sync/context.js';
import { createSync } from '../../src/sync/create-sync.js';
import { HOUR, type Instant, toMillis } from '../../src/values/instant.js';
import { Secret } from '../../src/values/secret.js';
import { fixedAccounts } from './fixed-accounts.js';

/*
 * A quarter of a simulated account, collected through its API as a gateway does it, with failings planted in it: an
 * outage that was caught up, one that was not, messages nobody remediated, a case taken up late, and an old token.
 */

export const EXAMPLE = {
  integration: 'example',
  period: '2026-Q3',
  from: '2026-07-01T00:00:00.000Z',
  to: '2026-10-01T00:00:00.000Z',
  /** Collected from before the quarter until after its end, so that nothing of it is open for want of a poll. */
  collectedFrom: '2026-06-20T00:00:00.000Z',
  collectedTo: '2026-10-04T00:00:00.000Z',
  /** Abnormal answers nothing for a day and a half; the polls after that read what was missed. */
  caughtUp: { from: '2026-07-14T00:00:00.000Z', to: '2026-07-15T12:00:00.000Z' },
  /** The same again, and when the report is made it still does not answer. */
  ongoing: { from: '2026-09-28T12:00:00.000Z', to: '2026-10-05T00:00:00.000Z' },
  /** The last poll before that, less the ingestion lag: what had arrived by then is held. */
  heldTo: '2026-09-28T08:45:00.000Z',
  tokenIssued: '2026-05-11T00:00:00.000Z',
} as const;

/** Chosen so that the truth has three messages that nobody remediated and one case that was taken up late. */
export const TENANT: TenantOptions = {
  seed: 'worked example 4926',
  from: EXAMPLE.collectedFrom,
  to: '2026-10-03T00:00:00.000Z',
  threats: 36,
  cases: 6,
  campaigns: 0,
  shares: { missingThreats: 0, deletedThreats: 0, hugeThreats: 0, withoutMessages: 0, lateArrivals: 0 },
};

interface Span {
  readonly from: Instant;
  readonly to: Instant;
}

const DOWN: Fault = { kind: 'serverError', status: 503 };
const OUTAGES: FaultPlan = {
  rules: [EXAMPLE.caughtUp, EXAMPLE.ongoing].map(({ from, to }) => ({ fault: DOWN, from, until: to })),
};

/** Collects the example into a history, which is to be empty. */
export async function collectExample(store: HistoryStore, every = EVERY): Promise<void> {
  const time = { now: toMillis(EXAMPLE.collectedFrom) };
  const clock = () => time.now;
  const tenant = createTenant(TENANT);
  const simulator = await startSimulator({ tenant, clock, campaignsPath: 'none', faults: OUTAGES });
  try {
    await keepToken(store);
    await poll(store, simulator, time, every);
  } finally {
    await simulator.close();
  }
}

/** The integration's token was issued long ago, and the vault knows it. */
async function keepToken(store: HistoryStore): Promise<void> {
  const clock = () => toMillis(EXAMPLE.tokenIssued);
  const vault = new Vault({ store, cipher: createCipher([randomBytes(32)]), allowPrivate: false, clock });
  const { integration: name, tokenIssued: issuedAt } = EXAMPLE;
  const { token } = await vault.add({ name, token: new Secret('an-example-of-a-token'), region: 'us' });
  await vault.noteTimes(name, token.storedAt, { issuedAt, expiresAt: null });
}

const EVERY: Record<CoreResource, number> = { threats: 4 * HOUR, cases: 4 * HOUR, campaigns: 24 * HOUR };

async function poll(
  store: HistoryStore,
  simulator: Simulator,
  time: { now: number },
  every: Record<CoreResource, number>,
): Promise<void> {
  const clock = () => time.now;
  const log = pino({ level: 'silent' });
  const immediately = (callback: () => void) => {
    const immediate = setImmediate(callback);
    return () => clearImmediate(immediate);
  };
  const client = createAbnormalClient({
    ...{ baseUrl: simulator.baseUrl, token: () => simulator.token, clock, log, timeoutMs: 10_000 },
    budget: createBudget({ rpm: 1e9, concurrency: 4, clock, startTimer: immediately }),
    retry: { baseMs: 1, capMs: 1, pauseMs: 1 },
  });
  const { integration: name, collectedFrom, collectedTo } = EXAMPLE;
  const account: Account = { name, origin: 'SIMULATED', baseUrl: simulator.baseUrl, client };
  let runs = 0;
  const sync = createSync({
    ...{ store, clock, log, accounts: fixedAccounts(account) },
    settings: { ...DEFAULT_SYNC_SETTINGS, collect: CORE_RESOURCES, backfillFrom: collectedFrom },
    newId: () => `run-${++runs}`,
  });
  const { signal } = new AbortController();
  const begin = toMillis(collectedFrom) + HOUR;
  for (; time.now <= toMillis(collectedTo); time.now += HOUR) {
    // one after the other, so that the same history comes of it each time
    for (const resource of ['threats', 'cases', 'campaigns'] as const) {
      if (time.now < begin || (time.now - begin) % every[resource] !== 0) continue;
      await sync.poll({ resources: [resource], signal });
    }
  }
  await sync.close();
}

/** What the truth has of the planted failings, computed from what the account itself would show. */
export interface Planted {
  /** Malicious messages of the quarter that nobody remediated, by id. */
  readonly unremediated: readonly string[];
  /** Cases of the quarter that were not taken up within a day, by id. */
  readonly lateCases: readonly string[];
}

interface RawMessage {
  readonly abxMessageIdStr?: string;
  readonly abxMessageId: string | number;
  readonly receivedTime: string;
  readonly remediationStatus?: string | null;
  readonly remediationTimestamp?: string | null;
  readonly source?: string | null;
  readonly attackType?: string | null;
}

/** The planted failings, from the tenant alone. */
export function plantedIn(tenant: Tenant): Planted {
  const at = EXAMPLE.collectedTo;
  const [unremediated, lateCases]: [string[], string[]] = [[], []];
  for (const { kind, id, payload } of tenant.truth(at)) {
    if (kind === 'threat') {
      const { messages } = payload as { messages: RawMessage[] };
      const isOwn = ({ receivedTime }: RawMessage) => isWithin(receivedTime, HELD);
      unremediated.push(
        ...messages
          .filter(isOwn)
          .filter(isLeft)
          .map((m) => m.abxMessageIdStr ?? String(m.abxMessageId)),
      );
    } else if (kind === 'case' && isLate(tenant, id)) lateCases.push(id);
  }
  return { unremediated: unremediated.sort(), lateCases: lateCases.sort() };
}

const HELD: Span = { from: EXAMPLE.from, to: EXAMPLE.heldTo };

function isWithin(text: string, { from, to }: Span): boolean {
  const ms = Date.parse(text.endsWith('Z') || /[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`);
  return ms >= toMillis(from) && ms < toMillis(to);
}

function isLeft({ remediationStatus, remediationTimestamp, source, attackType }: RawMessage): boolean {
  const kind = source || attackType || '';
  if (remediationStatus === 'Marked Safe' || /spam|graymail|borderline|^safe/i.test(kind)) return false;
  if (!remediationStatus) return !remediationTimestamp;
  return !/^(auto|post)[- ]remediated/i.test(remediationStatus);
}

function isLate(tenant: Tenant, id: string): boolean {
  type Shown = {
    detail: { case_status: string; customerVisibleTime: string };
    item: { last_modified: string };
  };
  const versions = tenant.versionsOf('case', id).map(({ payload }) => payload as Shown);
  const visible = versions[0]?.detail.customerVisibleTime ?? '';
  if (!isWithin(visible, HELD)) return false;
  const taken = versions.find(({ detail }) => detail.case_status.startsWith('Acknowledged'));
  return !taken || Date.parse(taken.item.last_modified) > Date.parse(visible) + 24 * HOUR;
}

/** The question that the example's report answers, as the command puts it. */
export async function askExample(
  store: HistoryStore,
  format: ReportFormat,
  policy = NO_POLICY,
): Promise<ReportQuestion> {
  const config = toConfig(readEnv({}));
  if (!config.ok) throw new Error('the configuration is wrong');
  const services = {
    store,
    config: config.config,
    policy: () => policy,
    clock: () => toMillis(EXAMPLE.collectedTo),
  };
  const nameOf = (name: string) => name;
  return resolveReport(
    services,
    readReportQuestion({ period: EXAMPLE.period }, nameOf, EXAMPLE.collectedTo),
    format,
    nameOf,
  );
}
