import type { HistoryStore } from '../../../src/history/store.js';
import { coverageOf, type Missing, stillMissing, streamText } from '../../../src/model/ledger.js';
import type { RevisionRecord } from '../../../src/model/revision.js';
import { type StreamState, streamsOf } from '../../../src/model/stream.js';
import { CORE_RESOURCES, KINDS, keyText } from '../../../src/resources/registry.js';
import type { TenantRecordKind } from '../../../src/simulator/options.js';
import { sha256 } from '../../../src/values/canonical-json.js';
import { type Instant, MINUTE, toInstant, toMillis, type Window } from '../../../src/values/instant.js';
import { kindOfKey, type Oracle, partsOf } from './oracle.js';
import { INTEGRATION } from './rig.js';

/** What a check needs to know besides the history and the truth. */
export interface Circumstances {
  /** The tenant's time. */
  readonly now: number;
  /** Records of which the tenant has said, twice and wrongly, that they are gone. */
  readonly saidGone: ReadonlySet<string>;
}

/**
 * Where coverage does not name exactly what is listed and not stored, a line each. Every record that stands in a
 * span without a gap is stored, in the version that brought it there or a later one, or named as missing. Every
 * record that is named was listed there, and one that is said to be gone answered 404 twice.
 */
export async function silentlyMissing(
  store: HistoryStore,
  oracle: Oracle,
  { now, saidGone }: Circumstances,
): Promise<string[]> {
  const { seq } = await store.head();
  const states = new Map((await store.streams()).map((state) => [streamText(state), state]));
  const problems: string[] = [];
  for (const stream of CORE_RESOURCES.flatMap((resource) => streamsOf(INTEGRATION, resource))) {
    const state = states.get(streamText(stream));
    if (!state) continue;
    const { vouched, missing } = await coverageAt(store, state, now, seq);
    problems.push(...missing.flatMap((each) => wrongName(oracle, state, each, { now, saidGone })));
    if (vouched.length === 0) continue;
    const named = new Set(missing.map(({ id }) => id));
    problems.push(...(await missingOf(store, oracle, state, vouched, named, { now, saidGone }, seq)));
  }
  return problems;
}

/** What is wrong with naming a record as missing; nothing if it was listed there. */
function wrongName(
  oracle: Oracle,
  { filterKey }: StreamState,
  { id, code, from, to }: Missing,
  { now, saidGone }: Circumstances,
): string[] {
  const kind = kindOfKey(filterKey);
  const versions = oracle.versions(kind, id).filter(({ visibleFrom }) => visibleFrom <= now);
  const index = oracle.indexOf(kind, id);
  // bounds of windows are whole seconds, and some lists include their end
  const end = toMillis(to) + 1_000;
  const stoodThere = (at: number) =>
    oracle.keyTimes(filterKey, index, at).some((time) => time >= toMillis(from) && time < end);
  // what is missing from the beginning has one version, and moves all the same
  const wasListed =
    versions.some(({ visibleFrom }) => stoodThere(visibleFrom)) || isEver(stoodThere, from, now);
  const name = `${filterKey}: ${kind} ${id} of ${from} to ${to}`;
  if (!wasListed) return [`${name} is named as missing and was never listed`];
  const isGone = versions.some(({ digest }) => digest === null) || saidGone.has(id);
  return code === 'GONE' && !isGone ? [`${name} is said to be gone and never answered 404 twice`] : [];
}

/** Whether something held at an instant since `from`, looked at every minute. */
function isEver(holds: (at: number) => boolean, from: Instant, now: number): boolean {
  for (let at = toMillis(from); at <= now; at += MINUTE) if (holds(at)) return true;
  return holds(now);
}

