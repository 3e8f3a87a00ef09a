import { ArgsType, Field, ID, Int, ObjectType } from 'type-graphql';
import type { QuarantineCode, QuarantineEntry } from '../../model/ledger.js';
import type { Kind } from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import { ValueField } from '../base/fields.js';
import { DateTime } from '../base/scalars.js';
import { connectionOf } from '../lists/connection.js';
import { ForwardArgs } from '../lists/page.js';
import { QuarantineCodeEnum, QuarantinedKindEnum } from '../records/vocabulary.enums.js';

@ObjectType({
  simpleResolvers: true,
  description:
    'A quarantined record: it could not be fetched or parsed. It does not block other records, each poll retries it, and it is removed after a successful read.',
})
export class QuarantinedRecord {
  constructor(readonly entry: QuarantineEntry) {}

  @ValueField(() => ID, { description: 'Name of the integration.' })
  get integration(): string {
    return this.entry.key.integration;
  }

  @ValueField(() => QuarantinedKindEnum, { description: 'Kind of the record.' })
  get kind(): Kind {
    return this.entry.key.kind;
  }

  @ValueField(() => ID, {
    description: 'Abnormal’s id of the record, or of the threat or case that it belongs to.',
  })
  get recordId(): string {
    return this.entry.key.id;
  }

  @ValueField(() => QuarantineCodeEnum, { description: 'Reason for the quarantine.' })
  get code(): QuarantineCode {
    return this.entry.code;
  }

  @ValueField(() => String, { description: 'The problem, in words.' })
  get reason(): string {
    return this.entry.reason;
  }

  @ValueField(() => String, {
    nullable: true,
    description: 'The received body, at most its first 64 KiB; null if no body was received.',
  })
  get body(): string | null {
    return this.entry.body;
  }

  @ValueField(() => DateTime, { description: 'When it was first quarantined (UTC).' })
  get firstSeenAt(): Instant {
    return this.entry.firstSeenAt;
  }

  @ValueField(() => DateTime, { description: 'When it was last tried (UTC).' })
  get lastTriedAt(): Instant {
    return this.entry.lastTriedAt;
  }

  @ValueField(() => Int, { description: 'Number of attempts.' })
  get tries(): number {
    return this.entry.tries;
  }

  @ValueField(() => ID, { description: 'The run that tried last; null if it is not recorded.' })
  get runId(): string {
    return this.entry.runId;
  }
}

@ObjectType({ simpleResolvers: true, description: 'A page of quarantined records.' })
export class QuarantinedRecordConnection extends connectionOf<QuarantinedRecord>(
  () => QuarantinedRecord,
  'QuarantinedRecord',
) {}

@ArgsType()
export class QuarantineArgs extends ForwardArgs {
  @Field(() => [ID], { nullable: true, description: 'Only these integrations, by name. Default: all.' })
  integrations?: string[] | null;

  @Field(() => [QuarantinedKindEnum], {
    nullable: true,
    description: 'Only these kinds. Default: all.',
  })
  kinds?: Kind[] | null;
}
