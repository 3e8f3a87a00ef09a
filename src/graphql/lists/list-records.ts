import { damageOf, type HistoryError } from '../../history/errors.js';
import type { Unit } from '../../history/statistics.js';
import type { Pin, Position } from '../../history/store.js';
import type { RevisionRecord } from '../../model/revision.js';
import {
  DEFAULT_ORDER,
  DEFINITION_OF,
  type ListedKind,
  RESOURCE_OF,
  type Resource,
} from '../../resources/registry.js';
import type { Freshness } from '../../sync/sync.js';
import type { Filter } from '../../values/filter.js';
import { earliest, type Instant, LAST_INSTANT, shift } from '../../values/instant.js';
import { boundsOf, reportCoverage, withUndecided } from '../collection/coverage.js';
import { type Dependencies, type ListFreshness, namesOf } from '../operation/response-cache.js';
import {
  checkIntegrations,
  type GatewayContext,
  integrationNames,
  type RequestServices,
} from '../request/services.js';
import type { FilteredListArgs, KindOrder, Order, ReadCoverage } from './connection.js';
import type { KindFilter, Present } from './filter-input.js';
import {
  type ConnectionPage,
  type CursorValue,
  fingerprint,
  foreignCursor,
  ListWalk,
  type ReadCursor,
} from './page.js';
import {
  assertAcceptable,
  assertCollected,
  currentSecond,
  isFresh,
  latestView,
  noteLive,
  pastView,
  type ReadOptions,
  toReadOptions,
  type View,
} from './view.js';

export interface OrderedList<K extends ListedKind> {
  readonly kind: K;
  readonly filter: KindFilter;
  readonly order: KindOrder;
}

/** Everything that the list of a kind needs. */
export interface ListSpec<K extends ListedKind, T> extends OrderedList<K> {
  readonly Node: new (revision: RevisionRecord<K>, view: View) => T;
}

export interface ListRequest {
  readonly unit: Unit;
  readonly resource: Resource;
  readonly kind: ListedKind;
  readonly options: ReadOptions;
  readonly filter: Filter | null;
  /** What its relative comparisons are relative to. */
  readonly present: Present;
  readonly order: Order;
  readonly integrations: readonly string[] | null;
}

async function toListRequest(
  services: RequestServices,
  spec: OrderedList<ListedKind>,
  unit: Unit,
  args: FilteredListArgs,
): Promise<{ asked: ListRequest; walk: ListWalk }> {
  const { kind } = spec;
  const options = toReadOptions(services, args);
  const order = spec.order.toOrder(args.orderBy);
  const integrations = await checkIntegrations(services, args.integrations);
  const resource = RESOURCE_OF[kind];
  const asWritten = spec.filter.toFilter(args.filter, { at: LAST_INSTANT, relative: [] });
  const list = (unit === 'ITEM' && DEFINITION_OF[kind].items?.graphField) || resource;
  const walk = new ListWalk(args, list, {
    orderBy: `${order.field} ${order.descending ? 'DESC' : 'ASC'}`,
    filter: asWritten && fingerprint(asWritten),
    integrations: integrations && fingerprint(integrations),
    asOf: options.asOf,
  });
  const present: Present = { at: presentOf(services, options, walk.cursor), relative: [] };
  const filter = spec.filter.toFilter(args.filter, present);
  return { asked: { unit, kind, resource, options, filter, present, order, integrations }, walk };
}

function presentOf(services: RequestServices, { asOf }: ReadOptions, cursor: ReadCursor | null): Instant {
  const [, , at = null] = cursor?.pin ?? [];
  return typeof at === 'string' ? at : (asOf ?? currentSecond(services).from);
}

/** The pin of a list with relative comparisons has what they are relative to. */
export function pinOf({ present: { at, relative } }: ListRequest, { seq, asOf }: View): CursorValue[] {
  return relative.length === 0 ? [seq, asOf] : [seq, asOf, at];
}

/** When a list with relative comparisons changes by itself: the first of its records falls out of a window. */
async function endOfWindows(
  { store }: RequestServices,
  { kind, integrations, present: { at, relative } }: ListRequest,
  { seq }: View,
): Promise<Instant> {
  const ends = relative.map(async ({ field, ms }) => {
    const filter = { field, gte: shift(at, -ms) };
    const query = { kind, integrations, filter, seq, orderBy: field, descending: false };
    const { items } = await store.page({ ...query, after: null, limit: 1 });
    return items[0] ? shift(String(items[0].position.value), ms + 1) : LAST_INSTANT;
  });
  return (await Promise.all(ends)).reduce(earliest, LAST_INSTANT);
}

/** The view of the cursor, of a past instant, or the newest one after it was made fresh. */
async function viewOf(
  services: RequestServices,
  asked: ListRequest,
  cursor: ReadCursor | null,
  before: Pin | null,
): Promise<View> {
  const { options } = asked;
  const { asOf } = options;
  if (cursor && before) return pinnedView(services, options, cursor.pin, before);
  if (asOf !== null) return pastView(services, { ...options, asOf });
  const { freshness, head } = await freshHead(services, { ...asked, maxAgeMs: options.maxAgeMs });
  assertAcceptable(freshness, true, options);
  return latestView(services, options, freshness, head);
}

type ListWindow = Omit<ListFreshness, 'verifiedAt'>;

