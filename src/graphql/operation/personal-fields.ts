import type { RedactionGroup } from '../../values/redaction.js';

/**
 * Every field that shows something personal, with what it belongs to: masked with any of these. A test holds this
 * table against the schema: a field of text that stands neither here nor among the harmless ones fails it.
 */
export const PERSONAL_FIELDS: Readonly<Record<string, readonly RedactionGroup[]>> = {
  'Attachment.name': ['attachments'],
  'Campaign.fromAddress': ['addresses'],
  'Campaign.fromName': ['names'],
  'Campaign.recipientAddress': ['addresses'],
  'Campaign.recipientName': ['names'],
  'Campaign.subject': ['subject'],
  // a name or an address, as Abnormal happens to send it
  'Case.affectedEmployee': ['names', 'addresses'],
  'Case.description': ['texts'],
  'Case.genaiSummary': ['texts'],
  'CustomerOverride.reason': ['texts'],
  'CustomerOverride.value': ['texts'],
  'DriftedName.value': ['texts'],
  'FieldChange.after': ['texts'],
  'FieldChange.before': ['texts'],
  'Insight.description': ['texts'],
  'Link.displayText': ['urls'],
  'Link.domain': ['urls'],
  'Link.url': ['urls'],
  'Message.attachmentNames': ['attachments'],
  'Message.ccAddresses': ['addresses'],
  'Message.fromAddress': ['addresses'],
  'Message.fromName': ['names'],
  'Message.internetMessageId': ['addresses'],
  'Message.recipientAddress': ['addresses'],
  'Message.replyToAddresses': ['addresses'],
  'Message.returnPath': ['addresses'],
  'Message.senderDomain': ['addresses'],
  'Message.senderIpAddress': ['locations'],
  'Message.subject': ['subject'],
  'Message.summaryInsights': ['texts'],
  'Message.toAddresses': ['addresses'],
  'Message.urls': ['urls'],
  'MissingRecord.reason': ['texts'],
  'QuarantinedRecord.body': ['received'],
  'QuarantinedRecord.reason': ['texts'],
  'Revision.received': ['received'],
  'Threat.fromAddresses': ['addresses'],
  'Threat.subject': ['subject'],
  'TimelineEvent.description': ['texts'],
  'TimelineEvent.details': ['texts'],
  'TimelineEvent.ipAddress': ['locations'],
  'TimelineEvent.location': ['locations'],
  'TimelineEvent.previousLocation': ['locations'],
  'TimelineEvent.title': ['texts'],
};

/** What may quote anything, and so is masked as soon as anything is. */
const QUOTING: ReadonlySet<RedactionGroup> = new Set(['texts', 'received']);

/** Whether a field is masked where these groups are. */
export function isMasked(field: string, redact: ReadonlySet<RedactionGroup>): boolean {
  const groups = PERSONAL_FIELDS[field] ?? [];
  return groups.some((group) => redact.has(group) || (redact.size > 0 && QUOTING.has(group)));
}

/** The types of records, and of what they hold: the fields of filters and of changes are called as theirs are. */
export const RECORD_TYPES = ['Case', 'Threat', 'Message', 'Campaign'] as const;

/** Whether something called `name` is masked on any type of record. */
export function isMaskedName(name: string, redact: ReadonlySet<RedactionGroup>): boolean {
  return RECORD_TYPES.some((type) => isMasked(`${type}.${name}`, redact));
}
