import { nextTurn } from '../async/waiting.js';
import type {
  ControlDefinition,
  ControlVerdict,
  CredentialFact,
  ReconciliationFact,
  RecordFact,
  Scope,
  StreamFacts,
} from '../controls/control.js';
import {
  beginEvaluation,
  type EvaluatedControl,
  type Evaluation,
  type Keep,
  type OnFinding,
} from '../controls/evaluate.js';
import { messageTimes } from '../controls/malicious.js';
import { type Period, partsOf, periodBefore, type TrendUnit } from '../controls/period.js';
import { timeOf } from '../controls/timeliness.js';
import type { HistoryStore, Pin } from '../history/store.js';
import type { FrameworkId } from '../policy/frameworks.js';
import type { ControlId, Rules } from '../policy/policy.js';
import { DEFINITION_OF_RESOURCE, type FilterKey, KIND_OF, LISTED_KINDS } from '../resources/registry.js';
import type { Filter } from '../values/filter.js';
import { earliest, type Instant, latest, shift } from '../values/instant.js';
import { gatherReconciliations, readLedgers, type StreamLedger } from './gather-facts.js';
import { FIRST_PAGE, walkRecords } from './walk-records.js';

/** What every evaluation depends on besides its period and its controls. */
export interface ViewRequest {
  /** The view; its instant is used as now. */
  readonly pin: Pin;
  /** `null`: all that were read by then. */
  readonly integrations: readonly string[] | null;
  readonly rules: Rules;
  readonly credentials: readonly CredentialFact[];
}

interface AskedPeriod {
  readonly period: Period;
  readonly controls: readonly ControlDefinition[];
  readonly keep: Keep;
}

/** The same request for the same history always has the same answer. */
export interface EvidenceRequest extends ViewRequest, AskedPeriod {
  readonly trend: TrendUnit | null;
  /** By whose requirements a report groups the results; none if it is missing. */
  readonly framework?: FrameworkId | null;
}

export interface EvidenceOptions {
  /** Called for each member of the populations of the period, not of the trend. */
  readonly onFinding?: OnFinding;
  /** Called with the number of records read; awaited, so that a slow writer delays the reading. */
  readonly onProgress?: (records: number) => Promise<void> | void;
  readonly signal?: AbortSignal | undefined;
}

export interface PeriodTrendPoint {
  readonly control: ControlId;
  readonly verdict: ControlVerdict;
  readonly reason: string;
  readonly headline: EvaluatedControl['headline'];
  readonly measure: EvaluatedControl['measures'][number] | null;
  readonly count: number;
  readonly exceptions: number;
}

export interface PeriodEvidence {
  readonly period: Period;
  readonly pin: Pin;
  readonly integrations: readonly string[];
  readonly rules: Rules;
  readonly framework: FrameworkId | null;
  readonly results: readonly EvaluatedControl[];
  readonly trend: readonly { readonly period: Period; readonly points: readonly PeriodTrendPoint[] }[];
  readonly streams: readonly EvidenceStream[];
}

/** With the number of stored records whose time is in the period. */
export interface EvidenceStream extends StreamFacts {
  readonly held: number;
}

/** In constant memory. Rejects when the signal fires. */
export async function evaluatePeriod(
  store: HistoryStore,
  request: EvidenceRequest,
  options: EvidenceOptions = {},
): Promise<PeriodEvidence> {
  const { period, controls, trend, pin, rules } = request;
  const parts = trend === null ? [] : partsOf(period, trend);
  const trends = parts.map((part) => ({ period: part, controls, keep: NONE }));
  const { integrations, evaluations } = await evaluateTogether(store, request, [request, ...trends], options);
  const [main, ...others] = evaluations as [Evaluation, ...Evaluation[]];
  const results = main.finish();
  const streams: EvidenceStream[] = [];
  for (const facts of main.scope.streams) {
    // each count takes some milliseconds, and so do the results
    await nextTurn();
    streams.push({ ...facts, held: await countHeld(store, pin, period, facts) });
  }
  return {
    ...{ period, pin, integrations, rules, framework: request.framework ?? null, results, streams },
    trend: others.map((other) => ({ period: other.scope.period, points: other.finish().map(pointOf) })),
  };
}

