import type { ListPage } from '../../abnormal/client.js';
import { type UpstreamCode, UpstreamError } from '../../abnormal/errors.js';
import type { PopulationSource, Reconciliation } from '../../model/reconciliation.js';
import { listFirstPage } from '../window/list-window.js';
import type { Held } from './held-within.js';
import { attempt, type Inspection, type Sighting } from './inspection.js';
import { type LogReading, readThreatLog } from './read-threat-log.js';
import { type ListWalk, walkList } from './walk-list.js';

/** What Abnormal has in a window, as read anew for comparison. */
export interface Population extends Pick<Reconciliation, 'basis' | 'declared'> {
  readonly sources: readonly PopulationSource[];
  /** What it names; `null` when no ids could be read. */
  readonly sightings: ReadonlyMap<string, Sighting> | null;
  /** Why it may not be all there is, for a person; one of them is enough to prove nothing. */
  readonly doubts: readonly string[];
  /** What is worth saying though it casts no doubt. */
  readonly remark: string | null;
  readonly failure: UpstreamCode | null;
}

/**
 * Reads what Abnormal has in the inspection's window: of threats the export of the threat log, with the list's
 * own total, and the list itself where the two or `held` disagree; of the others the list, cut anew. Throws only
 * a `StopError`, when the work was ended.
 */
export async function readPopulation(inspection: Inspection, held: Held): Promise<Population> {
  if (inspection.resource !== 'threats')
    return ofList(await attempt(inspection, () => walk(inspection, null)));
  const log = await attempt(inspection, () => readThreatLog(inspection, inspection.window));
  const first = await attempt(inspection, () =>
    listFirstPage(inspection, inspection.stream, inspection.window),
  );
  const declared = first instanceof UpstreamError ? null : first.total;
  if (isAgreed(log, declared, held)) return ofLog(log, declared);
  if (first instanceof UpstreamError) return ofBoth(log, first, held);
  return ofBoth(log, await attempt(inspection, () => walk(inspection, first)), held);
}

function walk(inspection: Inspection, first: ListPage | null): Promise<ListWalk> {
  return walkList(inspection, inspection.window, first);
}

/** Whether export, list and history have so much in common that the list's ids could add nothing. */
function isAgreed(
  log: LogReading | UpstreamError,
  declared: number | null,
  { verifiedAt }: Held,
): log is LogReading {
  if (log instanceof UpstreamError) return false;
  const { sightings, namesThreats, nameless } = log;
  return (
    namesThreats &&
    nameless === 0 &&
    declared === sightings.size &&
    [...verifiedAt.keys()].every((id) => sightings.has(id))
  );
}

const SURE = { doubts: [], remark: null, failure: null } as const;

function ofLog({ sightings }: LogReading, declared: number | null): Population {
  return { ...SURE, sources: ['EXPORT'], basis: 'IDS', sightings, declared };
}

function ofList(list: ListWalk | UpstreamError): Population {
  if (list instanceof UpstreamError)
    return nothing([`The list could not be read. ${list.message}`], list.code);
  const { sightings, declared, doubt } = list;
  const doubts = doubt === null ? [] : [`The list is in doubt: ${doubt}.`];
  return { ...SURE, sources: ['LIST'], basis: 'IDS', sightings, declared, doubts };
}

function nothing(doubts: readonly string[], failure: UpstreamCode): Population {
  return { ...SURE, sources: [], basis: null, sightings: null, declared: null, doubts, failure };
}

/** An export that cannot be had leaves the verdict open, whatever the list says: the collection goes by lists too. */
function ofBoth(log: LogReading | UpstreamError, list: ListWalk | UpstreamError, held: Held): Population {
  const listed = ofList(list);
  if (log instanceof UpstreamError) {
    const doubt = `The export of the threat log, which is independent of the list, could not be read. ${log.message}`;
    return { ...listed, doubts: [doubt, ...listed.doubts], failure: log.code };
  }
  const sources: PopulationSource[] = ['EXPORT', ...listed.sources];
  const { doubts, remark } = judgeNameless(log, held);
  // an export that names every threat needs no list beside it
  const listDoubts = log.namesThreats && list instanceof UpstreamError ? [] : listed.doubts;
  return {
    sources,
    basis: log.namesThreats ? 'IDS' : 'COUNTS',
    sightings: together(log, listed),
    declared: listed.declared,
    doubts: [...doubts, ...listDoubts],
    remark,
    failure: listDoubts.length > 0 ? listed.failure : null,
  };
}

/** Where both name a record, the export's sighting counts: it is to the second. */
function together(log: LogReading, { sightings }: Population): Population['sightings'] {
  if (!log.namesThreats) return sightings;
  return new Map([...(sightings ?? []), ...log.sightings]);
}

/** Rows that name no threat can still be counted: as many as messages are held is as good as nothing lacking. */
function judgeNameless({ nameless, messages, namesThreats }: LogReading, held: Held) {
  if (nameless === 0 && namesThreats) return { doubts: [], remark: null };
  const what = namesThreats
    ? `${nameless} of the export's ${messages} rows name no threat that can be read`
    : 'The export names no threats, so only its messages could be counted';
  if (messages === held.messages) return { doubts: [], remark: `${what}: ${messages}, as many as are held.` };
  const doubt =
    `${what}: ${messages}, and ${held.messages} are held. Abnormal may give a part of a threat's messages only, ` +
    'so that this proves nothing.';
  return { doubts: [doubt], remark: null };
}
