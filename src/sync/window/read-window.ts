import type { ListPage } from '../../abnormal/client.js';
import { toUpstreamError, UpstreamError } from '../../abnormal/errors.js';
import type { LedgerEntry, MissingEntry, WindowStatus } from '../../model/ledger.js';
import type { Stream } from '../../model/stream.js';
import { DEFINITION_OF_RESOURCE } from '../../resources/registry.js';
import { earliest, HOUR, type Instant, latest, shift, type Window, widthOf } from '../../values/instant.js';
import { kindOf, type MissingByKey, nowOf, type Pass, StopError, throwIfStopping } from '../context.js';
import { hasListItem } from '../records/fetch-record.js';
import { ingest } from '../records/ingest.js';
import { chooseRecords, settledTo } from './choose-records.js';
import { isOverflowing, type Listing, listAllPages, listFirstPage } from './list-window.js';
import type { WindowPlanner } from './window-planner.js';

export interface WindowResult {
  readonly status: WindowStatus | 'NARROWED';
  readonly error: UpstreamError | null;
  /** Whether a listed record that may still exist could not be read. */
  readonly isShort: boolean;
}

const NARROWED: WindowResult = { status: 'NARROWED', error: null, isShort: false };

export interface Attempt {
  readonly pass: Pass;
  readonly stream: Stream;
  readonly window: Window;
  readonly readAt: Instant;
}

/** A window out of retention is narrowed to this before everything older is given up. */
const RETENTION_GRAIN = HOUR;

/**
 * Lists a window, fetches its records and records its ledger entry. Throws a `StopError` if the pass ends;
 * the caller then writes the entry.
 */
export async function readWindow(
  pass: Pass,
  stream: Stream,
  planner: WindowPlanner,
  window: Window,
): Promise<WindowResult> {
  const attempt = { pass, stream, window, readAt: nowOf(pass) };
  const listing = await listWindow(attempt, planner).catch(toUpstreamError);
  if (listing === null) return NARROWED;
  if (listing instanceof UpstreamError) return failWindow(attempt, planner, listing);
  planner.finish(listing.items.size);
  try {
    const listedAt = earliest(attempt.readAt, listing.fetchedAt);
    return { ...(await takeListing({ ...attempt, readAt: listedAt }, listing)), error: null };
  } catch (error) {
    if (!(error instanceof StopError) || error.stop.kind !== 'GIVEN_UP') throw error;
    return failWindow(attempt, planner, error.stop.error);
  }
}

async function listWindow(
  { pass, stream, window }: Attempt,
  planner: WindowPlanner,
): Promise<Listing | null> {
  const first: ListPage = await listFirstPage(pass, stream, window);
  if (isOverflowing(first, pass.settings.pageSize) && planner.narrow(first.total)) return null;
  return listAllPages(pass, stream, window, first);
}

async function takeListing(attempt: Attempt, listing: Listing): Promise<Omit<WindowResult, 'error'>> {
  const { pass, stream, window } = attempt;
  const missing: MissingByKey = new Map();
  const { tally } = pass.recorder;
  tally.listed += listing.items.size;
  tally.windows += 1;
  const items = [...listing.items.values()];
  const settled = await settledBy(attempt, listing);
  const entry = () => ledgerOf(attempt, listing, missing, settled);
  const { chunkRecords } = pass.settings;
  const listed = { filterKey: stream.filterKey, window, at: listing.fetchedAt };
  do {
    const tasks = await chooseRecords(pass, listed, items.splice(0, chunkRecords), missing);
    await ingest(pass, tasks, missing, items.length === 0 ? entry : null);
  } while (items.length > 0);
  const { status, reason } = entry();
  const short = shortcomings(listing, missing);
  for (const each of [reason, short])
    if (each !== null) pass.recorder.note(`${windowText(stream, window)}: ${each}`);
  return { status, isShort: reason !== null || short !== null };
}

function ledgerOf(attempt: Attempt, listing: Listing, missing: MissingByKey, settled: Instant): LedgerEntry {
  const reason = doubtsOf(listing);
  return {
    ...entryOf(attempt),
    settledTo: settled,
    status: reason === null ? 'COMPLETE' : 'PARTIAL',
    filter: listing.filter,
    declared: listing.declared,
    listed: listing.items.size,
    held: listing.items.size - missing.size,
    pages: listing.pages,
    reason,
    ...(missing.size > 0 ? { missing: asListed(attempt.pass, listing, missing) } : {}),
  };
}

