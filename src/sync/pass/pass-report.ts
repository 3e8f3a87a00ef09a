import type { HistoryStore } from '../../history/store.js';
import type { GapReason } from '../../model/coverage.js';
import type { QuarantineCode } from '../../model/quarantine.js';
import type { Run, RunCounts, RunStatus } from '../../model/run.js';
import type { FilterKey, StreamState, StreamStatus } from '../../model/stream.js';
import type { Resource } from '../../resources/kind.js';
import type { Instant } from '../../values/instant.js';
import { widthOf } from '../../values/window.js';
import type { Source, SyncEnv } from '../pass.js';
import type { RunRecorder } from '../run-recorder.js';
import { sourceStates } from '../stream-states.js';
import { readWorkList } from '../window/missing-windows.js';

/** What came of a poll or a backfill. */
export interface PollReport {
  readonly passes: readonly PassReport[];
}

/** One pass over one resource of one account. */
export interface PassReport {
  readonly integration: string;
  readonly resource: Resource;
  readonly runId: string;
  readonly status: RunStatus;
  readonly counts: RunCounts;
  /** What reading unsettled records again has cost and brought; `null` when none was due. */
  readonly reread: RunCounts | null;
  /** Requests per record that was new, further pages of a threat's messages and re-reads apart; `null` when none was new. */
  readonly callsPerNew: number | null;
  readonly streams: readonly StreamReport[];
  readonly errors: readonly string[];
}

/** How a stream stands after a pass. */
export interface StreamReport {
  readonly filterKey: FilterKey;
  readonly status: StreamStatus;
  readonly message: string | null;
  readonly lastSuccessAt: Instant | null;
  readonly coverage: CoverageSummary;
}

export interface CoverageSummary {
  readonly from: Instant;
  readonly to: Instant;
  /** The share of `[from, to)` that is held for certain, 0 to 1. */
  readonly share: number;
  /** How far back the newest uninterrupted stretch reaches, what is provisional apart; `null` when there is none. */
  readonly contiguousFrom: Instant | null;
  /** Source time not covered, by reason, in milliseconds. */
  readonly missingMs: Readonly<Partial<Record<GapReason, number>>>;
  /** Listed records that could not be read, by why. */
  readonly missingRecords: Readonly<Partial<Record<QuarantineCode, number>>>;
}

async function streamReport(store: HistoryStore, state: StreamState, to: Instant): Promise<StreamReport> {
  const { filterKey, status, message, lastSuccessAt } = state;
  return { filterKey, status, message, lastSuccessAt, coverage: await summarise(store, state, to) };
}

async function summarise(store: HistoryStore, state: StreamState, to: Instant): Promise<CoverageSummary> {
  const from = state.collectFrom;
  const { gaps, missing: records } = await readWorkList(store, state, from, to);
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

/** What a pass comes to that has brought its streams up to `asOf`. */
export async function passReport(
  env: SyncEnv,
  source: Source,
  run: Run,
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
