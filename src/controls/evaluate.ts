import { isComplete, type Missing } from '../model/ledger.js';
import type { Stream } from '../model/stream.js';
import { listReferences, type Reference } from '../policy/frameworks.js';
import { type ControlId, thresholdsFor } from '../policy/policy.js';
import { type UsedWaiver, WaiverBook } from '../policy/waivers.js';
import { earliest, type Instant } from '../values/instant.js';
import {
  type Assessment,
  type Belongs,
  type ClassedGap,
  type ControlDefinition,
  type ControlEvaluation,
  type ControlFinding,
  type ControlMeasure,
  type ControlVerdict,
  type Counts,
  type Find,
  type HeadlineFacts,
  type Member,
  noCounts,
  type Outcome,
  type PopulationSpec,
  type RecordFact,
  type Scope,
} from './control.js';
import { measureLine } from './headline.js';
import type { Period } from './period.js';
import { neededStreams } from './verdict.js';

export interface StreamGap extends ClassedGap {
  readonly integration: string;
  readonly resource: string;
  readonly filterKey: string;
}

interface StreamMissing extends Missing, Stream {}

export interface EvaluatedControl extends Omit<ControlEvaluation, 'count'> {
  readonly control: ControlId;
  readonly title: string;
  readonly period: Period;
  readonly population: Omit<PopulationSpec, 'isListed'> & {
    /** A root field of the graph that returns exactly these members; `null` if there are none to list. */
    readonly query: string | null;
    readonly count: number;
    readonly coverage: {
      readonly complete: boolean;
      readonly gaps: readonly StreamGap[];
      /** Unread listed records by stream; those that are `GONE` do not make coverage incomplete. */
      readonly missing: readonly StreamMissing[];
    };
  };
  readonly noLongerGiven: NoLongerGivenFacts;
  readonly members: readonly Member[];
  readonly outcomes: Readonly<Counts>;
  /** Those that count, and those that are waived. */
  readonly exceptions: readonly ControlFinding[];
  readonly waivers: readonly UsedWaiver[];
  /** What it is evidence for, in the frameworks that the policy shows. */
  readonly references: readonly Reference[];
  readonly limits: string;
  readonly owner: string | null;
}

/** How many exceptions a list of them has, including those that are waived. */
export function listedExceptions({ outcomes }: Pick<EvaluatedControl, 'outcomes'>): number {
  return outcomes.EXCEPTION + outcomes.WAIVED;
}

interface NoLongerGivenFacts {
  readonly count: number;
  /** Since when the first of them is missing; `null` if none is. */
  readonly since: Instant | null;
  readonly members: readonly Member[];
}

interface Window {
  readonly skip: number;
  readonly limit: number;
}

/** Which exceptions to return: `limit` after the first `skip`. The others are only counted. */
export interface Keep extends Window {
  readonly members?: Window;
}

export type OnFinding = (control: ControlId, finding: ControlFinding) => void;

export interface Evaluation {
  readonly scope: Scope;
  /** The start of the needed records: the period before, if a control compares with it. */
  readonly from: Instant;
  take(fact: RecordFact): void;
  finish(): EvaluatedControl[];
}

export function beginEvaluation(
  controls: readonly ControlDefinition[],
  scope: Scope,
  keep: Keep,
  onFinding?: OnFinding,
): Evaluation {
  const running = controls.map((control) => begin(control, scope, keep, onFinding));
  return {
    scope,
    from: controls.some(({ looksBack }) => looksBack) ? scope.before.from : scope.period.from,
    take(fact) {
      for (const { control, assessment } of running) {
        if (control.takes.includes(fact.kind)) assessment.take(fact);
      }
    },
    finish: () => running.map((each) => resultOf(each, scope)),
  };
}

