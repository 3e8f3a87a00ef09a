import type { HistoryStore } from '../../history/store.js';
import type { GapReason } from '../../model/coverage.js';
import type { QuarantineCode } from '../../model/ledger.js';
import type { RunRecord } from '../../model/run.js';
import type { StreamState } from '../../model/stream.js';
import type { Instant } from '../../values/instant.js';
import { widthOf } from '../../values/window.js';
import type { RunRecorder, Source, SyncEnv } from '../context.js';
import { sourceStates } from '../stream-states.js';
import type { CoverageSummary, PassReport, StreamReport } from '../sync.js';
import { findMissingWindows } from '../window/missing-windows.js';

async function streamReport(store: HistoryStore, state: StreamState, to: Instant): Promise<StreamReport> {
  const { filterKey, status, message, lastSuccessAt } = state;
  return { filterKey, status, message, lastSuccessAt, coverage: await summarise(store, state, to) };
}

async function summarise(store: HistoryStore, state: StreamState, to: Instant): Promise<CoverageSummary> {
  const from = state.collectFrom;
  const { gaps, missing: records } = await findMissingWindows(store, state, from, to);
  const missingRecords: Partial<Record<QuarantineCode, number>> = {};
  for (const { code } of records) missingRecords[code] = (missingRecords[code] ?? 0) + 1;
  const missingMs: Partial<Record<GapReason, number>> = {};
  for (const gap of gaps) missingMs[gap.reason] = (missingMs[gap.reason] ?? 0) + widthOf(gap);
  const missing = gaps.reduce((sum, gap) => sum + widthOf(gap), 0);
  const total = Math.max(1, widthOf({ from, to }));
  const certain = gaps.filter((gap) => gap.reason !== 'PROVISIONAL');
  const begin = certain.at(-1)?.to ?? from;
  return {
    from,
    to,
    share: from < to ? 1 - missing / total : 1,
    contiguousFrom: begin < to ? begin : null,
    missingMs,
    missingRecords,
  };
}

export async function passReport(
  env: SyncEnv,
  source: Source,
  run: RunRecord,
  main: RunRecorder,
  again: RunRecorder,
  asOf: Instant,
): Promise<PassReport> {
  const states = await sourceStates(env, source);
  const streams = await Promise.all(states.map((state) => streamReport(env.store, state, asOf)));
  const { integration, resource, id: runId, status, errors } = run;
  const counts = main.counts();
  const reread = again.hasBegun() ? again.counts() : null;
  const fresh = counts.calls - main.meter.messagePageCalls;
  const callsPerNew = counts.added > 0 ? fresh / counts.added : null;
  return { integration, resource, runId, status, counts, reread, callsPerNew, streams, errors };
}
