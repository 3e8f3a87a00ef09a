import { ArgsType, Field, ID, Int, ObjectType } from 'type-graphql';
import type { QuarantineCode, QuarantineEntry } from '../../model/ledger.js';
import type { Kind } from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import { DateTime, valueFieldFrom } from '../base/fields.js';
import { connectionOf } from '../lists/connection.js';
import { ForwardArgs } from '../lists/page.js';
import { QuarantineCodeEnum, QuarantinedKindEnum } from '../records/vocabulary.enums.js';

const EntryValue = valueFieldFrom('entry');

@ObjectType({
  simpleResolvers: true,
  description:
    'A quarantined record: it could not be fetched or parsed. It does not block other records, each poll retries it, and it is removed after a successful read.',
})
export class QuarantinedRecord {
  constructor(readonly entry: QuarantineEntry) {}

  @EntryValue(() => ID, { from: 'key.integration', description: 'Name of the integration.' })
  readonly integration!: string;

  @EntryValue(() => QuarantinedKindEnum, { from: 'key.kind', description: 'Kind of the record.' })
  readonly kind!: Kind;

  @EntryValue(() => ID, {
    from: 'key.id',
    description: 'Abnormal’s id of the record, or of the threat or case that it belongs to.',
  })
  readonly recordId!: string;

  @EntryValue(() => QuarantineCodeEnum, { description: 'Reason for the quarantine.' })
  readonly code!: QuarantineCode;

  @EntryValue(() => String, { personal: ['texts'], description: 'The problem, in words.' })
  readonly reason!: string;

  @EntryValue(() => String, {
    personal: ['received'],
    nullable: true,
    description: 'The received body, at most its first 64 KiB; null if no body was received.',
  })
  readonly body!: string | null;

  @EntryValue(() => DateTime, { description: 'When it was first quarantined (UTC).' })
  readonly firstSeenAt!: Instant;

  @EntryValue(() => DateTime, { description: 'When it was last tried (UTC).' })
  readonly lastTriedAt!: Instant;

  @EntryValue(() => Int, { description: 'Number of attempts.' })
  readonly tries!: number;

  @EntryValue(() => ID, { description: 'The run that tried last; null if it is not recorded.' })
  readonly runId!: string;
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
