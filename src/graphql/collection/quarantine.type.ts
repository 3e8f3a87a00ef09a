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
    'A record set aside since it could not be had or understood: it stops nothing else, is tried again with each poll, and disappears from here once it reads.',
})
export class QuarantinedRecord {
  constructor(readonly entry: QuarantineEntry) {}

  @ValueField(() => ID, { description: 'The integration, by name.' })
  get integration(): string {
    return this.entry.key.integration;
  }

  @ValueField(() => QuarantinedKindEnum, { description: 'What it is, or would be.' })
  get kind(): Kind {
    return this.entry.key.kind;
  }

  @ValueField(() => ID, { description: 'Abnormal’s own id of it; of the threat or case that it hangs off.' })
  get recordId(): string {
    return this.entry.key.id;
  }

  @ValueField(() => QuarantineCodeEnum, { description: 'Why it is set aside.' })
  get code(): QuarantineCode {
    return this.entry.code;
  }

  @ValueField(() => String, { description: 'What is wrong with it, for a person.' })
  get reason(): string {
    return this.entry.reason;
  }

  @ValueField(() => String, {
    nullable: true,
    description: 'The body as received, the first 64 KiB of it; null when none came.',
  })
  get body(): string | null {
    return this.entry.body;
  }

  @ValueField(() => DateTime, { description: 'When it was first set aside (UTC).' })
  get firstSeenAt(): Instant {
    return this.entry.firstSeenAt;
  }

  @ValueField(() => DateTime, { description: 'When it was last tried (UTC).' })
  get lastTriedAt(): Instant {
    return this.entry.lastTriedAt;
  }

  @ValueField(() => Int, { description: 'How often it was tried.' })
  get tries(): number {
    return this.entry.tries;
  }

  @ValueField(() => ID, { description: 'The run that tried it last.' })
  get runId(): string {
    return this.entry.runId;
  }
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
