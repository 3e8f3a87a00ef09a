import { hash } from 'node:crypto';
import { type QuarantineEntry, streamText } from '../model/ledger.js';
import type { Observation } from '../model/revision.js';
import type { RunRecord } from '../model/run.js';
import { compareWritten, isListed, keyText, type ListedKind, type RecordKey } from '../resources/registry.js';
import { canonicalJson, sha256 } from '../values/canonical-json.js';
import { type Instant, latest, toInstant, toMillis } from '../values/instant.js';
import type { Batch, BatchStatement, Confirmation, ConfirmedVersion, Pin, Recorded } from './store.js';

/** The newest stored version before a batch. */
export interface HeldVersion {
  readonly seqFrom: number;
  readonly verifiedAt: Instant;
  /** The last batch that recorded or confirmed this version. */
  readonly confirmedBy: number;
  readonly digest: string;
  readonly deleted: boolean;
}

/** Confirms the stored version: only its verification changes. */
interface ConfirmOperation<V extends HeldVersion> {
  readonly type: 'CONFIRM';
  readonly key: RecordKey;
  readonly held: V;
  readonly verifiedAt: Instant;
}

/** Adds a version and ends the stored one, if any. */
interface InsertOperation<V extends HeldVersion> {
  readonly type: 'INSERT';
  readonly key: RecordKey;
  readonly observation: Observation;
  readonly held: V | null;
  readonly verifiedAt: Instant;
}

interface TombstoneOperation<V extends HeldVersion> {
  readonly type: 'TOMBSTONE';
  readonly key: RecordKey;
  readonly held: V;
  readonly verifiedAt: Instant;
}

export type BatchOperation<V extends HeldVersion> =
  | ConfirmOperation<V>
  | InsertOperation<V>
  | TombstoneOperation<V>;

export interface LiveChange {
  readonly kind: ListedKind;
  readonly integration: string;
  readonly change: number;
}

export interface BatchPlan<V extends HeldVersion> {
  readonly recorded: Recorded;
  /** At most one per key, in the order of `HistoryStore.changes`. */
  readonly operations: readonly BatchOperation<V>[];
  /** One per kind and integration that gained or lost records, also if the sum is 0. */
  readonly liveChanges: readonly LiveChange[];
  readonly verified: readonly Omit<Confirmation, 'confirmedBy'>[];
}

/** All runs that a batch writes. */
export function batchRuns({ run, otherRuns = [] }: Batch): readonly RunRecord[] {
  return [run, ...otherRuns];
}

export function keysOf({ observations, confirmed, tombstones }: Batch): Map<string, RecordKey> {
  const keys = [...[...observations, ...confirmed].map(({ key }) => key), ...tombstones];
  return new Map(keys.map((key) => [keyText(key), key]));
}

/**
 * Decides the fate of each observation and tombstone of `batch`, recorded as `pin`; `held` contains the
 * newest versions by `keyText`. An observation confirms a live version with the same digest. It is a conflict
 * if the version to replace was confirmed after its `basis`, or by this batch. Otherwise it is a new version.
 * A tombstone is ignored if the record is not stored, is deleted, or is observed or confirmed by the same batch.
 */
export function planBatch<V extends HeldVersion>(
  batch: Batch,
  pin: Pin,
  held: ReadonlyMap<string, V>,
): BatchPlan<V> {
  const observed = new Map<string, ObservedOperation<V> | null>();
  const counts = { added: 0, changed: 0, unchanged: 0, deleted: 0 };
  const conflicts: RecordKey[] = [];
  const lapsed: RecordKey[] = [];
  for (const version of batch.confirmed) {
    const text = keyText(version.key);
    const before = observed.get(text);
    const after = before ? repeated(before, version) : confirm(version, held.get(text) ?? null);
    if (after) observed.set(text, after);
    else lapsed.push(version.key);
  }
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
    recorded: { seq: pin.seq, at: pin.at, ...counts, conflicts: [...conflicts, ...lapsed] },
    operations: inOrder,
    liveChanges: liveChangesOf(inOrder),
    verified: inOrder.map(({ type, key, held, verifiedAt }) => ({
      ...{ key, verifiedAt, seqFrom: type === 'CONFIRM' ? held.seqFrom : pin.seq },
    })),
  };
}

type ObservedOperation<V extends HeldVersion> = ConfirmOperation<V> | InsertOperation<V>;

/** The operation of the first observation of a record; `null`: a conflict. */
function observe<V extends HeldVersion>(
  observation: Observation,
  held: V | null,
): ObservedOperation<V> | null {
  const { key, fetchedAt, basis } = observation;
  const confirmed = confirm(observation, held);
  if (confirmed) return confirmed;
  if (held && held.confirmedBy > basis) return null;
  return { type: 'INSERT', key, observation, held, verifiedAt: fetchedAt };
}