/** Refreshed from Abnormal, unless the list is known to be fresh enough. */
async function freshHead(
  services: RequestServices,
  { resource, integrations, maxAgeMs }: ListWindow,
): Promise<{ freshness: Freshness; head: Pin }> {
  // by name, because the freshness of a new account is not known
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

/** Notes what a list depends on. */
function noteList(
  { reads }: RequestServices,
  { resource, integrations, options: { maxAgeMs } }: ListRequest,
  { freshness }: View,
  head: number,
): void {
  reads.noteHead(head);
  if (freshness === null) return;
  if (freshness.stale || freshness.live) reads.markUncacheable();
  else reads.noteList({ resource, integrations, maxAgeMs, verifiedAt: freshness.verifiedAt });
}

/** Whether a response would be the same again: nothing was recorded since, and its lists are as fresh as before. */
export async function isUnchanged(
  services: RequestServices,
  { head, lists, from, until, accounts }: Dependencies,
): Promise<boolean> {
  const { requestedAt: now } = services;
  if (now < from || now >= until || accounts !== namesOf(services.accounts)) return false;
  if (lists.length === 0) return (await services.store.head()).seq === head;
  const found = await Promise.all(lists.map((list) => freshHead(services, list)));
  return found.every(({ freshness, head: { seq } }, i) => {
    const isSame = !freshness.stale && !freshness.live && freshness.verifiedAt === lists[i]?.verifiedAt;
    return isSame && seq === head;
  });
}

/** The view that a cursor pins: later writes are not visible, and Abnormal is not called. */
function pinnedView(
  { requestedAt }: RequestServices,
  options: ReadOptions,
  [seq, asOf]: readonly CursorValue[],
  head: Pin,
): View {
  if (typeof seq !== 'number' || seq > head.seq || typeof asOf !== 'string') {
    throw foreignCursor();
  }
  return { ...options, seq, asOf, frozen: options.asOf !== null, freshness: null, requestedAt };
}

async function coverageOfList(services: RequestServices, asked: ListRequest, view: View) {
  const integrations = asked.integrations ?? (await integrationNames(services));
  const bounds = boundsOf(asked.filter, DEFAULT_ORDER[asked.kind]);
  const { at, relative } = asked.present;
  // the report shows the bounds
  if (relative.length > 0 && view.freshness !== null)
    services.reads.noteTime({ from: at, until: shift(at, 1_000) });
  const report = await reportCoverage(services, view, asked.resource, integrations, bounds);
  const { kind, filter, integrations: chosen, unit } = asked;
  return withUndecided(services, report, { kind, filter, integrations: chosen, seq: view.seq }, unit);
}

export type RecordPage<T> = [page: ConnectionPage<T>, view: View, coverage: ReadCoverage];

export function listRecords<K extends ListedKind, T>(
  context: GatewayContext,
  spec: ListSpec<K, T>,
  args: FilteredListArgs,
): Promise<RecordPage<T>> {
  return listPage(context, spec, 'RECORD', args, (...place) => readPage(spec, ...place));
}

export interface PagePlace {
  readonly view: View;
  readonly walk: ListWalk;
  /** Takes records that cannot be read. */
  readonly damaged: HistoryError[];
}

/** A page of records or items, with its view and its coverage. */
export async function listPage<T>(
  context: GatewayContext,
  spec: OrderedList<ListedKind>,
  unit: Unit,
  args: FilteredListArgs,
  read: (services: RequestServices, asked: ListRequest, place: PagePlace) => Promise<ConnectionPage<T>>,
): Promise<RecordPage<T>> {
  const services = context.trackedServices;
  const { asked, walk } = await toListRequest(services, spec, unit, args);
  const { cursor } = walk;
  // read before the view, so that writes in between do not count as included
  const isPinned = cursor !== null || asked.options.asOf !== null;
  const before = isPinned ? await services.loaders.current.head() : null;
  const view = await viewOf(services, asked, cursor, before);
  const damaged: HistoryError[] = [];
  const page = await read(services, asked, { view, walk, damaged });
  context.damaged.push(...damaged);
  if (damaged.length > 0) context.reads.markUncacheable();
  noteList(services, asked, view, before?.seq ?? view.seq);
  const { relative } = asked.present;
  if (!isPinned && (unit === 'ITEM' ? relative.length > 0 : relative.some(({ isOfItems }) => isOfItems))) {
    // no index finds when the first item leaves the window
    services.reads.markUncacheable();
  } else if (!isPinned && relative.length > 0) {
    services.reads.noteTime({ from: asked.present.at, until: LAST_INSTANT });
    services.reads.noteEnd(() => endOfWindows(services, asked, view));
  }
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
  { kind, Node }: ListSpec<K, T>,
  services: RequestServices,
  asked: ListRequest,
  { view, walk, damaged }: PagePlace,
): Promise<ConnectionPage<T>> {
  const { order, integrations, filter } = asked;
  const after = walk.cursor && toPosition(walk.cursor.place);
  const query = { kind, integrations, filter, seq: view.seq };
  const { items, hasMore } = await services.store.page({
    ...query,
    orderBy: order.field,
    descending: order.descending !== walk.backward,
    ...{ after, limit: walk.limit },
  });
  const whole = items.filter(({ revision }) => {
    const damage = damageOf(revision);
    if (damage) damaged.push(damage);
    return damage === null;
  });
  // an empty page has no cursor to continue after
  if (whole.length === 0 && damaged[0]) throw damaged[0];
  return walk.page(whole, {
    toNode: ({ revision }) => new Node(revision, view),
    placeOf: ({ position: { value, integration, id } }) => [value, integration, id],
    pin: pinOf(asked, view),
    hasMore,
    count: ({ store }) => store.count(query),
  });
}

function toPosition([value = null, integration, id]: readonly CursorValue[]): Position {
  return { value, integration: String(integration), id: String(id) };
}