function asListed(pass: Pass, { items }: Listing, missing: MissingByKey): MissingEntry[] {
  const isTimeOfList = hasListItem(kindOf(pass));
  return [...missing.values()].map((entry) => {
    const listedTime = isTimeOfList ? items.get(entry.id)?.lastModifiedTime : null;
    return listedTime ? { ...entry, listedTime } : entry;
  });
}

/** Lists with late rows are final up to the newest known row: what is newer may still be on its way. */
async function settledBy({ pass, stream, readAt }: Attempt, listing: Listing): Promise<Instant> {
  const settled = settledTo(pass, readAt);
  const { kind, streams, defaultOrder } = DEFINITION_OF_RESOURCE[pass.resource];
  const { lateForMs } = streams.find(({ filterKey }) => filterKey === stream.filterKey) ?? {};
  if (lateForMs === undefined) return settled;
  const { seq } = await pass.store.head();
  const newest = await pass.store.page({
    ...{ kind, integrations: [pass.account.name], filter: null, seq },
    ...{ orderBy: defaultOrder, descending: true, after: null, limit: 1 },
  });
  const held = newest.items.flatMap(({ position }) =>
    typeof position.value === 'string' ? [position.value] : [],
  );
  const listed = [...listing.items.values()].flatMap(({ lastModifiedTime: at }) => at ?? []);
  return earliest(settled, [...held, ...listed].reduce(latest, shift(settled, -lateForMs)));
}

/** A text about the records that could not be read, without those that are gone. */
function shortcomings(listing: Listing, missing: MissingByKey): string | null {
  const records = [...missing.values()].filter(({ code }) => code !== 'GONE');
  if (records.length === 0) return null;
  const examples = records.slice(0, 3).map(({ id, reason }) => `${id}: ${reason}`);
  const more = records.length > examples.length ? ' …' : '';
  return `${records.length} of ${listing.items.size} listed records could not be read: ${examples.join('; ')}${more}`;
}

/** Why the listing may miss unnamed records; `null` if there is no doubt. */
function doubtsOf(listing: Listing): string | null {
  const reasons: string[] = [];
  if (listing.unusable > 0) reasons.push(`${listing.unusable} rows without a usable id`);
  if (listing.doubt !== null) reasons.push(listing.doubt);
  return reasons.length > 0 ? reasons.join('; ') : null;
}

async function failWindow(
  attempt: Attempt,
  planner: WindowPlanner,
  error: UpstreamError,
): Promise<WindowResult> {
  const { pass, stream, window } = attempt;
  throwIfStopping(error, pass.signal);
  const tooOld = error.code === 'OUT_OF_RETENTION';
  if (tooOld && widthOf(window) > RETENTION_GRAIN && planner.narrow(null)) return NARROWED;
  const status = tooOld ? 'OUT_OF_RETENTION' : 'FAILED';
  pass.recorder.note(`${windowText(stream, window)}: ${error.message}${beginningOf(error)}`);
  pass.recorder.tally.windows += 1;
  planner.finish(null);
  await pass.recorder.record({ ledger: [unreadEntry(attempt, status, error.message)] });
  return { status, error, isShort: true };
}

const KEPT_CHARACTERS = 500;

function beginningOf({ code, body }: UpstreamError): string {
  return code === 'BAD_BODY' && body ? ` It began: ${body.slice(0, KEPT_CHARACTERS)}` : '';
}

export function unreadEntry(attempt: Attempt, status: WindowStatus, reason: string): LedgerEntry {
  return {
    ...entryOf(attempt),
    status,
    filter: filterText(attempt.stream, attempt.window),
    ...{ declared: null, listed: 0, held: 0, pages: 0, reason },
  };
}

function entryOf({ pass, stream, window, readAt }: Attempt) {
  const { integration, resource, filterKey } = stream;
  const { from, to } = window;
  const settled = settledTo(pass, readAt);
  return { integration, resource, filterKey, from, to, runId: pass.recorder.id, readAt, settledTo: settled };
}

function filterText({ filterKey }: Stream, { from, to }: Window): string {
  return `${filterKey} gte ${wholeSecond(from)} lte ${wholeSecond(to)}`;
}

function wholeSecond(instant: Instant): string {
  return `${instant.slice(0, 19)}Z`;
}

function windowText({ filterKey }: Stream, { from, to }: Window): string {
  return `${filterKey} ${wholeSecond(from)} to ${wholeSecond(to)}`;
}
