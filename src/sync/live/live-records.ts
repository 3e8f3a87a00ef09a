import DataLoader from 'dataloader';
import { newMeter } from '../../abnormal/call.js';
import { toUpstreamError } from '../../abnormal/errors.js';
import { type SharedWork, Waiters, waitFor } from '../../async/waiting.js';
import type { Pin } from '../../history/store.js';
import type { Account, Accounts } from '../../integrations/accounts.js';
import { OPEN_SEQ, type RevisionRecord } from '../../model/revision.js';
import { type Kind, keyText, RESOURCE_OF, type RecordKey } from '../../resources/registry.js';
import { BoundedCache, textBytes } from '../../values/bounded-cache.js';
import { earliest, type Instant, MINUTE, shift } from '../../values/instant.js';
import { nowOf, type SyncEnv } from '../context.js';
import { type FetchOutcome, fetchRecord, withItems } from '../records/fetch-record.js';
import {
  known,
  type LiveRecordOptions,
  type RecordFreshness,
  readLive,
  staleness,
  whileLate,
} from '../sync.js';
import { GATHER_MS, type LiveRead, LiveWriter, recordWaiting } from './live-writer.js';

type Key = RecordKey & { readonly kind: Kind };

interface Asked {
  readonly account: Account;
  readonly key: Key;
  readonly maxAgeMs: number;
}

const MAX_CONFLICT_ROUNDS = 3;

/** How long a reading that found nothing new waits at most for a batch that it can be recorded with. */
const RECORDED_WITHIN_MS = MINUTE;
/** So many do not wait. */
const ENOUGH_WAITING = 1_000;

/** The stored record, and the newest batch before it was looked up. */
interface Newest {
  readonly held: RevisionRecord | null;
  readonly basis: Pin;
}

type Seen = Pick<RecordFreshness, 'readIn' | 'confirmed'>;

type UnchangedRead = LiveRead & { readonly outcome: Extract<FetchOutcome, { kind: 'SEEN' }> };

export class LiveRecords {
  private readonly flights = new Map<string, SharedWork<RecordFreshness>>();
  /** Ids that Abnormal does not know, so that repeated requests for one cost nothing. */
  private readonly unknown = new BoundedCache<Instant>('unknownIds', textBytes);
  /** The newest batch of a reading that found a change: a caller that looked before it may not know the newest version. */
  private writtenIn = 0;
  private readonly writers = new Map<string, LiveWriter>();
  private readonly newest;
  private readonly current;
  private recording: NodeJS.Timeout | null = null;

  constructor(
    private readonly env: SyncEnv,
    private readonly accounts: Accounts,
    private readonly closing: AbortSignal,
  ) {
    this.newest = createNewestLoader(env);
    this.current = createCurrentLoader(env);
    env.confirmations.readAgain = (key) => void this.record(key, 0).catch(() => undefined);
  }

  async record(
    key: Key,
    maxAgeMs: number,
    { held, basis, signal }: LiveRecordOptions = {},
  ): Promise<RecordFreshness> {
    const { liveWaitMs } = this.env.settings;
    const askedAt = nowOf(this.env);
    const seen = held === undefined || basis === undefined ? await this.newest.load(key) : { held, basis };
    const stored = seen.held;
    const current = this.env.confirmations.applied(stored);
    const recorded = this.knownAnswer(key, stored, maxAgeMs);
    if (recorded) return asWaitedFor(recorded, askedAt);
    const account = this.accounts.get(key.integration);
    const verifiedAt = current?.verifiedAt ?? null;
    if (!account) {
      return staleness(verifiedAt, 'UNREACHABLE', `There is no account with the name ${key.integration}.`);
    }
    const reading = this.share({ account, key, maxAgeMs }, signal, seen);
    const answer = await waitFor(reading, liveWaitMs, whileLate(verifiedAt, liveWaitMs), signal);
    return asWaitedFor(answer, askedAt);
  }

  async settledAll(): Promise<void> {
    await Promise.allSettled([...this.flights.values()].map(({ done }) => done));
    await this.recordConfirmations();
  }

  private knownAnswer(key: Key, stored: RevisionRecord | null, maxAgeMs: number): RecordFreshness | null {
    const current = this.env.confirmations.applied(stored);
    const verifiedAt = current?.verifiedAt ?? null;
    if (verifiedAt !== null && this.isYoung(verifiedAt, maxAgeMs))
      return { ...known(verifiedAt), ...(current && current !== stored && { confirmed: current }) };
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
    asked: Asked,
    signal: AbortSignal | undefined,
    seen: Newest | null = null,
  ): Promise<RecordFreshness> {
    const { key, maxAgeMs } = asked;
    signal?.throwIfAborted();
    const text = keyText(key);
    const flight = this.flights.get(text) ?? this.launch(asked, seen);
    const answer = await flight.waiters.wait(flight.done, signal);
    // its first caller may have accepted something older, or have gone before it was done
    const isEnough = answer.stale || answer.live || this.isYoung(answer.verifiedAt ?? undefined, maxAgeMs);
    return isEnough && !flight.waiters.isGone ? answer : this.share(asked, signal);
  }

  private launch(asked: Asked, seen: Newest | null): SharedWork<RecordFreshness> {
    const text = keyText(asked.key);
    const waiters = new Waiters();
    const isCurrent = seen !== null && seen.basis.seq >= this.writtenIn;
    const read = (signal: AbortSignal) => this.read(asked, signal, isCurrent ? seen : null);
    const done = waiters.run(this.closing, read).finally(() => this.flights.delete(text));
    const flight = { done, waiters };
    this.flights.set(text, flight);
    return flight;
  }

