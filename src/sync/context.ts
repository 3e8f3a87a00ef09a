import type { CallMeter, CallOptions, Priority } from '../abnormal/client.js';
import { type UpstreamCode, UpstreamError } from '../abnormal/errors.js';
import type { Batch, ConfirmedVersion, HistoryStore, Recorded } from '../history/store.js';
import type { Account } from '../integrations/accounts.js';
import type { Log } from '../log.js';
import type { DriftSighting, DriftTally } from '../model/drift.js';
import type { LedgerEntry, MissingEntry, QuarantineEntry } from '../model/ledger.js';
import type { RevisionRecord } from '../model/revision.js';
import type { ReconciliationRecord, RunCounts, RunRecord, RunStatus, RunTrigger } from '../model/run.js';
import type { Stream, StreamStatus } from '../model/stream.js';
import {
  byResource,
  DEFAULT_RESOURCES,
  KIND_OF,
  type ListedKind,
  type PartKind,
  type RecordKey,
  type Resource,
} from '../resources/registry.js';
import { DAY, type Instant, MINUTE, toInstant, type Window } from '../values/instant.js';

export interface SyncEnv {
  readonly store: HistoryStore;
  readonly settings: SyncSettings;
  readonly clock: () => number;
  readonly log: Log;
  readonly newId: () => string;
  readonly observer?: SyncObserver | undefined;
  readonly drift: DriftLog;
  readonly activeRuns: Set<string>;
  readonly confirmations: Confirmations;
}

export interface Source {
  readonly account: Account;
  readonly resource: Resource;
}

export interface Pass extends SyncEnv, Source {
  readonly recorder: RunRecorder;
  readonly signal: AbortSignal;
  readonly priority: Priority;
  /** When it began; the history is brought up to this instant. */
  readonly asOf: Instant;
  /** The runs of this pass: a record that one of them quarantined is not requested again by another. */
  readonly runIds: ReadonlySet<string>;
  readonly memory: PassMemory;
  /** Records confirmed longer ago are read again, in milliseconds; `null`: by the interval. */
  readonly maxAgeMs: number | null;
}

export type Reading = Pick<Pass, 'account' | 'recorder' | 'signal' | 'priority'>;

export interface PassMemory {
  /** Listed records that Abnormal no longer has, with their quarantine entry if what was listed was never stored. */
  readonly gone: Map<string, QuarantineEntry | null>;
  failedDetails: number;
}

export function newPassMemory(): PassMemory {
  return { gone: new Map(), failedDetails: 0 };
}

export function sourceText({ account, resource }: Source): string {
  return `${account.name}/${resource}`;
}

export function nowOf(env: Pick<SyncEnv, 'clock'>): Instant {
  return toInstant(env.clock());
}

export function kindOf(source: Source): ListedKind {
  return KIND_OF[source.resource];
}

export function keyOf(source: Source, id: string): RecordKey & { readonly kind: ListedKind } {
  return { integration: source.account.name, kind: kindOf(source), id };
}

export function callOptions({ priority, signal, recorder }: Reading): CallOptions {
  return { priority, signal, meter: recorder.meter };
}

export interface SyncSettings {
  /** How long Abnormal may take to list what has happened; anything newer is provisional. */
  readonly ingestionLagMs: number;
  /** How far back unsettled cases, threats and campaigns are read again. */
  readonly rereadHorizonMs: number;
  /** How often each resource is polled, and at most one record is read again. */
  readonly intervals: Readonly<Record<Resource, number>>;
  /** The resources that are read unless a caller names others. */
  readonly collect: readonly Resource[];
  /** The parts of records that are read without a request for them, after everything else. */
  readonly collectParts: readonly PartKind[];
  /** Where the first collection begins; `null`: 30 days back. */
  readonly backfillFrom: Instant | null;
  readonly pageSize: number;
  /** The share of a page that a window should fill, so that denser windows still fit. */
  readonly targetFill: number;
  /** Narrower windows are read page by page. */
  readonly minWindowMs: number;
  /** The width of the first window while the density is unknown. */
  readonly firstWindowMs: number;
  readonly maxWindowMs: number;
  /** Details requested at once for one resource; the rate budget may allow fewer. */
  readonly detailConcurrency: number;
  readonly chunkRecords: number;
  readonly chunkBytes: number;
  /** After so many failures in a row the pass ends. */
  readonly consecutiveFailures: number;
  /** How long a query waits for a live read before it gets the stored records. */
  readonly liveWaitMs: number;
  readonly liveRetryMs: number;
}

