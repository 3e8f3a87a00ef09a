import { damageOf, type HistoryError } from '../../history/errors.js';
import type { Pin, Position } from '../../history/store.js';
import type { RevisionRecord } from '../../model/revision.js';
import {
  DEFAULT_ORDER,
  type ListedKind,
  RESOURCE_OF,
  type RecordKey,
  type Resource,
} from '../../resources/registry.js';
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
import type { FilterInput, KindFilter, KindOrder, ListArgs, Order, OrderInput } from './list-args.js';
import {
  type CursorValue,
  fingerprint,
  foreignCursor,
  ListWalk,
  type Page,
  type PageArgs,
  type ReadCursor,
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

/** Everything that the list of a kind needs. */
export interface ListSpec<K extends ListedKind, T> {
  readonly kind: K;
  readonly filter: KindFilter;
  readonly order: KindOrder;
  readonly Node: new (revision: RevisionRecord<K>, view: View) => T;
}

type RecordListArgs = ListArgs & {
  readonly filter?: FilterInput | null;
  readonly orderBy?: OrderInput | null;
};

interface ListRequest {
  readonly resource: Resource;
  readonly kind: ListedKind;
  readonly options: ReadOptions;
  readonly filter: Filter | null;
  readonly order: Order;
  readonly integrations: readonly string[] | null;
}

async function toListRequest<K extends ListedKind, T>(
  services: RequestServices,
  spec: ListSpec<K, T>,
  args: RecordListArgs,
): Promise<ListRequest> {
  const { kind } = spec;
  return {
    ...{ kind, resource: RESOURCE_OF[kind] },
    options: toReadOptions(services, args),
    filter: spec.filter.toFilter(args.filter),
    order: spec.order.toOrder(args.orderBy),
    integrations: await checkIntegrations(services, args.integrations),
  };
}

function cursorTerms({ order, filter, integrations, options }: ListRequest): Record<string, CursorValue> {
  return {
    orderBy: `${order.field} ${order.descending ? 'DESC' : 'ASC'}`,
    filter: filter && fingerprint(filter),
    integrations: integrations && fingerprint(integrations),
    asOf: options.asOf,
  };
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

/** What the response depends on; `null` if it cannot be stored. */
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

/** Whether nothing was recorded since, and the freshness is the same. */
export async function stillStands(
  services: RequestServices,
  { head, freshness }: ListRead,
): Promise<boolean> {
  if (freshness === null) return (await services.loaders.current.head()).seq === head;
  const now = await freshHead(services, freshness);
  const isSame = !now.freshness.stale && !now.freshness.live;
  return isSame && now.head.seq === head && now.freshness.verifiedAt === freshness.verifiedAt;
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
  const report = await reportCoverage(services, view, asked.resource, integrations, bounds);
  const { kind, filter } = asked;
  return withUndecided(services, report, { kind, filter, integrations: asked.integrations, seq: view.seq });
}

export type RecordPage<T> = [page: Page<T>, view: View, coverage: ReadCoverage];

export async function listRecords<K extends ListedKind, T>(
  context: GatewayContext,
  spec: ListSpec<K, T>,
  args: RecordListArgs,
): Promise<RecordPage<T>> {
  const services = context.trackedServices;
  const asked = await toListRequest(services, spec, args);
  const walk = new ListWalk(args, asked.resource, cursorTerms(asked));
  const { cursor } = walk;
  // read before the view, so that writes in between do not count as included
  const isPinned = cursor !== null || asked.options.asOf !== null;
  const before = isPinned ? await services.loaders.current.head() : null;
  const view = await viewOf(services, asked, cursor, before);
  const damaged: HistoryError[] = [];
  const page = await readPage(services, spec, asked, { view, walk, damaged });
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
  { kind, Node }: ListSpec<K, T>,
  asked: ListRequest,
  { view, walk, damaged }: { view: View; walk: ListWalk; damaged: HistoryError[] },
): Promise<Page<T>> {
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
    pin: [view.seq, view.asOf],
    hasMore,
    count: ({ store }) => store.count(query),
  });
}

function toPosition([value = null, integration, id]: readonly CursorValue[]): Position {
  return { value, integration: String(integration), id: String(id) };
}

/** A list within a record, which is read as a whole. */
export interface ArrayList<T> {
  /** The name in cursors, such as `Case.threats`. */
  readonly list: string;
  readonly owner: RecordKey;
  readonly view: View;
  /** The list in a view: the owner's, or the one that a cursor pins. */
  readonly read: (view: View) => T[] | Promise<T[]>;
  readonly idOf: (item: T) => string;
}

/** With the view of the first page. */
export interface PageWithin<T> {
  readonly page: Page<T>;
  readonly view: View;
}

export async function arrayPage<T>(within: ArrayList<T>, args: PageArgs): Promise<PageWithin<T>> {
  const { owner, idOf } = within;
  const terms = {
    [owner.kind]: `${owner.integration} ${owner.id}`,
    asOf: within.view.frozen ? within.view.asOf : null,
  };
  const walk = new ListWalk(args, within.list, terms);
  const [seq, asOf] = walk.cursor?.pin ?? [within.view.seq, within.view.asOf];
  if (typeof seq !== 'number' || typeof asOf !== 'string') throw foreignCursor();
  const view = { ...within.view, seq, asOf };
  const list = await within.read(view);
  const page = walk.page(rowsFrom(list, walk, idOf), {
    toNode: (item) => item,
    placeOf: (item) => [idOf(item)],
    pin: [view.seq, view.asOf],
    count: async () => list.length,
  });
  return { page, view };
}

/** The items after the cursor, in the direction of the walk. */
function rowsFrom<T>(list: readonly T[], { cursor, backward }: ListWalk, idOf: (item: T) => string): T[] {
  if (cursor === null) return backward ? list.toReversed() : list.slice();
  const [id] = cursor.place;
  if (typeof id !== 'string') throw foreignCursor();
  const place = list.findIndex((item) => idOf(item) === id);
  if (place === -1)
    throw badInput('The item of this cursor is no longer in the list. Omit the cursor.', 'after');
  return backward ? list.slice(0, place).reverse() : list.slice(place + 1);
}
