import { damageOf, type HistoryError } from '../../history/errors.js';
import type { PageItem, Pin, Position } from '../../history/store.js';
import type { RevisionRecord } from '../../model/revision.js';
import { DEFAULT_ORDER, type ListedKind, RESOURCE_OF, type Resource } from '../../resources/registry.js';
import type { Freshness } from '../../sync/sync.js';
import type { Filter } from '../../values/filter.js';
import { badInput } from '../base/errors.js';
import { boundsOf, reportCoverage, withUndecided } from '../collection/coverage.js';
import type { ListFreshness, ListRead } from '../operation/response-cache.js';
import {
  checkIntegrations,
  type GatewayContext,
  integrationNames,
  type RequestServices,
} from '../request/services.js';
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
  isFresh,
  latestView,
  noteLive,
  pastView,
  type ReadOptions,
  toReadOptions,
  type View,
} from './view.js';

/** A kind's list: its filter, its orders, and what its records become. */
export interface ListSpec<K extends ListedKind, T> {
  readonly kind: K;
  readonly filter: KindFilter;
  readonly order: KindOrder;
  readonly toNode: (revision: RevisionRecord<K>, view: View) => T;
}

type RecordListArgs = ListArgs & {
  readonly filter?: FilterInput | null;
  readonly orderBy?: OrderInput | null;
};

/** A list as it was asked for, checked. Equal JSON is an equal question. */
interface ListRequest {
  readonly resource: Resource;
  readonly kind: ListedKind;
  readonly page: PageRequest;
  readonly options: ReadOptions;
  readonly filter: Filter | null;
  readonly order: Order;
  readonly integrations: readonly string[] | null;
}

/** Checks a list's arguments; what is wrong with them is the caller's error. */
async function toListRequest<K extends ListedKind, T>(
  services: RequestServices,
  spec: ListSpec<K, T>,
  args: RecordListArgs,
): Promise<ListRequest> {
  const { kind } = spec;
  return {
    ...{ kind, resource: RESOURCE_OF[kind] },
    page: toPageRequest(args),
    options: toReadOptions(services, args),
    filter: spec.filter.toFilter(args.filter),
    order: spec.order.toOrder(args.orderBy),
    integrations: await checkIntegrations(services, args.integrations),
  };
}

/** The cursor that a list was asked to go on from, read; `null` at its beginning. */
function cursorOf(asked: ListRequest): ReadCursor | null {
  const { cursor } = asked.page;
  return cursor === null ? null : readCursor(cursor, asked.resource, cursorTerms(asked));
}

/** What a cursor must be given back with: nothing here may change within a walk. */
function cursorTerms({ order, filter, integrations, options }: ListRequest): Record<string, CursorValue> {
  return {
    orderBy: `${order.field} ${order.descending ? 'DESC' : 'ASC'}`,
    filter: filter && fingerprint(filter),
    integrations: integrations && fingerprint(integrations),
    asOf: options.asOf,
  };
}

/**
 * The view to read a list in: the one its cursor pins, that of a past instant, or the newest, made fresh first.
 * Where it was found to be fresh a moment ago, nobody is asked.
 */
async function viewOf(
  services: RequestServices,
  asked: ListRequest,
  cursor: ReadCursor | null,
): Promise<View> {
  const { options } = asked;
  const { asOf } = options;
  if (cursor) return pinnedView(services, options, cursor.pin);
  if (asOf !== null) return pastView(services, { ...options, asOf });
  const { freshness, head } = await freshHead(services, { ...asked, maxAgeMs: options.maxAgeMs });
  assertAcceptable(freshness, true, options);
  return latestView(services, options, freshness, head);
}

type ListWindow = Omit<ListFreshness, 'verifiedAt'>;

/** The newest view of a list, made as fresh as is asked, and how fresh it is. */
async function freshHead(
  services: RequestServices,
  { resource, integrations, maxAgeMs }: ListWindow,
): Promise<{ freshness: Freshness; head: Pin }> {
  // an account that has just come was never looked at
  const names = integrations ?? services.accounts.list().map(({ name }) => name);
  const key = `${resource} ${names.join(' ')}`;
  const known = services.listFreshness.get(key);
  if (known && isFresh(services, known.verifiedAt, maxAgeMs)) {
    const head = await services.store.head();
    const { verifiedAt } = known;
    if (known.head === head.seq) return { freshness: { stale: false, verifiedAt, live: false }, head };
  }
  const freshness = await services.live.list(resource, integrations, maxAgeMs, services.signal);
  noteLive(services, freshness);
  const head = await services.store.head();
  if (!freshness.stale && freshness.verifiedAt) {
    services.listFreshness.set(key, { verifiedAt: freshness.verifiedAt, head: head.seq });
  }
  return { freshness, head };
}

