import type { CallOptions, Fetched, ListPage } from '../../abnormal/client.js';
import { toUpstreamError } from '../../abnormal/errors.js';
import type { HistoryStore } from '../../history/store.js';
import type { Account } from '../../integrations/accounts.js';
import type { DriftSighting } from '../../model/drift.js';
import type { QuarantineCode, QuarantineEntry } from '../../model/ledger.js';
import type { Observation, RevisionRecord } from '../../model/revision.js';
import type { ListedItem } from '../../resources/definition.js';
import {
  DEFINITION_OF,
  isListed,
  type Kind,
  type ListedKind,
  type RecordKey,
} from '../../resources/registry.js';
import { DecodeError } from '../../resources/wire.js';
import { canonicalJson, sha256 } from '../../values/canonical-json.js';
import { isRecord } from '../../values/filter.js';
import { DAY, floorToSecond, type Instant, shift, toMillis, type Window } from '../../values/instant.js';

export type FetchOutcome =
  | { readonly kind: 'SEEN'; readonly observation: Observation; readonly drift: readonly DriftSighting[] }
  | { readonly kind: 'GONE'; readonly reason: string; readonly body: string | null }
  | {
      readonly kind: 'BAD';
      readonly code: Exclude<QuarantineCode, 'NOT_FOUND'>;
      readonly reason: string;
      readonly body: string | null;
    };

/**
 * Asks for one record. What is wrong with this record alone is an outcome; any other failure is thrown as an
 * `UpstreamError`.
 */
export async function fetchRecord(
  account: Account,
  { key, item, listedAt }: Pick<FetchTask, 'key' | 'item' | 'listedAt'>,
  basis: number,
  options: CallOptions,
): Promise<FetchOutcome> {
  try {
    const fetched = await account.client.detail(key.kind, key.id, item, { ...options, listedAt });
    const observation = observationOf(account, key, fetched, basis);
    return { kind: 'SEEN', observation, drift: fetched.drift };
  } catch (error) {
    if (error instanceof DecodeError) return bad(error.message, error.body);
    const upstream = toUpstreamError(error);
    if (upstream.code === 'NOT_FOUND') return { kind: 'GONE', reason: upstream.message, body: upstream.body };
    // a failure that the client did not classify is a bug in decoding this record
    if (upstream !== error) return bad(upstream.message, upstream.body);
    throw upstream;
  }
}

function bad(reason: string, body: string | null): FetchOutcome {
  return { kind: 'BAD', code: 'UNDECODABLE', reason, body };
}

function observationOf(account: Account, key: RecordKey, fetched: Fetched<Kind>, basis: number): Observation {
  const received = canonicalJson(fetched.payload);
  return {
    key,
    record: fetched.record,
    received,
    digest: sha256(received),
    fetchedAt: fetched.fetchedAt,
    basis,
    origin: account.origin,
  };
}

export function hasListItem(kind: Kind): boolean {
  return isListed(kind) && DEFINITION_OF[kind].upstream.detail === 'WITH_LIST_ITEM';
}

/** Whether a record of this kind is the list item, and nothing else can be asked. */
export function isListItem(kind: Kind): kind is ListedKind {
  return isListed(kind) && DEFINITION_OF[kind].upstream.detail === 'NONE';
}

/** The tasks with the list items that are part of their records: those that are held, or listed again. */
export async function withItems(
  store: HistoryStore,
  account: Account,
  tasks: readonly Omit<FetchTask, 'item'>[],
  options: CallOptions,
): Promise<FetchTask[]> {
  const kind = tasks[0]?.key.kind;
  if (kind !== undefined && isListItem(kind)) {
    const listed = await listAgain(account, kind, tasks, options);
    return tasks.map((task) => ({ ...task, item: null, ...listed.get(task.key.id) }));
  }
  return Promise.all(tasks.map(async (task) => ({ ...task, item: await heldItem(store, task.held) })));
}

/** One list of so much time is enough for all records in it. */
const WIDEST_LIST = 30 * DAY;
const MOST_PAGES = 500;

/** The items of held records in new lists of the times at which they are listed. */
async function listAgain(
  account: Account,
  kind: ListedKind,
  tasks: readonly Omit<FetchTask, 'item'>[],
  options: CallOptions,
): Promise<Map<string, Pick<FetchTask, 'item' | 'listedAt'>>> {
  const { resource, streams } = DEFINITION_OF[kind];
  const times = tasks.flatMap(({ held }) => (held ? streams[0].timesOf(held.record as never) : []));
  const found = new Map<string, Pick<FetchTask, 'item' | 'listedAt'>>();
  for (const window of windowsAround(times)) {
    for (let next: number | null = 1; next !== null && next <= MOST_PAGES; ) {
      const page: ListPage = await account.client.list(resource, streams[0].filterKey, window, next, options);
      for (const { id, item } of page.items) found.set(id, { item, listedAt: page.fetchedAt });
      next = page.items.length > 0 ? page.nextPage : null;
    }
  }
  return found;
}

function windowsAround(times: readonly Instant[]): Window[] {
  const windows: Window[] = [];
  for (const time of [...times].sort().reverse()) {
    const from = floorToSecond(time);
    const last = windows.at(-1);
    const isNear = last !== undefined && toMillis(last.to) - toMillis(from) <= WIDEST_LIST;
    if (isNear) windows[windows.length - 1] = { from, to: last.to };
    else windows.push({ from, to: shift(from, 1_000) });
  }
  return windows;
}

/** The list item in the payload of a held record, where it is part of the record. */
export async function heldItem(store: HistoryStore, held: RevisionRecord | null): Promise<ListedItem | null> {
  if (held === null || !hasListItem(held.key.kind)) return null;
  const text = await store.received(held.key, held.seqFrom);
  if (text === null) return null;
  const payload: { item?: unknown } = JSON.parse(text);
  return isRecord(payload.item) ? payload.item : null;
}

export interface FetchTask {
  readonly key: RecordKey;
  /** The list item, where it is part of the record and at hand. */
  readonly item: ListedItem | null;
  /** When the list was requested whose item is the whole record. */
  readonly listedAt?: Instant | undefined;
  readonly held: RevisionRecord | null;
  readonly prior: QuarantineEntry | null;
}
