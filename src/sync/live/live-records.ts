import DataLoader from 'dataloader';
import { newMeter } from '../../abnormal/client.js';
import { toUpstreamError } from '../../abnormal/errors.js';
import { linkSignals } from '../../async/signals.js';
import { Waiters } from '../../async/waiters.js';
import type { Account, Accounts } from '../../integrations/accounts.js';
import type { RevisionRecord } from '../../model/revision.js';
import { type Kind, keyText, type RecordKey, type Resource } from '../../resources/registry.js';
import { BoundedCache, textBytes } from '../../values/bounded-cache.js';
import { earliest, type Instant, shift } from '../../values/instant.js';
import { nowOf, type SyncEnv } from '../context.js';
import { type FetchTask, fetchRecord, heldItem } from '../records/fetch-record.js';
import type { Freshness } from '../sync.js';
import { known, readLive, staleness, waitFor, whileLate } from './freshness.js';
import { createLiveWriter, type LiveRead, type LiveWriter } from './live-writer.js';

type Key = RecordKey & { readonly kind: Kind };

const RESOURCE_OF_KIND: Record<Kind, Resource> = {
  threat: 'threats',
  threatAttachments: 'threats',
  threatLinks: 'threats',
  case: 'cases',
  caseAnalysis: 'cases',
  campaign: 'campaigns',
};

const MAX_CONFLICT_ROUNDS = 3;

interface SharedReading {
  readonly done: Promise<Freshness>;
  readonly waiters: Waiters;
}

interface Basis {
  readonly held: RevisionRecord | null;
  readonly basis: number;
  readonly readSince: Instant;
}

export class LiveRecords {
  private readonly flights = new Map<string, SharedReading>();
  /** Ids that Abnormal does not know, so that repeated requests for one cost nothing. */
  private readonly unknown = new BoundedCache<Instant>('unknownIds', textBytes);
  private readonly writers = new Map<string, LiveWriter>();
  private readonly held;

  constructor(
    private readonly env: SyncEnv,
    private readonly accounts: Accounts,
    private readonly closing: AbortSignal,
  ) {
    this.held = createHeldLoader(env);
  }

  async record(key: Key, maxAgeMs: number, signal?: AbortSignal): Promise<Freshness> {
    const { liveWaitMs } = this.env.settings;
    const askedAt = nowOf(this.env);
    const current = await this.held.load(key);
    const recorded = this.knownAnswer(key, current, maxAgeMs);
    if (recorded) return asWaitedFor(recorded, askedAt);
    const account = this.accounts.get(key.integration);
    const verifiedAt = current?.verifiedAt ?? null;
    if (!account) {
      return staleness(
        verifiedAt,
        'UNREACHABLE',
        `No account is configured under the name ${key.integration}.`,
      );
    }
    const reading = this.share(account, key, maxAgeMs, signal);
    const answer = await waitFor(reading, liveWaitMs, whileLate(verifiedAt, liveWaitMs), signal);
    return asWaitedFor(answer, askedAt);
  }

  async settledAll(): Promise<void> {
    await Promise.allSettled([...this.flights.values()].map(({ done }) => done));
  }

  private knownAnswer(key: Key, current: RevisionRecord | null, maxAgeMs: number): Freshness | null {
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
  ): Promise<Freshness> {
    signal?.throwIfAborted();
    const text = keyText(key);
    const flight = this.flights.get(text) ?? this.launch(account, key, maxAgeMs);
    const stopListening = flight.waiters.isGone ? () => {} : flight.waiters.join(signal);
    const answer = await flight.done.finally(stopListening);
    // the caller that started it may have accepted an older record, or have left early
    const isEnough = answer.stale || answer.live || this.isYoung(answer.verifiedAt ?? undefined, maxAgeMs);
    return isEnough && !flight.waiters.isGone ? answer : this.share(account, key, maxAgeMs, signal);
  }

