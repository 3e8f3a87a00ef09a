import { UpstreamError } from '../../abnormal/errors.js';
import type { QuarantineEntry } from '../../model/ledger.js';
import type { Revision } from '../../model/revision.js';
import { DEFAULT_ORDER, fieldsOf, type ListedKind } from '../../resources/registry.js';
import { earliest, type Instant, latest, shift } from '../../values/instant.js';
import { floorToSecond } from '../../values/window.js';
import { callOptions, type Inspection, keyOf, kindOf, nowOf, type Sighting } from '../context.js';
import { type Population, walkList } from './read-population.js';
import { attempt, type Held, isWithin } from './window-under-review.js';

/** How what Abnormal names and what is held differ. */
export interface Difference {
  /** Named and not held, with where it was seen. */
  readonly missing: ReadonlyMap<string, Sighting>;
  /** Named, though their detail was requested just now and answered 404. */
  readonly gone: readonly string[];
  /** How many named records that are known to be gone could not be requested again. */
  readonly unasked: number;
  /** Held and not named. */
  readonly extra: readonly string[];
  /** Why `extra` may be too many; `null` when there is no reason to think so. */
  readonly doubt: string | null;
}

/**
 * Compares a population with what was held before it was read. What is held by now is not missing, and what has
 * gone from the window meanwhile is not extra. `named` is what Abnormal named in later windows of the source.
 */
export async function comparePopulation(
  inspection: Inspection,
  { sightings }: Population,
  held: Held,
  named: ReadonlySet<string>,
): Promise<Difference> {
  if (sightings === null) return { missing: new Map(), gone: [], unasked: 0, extra: [], doubt: null };
  const { missing, gone, unasked } = await findMissing(inspection, sightings);
  const candidates = [...held.verifiedAt.keys()].filter((id) => !sightings.has(id) && !named.has(id));
  const { extra, doubt } = await findExtra(inspection, candidates, held);
  return { missing, gone, unasked, extra, doubt };
}

const CHUNK = 100;

/** Reads something of many records, some at a time. */
async function readEach<T>(
  inspection: Inspection,
  ids: readonly string[],
  read: (keys: ReturnType<typeof keyOf>[]) => Promise<T[]>,
): Promise<T[]> {
  const found: T[] = [];
  for (let at = 0; at < ids.length; at += CHUNK) {
    found.push(...(await read(ids.slice(at, at + CHUNK).map((id) => keyOf(inspection, id)))));
  }
  return found;
}

async function heldNow(inspection: Inspection, ids: readonly string[]) {
  const { seq } = await inspection.store.head();
  return readEach<Revision<ListedKind> | null>(inspection, ids, (keys) => inspection.store.get(keys, seq));
}

function asideNow(inspection: Inspection, ids: readonly string[]) {
  return readEach<QuarantineEntry | null>(inspection, ids, (keys) => inspection.store.quarantined(keys));
}

async function findMissing(inspection: Inspection, sightings: ReadonlyMap<string, Sighting>) {
  const ids = [...sightings.keys()];
  const revisions = await heldNow(inspection, ids);
  const unstored = ids.filter((_, i) => revisions[i]?.deleted ?? true);
  const deleted = new Set(ids.filter((_, i) => revisions[i]?.deleted));
  const asides = await asideNow(inspection, unstored);
  const gone: string[] = [];
  const missing = new Map<string, Sighting>();
  const probe = createProbe(inspection);
  let unasked = 0;
  for (const [i, id] of unstored.entries()) {
    const sighting = sightings.get(id) ?? { span: inspection.window, time: null };
    const seen = await probe(id, sighting);
    const isKnownGone = deleted.has(id) || asides[i]?.code === 'NOT_FOUND' || asides[i]?.code === 'GONE';
    if (seen === 'GONE') gone.push(id);
    // nothing contradicts an earlier 404 that could not be asked about again, and nothing confirms it
    else if (seen === null && isKnownGone) unasked += 1;
    else missing.set(id, seen ?? sighting);
  }
  return { missing, gone, unasked };
}

/** So many details are asked for at most; a window that lacks more is listed again anyway. */
const MAX_PROBES = 200;
/** So many that fail are enough to see that it is not the records. */
const MAX_FAILED = 3;

/**
 * Asks for the detail of a record that is not held: one whose detail answers 404, and which was never held,
 * leaves no trace once that is certain, though Abnormal may name it for ever. One that is there says when it was.
 * `null` when it could not be asked for.
 */
function createProbe(inspection: Inspection) {
  const { account, window } = inspection;
  const kind = kindOf(inspection);
  let left = MAX_PROBES;
  let failed = 0;
  return async (id: string, sighting: Sighting): Promise<Sighting | 'GONE' | null> => {
    if (left === 0 || failed === MAX_FAILED) return null;
    left -= 1;
    const options = callOptions(inspection);
    const detail = await attempt(inspection, () => account.client.detail(kind, id, null, options));
    if (detail instanceof UpstreamError) {
      if (detail.code === 'NOT_FOUND') return 'GONE';
      failed += 1;
      return null;
    }
    const time = fieldsOf(kind, detail.record)[DEFAULT_ORDER[kind]];
    const isWanted = typeof time === 'string' && time >= window.from && time < window.to;
    return isWanted ? { ...sighting, time } : sighting;
  };
}

async function findExtra(inspection: Inspection, candidates: readonly string[], held: Held) {
  const revisions = await heldNow(inspection, candidates);
  const kind = kindOf(inspection);
  const extra = candidates.filter((_, i) => {
    const revision = revisions[i];
    return revision && !revision.deleted && isWithin(kind, revision.record, inspection.window);
  });
  if (extra.length === 0 || kind === 'threat') return { extra, doubt: null };
  const since = extra.map((id) => held.verifiedAt.get(id) ?? inspection.window.to).reduce(earliest);
  const moved = await listSince(inspection, since);
  if (moved instanceof UpstreamError) {
    const doubt = `Whether what it does not name has moved to a later time could not be read. ${moved.message}`;
    return { extra, doubt };
  }
  return { extra: extra.filter((id) => !moved.has(id)), doubt: null };
}

/** What Abnormal lists after the window: a case that was modified since it was last read has left it for there. */
async function listSince(inspection: Inspection, verifiedAt: Instant) {
  const { window, settings } = inspection;
  const now = floorToSecond(shift(nowOf(inspection), 1_000));
  const from = latest(window.to, floorToSecond(shift(verifiedAt, -settings.ingestionLagMs)));
  if (from >= now) return new Set<string>();
  const walk = await attempt(inspection, () => walkList(inspection, { from, to: now }, null));
  return walk instanceof UpstreamError ? walk : new Set(walk.sightings.keys());
}
