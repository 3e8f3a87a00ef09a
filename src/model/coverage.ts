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
  /** Oldest first, disjoint, adjacent ones of one reason joined. */
  readonly gaps: readonly Gap[];
}

interface Span extends Window {
  readonly reason: GapReason | null;
  readonly detail: string | null;
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
  let spans: Span[] = [{ from, to, reason: 'NOT_COLLECTED', detail: null }];
  for (const entry of [...entries].sort((a, b) => a.seq - b.seq)) {
    for (const paint of paintsOf(entry)) spans = applyPaint(spans, paint);
  }
  const gaps = join(spans.filter((span): span is Gap => span.reason !== null));
  return { from, to, complete: gaps.length === 0, gaps };
}

interface Paint extends Span {
  /** Leaves what is already covered as it is. */
  readonly onlyGaps: boolean;
}

function paintsOf(entry: RecordedEntry): Paint[] {
  const { from, to, settledTo, status, reason: detail } = entry;
  if (status !== 'COMPLETE') return [{ from, to, reason: status, detail, onlyGaps: status !== 'PARTIAL' }];
  const settled = earliest(latest(settledTo, from), to);
  const covered: Paint = { from, to: settled, reason: null, detail: null, onlyGaps: false };
  const provisional: Paint = { from: settled, to, reason: 'PROVISIONAL', detail: null, onlyGaps: true };
  return [covered, provisional].filter((paint) => paint.from < paint.to);
}

function applyPaint(spans: readonly Span[], paint: Paint): Span[] {
  return spans.flatMap((span) => {
    const from = latest(span.from, paint.from);
    const to = earliest(span.to, paint.to);
    if (from >= to || (paint.onlyGaps && span.reason === null)) return [span];
    return [
      { ...span, to: from },
      { from, to, reason: paint.reason, detail: paint.detail },
      { ...span, from: to },
    ].filter((part) => part.from < part.to);
  });
}

function join(gaps: readonly Gap[]): Gap[] {
  const joined: Gap[] = [];
  for (const gap of gaps) {
    const last = joined.at(-1);
    if (last && last.to === gap.from && last.reason === gap.reason && last.detail === gap.detail) {
      joined[joined.length - 1] = { ...last, to: gap.to };
    } else joined.push(gap);
  }
  return joined;
}
