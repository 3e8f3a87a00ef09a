import { toUpstreamError, type UpstreamError } from '../../abnormal/errors.js';
import { stillMissing } from '../../history/missing.js';
import type { HistoryStore, Position, StorePage } from '../../history/store.js';
import { coverageOf } from '../../model/coverage.js';
import type { LedgerEntry } from '../../model/ledger.js';
import { DEFAULT_ORDER, fieldsOf, type ListedKind, type RecordOf } from '../../resources/registry.js';
import type { MessageRecord, ThreatRecord } from '../../resources/threat/threat.js';
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

/** The stored, not deleted records whose own time is in the window. */
export interface Held {
  readonly verifiedAt: ReadonlyMap<string, Instant>;
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
  for (let after: Position | null = null; ; ) {
    const page: StorePage = await store.page({
      ...{ kind, integrations: [source.account.name], filter: windowFilter(kind, window), seq },
      ...{ orderBy: DEFAULT_ORDER[kind], descending: false, after, limit: PAGE },
    });
    for (const { revision } of page.items) {
      if (!isInWindow(kind, revision.record, window)) continue;
      verifiedAt.set(revision.key.id, revision.verifiedAt);
      messages += kind === 'threat' ? messagesWithin(revision.record as ThreatRecord, window).length : 0;
    }
    after = page.items.at(-1)?.position ?? null;
    if (!page.hasMore || after === null) return { verifiedAt, messages };
  }
}

/** A threat is in every window in which one of its messages was received. */
export function isInWindow<K extends ListedKind>(kind: K, record: RecordOf[K], window: Window): boolean {
  if (kind === 'threat') return messagesWithin(record as ThreatRecord, window).length > 0;
  return isIn(fieldsOf(kind, record)[DEFAULT_ORDER[kind]], window);
}

function messagesWithin({ messages }: ThreatRecord, window: Window): MessageRecord[] {
  return messages.filter(({ receivedTime }) => isIn(receivedTime, window));
}

function isIn(time: unknown, { from, to }: Window): boolean {
  return typeof time === 'string' && time >= from && time < to;
}

/** A superset: a threat has only the times of its first and last message. */
function windowFilter(kind: ListedKind, { from, to }: Window): Filter {
  const earliest = kind === 'threat' ? 'firstReceivedTime' : DEFAULT_ORDER[kind];
  return {
    and: [
      { field: DEFAULT_ORDER[kind], gte: from },
      { field: earliest, lte: shift(to, -1) },
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
