import { ArgsType, Field, ID } from 'type-graphql';
import type { QuarantineCode, QuarantineEntry } from '../../model/ledger.js';
import type { Kind } from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import { OutputType, valueFieldFrom } from '../base/fields.js';
import { connectionOf } from '../lists/connection.js';
import { ForwardArgs } from '../lists/page.js';
import { QuarantineCodeEnum, QuarantinedKindEnum } from '../records/vocabulary.enums.js';

const EntryValue = valueFieldFrom('entry');

@OutputType(
  'A quarantined record: it could not be fetched or parsed. It does not block other records, each poll retries it, and it is removed after a successful read.',
)
export class QuarantinedRecord {
  constructor(readonly entry: QuarantineEntry) {}

  @EntryValue.id('Name of the integration.', { from: 'key.integration' })
  readonly integration!: string;

  @EntryValue(() => QuarantinedKindEnum, { from: 'key.kind', description: 'Kind of the record.' })
  readonly kind!: Kind;

  @EntryValue.id('Abnormal’s id of the record, or of the threat or case that it belongs to.', {
    from: 'key.id',
  })
  readonly recordId!: string;

  @EntryValue(() => QuarantineCodeEnum, { description: 'Reason for the quarantine.' })
  readonly code!: QuarantineCode;

  @EntryValue.text('The problem, in words.', { personal: ['texts'] })
  readonly reason!: string;

  @EntryValue.textOrNull('The received body, at most its first 64 KiB; null if no body was received.', {
    personal: ['received'],
  })
  readonly body!: string | null;

  @EntryValue.instant('When it was first quarantined (UTC).')
  readonly firstSeenAt!: Instant;

  @EntryValue.instant('When it was last tried (UTC).')
  readonly lastTriedAt!: Instant;

  @EntryValue.int('Number of attempts.')
  readonly tries!: number;

  @EntryValue.id('The run that tried last; null if it is not recorded.')
  readonly runId!: string;
}

@OutputType('A page of quarantined records.')
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
