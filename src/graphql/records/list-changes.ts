import { performance } from 'node:perf_hooks';
import { wholeOnes } from '../../history/errors.js';
import type { HistoryStore, Pin } from '../../history/store.js';
import type { RevisionRecord } from '../../model/revision.js';
import {
  CORE_RESOURCES,
  KIND_OF,
  type Kind,
  type ListedKind,
  type RecordKey,
} from '../../resources/registry.js';
import { type Instant, toInstant } from '../../values/instant.js';
import { badInput, queryError } from '../base/errors.js';
import { type CursorValue, fingerprint, foreignCursor, ListWalk } from '../lists/page.js';
import { assertCollected } from '../lists/view.js';
import { createLoaders, type Loaders } from '../request/loaders.js';
import { checkIntegrations, integrationNames, type RequestServices } from '../request/services.js';
import {
  type ChangeArgs,
  ChangeConnection,
  type ChangeKind,
  type ChangesFilter,
  ChangeTail,
  type FollowArgs,
  Revision,
} from './revision.type.js';

type ListedRevision = RevisionRecord<ListedKind>;

interface Place {
  /** The newest batch that was read from, and when it was recorded. */
  readonly seq: number;
  readonly at: Instant;
  /** Everything recorded up to this instant was read. */
  readonly asOf: Instant;
  /** The last record of that batch that was read; `null`: all of it was. */
  readonly after: RecordKey | null;
}

/** What the pages of one walk share: all show the changes up to the batch `to`. */
interface ChangesWalk {
  readonly from: Place;
  readonly to: Pin;
  readonly since: Instant | null;
  readonly until: Instant | null;
}

interface ChangesReader {
  readonly filter: ChangesFilter;
  readonly cursors: ListWalk;
  readonly place: Place;
  /** The walk that the cursor belongs to; `null` for the cursor of a tail, or without one. */
  readonly pinned: ChangesWalk | null;
}

interface ChangesPage {
  readonly rows: readonly ListedRevision[];
  readonly hasMore: boolean;
  readonly tail: Place;
}

const LONGEST_WAIT_S = 25;

/** One page of changes. With `wait`, the first one that is not empty, or the last before the time is over. */
export async function listChanges(args: ChangeArgs, services: RequestServices): Promise<ChangeConnection> {
  const { since = null, until = null, wait = null } = args;
  const reader = await openReader(args, services);
  const { filter, place, cursors } = reader;
  if (wait !== null) return waitForChange(reader, wait, args, services);
  if (since !== null && until !== null && until < since)
    throw badInput(`until (${until}) must not be before since (${since}).`, 'until');
  const head = await services.loaders.current.head();
  const to = until === null ? head : await services.store.pinAt(until);
  const walk = reader.pinned ?? { from: place, to, since, until };
  const page = await readChanges(services, filter, place, walk.to, cursors.limit);
  if (page.rows.length === 0 && cursors.cursor === null && until !== null) {
    const { kinds, integrations } = filter;
    const view = { seq: to.seq, asOf: until };
    await assertCollected(services, view, kinds, integrations ?? (await integrationNames(services)));
  }
  return toConnection(reader, walk, page, head);
}

async function waitForChange(
  reader: ChangesReader,
  wait: number,
  { until }: ChangeArgs,
  services: RequestServices,
): Promise<ChangeConnection> {
  if (until) throw badInput('wait and until cannot be combined. Pass one of them.', 'wait');
  if (wait < 1 || wait > LONGEST_WAIT_S)
    throw badInput(`wait must be from 1 to ${LONGEST_WAIT_S} seconds; it is ${wait}.`, 'wait');
  const { longestWaitMs } = services.followers.settings;
  const pages = follow(reader, services, Math.min(wait * 1000, longestWaitMs), performance.now());
  const { value } = await pages.next();
  await pages.return();
  return value as ChangeConnection;
}

/**
 * The changes as they are recorded, page by page; after each silence, and at the end, a page without changes. Nothing
 * is read before the caller asks for the next page. It ends with the services' signals.
 */
export async function* followChanges(
  args: FollowArgs,
  services: RequestServices,
): AsyncGenerator<ChangeConnection, void> {
  const after = services.following?.lastEventId ?? args.after ?? null;
  const reader = await openReader({ ...args, after }, services);
  yield* follow(reader, services, services.followers.settings.bookmarkEveryMs, Number.NEGATIVE_INFINITY);
}

