import { setTimeout } from 'node:timers/promises';
import DataLoader from 'dataloader';
import { newMeter } from '../../abnormal/call.js';
import type { CallMeter } from '../../abnormal/client.js';
import { toUpstreamError } from '../../abnormal/errors.js';
import { type SharedWork, Waiters, waitFor } from '../../async/waiting.js';
import type { Pin } from '../../history/store.js';
import type { Account, Accounts } from '../../integrations/accounts.js';
import type { RevisionRecord } from '../../model/revision.js';
import type { RunCounts } from '../../model/run.js';
import { type Kind, keyText, RESOURCE_OF, type RecordKey } from '../../resources/registry.js';
import { BoundedCache, textBytes } from '../../values/bounded-cache.js';
import { earliest, type Instant, shift } from '../../values/instant.js';
import { type BatchPart, nowOf, type RunRecorder, type Source, type SyncEnv } from '../context.js';
import { type FetchOutcome, type FetchTask, fetchRecord, withItems } from '../records/fetch-record.js';
import { quarantineEntry } from '../records/ingest.js';
import { createRunRecorder } from '../run-recorder.js';
import type { Freshness, LiveRecordOptions, RecordFreshness } from '../sync.js';

type Key = RecordKey & { readonly kind: Kind };

const MAX_CONFLICT_ROUNDS = 3;

/** The stored record, and the newest batch before it was looked up. */
interface Newest {
  readonly held: RevisionRecord | null;
  readonly basis: number;
}

export class LiveRecords {
  private readonly flights = new Map<string, SharedWork<RecordFreshness>>();
  /** Ids that Abnormal does not know, so that repeated requests for one cost nothing. */
  private readonly unknown = new BoundedCache<Instant>('unknownIds', textBytes);
  private readonly writers = new Map<string, LiveWriter>();
  private readonly newest;

  constructor(
    private readonly env: SyncEnv,
    private readonly accounts: Accounts,
    private readonly closing: AbortSignal,
  ) {
    this.newest = createNewestLoader(env);
  }

  async record(
    key: Key,
    maxAgeMs: number,
    { held, signal }: LiveRecordOptions = {},
  ): Promise<RecordFreshness> {
    const { liveWaitMs } = this.env.settings;
    const askedAt = nowOf(this.env);
    const current = held === undefined ? (await this.newest.load(key)).held : held;
    const recorded = this.knownAnswer(key, current, maxAgeMs);
    if (recorded) return asWaitedFor(recorded, askedAt);
    const account = this.accounts.get(key.integration);
    const verifiedAt = current?.verifiedAt ?? null;
    if (!account) {
      return staleness(verifiedAt, 'UNREACHABLE', `There is no account with the name ${key.integration}.`);
    }
    const reading = this.share(account, key, maxAgeMs, signal);
    const answer = await waitFor(reading, liveWaitMs, whileLate(verifiedAt, liveWaitMs), signal);
    return asWaitedFor(answer, askedAt);
  }

  async settledAll(): Promise<void> {
    await Promise.allSettled([...this.flights.values()].map(({ done }) => done));
  }

  private knownAnswer(key: Key, current: RevisionRecord | null, maxAgeMs: number): RecordFreshness | null {
    const verifiedAt = current?.verifiedAt ?? null;
    if (verifiedAt !== null && this.isYoung(verifiedAt, maxAgeMs)) return known(verifiedAt);
    const missedAt = this.unknown.get(keyText(key));
    if (!missedAt || !this.isYoung(missedAt, maxAgeMs) || (current && !current.deleted)) return null;
    return known(current && missedAt);
  }

  private isYoung(instant: Instant | undefined, maxAgeMs: number): boolean {
    const now = nowOf(this.env);
    return instant !== undefined && instant <= now && instant >= shift(now, -maxAgeMs);
  }

  /** One reading for all current callers; cancelled when all of them have left. */
  private async share(
    account: Account,
    key: Key,
    maxAgeMs: number,
    signal: AbortSignal | undefined,
  ): Promise<RecordFreshness> {
    signal?.throwIfAborted();
    const text = keyText(key);
    const flight = this.flights.get(text) ?? this.launch(account, key, maxAgeMs);
    const answer = await flight.waiters.wait(flight.done, signal);
    // its first caller may have accepted something older, or have gone before it was done
    const isEnough = answer.stale || answer.live || this.isYoung(answer.verifiedAt ?? undefined, maxAgeMs);
    return isEnough && !flight.waiters.isGone ? answer : this.share(account, key, maxAgeMs, signal);
  }

