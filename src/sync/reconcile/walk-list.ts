import type { ListItem, ListPage } from '../../abnormal/client.js';
import type { Window } from '../../model/ledger.js';
import { shift } from '../../values/instant.js';
import { ceilToSecond, widthOf } from '../../values/window.js';
import { isOverflowing, listAllPages, listFirstPage } from '../window/list-window.js';
import type { Inspection, Sighting } from './inspection.js';

/** What the lists of a window name, however many pages that is. */
export interface ListWalk {
  readonly sightings: ReadonlyMap<string, Sighting>;
  /** The `total` of the whole window, where given. */
  readonly declared: number | null;
  /** Why there may be more, for a person; `null` when there is no reason to think so. */
  readonly doubt: string | null;
}

const MAX_WALKS = 3;

/**
 * Names everything that a window lists. It is cut where its rows suggest and not where the collection cut it, so
 * that what one cut loses the other does not. `first` is the window's first page, where it is at hand.
 */
export async function walkList(
  inspection: Inspection,
  window: Window,
  first: ListPage | null,
): Promise<ListWalk> {
  for (let walks = 1; ; walks += 1) {
    const whole: ListPage =
      (walks === 1 ? first : null) ?? (await listFirstPage(inspection, inspection.stream, window));
    const walk = { sightings: new Map<string, Sighting>(), doubts: new Set<string>() };
    await readPart(inspection, window, whole, walk);
    const { total: declared } = whole;
    // what moves out of the window between the first page and the last is no reason for doubt: look again
    const isShort = declared !== null && walk.sightings.size < declared;
    if (isShort && walks < MAX_WALKS) continue;
    if (isShort) walk.doubts.add(`it declares ${declared} records and names ${walk.sightings.size}`);
    const doubt = walk.doubts.size > 0 ? [...walk.doubts].join(', ') : null;
    return { sightings: walk.sightings, declared, doubt };
  }
}

interface Walking {
  readonly sightings: Map<string, Sighting>;
  readonly doubts: Set<string>;
}

async function readPart(
  inspection: Inspection,
  part: Window,
  known: ListPage | null,
  walk: Walking,
): Promise<void> {
  const { stream, settings } = inspection;
  const first = known ?? (await listFirstPage(inspection, stream, part));
  if (isOverflowing(first, settings.pageSize) && widthOf(part) > settings.minWindowMs) {
    for (const each of partsOf(part, first.total, inspection)) await readPart(inspection, each, null, walk);
    return;
  }
  const listing = await listAllPages(inspection, stream, part, first);
  for (const item of listing.items.values()) walk.sightings.set(item.id, sightingOf(item, part));
  if (listing.unusable > 0) walk.doubts.add('it has rows without a usable id');
  if (listing.doubt !== null) walk.doubts.add(`it ${listing.doubt}`);
}

function sightingOf({ lastModifiedTime }: ListItem, span: Window): Sighting {
  return { span, time: lastModifiedTime };
}

/** At least two parts, each about a page where the total is known. */
function partsOf(window: Window, total: number | null, { settings }: Inspection): Window[] {
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
