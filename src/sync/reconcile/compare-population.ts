import { UpstreamError } from '../../abnormal/errors.js';
import { isOlder, type QuarantineEntry } from '../../model/ledger.js';
import type { RevisionRecord } from '../../model/revision.js';
import { DEFINITION_OF, defaultTimeOf, type ListedKind } from '../../resources/registry.js';
import { earliest, floorToSecond, type Instant, latest, shift } from '../../values/instant.js';
import { callOptions, keyOf, kindOf, type ListedRecord, nowOf, type WindowUnderReview } from '../context.js';
import { hasListItem, isListItem } from '../records/fetch-record.js';
import { type UpstreamPopulation, walkList } from './read-population.js';
import { attempt, type Held, isInWindow } from './window-under-review.js';

export interface Difference {
  readonly missing: ReadonlyMap<string, ListedRecord>;
  /** Named, but their detail just answered 404. */
  readonly gone: readonly string[];
  /** The number of named, gone records that could not be requested again. */
  readonly unasked: number;
  readonly extra: readonly string[];
  /** Why `extra` may be too large; `null` if there is no doubt. */
  readonly doubt: string | null;
}

/** `named` contains what Abnormal named in later windows: what moved meanwhile is neither missing nor extra. */
export async function comparePopulation(
  review: WindowUnderReview,
  { listed }: UpstreamPopulation,
  held: Held,
  named: ReadonlySet<string>,
): Promise<Difference> {
  if (listed === null) return { missing: new Map(), gone: [], unasked: 0, extra: [], doubt: null };
  const { missing, gone, unasked } = await findMissing(review, listed);
  const candidates = [...held.verifiedAt.keys()].filter((id) => !listed.has(id) && !named.has(id));
  const { extra, doubt } = await findExtra(review, candidates, held);
  return { missing, gone, unasked, extra, doubt };
}

const CHUNK = 100;

async function readEach<T>(
  review: WindowUnderReview,
  ids: readonly string[],
  read: (keys: ReturnType<typeof keyOf>[]) => Promise<T[]>,
): Promise<T[]> {
  const found: T[] = [];
  for (let at = 0; at < ids.length; at += CHUNK) {
    found.push(...(await read(ids.slice(at, at + CHUNK).map((id) => keyOf(review, id)))));
  }
  return found;
}

async function heldNow(review: WindowUnderReview, ids: readonly string[]) {
  const { seq } = await review.store.head();
  return readEach<RevisionRecord<ListedKind> | null>(review, ids, (keys) =>
    review.store.get(keys, seq, true),
  );
}

function asideNow(review: WindowUnderReview, ids: readonly string[]) {
  return readEach<QuarantineEntry | null>(review, ids, (keys) => review.store.quarantined(keys));
}

async function findMissing(review: WindowUnderReview, listed: ReadonlyMap<string, ListedRecord>) {
  const ids = [...listed.keys()];
  const revisions = await heldNow(review, ids);
  const isTimeOfList = hasListItem(kindOf(review));
  const unstored = ids.filter((id, i) => {
    const held = revisions[i];
    if (!held || held.deleted) return true;
    return isTimeOfList && isOlder(held, listed.get(id)?.time ?? undefined);
  });
  const deleted = new Set(ids.filter((_, i) => revisions[i]?.deleted));
  const asides = await asideNow(review, unstored);
  const gone: string[] = [];
  const missing = new Map<string, ListedRecord>();
  const probe = createProbe(review);
  let unasked = 0;
  for (const [i, id] of unstored.entries()) {
    const sighting = listed.get(id) ?? { span: review.window, time: null };
    const seen = await probe(id, sighting);
    const isKnownGone = deleted.has(id) || asides[i]?.code === 'NOT_FOUND' || asides[i]?.code === 'GONE';
    if (seen === 'GONE') gone.push(id);
    // an earlier 404 that could not be repeated is neither confirmed nor contradicted
    else if (seen === null && isKnownGone) unasked += 1;
    else missing.set(id, seen ?? sighting);
  }
  return { missing, gone, unasked };
}

/** At most so many details are requested; a window with more missing records is listed again anyway. */
const MAX_PROBES = 200;
/** So many failures show that the records are not the cause. */
const MAX_FAILED = 3;

/**
 * Requests the detail of a record that is not stored. If it answers 404 the record is not missing, even if
 * Abnormal names it for ever. Returns the record's time if it exists, and `null` if the request failed.
 */
function createProbe(review: WindowUnderReview) {
  const { account, window } = review;
  const kind = kindOf(review);
  let left = MAX_PROBES;
  let failed = 0;
  return async (id: string, sighting: ListedRecord): Promise<ListedRecord | 'GONE' | null> => {
    // the list that names it has the whole record
    if (isListItem(kind)) return sighting;
    if (left === 0 || failed === MAX_FAILED) return null;
    left -= 1;
    const options = callOptions(review);
    const detail = await attempt(review, () => account.client.detail(kind, id, null, options));
    if (detail instanceof UpstreamError) {
      if (detail.code === 'NOT_FOUND') return 'GONE';
      failed += 1;
      return null;
    }
    const time = defaultTimeOf(kind, detail.record);
    const isWanted = time !== null && time >= window.from && time < window.to;
    return isWanted ? { ...sighting, time } : sighting;
  };
}

async function findExtra(review: WindowUnderReview, candidates: readonly string[], held: Held) {
  const revisions = await heldNow(review, candidates);
  const kind = kindOf(review);
  const extra = candidates.filter((_, i) => {
    const revision = revisions[i];
    return revision && !revision.deleted && isInWindow(kind, revision.record, review.window);
  });
  if (extra.length === 0 || !DEFINITION_OF[kind].population.changesMoveRecords) return { extra, doubt: null };
  const since = extra.map((id) => held.verifiedAt.get(id) ?? review.window.to).reduce(earliest);
  const moved = await listSince(review, since);
  if (moved instanceof UpstreamError) {
    const doubt = `It could not be determined whether records that Abnormal does not name have moved to a later time. ${moved.message}`;
    return { extra, doubt };
  }
  return { extra: extra.filter((id) => !moved.has(id)), doubt: null };
}

/** What Abnormal lists after the window: a case that was modified since its last reading has moved there. */
async function listSince(review: WindowUnderReview, verifiedAt: Instant) {
  const { window, settings } = review;
  const now = floorToSecond(shift(nowOf(review), 1_000));
  const from = latest(window.to, floorToSecond(shift(verifiedAt, -settings.ingestionLagMs)));
  if (from >= now) return new Set<string>();
  const walk = await attempt(review, () => walkList(review, { from, to: now }, null));
  return walk instanceof UpstreamError ? walk : new Set(walk.listed.keys());
}
