import type { QuarantineEntry } from '../model/ledger.js';
import type { Observation } from '../model/revision.js';
import { isListed, keyText, type ListedKind, type RecordKey } from '../resources/registry.js';
import { type Instant, latest } from '../values/instant.js';
import { compareWritten } from './keys.js';
import type { Batch, Confirmation, Pin, Recorded } from './store.js';

/** The newest version of a record that a store holds before a batch. */
export interface HeldVersion {
  readonly seqFrom: number;
  readonly verifiedAt: Instant;
  /** The last batch that recorded or confirmed this version. */
  readonly confirmedBy: number;
  readonly digest: string;
  readonly deleted: boolean;
}

/** The held version was observed again: only its verification changes. */
export interface ConfirmOperation<V extends HeldVersion> {
  readonly type: 'CONFIRM';
  readonly key: RecordKey;
  readonly observation: Observation;
  readonly held: V;
  readonly verifiedAt: Instant;
}

/** A new version; it ends the held one, if there is one. */
export interface InsertOperation<V extends HeldVersion> {
  readonly type: 'INSERT';
  readonly key: RecordKey;
  readonly observation: Observation;
  readonly held: V | null;
  readonly verifiedAt: Instant;
}

/** A tombstone, which ends the held version. */
export interface TombstoneOperation<V extends HeldVersion> {
  readonly type: 'TOMBSTONE';
  readonly key: RecordKey;
  readonly held: V;
  readonly verifiedAt: Instant;
}

export type BatchOperation<V extends HeldVersion> =
  | ConfirmOperation<V>
  | InsertOperation<V>
  | TombstoneOperation<V>;

/** By how much a batch changes the number of live records of a kind. */
export interface LiveChange {
  readonly kind: ListedKind;
  readonly integration: string;
  readonly change: number;
}

/** What a batch changes. Both stores write exactly this. */
export interface BatchPlan<V extends HeldVersion> {
  readonly recorded: Recorded;
  /** At most one for each key, in the order of `HistoryStore.changes`. */
  readonly operations: readonly BatchOperation<V>[];
  /** One for each kind and integration that gained or lost records, also if the sum is 0. */
  readonly liveChanges: readonly LiveChange[];
  /** All versions that the batch records or confirms. */
  readonly verified: readonly Omit<Confirmation, 'confirmedBy'>[];
}

/** The keys that a batch may write, by `keyText`. */
export function keysOf({ observations, tombstones }: Batch): Map<string, RecordKey> {
  const keys = [...observations.map(({ key }) => key), ...tombstones];
  return new Map(keys.map((key) => [keyText(key), key]));
}

/**
 * Decides what becomes of each observation and tombstone of `batch`, recorded as `pin`. `held` has the newest version
 * of each of the batch's keys, by `keyText`.
 *
 * An observation confirms a live version with the same digest. Otherwise it is a conflict if what it would replace was
 * confirmed after its `basis`, or by this batch; otherwise it is a new version. A tombstone is ignored if the record is
 * not held, is already deleted, or is observed by the same batch.
 */
export function planBatch<V extends HeldVersion>(
  batch: Batch,
  pin: Pin,
  held: ReadonlyMap<string, V>,
): BatchPlan<V> {
  const observed = new Map<string, ObservedOperation<V> | null>();
  const counts = { added: 0, changed: 0, unchanged: 0, deleted: 0 };
  const conflicts: RecordKey[] = [];
  for (const observation of batch.observations) {
    const text = keyText(observation.key);
    const before = observed.get(text) ?? null;
    const after = before ? repeated(before, observation) : observe(observation, held.get(text) ?? null);
    observed.set(text, after ?? before);
    if (after === null) conflicts.push(observation.key);
    else if (before || after.type === 'CONFIRM') counts.unchanged += 1;
    else counts[isLive(after.held) ? 'changed' : 'added'] += 1;
  }
  const operations = new Map<string, BatchOperation<V> | null>(observed);
  for (const key of batch.tombstones) {
    const text = keyText(key);
    const version = held.get(text);
    if (operations.has(text) || !version || version.deleted) continue;
    operations.set(text, { type: 'TOMBSTONE', key, held: version, verifiedAt: pin.at });
    counts.deleted += 1;
  }
  const inOrder = [...operations.values()]
    .filter((operation) => operation !== null)
    .sort((a, b) => compareWritten(a.key, b.key));
  return {
    recorded: { seq: pin.seq, at: pin.at, ...counts, conflicts },
    operations: inOrder,
    liveChanges: liveChangesOf(inOrder),
    verified: inOrder.map(({ type, key, held, verifiedAt }) => ({
      ...{ key, verifiedAt, seqFrom: type === 'CONFIRM' ? held.seqFrom : pin.seq },
    })),
  };
}

type ObservedOperation<V extends HeldVersion> = ConfirmOperation<V> | InsertOperation<V>;

/** What the first observation of a record comes to; `null`: a conflict. */
function observe<V extends HeldVersion>(
  observation: Observation,
  held: V | null,
): ObservedOperation<V> | null {
  const { key, digest, fetchedAt, basis } = observation;
  if (isLive(held) && held.digest === digest) {
    return { type: 'CONFIRM', key, observation, held, verifiedAt: latest(held.verifiedAt, fetchedAt) };
  }
  if (held && held.confirmedBy > basis) return null;
  return { type: 'INSERT', key, observation, held, verifiedAt: fetchedAt };
}

/** What a further observation of a record makes of the batch's own operation; `null`: a conflict. */
function repeated<V extends HeldVersion>(
  operation: ObservedOperation<V>,
  { digest, fetchedAt }: Observation,
): ObservedOperation<V> | null {
  if (operation.observation.digest !== digest) return null;
  return { ...operation, verifiedAt: latest(operation.verifiedAt, fetchedAt) };
}

function isLive<V extends HeldVersion>(version: V | null): version is V {
  return version !== null && !version.deleted;
}

function liveChangesOf<V extends HeldVersion>(operations: readonly BatchOperation<V>[]): LiveChange[] {
  const changes = new Map<string, LiveChange>();
  for (const { type, key, held } of operations) {
    const { kind, integration } = key;
    const isChange = type === 'TOMBSTONE' || (type === 'INSERT' && !isLive(held));
    if (!isChange || !isListed(kind)) continue;
    const group = `${kind} ${integration}`;
    const change = (changes.get(group)?.change ?? 0) + (type === 'INSERT' ? 1 : -1);
    changes.set(group, { kind, integration, change });
  }
  return [...changes.values()];
}

/** What a batch changes in quarantine. */
export interface QuarantineChanges {
  /** Those that the batch does not release again itself. */
  readonly added: readonly QuarantineEntry[];
  /** The keys that it takes out, if they are in quarantine, by `keyText`. */
  readonly released: ReadonlyMap<string, RecordKey>;
}

export function quarantineChanges({
  released,
  observations,
  tombstones,
  quarantine,
}: Batch): QuarantineChanges {
  const named = new Set(quarantine.map(({ key }) => keyText(key)));
  const deleted = tombstones.filter((key) => !named.has(keyText(key)));
  const keys = [...released, ...observations.map(({ key }) => key), ...deleted];
  const out = new Map(keys.map((key) => [keyText(key), key]));
  return { added: quarantine.filter(({ key }) => !out.has(keyText(key))), released: out };
}