async function* follow(
  { place: start, ...reader }: ChangesReader,
  services: RequestServices,
  silenceMs: number,
  begin: number,
): AsyncGenerator<ChangeConnection, void> {
  const { followers, signal, following } = services;
  const leave = followers.enter(services.callerKey);
  let place = start;
  let givenAt = begin;
  try {
    for (;;) {
      // loaders remember what they read, so each page has its own
      const now = services.renewed();
      const head = await now.loaders.current.head();
      const page = await readChanges(now, reader.filter, place, head, reader.cursors.limit);
      const isOver = signal?.aborted || following?.ending.aborted;
      if (page.rows.length > 0 || isOver || performance.now() - givenAt >= silenceMs) {
        givenAt = performance.now();
        const walk = { from: place, to: head, since: null, until: null };
        yield toConnection(reader, walk, page, head);
      }
      if (isOver) return;
      place = page.tail;
      const left = silenceMs - (performance.now() - givenAt);
      if (!page.hasMore) await followers.headAfter(place.seq, left, signal, following?.ending);
    }
  } finally {
    leave();
  }
}

/** What cursors of all kinds name, as those did that were given before there were others. */
const FIRST_KINDS = CORE_RESOURCES.map((resource) => KIND_OF[resource]);

async function openReader(args: FollowArgs & ChangeArgs, services: RequestServices): Promise<ChangesReader> {
  const integrations = await checkIntegrations(services, args.integrations);
  const { kinds: ofKinds, change = null } = args;
  const kinds = ofKinds ?? Object.values(KIND_OF);
  const terms = {
    kinds: fingerprint(ofKinds ?? FIRST_KINDS),
    integrations: fingerprint(integrations),
    change: change && fingerprint(change),
  };
  const filter = { kinds, integrations, change };
  const cursors = new ListWalk(args, 'changes', terms);
  if (cursors.cursor === null) return { filter, cursors, place: await startOf(args, services), pinned: null };
  const place = toPlace(cursors.cursor.place);
  const pinned = toWalk(cursors.cursor.pin);
  await assertContinued(services, pinned?.to ?? place);
  for (const name of ['since', 'until'] as const) {
    const asked = args[name] ?? null;
    if (pinned && asked !== null && asked !== pinned[name])
      throw badInput(
        `This cursor belongs to a list with another ${name}. Pass the same ${name}, or omit it.`,
        name,
      );
  }
  return { filter, cursors, place, pinned };
}

async function startOf({ since, start }: FollowArgs, services: RequestServices): Promise<Place> {
  if (since && start) throw badInput('since and start cannot be combined. Pass one of them.', 'start');
  if (since) return endOf(await services.store.pinAt(since));
  if (start === 'NOW') return endOf(await services.loaders.current.head());
  if (start === 'BEGINNING') return endOf({ seq: 0, at: toInstant(0) });
  throw badInput('Pass one of since (an instant), start (BEGINNING or NOW) and after (a cursor).', 'since');
}

function endOf({ seq, at }: Pin): Place {
  return { seq, at, asOf: at, after: null };
}

/** Fails unless the batch of a cursor is in this history: after a restored backup its number has another batch. */
async function assertContinued({ store, loaders }: RequestServices, { seq, at }: Pin): Promise<void> {
  if (seq === 0) return;
  const head = await loaders.current.head();
  const [batch] = seq > head.seq ? [] : await store.batches({ afterSeq: seq - 1, toSeq: seq, limit: 1 });
  if (batch?.at === at) return;
  throw queryError(
    'CURSOR_GONE',
    `This history does not contain the recording of ${at} that the cursor points to: it is another history, or it was restored from a backup. List the records again, then read the changes since the asOf of that list.`,
  );
}

const MOST_SCANNED = 2_000;
const SCANNED_AT_ONCE = 200;

