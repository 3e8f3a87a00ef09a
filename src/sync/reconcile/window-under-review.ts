import { toUpstreamError, type UpstreamError } from '../../abnormal/errors.js';
import { type HistoryStore, type Position, type StorePage, stillMissing } from '../../history/store.js';
import { coverageOf } from '../../model/coverage.js';
import type { LedgerEntry } from '../../model/ledger.js';
import { DEFAULT_ORDER, DEFINITION_OF, type ListedKind, type RecordOf } from '../../resources/registry.js';
import type { Filter } from '../../values/filter.js';
import { type Instant, shift } from '../../values/instant.js';
import { clip, floorToSecond, mergedSpans, type Window } from '../../values/window.js';
import {
  kindOf,
  type ListedRecord,
  nowOf,
  type Reading,
  type Source,
  type WindowUnderReview,
} from '../context.js';
import { StopError } from '../stop.js';

/** Asks Abnormal; a failure is an answer too, unless it is that the work was ended. */
export async function attempt<T>({ signal }: Reading, ask: () => Promise<T>): Promise<T | UpstreamError> {
  try {
    return await ask();
  } catch (thrown) {
    const error = toUpstreamError(thrown);
    if (signal.aborted || error.code === 'CANCELLED') throw new StopError({ kind: 'INTERRUPTED' });
    return error;
  }
}

/** Sources do not agree to the second: a list may go by another of a message's times than an export does. */
const MARGIN = 60_000;

/** The narrowest part of `window` in which lists are sure to name what was seen. */
function spanAround({ span, time }: ListedRecord, window: Window): Window {
  if (time === null) return span;
  const from = floorToSecond(shift(time, -MARGIN));
  return clip({ from, to: shift(from, 2 * MARGIN + 1_000) }, window.from, window.to) ?? span;
}

/** What is held of a window: records that are not deleted and whose own time lies in it. */
export interface Held {
  /** When each was last confirmed, by id. */
  readonly verifiedAt: ReadonlyMap<string, Instant>;
  /** How many times of the records lie in the window: of threats, the messages that were received in it. */
  readonly messages: number;
}

const PAGE = 200;

/** What the view `seq` holds of a window. Records that say no time are in none. */
export async function storedInWindow(
  store: HistoryStore,
  source: Source,
  window: Window,
  seq: number,
): Promise<Held> {
  const kind = kindOf(source);
  const verifiedAt = new Map<string, Instant>();
  let messages = 0;
  for (let after: Position | null = null; ; ) {
    const page: StorePage = await store.page({
      ...{ kind, integrations: [source.account.name], filter: windowFilter(kind, window), seq },
      ...{ orderBy: DEFAULT_ORDER[kind], descending: false, after, limit: PAGE },
    });
    for (const { revision } of page.items) {
      const times = timesInWindow(kind, revision.record, window);
      if (times === 0) continue;
      verifiedAt.set(revision.key.id, revision.verifiedAt);
      messages += times;
    }
    after = page.items.at(-1)?.position ?? null;
    if (!page.hasMore || after === null) return { verifiedAt, messages };
  }
}

/** Whether the population of the window has the record. */
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

/** Beyond so many the whole of what they span is listed again. */
const MAX_SPANS = 20;

/**
 * What has to be listed again so that the next poll finds what is missing: the narrowest parts of the window that
 * hold it, newest first, without those that are known to be gaps already. A record that coverage names as missing is
 * requested again anyway, unless it is taken for gone.
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

/** What is left of `span`, newest first; `gaps` are oldest first. */
function withoutGaps(span: Window, gaps: readonly Window[]): Window[] {
  const left: Window[] = [];
  let { from } = span;
  for (const gap of [...gaps, { from: span.to, to: span.to }]) {
    if (from < gap.from) left.unshift({ from, to: gap.from });
    from = gap.to;
  }
  return left;
}

/** The entry that takes back what was vouched for, of one window that a reconciliation found to be short. */
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