/** What coverage still names as missing once nothing goes wrong any more, a line each: only what is really gone may be. */
export async function missingInPeace(store: HistoryStore, oracle: Oracle, now: number): Promise<string[]> {
  const { seq } = await store.head();
  const problems: string[] = [];
  for (const state of await store.streams()) {
    const kind = kindOfKey(state.filterKey);
    const { missing } = await coverageAt(store, state, now, seq);
    for (const { id, code } of missing) {
      const isGone = oracle.versions(kind, id)[oracle.placeAt(kind, id, now)]?.digest === null;
      // one that the last poll listed for the first time has answered 404 once
      if (!isGone || (code !== 'GONE' && code !== 'NOT_FOUND'))
        problems.push(`${state.filterKey}: ${kind} ${id} is still named as ${code}`);
    }
  }
  return problems;
}

async function missingOf(
  store: HistoryStore,
  oracle: Oracle,
  stream: StreamState,
  vouched: readonly Window[],
  named: ReadonlySet<string>,
  { now, saidGone }: Circumstances,
  seq: number,
): Promise<string[]> {
  const kind = kindOfKey(stream.filterKey);
  const { tenant } = oracle;
  const due: { id: string; place: number; time: number }[] = [];
  for (let index = 0; index < tenant.count(kind); index += 1) {
    const id = tenant.idOf(kind, index);
    const place = oracle.placeAt(kind, id, now);
    if (place < 0 || oracle.versions(kind, id)[place]?.digest === null || saidGone.has(id)) continue;
    if (named.has(id)) continue;
    for (const time of oracle.keyTimes(stream.filterKey, index, now)) {
      const at = toInstant(time);
      if (!vouched.some(({ from, to }) => at >= from && at < to)) continue;
      due.push({ id, time, place: oracle.firstPlaceWith(stream.filterKey, index, time, now) });
    }
  }
  const keys = due.map(({ id }) => ({ integration: INTEGRATION, kind, id }));
  const held = await store.get(keys, seq);
  const problems: string[] = [];
  for (const [i, { id, place, time }] of due.entries()) {
    const has = await placeOf(store, oracle, held[i] ?? null);
    if (has >= place) continue;
    const what =
      has === -2 ? 'is not held' : has === -1 ? 'is held as never was' : `is held as ${has} of ${place}`;
    problems.push(`${stream.filterKey}: ${kind} ${id} of ${toInstant(time)} ${what}`);
  }
  return problems;
}

/** The place of what is held among the versions: -2 for nothing, -1 for what never was. */
async function placeOf(store: HistoryStore, oracle: Oracle, held: RevisionRecord | null): Promise<number> {
  if (!held || held.deleted) return -2;
  return (await placesOf(store, oracle, held)).at(-1) ?? -1;
}

const NO_ITEM = sha256('null');

/**
 * Where a revision stands among its record's versions: all the places of its digest. A case whose list item is
 * of one version and whose detail is of a later one counts as the older,
 * and one that was asked for before any list had named it has no list item.
 */
async function placesOf(store: HistoryStore, oracle: Oracle, revision: RevisionRecord): Promise<number[]> {
  const kind = revision.key.kind as TenantRecordKind;
  const versions = oracle.versions(kind, revision.key.id);
  // it says of itself that it is not whole
  const isPart = kind === 'threat' && !(revision as RevisionRecord<'threat'>).record.pagesComplete;
  if (isPart) return versions.map((_, place) => place);
  const whole = versions.flatMap(({ digest }, place) => (digest === revision.digest ? [place] : []));
  if (whole.length > 0 || kind !== 'case') return whole;
  const text = await store.received(revision.key, revision.seqFrom);
  const parts = text === null ? null : partsOf(JSON.parse(text));
  const items = versions.flatMap(({ parts: own }, place) =>
    parts?.item === NO_ITEM || own?.item === parts?.item ? [place] : [],
  );
  const last = versions.findLastIndex(({ parts: own }) => own?.detail === parts?.detail);
  return items.filter((place) => place <= last);
}

