import type { HistoryStore, Page, Position } from '../../history/store.js';
import type { Window } from '../../model/ledger.js';
import { DEFAULT_ORDER, fieldsOf } from '../../resources/definition.js';
import type { ListedKind } from '../../resources/kind.js';
import type { Message, RecordOf, Threat } from '../../resources/records.js';
import type { Filter } from '../../values/filter.js';
import { type Instant, shift } from '../../values/instant.js';
import { kindOf, type Source } from '../pass.js';

/** What is held of a window: records that are not deleted and whose own time lies in it. */
export interface Held {
  /** When each was last confirmed, by id. */
  readonly verifiedAt: ReadonlyMap<string, Instant>;
  /** Of threats: the messages held that were received in the window. */
  readonly messages: number;
}

const PAGE = 200;

/** What the view `seq` holds of a window. Records that say no time are in none. */
export async function heldWithin(
  store: HistoryStore,
  source: Source,
  window: Window,
  seq: number,
): Promise<Held> {
  const kind = kindOf(source);
  const verifiedAt = new Map<string, Instant>();
  let messages = 0;
  for (let after: Position | null = null; ; ) {
    const page: Page = await store.page({
      ...{ kind, integrations: [source.account.name], filter: filterOf(kind, window), seq },
      ...{ orderBy: DEFAULT_ORDER[kind], descending: false, after, limit: PAGE },
    });
    for (const { revision } of page.items) {
      if (!isWithin(kind, revision.record, window)) continue;
      verifiedAt.set(revision.key.id, revision.verifiedAt);
      messages += kind === 'threat' ? messagesWithin(revision.record as Threat, window).length : 0;
    }
    after = page.items.at(-1)?.position ?? null;
    if (!page.hasMore || after === null) return { verifiedAt, messages };
  }
}

/** A threat is in every window in which a message of it was received. */
export function isWithin<K extends ListedKind>(kind: K, record: RecordOf[K], window: Window): boolean {
  if (kind === 'threat') return messagesWithin(record as Threat, window).length > 0;
  return isIn(fieldsOf(kind, record)[DEFAULT_ORDER[kind]], window);
}

function messagesWithin({ messages }: Threat, window: Window): Message[] {
  return messages.filter(({ receivedTime }) => isIn(receivedTime, window));
}

function isIn(time: unknown, { from, to }: Window): boolean {
  return typeof time === 'string' && time >= from && time < to;
}

/** What may lie in the window: of a threat's messages it tells only the first and the last. */
function filterOf(kind: ListedKind, { from, to }: Window): Filter {
  const earliest = kind === 'threat' ? 'firstReceivedTime' : DEFAULT_ORDER[kind];
  return {
    and: [
      { field: DEFAULT_ORDER[kind], gte: from },
      { field: earliest, lte: shift(to, -1) },
    ],
  };
}
