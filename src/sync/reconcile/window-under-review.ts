import { toUpstreamError, type UpstreamError } from '../../abnormal/errors.js';
import type { HistoryStore, Position } from '../../history/store.js';
import { walkPages } from '../../history/store-access.js';
import { coverageOf, type LedgerEntry, stillMissing } from '../../model/ledger.js';
import { DEFAULT_ORDER, DEFINITION_OF, type ListedKind, type RecordOf } from '../../resources/registry.js';
import type { Filter } from '../../values/filter.js';
import { clip, floorToSecond, type Instant, mergedSpans, shift, type Window } from '../../values/instant.js';
import {
  kindOf,
  type ListedRecord,
  nowOf,
  type Reading,
  type Source,
  StopError,
  type WindowUnderReview,
} from '../context.js';

export async function attempt<T>({ signal }: Reading, ask: () => Promise<T>): Promise<T | UpstreamError> {
  try {
    return await ask();
  } catch (thrown) {
    const error = toUpstreamError(thrown);
    if (signal.aborted || error.code === 'CANCELLED') throw new StopError({ kind: 'INTERRUPTED' });
    return error;
  }
}

/** Sources differ by seconds: a list may use another of a message's times than the export. */
const MARGIN = 60_000;

/** The narrowest part of `window` in which lists must name what was seen. */
function spanAround({ span, time }: ListedRecord, window: Window): Window {
  if (time === null) return span;
  const from = floorToSecond(shift(time, -MARGIN));
  return clip({ from, to: shift(from, 2 * MARGIN + 1_000) }, window.from, window.to) ?? span;
}

export interface Held {
  readonly verifiedAt: ReadonlyMap<string, Instant>;
  /** How many times of the records lie in the window: of threats, the messages that were received in it. */
  readonly messages: number;
}

const PAGE = 200;

/** Reads the window in the view `seq`. Records without a time are in no window. */
export async function storedInWindow(
  store: HistoryStore,
  source: Source,
  window: Window,
  seq: number,
): Promise<Held> {
  const kind = kindOf(source);
  const verifiedAt = new Map<string, Instant>();
  let messages = 0;
  const query = { kind, integrations: [source.account.name], filter: windowFilter(kind, window), seq };
  const order = { orderBy: DEFAULT_ORDER[kind], descending: false, limit: PAGE };
  const read = (after: Position | null) => store.page({ ...query, ...order, after });
  for await (const items of walkPages(read, ({ position }) => position)) {
    for (const { revision } of items) {
      const times = timesInWindow(kind, revision.record, window);
      if (times === 0) continue;
      verifiedAt.set(revision.key.id, revision.verifiedAt);
      messages += times;
    }
  }
  return { verifiedAt, messages };
}

export function isInWindow<K extends ListedKind>(kind: K, record: RecordOf[K], window: Window): boolean {
  return timesInWindow(kind, record, window) > 0;
}

/** How many of the times by which a record is listed lie in the window: a threat has one for each message. */
function timesInWindow<K extends ListedKind>(kind: K, record: RecordOf[K], { from, to }: Window): number {
  const [population] = DEFINITION_OF[kind].streams;
  return population.timesOf(record).filter((time) => time >= from && time < to).length;
}

/** What may lie in the window: a filter knows only the earliest and the latest time of a record. */
function windowFilter(kind: ListedKind, { from, to }: Window): Filter {
  return {
    and: [
      { field: DEFAULT_ORDER[kind], gte: from },
      { field: DEFINITION_OF[kind].earliestField, lte: shift(to, -1) },
    ],
  };
}

/** With more parts, the whole span that contains them is listed again. */
const MAX_SPANS = 20;

/**
 * The spans that the next poll must list to find the missing records: the narrowest parts, newest first,
 * without known gaps and without records that coverage already names as missing, unless they count as gone.
 */
export async function spansToOpen(
  review: WindowUnderReview,
  missing: ReadonlyMap<string, ListedRecord>,
): Promise<Window[]> {
  const { store, stream, window } = review;
  const { seq } = await store.head();
  const known = coverageOf(await store.ledger(stream, window.from, window.to, seq), window.from, window.to);
  const named = await stillMissing(store, stream, known.missing, seq);
  const isNamed = new Set(named.flatMap(({ id, code }) => (code === 'GONE' ? [] : [id])));
  const unnamed = [...missing].filter(([id]) => !isNamed.has(id));
  const spans = fewSpans(unnamed.map(([, sighting]) => spanAround(sighting, window)));
  const open: Window[] = [];
  for (const span of spans) {
    const within = clip(span, window.from, window.to);
    if (!within) continue;
    const { gaps } = coverageOf(
      await store.ledger(stream, within.from, within.to, seq),
      within.from,
      within.to,
    );
    open.push(...withoutGaps(within, gaps));
  }
  return open;
}

function fewSpans(spans: readonly Window[]): Window[] {
  const merged = mergedSpans(spans);
  const [newest, oldest] = [merged[0], merged.at(-1)];
  if (merged.length <= MAX_SPANS || !newest || !oldest) return merged;
  return [{ from: oldest.from, to: newest.to }];
}

/** `span` without `gaps`, newest first; `gaps` are sorted oldest first. */
function withoutGaps(span: Window, gaps: readonly Window[]): Window[] {
  const left: Window[] = [];
  let { from } = span;
  for (const gap of [...gaps, { from: span.to, to: span.to }]) {
    if (from < gap.from) left.unshift({ from, to: gap.from });
    from = gap.to;
  }
  return left;
}

export function shortEntry(review: WindowUnderReview, { from, to }: Window, reason: string): LedgerEntry {
  const { integration, resource, filterKey } = review.stream;
  const readAt = nowOf(review);
  return {
    ...{ integration, resource, filterKey, from, to, readAt, reason },
    status: 'PARTIAL',
    runId: review.recorder.id,
    settledTo: shift(readAt, -review.settings.ingestionLagMs),
    filter: `${filterKey} gte ${second(from)} lte ${second(to)}`,
    ...{ declared: null, listed: 0, held: 0, pages: 0 },
  };
}

function second(instant: Instant): string {
  return `${instant.slice(0, 19)}Z`;
}
