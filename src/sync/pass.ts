import type { CallOptions, Priority } from '../abnormal/client.js';
import type { HistoryStore } from '../history/store.js';
import type { Account } from '../integrations/account.js';
import type { Log } from '../log.js';
import type { QuarantineEntry } from '../model/quarantine.js';
import { KIND_OF, type ListedKind, type RecordKey, type Resource } from '../resources/kind.js';
import { type Instant, toInstant } from '../values/instant.js';
import type { DriftLog } from './drift-log.js';
import type { SyncObserver } from './observer.js';
import type { RunRecorder } from './run-recorder.js';
import type { SyncSettings } from './settings.js';

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
