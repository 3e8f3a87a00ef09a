import { ArgsType, Field } from 'type-graphql';
import type { QuarantineEntry } from '../../model/ledger.js';
import type { Kind } from '../../resources/registry.js';
import { OnlyIntegrations, OutputType, showFields, Value } from '../base/fields.js';
import { connectionOf } from '../lists/connection.js';
import { ForwardArgs } from '../lists/page.js';
import { QuarantineCodeEnum, QuarantinedKindEnum } from '../records/vocabulary.enums.js';

@OutputType(
  'A quarantined record: it could not be fetched or parsed. It does not block other records, each poll retries it, and it is removed after a successful read.',
)
export class QuarantinedRecord {
  constructor(readonly entry: QuarantineEntry) {}
}

showFields(QuarantinedRecord, 'entry', {
  integration: Value.id('Name of the integration.', { by: (entry) => entry.key.integration }),
  kind: Value.enum(() => QuarantinedKindEnum, 'Kind of the record.', { by: (entry) => entry.key.kind }),
  recordId: Value.id('Abnormal’s id of the record, or of the threat or case that it belongs to.', {
    by: (entry) => entry.key.id,
  }),
  code: Value.enum(() => QuarantineCodeEnum, 'Reason for the quarantine.'),
  reason: Value.text('The problem, in words.', { personal: ['texts'] }),
  body: Value.textOrNull('The received body, at most its first 64 KiB; null if no body was received.', {
    personal: ['received'],
  }),
  firstSeenAt: Value.instant('When it was first quarantined (UTC).'),
  lastTriedAt: Value.instant('When it was last tried (UTC).'),
  tries: Value.int('Number of attempts.'),
  runId: Value.id('The run that tried last; null if it is not recorded.'),
});

@OutputType('A page of quarantined records.')
export class QuarantinedRecordConnection extends connectionOf<QuarantinedRecord>(
  () => QuarantinedRecord,
  'QuarantinedRecord',
) {}

@ArgsType()
export class QuarantineArgs extends ForwardArgs {
  @OnlyIntegrations
  integrations?: string[] | null;

  @Field(() => [QuarantinedKindEnum], {
    nullable: true,
    description: 'Only these kinds. Default: all.',
  })
  kinds?: Kind[] | null;
}
