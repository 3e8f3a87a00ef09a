import { earliest, type Instant, latest } from '../values/instant.js';
import type { Window } from '../values/window.js';
import type { MissingEntry, RecordedEntry } from './ledger.js';

/** Why a span of source time is not known to be whole. */
export type GapReason =
  | 'NOT_COLLECTED'
  | 'PROVISIONAL'
  | 'PARTIAL'
  | 'FAILED'
  | 'NOT_LICENSED'
  | 'OUT_OF_RETENTION';

/** A span for which the history cannot vouch. */
export interface CoverageGap extends Window {
  readonly reason: GapReason;
  /** What the reading that left it said, for a person. */
  readonly detail: string | null;
}

/** A record that a reading of `[from, to)` listed and could not read, as of that reading. */
export interface Missing extends MissingEntry, Window {
  /** The batch that recorded the reading. A version recorded later means that it is no longer missing. */
  readonly seq: number;
  readonly readAt: Instant;
  /** The part of the window of which this is still the newest reading: from its first such instant to its last. */
  readonly span: Window;
}

/** What is held of one stream in `[from, to)`. */
export interface Coverage extends Window {
  /** Whether there are no gaps. */
  readonly complete: boolean;
  /** Oldest first, disjoint, adjacent ones of one reason joined; see `addGap`. */
  readonly gaps: readonly CoverageGap[];
  /**
   * By id: what the newest readings name as listed and not read. See `outstanding` for what of it was recorded later.
   */
  readonly missing: readonly Missing[];
}

/** Whether nothing is missing; a record that disappeared before it could be read does not count. */
export function isComplete(gaps: readonly unknown[], missing: readonly Pick<Missing, 'code'>[]): boolean {
  return gaps.length === 0 && missing.every(({ code }) => code === 'GONE');
}

/** The records that are still missing; `recordedAt` gives the batch of each record's newest version by id. */
export function outstanding<M extends Pick<Missing, 'id' | 'seq'>>(
  missing: readonly M[],
  recordedAt: ReadonlyMap<string, number>,
): M[] {
  return missing.filter(({ id, seq }) => (recordedAt.get(id) ?? -1) <= seq);
}

/**
 * Which parts of `[from, to)` the ledger vouches for.
 *
 * Entries count in the order of their `seq`. A COMPLETE reading covers its window up to `settledTo`, except for
 * the records that it names as missing. A PARTIAL one uncovers what it reads: something there may be missing that
 * has no name. Any other outcome names a
 * gap only where nothing better is known, since a failed second reading loses nothing already held.
 */
export function coverageOf(entries: readonly RecordedEntry[], from: Instant, to: Instant): Coverage {
  if (from >= to) return { from, to, complete: true, gaps: [], missing: [] };
  const readings = readingsWithin(entries, from, to);
  const edges = edgesOf(readings, from, to);
  // the last decisive stroke says whether a span is covered; where it is not, the last stroke of all says why
  const decisive = lastReadings(
    readings.filter((reading) => reading.decisive),
    edges,
  );
  const last = lastReadings(readings, edges);
  const gaps = joinedGaps(edges, (i) => (decisive[i]?.reason === null ? null : (last[i] ?? UNREAD)));
  return { from, to, complete: gaps.length === 0, gaps, missing: missingIn(decisive, edges) };
}

