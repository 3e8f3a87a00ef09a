import { setTimeout as delay } from 'node:timers/promises';
import { sealHistory } from '../../src/evidence/seal/make-seals.js';
import { verifyHistory } from '../../src/evidence/verify/verify.js';
import { HistoryError } from '../../src/history/errors.js';
import { openStore } from '../../src/history/open-store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { watchReads } from '../../src/history/watch-reads.js';
import { LISTED_KINDS, type ListedKind } from '../../src/resources/registry.js';
import { sha256 } from '../../src/values/canonical-json.js';
import { DAY, HOUR, toInstant } from '../../src/values/instant.js';
import { createTenantWorld, heldOf, truthOf, type World } from '../sync/harness.js';
import type { ReplicaSet } from './replica-set.js';

/** What the tenant always has records of. */
const HELD: readonly ListedKind[] = ['threat', 'case', 'campaign'];

export interface FailoverReport {
  readonly polls: number;
  readonly failedPolls: number;
  readonly reads: number;
  readonly failedReads: number;
  /** How long no read succeeded, at most. */
  readonly longestFailureMs: number;
  /** How long there was no primary after a kill, at most. */
  readonly longestElectionMs: number;
  /** What is wrong in the end: nothing, if nothing was lost. */
  readonly faults: readonly string[];
}

const START = Date.parse('2026-03-01T00:00:00.000Z');

/**
 * Polls a simulated account and reads its lists all the time, each on its own connection, while the primary is killed
 * again and again and started again as a secondary. `say` is told of each kill.
 */
export async function runFailover(
  set: ReplicaSet,
  { kills, everyMs, say }: { kills: number; everyMs: number; say: (line: string) => void },
): Promise<FailoverReport> {
  const url = set.url('failover');
  const world = await createTenantWorld({
    now: toInstant(START),
    history: url,
    tenant: {
      ...{ seed: 'failover', threats: 3_000, cases: 300, campaigns: 200 },
      ...{ from: toInstant(START - 3 * DAY), to: toInstant(START + 60 * DAY) },
      shares: { missingThreats: 0, deletedThreats: 0, hugeThreats: 0, lateArrivals: 0 },
    },
  });
  const other = await openStore(url, 'read');
  const end = new AbortController();
  const polling = pollUntil(world, end.signal);
  const reading = new Reading(watchReads(other).store);
  const readings = [1, 2].map(() => reading.until(end.signal));
  let longestElectionMs = 0;
  for (let n = 1; n <= kills; n++) {
    await delay(everyMs);
    const primary = await set.primary();
    await set.kill(primary);
    const begin = performance.now();
    const next = await set.primary();
    const electionMs = performance.now() - begin;
    longestElectionMs = Math.max(longestElectionMs, electionMs);
    say(
      `kill ${n}: member ${primary}, then ${next} after ${(electionMs / 1000).toFixed(1)} s; ${reading.summary}`,
    );
    await set.restart(primary);
  }
  await delay(3_000);
  end.abort();
  const [{ polls, failedPolls }] = await Promise.all([polling, ...readings]);
  const faults = await faultsOf(world, reading);
  await other.close();
  await world.close();
  const { reads, failedReads, longestFailureMs } = reading;
  return { polls, failedPolls, reads, failedReads, longestFailureMs, longestElectionMs, faults };
}

/** An hour of the account's time passes between two polls. */
async function pollUntil(world: World, signal: AbortSignal): Promise<{ polls: number; failedPolls: number }> {
  let polls = 0;
  let failedPolls = 0;
  while (!signal.aborted) {
    await unlessAway(
      async () => {
        await world.poll();
        await sealHistory(world.store, { signer: null, clock: world.clock });
        polls += 1;
      },
      () => (failedPolls += 1),
    );
    world.clock.advance(HOUR);
  }
  return { polls, failedPolls };
}

async function unlessAway(work: () => Promise<void>, away: () => void): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof HistoryError) || error.code !== 'UNAVAILABLE') throw error;
    away();
    await delay(200);
  }
}

/** Reads the newest page again and again, and remembers each answer by its batch. */
class Reading {
  reads = 0;
  failedReads = 0;
  longestFailureMs = 0;
  readonly faults: string[] = [];
  readonly answers = new Map<number, string>();
  #newest = 0;

  constructor(private readonly store: HistoryStore) {}

  get summary(): string {
    const seconds = (this.longestFailureMs / 1000).toFixed(1);
    return `${this.reads} reads, ${this.failedReads} failed, for at most ${seconds} s`;
  }

  async until(signal: AbortSignal): Promise<void> {
    let failingSince: number | null = null;
    while (!signal.aborted) {
      const begin = performance.now();
      await unlessAway(
        async () => {
          const seen = this.#newest;
          const { seq } = await this.store.head();
          if (seq < seen) this.faults.push(`batch ${seen} was shown, and then the newest was ${seq}`);
          this.#newest = Math.max(this.#newest, seq);
          this.#note(seq, await pageAt(this.store, seq));
          if (failingSince !== null)
            this.longestFailureMs = Math.max(this.longestFailureMs, performance.now() - failingSince);
          failingSince = null;
          this.reads += 1;
        },
        () => {
          failingSince ??= begin;
          this.failedReads += 1;
        },
      );
      await delay(50);
    }
  }

  #note(seq: number, answer: string): void {
    const before = this.answers.get(seq);
    if (before !== undefined && before !== answer) this.faults.push(`batch ${seq} has two answers`);
    this.answers.set(seq, answer);
  }
}

/** What a page contains of what a later batch does not change. */
async function pageAt(store: HistoryStore, seq: number): Promise<string> {
  const list = { kind: 'threat', integrations: null, filter: null, after: null, limit: 50 } as const;
  const { items } = await store.page({ ...list, seq, orderBy: 'receivedTime', descending: true });
  return sha256(
    JSON.stringify(items.map(({ revision: { key, seqFrom, digest } }) => [key, seqFrom, digest])),
  );
}

/** What was lost, recorded twice or is not complete, after a last poll. */
async function faultsOf(world: World, { faults, answers }: Reading): Promise<string[]> {
  const { store } = world;
  const { passes } = await world.poll();
  await sealHistory(store, { signer: null, clock: world.clock });
  const found = [...faults];
  for (const { resource, streams } of passes) {
    const certain = streams.flatMap(({ coverage }) =>
      Object.entries(coverage.missingMs).filter(([reason]) => reason !== 'PROVISIONAL'),
    );
    if (certain.length > 0) found.push(`${resource} has gaps: ${JSON.stringify(certain)}`);
  }
  for (const kind of LISTED_KINDS) {
    const held = await heldOf(store, kind);
    const truth = truthOf(world.tenant, kind, toInstant(world.clock() - HOUR));
    const lost = [...truth.keys()].filter((id) => !held.has(id));
    if (lost.length > 0 || (held.size === 0 && HELD.includes(kind)))
      found.push(`${lost.length} of ${truth.size} ${kind}s were lost`);
  }
  for (const [seq, answer] of answers)
    if ((await pageAt(store, seq)) !== answer) found.push(`batch ${seq} is shown otherwise than before`);
  const open = await store.runs({ integrations: null, before: null, limit: 10_000 });
  if (open.some(({ status }) => status === 'RUNNING')) found.push('a run is still RUNNING');
  const { findings } = await verifyHistory(store, { publicKeys: null, mustBeSigned: false, held: [] });
  return [...found, ...findings.map(({ code, message }) => `${code} ${message}`)];
}
