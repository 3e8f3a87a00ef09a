import { damageOf, type HistoryError } from '../../history/errors.js';
import type { PageItem, Position } from '../../history/store.js';
import type { ListedKind } from '../../resources/kind.js';
import { integrationNames } from '../request/choose-integrations.js';
import type { GatewayContext, Means } from '../request/services.js';
import {
  type AskedList,
  askList,
  coverageOfList,
  cursorOf,
  type ListSpec,
  listRead,
  type RecordListArgs,
  termsOf,
  viewOf,
} from './asked-list.js';
import { type CursorValue, cursorWriter, type ReadCursor } from './cursor.js';
import { Page } from './page.js';
import type { ReadCoverage } from './record-connection.js';
import { assertCollected, type View } from './view.js';

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
