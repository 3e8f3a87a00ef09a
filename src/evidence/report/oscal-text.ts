import { createHash } from 'node:crypto';
import type { ControlDefinition } from '../../controls/control.js';
import type { Policy } from '../../policy/policy.js';

/** The UUID of a part of a document, by its name, and the namespace of the document's properties. */
export type Naming = ((part: string) => string) & { readonly ns: string };

export function namingOf(document: string, { documentation }: Pick<Policy, 'documentation'>): Naming {
  const ns = documentation === null ? OWN_NAMESPACE : `${documentation.replace(/[/]+$/, '')}/oscal.md`;
  return Object.assign((part: string) => uuidOf(`${document} ${part}`), { ns });
}

export const OSCAL_VERSION = '1.2.2';

/** The name of the assessment plan next to the results, to which they refer. */
export const PLAN_FILE = 'assessment-plan.oscal.json';

/** NIST's catalog of SP 800-53 Rev. 5 in OSCAL, whose ids of controls are used. */
export const NIST_CATALOG =
  'https://raw.githubusercontent.com/usnistgov/oscal-content/main/nist.gov/SP800-53/rev5/json/NIST_SP-800-53_rev5_catalog.json';

/** The gateway as a component, with the same UUID in every document. */
export function toolComponent() {
  return {
    uuid: uuidOf('the gateway'),
    type: 'software',
    title: 'Abnormal GraphQL gateway',
    description:
      'Records every version of every record of an Abnormal Security account, and evaluates controls over them.',
  };
}

export function assessmentAssets(uuid: Naming) {
  const tool = { ...toolComponent(), status: { state: 'operational' } };
  const platform = { uuid: uuid('platform'), 'uses-components': [{ 'component-uuid': tool.uuid }] };
  return { components: [tool], 'assessment-platforms': [platform] };
}

/** `AC-2(12)` as the catalog has it: `ac-2.12`. */
export function nistIds({ references }: Pick<ControlDefinition, 'references'>): string[] {
  return references['nist-800-53'].map((id) => id.toLowerCase().replace(/[(](\d+)[)]/, '.$1'));
}

export function reviewedControls(controls: readonly Pick<ControlDefinition, 'references'>[]) {
  const ids = [...new Set(controls.flatMap(nistIds))].sort();
  return {
    description: `Controls of NIST SP 800-53 Rev. 5, by the ids of its OSCAL catalog (${NIST_CATALOG}).`,
    'control-selections': [{ 'include-controls': ids.map((id) => ({ 'control-id': id })) }],
  };
}

/** Chosen once, at random. */
const PROPERTIES_UUID = 'c6a3e5e2-8b1d-4f0a-9d57-2f4b7f1e6a90';

/** Without an address of the organisation's: it names the resource of the document that says where the page is. */
export const OWN_NAMESPACE = `urn:uuid:${PROPERTIES_UUID}`;

/** In every document, what the namespace of its properties leads to. */
export function propertiesResource({ ns }: Naming) {
  return {
    uuid: PROPERTIES_UUID,
    title: 'The properties of the Abnormal GraphQL gateway',
    description: 'Their meanings are in docs/oscal.md of the documentation of the gateway.',
    ...(ns === OWN_NAMESPACE ? {} : { rlinks: [{ href: ns, 'media-type': 'text/markdown' }] }),
  };
}

type Value = string | number | boolean | null;

/** Leaves out empty properties, and an empty list. */
export function propsOf(
  { ns }: Pick<Naming, 'ns'>,
  values: Readonly<Record<string, Value>>,
): { name: string; ns: string; value: string }[] {
  return Object.entries(values).flatMap(([name, value]) => {
    const text = value === null ? '' : plain(String(value));
    return text === '' ? [] : [{ name: token(name), ns, value: text }];
  });
}

/** One line without blanks at its ends, as OSCAL requires of strings. */
function plain(text: string): string {
  return text.replace(/[\s\p{Cc}\p{Zl}\p{Zp}\ufeff]+/gu, ' ').trim();
}

/** Letters, digits, dots and dashes, as OSCAL requires of names. */
function token(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}._-]+/gu, '-');
}

export function markdown(text: string): string {
  const lines = text.split(/\n{2,}/).map((part) => plain(part).replace(/[\\`*_~^[\]{}<>$|]/g, '\\$&'));
  return lines.join('\n\n') || '-';
}

/** Chosen once, at random. */
const UUID_NAMESPACE = Buffer.from('5d0f6c1e9a3b4f27b6c8e1d2735a9f40', 'hex');

/** Version 5 (RFC 9562): the same name always has the same UUID. */
export function uuidOf(name: string): string {
  const bytes = createHash('sha1').update(UUID_NAMESPACE).update(name).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
