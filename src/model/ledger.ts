import {
  defaultTimeOf,
  isListed,
  KIND_OF,
  type ListedKind,
  type RecordKey,
  type RecordOf,
} from '../resources/registry.js';
import { DAY, earliest, type Instant, latest, shift, toMillis, type Window } from '../values/instant.js';
import type { RevisionReader, RevisionRecord } from './revision.js';
import type { Stream } from './stream.js';

/** The name of a stream in the ledger, in messages and in reports. */
export function streamText(stream: Stream): string {
  return `${stream.integration}/${stream.resource}/${stream.filterKey}`;
}

export type GapReason = Exclude<WindowStatus, 'COMPLETE'> | 'NOT_COLLECTED' | 'PROVISIONAL';

export interface CoverageGap extends Window {
  readonly reason: GapReason;
  readonly detail: string | null;
}

/** A record that a reading of `[from, to)` listed and could not read. */
export interface Missing extends MissingEntry, Window {
  /** The batch of the reading. With a version of what was listed, from a later batch, it is no longer missing. */
  readonly seq: number;
  readonly readAt: Instant;
  /** The part of the window for which this is the newest reading. */
  readonly span: Window;
}

export interface Coverage extends Window {
  readonly complete: boolean;
  /** Oldest first, disjoint, adjacent gaps of one reason joined; see `addGap`. */
  readonly gaps: readonly CoverageGap[];
  /** By id, from the newest readings; see `outstanding` for those recorded later. */
  readonly missing: readonly Missing[];
}

/** Whether nothing is missing; a record that disappeared before it could be read does not count. */
export function isComplete(gaps: readonly unknown[], missing: readonly Pick<Missing, 'code'>[]): boolean {
  return gaps.length === 0 && missing.every(({ code }) => code === 'GONE');
}

/** The records that are still missing, given the newest version of each by id. */
export function outstanding(
  missing: readonly Missing[],
  newest: ReadonlyMap<string, RevisionRecord>,
): Missing[] {
  return missing.flatMap((each) => {
    const held = newest.get(each.id);
    if (!held) return [each];
    if (held.deleted) return held.seqFrom > each.seq || each.code === 'GONE' ? [] : [each];
    if (isOlder(held, each.listedTime))
      return [{ ...each, code: each.code === 'GONE' ? 'NOT_FOUND' : each.code }];
    return held.seqFrom > each.seq ? [] : [each];
  });
}

/** Whether a version was listed before this time: its detail may be newer, but its list item is not. */
export function isOlder({ key, record }: RevisionRecord, listedTime: Instant | undefined): boolean {
  if (listedTime === undefined || !isListed(key.kind)) return false;
  const time = defaultTimeOf(key.kind, record as RecordOf[ListedKind]);
  return time === null || time < listedTime;
}

/**
 * What the ledger covers, in the order of `seq`. COMPLETE covers its window up to `settledTo`, except for the
 * named missing records. PARTIAL uncovers its window, because unnamed records may be missing. Any other
 * status matters only where nothing better is known: a failed second reading loses nothing.
 */
export function coverageOf(entries: readonly RecordedEntry[], from: Instant, to: Instant): Coverage {
  if (from >= to) return { from, to, complete: true, gaps: [], missing: [] };
  const readings = readingsWithin(entries, from, to);
  const edges = edgesOf(readings, from, to);
  // the last decisive reading says whether a span is covered; the last reading of all says why not
  const decisive = lastReadings(
    readings.filter((reading) => reading.decisive),
    edges,
  );
  const last = lastReadings(readings, edges);
  const gaps = joinedGaps(edges, (i) => (decisive[i]?.reason === null ? null : (last[i] ?? UNREAD)));
  return { from, to, complete: gaps.length === 0, gaps, missing: missingIn(decisive, edges) };
}

