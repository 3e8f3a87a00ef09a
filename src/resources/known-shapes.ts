import { WordCache } from '../values/bounded-cache.js';
import { campaignSchema } from './campaign/campaign.js';
import { caseAnalysisSchema, eventSchema, insightShape, placeShape } from './case/case-analysis.js';
import { caseItemSchema, caseSchema } from './case/decode-case.js';
import type { Kind } from './registry.js';
import { messageSchema, overrideShape, threatSchema } from './threat/decode-threat.js';
import { attachmentShape, attachmentsSchema, linkShape, linksSchema } from './threat/threat-parts.js';
import {
  attackedParty,
  attackStrategy,
  attackType,
  attackVector,
  caseStatus,
  confidence,
  impersonatedParty,
  judgement,
  remediationState,
  severityLevel,
} from './vocabularies.js';

/** Whether a word is one that its list does not have. */
export type IsUnknown = (word: string) => boolean;

/** The fields of an object that are known, and what is looked at of their values: objects, lists of them, words. */
export type Shape = ReadonlyMap<string, Shape | IsUnknown | null>;

/** What Abnormal says of nothing in particular is one of its own words. */
const NOTHING_SAID = /^\s*(null|others?)?\s*$/i;

function isUnknownBy(normalise: (word: string) => string | null): IsUnknown {
  const known = new WordCache<true>('knownWords');
  return (word) => {
    if (known.get(word)) return false;
    const isUnknown = normalise(word) === 'OTHER' && !NOTHING_SAID.test(word);
    if (!isUnknown) known.set(word, true);
    return isUnknown;
  };
}

type Parts = Readonly<Record<string, Shape | IsUnknown | null>>;

/** The fields that a schema reads, those of `looked` looked into, and others that Abnormal documents. */
function shape(schema: object, looked: Parts = {}, others: readonly string[] = []): Shape {
  const read = Object.keys(schema).map((name) => [name, null] as const);
  const documented = others.map((name) => [name, null] as const);
  return new Map([...read, ...documented, ...Object.entries(looked)]);
}

const TENANT = ['tenantId', 'tenantName'];
const isUnknownState = isUnknownBy(remediationState);

const message = shape(messageSchema.shape, {
  attackType: isUnknownBy(attackType),
  attackStrategy: isUnknownBy(attackStrategy),
  attackVector: isUnknownBy(attackVector),
  attackedParty: isUnknownBy(attackedParty),
  impersonatedParty: isUnknownBy(impersonatedParty),
  remediationStatus: isUnknownState,
  customerOverride: shape(overrideShape),
});

const caseWords: Parts = {
  severity_level: isUnknownBy(severityLevel),
  severityLevel: isUnknownBy(severityLevel),
  confidence: isUnknownBy(confidence),
  case_status: isUnknownBy(caseStatus),
  caseStatus: isUnknownBy(caseStatus),
  remediation_status: isUnknownState,
  remediationStatus: isUnknownState,
};

const campaign = shape(campaignSchema.shape, {
  judgementStatus: isUnknownBy(judgement),
  attackType: isUnknownBy(attackType),
});

/** What events of some kinds have besides; it is kept by name, whatever it is called. */
const OF_EVENTS = [
  ...['application', 'browser', 'condition', 'device_trust_type', 'familiarity_statistics', 'field_labels'],
  ...[
    'flagging_detectors',
    'isp',
    'operating_system',
    'protocol',
    'recipient',
    'rule_name',
    'second_factor_ip',
  ],
  ...['sender', 'session_ip', 'subject', 'used_second_factors'],
];

const place = shape(placeShape);
const analysis = shape(
  caseAnalysisSchema.shape,
  {
    insights: shape(insightShape),
    eventTimeline: shape(eventSchema.shape, { location: place, prev_location: place }, OF_EVENTS),
  },
  ['caseId', 'tenant'],
);

/** What is known of a detail, by what its paths begin with and where it stands in what was received. */
export interface KnownDetail {
  readonly name: string;
  readonly shape: Shape;
  /** `null`: it is all of it. */
  readonly at: 'detail' | 'item' | null;
}

/** A case is received as its detail and its item of the list. */
export const KNOWN: Readonly<Record<Kind, readonly KnownDetail[]>> = {
  threat: [{ name: 'threat', shape: shape(threatSchema.shape, { messages: message }), at: null }],
  case: [
    { name: 'case', shape: shape(caseSchema.shape, caseWords), at: 'detail' },
    { name: 'cases[]', shape: shape(caseItemSchema.shape, caseWords), at: 'item' },
  ],
  campaign: [{ name: 'campaign', shape: campaign, at: null }],
  caseAnalysis: [{ name: 'caseAnalysis', shape: analysis, at: null }],
  threatAttachments: [
    {
      name: 'threatAttachments',
      shape: shape(attachmentsSchema.shape, { attachments: shape(attachmentShape) }, ['threatId', ...TENANT]),
      at: null,
    },
  ],
  threatLinks: [
    {
      name: 'threatLinks',
      shape: shape(linksSchema.shape, { links: shape(linkShape) }, ['threatId', ...TENANT]),
      at: null,
    },
  ],
};
