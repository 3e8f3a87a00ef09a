import type { HistoryStore } from '../../history/store.js';
import { coverageOf, isComplete, stillMissing } from '../../model/coverage.js';
import type { RecordedEntry } from '../../model/ledger.js';
import { type Stream, type StreamState, streamsOf, streamText } from '../../model/stream.js';
import { FILTER_KEYS, RESOURCES } from '../../resources/registry.js';
import { earliest, type Instant } from '../../values/instant.js';
import { type Leaf, ledgerLeaves } from './leaf.js';
import type { StreamCoverage } from './seal.js';

/** As many gaps are named; a history with more is only just being filled. */
const MOST_GAPS = 500;

const BEGINNING: Instant = '0000-01-01T00:00:00.000Z';
const END: Instant = '9999-12-31T23:59:59.999Z';

/** All that was ever read of a stream up to a batch, in the order in which it was recorded. */
export function wholeLedger(store: HistoryStore, stream: Stream, seq: number): Promise<RecordedEntry[]> {
  return store.ledger(stream, BEGINNING, END, seq);
}

/** What a stream's ledger says up to a batch, and the leaves of what was recorded since another. */
export interface StreamStatement {
  readonly coverage: StreamCoverage;
  readonly leaves: readonly Leaf[];
}

/** Every stream of every account that was ever read, whether or not it has been read itself, in order. */
export function allStreams(states: readonly StreamState[]): Stream[] {
  const integrations = [...new Set(states.map(({ integration }) => integration))];
  const streams = integrations.flatMap((name) => RESOURCES.flatMap((resource) => streamsOf(name, resource)));
  return streams.sort((a, b) => (streamText(a) < streamText(b) ? -1 : 1));
}

/**
 * States what is held of a stream as known at batch `toSeq`, which was recorded at `toAt`, from where its
 * collection begins; `null` for one that was never read.
 */
export async function stateCoverage(
  store: HistoryStore,
  stream: Stream,
  collectFrom: Instant | null,
  { fromSeq, toSeq, toAt }: { readonly fromSeq: number; readonly toSeq: number; readonly toAt: Instant },
): Promise<StreamStatement | null> {
  const entries = await wholeLedger(store, stream, toSeq);
  if (collectFrom === null && entries.length === 0) return null;
  const from = collectFrom ?? entries.map((entry) => entry.from).reduce(earliest);
  const { gaps, missing } = coverageOf(entries, from, toAt);
  const left = await stillMissing(store, stream, missing, toSeq);
  const complete = isComplete(gaps, left);
  const windows: Record<string, number> = {};
  for (const { status } of entries) windows[status] = (windows[status] ?? 0) + 1;
  const newest = gaps.toReversed().slice(0, MOST_GAPS);
  return {
    coverage: {
      ...{ stream: streamText(stream), from, to: toAt, complete, windows },
      gaps: newest.map((gap) => ({ from: gap.from, to: gap.to, reason: gap.reason })),
      gapCount: gaps.length,
    },
    leaves: ledgerLeaves(entries.filter(({ seq }) => seq > fromSeq)),
  };
}

/** The stream that `streamText` wrote; `null` for what it never writes. */
export function streamNamed(text: string): Stream | null {
  const parts = /^(.+)\/(threats|cases|campaigns)\/([a-zA-Z]+)$/.exec(text);
  if (!parts) return null;
  const [, integration = '', name, key] = parts;
  for (const [resource, keys] of Object.entries(FILTER_KEYS)) {
    const filterKey = keys.find((known) => known === key);
    if (resource === name && filterKey) {
      return { integration, resource: resource as Stream['resource'], filterKey };
    }
  }
  return null;
}
