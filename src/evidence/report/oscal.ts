import type { ControlFinding } from '../../controls/control.js';
import { type EvaluatedControl, listedExceptions } from '../../controls/evaluate.js';
import { CONTROLS } from '../../controls/registry.js';
import { countText } from '../../controls/words.js';
import { type Policy, type Rules, rulesKey } from '../../policy/policy.js';
import { canonicalJson } from '../../values/canonical-json.js';
import type { PeriodEvidence } from '../evaluate-period.js';
import { riskNames, risksOf, waiverProps } from './oscal-risks.js';
import {
  assessmentAssets,
  markdown,
  type Naming,
  namingOf,
  nistIds,
  OSCAL_VERSION,
  PLAN_FILE,
  propertiesResource,
  propsOf,
  reviewedControls,
  toolComponent,
  uuidOf,
} from './oscal-text.js';

interface OscalOptions {
  readonly simulated: readonly string[];
}

/**
 * The evidence as OSCAL assessment results, in pieces of JSON. Every UUID follows from what is told, so the same
 * evidence gives the same bytes. A control that does not apply has an observation and no finding, since a finding can
 * only be satisfied or not; one that could not be judged is not satisfied, for the reason `other`.
 */
export function* oscalReport(evidence: PeriodEvidence, options: OscalOptions): Generator<string> {
  const naming = namesOf(evidence);
  const { result, ...head } = headOf(evidence, options, naming);
  yield `{"assessment-results":${open(head)},"results":[${open(result)}`;
  yield* listed('observations', observationsOf(evidence, naming));
  yield* listed('risks', risksOf(evidence, naming));
  const judged = evidence.results.filter(({ verdict }) => verdict !== 'NOT_APPLICABLE');
  yield* listed(
    'findings',
    judged.map((each) => findingOf(each, naming)),
  );
  yield `}],"back-matter":${JSON.stringify(planOf(evidence, naming))}}}\n`;
}

/** The JSON of an object without its closing brace. */
function open(value: object): string {
  return JSON.stringify(value).slice(0, -1);
}