/** What the readings that still stand somewhere name as missing; of one id, the newest. */
function missingIn(decisive: readonly (LedgerReading | undefined)[], edges: readonly Instant[]): Missing[] {
  const standing = new Map<RecordedEntry, Window>();
  for (const [i, reading] of decisive.entries()) {
    const [from, to] = [edges[i], edges[i + 1]];
    if (!reading?.entry.missing || from === undefined || to === undefined) continue;
    standing.set(reading.entry, { from: standing.get(reading.entry)?.from ?? from, to });
  }
  const named = new Map<string, Missing>();
  for (const [entry, span] of [...standing].sort(([a], [b]) => a.seq - b.seq)) {
    const { from, to, seq, readAt } = entry;
    for (const record of entry.missing ?? [])
      named.set(record.id, { ...record, from, to, seq, readAt, span });
  }
  return [...named.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** What one entry says of one span. */
interface LedgerReading extends Window {
  readonly entry: RecordedEntry;
  /** `null`: covered. */
  readonly reason: GapReason | null;
  readonly detail: string | null;
  /** Holds whatever was known before; the others leave what is covered as it is. */
  readonly decisive: boolean;
}

const UNREAD: Pick<CoverageGap, 'reason' | 'detail'> = { reason: 'NOT_COLLECTED', detail: null };

function readingsWithin(entries: readonly RecordedEntry[], from: Instant, to: Instant): LedgerReading[] {
  return [...entries]
    .sort((a, b) => a.seq - b.seq)
    .flatMap(readingsOf)
    .map((reading) => ({ ...reading, from: latest(reading.from, from), to: earliest(reading.to, to) }))
    .filter((reading) => reading.from < reading.to);
}

function readingsOf(entry: RecordedEntry): LedgerReading[] {
  const { from, to, settledTo, status, reason: detail } = entry;
  if (status !== 'COMPLETE')
    return [{ from, to, reason: status, detail, decisive: status === 'PARTIAL', entry }];
  const settled = earliest(latest(settledTo, from), to);
  return [
    { from, to: settled, reason: null, detail: null, decisive: true, entry },
    { from: settled, to, reason: 'PROVISIONAL', detail: null, decisive: false, entry },
  ];
}

function edgesOf(readings: readonly LedgerReading[], from: Instant, to: Instant): Instant[] {
  return [...new Set([from, to, ...readings.flatMap((reading) => [reading.from, reading.to])])].sort();
}

/** The last stroke over each span between neighbouring edges: laid newest first, each takes what is still free. */
function lastReadings(
  readings: readonly LedgerReading[],
  edges: readonly Instant[],
): (LedgerReading | undefined)[] {
  const indexOf = new Map(edges.map((edge, index) => [edge, index]));
  const taken: (LedgerReading | undefined)[] = new Array(edges.length - 1);
  const nextFree = freeList(edges.length - 1);
  for (const reading of readings.toReversed()) {
    const end = indexOf.get(reading.to) ?? 0;
    for (let i = nextFree.find(indexOf.get(reading.from) ?? end); i < end; i = nextFree.find(i)) {
      taken[i] = reading;
      nextFree.take(i);
    }
  }
  return taken;
}

/** The free places among `0 … size - 1`; `size` itself always counts as free. Path halving keeps it near-linear. */
function freeList(size: number) {
  const next = Int32Array.from({ length: size + 1 }, (_, i) => i);
  const at = (i: number) => next[i] ?? size;
  return {
    find(place: number): number {
      let i = place;
      while (at(i) !== i) {
        next[i] = at(at(i));
        i = at(i);
      }
      return i;
    },
    take(i: number): void {
      next[i] = i + 1;
    },
  };
}

type Named = Pick<LedgerReading, 'reason' | 'detail'> | null;

function joinedGaps(edges: readonly Instant[], gapAt: (index: number) => Named): CoverageGap[] {
  const gaps: CoverageGap[] = [];
  edges.slice(0, -1).forEach((from, i) => {
    const { reason = null, detail = null } = gapAt(i) ?? {};
    if (reason === null) return;
    addGap(gaps, { from, to: edges[i + 1] ?? from, reason, detail });
  });
  return gaps;
}

/**
 * Adds a gap to those before it, or lengthens the last. What could not be read is one gap however many windows it
 * was asked for in, each of which had its own complaint: the newest stands for it.
 */
export function addGap(gaps: CoverageGap[], gap: CoverageGap): void {
  const last = gaps.at(-1);
  const isOne = last?.detail === gap.detail || gap.reason === 'FAILED';
  if (last && last.to === gap.from && last.reason === gap.reason && isOne) {
    gaps[gaps.length - 1] = { ...gap, from: last.from };
  } else gaps.push(gap);
}
