import { isDeepStrictEqual } from 'node:util';
import type { RevisionRecord } from '../../model/revision.js';
import { byKind, DEFINITION_OF, type ListedKind, type RecordOf } from '../../resources/registry.js';
import type { MessageRecord } from '../../resources/threat/threat.js';
import { describedEnum, OutputType, outputType, showFields, Value } from '../base/fields.js';
import { connectionOf } from '../lists/connection.js';
import { viewOfRevision } from '../lists/view.js';
import { toRecordNode } from './nodes.js';
import { RecordNode } from './record.type.js';

export const RecordKind = describedEnum<ListedKind>(
  'RecordKind',
  'Kind of a record.',
  byKind(({ texts }) => texts.record),
);

export type ChangeKind = 'ADDED' | 'CHANGED' | 'DELETED';
export const ChangeKind = describedEnum<ChangeKind>(
  'ChangeKind',
  'How a version relates to the previous one.',
  {
    ADDED: 'The first version, or the first after a deletion.',
    CHANGED: 'Different from the previous version.',
    DELETED: 'A deletion (tombstone): Abnormal no longer knows the record.',
  },
);

export const FieldChange = outputType<FieldDifference>(
  'FieldChange',
  'One field that differs between two versions of a record.',
  {
    field: Value.text(
      'Name of the field in the graph, or of its `…Raw` field for a list of values; for a message of a threat `messages[<message id>].<field>`.',
    ),
    before: Value.jsonOrNull('The old value; null if there was none.', { personal: ['texts'] }),
    after: Value.jsonOrNull('The new value; null if there is none.', { personal: ['texts'] }),
  },
);

@OutputType('One version of one record: what the gateway knew from `observedFrom` until `observedTo`.')
export class Revision {
  constructor(readonly revision: RevisionRecord<ListedKind>) {}
}

showFields(Revision, 'revision', {
  kind: Value.enum(() => RecordKind, 'Kind of the record.', { by: (revision) => revision.key.kind }),
  integration: Value.id('Name of the integration.', { by: (revision) => revision.key.integration }),
  recordId: Value.id('Abnormal’s id of the record.', { by: (revision) => revision.key.id }),
  node: Value.object(
    () => RecordNode,
    'The record in this version; everything below is as it was recorded when this version was first seen. For a deletion, the last version.',
    { by: (revision) => toRecordNode(revision, viewOfRevision(revision)) },
  ),
  observedFrom: Value.instant('When the gateway first saw this version (UTC).'),
  observedTo: Value.instantOrNull('When the next version replaced it (UTC); null for the newest version.'),
  verifiedAt: Value.instant('When Abnormal last returned this version (UTC).'),
  runId: Value.id('The run that first saw it.'),
  digestAfter: Value.textOrNull('SHA-256 of `received`, in hex; null for a deletion.', {
    by: (revision) => (revision.deleted ? null : revision.digest),
  }),
});

@OutputType('A page of versions.')
export class RevisionConnection extends connectionOf<Revision>(() => Revision, 'Revision') {}

type ListedRecord = RecordOf[ListedKind];

export interface FieldDifference {
  readonly field: string;
  /** `null` without a value. */
  readonly before: unknown;
  readonly after: unknown;
}

/**
 * The fields that differ between two versions; `null`: no record. Messages are compared by id, so an added
 * message is one difference.
 */
export function differencesOf(
  kind: ListedKind,
  before: ListedRecord | null,
  after: ListedRecord | null,
): FieldDifference[] {
  const { shownAs } = DEFINITION_OF[kind];
  const old = flatten(before);
  const fresh = flatten(after);
  return [...new Set([...old.keys(), ...fresh.keys()])]
    .map((field) => ({ field, before: old.get(field) ?? null, after: fresh.get(field) ?? null }))
    .filter((difference) => !isDeepStrictEqual(difference.before, difference.after))
    .map((difference) => ({ ...difference, field: shownAs[difference.field] ?? difference.field }));
}

function flatten(record: ListedRecord | null): Map<string, unknown> {
  const fields = new Map<string, unknown>();
  for (const [name, value] of Object.entries(record ?? {})) {
    if (name === 'messages') flattenMessages(value as readonly MessageRecord[], fields);
    else fields.set(name, value);
  }
  return fields;
}

function flattenMessages(messages: readonly MessageRecord[], fields: Map<string, unknown>): void {
  for (const message of messages) {
    for (const [name, value] of Object.entries(message)) {
      fields.set(`messages[${message.messageId}].${name}`, value);
    }
  }
}
