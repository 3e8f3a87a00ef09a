/** The resources that Abnormal lists and that the gateway collects, each from one or more streams. */
export const RESOURCES = ['threats', 'cases', 'campaigns'] as const;
export type Resource = (typeof RESOURCES)[number];

/**
 * What a record in the history is. The first three are collected; the rest hang off a threat or a case,
 * carry its id, and are read when somebody asks for them.
 */
export const KINDS = [
  'threat',
  'case',
  'campaign',
  'caseAnalysis',
  'threatAttachments',
  'threatLinks',
] as const;
export type Kind = (typeof KINDS)[number];

/** The kinds that can be listed, filtered and ordered. */
export type ListedKind = 'threat' | 'case' | 'campaign';

export const KIND_OF: Record<Resource, ListedKind> = {
  threats: 'threat',
  cases: 'case',
  campaigns: 'campaign',
};

export const RESOURCE_OF: Record<ListedKind, Resource> = {
  threat: 'threats',
  case: 'cases',
  campaign: 'campaigns',
};

/** Names one record: the Abnormal account it came from, what it is, and its id there. */
export interface RecordKey {
  readonly integration: string;
  readonly kind: Kind;
  readonly id: string;
}

/** The key as one string, for maps; a space never occurs in an integration's name or a kind. */
export function keyText(key: RecordKey): string {
  return `${key.integration} ${key.kind} ${key.id}`;
}
