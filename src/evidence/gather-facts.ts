import type {
  ControlDefinition,
  CredentialFact,
  ReconciliationFact,
  StreamFacts,
} from '../controls/control.js';
import { isAnswer, pollsIn } from '../controls/missed-polls.js';
import type { Period } from '../controls/period.js';
import { ledgerSpan, requiredUntil, streamFacts } from '../controls/stream-facts.js';
import type { HistoryStore, Pin } from '../history/store.js';
import { newestVersions, type RecordedEntry } from '../model/ledger.js';
import { type Stream, streamsOf } from '../model/stream.js';
import type { TokenHistory } from '../model/token.js';
import { type Rules, thresholdsFor } from '../policy/policy.js';
import type { Thresholds } from '../policy/thresholds.js';
import { RESOURCES } from '../resources/registry.js';
import { earliest, type Instant, latest, shift } from '../values/instant.js';
import { newestRuns, wholeLedger } from './seal/seal-content.js';

/** One stream's ledger as of a pin, read once for all the periods that are asked of it. */
export interface StreamLedger {
  readonly stream: Stream;
  /** Whether the stream was ever read by then. */
  readonly isKnown: boolean;
  factsOf(period: Pick<Period, 'from' | 'to'>): StreamFacts;
}

export function readLedgers(
  store: HistoryStore,
  pin: Pin,
  integrations: readonly string[],
  periods: readonly Pick<Period, 'from' | 'to'>[],
  rules: Rules,
): Promise<StreamLedger[]> {
  const streams = integrations.flatMap((integration) =>
    RESOURCES.flatMap((resource) => streamsOf(integration, resource)),
  );
  return Promise.all(
    streams.map((stream) =>
      readLedger(store, pin, stream, periods, thresholdsFor(rules, stream.integration)),
    ),
  );
}

async function readLedger(
  store: HistoryStore,
  pin: Pin,
  stream: Stream,
  periods: readonly Pick<Period, 'from' | 'to'>[],
  thresholds: Thresholds,
): Promise<StreamLedger> {
  const spans = periods.map((period) => ledgerSpan(period, stream, thresholds));
  const span = {
    from: spans.map(({ from }) => from).reduce(earliest),
    to: spans.map(({ to }) => to).reduce(latest),
  };
  const read = (to: Instant) => store.ledger(stream, span.from, to, pin.seq);
  let entries = await read(span.to);
  const required = periods.map((period) => requiredUntil(entries, stream, period)).reduce(latest);
  if (required > span.to) entries = await read(required);
  const first = periods.map(({ from }) => from).reduce(earliest);
  const begin =
    beginIn(entries, thresholds, first) ?? beginOf(await wholeLedger(store, stream, pin.seq), thresholds);
  const named = new Set(entries.flatMap(({ missing = [] }) => missing.map(({ id }) => id)));
  const newest = await newestVersions(store, stream, [...named], pin.seq);
  return {
    stream,
    isKnown: entries.length > 0 || begin.isKnown,
    factsOf(period) {
      const { from, to } = ledgerSpan(period, stream, thresholds);
      const end = latest(to, requiredUntil(entries, stream, period));
      const own = entries.filter((entry) => entry.from < end && entry.to > from);
      return streamFacts({ stream, period, now: pin.at, thresholds, entries: own, newest, ...begin });
    },
  };
}

/** Where polling and collecting begin, if that is before `first` and so of no more interest than just that. */
function beginIn(entries: readonly RecordedEntry[], thresholds: Thresholds, first: Instant) {
  const begin = beginOf(entries, thresholds);
  const { polledFrom, begunFrom } = begin;
  const isEarly = polledFrom !== null && polledFrom <= first && begunFrom !== null && begunFrom <= first;
  return isEarly ? begin : null;
}

function beginOf(entries: readonly RecordedEntry[], { ingestionLag }: Thresholds) {
  const answered = entries.filter(({ status }) => isAnswer(status));
  const polledFrom = pollsIn(answered, ingestionLag)[0]?.at ?? null;
  const begunFrom = answered.reduce<Instant | null>(
    (least, { from }) => (least === null || from < least ? from : least),
    null,
  );
  return { isKnown: entries.length > 0, polledFrom, begunFrom };
}

/** The comparisons of a period's threats with Abnormal's own that had ended by the pin. */
export async function gatherReconciliations(
  store: HistoryStore,
  {
    controls,
    period,
    pin,
  }: { controls: readonly ControlDefinition[]; period: Pick<Period, 'from' | 'to'>; pin: Pin },
  integrations: readonly string[],
): Promise<ReconciliationFact[]> {
  if (integrations.length === 0 || !controls.some(({ id }) => id === 'attacks-captured')) return [];
  const facts: ReconciliationFact[] = [];
  // what began before the period ended before it too
  const before = { startedAt: shift(pin.at, 1), id: '' };
  const query = { integrations, before, trigger: 'RECONCILE' } as const;
  for await (const run of newestRuns(store, period.from, query)) {
    const { reconciliation: found, endedAt, resource, integration } = run;
    if (!found || endedAt === null || endedAt > pin.at || resource !== 'threats') continue;
    if (found.from >= period.to || found.to <= period.from) continue;
    const lacking = await stillLacking(store, pin, integration, found.missing.ids);
    facts.push({
      integration,
      endedAt,
      found,
      stillMissing: lacking,
      stillMissingMore: found.missing.count - found.missing.ids.length,
    });
  }
  return facts;
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

/** What is known of every integration's credentials; those of `simulated` have none. */
export function gatherCredentials(
  remembered: readonly TokenHistory[],
  simulated: readonly string[],
): CredentialFact[] {
  const none = { kind: 'NONE', issuedAt: null, expiresAt: null } as const;
  return [
    ...simulated.map((integration) => ({ integration, ...none })),
    ...remembered.flatMap(({ integration, tokens }) =>
      tokens.map((token) => ({ integration, kind: 'TOKEN' as const, ...token })),
    ),
  ];
}
