import type { PageItem, Position } from '../history/store.js';
import { DEFAULT_ORDER } from '../model/fields.js';
import type { Filter } from '../model/filter.js';
import type { Instant } from '../model/instant.js';
import { type ListedKind, RESOURCE_OF } from '../model/kind.js';
import type { Revision } from '../model/revision.js';
import type { GatewayContext } from './context.js';
import { boundsOf, reportCoverage } from './coverage.js';
import { type CursorValue, cursorWriter, fingerprint, readCursor } from './cursor.js';
import { badInput } from './errors.js';
import type { FilterInput, KindFilter } from './filter-input.js';
import { checkIntegrations, integrationNames } from './integrations.js';
import type { KindOrder, Order, OrderInput } from './order-input.js';
import { type PageRequest, toPageRequest } from './page-args.js';
import type { ListArgs } from './read-args.js';
import type { RecordSlice } from './record-connection.js';
import { assertAcceptable, headView, pastView, toWish, type View, type Wish } from './view.js';

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

interface Asked {
  readonly page: PageRequest;
  readonly wish: Wish;
  readonly filter: Filter | null;
  readonly order: Order;
  readonly integrations: readonly string[] | null;
}

/** One page of a list of records, in the view that its first page pinned. */
export async function listRecords<K extends ListedKind, T>(
  context: GatewayContext,
  spec: ListSpec<K, T>,
  args: RecordListArgs,
): Promise<RecordSlice<T>> {
  const asked: Asked = {
    page: toPageRequest(args),
    wish: toWish(context, args),
    filter: spec.filter.toFilter(args.filter),
    order: spec.order.toOrder(args.orderBy),
    integrations: await checkIntegrations(context, args.integrations),
  };
  const list = RESOURCE_OF[spec.kind];
  const terms = termsOf(asked);
  const cursor = asked.page.cursor === null ? null : readCursor(asked.page.cursor, list, terms);
  const view = cursor
    ? await pinnedView(context, asked.wish, cursor.pin)
    : await openView(context, spec.kind, asked);
  const after = cursor && toPosition(cursor.place);
  const { items, hasMore } = await readPage(context, spec.kind, asked, view, after);
  const cursorAt = cursorWriter({ list, terms, pin: [view.seq, view.asOf, view.until] });
  return {
    view,
    nodes: items.map(({ revision }) => spec.toNode(revision, view)),
    cursorAt: (index) => cursorAt(toPlace(items[index]?.position)),
    hasNextPage: asked.page.backward ? after !== null : hasMore,
    hasPreviousPage: asked.page.backward ? hasMore : after !== null,
    count: () => context.store.count({ ...queryOf(spec.kind, asked, view) }),
    coverage: () => coverageOfList(context, spec.kind, asked, view),
  };
}

function queryOf<K extends ListedKind>(kind: K, { integrations, filter }: Asked, { seq }: View) {
  return { kind, integrations, filter, seq };
}

async function readPage<K extends ListedKind>(
  context: GatewayContext,
  kind: K,
  asked: Asked,
  view: View,
  after: Position | null,
): Promise<{ items: readonly PageItem<K>[]; hasMore: boolean }> {
  const { backward, limit } = asked.page;
  const page = await context.store.page({
    ...queryOf(kind, asked, view),
    orderBy: asked.order.field,
    descending: asked.order.descending !== backward,
    ...{ after, limit },
  });
  return backward ? { ...page, items: [...page.items].reverse() } : page;
}

/** What a cursor must be given back with: nothing here may change within a walk. */
function termsOf({ order, filter, integrations, wish }: Asked): Record<string, CursorValue> {
  return {
    orderBy: `${order.field} ${order.descending ? 'DESC' : 'ASC'}`,
    filter: filter && fingerprint(filter),
    integrations: integrations && fingerprint(integrations),
    asOf: wish.asOf,
  };
}

async function openView(context: GatewayContext, kind: ListedKind, asked: Asked): Promise<View> {
  const { wish, integrations } = asked;
  const { asOf, maxAgeMs } = wish;
  if (asOf !== null) return pastView(context, { ...wish, asOf });
  const freshness = await context.live.list(RESOURCE_OF[kind], integrations, maxAgeMs, context.signal);
  assertAcceptable(freshness, true, wish);
  return headView(context, wish, freshness);
}

/** The view that a cursor pins: no later write is seen, and nothing is synced. */
async function pinnedView(
  context: GatewayContext,
  wish: Wish,
  [seq, asOf, until]: readonly CursorValue[],
): Promise<View> {
  const head = await context.loaders.current.head();
  if (typeof seq !== 'number' || seq > head.seq || typeof asOf !== 'string' || typeof until !== 'string') {
    throw badInput('This cursor is of another history: to begin a new walk, leave the cursor out.');
  }
  const { requestedAt } = context;
  return { ...wish, seq, asOf, until, frozen: wish.asOf !== null, freshness: null, requestedAt };
}

function toPlace(position: Position | undefined): CursorValue[] {
  return position ? [position.value, position.integration, position.id] : [];
}

function toPosition([value = null, integration, id]: readonly CursorValue[]): Position {
  return { value, integration: String(integration), id: String(id) };
}

async function coverageOfList(context: GatewayContext, kind: ListedKind, asked: Asked, view: View) {
  const integrations = asked.integrations ?? (await integrationNames(context));
  const bounds: { from: Instant | null; to: Instant | null } = boundsOf(asked.filter, DEFAULT_ORDER[kind]);
  return reportCoverage(context, view, RESOURCE_OF[kind], integrations, bounds);
}
