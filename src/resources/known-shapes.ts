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

export type IsUnknown = (word: string) => boolean;

/** The known fields of an object, and how to check their values: objects, lists, words. */
export type Shape = ReadonlyMap<string, Shape | IsUnknown | null>;

const NO_VALUE = /^\s*(null|others?)?\s*$/i;

function isUnknownBy(normalise: (word: string) => string | null): IsUnknown {
  const known = new WordCache<true>('knownWords');
  return (word) => {
    if (known.get(word)) return false;
    const isUnknown = normalise(word) === 'OTHER' && !NO_VALUE.test(word);
    if (!isUnknown) known.set(word, true);
    return isUnknown;
  };
}

type Parts = Readonly<Record<string, Shape | IsUnknown | null>>;

/** The fields of a schema, those of `looked` checked in depth, and others that Abnormal documents. */
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

/** The known part of a detail: the prefix of its paths, and its position in the received value. */
export interface KnownDetail {
  readonly name: string;
  readonly shape: Shape;
  /** `null`: the whole value. */
  readonly at: 'detail' | 'item' | null;
}

/** A case is received as detail and list item. */
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
