import { Arg, Args, Ctx, ID, Query, Resolver } from 'type-graphql';
import { damageOf, type HistoryError } from '../../history/errors.js';
import type { Unit } from '../../history/statistics.js';
import type { Pin, Position } from '../../history/store.js';
import type { RevisionRecord } from '../../model/revision.js';
import {
  DEFAULT_ORDER,
  DEFINITION_OF,
  ID_NAMES,
  type ListedKind,
  RESOURCE_OF,
  type Resource,
} from '../../resources/registry.js';
import type { Filter } from '../../values/filter.js';
import { earliest, type Instant, LAST_INSTANT, shift } from '../../values/instant.js';
import { boundsOf, reportCoverage, withUndecided } from '../collection/coverage.js';
import { Guard } from '../operation/guard.js';
import { readRecord } from '../records/read-record.js';
import type { RecordNode } from '../records/record.type.js';
import {
  checkIntegrations,
  chooseIntegration,
  type GatewayContext,
  integrationNames,
  type RequestServices,
} from '../request/services.js';
import {
  type FilteredListArgs,
  type KindOrder,
  listArgsOf,
  type Order,
  type ReadCoverage,
  RecordArgs,
} from './connection.js';
import type { KindFilter, Present } from './filter-input.js';
import { type ConnectionPage, type CursorValue, fingerprint, ListWalk, type ReadCursor } from './page.js';
import {
  assertAcceptable,
  assertCollected,
  currentSecond,
  freshHead,
  latestView,
  pastView,
  pinnedView,
  type ReadOptions,
  toReadOptions,
  type View,
} from './view.js';

export interface OrderedList<K extends ListedKind> {
  readonly kind: K;
  readonly filter: KindFilter;
  readonly order: KindOrder;
}

export interface NodeSpec<K extends ListedKind, T extends RecordNode<K>> extends OrderedList<K> {
  readonly Node: new (revision: RevisionRecord<K>, view: View) => T;
  readonly Connection: new (...page: RecordPage<never>) => object;
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
  const { freshness, head } = await freshHead(services, { maxAgeMs: options.maxAgeMs, ...asked });
  assertAcceptable(freshness, true, options);
  return latestView(services, options, freshness, head);
}

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

export interface PagePlace {
  readonly view: View;
  readonly walk: ListWalk;
  /** Takes records that cannot be read. */
  readonly damaged: HistoryError[];
}

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

async function readPage<K extends ListedKind, T extends RecordNode<K>>(
  { kind, Node }: NodeSpec<K, T>,
  services: RequestServices,
  asked: ListRequest,
  { view, walk, damaged }: PagePlace,
): Promise<ConnectionPage<T>> {
  const { order, integrations, filter } = asked;
  const after = walk.cursor && toPosition(walk.cursor.place);
  const query = { kind, integrations, filter, seq: view.seq };
  const { items, hasMore } = await services.store.page({
    orderBy: order.field,
    descending: order.descending !== walk.backward,
    after,
    limit: walk.limit,
    ...query,
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

/** The two root fields of a kind, `threat(threatId)` and `threats`, from its definition and its node. */
export function recordQueries<K extends ListedKind>(spec: NodeSpec<K, RecordNode<K>>) {
  const { kind, Node, Connection, filter, order } = spec;
  const { resource, texts } = DEFINITION_OF[kind];
  const noun = texts.record.replace(/^An? |\.$/g, '');
  const list = texts.list.replace(/^The list of |\.$/g, '');

  const RecordListArgs = listArgsOf(filter, order, resource, texts.order);

  @Resolver()
  class RecordQueries {
    @Guard('reader')
    @Query(() => Node, {
      name: kind,
      nullable: true,
      description: `One ${noun}; null if Abnormal does not know it or, with \`asOf\`, if it was not recorded.`,
    })
    async one(
      @Arg(ID_NAMES[kind], () => ID, { description: 'Abnormal’s id of the record.' }) id: string,
      @Args(() => RecordArgs) args: RecordArgs,
      @Ctx() { trackedServices: services }: GatewayContext,
    ): Promise<object | null> {
      const head = await services.loaders.current.head();
      const integration = await chooseIntegration(services, args.integration, head);
      const seen = await readRecord<K>(services, { integration, kind, id }, args, head);
      return seen && new Node(seen.revision, seen.view);
    }

    @Guard('reader')
    @Query(() => Connection, {
      name: resource,
      nullable: true,
      description: `${list.charAt(0).toUpperCase()}${list.slice(1)}, ${texts.order}.`,
    })
    async list(
      @Args(() => RecordListArgs) args: FilteredListArgs,
      @Ctx() context: GatewayContext,
    ): Promise<object> {
      const page = await listPage(context, spec, 'RECORD', args, (...place) => readPage(spec, ...place));
      return new Connection(...(page as unknown as RecordPage<never>));
    }
  }
  return RecordQueries;
}