/** `null` if it is not the stored version. */
function confirm<V extends HeldVersion>(
  { key, digest, fetchedAt }: ConfirmedVersion,
  held: V | null,
): ConfirmOperation<V> | null {
  if (!isLive(held) || held.digest !== digest) return null;
  return { type: 'CONFIRM', key, held, verifiedAt: latest(held.verifiedAt, fetchedAt) };
}

/** The batch's operation after another observation of the record; `null`: a conflict. */
function repeated<V extends HeldVersion>(
  operation: ObservedOperation<V>,
  { digest, fetchedAt }: ConfirmedVersion,
): ObservedOperation<V> | null {
  const before = operation.type === 'CONFIRM' ? operation.held : operation.observation;
  if (before.digest !== digest) return null;
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

/** The keys that a batch removes from quarantine, by `keyText`. */
export function releasedKeys({
  released,
  observations,
  tombstones,
  quarantine,
}: Batch): Map<string, RecordKey> {
  const named = new Set(tombstones.length > 0 ? quarantine.map(({ key }) => keyText(key)) : []);
  const deleted = tombstones.filter((key) => !named.has(keyText(key)));
  const keys = [...released, ...observations.map(({ key }) => key), ...deleted];
  return new Map(keys.map((key) => [keyText(key), key]));
}

/** Without those that the batch releases itself. */
export function quarantineAdditions(batch: Batch): readonly QuarantineEntry[] {
  if (batch.quarantine.length === 0) return [];
  const released = releasedKeys(batch);
  return batch.quarantine.filter(({ key }) => !released.has(keyText(key)));
}

const MARK_BYTES = 8;
const ENTRY_BYTES = MARK_BYTES + 6;

/** Lone surrogates are replaced, because not every store can keep them. */
export function stateDigest(value: unknown): string {
  const json = JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'string' ? part.toWellFormed() : part,
  );
  return sha256(canonicalJson(JSON.parse(json)));
}

/** `freed`: the keys removed from quarantine; `verified`: the versions added or confirmed, as the batch left them. */
export function statementOf(
  batch: Batch,
  freed: readonly string[],
  verified: Iterable<Omit<Confirmation, 'confirmedBy'>>,
): BatchStatement {
  const { run, otherRuns = [], streams } = batch;
  const quarantine = new Map<string, string | null>(freed.map((key) => [key, null]));
  for (const entry of quarantineAdditions(batch)) quarantine.set(keyText(entry.key), stateDigest(entry));
  const states = new Map(streams.map((state) => [streamText(state), stateDigest(state)]));
  return {
    run: [run.id, stateDigest(run)],
    ...(otherRuns.length > 0 && {
      otherRuns: otherRuns.map((each) => [each.id, stateDigest(each)] as const),
    }),
    streams: [...states].sort(byName),
    quarantine: [...quarantine].sort(byName),
    verified: packed(verified),
  };
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

function packed(verified: Iterable<Omit<Confirmation, 'confirmedBy'>>): string {
  const entries = Array.from(verified, ({ key, seqFrom, verifiedAt }) => {
    const entry = Buffer.allocUnsafe(ENTRY_BYTES);
    entry.writeBigUInt64BE(versionMark(key, seqFrom));
    entry.writeUIntBE(Math.max(0, toMillis(verifiedAt)), MARK_BYTES, ENTRY_BYTES - MARK_BYTES);
    return entry;
  });
  return Buffer.concat(entries.sort(Buffer.compare)).toString('base64');
}

export function* verifiedIn({ verified }: BatchStatement): Generator<{ mark: bigint; verifiedMs: number }> {
  const bytes = Buffer.from(verified, 'base64');
  for (let at = 0; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
    const verifiedMs = bytes.readUIntBE(at + MARK_BYTES, ENTRY_BYTES - MARK_BYTES);
    yield { mark: bytes.readBigUInt64BE(at), verifiedMs };
  }
}

/** 64 bits of a hash, never 0. */
export function versionMark({ kind, integration, id }: RecordKey, seqFrom: number): bigint {
  const text = JSON.stringify([kind, integration, id, seqFrom]);
  const mark = hash('sha256', text, 'buffer').readBigUInt64BE();
  return mark === 0n ? 1n : mark;
}

/** Whether the text of an instant is exactly that of the milliseconds. */
export function isInstantOf(instant: Instant, ms: number): boolean {
  return instant === toInstant(ms);
}
