import type { HistoryStore } from '../../history/store.js';
import { coverageOf, isComplete, type RecordedEntry, stillMissing, streamText } from '../../model/ledger.js';
import type { RunRecord } from '../../model/run.js';
import { type Stream, type StreamState, streamsOf } from '../../model/stream.js';
import { FILTER_KEYS, RESOURCES } from '../../resources/registry.js';
import { BoundedCache } from '../../values/bounded-cache.js';
import { canonicalJson, sha256 } from '../../values/canonical-json.js';
import { DAY, earliest, type Instant, shift } from '../../values/instant.js';
import { type Leaf, ledgerLeaves } from './leaf.js';
import { type SealedRun, type StreamCoverage, sealsBefore } from './seal.js';

const PAGE = 100;
/** In one seal; the others follow in the next. */
const MOST_RUNS = 1000;
/** A run is written some time after its beginning, a reconciliation only at its end. */
const WRITTEN_WITHIN = 2 * DAY;

export interface EndedRuns {
  /** Oldest first. */
  readonly runs: readonly SealedRun[];
  /** Every run that began before this instant and has ended is sealed with these. */
  readonly before: Instant;
  readonly hasMore: boolean;
}

export function sealedRun(run: RunRecord): SealedRun {
  const { id, integration, resource, trigger, status, startedAt, endedAt, parameters } = run;
  return {
    ...{ id, integration, resource, trigger, status, startedAt, endedAt, parameters },
    digest: sha256(canonicalJson(run)),
  };
}

/** As many as a day has of the usual polls, and some more. */
const SEALS_AT_ONCE = 10;

/** The size of the id and the digest of one run. */
const DIGEST_BYTES = 300;

/** The runs in recent seals; each seal is read once, if there is room. */
export class RecentRuns {
  readonly #bySeal = new BoundedCache<
    { readonly at: Instant; readonly digests: ReadonlyMap<string, string> },
    number
  >('sealedRuns', ({ digests }) => DIGEST_BYTES * digests.size);

  /** The digest under which each run was last sealed, of all seals made since `since`; older ones are forgotten. */
  async since(store: HistoryStore, length: number, since: Instant): Promise<ReadonlyMap<string, string>> {
    const known = new Map<string, string>();
    const wanted: ReadonlyMap<string, string>[] = [];
    for (let index = length; index > 0; index--) {
      const seal = this.#bySeal.get(index) ?? (await this.#read(store, index));
      if (seal === null || seal.at < since) {
        this.#forget(index);
        break;
      }
      wanted.push(seal.digests);
    }
    for (const digests of wanted.reverse()) for (const [id, digest] of digests) known.set(id, digest);
    return known;
  }

  /** The seal at `index`; those before it, which are wanted next, are kept too. */
  async #read(store: HistoryStore, index: number) {
    let wanted = 1;
    while (wanted < Math.min(index, SEALS_AT_ONCE) && !this.#bySeal.has(index - wanted)) wanted += 1;
    // a damaged one before it does not keep it from being read
    const seals = await sealsBefore(store, index + 1, wanted).catch(() => sealsBefore(store, index + 1, 1));
    const read = seals.map(({ index, body }) => {
      const found = body && {
        at: body.at,
        digests: new Map(body.runs.map(({ id, digest }) => [id, digest])),
      };
      if (found) this.#bySeal.set(index, found);
      return { index, found };
    });
    return read[0]?.index === index ? read[0].found : null;
  }

  #forget(upTo: number): void {
    for (const index of this.#bySeal.keys()) if (index <= upTo) this.#bySeal.delete(index);
  }
}

/** The runs that have ended and are in no seal. `last`: what the last seal says. */
export async function endedRuns(
  store: HistoryStore,
  last: { readonly index: number; readonly runsBefore: Instant } | null,
  recent: RecentRuns,
  now: Instant,
): Promise<EndedRuns> {
  // a clock that was ahead at the last seal must not hide later runs
  const since = last === null ? null : earliest(last.runsBefore, shift(now, -WRITTEN_WITHIN));
  const sealed =
    last && since ? await recent.since(store, last.index, shift(since, -WRITTEN_WITHIN)) : new Map();
  let before = shift(now, -WRITTEN_WITHIN);
  let hasMore = false;
  // newest first, so that the newest are left out
  const runs: RunRecord[] = [];
  for await (const run of newestRuns(store, since)) {
    if (run.endedAt === null) before = earliest(before, run.startedAt);
    else if (sealed.get(run.id) !== sealedRun(run).digest) runs.push(run);
    const left = runs.length > MOST_RUNS ? runs.shift() : undefined;
    if (left) {
      hasMore = true;
      before = earliest(before, left.startedAt);
    }
  }
  return {
    runs: runs.reverse().map(sealedRun),
    before,
    hasMore,
  };
}

