import type { ControlDefinition } from '../../controls/control.js';
import { CONTROLS } from '../../controls/registry.js';
import { CONTROL_IDS, rulesKey } from '../../policy/policy.js';
import { THRESHOLD_NAMES } from '../../policy/thresholds.js';
import { canonicalJson } from '../../values/canonical-json.js';
import type { EvidenceRequest } from '../evaluate-period.js';
import {
  assessmentAssets,
  markdown,
  type Naming,
  NIST_CATALOG,
  namingOf,
  nistIds,
  OSCAL_VERSION,
  propertiesResource,
  propsOf,
  reviewedControls,
  toolComponent,
} from './oscal-text.js';

type Question = Omit<EvidenceRequest, 'keep'>;

function metadataOf(title: string, { pin, rules, period }: Question, naming: Naming) {
  return {
    title,
    'last-modified': pin.at,
    version: `recording-${pin.seq}`,
    'oscal-version': OSCAL_VERSION,
    props: propsOf(naming, { period: period.text, 'policy-digest': rules.policy.file?.digest ?? null }),
  };
}

/** The assessment plan of a report: what is assessed, by which rules and thresholds, and with what. */
export function oscalPlan(question: Question): string {
  const { period, controls, integrations, rules } = question;
  const name = canonicalJson({ period: period.text, integrations, rules: rulesKey(rules) });
  const uuid = namingOf(`plan ${name}`, rules.policy);
  const values = Object.fromEntries(THRESHOLD_NAMES.map((each) => [each, rules.thresholds[each]]));
  const plan = {
    uuid: uuid('document'),
    metadata: metadataOf(`Assessment plan: ${rules.policy.title}, ${period.text}`, question, uuid),
    'import-ssp': { href: `#${uuid('ssp')}` },
    'reviewed-controls': reviewedControls(controls),
    'assessment-assets': assessmentAssets(uuid),
    tasks: controls.map((control) => taskOf(control, period, uuid)),
    'back-matter': {
      resources: [
        {
          uuid: uuid('ssp'),
          title: 'The system security plan of the organisation',
          description: 'It is kept by the organisation and is not part of what the gateway writes.',
        },
        {
          uuid: uuid('thresholds'),
          title: 'The thresholds of the rules',
          description: 'Durations are milliseconds, shares are from 0 to 1.',
          props: propsOf(uuid, values),
        },
        propertiesResource(uuid),
      ],
    },
  };
  return `${JSON.stringify({ 'assessment-plan': plan }, null, 2)}\n`;
}

function taskOf(control: ControlDefinition, { from, to }: Question['period'], uuid: Naming) {
  const { id, title, rule, limits } = control;
  return {
    uuid: uuid(`task ${id}`),
    type: 'action',
    title: markdown(title),
    description: markdown(rule),
    props: propsOf(uuid, { control: id, 'evidence-for': nistIds(control).join(' '), from, to }),
    remarks: markdown(limits),
  };
}

/** What the gateway implements of NIST SP 800-53, for a system security plan that uses it. */
export function oscalComponent(question: Question): string {
  const naming = namingOf('component', question.rules.policy);
  const controls = CONTROL_IDS.map((id) => CONTROLS[id]);
  const ids = [...new Set(controls.flatMap(nistIds))].sort();
  const requirements = ids.map((id) => {
    const own = controls.filter((control) => nistIds(control).includes(id));
    const texts = own.map(({ title, rule, limits }) => `${title}: ${rule} ${limits}`);
    return {
      uuid: naming(`requirement ${id}`),
      'control-id': id,
      description: markdown(texts.join('\n\n')),
      props: propsOf(naming, { controls: own.map((control) => control.id).join(' ') }),
    };
  });
  const component = {
    ...toolComponent(),
    purpose: 'Evidence for continuous controls monitoring of e-mail security.',
    'control-implementations': [
      {
        uuid: naming('implementation'),
        source: NIST_CATALOG,
        description: 'The gateway monitors these controls; it does not enforce them.',
        'implemented-requirements': requirements,
      },
    ],
  };
  const definition = {
    uuid: naming('definition'),
    metadata: metadataOf('Abnormal GraphQL gateway: component definition', question, naming),
    components: [component],
    'back-matter': { resources: [propertiesResource(naming)] },
  };
  return `${JSON.stringify({ 'component-definition': definition }, null, 2)}\n`;
}
