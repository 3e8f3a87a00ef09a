import { type Instant, toMillis } from '../values/instant.js';
import { hash32, seedOf } from './random.js';
import { createSchedule, type Schedule } from './schedule.js';

/** Not imported: the simulator shares no table with the client that it tests. */
export type Resource = 'threats' | 'cases' | 'campaigns';
export type TenantRecordKind = 'threat' | 'case' | 'campaign';

export const RESOURCE_OF = { threat: 'threats', case: 'cases', campaign: 'campaigns' } as const;
export const KIND_OF = { threats: 'threat', cases: 'case', campaigns: 'campaign' } as const;

/** The same options give the same tenant, byte for byte. */
export interface TenantOptions {
  readonly seed: number | string;
  /** Records arrive in `[from, to)`; those in the clock's future appear later. */
  readonly from: Instant;
  readonly to: Instant;
  readonly threats: number;
  readonly cases: number;
  readonly campaigns: number;
  /** Default 0, as the next. */
  readonly vendorCases?: number;
  /** Detection 360 reports. */
  readonly reports?: number;
  readonly notAnalyzed?: number;
  readonly auditLogs?: number;
  /** Default: `SHARES`. */
  readonly shares?: Partial<Shares>;
  /** Message pages, or the ten newest messages without paging; both have been observed. Default: `paged`. */
  readonly detailMessages?: 'paged' | 'sample';
}

/** The share of each oddity among the records that can have it, in [0, 1]. */
interface Shares {
  /** Arrivals and changes that become visible 3 to 14 minutes later. */
  readonly lateArrivals: number;
  readonly hugeThreats: number;
  /** Threats that are listed, but whose detail always answers 404. */
  readonly missingThreats: number;
  /** Threats whose detail answers 404 after a day; they stay listed and are never remediated. */
  readonly deletedThreats: number;
  /** Threats whose messages have only the numeric `abxMessageId`. */
  readonly withoutIdText: number;
  /** Threats whose detail has a missing or empty list of messages. */
  readonly withoutMessages: number;
  readonly arrayAddresses: number;
  readonly nulls: number;
  readonly absentFields: number;
  /** Cases with a number as id, separately for list and detail. */
  readonly numericCaseIds: number;
  readonly danglingThreatIds: number;
  readonly nullNextPage: number;
  /** Undone remediations that change `latestTimeRemediated`; the others are invisible to lists. */
  readonly undoneRelists: number;
}

const SHARES: Shares = {
  lateArrivals: 0.1,
  hugeThreats: 0.002,
  missingThreats: 0.001,
  deletedThreats: 0.001,
  withoutIdText: 0.02,
  withoutMessages: 0.001,
  arrayAddresses: 0.3,
  nulls: 0.1,
  absentFields: 0.1,
  numericCaseIds: 0.6,
  danglingThreatIds: 0.03,
  nullNextPage: 0.25,
  undoneRelists: 1,
};

export interface TenantWorld {
  readonly seed: number;
  readonly shares: Shares;
  readonly sampleOnly: boolean;
  readonly threats: Schedule;
  readonly cases: Schedule;
  readonly campaigns: Schedule;
  readonly vendorCases: Schedule;
  readonly reports: Schedule;
  readonly notAnalyzed: Schedule;
  readonly auditLogs: Schedule;
}

/** Throws a RangeError if the span is empty or a count is not a natural number below 2^31. */
export function createTenantWorld(options: TenantOptions): TenantWorld {
  const { threats, cases, campaigns } = options;
  const { reports = 0, vendorCases = 0, notAnalyzed = 0, auditLogs = 0 } = options;
  const [from, to] = [toMillis(options.from), toMillis(options.to)];
  if (!(from < to)) throw new RangeError(`empty span: ${options.from} to ${options.to}`);
  for (const count of [threats, cases, campaigns, reports, vendorCases, notAnalyzed, auditLogs]) {
    if (!Number.isInteger(count) || count < 0 || count >= 2 ** 31)
      throw new RangeError(`not a count: ${count}`);
  }
  const seed = seedOf(options.seed);
  const schedule = (salt: number, count: number) => createSchedule(hash32(seed, salt), from, to, count);
  return {
    seed,
    shares: { ...SHARES, ...options.shares },
    sampleOnly: options.detailMessages === 'sample',
    threats: schedule(1, threats),
    cases: schedule(2, cases),
    campaigns: schedule(3, campaigns),
    reports: schedule(4, reports),
    vendorCases: schedule(5, vendorCases),
    notAnalyzed: schedule(6, notAnalyzed),
    auditLogs: schedule(7, auditLogs),
  };
}
