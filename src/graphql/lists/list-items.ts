import { countItems, type ItemPosition, readItems } from '../../history/items.js';
import type { RevisionRecord } from '../../model/revision.js';
import type { ListedKind } from '../../resources/registry.js';
import type { GatewayContext, RequestServices } from '../request/services.js';
import type { FilteredListArgs } from './connection.js';
import {
  type ListRequest,
  listPage,
  type OrderedList,
  type PagePlace,
  pinOf,
  type RecordPage,
} from './list-records.js';
import type { ConnectionPage, CursorValue } from './page.js';
import type { View } from './view.js';

export interface ItemListSpec<K extends ListedKind, T> extends OrderedList<K> {
  readonly toNode: (revision: RevisionRecord<K>, index: number, view: View) => T;
}

export function listItems<K extends ListedKind, T>(
  context: GatewayContext,
  spec: ItemListSpec<K, T>,
  args: FilteredListArgs,
): Promise<RecordPage<T>> {
  return listPage(context, spec, 'ITEM', args, (...place) => readItemPage(spec, ...place));
}

async function readItemPage<K extends ListedKind, T>(
  { kind, toNode }: ItemListSpec<K, T>,
  { store }: RequestServices,
  asked: ListRequest,
  { view, walk }: PagePlace,
): Promise<ConnectionPage<T>> {
  const { order, integrations, filter } = asked;
  const query = { kind, integrations, filter, seq: view.seq };
  const { items, hasMore } = await readItems(store, {
    ...{ ...query, descending: order.descending !== walk.backward, limit: walk.limit },
    after: walk.cursor && toItemPosition(walk.cursor.place),
  });
  return walk.page(items, {
    toNode: ({ revision, position }) => toNode(revision as RevisionRecord<K>, position.index, view),
    placeOf: ({ position: { time, integration, id, index, open, descending } }) => [
      ...[time, integration, id, index, open, descending],
    ],
    pin: pinOf(asked, view),
    hasMore,
    count: (services) => countItems(services.store, query),
  });
}

function toItemPosition([
  time,
  integration,
  id,
  index,
  open,
  descending,
]: readonly CursorValue[]): ItemPosition {
  const instant = (value: CursorValue | undefined) => (typeof value === 'string' ? value : null);
  return {
    ...{ time: instant(time), integration: String(integration), id: String(id), index: Number(index) },
    ...{ open: instant(open), descending: descending === true },
  };
}