async function coverageAt(
  store: HistoryStore,
  stream: StreamState,
  now: number,
  seq: number,
): Promise<{ vouched: Window[]; missing: Missing[] }> {
  const [from, to] = [stream.collectFrom, toInstant(now)];
  if (from >= to) return { vouched: [], missing: [] };
  const { gaps, missing } = coverageOf(await store.ledger(stream, from, to, seq), from, to);
  const spans: Window[] = [];
  let begin = from;
  for (const gap of gaps) {
    if (begin < gap.from) spans.push({ from: begin, to: gap.from });
    begin = gap.to;
  }
  if (begin < to) spans.push({ from: begin, to });
  return { vouched: spans, missing: await stillMissing(store, stream, missing, seq) };
}

/** What the history has that it should not, or the other way round, a line each; and how it compares. */
export interface HistoryFindings {
  readonly problems: string[];
  readonly revisions: number;
  /** Revisions of a case made of a list item and a detail of different versions. */
  readonly seams: number;
}

/** Holds every revision against the versions that its record had, and against what was handed to the history. */
export async function compareRevisions(
  store: HistoryStore,
  oracle: Oracle,
  recorded: ReadonlySet<string>,
  saidGone: ReadonlySet<string>,
): Promise<HistoryFindings> {
  const problems: string[] = [];
  const found = new Set<string>();
  const reached = new Map<string, number>();
  let revisions = 0;
  let seams = 0;
  for await (const revision of everyRevision(store)) {
    if (!isListed(revision.key.kind)) continue;
    revisions += 1;
    const key = keyText(revision.key);
    found.add(`${key} ${revision.digest}`);
    const before = reached.get(key) ?? -1;
    if (revision.deleted) {
      const isTrue = oracle
        .versions(revision.key.kind, revision.key.id)
        .some(({ digest }) => digest === null);
      if (!isTrue && !saidGone.has(revision.key.id)) problems.push(`${key}: deleted though it never was`);
      continue;
    }
    const versions = oracle.versions(revision.key.kind, revision.key.id);
    const places = await placesOf(store, oracle, revision);
    if (!versions.some(({ digest }) => digest === revision.digest)) seams += places.length > 0 ? 1 : 0;
    const place = places.find((candidate) => candidate >= before);
    if (places.length === 0) problems.push(`${key}: batch ${revision.seqFrom} brought what never was`);
    else if (place === undefined) problems.push(`${key}: batch ${revision.seqFrom} brought an older version`);
    else reached.set(key, place);
  }
  for (const name of recorded) {
    const isOfList = isListed(name.split(' ')[1] ?? '');
    if (isOfList && !found.has(name)) problems.push(`${name}: recorded, and not in the history`);
  }
  return { problems, revisions, seams };
}

function isListed(kind: string): kind is TenantRecordKind {
  return kind === 'threat' || kind === 'case' || kind === 'campaign';
}

async function* everyRevision(store: HistoryStore): AsyncGenerator<RevisionRecord> {
  const { seq } = await store.head();
  const limit = 1000;
  let after: { seqFrom: number; key: RevisionRecord['key'] } | null = null;
  for (;;) {
    const page: RevisionRecord[] = await store.changes({
      ...{ afterSeq: 0, toSeq: seq, kinds: KINDS, integrations: null, after, limit },
    });
    yield* page;
    const last = page.at(-1);
    if (!last || page.length < limit) return;
    after = { seqFrom: last.seqFrom, key: last.key };
  }
}

/** All in ms since the epoch. */
export interface Bounds {
  readonly settled: number;
  /** It takes two polls to tell that a record is gone, so these are the ones that were gone at the first. */
  readonly goneBy: number;
  readonly since: number;
}

/**
 * What the history lacks of the truth as it stood at `settled`, a line each: every record that then stood in
 * its stream at `since` or later, in its version of then or a later one; those that were gone, as deleted.
 */