/** A member of an object; none for an empty list, which the schema does not accept. */
function* listed(name: string, items: Iterable<object>): Generator<string> {
  let isFirst = true;
  for (const item of items) {
    yield `${isFirst ? `,"${name}":[` : ','}\n${JSON.stringify(item)}`;
    isFirst = false;
  }
  if (!isFirst) yield ']';
}

function namesOf({ period, pin, integrations, rules, results }: PeriodEvidence): Naming {
  const { from, to } = period;
  const controls = results.map(({ control }) => control);
  const document = uuidOf(
    canonicalJson({
      ...{ from, to, pin, integrations, controls },
      // as it was before there were policies
      ...(rules.policy.file ? { rules: rulesKey(rules) } : { thresholds: rules.thresholds }),
    }),
  );
  return namingOf(document, rules.policy);
}

function headOf(evidence: PeriodEvidence, { simulated }: OscalOptions, uuid: Naming) {
  const { period, pin, integrations, results, rules } = evidence;
  const invented = integrations.filter((name) => simulated.includes(name));
  const { policy, overrides } = rules;
  const title = `${policy.title}, ${period.text}`;
  return {
    uuid: uuid('document'),
    metadata: {
      title,
      'last-modified': pin.at,
      version: `recording-${pin.seq}`,
      'oscal-version': OSCAL_VERSION,
      props: propsOf(uuid, {
        ...{ period: period.text, 'as-of': pin.at, seq: pin.seq, organisation: policy.organisation },
        'policy-digest': policy.file?.digest ?? null,
        'threshold-overrides': Object.keys(overrides).join(' '),
      }),
      ...(invented.length > 0 ? { remarks: markdown(`${SIMULATED}: ${invented.join(', ')}.`) } : {}),
    },
    'import-ap': { href: `#${uuid('plan')}` },
    result: {
      uuid: uuid('result'),
      title,
      description: `Results of the recorded history for the period; ${countText(results.length, 'control')} evaluated.`,
      start: period.from,
      end: period.to,
      'local-definitions': definitionsOf(integrations, simulated, uuid),
      'reviewed-controls': reviewedControls(results.map(({ control }) => CONTROLS[control])),
    },
  };
}

const SIMULATED = 'Simulated: these records are invented, and this is no evidence';

function definitionsOf(integrations: readonly string[], simulated: readonly string[], uuid: Naming) {
  const accounts = integrations.map((name) => ({
    uuid: uuid(`account ${name}`),
    type: 'service',
    title: markdown(`Abnormal Security account ${name}`),
    description: simulated.includes(name) ? SIMULATED : 'The account whose records were collected.',
    props: propsOf(uuid, { integration: name }),
    status: { state: 'operational' },
  }));
  return {
    ...(accounts.length > 0 ? { components: accounts } : {}),
    'assessment-assets': assessmentAssets(uuid),
  };
}

function observed({ pin }: PeriodEvidence, integrations: readonly string[], uuid: Naming) {
  const subjects = integrations.map((name) => ({
    'subject-uuid': uuid(`account ${name}`),
    type: 'component',
  }));
  return {
    origins: [{ actors: [{ type: 'tool', 'actor-uuid': toolComponent().uuid }] }],
    ...(subjects.length > 0 ? { subjects } : {}),
    collected: pin.at,
  };
}

function* observationsOf(evidence: PeriodEvidence, uuid: Naming): Generator<object> {
  for (const result of evidence.results) {
    yield observationOf(result, evidence, uuid);
    const { control } = result;
    for (const [i, finding] of result.exceptions.entries()) {
      const said = { description: finding.reason, type: 'finding' } as const;
      yield memberOf(`exception ${control} ${i}`, control, finding, said, evidence, uuid);
    }
    for (const [i, member] of result.noLongerGiven.members.entries()) {
      const description = `Abnormal no longer returns it since ${member.noLongerGivenSince}; it counts as it was last recorded.`;
      const said = { description, type: 'historic' } as const;
      yield memberOf(`gone ${control} ${i}`, control, member, said, evidence, uuid);
    }
  }
}

function observationOf(result: EvaluatedControl, evidence: PeriodEvidence, uuid: Naming): object {
  const { control, title, reason, verdict, population, outcomes, measures, noLongerGiven, owner, headline } =
    result;
  const { words, query, unit, count, coverage } = population;
  const measured = measures.flatMap(({ name, value, unit, threshold }) => [
    [`measure-${name}`, value === null ? null : `${value} ${unit}`] as const,
    [`threshold-${name}`, threshold && `${threshold.bound} ${threshold.value} ${unit}`] as const,
  ]);
  return {
    uuid: uuid(`observation ${control}`),
    title: markdown(title),
    description: markdown(reason),
    props: propsOf(uuid, {
      ...{ control, verdict, population: count, 'population-unit': unit, covered: coverage.complete },
      ...{
        gaps: coverage.gaps.length,
        missing: coverage.missing.length,
        met: outcomes.MET,
        exceptions: outcomes.EXCEPTION,
        waived: outcomes.WAIVED,
        owner,
        headline: headline.text,
        'next-step': headline.next,
      },
      ...{ pending: outcomes.PENDING, 'in-doubt': outcomes.IN_DOUBT },
      ...{ 'no-longer-given': noLongerGiven.count, 'no-longer-given-since': noLongerGiven.since },
      ...Object.fromEntries(measured),
      'population-query': query,
    }),
    methods: ['TEST'],
    types: ['control-objective'],
    ...observed(evidence, evidence.integrations, uuid),
    'relevant-evidence': [{ description: markdown(words) }],
    ...remarksOf(result),
  };
}

function remarksOf(result: EvaluatedControl) {
  const { exceptions, noLongerGiven } = result;
  const missing = listedExceptions(result) - exceptions.length;
  const more = noLongerGiven.count - noLongerGiven.members.length;
  const texts = [
    missing === 0 ? null : `${countText(missing, 'more exception')} not given here`,
    more === 0 ? null : `${more} more members that Abnormal no longer returns not given here`,
  ].filter((text) => text !== null);
  if (texts.length === 0) return {};
  return { remarks: `${texts.join('; ')}; the NDJSON and the CSV have all of them.` };
}

function memberOf(
  name: string,
  control: string,
  { subject, label, at, noLongerGivenSince = null, waiver }: Omit<ControlFinding, 'outcome' | 'reason'>,
  said: { readonly description: string; readonly type: 'finding' | 'historic' },
  evidence: PeriodEvidence,
  uuid: Naming,
): object {
  const about =
    subject.type === 'RECORD'
      ? { ...subject.key, 'message-id': subject.messageId, at, 'no-longer-given-since': noLongerGivenSince }
      : subject.type === 'SPAN'
        ? spanOf(subject)
        : { integration: subject.integration, at };
  return {
    uuid: uuid(name),
    description: markdown(said.description),
    props: propsOf(uuid, { control, subject: subject.type, ...about, label, ...waiverProps(waiver) }),
    methods: ['TEST'],
    types: [said.type],
    ...observed(evidence, [about.integration], uuid),
    ...(waiver ? { expires: waiver.expires, remarks: markdown(`Waived: ${waiver.reason}`) } : {}),
  };
}

function spanOf({ stream, from, to }: Extract<ControlFinding['subject'], { type: 'SPAN' }>) {
  const { integration, resource, filterKey } = stream;
  return { integration, resource, 'filter-key': filterKey, from, to };
}

const REASONS = { PASS: 'pass', FAIL: 'fail', INSUFFICIENT_DATA: 'other', NOT_APPLICABLE: 'other' } as const;

function findingOf(result: EvaluatedControl, uuid: Naming): object {
  const { control, title, reason, verdict, exceptions, noLongerGiven, headline, limits } = result;
  const names = [
    `observation ${control}`,
    ...exceptions.map((_, i) => `exception ${control} ${i}`),
    ...noLongerGiven.members.map((_, i) => `gone ${control} ${i}`),
  ];
  const [first = '', ...others] = nistIds(CONTROLS[control]);
  const risks = riskNames(result).map((name) => ({ 'risk-uuid': uuid(name) }));
  return {
    uuid: uuid(`finding ${control}`),
    title: markdown(title),
    description: markdown(reason),
    props: propsOf(uuid, {
      ...{ control, verdict, headline: headline.text, 'next-step': headline.next },
      'also-evidence-for': others.join(' '),
    }),
    target: {
      type: 'objective-id',
      'target-id': `${first}_obj`,
      description: markdown(CONTROLS[control].rule),
      status: { state: verdict === 'PASS' ? 'satisfied' : 'not-satisfied', reason: REASONS[verdict] },
    },
    'related-observations': names.map((name) => ({ 'observation-uuid': uuid(name) })),
    ...(risks.length > 0 ? { 'related-risks': risks } : {}),
    remarks: markdown(limits),
  };
}

/** A description of the assessment, because there is no assessment plan elsewhere. */
function planOf({ results, rules: { thresholds, policy, own } }: PeriodEvidence, uuid: Naming): object {
  const texts = results.map(({ control }) => `${control}: ${CONTROLS[control].rule}`);
  return {
    resources: [
      {
        uuid: uuid('plan'),
        title: 'The rules and thresholds that were used',
        description: markdown(texts.join('\n\n')),
        props: propsOf(uuid, { ...thresholds, ...ownThresholds(own) }),
        rlinks: [{ href: PLAN_FILE, 'media-type': 'application/oscal+json' }],
      },
      ...(policy.file ? [policyResource(policy.file, uuid)] : []),
      propertiesResource(uuid),
    ],
  };
}

/** The policy's exact text, so that its digest can be computed again. */
function policyResource({ text, digest }: NonNullable<Policy['file']>, uuid: Naming): object {
  return {
    uuid: uuid('policy'),
    title: 'The policy that was used',
    description: 'The text of the policy file; its SHA-256 is the property policy-digest.',
    props: propsOf(uuid, { 'policy-digest': digest }),
    base64: {
      filename: 'policy.yaml',
      'media-type': 'application/yaml',
      value: Buffer.from(text, 'utf8').toString('base64'),
    },
  };
}

function ownThresholds(own: Rules['own']): Record<string, number> {
  const all = Object.entries(own).flatMap(([integration, values]) =>
    Object.entries(values).map(([name, value]) => [`${name}-${integration}`, value] as const),
  );
  return Object.fromEntries(all);
}
