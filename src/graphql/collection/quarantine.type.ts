import { ArgsType, Field, ID, Int, ObjectType } from 'type-graphql';
import type { QuarantineCode, QuarantineEntry } from '../../model/ledger.js';
import type { Kind } from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import { valueFieldFrom } from '../base/fields.js';
import { DateTime } from '../base/scalars.js';
import { connectionOf } from '../lists/connection.js';
import { ForwardArgs } from '../lists/page.js';
import { QuarantineCodeEnum, QuarantinedKindEnum } from '../records/vocabulary.enums.js';

const EntryValue = valueFieldFrom('entry');

@ObjectType({
  simpleResolvers: true,
  description:
    'A record set aside since it could not be had or understood: it stops nothing else, is tried again with each poll, and disappears from here once it reads.',
})
export class QuarantinedRecord {
  constructor(readonly entry: QuarantineEntry) {}

  @EntryValue(() => ID, { from: 'key.integration', description: 'The integration, by name.' })
  readonly integration!: string;

  @EntryValue(() => QuarantinedKindEnum, { from: 'key.kind', description: 'What it is, or would be.' })
  readonly kind!: Kind;

  @EntryValue(() => ID, {
    from: 'key.id',
    description: 'Abnormal’s own id of it; of the threat or case that it hangs off.',
  })
  readonly recordId!: string;

  @EntryValue(() => QuarantineCodeEnum, { description: 'Why it is set aside.' })
  readonly code!: QuarantineCode;

  @EntryValue(() => String, { personal: ['texts'], description: 'What is wrong with it, for a person.' })
  readonly reason!: string;

  @EntryValue(() => String, {
    personal: ['received'],
    nullable: true,
    description: 'The body as received, the first 64 KiB of it; null when none came.',
  })
  readonly body!: string | null;

  @EntryValue(() => DateTime, { description: 'When it was first set aside (UTC).' })
  readonly firstSeenAt!: Instant;

  @EntryValue(() => DateTime, { description: 'When it was last tried (UTC).' })
  readonly lastTriedAt!: Instant;

  @EntryValue(() => Int, { description: 'How often it was tried.' })
  readonly tries!: number;

  @EntryValue(() => ID, { description: 'The run that tried it last.' })
  readonly runId!: string;
}

@ObjectType({ simpleResolvers: true, description: 'A page of what is set aside.' })
export class QuarantinedRecordConnection extends connectionOf<QuarantinedRecord>(
  () => QuarantinedRecord,
  'QuarantinedRecord',
) {}

@ArgsType()
export class QuarantineArgs extends ForwardArgs {
  @Field(() => [ID], { nullable: true, description: 'Only these integrations, by name; all when not given.' })
  integrations?: string[] | null;

  @Field(() => [QuarantinedKindEnum], {
    nullable: true,
    description: 'Only what is of these kinds; all when not given.',
  })
  kinds?: Kind[] | null;
}
