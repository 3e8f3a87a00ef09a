import type { HistoryStore } from '../../src/history/store.js';
import type { RevisionRecord } from '../../src/model/revision.js';
import type { TenantRecordKind } from '../../src/simulator/options.js';
import type { Tenant, TenantVersion, TruthRecord } from '../../src/simulator/tenant.js';
import { canonicalJson, sha256 } from '../../src/values/canonical-json.js';
import { type Instant, shift } from '../../src/values/instant.js';

/** How a history compares with what a complete collection would hold. */
export interface Comparison {
  readonly records: Readonly<Record<TenantRecordKind, number>>;
  readonly revisions: number;
  /** Records whose held version has since been superseded upstream. */
  readonly behind: readonly string[];
  /** Everything that is wrong, a line each: missing, wrongly deleted, never true, out of order, too many. */
  readonly faults: readonly string[];
}

export interface CompareOptions {
  readonly integration: string;
  /** When the last poll began: what was true then must be held. */
  readonly at: Instant;
  /** When it had ended; what has become true meanwhile may be held. Default `at`. */
  readonly until?: Instant;
  /** The tenant's clock stands at `at`: whatever was fetched, by whatever clock, was fetched then. */
  readonly isStill?: boolean;
  /** Between a request's being sent and its answer's being made; by the simulator's clock. Default one minute. */
  readonly slackMs?: number;
}

const BATCH = 200;

/**
 * Holds the history's newest view against the simulator's ground truth: every record, and every revision of
 * every record, each of which must be a version that the record had, in order and none twice.
 */
export async function compareWithTruth(
  store: HistoryStore,
  tenant: Tenant,
  options: CompareOptions,
): Promise<Comparison> {
  const { seq } = await store.head();
  const tally = { threat: 0, case: 0, campaign: 0 };
  const found = { revisions: 0, behind: [] as string[], faults: [] as string[] };
  for (const batch of batches(tenant.truth(options.at), BATCH)) {
    for (const { kind } of batch) tally[kind] += 1;
    const keys = batch.map(({ kind, id }) => ({ integration: options.integration, kind, id }));
    const held = await store.get(keys, seq);
    for (const [index, record] of batch.entries()) {
      const revision = held[index] ?? null;
      await compareRecord(store, tenant, record, revision, seq, options, found);
    }
  }
  for (const kind of ['threat', 'case', 'campaign'] as const) {
    const live = await store.count({ kind, integrations: [options.integration], filter: null, seq });
    const most = tally[kind] + countSince(tenant, kind, options);
    if (live < tally[kind] || live > most) {
      found.faults.push(`${kind}: ${live} held, from ${tally[kind]} to ${most} in truth`);
    }
  }
  return { records: tally, ...found };
}

async function compareRecord(
  store: HistoryStore,
  tenant: Tenant,
  { kind, id, payload }: TruthRecord,
  revision: RevisionRecord | null,
  seq: number,
  { at, isStill = false, slackMs = 60_000 }: CompareOptions,
  found: { revisions: number; behind: string[]; faults: string[] },
): Promise<void> {
  const name = `${kind} ${id}`;
  if (revision === null) return void found.faults.push(`${name}: missing`);
  if (revision.deleted) return void found.faults.push(`${name}: held as deleted`);
  const versions = tenant.versionsOf(kind, id);
  if (isBehind(revision.digest, digestOf(payload), versions)) found.behind.push(name);
  const seen = versionAt(versions, isStill ? at : revision.verifiedAt, slackMs);
  if (!seen.some((version) => version === revision.digest)) {
    found.faults.push(`${name}: not what it was when it was last confirmed, ${revision.verifiedAt}`);
  }
  const revisions = (await store.revisions(revision.key, seq + 1, 1000)).reverse();
  found.revisions += revisions.length;
  found.faults.push(...orderFaults(name, revisions, versions));
}

/** How many of a kind have appeared between `at` and `until`. */
function countSince(tenant: Tenant, kind: TenantRecordKind, { at, until = at }: CompareOptions): number {
  const then = new Set<string>();
  for (const record of tenant.truth(at)) if (record.kind === kind) then.add(record.id);
  let count = 0;
  for (const record of tenant.truth(until)) if (record.kind === kind && !then.has(record.id)) count += 1;
  return count;
}

function isBehind(held: string, wanted: string, versions: readonly TenantVersion[]): boolean {
  if (held === wanted) return false;
  const digests = versions.map(({ payload }) => digestOf(payload));
  return digests.lastIndexOf(held) < digests.indexOf(wanted);
}

/** The digests a fetch sent at `instant` may have got. */
function versionAt(versions: readonly TenantVersion[], instant: Instant, slackMs: number): string[] {
  const until = shift(instant, slackMs);
  const earlier = versions.filter(({ visibleFrom }) => visibleFrom <= instant).slice(-1);
  const meanwhile = versions.filter(({ visibleFrom }) => visibleFrom > instant && visibleFrom <= until);
  return [...earlier, ...meanwhile].map(({ payload }) => digestOf(payload));
}

/** Revisions must be versions in their true order; a tombstone stands for any version that answers 404. */
function orderFaults(
  name: string,
  revisions: readonly RevisionRecord[],
  versions: readonly TenantVersion[],
): string[] {
  const digests = versions.map(({ payload }) => (payload === null ? null : digestOf(payload)));
  const faults: string[] = [];
  let reached = -1;
  for (const revision of revisions) {
    const wanted = revision.deleted ? null : revision.digest;
    const index = digests.indexOf(wanted, reached + 1);
    if (index === -1) faults.push(`${name}: revision of ${revision.observedFrom} is no later version of it`);
    else reached = index;
  }
  return faults;
}

function digestOf(payload: unknown): string {
  return sha256(canonicalJson(payload));
}

function* batches<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let batch: T[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length === size) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}
