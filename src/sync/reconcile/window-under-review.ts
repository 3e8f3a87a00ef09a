import { toUpstreamError, type UpstreamError } from '../../abnormal/errors.js';
import { type HistoryStore, type Position, stillMissing, walkPages } from '../../history/store.js';
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
  /** Of threats: the messages held that were received in the window. */
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
  const query = { kind, integrations: [source.account.name], filter: windowFilter(kind, window), seq };
  const order = { orderBy: DEFAULT_ORDER[kind], descending: false, limit: PAGE };
  const read = (after: Position | null) => store.page({ ...query, ...order, after });
  for await (const items of walkPages(read, ({ position }) => position)) {
    for (const { revision } of items) {
      if (!isInWindow(kind, revision.record, window)) continue;
      verifiedAt.set(revision.key.id, revision.verifiedAt);
      messages += kind === 'threat' ? messagesWithin(revision.record as ThreatRecord, window).length : 0;
    }
  }
  return { verifiedAt, messages };
}

/** A threat is in every window in which a message of it was received. */
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

/** What may lie in the window: of a threat's messages it tells only the first and the last. */
function windowFilter(kind: ListedKind, { from, to }: Window): Filter {
  const earliest = kind === 'threat' ? 'firstReceivedTime' : DEFAULT_ORDER[kind];
  return {
    and: [
      { field: DEFAULT_ORDER[kind], gte: from },
      { field: earliest, lte: shift(to, -1) },
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
