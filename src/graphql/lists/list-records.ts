import { damageOf, type HistoryError } from '../../history/errors.js';
import type { PageItem, Pin, Position } from '../../history/store.js';
import type { Revision } from '../../model/revision.js';
import { DEFAULT_ORDER, type ListedKind, RESOURCE_OF, type Resource } from '../../resources/registry.js';
import type { Freshness } from '../../sync/sync.js';
import type { Filter } from '../../values/filter.js';
import { badInput } from '../base/errors.js';
import { boundsOf, reportCoverage, withUndecided } from '../collection/coverage.js';
import type { ListFreshness, ListRead } from '../operation/cache-dependencies.js';
import { checkIntegrations, integrationNames } from '../request/choose-integrations.js';
import type { GatewayContext, Means } from '../request/services.js';
import type { ReadCoverage } from './connection.js';
import type { FilterInput, KindFilter } from './filter-args.js';
import type { KindOrder, ListArgs, Order, OrderInput } from './order-args.js';
import {
  type CursorValue,
  cursorWriter,
  fingerprint,
  Page,
  type PageRequest,
  type ReadCursor,
  readCursor,
  toPageRequest,
} from './page.js';
import {
  assertAcceptable,
  assertCollected,
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

type RecordListArgs = ListArgs & {
  readonly filter?: FilterInput | null;
  readonly orderBy?: OrderInput | null;
};

/** A list as it was asked for, checked. Equal JSON is an equal question. */
interface AskedList {
  readonly resource: Resource;
  readonly kind: ListedKind;
  readonly page: PageRequest;
  readonly wish: Wish;
  readonly filter: Filter | null;
  readonly order: Order;
  readonly integrations: readonly string[] | null;
}

/** Checks a list's arguments; what is wrong with them is the caller's error. */
async function askList<K extends ListedKind, T>(
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
function cursorOf(asked: AskedList): ReadCursor | null {
  const { cursor } = asked.page;
  return cursor === null ? null : readCursor(cursor, asked.resource, termsOf(asked));
}

/** What a cursor must be given back with: nothing here may change within a walk. */
function termsOf({ order, filter, integrations, wish }: AskedList): Record<string, CursorValue> {
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
async function viewOf(means: Means, asked: AskedList, cursor: ReadCursor | null): Promise<View> {
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
function listRead({ resource, integrations, wish }: AskedList, view: View, head: number): ListRead | null {
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
async function coverageOfList(means: Means, asked: AskedList, view: View) {
  const integrations = asked.integrations ?? (await integrationNames(means));
  const bounds = boundsOf(asked.filter, DEFAULT_ORDER[asked.kind]);
  const report = await reportCoverage(means, view, asked.resource, integrations, bounds);
  const { kind, filter } = asked;
  return withUndecided(means, report, { kind, filter, integrations: asked.integrations, seq: view.seq });
}

/** What the connection of a list is made of. */
type Answer<T> = [page: Page<T>, view: View, coverage: ReadCoverage];

/** One page of a list of records, in the view that its first page pinned. */
export async function listRecords<K extends ListedKind, T>(
  context: GatewayContext,
  spec: ListSpec<K, T>,
  args: RecordListArgs,
): Promise<Answer<T>> {
  const means = context.meansOfNotedRead;
  const asked = await askList(means, spec, args);
  const cursor = cursorOf(asked);
  // a pinned view is found after the head is looked up: what is recorded in between must not pass for seen
  const isPinned = cursor !== null || asked.wish.asOf !== null;
  const before = isPinned ? await means.loaders.current.head() : null;
  const view = await viewOf(means, asked, cursor);
  const damaged: HistoryError[] = [];
  const page = await readPage(means, spec, asked, { view, cursor, damaged });
  context.damaged.push(...damaged);
  const read = damaged.length === 0 ? listRead(asked, view, before?.seq ?? view.seq) : null;
  if (read) context.reads.note(read);
  else context.reads.forbidReuse();
  if (view.frozen && cursor === null && damaged.length === 0 && page.facts.nodes.length === 0) {
    await assertCollected(means, view, [spec.kind], asked.integrations ?? (await integrationNames(means)));
  }
  return [page, view, (asking) => coverageOfList(asking, asked, view)];
}

async function readPage<K extends ListedKind, T>(
  means: Means,
  { kind, toNode }: ListSpec<K, T>,
  asked: AskedList,
  { view, cursor, damaged }: { view: View; cursor: ReadCursor | null; damaged: HistoryError[] },
): Promise<Page<T>> {
  const { page, order, integrations, filter, resource } = asked;
  const after = cursor && toPosition(cursor.place);
  const query = { kind, integrations, filter, seq: view.seq };
  const { items, hasMore } = await means.store.page({
    ...query,
    orderBy: order.field,
    descending: order.descending !== page.backward,
    ...{ after, limit: page.limit },
  });
  const whole = items.filter(({ revision }) => {
    const damage = damageOf(revision);
    if (damage) damaged.push(damage);
    return damage === null;
  });
  // without a cursor nobody could go on behind such a page
  if (whole.length === 0 && damaged[0]) throw damaged[0];
  const inOrder: readonly PageItem<K>[] = page.backward ? whole.reverse() : whole;
  const write = cursorWriter({ list: resource, terms: termsOf(asked), pin: [view.seq, view.asOf] });
  return new Page({
    nodes: inOrder.map(({ revision }) => toNode(revision, view)),
    cursorAt: (index) => write(toPlace(inOrder[index]?.position)),
    hasNextPage: page.backward ? after !== null : hasMore,
    hasPreviousPage: page.backward ? hasMore : after !== null,
    count: ({ store }) => store.count(query),
  });
}

function toPlace(position: Position | undefined): CursorValue[] {
  return position ? [position.value, position.integration, position.id] : [];
}

function toPosition([value = null, integration, id]: readonly CursorValue[]): Position {
  return { value, integration: String(integration), id: String(id) };
}
