import type { ListPage } from '../../abnormal/client.js';
import { type UpstreamCode, UpstreamError } from '../../abnormal/errors.js';
import type { PopulationSource, ReconciliationRecord } from '../../model/run.js';
import { DEFINITION_OF_RESOURCE } from '../../resources/registry.js';
import { ceilToSecond, DAY, shift, type Window, widthOf } from '../../values/instant.js';
import { callOptions, type ListedRecord, type WindowUnderReview } from '../context.js';
import { isOverflowing, listAllPages, listFirstPage } from '../window/list-window.js';
import { attempt, type Held } from './window-under-review.js';

export interface UpstreamPopulation extends Pick<ReconciliationRecord, 'basis' | 'declared'> {
  readonly sources: readonly PopulationSource[];
  /** `null` if no ids could be read. */
  readonly listed: ReadonlyMap<string, ListedRecord> | null;
  /** Reasons why the population may be incomplete; one of them makes the result unverified. */
  readonly doubts: readonly string[];
  readonly remark: string | null;
  readonly failure: UpstreamCode | null;
}

/**
 * Reads what Abnormal has in the window under review: where there is an export, the export with the list's own
 * total, and the list itself if the two or `held` disagree; else the list, in new windows. Throws only
 * a `StopError`, when the work was ended.
 */
export async function readPopulation(review: WindowUnderReview, held: Held): Promise<UpstreamPopulation> {
  const { population } = DEFINITION_OF_RESOURCE[review.resource];
  if (population.export === null) return ofList(await attempt(review, () => walk(review, null)));
  const log = await attempt(review, () => readThreatLog(review, review.window));
  const first = await attempt(review, () => listFirstPage(review, review.stream, review.window));
  const declared = first instanceof UpstreamError ? null : first.total;
  if (isAgreed(log, declared, held)) return ofLog(log, declared);
  if (first instanceof UpstreamError) return ofBoth(log, first, held);
  return ofBoth(log, await attempt(review, () => walk(review, first)), held);
}

function walk(review: WindowUnderReview, first: ListPage | null): Promise<ListWalk> {
  return walkList(review, review.window, first);
}

/** Whether export, list and history agree so far that the list's ids would add nothing. */
function isAgreed(
  log: LogReading | UpstreamError,
  declared: number | null,
  { verifiedAt }: Held,
): log is LogReading {
  if (log instanceof UpstreamError) return false;
  const { listed, namesThreats, nameless } = log;
  return (
    namesThreats &&
    nameless === 0 &&
    declared === listed.size &&
    [...verifiedAt.keys()].every((id) => listed.has(id))
  );
}

const SURE = { doubts: [], remark: null, failure: null } as const;

function ofLog({ listed }: LogReading, declared: number | null): UpstreamPopulation {
  return { ...SURE, sources: ['EXPORT'], basis: 'IDS', listed, declared };
}

function ofList(list: ListWalk | UpstreamError): UpstreamPopulation {
  if (list instanceof UpstreamError) {
    const doubts = [`The list could not be read. ${list.message}`];
    return { ...SURE, sources: [], basis: null, listed: null, declared: null, doubts, failure: list.code };
  }
  const { listed, declared, doubt } = list;
  const doubts = doubt === null ? [] : [`The list is in doubt: ${doubt}.`];
  return { ...SURE, sources: ['LIST'], basis: 'IDS', listed, declared, doubts };
}

/** Without an export the verdict stays open, whatever the list says: the collection uses lists too. */
function ofBoth(
  log: LogReading | UpstreamError,
  list: ListWalk | UpstreamError,
  held: Held,
): UpstreamPopulation {
  const listed = ofList(list);
  if (log instanceof UpstreamError) {
    const doubt = `The export of the threat log, which is independent of the list, could not be read. ${log.message}`;
    return { ...listed, doubts: [doubt, ...listed.doubts], failure: log.code };
  }
  const sources: PopulationSource[] = ['EXPORT', ...listed.sources];
  const { doubts, remark } = doubtsOfNameless(log, held);
  // an export that names every threat does not need the list
  const listDoubts = log.namesThreats && list instanceof UpstreamError ? [] : listed.doubts;
  return {
    sources,
    basis: log.namesThreats ? 'IDS' : 'COUNTS',
    listed: together(log, listed),
    declared: listed.declared,
    doubts: [...doubts, ...listDoubts],
    remark,
    failure: listDoubts.length > 0 ? listed.failure : null,
  };
}

/** If both name a record, the export's time is used: it is exact to the second. */
function together(log: LogReading, { listed }: UpstreamPopulation): UpstreamPopulation['listed'] {
  if (!log.namesThreats) return listed;
  return new Map([...(listed ?? []), ...log.listed]);
}

/** Rows without an id still count: as many rows as stored messages mean that none is missing. */
function doubtsOfNameless({ nameless, messages, namesThreats }: LogReading, held: Held) {
  if (nameless === 0 && namesThreats) return { doubts: [], remark: null };
  const what = namesThreats
    ? `${nameless} of the export's ${messages} rows have no readable threat id`
    : 'The export contains no threat ids, so only its messages could be counted';
  if (messages === held.messages)
    return { doubts: [], remark: `${what}: ${messages}, as many as are stored.` };
  const doubt =
    `${what}: ${messages}, and ${held.messages} are stored. Abnormal may return only a part of a threat's messages, ` +
    'so this proves nothing.';
  return { doubts: [doubt], remark: null };
}