  private launch(account: Account, key: Key, maxAgeMs: number): SharedWork<RecordFreshness> {
    const text = keyText(key);
    const waiters = new Waiters();
    const read = (signal: AbortSignal) => this.read(account, key, maxAgeMs, signal);
    const done = waiters.run(this.closing, read).finally(() => this.flights.delete(text));
    const flight = { done, waiters };
    this.flights.set(text, flight);
    return flight;
  }

  private async read(
    account: Account,
    key: Key,
    maxAgeMs: number,
    signal: AbortSignal,
  ): Promise<RecordFreshness> {
    const readSince = nowOf(this.env);
    let held: RevisionRecord | null = null;
    for (let round = 0; round <= MAX_CONFLICT_ROUNDS; round += 1) {
      // before Abnormal is asked: whatever is recorded from here on conflicts with what it answers
      const newest = await this.newest.load(key);
      held = newest.held;
      // another reading may have ended since the caller looked
      const recorded = round === 0 ? this.knownAnswer(key, held, maxAgeMs) : null;
      const answer =
        recorded ?? (await this.readOnce(account, key, { ...newest, readSince }, maxAgeMs, signal));
      if (answer) return answer;
    }
    // a record that conflicted with every reading was itself just read
    const verifiedAt = held?.verifiedAt ?? null;
    return readLive(verifiedAt, earliest(verifiedAt ?? readSince, readSince));
  }

  /** `null` if the result conflicts with what was recorded meanwhile. */
  private async readOnce(
    account: Account,
    key: Key,
    { held, basis, readSince }: Newest & { readonly readSince: Instant },
    maxAgeMs: number,
    signal: AbortSignal,
  ): Promise<RecordFreshness | null> {
    const { store } = this.env;
    const [prior = null] = await store.quarantined([key]);
    const verifiedAt = held?.verifiedAt ?? null;
    if (held && prior?.code === 'NOT_FOUND' && this.isYoung(prior.lastTriedAt, maxAgeMs)) {
      return staleness(verifiedAt, prior.code, prior.reason);
    }
    const meter = newMeter();
    const options = { priority: 'interactive', signal, meter } as const;
    try {
      const [task] = await withItems(store, account, [{ key, held, prior }], options);
      if (!task) throw new TypeError('a task for each record');
      const outcome = await fetchRecord(account, task, basis, options);
      return await this.settle(account, { task, outcome, meter }, readSince);
    } catch (error) {
      const { code, message } = toUpstreamError(error);
      return staleness(verifiedAt, code, message);
    }
  }

  private async settle(
    account: Account,
    read: LiveRead,
    readSince: Instant,
  ): Promise<RecordFreshness | null> {
    const { task, outcome } = read;
    if (outcome.kind === 'GONE' && (!task.held || task.held.deleted)) {
      this.unknown.set(keyText(task.key), nowOf(this.env));
      return readLive(task.held ? nowOf(this.env) : null, readSince);
    }
    const recordedIn = await this.writerFor(account, task.key.kind).write(read);
    if (outcome.kind === 'SEEN') {
      const { fetchedAt } = outcome.observation;
      this.env.drift.note(account.name, outcome.drift, fetchedAt);
      // no caller waits for this
      void this.env.drift.writeNews(account.name);
      return recordedIn && { ...readLive(fetchedAt, earliest(fetchedAt, readSince)), recordedIn };
    }
    const code = outcome.kind === 'GONE' ? 'NOT_FOUND' : outcome.code;
    return staleness(task.held?.verifiedAt ?? null, code, outcome.reason);
  }

  private writerFor(account: Account, kind: Kind): LiveWriter {
    const resource = RESOURCE_OF[kind];
    const name = `${account.name}/${resource}`;
    const writer = this.writers.get(name) ?? createLiveWriter(this.env, { account, resource });
    this.writers.set(name, writer);
    return writer;
  }
}

/** A reading that confirmed the record since the caller asked counts as one that it waited for. */
function asWaitedFor(answer: RecordFreshness, askedAt: Instant): RecordFreshness {
  if (answer.stale || answer.live || answer.verifiedAt === null || answer.verifiedAt < askedAt) return answer;
  return readLive(answer.verifiedAt, askedAt);
}