/** The changes after a place. With a filter by change it reads a limited number of versions, and may find none. */
async function readChanges(
  { store, loaders }: { readonly store: HistoryStore; readonly loaders: Loaders },
  { kinds, integrations, change }: ChangesFilter,
  from: Place,
  to: Pin,
  limit: number,
): Promise<ChangesPage> {
  const rows: ListedRevision[] = [];
  const atOnce = change ? SCANNED_AT_ONCE : limit + 1;
  let tail = from;
  for (let scanned = 0; scanned < MOST_SCANNED; scanned += atOnce) {
    const { seq, after: key } = tail;
    const after = key && { seqFrom: seq, key };
    const span = { afterSeq: key ? seq - 1 : seq, toSeq: to.seq, after };
    const query = { ...span, kinds, integrations, limit: atOnce };
    const found = wholeOnes(await store.changes(query)) as ListedRevision[];
    const changes = change && (await Promise.all(found.map((revision) => changeOf(revision, loaders))));
    for (const [index, revision] of found.entries()) {
      const isSelected = !change || change.includes(changes?.[index] as ChangeKind);
      if (isSelected && rows.length === limit) return { rows, hasMore: true, tail };
      if (isSelected) rows.push(revision);
      tail = behind(tail, revision);
    }
    if (found.length < atOnce) return { rows, hasMore: false, tail: to.seq < tail.seq ? tail : endOf(to) };
  }
  return { rows, hasMore: true, tail };
}

/** A batch is complete when a version of a later one follows. */
function behind(before: Place, { seqFrom: seq, observedFrom: at, key: after }: ListedRevision): Place {
  return { seq, at, asOf: seq === before.seq ? before.asOf : before.at, after };
}

export async function changeOf(
  revision: ListedRevision,
  loaders: Pick<Loaders, 'records'>,
): Promise<ChangeKind> {
  if (revision.deleted) return 'DELETED';
  const previous = await previousOf(revision, loaders);
  return previous && !previous.deleted ? 'CHANGED' : 'ADDED';
}

export function previousOf({ key, seqFrom }: ListedRevision, { records }: Pick<Loaders, 'records'>) {
  return records.load<ListedKind>(key, seqFrom - 1);
}

function toConnection(
  { filter, cursors }: Pick<ChangesReader, 'filter' | 'cursors'>,
  walk: ChangesWalk,
  { rows, hasMore, tail }: ChangesPage,
  head: Pin,
): ChangeConnection {
  const { from, to, since, until } = walk;
  const pin = [to.seq, to.at, since, until, ...placeValues(from)];
  const page = cursors.page(rows, {
    toNode: (revision) => new Revision(revision),
    placeOf: ({ seqFrom: seq, observedFrom: at, key: after }) =>
      placeValues({ seq, at, asOf: from.asOf, after }),
    pin,
    hasMore,
    endCursor: hasMore ? cursors.cursorTo(placeValues(tail), pin) : null,
    count: ({ store }) => countChanges(store, filter, walk),
  });
  const caughtUp = !hasMore && to.seq >= head.seq;
  return new ChangeConnection(
    page,
    new ChangeTail(cursors.cursorTo(placeValues(tail), []), tail.asOf, caughtUp, filter),
  );
}

/** Counts page by page: the port has no count of changes, and the spans that callers ask for are short. */
async function countChanges(store: HistoryStore, filter: ChangesFilter, walk: ChangesWalk): Promise<number> {
  let count = 0;
  let page: ChangesPage = { rows: [], hasMore: true, tail: walk.from };
  while (page.hasMore) {
    page = await readChanges({ store, loaders: createLoaders(store) }, filter, page.tail, walk.to, 500);
    count += page.rows.length;
  }
  return count;
}

function placeValues({ seq, at, asOf, after }: Place): CursorValue[] {
  return [seq, at, asOf, ...(after ? [after.kind, after.integration, after.id] : [])];
}

function toPlace([seq, at, asOf, kind, integration, id]: readonly CursorValue[]): Place {
  if (typeof seq !== 'number' || typeof at !== 'string' || typeof asOf !== 'string') throw foreignCursor();
  if (kind === undefined) return { seq, at, asOf, after: null };
  return { seq, at, asOf, after: { kind: kind as Kind, integration: String(integration), id: String(id) } };
}

function toWalk([seq, at, since = null, until = null, ...from]: readonly CursorValue[]): ChangesWalk | null {
  if (seq === undefined) return null;
  if (typeof seq !== 'number' || typeof at !== 'string') throw foreignCursor();
  return { from: toPlace(from), to: { seq, at }, since: since as Instant, until: until as Instant };
}
