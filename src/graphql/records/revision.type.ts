import { isDeepStrictEqual } from 'node:util';
import { GraphQLJSON } from 'graphql-scalars';
import { ID, ObjectType } from 'type-graphql';
import type { RevisionRecord } from '../../model/revision.js';
import { byKind, DEFINITION_OF, type ListedKind, type RecordOf } from '../../resources/registry.js';
import type { MessageRecord } from '../../resources/threat/threat.js';
import type { Instant } from '../../values/instant.js';
import { describedEnum, ValueField } from '../base/fields.js';
import { DateTime } from '../base/scalars.js';
import { connectionOf } from '../lists/connection.js';
import { viewOfRevision } from '../lists/view.js';
import { toRecordNode } from './nodes.js';
import { RecordNode } from './record.type.js';

export const RecordKind = describedEnum<ListedKind>(
  'RecordKind',
  'What a record is.',
  byKind(({ texts }) => texts.record),
);

export type ChangeKind = 'ADDED' | 'CHANGED' | 'DELETED';
export const ChangeKind = describedEnum<ChangeKind>('ChangeKind', 'What a version is to the one before it.', {
  ADDED: 'The first, or the first after the record was gone.',
  CHANGED: 'Different from the one before.',
  DELETED: 'A tombstone: Abnormal no longer knows the record.',
});

@ObjectType({
  simpleResolvers: true,
  description: 'One field that differs between two versions of a record.',
})
export class FieldChange implements FieldDifference {
  @ValueField(() => String, {
    description:
      'The field as the graph names it, as received (`…Raw`) where it is a word list; of a threat’s message `messages[<message id>].<field>`.',
  })
  readonly field!: string;

  @ValueField(() => GraphQLJSON, { nullable: true, description: 'What it was; null when it was not said.' })
  readonly before!: unknown;

  @ValueField(() => GraphQLJSON, { nullable: true, description: 'What it became; null when it is not said.' })
  readonly after!: unknown;
}

@ObjectType({
  simpleResolvers: true,
  description: 'One version of one record: what the gateway knew from `observedFrom` until `observedTo`.',
})
export class Revision {
  constructor(readonly revision: RevisionRecord<ListedKind>) {}

  @ValueField(() => RecordKind, { description: 'What kind of record it is of.' })
  get kind(): ListedKind {
    return this.revision.key.kind;
  }

  @ValueField(() => ID, { description: 'The integration, by name.' })
  get integration(): string {
    return this.revision.key.integration;
  }

  @ValueField(() => ID, { description: 'Abnormal’s own id of the record.' })
  get recordId(): string {
    return this.revision.key.id;
  }

  @ValueField(() => RecordNode, {
    description:
      'The record as it was; everything below is as the history had it when this version was first seen. A tombstone’s is the last version.',
  })
  get node(): RecordNode {
    return toRecordNode(this.revision, viewOfRevision(this.revision));
  }

  @ValueField(() => DateTime, {
    description: 'When the gateway first saw this version, in its own time (UTC).',
  })
  get observedFrom(): Instant {
    return this.revision.observedFrom;
  }

  @ValueField(() => DateTime, {
    nullable: true,
    description: 'When the next version took its place (UTC); null while it is the newest.',
  })
  get observedTo(): Instant | null {
    return this.revision.observedTo;
  }

  @ValueField(() => DateTime, { description: 'When Abnormal last gave this very version (UTC).' })
  get verifiedAt(): Instant {
    return this.revision.verifiedAt;
  }

  @ValueField(() => ID, { description: 'The run that first saw it.' })
  get runId(): string {
    return this.revision.runId;
  }

  @ValueField(() => String, {
    nullable: true,
    description: 'SHA-256 in hex of `received`; null for a tombstone.',
  })
  get digestAfter(): string | null {
    return this.revision.deleted ? null : this.revision.digest;
  }
}

@ObjectType({ simpleResolvers: true, description: 'A page of versions.' })
export class RevisionConnection extends connectionOf<Revision>(() => Revision, 'Revision') {}

type ListedRecord = RecordOf[ListedKind];

interface FieldDifference {
  readonly field: string;
  /** `null` when it was not said. */
  readonly before: unknown;
  readonly after: unknown;
}

/**
 * Field by field what differs between two versions of a record; `null` is no record. A threat's messages are
 * told apart by their ids, so one that joins is one difference and not a shift of all that follow.
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
