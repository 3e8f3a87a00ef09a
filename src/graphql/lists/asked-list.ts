import type { Pin } from '../../history/store.js';
import type { Revision } from '../../model/revision.js';
import { DEFAULT_ORDER } from '../../resources/definition.js';
import { type ListedKind, RESOURCE_OF, type Resource } from '../../resources/kind.js';
import type { Freshness } from '../../sync/sync.js';
import type { Filter } from '../../values/filter.js';
import { badInput } from '../base/errors.js';
import { boundsOf, reportCoverage, withUndecided } from '../collection/coverage.js';
import type { ListFreshness, ListRead } from '../operation/cache-dependencies.js';
import { checkIntegrations, integrationNames } from '../request/choose-integrations.js';
import type { Means } from '../request/services.js';
import { type CursorValue, fingerprint, type ReadCursor, readCursor } from './cursor.js';
import type { FilterInput, KindFilter } from './filter-input.js';
import type { KindOrder, Order, OrderInput } from './order-input.js';
import { type PageRequest, toPageRequest } from './page-args.js';
import type { ListArgs } from './read-args.js';
import {
  assertAcceptable,
  headView,
  isFresh,
  noteLive,
  pastView,
  toWish,
  type View,
  type Wish,
} from './view.js';

/** A kind's list: its filter, its orders, and what its records become. */
export interface ListSpec<K extends ListedKind, T> {
  readonly kind: K;
  readonly filter: KindFilter;
  readonly order: KindOrder;
  readonly toNode: (revision: Revision<K>, view: View) => T;
}

export type RecordListArgs = ListArgs & {
  readonly filter?: FilterInput | null;
  readonly orderBy?: OrderInput | null;
};

/** A list as it was asked for, checked. Equal JSON is an equal question. */
export interface AskedList {
  readonly resource: Resource;
  readonly kind: ListedKind;
  readonly page: PageRequest;
  readonly wish: Wish;
  readonly filter: Filter | null;
  readonly order: Order;
  readonly integrations: readonly string[] | null;
}

/** Checks a list's arguments; what is wrong with them is the caller's error. */
export async function askList<K extends ListedKind, T>(
  means: Means,
  spec: ListSpec<K, T>,
  args: RecordListArgs,
): Promise<AskedList> {
  const { kind } = spec;
  return {
    ...{ kind, resource: RESOURCE_OF[kind] },
    page: toPageRequest(args),
    wish: toWish(means, args),
    filter: spec.filter.toFilter(args.filter),
    order: spec.order.toOrder(args.orderBy),
    integrations: await checkIntegrations(means, args.integrations),
  };
}

/** The cursor that a list was asked to go on from, read; `null` at its beginning. */
export function cursorOf(asked: AskedList): ReadCursor | null {
  const { cursor } = asked.page;
  return cursor === null ? null : readCursor(cursor, asked.resource, termsOf(asked));
}

/** What a cursor must be given back with: nothing here may change within a walk. */
export function termsOf({ order, filter, integrations, wish }: AskedList): Record<string, CursorValue> {
  return {
    orderBy: `${order.field} ${order.descending ? 'DESC' : 'ASC'}`,
    filter: filter && fingerprint(filter),
    integrations: integrations && fingerprint(integrations),
    asOf: wish.asOf,
  };
}

/**
 * The view to read a list in: the one its cursor pins, that of a past instant, or the newest, made fresh first.
 * Where it was found to be fresh a moment ago, nobody is asked.
 */
export async function viewOf(means: Means, asked: AskedList, cursor: ReadCursor | null): Promise<View> {
  const { wish } = asked;
  const { asOf } = wish;
  if (cursor) return pinnedView(means, wish, cursor.pin);
  if (asOf !== null) return pastView(means, { ...wish, asOf });
  const { freshness, head } = await freshHead(means, { ...asked, maxAgeMs: wish.maxAgeMs });
  assertAcceptable(freshness, true, wish);
  return headView(means, wish, freshness, head);
}

type ListWindow = Omit<ListFreshness, 'verifiedAt'>;

/** The newest view of a list, made as fresh as is asked, and how fresh it is. */
async function freshHead(
  means: Means,
  { resource, integrations, maxAgeMs }: ListWindow,
): Promise<{ freshness: Freshness; head: Pin }> {
  // an account that has just come was never looked at
  const names = integrations ?? means.accounts.list().map(({ name }) => name);
  const key = `${resource} ${names.join(' ')}`;
  const known = means.listFreshness.get(key);
  if (known && isFresh(means, known.verifiedAt, maxAgeMs)) {
    const head = await means.store.head();
    const { verifiedAt } = known;
    if (known.head === head.seq) return { freshness: { stale: false, verifiedAt, live: false }, head };
  }
  const freshness = await means.live.list(resource, integrations, maxAgeMs, means.signal);
  noteLive(means, freshness);
  const head = await means.store.head();
  if (!freshness.stale && freshness.verifiedAt) {
    means.listFreshness.set(key, { verifiedAt: freshness.verifiedAt, head: head.seq });
  }
  return { freshness, head };
}

/** What a list was read at, if that says nothing of the request that it was read for; else `null`. */
export function listRead(
  { resource, integrations, wish }: AskedList,
  view: View,
  head: number,
): ListRead | null {
  const { freshness } = view;
  if (freshness === null) return { head, freshness };
  if (freshness.stale || freshness.live) return null;
  const { verifiedAt } = freshness;
  return { head, freshness: { resource, integrations, maxAgeMs: wish.maxAgeMs, verifiedAt } };
}

/** Whether a list, asked for again, would give what it gave: nothing was recorded since, and it is as fresh. */
export async function stillStands(means: Means, { head, freshness }: ListRead): Promise<boolean> {
  if (freshness === null) return (await means.loaders.current.head()).seq === head;
  const now = await freshHead(means, freshness);
  const isSame = !now.freshness.stale && !now.freshness.live;
  return isSame && now.head.seq === head && now.freshness.verifiedAt === freshness.verifiedAt;
}

/** The view that a cursor pins: no later write is seen, and nothing is synced. */
async function pinnedView(means: Means, wish: Wish, [seq, asOf]: readonly CursorValue[]): Promise<View> {
  const head = await means.loaders.current.head();
  if (typeof seq !== 'number' || seq > head.seq || typeof asOf !== 'string') {
    throw badInput('This cursor is of another history: to begin a new walk, leave the cursor out.');
  }
  const { requestedAt } = means;
  return { ...wish, seq, asOf, frozen: wish.asOf !== null, freshness: null, requestedAt };
}

/** The coverage of the window that a list answers. */
export async function coverageOfList(means: Means, asked: AskedList, view: View) {
  const integrations = asked.integrations ?? (await integrationNames(means));
  const bounds = boundsOf(asked.filter, DEFAULT_ORDER[asked.kind]);
  const report = await reportCoverage(means, view, asked.resource, integrations, bounds);
  const { kind, filter } = asked;
  return withUndecided(means, report, { kind, filter, integrations: asked.integrations, seq: view.seq });
}