/** What a list was read at, if that says nothing of the request that it was read for; else `null`. */
function listRead(
  { resource, integrations, options }: ListRequest,
  view: View,
  head: number,
): ListRead | null {
  const { freshness } = view;
  if (freshness === null) return { head, freshness };
  if (freshness.stale || freshness.live) return null;
  const { verifiedAt } = freshness;
  return { head, freshness: { resource, integrations, maxAgeMs: options.maxAgeMs, verifiedAt } };
}

/** Whether a list, asked for again, would give what it gave: nothing was recorded since, and it is as fresh. */
export async function stillStands(
  services: RequestServices,
  { head, freshness }: ListRead,
): Promise<boolean> {
  if (freshness === null) return (await services.loaders.current.head()).seq === head;
  const now = await freshHead(services, freshness);
  const isSame = !now.freshness.stale && !now.freshness.live;
  return isSame && now.head.seq === head && now.freshness.verifiedAt === freshness.verifiedAt;
}

/** The view that a cursor pins: no later write is seen, and nothing is synced. */
async function pinnedView(
  services: RequestServices,
  options: ReadOptions,
  [seq, asOf]: readonly CursorValue[],
): Promise<View> {
  const head = await services.loaders.current.head();
  if (typeof seq !== 'number' || seq > head.seq || typeof asOf !== 'string') {
    throw badInput('This cursor belongs to another history. To start from the first page, omit the cursor.');
  }
  const { requestedAt } = services;
  return { ...options, seq, asOf, frozen: options.asOf !== null, freshness: null, requestedAt };
}

/** The coverage of the window that a list answers. */
async function coverageOfList(services: RequestServices, asked: ListRequest, view: View) {
  const integrations = asked.integrations ?? (await integrationNames(services));
  const bounds = boundsOf(asked.filter, DEFAULT_ORDER[asked.kind]);
  const report = await reportCoverage(services, view, asked.resource, integrations, bounds);
  const { kind, filter } = asked;
  return withUndecided(services, report, { kind, filter, integrations: asked.integrations, seq: view.seq });
}

/** What the connection of a list is made of. */
type Answer<T> = [page: Page<T>, view: View, coverage: ReadCoverage];

/** One page of a list of records, in the view that its first page pinned. */
export async function listRecords<K extends ListedKind, T>(
  context: GatewayContext,
  spec: ListSpec<K, T>,
  args: RecordListArgs,
): Promise<Answer<T>> {
  const services = context.trackedServices;
  const asked = await toListRequest(services, spec, args);
  const cursor = cursorOf(asked);
  // a pinned view is found after the head is looked up: what is recorded in between must not pass for seen
  const isPinned = cursor !== null || asked.options.asOf !== null;
  const before = isPinned ? await services.loaders.current.head() : null;
  const view = await viewOf(services, asked, cursor);
  const damaged: HistoryError[] = [];
  const page = await readPage(services, spec, asked, { view, cursor, damaged });
  context.damaged.push(...damaged);
  const read = damaged.length === 0 ? listRead(asked, view, before?.seq ?? view.seq) : null;
  if (read) context.reads.note(read);
  else context.reads.markUncacheable();
  if (view.frozen && cursor === null && damaged.length === 0 && page.facts.nodes.length === 0) {
    await assertCollected(
      services,
      view,
      [spec.kind],
      asked.integrations ?? (await integrationNames(services)),
    );
  }
  return [page, view, (asking) => coverageOfList(asking, asked, view)];
}

async function readPage<K extends ListedKind, T>(
  services: RequestServices,
  { kind, toNode }: ListSpec<K, T>,
  asked: ListRequest,
  { view, cursor, damaged }: { view: View; cursor: ReadCursor | null; damaged: HistoryError[] },
): Promise<Page<T>> {
  const { page, order, integrations, filter, resource } = asked;
  const after = cursor && toPosition(cursor.place);
  const query = { kind, integrations, filter, seq: view.seq };
  const { items, hasMore } = await services.store.page({
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
  const write = cursorWriter({ list: resource, terms: cursorTerms(asked), pin: [view.seq, view.asOf] });
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