/** The missing records of the readings that are still the newest for some span. */
function missingIn(decisive: readonly (LedgerReading | undefined)[], edges: readonly Instant[]): Missing[] {
  const standing = new Map<RecordedEntry, Window>();
  for (const [i, reading] of decisive.entries()) {
    const [from, to] = [edges[i], edges[i + 1]];
    if (!reading?.entry.missing || from === undefined || to === undefined) continue;
    standing.set(reading.entry, { from: standing.get(reading.entry)?.from ?? from, to });
  }
  const named = new Map<string, Missing>();
  for (const [entry, span] of [...standing].sort(([a], [b]) => a.seq - b.seq)) {
    const { from, to, seq, readAt } = entry;
    for (const record of entry.missing ?? [])
      named.set(record.id, { ...record, from, to, seq, readAt, span });
  }
  return [...named.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

interface LedgerReading extends Window {
  readonly entry: RecordedEntry;
  /** `null`: covered. */
  readonly reason: GapReason | null;
  readonly detail: string | null;
  /** Whether it replaces what was known before; the others never uncover a span. */
  readonly decisive: boolean;
}

const UNREAD: Pick<CoverageGap, 'reason' | 'detail'> = { reason: 'NOT_COLLECTED', detail: null };

function readingsWithin(entries: readonly RecordedEntry[], from: Instant, to: Instant): LedgerReading[] {
  return [...entries]
    .sort((a, b) => a.seq - b.seq)
    .flatMap(readingsOf)
    .map((reading) => ({ ...reading, from: latest(reading.from, from), to: earliest(reading.to, to) }))
    .filter((reading) => reading.from < reading.to);
}

function readingsOf(entry: RecordedEntry): LedgerReading[] {
  const { from, to, settledTo, status, reason: detail } = entry;
  if (status !== 'COMPLETE')
    return [{ from, to, reason: status, detail, decisive: status === 'PARTIAL', entry }];
  const settled = earliest(latest(settledTo, from), to);
  return [
    { from, to: settled, reason: null, detail: null, decisive: true, entry },
    { from: settled, to, reason: 'PROVISIONAL', detail: null, decisive: false, entry },
  ];
}

function edgesOf(readings: readonly LedgerReading[], from: Instant, to: Instant): Instant[] {
  return [...new Set([from, to, ...readings.flatMap((reading) => [reading.from, reading.to])])].sort();
}

/** The last reading of each span between adjacent edges: readings are placed newest first on free spans. */
function lastReadings(
  readings: readonly LedgerReading[],
  edges: readonly Instant[],
): (LedgerReading | undefined)[] {
  const indexOf = new Map(edges.map((edge, index) => [edge, index]));
  const taken: (LedgerReading | undefined)[] = new Array(edges.length - 1);
  const nextFree = freeList(edges.length - 1);
  for (const reading of readings.toReversed()) {
    const end = indexOf.get(reading.to) ?? 0;
    for (let i = nextFree.find(indexOf.get(reading.from) ?? end); i < end; i = nextFree.find(i)) {
      taken[i] = reading;
      nextFree.take(i);
    }
  }
  return taken;
}

/** The free places among `0 … size - 1`; `size` itself is always free. Path halving keeps it near-linear. */
function freeList(size: number) {
  const next = Int32Array.from({ length: size + 1 }, (_, i) => i);
  const at = (i: number) => next[i] ?? size;
  return {
    find(place: number): number {
      let i = place;
      while (at(i) !== i) {
        next[i] = at(at(i));
        i = at(i);
      }
      return i;
    },
    take(i: number): void {
      next[i] = i + 1;
    },
  };
}

type Named = Pick<LedgerReading, 'reason' | 'detail'> | null;

function joinedGaps(edges: readonly Instant[], gapAt: (index: number) => Named): CoverageGap[] {
  const gaps: CoverageGap[] = [];
  edges.slice(0, -1).forEach((from, i) => {
    const { reason = null, detail = null } = gapAt(i) ?? {};
    if (reason === null) return;
    addGap(gaps, { from, to: edges[i + 1] ?? from, reason, detail });
  });
  return gaps;
}

/** Appends a gap or extends the last one. An unreadable span is one gap with the newest error. */
export function addGap(gaps: CoverageGap[], gap: CoverageGap): void {
  const last = gaps.at(-1);
  const isOne = last?.detail === gap.detail || gap.reason === 'FAILED';
  if (last && last.to === gap.from && last.reason === gap.reason && isOne) {
    gaps[gaps.length - 1] = { ...gap, from: last.from };
  } else gaps.push(gap);
}

/** Which of the missing records no later batch recorded, each once: the newest reading that names it counts. */
export async function stillMissing(
  store: RevisionReader,
  stream: Stream,
  missing: readonly Missing[],
  seq: number,
): Promise<Missing[]> {
  if (missing.length === 0) return [];
  const newest = new Map<string, Missing>();
  for (const each of missing) if (each.seq >= (newest.get(each.id)?.seq ?? 0)) newest.set(each.id, each);
  const ids = [...newest.keys()].sort();
  const versions = await newestVersions(store, stream, ids, seq);
  return outstanding(
    ids.flatMap((id) => newest.get(id) ?? []),
    versions,
  );
}

const CHUNK = 100;

/** The newest version of each record, by id. */
export async function newestVersions(
  store: RevisionReader,
  { integration, resource }: Stream,
  ids: readonly string[],
  seq: number,
): Promise<Map<string, RevisionRecord>> {
  const kind = KIND_OF[resource];
  const versions = new Map<string, RevisionRecord>();
  for (let at = 0; at < ids.length; at += CHUNK) {
    const keys = ids.slice(at, at + CHUNK).map((id) => ({ integration, kind, id }));
    for (const revision of await store.get(keys, seq)) {
      if (revision) versions.set(revision.key.id, revision);
    }
  }
  return versions;
}

/**
 * The states are described in `sync/sync.ts`. `COMPLETE`: listed to its end; unread records are named in
 * `missing`. `PARTIAL`: unnamed records may be missing. `NOT_LICENSED`: or an add-on is not enabled.
 */
export type WindowStatus = 'COMPLETE' | 'PARTIAL' | 'FAILED' | 'NOT_LICENSED' | 'OUT_OF_RETENTION';

export interface MissingEntry {
  readonly id: string;
  readonly code: QuarantineCode;
  readonly reason: string;
  /** When it was first requested without success. */
  readonly since: Instant;
  /** The time under which it was listed, if only the list names it: an older version is not what was listed. */
  readonly listedTime?: Instant;
}

export interface LedgerEntry extends Stream, Window {
  readonly status: WindowStatus;
  readonly runId: string;
  readonly readAt: Instant;
  /** Everything before this instant had arrived at `readAt`; later time is provisional and read again. */
  readonly settledTo: Instant;
  readonly filter: string;
  /** Abnormal's `total`, if given. */
  readonly declared: number | null;
  readonly listed: number;
  /** How many of those are stored in their newest version, including deleted ones. */
  readonly held: number;
  readonly pages: number;
  readonly reason: string | null;
  readonly missing?: readonly MissingEntry[];
}

export interface RecordedEntry extends LedgerEntry {
  readonly seq: number;
}

/**
 * `UNDECODABLE`: its detail cannot be parsed. `NOT_FOUND`: its detail answered 404 in one run. `GONE`: in two
 * runs; a stored record is then marked as deleted. `FAILED`: its detail could not be fetched.
 */
export type QuarantineCode = 'UNDECODABLE' | 'NOT_FOUND' | 'GONE' | 'FAILED';

/** Records that may still exist; gone ones are requested again only in case the 404 was wrong. */
export const UNREAD_CODES: readonly QuarantineCode[] = ['UNDECODABLE', 'NOT_FOUND', 'FAILED'];

/** A quarantined record: it blocks nothing else, and is requested again in each cycle. */
export interface QuarantineEntry {
  readonly key: RecordKey;
  readonly code: QuarantineCode;
  readonly reason: string;
  /** As received, at most 64 KiB; `null` if nothing was received. */
  readonly body: string | null;
  readonly runId: string;
  readonly firstSeenAt: Instant;
  readonly lastTriedAt: Instant;
  readonly tries: number;
}

/** A record that is gone is requested after a quarter of the time since then, at least once a week. */
export function isGoneDue(since: Instant, triedAt: Instant, now: Instant): boolean {
  const age = toMillis(triedAt) - toMillis(since);
  return triedAt <= shift(now, -Math.min(age / 4, 7 * DAY)) || triedAt > now;
}
