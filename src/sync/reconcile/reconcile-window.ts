import type { LedgerEntry } from '../../model/ledger.js';
import { type Reconciliation, sampleIds, type Verdict } from '../../model/reconciliation.js';
import type { Run, RunStatus } from '../../model/run.js';
import { comparePopulation, type Difference } from './compare-population.js';
import { type Held, heldWithin } from './held-within.js';
import type { Inspection } from './inspection.js';
import { shortEntry, spansToOpen } from './open-gaps.js';
import { type Population, readPopulation } from './read-population.js';

/** What is known without asking Abnormal: why nothing can be said of the window. */
export interface Unreadable {
  readonly reason: string;
  readonly failure: string | null;
}

/**
 * Compares one window with what Abnormal has, and records what came of it as a run. `named` is what Abnormal named
 * in later windows of the source; what it names here is added. Throws a `StopError` when the work was ended, and then
 * nothing is recorded.
 */
export async function reconcileWindow(inspection: Inspection, named: Set<string>): Promise<Run> {
  const { store, window, recorder } = inspection;
  const { seq } = await store.head();
  const held = await heldWithin(store, inspection, window, seq);
  const population = await readPopulation(inspection, held);
  const difference = await comparePopulation(inspection, population, held, named);
  for (const id of population.sightings?.keys() ?? []) named.add(id);
  const opened = await spansToOpen(inspection, difference.missing);
  const found = { ...findingOf(population, difference, held), ...window, opened };
  recorder.tally.listed = population.sightings?.size ?? 0;
  recorder.tally.windows = 1;
  const ledger = opened.map((span) => shortEntry(inspection, span, openedBecause(found)));
  return recordFinding(inspection, { ...found, reason: reasonOf(found, population, difference) }, ledger);
}

/** Records that nothing could be compared, and why. */
export function recordUnreadable(inspection: Inspection, { reason, failure }: Unreadable): Promise<Run> {
  const none = sampleIds([]);
  return recordFinding(
    inspection,
    {
      ...inspection.window,
      ...{
        verdict: 'UNVERIFIED',
        reason,
        failure,
        sources: [],
        basis: null,
        population: null,
        declared: null,
      },
      ...{ held: 0, missing: none, extra: none, gone: none, opened: [] },
    },
    [],
  );
}

async function recordFinding(
  { recorder, log, stream, window }: Inspection,
  found: Reconciliation,
  ledger: readonly LedgerEntry[],
): Promise<Run> {
  if (found.verdict === 'UNVERIFIED' && found.reason !== null) recorder.note(found.reason);
  const { run } = await recorder.end(statusOf(found), { ledger }, {}, found);
  const { verdict, population, held, missing, extra } = found;
  const said = { runId: run.id, ...stream, ...window, verdict, population, held };
  const line = { ...said, missing: missing.count, extra: extra.count };
  if (verdict === 'MATCH') log.info(line, 'reconciled');
  else log.warn({ ...line, reason: found.reason }, 'reconciled');
  return run;
}

function statusOf({ verdict, sources }: Reconciliation): RunStatus {
  if (verdict !== 'UNVERIFIED') return 'SUCCEEDED';
  return sources.length > 0 ? 'PARTIAL' : 'FAILED';
}

type Finding = Omit<Reconciliation, 'reason' | 'from' | 'to' | 'opened'>;

function findingOf(population: Population, difference: Difference, held: Held): Finding {
  const { sightings, sources, basis, declared, failure } = population;
  const missing = sampleIds(difference.missing.keys());
  const extra = sampleIds(difference.extra);
  const gone = sampleIds(difference.gone);
  const size = sightings?.size ?? null;
  const count = size === null ? held.verifiedAt.size : size - missing.count - gone.count + extra.count;
  const verdict = verdictOf(population, difference);
  return { verdict, failure, sources, basis, population: size, declared, held: count, missing, extra, gone };
}

/** One record that is missing is proof enough; that none is takes a population without doubt. */
function verdictOf({ doubts }: Population, { missing, unasked, extra, doubt }: Difference): Verdict {
  if (missing.size > 0) return 'SHORT';
  if (doubts.length > 0 || unasked > 0 || (doubt !== null && extra.length > 0)) return 'UNVERIFIED';
  return extra.length > 0 ? 'EXTRA' : 'MATCH';
}

function reasonOf(
  { verdict, population, missing, extra, gone, opened }: Omit<Reconciliation, 'reason'>,
  { doubts, remark }: Population,
  { doubt, unasked }: Difference,
): string | null {
  const sentences = [...doubts, ...(doubt === null ? [] : [doubt]), ...(remark === null ? [] : [remark])];
  if (verdict === 'SHORT') {
    const then =
      opened.length > 0
        ? 'the next poll lists them again'
        : 'coverage names them or a gap where they lie already, and the next poll requests them again';
    sentences.unshift(
      `${missing.count} of the ${population} records that Abnormal names are not held; ${then}.`,
    );
  }
  if (extra.count > 0) {
    sentences.push(
      `${extra.count} held ${extra.count === 1 ? 'record is' : 'records are'} named no longer; that alone does not mean deleted.`,
    );
  }
  if (gone.count > 0)
    sentences.push(
      `${gone.count} named ${gone.count === 1 ? 'record has' : 'records have'} no detail: requested again, its address answers 404.`,
    );
  if (unasked > 0)
    sentences.push(
      `${unasked} named ${unasked === 1 ? 'record' : 'records'} that answered 404 before could not be requested again.`,
    );
  return sentences.length > 0 ? sentences.join(' ') : null;
}

function openedBecause({ missing }: Pick<Reconciliation, 'missing'>): string {
  const shown = missing.ids.slice(0, 3).join(', ');
  const more = missing.count > 3 ? ' …' : '';
  return `not held though Abnormal names it: ${shown}${more} (${missing.count}, found by a reconciliation)`;
}
