import type { CallMeter, CallOptions, Priority } from '../abnormal/client.js';
import type { UpstreamError } from '../abnormal/errors.js';
import type { Batch, HistoryStore, Recorded } from '../history/store.js';
import type { Account } from '../integrations/accounts.js';
import type { Log } from '../log.js';
import type { DriftSighting, DriftTally } from '../model/drift.js';
import type { LedgerEntry, MissingEntry, QuarantineEntry } from '../model/ledger.js';
import type { ReconciliationRecord, RunCounts, RunRecord, RunStatus, RunTrigger } from '../model/run.js';
import type { Stream } from '../model/stream.js';
import {
  byResource,
  KIND_OF,
  type ListedKind,
  type RecordKey,
  type Resource,
} from '../resources/registry.js';
import { DAY, type Instant, MINUTE, toInstant } from '../values/instant.js';
import type { Window } from '../values/window.js';

/** What every part of the sync works with. */
export interface SyncEnv {
  readonly store: HistoryStore;
  readonly settings: SyncSettings;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly log: Log;
  readonly newId: () => string;
  readonly observer?: SyncObserver | undefined;
  readonly drift: DriftLog;
  /** The runs of this process that have not ended. */
  readonly activeRuns: Set<string>;
}

/** One resource of one account. */
export interface Source {
  readonly account: Account;
  readonly resource: Resource;
}

/** One pass over a source, as its parts see it. */
export interface Pass extends SyncEnv, Source {
  readonly recorder: RunRecorder;
  readonly signal: AbortSignal;
  readonly priority: Priority;
  /** When it began: what the history is brought up to. */
  readonly asOf: Instant;
  /** Runs of which this pass is made; a record that one of them set aside is not tried again by another. */
  readonly runIds: ReadonlySet<string>;
  readonly memory: PassMemory;
  /** How old what is read again may be, in milliseconds; `null`: as old as the interval allows. */
  readonly maxAgeMs: number | null;
}

/** What requests are made with. */
export type Reading = Pick<Pass, 'account' | 'recorder' | 'signal' | 'priority'>;

/** What a pass remembers from window to window. */
export interface PassMemory {
  /** Records that lists name and Abnormal does not have, with their entry in quarantine if they were never stored. */
  readonly gone: Map<string, QuarantineEntry | null>;
  /** Details that failed one after the other. */
  failedDetails: number;
}

export function newPassMemory(): PassMemory {
  return { gone: new Map(), failedDetails: 0 };
}

/** The source as one string, for maps. */
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

/** How the sync reads. All `…Ms` are milliseconds. */
export interface SyncSettings {
  /** How long Abnormal may take to list what has happened; anything newer is provisional. */
  readonly ingestionLagMs: number;
  /** How far back open cases, unremediated threats and undecided campaigns are read again. */
  readonly rereadHorizonMs: number;
  /** How often each resource is polled; also how often one record is read again at most. */
  readonly intervals: Readonly<Record<Resource, number>>;
  /** Where the first collection begins; `null`: 30 days before it. */
  readonly backfillFrom: Instant | null;
  /** Rows on a page of a list. */
  readonly pageSize: number;
  /** The share of a page that a window should fill, so that a denser one still fits. */
  readonly targetFill: number;
  /** Below this width a window is paged through instead of narrowed. */
  readonly minWindowMs: number;
  /** How wide the first window is while nothing is known of the density. */
  readonly firstWindowMs: number;
  readonly maxWindowMs: number;
  /** Details asked for at once for one resource; the client's budget may allow fewer. */
  readonly detailConcurrency: number;
  /** Records in one batch, and the most bytes of them. */
  readonly chunkRecords: number;
  readonly chunkBytes: number;
  /** After so many failures one after the other the rest of a pass is left to the next poll. */
  readonly consecutiveFailures: number;
  /** How long a query waits for a live read before it is given what is recorded. */
  readonly liveWaitMs: number;
  /** How long after a failed live list the next is tried. */
  readonly liveRetryMs: number;
}

