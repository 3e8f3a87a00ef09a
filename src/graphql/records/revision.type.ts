import { isDeepStrictEqual } from 'node:util';
import { GraphQLJSON } from 'graphql-scalars';
import type { RevisionRecord } from '../../model/revision.js';
import { byKind, DEFINITION_OF, type ListedKind, type RecordOf } from '../../resources/registry.js';
import type { MessageRecord } from '../../resources/threat/threat.js';
import type { Instant } from '../../values/instant.js';
import { describedEnum, OutputType, ValueField, valueFieldFrom } from '../base/fields.js';
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

@OutputType('One field that differs between two versions of a record.')
export class FieldChange {
  @ValueField.text(
    'Name of the field in the graph, or of its `…Raw` field for a list of values; for a message of a threat `messages[<message id>].<field>`.',
  )
  readonly field!: string;

  @ValueField(() => GraphQLJSON, {
    personal: ['texts'],
    nullable: true,
    description: 'The old value; null if there was none.',
  })
  readonly before!: unknown;

  @ValueField(() => GraphQLJSON, {
    personal: ['texts'],
    nullable: true,
    description: 'The new value; null if there is none.',
  })
  readonly after!: unknown;
}

const RevisionValue = valueFieldFrom('revision');

@OutputType('One version of one record: what the gateway knew from `observedFrom` until `observedTo`.')
export class Revision {
  constructor(readonly revision: RevisionRecord<ListedKind>) {}

  @RevisionValue(() => RecordKind, { from: 'key.kind', description: 'Kind of the record.' })
  readonly kind!: ListedKind;

  @RevisionValue.id('Name of the integration.', { from: 'key.integration' })
  readonly integration!: string;

  @RevisionValue.id('Abnormal’s id of the record.', { from: 'key.id' })
  readonly recordId!: string;

  @ValueField(() => RecordNode, {
    description:
      'The record in this version; everything below is as it was recorded when this version was first seen. For a deletion, the last version.',
  })
  get node(): RecordNode {
    return toRecordNode(this.revision, viewOfRevision(this.revision));
  }

  @RevisionValue.instant('When the gateway first saw this version (UTC).')
  readonly observedFrom!: Instant;

  @RevisionValue.instantOrNull('When the next version replaced it (UTC); null for the newest version.')
  readonly observedTo!: Instant | null;

  @RevisionValue.instant('When Abnormal last returned this version (UTC).')
  readonly verifiedAt!: Instant;

  @RevisionValue.id('The run that first saw it.')
  readonly runId!: string;

  @ValueField.textOrNull('SHA-256 of `received`, in hex; null for a deletion.')
  get digestAfter(): string | null {
    return this.revision.deleted ? null : this.revision.digest;
  }
}

@OutputType('A page of versions.')
export class RevisionConnection extends connectionOf<Revision>(() => Revision, 'Revision') {}

type ListedRecord = RecordOf[ListedKind];

interface FieldDifference {
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
