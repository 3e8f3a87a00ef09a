import type { ControlFinding, Member, Subject } from '../../controls/control.js';
import { type EvaluatedControl, listedExceptions, type StreamGap } from '../../controls/evaluate.js';
import type { Period } from '../../controls/period.js';
import { CONTROLS } from '../../controls/registry.js';
import { isComplete, type Missing } from '../../model/ledger.js';
import type { Stream } from '../../model/stream.js';
import { criterionTitle, FRAMEWORKS, type FrameworkId, listReferences } from '../../policy/frameworks.js';
import type { Rules, Waiver } from '../../policy/policy.js';
import type { UsedWaiver } from '../../policy/waivers.js';
import type { EvidenceStream, PeriodEvidence } from '../evaluate-period.js';

/** Indented, in pieces. Durations are milliseconds, shares from 0 to 1. */
export function* jsonReport(evidence: PeriodEvidence): Generator<string> {
  const { period, pin, integrations, rules, results, trend, streams } = evidence;
  const report = {
    format: 'abnormal-gateway/evidence',
    version: 1,
    period: periodOf(period),
    asOf: pin.at,
    seq: pin.seq,
    integrations,
    thresholds: rules.thresholds,
    ...policyFacts(rules),
    framework: evidence.framework && criteriaOf(evidence, evidence.framework),
    results: [],
    trend: trend.map((part) => ({ period: periodOf(part.period), points: part.points })),
    streams: streams.map(streamOf),
  };
  const [head = '', tail = ''] = JSON.stringify(report, null, 2).split(NO_RESULTS);
  yield `${head}${results.length === 0 ? NO_RESULTS : '\n  "results": ['}`;
  for (const [i, result] of results.entries()) {
    yield `${i === 0 ? '' : ','}\n    `;
    yield* resultPieces(result);
  }
  yield `${results.length === 0 ? '' : '\n  ],'}${tail}\n`;
}

/** Lines of the report; JSON has no line breaks within texts. */
const NO_RESULTS = '\n  "results": [],';
const NO_ITEMS = '\n        "items": []';

function* resultPieces(result: EvaluatedControl): Generator<string> {
  const indented = (value: object, by: string) => JSON.stringify(value, null, 2).replaceAll('\n', `\n${by}`);
  // the exceptions come first, and are added one by one, since there may be thousands
  const [head = '', ...rest] = indented(resultOf(result), '    ').split(NO_ITEMS);
  yield head;
  const { exceptions } = result;
  if (exceptions.length === 0) yield NO_ITEMS;
  for (const [i, each] of exceptions.entries()) {
    yield i === 0 ? '\n        "items": [' : ',';
    yield `\n          ${indented(exceptionOf(each), '          ')}`;
  }
  if (exceptions.length > 0) yield '\n        ]';
  yield rest.join(NO_ITEMS);
}

/** By what it was judged: the policy with its text, and what replaced its thresholds. */
export function policyFacts({ policy, own, overrides }: Rules) {
  const { file, organisation, title } = policy;
  return {
    policy: file && { organisation, title, digest: file.digest, text: file.text },
    ...{ integrationThresholds: own, thresholdOverrides: overrides },
  };
}

export function criteriaOf({ results }: Pick<PeriodEvidence, 'results'>, framework: FrameworkId) {
  const { title, source, criteria } = FRAMEWORKS[framework];
  const groups = Object.keys(criteria).map((criterion) => ({
    criterion,
    title: criterionTitle({ framework, criterion }),
    controls: results
      .filter(({ control }) =>
        listReferences(CONTROLS[control].references, [framework]).some(
          (each) => each.criterion === criterion,
        ),
      )
      .map(({ control, verdict, headline }) => ({ control, verdict, headline: headline.text })),
  }));
  return { id: framework, title, source, criteria: groups.filter(({ controls }) => controls.length > 0) };
}

function waiverOf({ number, control, subject, reason, owner, ticket, from, expires }: Waiver) {
  return { number, control, subject, reason, owner, ticket, from, expires };
}

export function waiverFacts({ waiver, waived, notWaived, problem }: UsedWaiver) {
  return { ...waiverOf(waiver), waived, notWaived, problem };
}

export function periodOf({ text, from, to }: Period) {
  return { text, from, to };
}

/** Without the items of the exceptions; `allGiven` says whether these are all. */
function resultOf(result: EvaluatedControl) {
  const { outcomes, exceptions, waivers, owner, limits, references } = result;
  const { members } = result.noLongerGiven;
  const { distributions, noLongerGiven, ...judged } = resultFacts(result);
  return {
    ...judged,
    ...{ owner, limits, references: references.map((each) => ({ ...each, title: criterionTitle(each) })) },
    exceptions: {
      ...{ count: outcomes.EXCEPTION, waived: outcomes.WAIVED },
      ...{ allGiven: exceptions.length === listedExceptions(result), items: [] },
    },
    waivers: waivers.map(waiverFacts),
    noLongerGiven: {
      ...noLongerGiven,
      ...{ allGiven: members.length === noLongerGiven.count, items: members.map(memberOf) },
    },
    distributions,
  };
}

/** Without exceptions, and without the names of what Abnormal no longer returns. */
export function resultFacts(result: EvaluatedControl) {
  const { control, title, verdict, headline, reason, measures, population, outcomes, distributions } = result;
  const { count, since } = result.noLongerGiven;
  const { coverage, ...who } = population;
  return {
    ...{ control, title, verdict, headline, reason, measures },
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

/** A finding without its outcome, unless it is waived. */
export function exceptionOf({ subject, label, at, reason, noLongerGivenSince, waiver }: ControlFinding) {
  const gone = subject.type === 'RECORD' ? { noLongerGivenSince: noLongerGivenSince ?? null } : {};
  const waived = waiver ? { outcome: 'WAIVED', waiver: waiverOf(waiver) } : {};
  return { ...subjectOf(subject), label, at, reason, ...gone, ...waived };
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
