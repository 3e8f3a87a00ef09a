import { DAY, type Instant, toInstant, toMillis } from '../values/instant.js';
import { createKinds, createUpstream, type Kinds, type Upstream } from './kinds.js';
import { createTenantWorld, RESOURCE_OF, type TenantOptions, type TenantRecordKind } from './options.js';
import { plain } from './wire.js';

/** One version of a record's complete detail, from the instant at which it is visible. */
export interface TenantVersion {
  readonly visibleFrom: Instant;
  /**
   * All message pages joined, newest first, ties by id; a missing or empty list as sent; a case as `{ item,
   * detail }`; integers beyond 2^53 as strings. `null`: the detail answers 404 from here on.
   */
  readonly payload: unknown;
}

export interface TruthRecord {
  readonly kind: TenantRecordKind;
  readonly id: string;
  readonly index: number;
  readonly payload: unknown;
}

/** Without stored data: every record is a function of the seed, its index and the time. */
export interface Tenant {
  readonly options: TenantOptions;
  count(kind: TenantRecordKind): number;
  idOf(kind: TenantRecordKind, index: number): string;
  indexOf(kind: TenantRecordKind, id: string): number | null;
  /** Every version of a record, oldest first; neighbours differ. */
  versions(kind: TenantRecordKind, index: number): TenantVersion[];
  /** By id; empty if there is no such record. */
  versionsOf(kind: TenantRecordKind, id: string): TenantVersion[];
  /** All visible records, except those whose detail answers 404. `since` excludes earlier arrivals. */
  truth(at: Instant, since?: Instant): Iterable<TruthRecord>;
  /** The records that are listed although their detail answers 404. */
  missing(at: Instant, since?: Instant): Iterable<Omit<TruthRecord, 'payload'>>;
  readonly upstream: Upstream;
}

const LISTED: readonly TenantRecordKind[] = ['threat', 'case', 'campaign'];

/** Throws a RangeError for invalid options. */
export function createTenant(options: TenantOptions): Tenant {
  const world = createTenantWorld(options);
  const kinds = createKinds(world);
  const model = (kind: TenantRecordKind) => kinds[RESOURCE_OF[kind]];
  const versions = (kind: TenantRecordKind, index: number) => versionsIn(kinds, kind, index);
  return {
    options,
    count: (kind) => model(kind).schedule.count,
    idOf: (kind, index) => model(kind).ids.of(index),
    indexOf: (kind, id) => model(kind).ids.indexOf(id),
    versions,
    versionsOf(kind, id) {
      const index = model(kind).ids.indexOf(id);
      return index === null ? [] : versions(kind, index);
    },
    *truth(at, since) {
      for (const { kind, id, index } of listed(kinds, at, since)) {
        const payload = model(kind).whole(index, toMillis(at));
        if (payload !== null) yield { kind, id, index, payload: plain(payload) };
      }
    },
    *missing(at, since) {
      for (const record of listed(kinds, at, since)) {
        if (model(record.kind).whole(record.index, toMillis(at)) === null) yield record;
      }
    },
    upstream: createUpstream(world, kinds),
  };
}

function* listed(kinds: Kinds, at: Instant, since?: Instant): Iterable<Omit<TruthRecord, 'payload'>> {
  const start = since === undefined ? 0 : toMillis(since);
  for (const kind of LISTED) {
    const { schedule, ids, isListed } = kinds[RESOURCE_OF[kind]];
    const { first, last } = schedule.range(start, toMillis(at));
    for (let index = first; index <= last; index++) {
      if (schedule.arrival(index) < start || !isListed(index, toMillis(at))) continue;
      yield { kind, id: ids.of(index), index };
    }
  }
}

function versionsIn(kinds: Kinds, kind: TenantRecordKind, index: number): TenantVersion[] {
  const { changes, whole } = kinds[RESOURCE_OF[kind]];
  const found: TenantVersion[] = [];
  let before: string | undefined;
  for (const at of changes(index)) {
    const text = JSON.stringify(whole(index, at));
    if (text !== before) found.push({ visibleFrom: toInstant(at), payload: JSON.parse(text) });
    before = text;
  }
  return found;
}

/** Fixed, so that a restart finds the same records. */
const FROM: Instant = '2020-01-01T00:00:00.000Z';
const TO: Instant = '2070-01-01T00:00:00.000Z';
const DAYS = Math.round((toMillis(TO) - toMillis(FROM)) / DAY);

/**
 * About 600 threats, 60 cases, 40 campaigns, 20 Detection 360 reports, 15 vendor cases, 30 messages that were not
 * analysed and 1,800 entries of the portal's audit log in 30 days, and new ones as time passes. Throws a RangeError
 * if `now` (ms since the epoch) is outside its years; nothing else depends on it.
 */
export function demoTenant(now: number): TenantOptions {
  if (!(now > toMillis(FROM) + 60 * DAY && now < toMillis(TO))) {
    throw new RangeError(`the demo covers ${FROM} to ${TO}, not ${toInstant(now)}`);
  }
  return {
    seed: 'demo',
    from: FROM,
    to: TO,
    threats: DAYS * 20,
    cases: DAYS * 2,
    campaigns: Math.round((DAYS * 4) / 3),
    vendorCases: Math.round(DAYS * 0.5),
    reports: Math.round(DAYS * 0.7),
    notAnalyzed: DAYS,
    auditLogs: DAYS * 60,
    shares: { missingThreats: 0.003, deletedThreats: 0.003, hugeThreats: 0.003 },
  };
}