  private launch(account: Account, key: Key, maxAgeMs: number): SharedReading {
    const text = keyText(key);
    const waiters = new Waiters();
    const ending = linkSignals(this.closing, waiters.signal);
    const done = this.read(account, key, maxAgeMs, ending.signal).finally(() => {
      ending.unlink();
      this.flights.delete(text);
    });
    const flight = { done, waiters };
    this.flights.set(text, flight);
    return flight;
  }

  private async read(account: Account, key: Key, maxAgeMs: number, signal: AbortSignal): Promise<Freshness> {
    const readSince = nowOf(this.env);
    let held: RevisionRecord | null = null;
    for (let round = 0; round <= MAX_CONFLICT_ROUNDS; round += 1) {
      // taken before any part of the record is read, so that everything recorded later conflicts with the
      // result
      const { seq } = await this.env.store.head();
      held = await this.held.load(key);
      // another reading may have ended since the first look
      const recorded = round === 0 ? this.knownAnswer(key, held, maxAgeMs) : null;
      const basis = { held, basis: seq, readSince };
      const answer = recorded ?? (await this.readOnce(account, key, basis, maxAgeMs, signal));
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
    { held, basis, readSince }: Basis,
    maxAgeMs: number,
    signal: AbortSignal,
  ): Promise<Freshness | null> {
    const { store } = this.env;
    const [prior = null] = await store.quarantined([key]);
    const verifiedAt = held?.verifiedAt ?? null;
    if (held && prior?.code === 'NOT_FOUND' && this.isYoung(prior.lastTriedAt, maxAgeMs)) {
      return staleness(verifiedAt, prior.code, prior.reason);
    }
    const task: FetchTask = { key, held, prior, item: await heldItem(store, held) };
    const meter = newMeter();
    const options = { priority: 'interactive', signal, meter } as const;
    try {
      const outcome = await fetchRecord(account, key, task.item, basis, options);
      return await this.settle(account, { task, outcome, meter }, readSince);
    } catch (error) {
      const { code, message } = toUpstreamError(error);
      return staleness(verifiedAt, code, message);
    }
  }

  private async settle(account: Account, read: LiveRead, readSince: Instant): Promise<Freshness | null> {
    const { task, outcome } = read;
    if (outcome.kind === 'GONE' && (!task.held || task.held.deleted)) {
      this.unknown.set(keyText(task.key), nowOf(this.env));
      return readLive(task.held ? nowOf(this.env) : null, readSince);
    }
    const isRecorded = await this.writerFor(account, task.key.kind).write(read);
    if (outcome.kind === 'SEEN') {
      const { fetchedAt } = outcome.observation;
      this.env.drift.note(account.name, outcome.drift, fetchedAt);
      // no caller waits for this
      void this.env.drift.writeNews(account.name);
      return isRecorded ? readLive(fetchedAt, earliest(fetchedAt, readSince)) : null;
    }
    const code = outcome.kind === 'GONE' ? 'NOT_FOUND' : outcome.code;
    return staleness(task.held?.verifiedAt ?? null, code, outcome.reason);
  }

  private writerFor(account: Account, kind: Kind): LiveWriter {
    const resource = RESOURCE_OF_KIND[kind];
    const name = `${account.name}/${resource}`;
    const writer = this.writers.get(name) ?? createLiveWriter(this.env, { account, resource });
    this.writers.set(name, writer);
    return writer;
  }
}

/** Any reading that confirmed the record since the caller asked counts as one that the caller waited for. */
function asWaitedFor(answer: Freshness, askedAt: Instant): Freshness {
  if (answer.stale || answer.live || answer.verifiedAt === null || answer.verifiedAt < askedAt) return answer;
  return readLive(answer.verifiedAt, askedAt);
}

function createHeldLoader({ store }: SyncEnv) {
  return new DataLoader<Key, RevisionRecord | null>(
    async (keys) => {
      const { seq } = await store.head();
      return store.get(keys, seq);
    },
    { cache: false, maxBatchSize: 1000 },
  );
}