export async function unlikeTruth(
  store: HistoryStore,
  oracle: Oracle,
  { settled, goneBy, since }: Bounds,
): Promise<string[]> {
  const problems: string[] = [];
  const { seq } = await store.head();
  const { tenant } = oracle;
  for (const [kind, filterKey] of POPULATIONS) {
    for (let index = 0; index < tenant.count(kind); index += 1) {
      const id = tenant.idOf(kind, index);
      const place = oracle.placeAt(kind, id, settled);
      const isIn = oracle.keyTimes(filterKey, index, settled).some((time) => time >= since && time < settled);
      if (place < 0 || !isIn) continue;
      const [held = null] = await store.get([{ integration: INTEGRATION, kind, id }], seq);
      const has = await placeOf(store, oracle, held);
      const isGone = oracle.versions(kind, id)[place]?.digest === null;
      const isLongGone = isGone && place === oracle.placeAt(kind, id, goneBy);
      if (isLongGone && has !== -2) problems.push(`${kind} ${id}: gone, and held as if it were not`);
      if (!isGone && has < place && !isGoneSince(oracle, kind, id, held)) {
        problems.push(`${kind} ${id}: held as version ${has}, and is ${place}`);
      }
    }
  }
  return problems;
}

const POPULATIONS = [
  ['threat', 'receivedTime'],
  ['case', 'lastModifiedTime'],
  ['campaign', 'lastReportedTime'],
] as const;

/** What is right about a record that was deleted between the settled instant and now. */
function isGoneSince(
  oracle: Oracle,
  kind: TenantRecordKind,
  id: string,
  held: RevisionRecord | null,
): boolean {
  return held?.deleted === true && oracle.versions(kind, id).at(-1)?.digest === null;
}

/** Ids of which details answered 404 by a fault, at least twice. */
export function saidGoneTwice(served: readonly { url: string; fault: string | null }[]): Set<string> {
  const counts = new Map<string, number>();
  for (const { url, fault } of served) {
    const id = fault === 'notFound' ? /\/v1\/[^?]*\/([^/?]+)(?:\?|$)/.exec(url)?.[1] : undefined;
    if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return new Set([...counts].filter(([, count]) => count > 1).map(([id]) => id));
}

/** Details that were answered properly and whole, and are not among what was recorded, a line each. */
export function lostAnswers(
  served: readonly { url: string; at: number; status: number; fault: string | null }[],
  oracle: Oracle,
  isKnown: (name: string, key: string) => boolean,
  logged: readonly string[],
): string[] {
  const lost = new Set<string>();
  // of a threat with more pages of messages the first alone is no version
  const paged = served.flatMap(({ url }) => /threats\/([^?]+)\?.*pageNumber=2/.exec(url)?.[1] ?? []);
  // an answer that comes when nobody waits for it any more is none
  const late = logged.flatMap(
    (line) => /"target":"[^"]*\/([^/"?]+)[^"]*","code":"TIMEOUT"/.exec(line)?.[1] ?? [],
  );
  const excused = new Set([...paged, ...late]);
  for (const { url, at, status, fault } of served) {
    if (status !== 200 || (fault !== null && fault !== 'slow')) continue;
    const [, path = '', id] = /^\/v1\/(threats|abusecampaigns)\/([^/?]+)(?:\?|$)/.exec(url) ?? [];
    if (id === undefined || !/(?:^[^?]*$|pageNumber=1$)/.test(url)) continue;
    const kind = path === 'threats' ? 'threat' : 'campaign';
    const digest = oracle.versions(kind, id)[oracle.placeAt(kind, id, at)]?.digest;
    const key = keyText({ integration: INTEGRATION, kind, id });
    if (excused.has(id)) continue;
    if (digest && !isKnown(`${key} ${digest}`, key))
      lost.add(`${key}: the answer of ${toInstant(at)} is lost`);
  }
  return [...lost];
}

/** How far back the oldest beginning of a stream lies, in ms since the epoch; `null` before the first. */
export async function collectedFrom(store: HistoryStore): Promise<number | null> {
  const begins = (await store.streams()).map(({ collectFrom }) => toMillis(collectFrom));
  return begins.length > 0 ? Math.max(...begins) : null;
}
