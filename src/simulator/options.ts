import { type Instant, toMillis } from '../values/instant.js';
import { hash32, seedOf } from './random.js';
import { createSchedule, type Schedule } from './schedule.js';

/** The lists of the API, spelled out here: the simulator shares no table with the client that it tests. */
export type Resource = 'threats' | 'cases' | 'campaigns';
export type TenantRecordKind = 'threat' | 'case' | 'campaign';

export const RESOURCE_OF = { threat: 'threats', case: 'cases', campaign: 'campaigns' } as const;
export const KIND_OF = { threats: 'threat', cases: 'case', campaigns: 'campaign' } as const;

/** What the tenant is. The same options give the same tenant, byte for byte. */
export interface TenantOptions {
  readonly seed: number | string;
  /** Threats, cases and campaigns arrive in `[from, to)`; what lies in the clock's future appears as it passes. */
  readonly from: Instant;
  readonly to: Instant;
  readonly threats: number;
  readonly cases: number;
  readonly campaigns: number;
  /** How common the oddities are; those left out are as in `SHARES`. */
  readonly shares?: Partial<Shares>;
  /**
   * Whether a threat's detail pages through its messages, or gives the ten newest and ignores paging, as
   * different accounts have been seen to do. Default `paged`.
   */
  readonly detailMessages?: 'paged' | 'sample';
}

/** How common each oddity is among the records that could have it, in [0, 1]. */
export interface Shares {
  /** Arrivals and changes that are visible only 3 to 14 minutes after they happened. */
  readonly lateArrivals: number;
  /** Threats with 101 to 350 messages. */
  readonly hugeThreats: number;
  /** Threats that are listed but whose detail answers 404 from the first. */
  readonly missingThreats: number;
  /** Threats whose detail answers 404 from a day on; they stay listed and are never remediated. */
  readonly deletedThreats: number;
  /** Threats whose messages have `abxMessageId` alone, without its text twin. */
  readonly withoutIdText: number;
  /** Threats whose detail gives no messages: the list is missing or empty. */
  readonly withoutMessages: number;
  /** Threats whose `toAddresses` is an array rather than a string. */
  readonly arrayAddresses: number;
  /** Optional fields that are null, and those that are absent. */
  readonly nulls: number;
  readonly absentFields: number;
  /** Cases whose id is a JSON number; list and detail are told apart. */
  readonly numericCaseIds: number;
  /** Cases that name a threat which does not exist. */
  readonly danglingThreatIds: number;
  /** Last pages that say `"nextPageNumber": null` rather than leave it out. */
  readonly nullNextPage: number;
  /** Undone remediations that move the threat in `latestTimeRemediated`; the others change it unseen. */
  readonly undoneRelists: number;
}

export const SHARES: Shares = {
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

/** The options, ready for generating. */
export interface TenantWorld {
  readonly seed: number;
  readonly shares: Shares;
  readonly sampleOnly: boolean;
  readonly threats: Schedule;
  readonly cases: Schedule;
  readonly campaigns: Schedule;
}

/** Checks the options; a RangeError when the span is empty or a count is not a natural number below 2^31. */
export function createTenantWorld(options: TenantOptions): TenantWorld {
  const { threats, cases, campaigns } = options;
  const [from, to] = [toMillis(options.from), toMillis(options.to)];
  if (!(from < to)) throw new RangeError(`empty span: ${options.from} to ${options.to}`);
  for (const count of [threats, cases, campaigns]) {
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
  };
}