  private async read(asked: Asked, signal: AbortSignal, seen: Newest | null): Promise<RecordFreshness> {
    const { key, maxAgeMs } = asked;
    const readSince = nowOf(this.env);
    let held: RevisionRecord | null = null;
    for (let round = 0; round <= MAX_CONFLICT_ROUNDS; round += 1) {
      // before Abnormal is asked: whatever is recorded from here on conflicts with what it answers
      const newest = (round === 0 && seen) || (await this.newest.load(key));
      held = this.env.confirmations.applied(newest.held);
      // another reading may have ended since the caller looked
      const recorded = round === 0 ? this.knownAnswer(key, newest.held, maxAgeMs) : null;
      if (recorded) return { ...recorded, ...(recorded.confirmed && { readIn: newest.basis }) };
      const { basis } = newest;
      const answer = await this.readOnce(asked, { held, basis, readSince }, signal);
      if (answer) return answer;
    }
    // a record that conflicted with every reading was itself just read
    const verifiedAt = held?.verifiedAt ?? null;
    return readLive(verifiedAt, earliest(verifiedAt ?? readSince, readSince));
  }

  /** `null` if the result conflicts with what was recorded meanwhile. */
  private async readOnce(
    { account, key, maxAgeMs }: Asked,
    { held, basis, readSince }: Newest & { readonly readSince: Instant },
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
      const outcome = await fetchRecord(account, task, basis.seq, options);
      return await this.settle(account, { task, outcome, meter }, basis, readSince);
    } catch (error) {
      const { code, message } = toUpstreamError(error);
      return staleness(verifiedAt, code, message);
    }
  }

  private async settle(
    account: Account,
    read: LiveRead,
    basis: Pin,
    readSince: Instant,
  ): Promise<RecordFreshness | null> {
    const { task, outcome } = read;
    if (outcome.kind === 'GONE' && (!task.held || task.held.deleted)) {
      this.unknown.set(keyText(task.key), nowOf(this.env));
      return readLive(task.held ? nowOf(this.env) : null, readSince);
    }
    const seen = await (isUnchanged(read) ? this.confirm(read, basis) : this.write(account, read));
    if (outcome.kind === 'SEEN') {
      const { fetchedAt } = outcome.observation;
      this.env.drift.note(account.name, outcome.drift, fetchedAt);
      // no caller waits for this
      void this.env.drift.writeNews(account.name);
      return seen && { ...readLive(fetchedAt, earliest(fetchedAt, readSince)), ...seen };
    }
    const code = outcome.kind === 'GONE' ? 'NOT_FOUND' : outcome.code;
    return staleness(task.held?.verifiedAt ?? null, code, outcome.reason);
  }

  private async write(account: Account, read: LiveRead): Promise<Seen | null> {
    this.env.confirmations.forget([read.task.key]);
    const readIn = await this.writerFor(account, read.task.key.kind).write(read);
    this.writtenIn = Math.max(this.writtenIn, readIn?.seq ?? 0);
    return readIn && { readIn };
  }

  /** Notes that a record is as stored; `null` if it no longer is. */
  private async confirm({ task, outcome, meter }: UnchangedRead, basis: Pin): Promise<Seen | null> {
    const { key, digest, fetchedAt } = outcome.observation;
    const newest = await this.current.load(task.key);
    if (newest?.seqFrom !== task.held?.seqFrom) return null;
    const { confirmations } = this.env;
    confirmations.add({ key, digest, fetchedAt, meter });
    if (confirmations.size >= ENOUGH_WAITING) void this.recordConfirmations();
    this.recording ??= setTimeout(() => void this.recordConfirmations(), RECORDED_WITHIN_MS).unref();
    return { readIn: basis, confirmed: confirmations.applied(newest) ?? undefined };
  }

  private async recordConfirmations(): Promise<void> {
    clearTimeout(this.recording ?? undefined);
    this.recording = null;
    await recordWaiting(this.env, this.accounts);
  }

  private writerFor(account: Account, kind: Kind): LiveWriter {
    const resource = RESOURCE_OF[kind];
    const name = `${account.name}/${resource}`;
    const writer = this.writers.get(name) ?? new LiveWriter(this.env, { account, resource });
    this.writers.set(name, writer);
    return writer;
  }
}

/** A reading that confirmed the record since the caller asked counts as one that it waited for. */
function asWaitedFor(answer: RecordFreshness, askedAt: Instant): RecordFreshness {
  if (answer.stale || answer.live || answer.verifiedAt === null || answer.verifiedAt < askedAt) return answer;
  return { ...answer, ...readLive(answer.verifiedAt, askedAt) };
}

/** One read for all records that are requested at once. */
function createNewestLoader({ store }: SyncEnv) {
  return new DataLoader<Key, Newest>(
    async (keys) => {
      const basis = await store.head();
      const found = await store.get(keys, basis.seq);
      return found.map((held) => ({ held, basis }));
    },
    { cache: false, maxBatchSize: 1000 },
  );
}

/** The newest versions, whichever batch they are of: one read for those whose responses arrive together. */
function createCurrentLoader({ store }: SyncEnv) {
  return new DataLoader<Key, RevisionRecord | null>((keys) => store.get(keys, OPEN_SEQ - 1), {
    ...{ cache: false, maxBatchSize: 1000 },
    batchScheduleFn: (read) => setTimeout(read, GATHER_MS),
  });
}

/** Whether Abnormal returned the stored version of a record that is not in quarantine: then only its time is new. */
function isUnchanged(read: LiveRead): read is UnchangedRead {
  const { held, prior } = read.task;
  const isHeld = read.outcome.kind === 'SEEN' && read.outcome.observation.digest === held?.digest;
  return isHeld && !held?.deleted && prior === null;
}