export interface LogReading {
  readonly listed: ReadonlyMap<string, ListedRecord>;
  readonly messages: number;
  readonly nameless: number;
  readonly namesThreats: boolean;
}

/** Errors that a narrower window may avoid. */
const TOO_MUCH: readonly UpstreamCode[] = ['TOO_LARGE', 'BAD_REQUEST'];
const NARROWEST = DAY;

/** Reads the export of a window, in parts if it is too large for Abnormal or the client. */
export async function readThreatLog(review: WindowUnderReview, window: Window): Promise<LogReading> {
  try {
    return await readLogPart(review, window);
  } catch (error) {
    const isTooMuch = error instanceof UpstreamError && TOO_MUCH.includes(error.code);
    if (!isTooMuch || widthOf(window) <= NARROWEST) throw error;
    const middle = shift(window.from, ceilToSecond(widthOf(window) / 2));
    const newer = await readThreatLog(review, { from: middle, to: window.to });
    return joined(newer, await readThreatLog(review, { from: window.from, to: middle }));
  }
}

async function readLogPart(review: WindowUnderReview, span: Window): Promise<LogReading> {
  const { rows, namesThreats } = await review.account.client.threatLog(span, callOptions(review));
  // the end may be inclusive and a filter may be ignored, so rows are selected by their own time
  const within = rows.filter(
    ({ receivedTime: time }) => time === null || (time >= span.from && time < span.to),
  );
  const listed = new Map<string, ListedRecord>();
  for (const { threatId, receivedTime: time } of within) {
    if (threatId !== null && !listed.get(threatId)?.time) listed.set(threatId, { span, time });
  }
  const nameless = within.filter(({ threatId }) => threatId === null).length;
  return { listed, messages: within.length, nameless, namesThreats };
}

function joined(a: LogReading, b: LogReading): LogReading {
  return {
    listed: new Map([...b.listed, ...a.listed]),
    messages: a.messages + b.messages,
    nameless: a.nameless + b.nameless,
    namesThreats: a.namesThreats && b.namesThreats,
  };
}

interface ListWalk {
  readonly listed: ReadonlyMap<string, ListedRecord>;
  readonly declared: number | null;
  /** Why the list may be incomplete; `null` if there is no doubt. */
  readonly doubt: string | null;
}

const MAX_WALKS = 3;

/** Lists all ids of a window, in other parts than the collection, so that a fault of one does not repeat. */
export async function walkList(
  review: WindowUnderReview,
  window: Window,
  first: ListPage | null,
): Promise<ListWalk> {
  for (let walks = 1; ; walks += 1) {
    const whole: ListPage =
      (walks === 1 ? first : null) ?? (await listFirstPage(review, review.stream, window));
    const walk = { listed: new Map<string, ListedRecord>(), doubts: new Set<string>() };
    await walkPart(review, window, whole, walk);
    const { total: declared } = whole;
    // a record that left the window between two pages is no reason for doubt, so the list is read once more
    const isShort = declared !== null && walk.listed.size < declared;
    if (isShort && walks < MAX_WALKS) continue;
    if (isShort) walk.doubts.add(`it declares ${declared} records and names ${walk.listed.size}`);
    const doubt = walk.doubts.size > 0 ? [...walk.doubts].join(', ') : null;
    return { listed: walk.listed, declared, doubt };
  }
}

interface Walking {
  readonly listed: Map<string, ListedRecord>;
  readonly doubts: Set<string>;
}

async function walkPart(
  review: WindowUnderReview,
  part: Window,
  known: ListPage | null,
  walk: Walking,
): Promise<void> {
  const { stream, settings } = review;
  const first = known ?? (await listFirstPage(review, stream, part));
  if (isOverflowing(first, settings.pageSize) && widthOf(part) > settings.minWindowMs) {
    for (const each of partsOf(part, first.total, review)) await walkPart(review, each, null, walk);
    return;
  }
  const listing = await listAllPages(review, stream, part, first);
  for (const item of listing.items.values())
    walk.listed.set(item.id, { span: part, time: item.lastModifiedTime });
  if (listing.unusable > 0) walk.doubts.add('it has rows without a usable id');
  if (listing.doubt !== null) walk.doubts.add(`it ${listing.doubt}`);
}

/** At least two parts, each of about one page if the total is known. */
function partsOf(window: Window, total: number | null, { settings }: WindowUnderReview): Window[] {
  const { pageSize, targetFill, minWindowMs } = settings;
  const count = Math.max(2, Math.ceil((total ?? 0) / (pageSize * targetFill)));
  const width = Math.max(minWindowMs, ceilToSecond(widthOf(window) / count));
  const parts: Window[] = [];
  for (let { from } = window; from < window.to; from = shift(from, width)) {
    const to = shift(from, width);
    parts.push({ from, to: to < window.to ? to : window.to });
  }
  return parts;
}
