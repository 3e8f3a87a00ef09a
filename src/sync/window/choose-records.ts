import type { ListItem } from '../../abnormal/client.js';
import type { RevisionRecord } from '../../model/revision.js';
import {
  DEFINITION_OF_RESOURCE,
  defaultTimeOf,
  type FilterKey,
  type ListedKind,
  type RecordKey,
  type RecordOf,
} from '../../resources/registry.js';
import { canonicalJson } from '../../values/canonical-json.js';
import { earliest, type Instant, shift, type Window } from '../../values/instant.js';
import { addMissing, keyOf, kindOf, type MissingByKey, nowOf, type Pass } from '../context.js';
import { type FetchTask, hasListItem, heldItem, isListItem } from '../records/fetch-record.js';

interface Listed {
  readonly filterKey: FilterKey;
  readonly window: Window;
  readonly at: Instant;
}

/** All records except those confirmed after the window had settled, and those already tried in this pass. */
export async function chooseRecords(
  pass: Pass,
  listed: Listed,
  items: readonly ListItem[],
  missing: MissingByKey,
): Promise<FetchTask[]> {
  if (items.length === 0) return [];
  const keys = items.map((item) => keyOf(pass, item.id));
  const { seq } = await pass.store.head();
  const held = await pass.store.get(keys, seq, true);
  const wanted: { key: RecordKey; item: ListItem; held: RevisionRecord | null }[] = [];
  for (const [i, item] of items.entries()) {
    const revision = held[i] ?? null;
    const gone = pass.memory.gone.get(item.id);
    if (gone) addMissing(missing, gone);
    const isDone = gone !== undefined || (revision && (await isCurrent(pass, listed, item, revision)));
    if (isDone) pass.recorder.tally.skipped += 1;
    else wanted.push({ key: keyOf(pass, item.id), item, held: revision });
  }
  const priors = await pass.store.quarantined(wanted.map(({ key }) => key));
  return wanted.flatMap(({ key, item, held: revision }, i) => {
    const prior = priors[i] ?? null;
    if (prior && pass.runIds.has(prior.runId)) {
      if (!revision?.deleted || hasListItem(key.kind)) addMissing(missing, prior);
      return [];
    }
    const task = { key, item: null, held: revision, prior };
    if (isListItem(key.kind)) return [{ ...task, item: item.item, listedAt: listed.at }];
    return [hasListItem(key.kind) ? { ...task, item: item.item } : task];
  });
}

/** A reading covers nothing after this instant: later events may not have been listed yet. */
export function settledTo(pass: Pass, readAt: Instant): Instant {
  return shift(earliest(pass.asOf, readAt), -pass.settings.ingestionLagMs);
}

async function isCurrent(pass: Pass, listed: Listed, item: ListItem, held: RevisionRecord): Promise<boolean> {
  // a list that names it is a reason to doubt that it is gone
  if (held.deleted) return false;
  // it was read with the list, and costs no request
  if (isListItem(held.key.kind)) return false;
  // times from a clock that was ahead prove nothing
  if (held.verifiedAt > nowOf(pass)) return false;
  const { window } = listed;
  const isProvisional = window.from >= settledTo(pass, pass.asOf);
  const settled = earliest(shift(window.to, pass.settings.ingestionLagMs), pass.asOf);
  if (hasListItem(held.key.kind)) {
    return isCurrentWithItem(pass, item, held, isProvisional ? held.verifiedAt : settled);
  }
  return held.verifiedAt >= settled || (isProvisional && accountsFor(pass, held, listed));
}

/**
 * Whether the stored version already explains why the record is listed. It may have changed once more, but an
 * unsettled window is read again anyway.
 */
function accountsFor(pass: Pass, { record }: RevisionRecord, { filterKey, window }: Listed): boolean {
  const { streams } = DEFINITION_OF_RESOURCE[pass.resource];
  const times = streams
    .find((stream) => stream.filterKey === filterKey)
    ?.timesOf(record as RecordOf[ListedKind]);
  return times?.some((time) => window.from <= time && time <= window.to) ?? false;
}

/**
 * The list item is part of the record, so it has to be the one that is held. Then a version is current too when it
 * was confirmed long enough after the record was last modified.
 */
async function isCurrentWithItem(
  pass: Pass,
  item: ListItem,
  held: RevisionRecord,
  settled: Instant,
): Promise<boolean> {
  const kind = kindOf(pass);
  const time = defaultTimeOf(kind, held.record as RecordOf[ListedKind]);
  const modified = item.lastModifiedTime === time ? item.lastModifiedTime : null;
  const needed = modified ? earliest(settled, shift(modified, pass.settings.ingestionLagMs)) : settled;
  if (held.verifiedAt < needed) return false;
  const known = await heldItem(pass.store, held);
  return known !== null && canonicalJson(known) === canonicalJson(item.item);
}
