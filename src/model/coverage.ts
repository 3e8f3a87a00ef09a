import { earliest, type Instant, latest } from './instant.js';
import type { RecordedEntry, Window } from './ledger.js';

/** Why a span of source time is not known to be whole. */
export type GapReason =
  | 'NOT_COLLECTED'
  | 'PROVISIONAL'
  | 'PARTIAL'
  | 'FAILED'
  | 'NOT_LICENSED'
  | 'OUT_OF_RETENTION';

/** A span for which the history cannot vouch. */
export interface Gap extends Window {
  readonly reason: GapReason;
  /** What the reading that left it said, for a person. */
  readonly detail: string | null;
}

/** What is held of one stream in `[from, to)`. */
export interface Coverage extends Window {
  readonly complete: boolean;
  /** Oldest first, disjoint, adjacent ones of one reason joined; see `addGap`. */
  readonly gaps: readonly Gap[];
}

/**
 * Which parts of `[from, to)` the ledger vouches for.
 *
 * Entries count in the order of their `seq`. A COMPLETE reading covers its window up to `settledTo`. A PARTIAL
 * one uncovers what it reads: something listed there is known to be missing. Any other outcome names a
 * gap only where nothing better is known, since a failed second reading loses nothing already held.
 */
export function coverageOf(entries: readonly RecordedEntry[], from: Instant, to: Instant): Coverage {
  if (from >= to) return { from, to, complete: true, gaps: [] };
  const strokes = strokesWithin(entries, from, to);
  const edges = edgesOf(strokes, from, to);
  // the last decisive stroke says whether a span is covered; where it is not, the last stroke of all says why
  const decisive = lastStrokes(
    strokes.filter((stroke) => stroke.decisive),
    edges,
  );
  const last = lastStrokes(strokes, edges);
  const gaps = joinedGaps(edges, (i) => (decisive[i]?.reason === null ? null : (last[i] ?? UNREAD)));
  return { from, to, complete: gaps.length === 0, gaps };
}

/** What one entry says of one span. */
interface Stroke extends Window {
  /** `null`: covered. */
  readonly reason: GapReason | null;
  readonly detail: string | null;
  /** Holds whatever was known before; the others leave what is covered as it is. */
  readonly decisive: boolean;
}

const UNREAD: Pick<Gap, 'reason' | 'detail'> = { reason: 'NOT_COLLECTED', detail: null };

function strokesWithin(entries: readonly RecordedEntry[], from: Instant, to: Instant): Stroke[] {
  return [...entries]
    .sort((a, b) => a.seq - b.seq)
    .flatMap(strokesOf)
    .map((stroke) => ({ ...stroke, from: latest(stroke.from, from), to: earliest(stroke.to, to) }))
    .filter((stroke) => stroke.from < stroke.to);
}

function strokesOf(entry: RecordedEntry): Stroke[] {
  const { from, to, settledTo, status, reason: detail } = entry;
  if (status !== 'COMPLETE') return [{ from, to, reason: status, detail, decisive: status === 'PARTIAL' }];
  const settled = earliest(latest(settledTo, from), to);
  return [
    { from, to: settled, reason: null, detail: null, decisive: true },
    { from: settled, to, reason: 'PROVISIONAL', detail: null, decisive: false },
  ];
}

function edgesOf(strokes: readonly Stroke[], from: Instant, to: Instant): Instant[] {
  return [...new Set([from, to, ...strokes.flatMap((stroke) => [stroke.from, stroke.to])])].sort();
}

/** The last stroke over each span between neighbouring edges: laid newest first, each takes what is still free. */
function lastStrokes(strokes: readonly Stroke[], edges: readonly Instant[]): (Stroke | undefined)[] {
  const indexOf = new Map(edges.map((edge, index) => [edge, index]));
  const taken: (Stroke | undefined)[] = new Array(edges.length - 1);
  const nextFree = freeList(edges.length - 1);
  for (const stroke of strokes.toReversed()) {
    const end = indexOf.get(stroke.to) ?? 0;
    for (let i = nextFree.find(indexOf.get(stroke.from) ?? end); i < end; i = nextFree.find(i)) {
      taken[i] = stroke;
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

type Named = Pick<Stroke, 'reason' | 'detail'> | null;

function joinedGaps(edges: readonly Instant[], gapAt: (index: number) => Named): Gap[] {
  const gaps: Gap[] = [];
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
export function addGap(gaps: Gap[], gap: Gap): void {
  const last = gaps.at(-1);
  const isOne = last?.detail === gap.detail || gap.reason === 'FAILED';
  if (last && last.to === gap.from && last.reason === gap.reason && isOne) {
    gaps[gaps.length - 1] = { ...gap, from: last.from };
  } else gaps.push(gap);
}