function begin(control: ControlDefinition, scope: Scope, keep: Keep, onFinding?: OnFinding) {
  const outcomes = noCounts();
  const exceptions: ControlFinding[] = [];
  const members: Member[] = [];
  const gone = { count: 0, since: null as Instant | null, members: [] as Member[] };
  const wanted = keep.members ?? { skip: 0, limit: 0 };
  const own = scope.rules.policy.waivers.filter((waiver) => waiver.control === control.id);
  const waivers = new WaiverBook(own, scope.now);
  let count = 0;
  // most findings are only counted
  const take = (outcome: Outcome, finding: () => ControlFinding) => {
    const place = listedExceptions({ outcomes });
    outcomes[outcome]++;
    const isListed = outcome === 'EXCEPTION' || outcome === 'WAIVED';
    const isKept = isListed && place >= keep.skip && exceptions.length < keep.limit;
    if (!isKept && onFinding === undefined) return;
    const made = finding();
    if (isKept) exceptions.push(made);
    onFinding?.(control.id, made);
  };
  const find: Find = (finding) => take(finding.outcome, () => finding);
  const belongs: Belongs = (member, ruling) => {
    if (count++ >= wanted.skip && members.length < wanted.limit) members.push(member);
    const { noLongerGivenSince: since } = member;
    if (since !== null) {
      gone.count += 1;
      gone.since = gone.since === null ? since : earliest(gone.since, since);
      if (gone.members.length < keep.limit) gone.members.push(member);
    }
    if (!ruling) return 'MET';
    const waiver = waivers.consider(waivableOf(member), ruling.outcome === 'EXCEPTION');
    const outcome = waiver ? 'WAIVED' : ruling.outcome;
    take(outcome, () => ({ ...ruling, ...member, outcome, ...(waiver && { waiver }) }));
    return outcome;
  };
  const assessment = assessInGroups(control, scope, find, belongs);
  return { control, assessment, outcomes, exceptions, waivers, members, gone };
}

function waivableOf({ subject: { key, messageId }, label, at }: Member) {
  return { integration: key.integration, recordId: key.id, messageId, label, at };
}

function resultOf(
  {
    control,
    assessment,
    outcomes,
    exceptions,
    waivers,
    members,
    gone: noLongerGiven,
  }: ReturnType<typeof begin>,
  scope: Scope,
): EvaluatedControl {
  const { count, reason, ...evaluation } = assessment.evaluate();
  const streams = neededStreams(scope, control.needs);
  const gaps = streams.flatMap(({ gaps, stream }) => gaps.map((gap) => ({ ...gap, ...stream })));
  const missing = streams.flatMap(({ missing, stream }) => missing.map((each) => ({ ...each, ...stream })));
  const { isListed, ...spec } = control.population;
  const gone = noLongerGiven.count === 0 ? '' : ` ${goneText(noLongerGiven.count, count, spec.unit)}`;
  const declared = scope.rules.policy.controls[control.id];
  return {
    control: control.id,
    title: control.title,
    period: scope.period,
    ...evaluation,
    ...declaredVerdict({ ...evaluation, reason: `${reason}${gone}` }, declared?.notApplicable ?? null),
    population: {
      ...spec,
      query: isListed ? populationQuery(control.id, scope) : null,
      count,
      coverage: { complete: isComplete(gaps, missing), gaps, missing },
    },
    ...{ noLongerGiven, members, outcomes, exceptions },
    waivers: waivers.uses(),
    references: listReferences(control.references, scope.rules.policy.frameworks),
    limits: control.limits,
    owner: declared?.owner ?? null,
  };
}

/** A control that the organisation declares not applicable is still evaluated: the reason says with which result. */
function declaredVerdict(
  { verdict, reason, headline }: Pick<ControlEvaluation, 'verdict' | 'reason' | 'headline'>,
  why: string | null,
): Pick<ControlEvaluation, 'verdict' | 'reason' | 'headline'> {
  if (why === null) return { verdict, reason, headline };
  const said = `Not applicable by the policy: ${why.replace(/[.]$/, '')}.`;
  return {
    verdict: 'NOT_APPLICABLE',
    reason: `${said} Without this, the verdict is ${verdict}: ${reason}`,
    headline: { measure: null, text: said.slice(0, -1), next: null },
  };
}

function goneText(gone: number, count: number, unit: string): string {
  return `Abnormal no longer returns ${gone} of the ${count} ${unit}: they count as last recorded.`;
}

