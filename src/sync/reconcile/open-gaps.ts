import { stillMissing } from '../../history/store.js';
import { coverageOf } from '../../model/coverage.js';
import type { LedgerEntry, Window } from '../../model/ledger.js';
import { type Instant, shift } from '../../values/instant.js';
import { clip, mergedSpans } from '../../values/window.js';
import { nowOf } from '../pass.js';
import { type Inspection, type Sighting, spanAround } from './inspection.js';

/** Beyond so many the whole of what they span is listed again. */
const MAX_SPANS = 20;

/**
 * What has to be listed again so that the next poll finds what is missing: the narrowest parts of the window that
 * hold it, newest first, without those that are known to be gaps already. A record that coverage names as missing is
 * requested again anyway, unless it is taken for gone.
 */
export async function spansToOpen(
  inspection: Inspection,
  missing: ReadonlyMap<string, Sighting>,
): Promise<Window[]> {
  const { store, stream, window } = inspection;
  const { seq } = await store.head();
  const known = coverageOf(await store.ledger(stream, window.from, window.to, seq), window.from, window.to);
  const named = await stillMissing(store, stream, known.missing, seq);
  const isNamed = new Set(named.flatMap(({ id, code }) => (code === 'GONE' ? [] : [id])));
  const unnamed = [...missing].filter(([id]) => !isNamed.has(id));
  const spans = fewSpans(unnamed.map(([, sighting]) => spanAround(sighting, window)));
  const open: Window[] = [];
  for (const span of spans) {
    const within = clip(span, window.from, window.to);
    if (!within) continue;
    const { gaps } = coverageOf(
      await store.ledger(stream, within.from, within.to, seq),
      within.from,
      within.to,
    );
    open.push(...withoutGaps(within, gaps));
  }
  return open;
}

function fewSpans(spans: readonly Window[]): Window[] {
  const merged = mergedSpans(spans);
  const [newest, oldest] = [merged[0], merged.at(-1)];
  if (merged.length <= MAX_SPANS || !newest || !oldest) return merged;
  return [{ from: oldest.from, to: newest.to }];
}

/** What is left of `span`, newest first; `gaps` are oldest first. */
function withoutGaps(span: Window, gaps: readonly Window[]): Window[] {
  const left: Window[] = [];
  let { from } = span;
  for (const gap of [...gaps, { from: span.to, to: span.to }]) {
    if (from < gap.from) left.unshift({ from, to: gap.from });
    from = gap.to;
  }
  return left;
}

/** The entry that takes back what was vouched for, of one window that a reconciliation found to be short. */
export function shortEntry(inspection: Inspection, { from, to }: Window, reason: string): LedgerEntry {
  const { integration, resource, filterKey } = inspection.stream;
  const readAt = nowOf(inspection);
  return {
    ...{ integration, resource, filterKey, from, to, readAt, reason },
    status: 'PARTIAL',
    runId: inspection.recorder.id,
    settledTo: shift(readAt, -inspection.settings.ingestionLagMs),
    filter: `${filterKey} gte ${second(from)} lte ${second(to)}`,
    ...{ declared: null, listed: 0, held: 0, pages: 0 },
  };
}

function second(instant: Instant): string {
  return `${instant.slice(0, 19)}Z`;
}