/** Some runs, or all, down to `since`, newest first. */
export async function* newestRuns(
  store: HistoryStore,
  since: Instant | null,
  query: Partial<Parameters<HistoryStore['runs']>[0]> = {},
): AsyncGenerator<RunRecord> {
  for (let before = query.before ?? null; ; ) {
    const page: RunRecord[] = await store.runs({ integrations: null, ...query, before, limit: PAGE });
    for (const run of page) {
      if (since !== null && run.startedAt < since) return;
      yield run;
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    // rows whose columns differ from their JSON would make this loop
    const isBack = before !== null && (last.startedAt > before.startedAt || last.id === before.id);
    if (isBack) throw new Error('the runs are not in their order');
    before = { startedAt: last.startedAt, id: last.id };
  }
}

/** A history with more gaps is only being filled. */
const MOST_GAPS = 500;

const BEGINNING: Instant = '0000-01-01T00:00:00.000Z';
const END: Instant = '9999-12-31T23:59:59.999Z';

/** All readings of a stream up to a batch, in the order of recording. */
export function wholeLedger(store: HistoryStore, stream: Stream, seq: number): Promise<RecordedEntry[]> {
  return store.ledger(stream, BEGINNING, END, seq);
}

/** The coverage of a stream at a batch, and the leaves of the readings since another. */
interface StreamStatement {
  readonly coverage: StreamCoverage;
  readonly leaves: readonly Leaf[];
}

/** Every stream of every account that was ever read, sorted. */
export function allStreams(states: readonly StreamState[]): Stream[] {
  const integrations = [...new Set(states.map(({ integration }) => integration))];
  const streams = integrations.flatMap((name) => RESOURCES.flatMap((resource) => streamsOf(name, resource)));
  return streams.sort((a, b) => (streamText(a) < streamText(b) ? -1 : 1));
}

/**
 * From the beginning of the collection, as known at batch `toSeq`, recorded at `toAt`; `null` for a stream
 * that was never read.
 */
export async function stateCoverage(
  store: HistoryStore,
  stream: Stream,
  collectFrom: Instant | null,
  { fromSeq, toSeq, toAt }: { readonly fromSeq: number; readonly toSeq: number; readonly toAt: Instant },
): Promise<StreamStatement | null> {
  const entries = await wholeLedger(store, stream, toSeq);
  if (collectFrom === null && entries.length === 0) return null;
  const from = collectFrom ?? entries.map((entry) => entry.from).reduce(earliest);
  const { gaps, missing } = coverageOf(entries, from, toAt);
  const left = await stillMissing(store, stream, missing, toSeq);
  const complete = isComplete(gaps, left);
  const windows: Record<string, number> = {};
  for (const { status } of entries) windows[status] = (windows[status] ?? 0) + 1;
  const newest = gaps.toReversed().slice(0, MOST_GAPS);
  return {
    coverage: {
      ...{ stream: streamText(stream), from, to: toAt, complete, windows },
      gaps: newest.map((gap) => ({ from: gap.from, to: gap.to, reason: gap.reason })),
      gapCount: gaps.length,
    },
    leaves: ledgerLeaves(entries.filter(({ seq }) => seq > fromSeq)),
  };
}

/** The stream that `streamText` wrote; otherwise `null`. */
export function streamNamed(text: string): Stream | null {
  const parts = /^(.+)\/([^/]+)\/([^/]+)$/.exec(text);
  if (!parts) return null;
  const [, integration = '', name, key] = parts;
  for (const [resource, keys] of Object.entries(FILTER_KEYS)) {
    const filterKey = keys.find((known) => known === key);
    if (resource === name && filterKey) {
      return { integration, resource: resource as Stream['resource'], filterKey };
    }
  }
  return null;
}