/** The graph evaluates the same rules over the same view, so a population has one definition. */
function populationQuery(control: ControlId, { period, now, integrations }: Scope): string {
  const names = integrations.map((name) => JSON.stringify(name)).join(', ');
  const whose = integrations.length === 0 ? '' : `, integrations: [${names}]`;
  return `population(control: "${control}", period: "${period.text}", asOf: "${now}"${whose})`;
}

interface Group {
  readonly integrations: ReadonlySet<string>;
  readonly assessment: Assessment;
}

/**
 * Evaluates accounts with the same thresholds together and the groups each by itself: a share or a median over accounts
 * with different limits would have no limit to compare with. Without thresholds of single accounts there is one group.
 */
function assessInGroups(control: ControlDefinition, scope: Scope, find: Find, belongs: Belongs): Assessment {
  const groups = groupsOf(control, scope).map((own): Group => {
    const integrations = new Set(own.integrations);
    return { integrations, assessment: control.begin(own, find, belongs) };
  });
  const [first, ...more] = groups;
  if (!first || more.length === 0) return first?.assessment ?? control.begin(scope, find, belongs);
  return {
    take(fact) {
      groups.find(({ integrations }) => integrations.has(fact.key.integration))?.assessment.take(fact);
    },
    evaluate: () => combine(groups),
  };
}

function groupsOf({ thresholds: names }: ControlDefinition, scope: Scope): Scope[] {
  const groups = new Map<string, string[]>();
  for (const integration of scope.integrations) {
    const own = thresholdsFor(scope.rules, integration);
    const key = names.map((name) => own[name]).join();
    groups.set(key, [...(groups.get(key) ?? []), integration]);
  }
  return [...groups.values()].map((integrations) => {
    const isOwn = (integration: string) => integrations.includes(integration);
    return {
      ...scope,
      thresholds: thresholdsFor(scope.rules, integrations[0] ?? ''),
      integrations,
      streams: scope.streams.filter(({ stream }) => isOwn(stream.integration)),
      streamsBefore: scope.streamsBefore.filter(({ stream }) => isOwn(stream.integration)),
      credentials: scope.credentials.filter(({ integration }) => isOwn(integration)),
      reconciliations: scope.reconciliations.filter(({ integration }) => isOwn(integration)),
    };
  });
}

/** The first of these that a group has is the verdict of all. */
const WORST_FIRST: readonly ControlVerdict[] = ['FAIL', 'INSUFFICIENT_DATA', 'PASS', 'NOT_APPLICABLE'];

function combine(groups: readonly Group[]): ControlEvaluation {
  const parts = groups.map(({ integrations, assessment }) => ({
    names: [...integrations].join(', '),
    ...assessment.evaluate(),
  }));
  const ranked = [...parts].sort((a, b) => WORST_FIRST.indexOf(a.verdict) - WORST_FIRST.indexOf(b.verdict));
  return {
    verdict: ranked[0]?.verdict ?? 'NOT_APPLICABLE',
    headline: headlineIn(ranked[0]),
    reason: ranked.map(({ names, reason }) => `${names}: ${reason}`).join(' '),
    measures: parts.flatMap(({ names, measures }) => measures.map((measure) => named(measure, names))),
    count: parts.reduce((sum, { count }) => sum + count, 0),
    distributions: parts.flatMap(({ names, distributions }) =>
      distributions.map((each) => ({ ...each, title: `${each.title} (${names})` })),
    ),
  };
}

function named(measure: ControlMeasure, names: string): ControlMeasure {
  return { ...measure, name: `${measure.name} (${names})` };
}

/** The headline of the group that decides, with its accounts. */
function headlineIn(part: (ControlEvaluation & { readonly names: string }) | undefined): HeadlineFacts {
  if (!part) return { measure: null, text: '', next: null };
  const { names, headline } = part;
  const measure = headline.measure && named(headline.measure, names);
  return { ...headline, measure, text: measure ? measureLine(measure) : `${names}: ${headline.text}` };
}