/** Evaluates several periods in one walk through the records; the findings are those of the first period. */
export async function evaluateTogether(
  store: HistoryStore,
  request: ViewRequest,
  asked: readonly AskedPeriod[],
  options: EvidenceOptions = {},
): Promise<{ readonly integrations: readonly string[]; readonly evaluations: readonly Evaluation[] }> {
  const { pin, rules } = request;
  const periods = asked.flatMap((each) =>
    looksBack(each) ? [each.period, periodBefore(each.period)] : [each.period],
  );
  const names = request.integrations ?? (await knownIntegrations(store));
  const known = await readLedgers(store, pin, names, periods, rules);
  const integrations =
    request.integrations ??
    names.filter((name) => known.some((each) => each.stream.integration === name && each.isKnown));
  // streams of other resources appear once they were read, so that a history without them has the same evidence
  const isShown = ({ isKnown, stream }: StreamLedger) =>
    isKnown || DEFINITION_OF_RESOURCE[stream.resource].collection === 'CORE';
  const ledgers = known.filter((each) => integrations.includes(each.stream.integration) && isShown(each));
  const controls = [...new Set(asked.flatMap((each) => each.controls))];
  const from = asked.map(({ period }) => period.from).reduce(earliest);
  const to = asked.map(({ period }) => period.to).reduce(latest);
  const reconciliations = await gatherReconciliations(
    store,
    { controls, pin, period: { from, to } },
    integrations,
  );
  const evaluations: Evaluation[] = [];
  for (const each of asked) {
    // the coverage of a long period takes some milliseconds
    await nextTurn();
    const scope = scopeFor(each, request, { integrations, ledgers, reconciliations });
    const onFinding = each === asked[0] ? options.onFinding : undefined;
    evaluations.push(beginEvaluation(each.controls, scope, each.keep, onFinding));
  }
  await walkAll(store, { controls, pin, to }, integrations, evaluations, options);
  return { integrations, evaluations };
}

export async function knownIntegrations(store: HistoryStore): Promise<string[]> {
  return [...new Set((await store.streams()).map(({ integration }) => integration))].sort();
}

function looksBack({ controls }: AskedPeriod): boolean {
  return controls.some((control) => control.looksBack);
}

/** The field that lists are filtered by for a stream, where it has another name. */
const FIELD_OF: Partial<Record<FilterKey, string>> = { latestTimeRemediated: 'latestRemediationTime' };

function countHeld(
  store: HistoryStore,
  { seq }: Pin,
  { from, to }: Period,
  { stream }: StreamFacts,
): Promise<number> {
  const field = FIELD_OF[stream.filterKey] ?? stream.filterKey;
  const filter: Filter = {
    and: [
      { field, gte: from },
      { field, lte: shift(to, -1) },
    ],
  };
  return store.count({ kind: KIND_OF[stream.resource], integrations: [stream.integration], filter, seq });
}

export const NONE: Keep = { skip: 0, limit: 0 };

interface Known {
  readonly integrations: readonly string[];
  readonly ledgers: readonly StreamLedger[];
  readonly reconciliations: readonly ReconciliationFact[];
}

function scopeFor(
  asked: AskedPeriod,
  { pin, rules, credentials }: ViewRequest,
  { integrations, ledgers, reconciliations }: Known,
): Scope {
  const { period } = asked;
  const before = periodBefore(period);
  return {
    ...{ period, before, now: pin.at, rules, thresholds: rules.thresholds, integrations, credentials },
    reconciliations: reconciliations.filter(({ found }) => found.from < period.to && found.to > period.from),
    streams: ledgers.map((ledger) => ledger.factsOf(period)),
    streamsBefore: looksBack(asked) ? ledgers.map((ledger) => ledger.factsOf(before)) : [],
  };
}

async function walkAll(
  store: HistoryStore,
  { controls, pin, to }: Pick<EvidenceRequest, 'controls' | 'pin'> & { readonly to: Instant },
  integrations: readonly string[],
  evaluations: readonly Evaluation[],
  { onProgress, signal }: EvidenceOptions,
): Promise<void> {
  const from = evaluations.map((evaluation) => evaluation.from).reduce(earliest);
  const kinds = new Set(controls.flatMap(({ takes }) => takes));
  const walk = { store, pin, integrations, from, to, page: { ...FIRST_PAGE } };
  let walked = 0;
  for (const kind of LISTED_KINDS) {
    // a period without records has no page at which to stop
    signal?.throwIfAborted();
    // nothing is recorded or requested
    if (!kinds.has(kind) || integrations.length === 0) continue;
    for await (const facts of walkRecords(walk, kind)) {
      signal?.throwIfAborted();
      for (const fact of facts) hand(fact, evaluations);
      walked += facts.length;
      await onProgress?.(walked);
    }
  }
}

function hand(fact: RecordFact, evaluations: readonly Evaluation[]): void {
  const span = spanOf(fact);
  if (span === null) return;
  for (const evaluation of evaluations) {
    if (span.last >= evaluation.from && span.first < evaluation.scope.period.to) evaluation.take(fact);
  }
}

/** The first and last instant by which a record may belong to a period. */
function spanOf(fact: RecordFact): { first: Instant; last: Instant } | null {
  const times = fact.kind === 'threat' ? threatTimes(fact) : [timeOf(fact)];
  const said = times.filter((time) => time !== null);
  if (said.length === 0) return null;
  return { first: said.reduce(earliest), last: said.reduce(latest) };
}

function threatTimes(fact: Extract<RecordFact, { kind: 'threat' }>): (Instant | null)[] {
  const { messages } = fact.record;
  return messages.length === 0 ? [fact.firstRecordedAt] : messages.map(messageTimes(fact));
}

function pointOf(result: EvaluatedControl): PeriodTrendPoint {
  const { control, verdict, reason, headline, measures, population, outcomes } = result;
  const measure = measures[0] ?? null;
  return {
    control,
    verdict,
    reason,
    headline,
    measure,
    count: population.count,
    exceptions: outcomes.EXCEPTION,
  };
}
