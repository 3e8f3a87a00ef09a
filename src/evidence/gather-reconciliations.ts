import type { Control } from '../controls/control.js';
import type { Period } from '../controls/period.js';
import type { ReconciliationFact } from '../controls/reconciliations.js';
import type { HistoryStore, Pin } from '../history/store.js';
import type { Run } from '../model/run.js';
import { type Instant, shift } from '../values/instant.js';

const PAGE_SIZE = 100;

/** The comparisons of a period's threats with Abnormal's own that had ended by the pin. */
export async function gatherReconciliations(
  store: HistoryStore,
  { controls, period, pin }: { controls: readonly Control[]; period: Period; pin: Pin },
  integrations: readonly string[],
): Promise<ReconciliationFact[]> {
  if (integrations.length === 0 || !controls.some(({ id }) => id === 'attacks-captured')) return [];
  const facts: ReconciliationFact[] = [];
  for await (const run of reconcilingRuns(store, pin, integrations, period.from)) {
    const { reconciliation: found, endedAt, resource, integration } = run;
    if (!found || endedAt === null || endedAt > pin.at || resource !== 'threats') continue;
    if (found.from >= period.to || found.to <= period.from) continue;
    const lacking = await stillLacking(store, pin, integration, found.missing.ids);
    facts.push({
      integration,
      endedAt,
      found,
      lacking,
      lackingMore: found.missing.count - found.missing.ids.length,
    });
  }
  return facts;
}

/** Newest first; what began before the period ended before it too. */
async function* reconcilingRuns(
  store: HistoryStore,
  pin: Pin,
  integrations: readonly string[],
  from: Instant,
): AsyncGenerator<Run> {
  let before: { startedAt: Instant; id: string } | null = { startedAt: shift(pin.at, 1), id: '' };
  while (before) {
    const runs: Run[] = await store.runs({ integrations, before, limit: PAGE_SIZE, trigger: 'RECONCILE' });
    for (const run of runs) {
      if (run.startedAt < from) return;
      yield run;
    }
    before = runs.length === PAGE_SIZE ? (runs.at(-1) ?? null) : null;
  }
}

/** What was missing then may have been collected since, or is known to be gone. */
async function stillLacking(
  store: HistoryStore,
  { seq }: Pin,
  integration: string,
  ids: readonly string[],
): Promise<string[]> {
  if (ids.length === 0) return [];
  const held = await store.get(
    ids.map((id) => ({ integration, kind: 'threat', id }) as const),
    seq,
  );
  return ids.filter((_, i) => held[i] === null);
}
