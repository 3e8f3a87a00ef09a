import { thresholdsFor } from '../policy/policy.js';
import type {
  Assessment,
  Belongs,
  ControlDefinition,
  ControlEvaluation,
  ControlMeasure,
  ControlVerdict,
  Find,
  HeadlineFacts,
  Scope,
} from './control.js';
import { measureLine } from './headline.js';

interface Group {
  readonly integrations: ReadonlySet<string>;
  readonly assessment: Assessment;
}

/**
 * Evaluates accounts with the same thresholds together and the groups each by itself: a share or a median over accounts
 * with different limits would have no limit to compare with. Without thresholds of single accounts there is one group.
 */
export function assessInGroups(
  control: ControlDefinition,
  scope: Scope,
  find: Find,
  belongs: Belongs,
): Assessment {
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