export const DEFAULT_SYNC_SETTINGS: SyncSettings = {
  ingestionLagMs: 15 * MINUTE,
  rereadHorizonMs: 30 * DAY,
  intervals: byResource(({ polling }) => polling.defaultMs),
  collect: DEFAULT_RESOURCES,
  collectParts: [],
  backfillFrom: null,
  pageSize: 100,
  targetFill: 0.75,
  minWindowMs: MINUTE,
  firstWindowMs: DAY,
  maxWindowMs: 7 * DAY,
  detailConcurrency: 8,
  chunkRecords: 100,
  chunkBytes: 8 * 1024 * 1024,
  consecutiveFailures: 3,
  liveWaitMs: 20_000,
  liveRetryMs: 15_000,
};

export const FIRST_COLLECTION_MS = 30 * DAY;

/** Is called for every step of a run, to count it; must not throw. */
export interface SyncObserver {
  /** `run` is its state after the step; a finished run is reported once. */
  recorded(run: RunRecord, ledger: readonly LedgerEntry[], recorded: Recorded): void;
  /** An integration has new unknown content; `tally` counts all of it. */
  drifted?(integration: string, tally: DriftTally): void;
}

export type BatchPart = Partial<
  Pick<Batch, 'observations' | 'tombstones' | 'ledger' | 'streams' | 'quarantine' | 'released'>
>;

export interface Tally {
  listed: number;
  skipped: number;
  quarantined: number;
  windows: number;
}

export interface RunRecorder {
  readonly id: string;
  /** Must be passed with every request of the run. */
  readonly meter: CallMeter;
  readonly tally: Tally;
  record(part: BatchPart): Promise<Pick<Recorded, 'conflicts'>>;
  /** Records a reading that brought nothing, with the next batch of the run: alone it is not worth one. */
  hold(entry: LedgerEntry): Promise<void>;
  /** Stores a problem for people; the first 20 are kept. */
  note(problem: string): void;
  /** Writes the run's end; `forecast` counts what `part` will write, for a run of a single batch. */
  end(
    status: RunStatus,
    part?: BatchPart,
    forecast?: Partial<RunCounts>,
    reconciliation?: ReconciliationRecord,
  ): Promise<Recorded & { run: RunRecord }>;
  counts(): RunCounts;
  hasBegun(): boolean;
  errors(): readonly string[];
}

/** A poll among those that may end together. */
export interface EndPlace {
  /** Found nothing so far: waits until the others are as far, or record something. */
  ready(): Promise<void>;
  record(batch: Batch): Promise<Recorded>;
  /** The others do not wait for this one any more. */
  leave(): void;
}

export interface RunStart {
  readonly trigger: RunTrigger;
  readonly parameters: RunRecord['parameters'];
  readonly startedAt?: Instant;
  /** Where the run may end with others. */
  readonly place?: EndPlace | null;
}

export interface PassTally {
  read: number;
  incompleteWindows: number;
  consecutiveFailures: number;
  lastError: UpstreamError | null;
}

export function newPassTally(): PassTally {
  return { read: 0, incompleteWindows: 0, consecutiveFailures: 0, lastError: null };
}

export type MissingByKey = Map<string, MissingEntry>;

/** A ledger entry keeps this much of a reason; the quarantine keeps all. */
const LONGEST_REASON = 300;

export function addMissing(missing: MissingByKey, entry: Omit<QuarantineEntry, 'runId'>): void {
  const { key, code, reason, firstSeenAt } = entry;
  const { id } = key;
  missing.set(id, { id, code, reason: reason.slice(0, LONGEST_REASON), since: firstSeenAt });
}

