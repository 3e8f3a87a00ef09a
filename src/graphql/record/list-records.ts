import { damageOf, type HistoryError } from '../../history/errors.js';
import type { PageItem, Position } from '../../history/store.js';
import type { ListedKind } from '../../model/kind.js';
import type { GatewayContext, Means } from '../context.js';
import {
  type AskedList,
  askList,
  coverageOfList,
  cursorOf,
  type ListSpec,
  type RecordListArgs,
  termsOf,
  viewOf,
} from '../lists/asked-list.js';
import { type CursorValue, cursorWriter, type ReadCursor } from '../lists/cursor.js';
import { Page } from '../lists/page.js';
import type { View } from '../lists/view.js';
import type { ReadCoverage } from './record-connection.js';

/** What the connection of a list is made of. */
type Answer<T> = [page: Page<T>, view: View, coverage: ReadCoverage];

/**
 * One page of a list of records, in the view that its first page pinned. A page that another query has read is
 * given again while the head is the same.
 */
export async function listRecords<K extends ListedKind, T>(
  context: GatewayContext,
  spec: ListSpec<K, T>,
  args: RecordListArgs,
): Promise<Answer<T>> {
  const means = context.meansOfNotedRead;
  const asked = await askList(means, spec, args);
  const cursor = cursorOf(asked);
  const key = JSON.stringify(asked);
  const view = await viewOf(means, asked, cursor);
  const head = await headOf(means, view, cursor);
  const shared = means.shared.find<T>(head, key);
  const damaged: HistoryError[] = [];
  const page =
    (isShareable(view) && shared) || (await readPage(means, spec, asked, { view, cursor, damaged }));
  context.damaged.push(...damaged);
  if (isShareable(view) && damaged.length === 0) {
    means.shared.keep(head, key, page);
    context.reads.note({ stands: (later) => stillThere(later, asked, key, { page, view }) });
  } else context.reads.forbidReuse();
  return [page, view, (asking) => coverageOfList(asking, asked, view)];
}

/** Whether the list, asked for again, would give the page that it gave. */
async function stillThere(
  means: Means,
  asked: AskedList,
  key: string,
  given: { page: Page<unknown>; view: View },
): Promise<boolean> {
  const cursor = cursorOf(asked);
  const view = await viewOf(means, asked, cursor);
  const head = await headOf(means, view, cursor);
  return (
    isShareable(view) &&
    view.asOf === given.view.asOf &&
    view.freshness?.verifiedAt === given.view.freshness?.verifiedAt &&
    means.shared.find(head, key) === given.page
  );
}

/** Whether a view says nothing of the request that it was opened for. */
function isShareable({ freshness }: View): boolean {
  return freshness === null || !(freshness.stale || freshness.live);
}

async function headOf(means: Means, view: View, cursor: ReadCursor | null): Promise<number> {
  if (cursor === null && !view.frozen) return view.seq;
  const { seq } = await means.loaders.current.head();
  return seq;
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
