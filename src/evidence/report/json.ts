import type { ControlFinding, Member, Subject } from '../../controls/control.js';
import type { EvaluatedControl, StreamGap } from '../../controls/evaluate.js';
import type { Period } from '../../controls/period.js';
import { isComplete, type Missing } from '../../model/ledger.js';
import type { Stream } from '../../model/stream.js';
import type { EvidenceStream, PeriodEvidence } from '../evaluate-period.js';

/** Indented. Durations are milliseconds, shares from 0 to 1. */
export function jsonReport(evidence: PeriodEvidence): string {
  const { period, pin, integrations, thresholds, results, trend, streams } = evidence;
  const report = {
    format: 'abnormal-gateway/evidence',
    version: 1,
    period: periodOf(period),
    asOf: pin.at,
    seq: pin.seq,
    integrations,
    thresholds,
    results: results.map(resultOf),
    trend: trend.map((part) => ({ period: periodOf(part.period), points: part.points })),
    streams: streams.map(streamOf),
  };
  return `${JSON.stringify(report, null, 2)}\n`;
}

export function periodOf({ text, from, to }: Period) {
  return { text, from, to };
}

function resultOf(result: EvaluatedControl) {
  const { outcomes, exceptions } = result;
  const { members } = result.noLongerGiven;
  const { distributions, noLongerGiven, ...judged } = resultFacts(result);
  return {
    ...judged,
    exceptions: { count: outcomes.EXCEPTION, ...itemsOf(exceptions.map(exceptionOf), outcomes.EXCEPTION) },
    noLongerGiven: { ...noLongerGiven, ...itemsOf(members.map(memberOf), noLongerGiven.count) },
    distributions,
  };
}

/** `allGiven` says whether these are all. */
function itemsOf<T>(items: readonly T[], count: number) {
  return { allGiven: items.length === count, items };
}

/** Without exceptions, and without the names of what Abnormal no longer returns. */
export function resultFacts(result: EvaluatedControl) {
  const { control, title, verdict, reason, measures, population, outcomes, distributions } = result;
  const { count, since } = result.noLongerGiven;
  const { coverage, ...who } = population;
  return {
    ...{ control, title, verdict, reason, measures },
    population: {
      ...who,
      coverage: {
        complete: coverage.complete,
        gaps: coverage.gaps.map(gapOf),
        missing: coverage.missing.map((each) => ({ ...streamKeyOf(each), ...missingOf(each) })),
      },
    },
    ...{ noLongerGiven: { count, since }, outcomes, distributions },
  };
}

function gapOf({ integration, resource, filterKey, from, to, reason, detail, class: gapClass }: StreamGap) {
  return { integration, resource, filterKey, from, to, reason, detail, class: gapClass };
}

export function exceptionOf({ subject, label, at, reason, noLongerGivenSince }: ControlFinding) {
  const gone = subject.type === 'RECORD' ? { noLongerGivenSince: noLongerGivenSince ?? null } : {};
  return { ...subjectOf(subject), label, at, reason, ...gone };
}

function memberOf({ subject, label, at, noLongerGivenSince }: Member) {
  return { ...subjectOf(subject), label, at, since: noLongerGivenSince };
}

function subjectOf(subject: Subject) {
  if (subject.type === 'RECORD') return { type: subject.type, ...subject.key, messageId: subject.messageId };
  if (subject.type === 'INTEGRATION') return subject;
  const { stream, from, to } = subject;
  return { type: subject.type, ...stream, from, to };
}

function streamKeyOf({ integration, resource, filterKey }: Stream) {
  return { integration, resource, filterKey };
}

function missingOf({ id, code, reason, since, from, to }: Missing) {
  return { id, code, reason, since, from, to };
}

function streamOf({
  stream,
  licensed,
  refusal,
  coverage,
  missedPolls: silences,
  missing,
  held,
}: EvidenceStream) {
  const { gaps } = coverage;
  return {
    ...{ ...stream, licensed, refusal, complete: isComplete(gaps, missing), gaps },
    ...{ missing: missing.map(missingOf), silences, listed: held + missing.length, held },
  };
}