export interface WindowUnderReview extends SyncEnv, Source, Reading {
  readonly window: Window;
  readonly stream: Stream;
}

/** Where Abnormal named a record: in `span`, and at `time` if known. */
export interface ListedRecord {
  readonly span: Window;
  readonly time: Instant | null;
}

/** A reading that found a record as it is stored, with what it cost. */
export interface LiveConfirmation extends ConfirmedVersion {
  readonly meter: CallMeter;
}

/**
 * Live reads that found nothing new. A batch for each would be most of what they cost, so they wait for the next batch
 * of their resource. If the process is killed, only the time at which a version was last verified is lost.
 */
export interface Confirmations {
  readonly size: number;
  /** Is called for a record that was found unchanged, although another process had recorded a newer version. */
  readAgain: (key: RecordKey) => void;
  add(confirmation: LiveConfirmation): void;
  of(integration: string, resource: Resource): LiveConfirmation[];
  /** Of what is waiting. */
  sources(): { readonly integration: string; readonly resource: Resource }[];
  /** For records that are requested from here on: what Abnormal returns now is newer. */
  forget(keys: Iterable<RecordKey>): void;
  /** They were recorded; `lapsed` are those of versions that were not the newest. */
  recorded(confirmations: readonly LiveConfirmation[], lapsed: readonly RecordKey[]): void;
  /** The revision as it will be once this is recorded; the same object if there is nothing to record. */
  applied<R extends RevisionRecord | null>(revision: R): R;
}

export interface DriftLog {
  note(integration: string, listed: readonly DriftSighting[], at: Instant): void;
  /** Writes the counts if they contain a new name. */
  writeNews(integration: string): Promise<void>;
  write(integration?: string): Promise<void>;
}

/** Why work ended early; what was read before is recorded. */
export type Stop =
  | { readonly kind: 'INTERRUPTED' }
  | UpstreamRefusal
  /** Too many details failed in a row; only the current window ends. */
  | { readonly kind: 'GIVEN_UP'; readonly error: UpstreamError };

/** Abnormal refuses the whole resource or is unreachable; the next poll tries again. */
export interface UpstreamRefusal {
  readonly kind: 'REFUSED';
  readonly status: StreamStatus;
  readonly error: UpstreamError;
}

export class StopError extends Error {
  override readonly name = 'StopError';

  constructor(readonly stop: Stop) {
    super(stop.kind === 'INTERRUPTED' ? 'interrupted' : stop.error.message);
  }
}

const REFUSALS: Partial<Record<UpstreamCode, StreamStatus>> = {
  TOKEN_REJECTED: 'TOKEN_REJECTED',
  FORBIDDEN: 'FORBIDDEN',
  NOT_LICENSED: 'NOT_LICENSED',
  NOT_ENABLED: 'NOT_ENABLED',
};

/** The stream status that an error means; `null` if it concerns one request only. */
export function refusalOf(error: UpstreamError): StreamStatus | null {
  return REFUSALS[error.code] ?? null;
}

export function checkInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new StopError({ kind: 'INTERRUPTED' });
}

/** Throws if the failure ends the pass: an interruption, or a refusal of the whole resource. */
export function throwIfStopping(error: UpstreamError, signal: AbortSignal): void {
  if (signal.aborted || error.code === 'CANCELLED') throw new StopError({ kind: 'INTERRUPTED' });
  const status = refusalOf(error);
  if (status) throw new StopError({ kind: 'REFUSED', status, error });
}

/** What ended the work early, or `null`; other failures are rethrown. */
export async function stopOf(work: () => Promise<void>): Promise<Stop | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (error instanceof StopError) return error.stop;
    throw error;
  }
}

export function errorOf(stop: Stop): UpstreamError {
  return stop.kind === 'INTERRUPTED'
    ? new UpstreamError('CANCELLED', 'The reading was stopped.')
    : stop.error;
}
