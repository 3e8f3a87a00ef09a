import { GraphQLJSON } from 'graphql-scalars';
import { ID, ObjectType } from 'type-graphql';
import type { Revision as RevisionRecord } from '../../model/revision.js';
import type { ListedKind } from '../../resources/kind.js';
import type { Instant } from '../../values/instant.js';
import { DateTime } from '../base/date-time.scalar.js';
import { describedEnum } from '../base/described-enum.js';
import { PlainField } from '../base/plain-field.js';
import { connectionOf } from '../lists/connection.js';
import { viewOfRevision } from '../lists/view.js';
import { toRecordNode } from './read-node.js';
import { RecordNode } from './record.type.js';
import type { FieldDifference } from './record-differences.js';

export const RecordKind = describedEnum<ListedKind>('RecordKind', 'What a record is.', {
  threat: 'A threat.',
  case: 'An account-takeover case.',
  campaign: 'An abuse-mailbox campaign.',
});

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
  @PlainField(() => String, {
    description:
      'The field as the graph names it, as received (`…Raw`) where it is a word list; of a threat’s message `messages[<message id>].<field>`.',
  })
  readonly field!: string;

  @PlainField(() => GraphQLJSON, { nullable: true, description: 'What it was; null when it was not said.' })
  readonly before!: unknown;

  @PlainField(() => GraphQLJSON, { nullable: true, description: 'What it became; null when it is not said.' })
  readonly after!: unknown;
}

@ObjectType({
  simpleResolvers: true,
  description: 'One version of one record: what the gateway knew from `observedFrom` until `observedTo`.',
})
export class Revision {
  constructor(readonly revision: RevisionRecord<ListedKind>) {}

  @PlainField(() => RecordKind, { description: 'What kind of record it is of.' })
  get kind(): ListedKind {
    return this.revision.key.kind;
  }

  @PlainField(() => ID, { description: 'The integration, by name.' })
  get integration(): string {
    return this.revision.key.integration;
  }

  @PlainField(() => ID, { description: 'Abnormal’s own id of the record.' })
  get recordId(): string {
    return this.revision.key.id;
  }

  @PlainField(() => RecordNode, {
    description:
      'The record as it was; everything below is as the history had it when this version was first seen. A tombstone’s is the last version.',
  })
  get node(): RecordNode {
    return toRecordNode(this.revision, viewOfRevision(this.revision));
  }

  @PlainField(() => DateTime, {
    description: 'When the gateway first saw this version, in its own time (UTC).',
  })
  get observedFrom(): Instant {
    return this.revision.observedFrom;
  }

  @PlainField(() => DateTime, {
    nullable: true,
    description: 'When the next version took its place (UTC); null while it is the newest.',
  })
  get observedTo(): Instant | null {
    return this.revision.observedTo;
  }

  @PlainField(() => DateTime, { description: 'When Abnormal last gave this very version (UTC).' })
  get verifiedAt(): Instant {
    return this.revision.verifiedAt;
  }

  @PlainField(() => ID, { description: 'The run that first saw it.' })
  get runId(): string {
    return this.revision.runId;
  }

  @PlainField(() => String, {
    nullable: true,
    description: 'SHA-256 in hex of `received`; null for a tombstone.',
  })
  get digestAfter(): string | null {
    return this.revision.deleted ? null : this.revision.digest;
  }
}

@ObjectType({ simpleResolvers: true, description: 'A page of versions.' })
export class RevisionConnection extends connectionOf<Revision>(() => Revision, 'Revision') {}