/** One read for all records that are requested at once. */
function createNewestLoader({ store }: SyncEnv) {
  return new DataLoader<Key, Newest>(
    async (keys) => {
      const { seq: basis } = await store.head();
      const found = await store.get(keys, basis);
      return found.map((held) => ({ held, basis }));
    },
    { cache: false, maxBatchSize: 1000 },
  );
}

export function known(verifiedAt: Instant | null): Freshness {
  return { stale: false, verifiedAt, live: false };
}

/** The result for every caller that waited for a reading that began at `readSince`. */
export function readLive(verifiedAt: Instant | null, readSince: Instant): Freshness {
  return { stale: false, verifiedAt, live: true, ...(verifiedAt && { readSince }) };
}

export function staleness(verifiedAt: Instant | null, code: string, reason: string): Freshness {
  return { stale: true, verifiedAt, code, reason };
}

/** The answer when Abnormal takes longer than a caller may wait. */
export function whileLate(verifiedAt: Instant | null, waitMs: number): () => Freshness {
  const reason = `Abnormal has not responded within ${waitMs / 1000} s; the reading continues.`;
  return () => staleness(verifiedAt, 'TIMEOUT', reason);
}

export interface LiveRead {
  readonly task: FetchTask;
  readonly outcome: FetchOutcome;
  readonly meter: CallMeter;
}

export interface LiveWriter {
  /** The batch that recorded it; `null` if it conflicts with what was recorded meanwhile. */
  write(read: LiveRead): Promise<Pin | null>;
}

interface Waiting extends LiveRead {
  readonly resolve: (recordedIn: Pin | null) => void;
  readonly reject: (error: unknown) => void;
}

const MAX_BATCH = 100;
/** A commit costs more than this wait, and responses tend to arrive in bursts. */
const GATHER_MS = 5;

export function createLiveWriter(env: SyncEnv, source: Source): LiveWriter {
  const queue: Waiting[] = [];
  let isWriting = false;

  async function drain(): Promise<void> {
    isWriting = true;
    await setTimeout(GATHER_MS);
    while (queue.length > 0) await writeBatch(env, source, queue.splice(0, MAX_BATCH));
    isWriting = false;
  }

  return {
    write: (read) =>
      new Promise((resolve, reject) => {
        queue.push({ ...read, resolve, reject });
        if (!isWriting) void drain();
      }),
  };
}

async function writeBatch(env: SyncEnv, source: Source, reads: readonly Waiting[]): Promise<void> {
  const [first] = reads;
  const what = reads.length === 1 && first ? { id: first.task.key.id } : { records: reads.length };
  const recorder = createRunRecorder(env, source, { trigger: 'LIVE', parameters: what });
  for (const { meter } of reads) addMeter(recorder.meter, meter);
  try {
    const part = partOf(env, recorder, reads);
    const { seq, at, conflicts } = await recorder.end('SUCCEEDED', part, forecastOf(reads));
    const inConflict = new Set(conflicts.map(keyText));
    for (const { task, resolve } of reads) resolve(inConflict.has(keyText(task.key)) ? null : { seq, at });
  } catch (error) {
    for (const { reject } of reads) reject(error);
  }
}

function partOf(env: SyncEnv, recorder: RunRecorder, reads: readonly LiveRead[]): BatchPart {
  const observations = reads.flatMap(({ outcome }) => (outcome.kind === 'SEEN' ? [outcome.observation] : []));
  const quarantine = reads.flatMap(({ task, outcome }) =>
    outcome.kind === 'SEEN' ? [] : [quarantineEntry({ ...env, recorder }, task, outcome)],
  );
  return { observations, quarantine };
}

/** What the batch will write, apart from conflicts: its run is part of the same batch. */
function forecastOf(reads: readonly LiveRead[]): Partial<RunCounts> {
  const counts = { added: 0, changed: 0, unchanged: 0, quarantined: 0 };
  for (const { task, outcome } of reads) {
    if (outcome.kind !== 'SEEN') counts.quarantined += 1;
    else if (!task.held || task.held.deleted) counts.added += 1;
    else if (task.held.digest !== outcome.observation.digest) counts.changed += 1;
    else counts.unchanged += 1;
  }
  return counts;
}

function addMeter(sum: CallMeter, meter: CallMeter): void {
  sum.calls += meter.calls;
  sum.listCalls += meter.listCalls;
  sum.detailCalls += meter.detailCalls;
  sum.messagePageCalls += meter.messagePageCalls;
  sum.retries += meter.retries;
}