export const DEFAULT_SYNC_SETTINGS: SyncSettings = {
  ingestionLagMs: 15 * MINUTE,
  rereadHorizonMs: 30 * DAY,
  intervals: byResource(({ polling }) => polling.defaultMs),
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

/** How far back the first collection goes when nobody says. */
export const FIRST_COLLECTION_MS = 30 * DAY;

/** Told of every step that a run records, to count it; must not throw. */
export interface SyncObserver {
  /** `run` is as the step left it: one that has ended says so once. */
  recorded(run: RunRecord, ledger: readonly LedgerEntry[], recorded: Recorded): void;
  /** Abnormal's answers to an integration have come to differ in more than before from what is known; by how much now. */
  drifted?(integration: string, tally: DriftTally): void;
}

/** What a step of a run writes, besides the run itself. */
export type BatchPart = Partial<
  Pick<Batch, 'observations' | 'tombstones' | 'ledger' | 'streams' | 'quarantine' | 'released'>
>;

/** What the sync itself counts; the rest comes from the meter and from what the history answers. */
export interface Tally {
  listed: number;
  skipped: number;
  quarantined: number;
  windows: number;
}

/** Writes one run's steps, each with the run as it then stands. */
export interface RunRecorder {
  readonly id: string;
  /** To be handed to every request made for the run. */
  readonly meter: CallMeter;
  readonly tally: Tally;
  record(part: BatchPart): Promise<Recorded>;
  /** Remembers a failure for a person; the first 20 are kept. */
  note(problem: string): void;
  /** Writes the run's end; `forecast` is what `part` is going to bring, for a run that is one batch. */
  end(
    status: RunStatus,
    part?: BatchPart,
    forecast?: Partial<RunCounts>,
    reconciliation?: ReconciliationRecord,
  ): Promise<Recorded & { run: RunRecord }>;
  counts(): RunCounts;
  /** Whether anything of it has been written. */
  hasBegun(): boolean;
  errors(): readonly string[];
}

export interface RunStart {
  readonly trigger: RunTrigger;
  readonly parameters: RunRecord['parameters'];
  /** Now, unless given. */
  readonly startedAt?: Instant;
}

/** How a pass has fared. */
export interface PassTally {
  read: number;
  /** Windows that did not come out whole. */
  incompleteWindows: number;
  /** Windows that could not be listed, one after the other. */
  consecutiveFailures: number;
  lastError: UpstreamError | null;
}

export function newPassTally(): PassTally {
  return { read: 0, incompleteWindows: 0, consecutiveFailures: 0, lastError: null };
}

/** The records wanted so far that could not be read, by id. */
export type MissingByKey = Map<string, MissingEntry>;

/** As much of a reason as a ledger entry keeps; the quarantine has all of it. */
const LONGEST_REASON = 300;

export function addMissing(missing: MissingByKey, entry: Omit<QuarantineEntry, 'runId'>): void {
  const { key, code, reason, firstSeenAt } = entry;
  const { id } = key;
  missing.set(id, { id, code, reason: reason.slice(0, LONGEST_REASON), since: firstSeenAt });
}

/** One window of one source, as it is being compared with what Abnormal has. */
export interface WindowUnderReview extends SyncEnv, Source, Reading {
  readonly window: Window;
  /** The stream that defines the source's population. */
  readonly stream: Stream;
}

/** Where Abnormal named a record: in `span`, and at `time` where it said so. */
export interface ListedRecord {
  readonly span: Window;
  readonly time: Instant | null;
}

/** Counts what answers had that is not known, and writes that down. Never fails: nothing hangs on it. */
export interface DriftLog {
  /** Counts what one answer had. */
  note(integration: string, listed: readonly DriftSighting[], at: Instant): void;
  /** Writes what was counted, if there is a name among it that was not there before. */
  writeNews(integration: string): Promise<void>;
  /** Writes what was counted: of one integration, or of all. */
  write(integration?: string): Promise<void>;
}
