import { Field, ID, Int, ObjectType } from 'type-graphql';
import type { GapReason, Missing } from '../../model/coverage.js';
import type { QuarantineCode } from '../../model/ledger.js';
import type { Stream } from '../../model/stream.js';
import { KIND_OF, type Kind } from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import { describedEnum, ValueField } from '../base/fields.js';
import { DateTime } from '../base/scalars.js';
import { QuarantineCodeEnum, QuarantinedKindEnum } from '../records/vocabulary.enums.js';

export const GapReasonEnum = describedEnum<GapReason>(
  'GapReason',
  'Why a span of time is not known to be whole.',
  {
    NOT_COLLECTED: 'Never read.',
    PROVISIONAL: 'Read before everything could have arrived (`INGESTION_LAG`); it is read again.',
    PARTIAL:
      'Listed to its end, but something may be missing that has no id to be named by. Listed records that could not be read are no gaps; see `missing`.',
    FAILED: 'The reading failed; it is tried again.',
    NOT_LICENSED: 'The account lacks the licence or the add-on.',
    OUT_OF_RETENTION: 'Older than what Abnormal keeps.',
  },
);

@ObjectType({
  simpleResolvers: true,
  description: 'A span of source time for which the history cannot vouch.',
})
export class Gap {
  @ValueField(() => ID, { description: 'The integration, by name.' })
  readonly integration!: string;

  @ValueField(() => DateTime, { description: 'Where it begins (UTC), inclusive.' })
  readonly from!: Instant;

  @ValueField(() => DateTime, { description: 'Where it ends (UTC), exclusive.' })
  readonly to!: Instant;

  @ValueField(() => GapReasonEnum, { description: 'Why it is a gap.' })
  readonly reason!: GapReason;

  @ValueField(() => String, {
    nullable: true,
    description: 'What the reading that left it said, for a person.',
  })
  readonly detail!: string | null;
}

@ObjectType({
  simpleResolvers: true,
  description: 'Stored records that a filter can neither include nor exclude.',
})
export class UndecidedRecords {
  @ValueField(() => Int, {
    description:
      'How many stored records the filter can neither include nor exclude, because it compares a time that Abnormal did not give for them. They are not in the list. Deleted records are not counted.',
  })
  readonly count!: number;

  @ValueField(() => String, {
    nullable: true,
    description: 'Which times have no value, and which filter returns these records; null if there are none.',
  })
  readonly reason!: string | null;
}

@ObjectType({
  simpleResolvers: true,
  description:
    'A record that Abnormal lists and that could not be read: it is not stored, or not in its newest version. It is requested again with each poll.',
})
export class MissingRecord {
  @ValueField(() => ID, { description: 'The integration, by name.' })
  readonly integration!: string;

  @ValueField(() => QuarantinedKindEnum, { description: 'What it is.' })
  readonly kind!: Kind;

  @ValueField(() => ID, { description: 'Abnormal’s own id of it, as the list gave it.' })
  readonly id!: string;

  @ValueField(() => QuarantineCodeEnum, {
    description:
      'Why it is missing. `GONE`: it disappeared before it could be read, and nothing is missing for it.',
  })
  readonly code!: QuarantineCode;

  @ValueField(() => String, { personal: ['texts'], description: 'The same, for a person.' })
  readonly reason!: string;

  @ValueField(() => DateTime, { description: 'When it was first requested in vain (UTC).' })
  readonly since!: Instant;

  @ValueField(() => DateTime, {
    description:
      'Where the window begins in which it was listed (UTC), inclusive. Its own time lies in there.',
  })
  readonly from!: Instant;

  @ValueField(() => DateTime, { description: 'Where that window ends (UTC), exclusive.' })
  readonly to!: Instant;
}

export function toMissingRecord(
  { integration, resource }: Pick<Stream, 'integration' | 'resource'>,
  { id, code, reason, since, from, to }: Missing,
): MissingRecord {
  return { integration, kind: KIND_OF[resource], id, code, reason, since, from, to };
}

@ObjectType('Coverage', {
  simpleResolvers: true,
  description:
    'What is held of a resource in a window of its own time (threats: received; cases: last modified; campaigns: last reported). Computed from the ledger of every reading.',
})
export class CoverageReport {
  @ValueField(() => DateTime, { description: 'Where the window begins (UTC), inclusive.' })
  readonly from!: Instant;

  @ValueField(() => DateTime, { description: 'Where the window ends (UTC), exclusive.' })
  readonly to!: Instant;

  @ValueField(() => Boolean, {
    description:
      'Whether the window is complete: no gaps, no record in `missing` that may still be there, and no records that the filter cannot decide (`undecided`).',
  })
  readonly complete!: boolean;

  @ValueField(() => [Gap], { description: 'What it cannot vouch for, oldest first by integration.' })
  readonly gaps!: readonly Gap[];

  @ValueField(() => UndecidedRecords, {
    description:
      'Stored records that the filter of the list (or `from` and `to`) can neither include nor exclude. While there are any, `complete` is false.',
  })
  readonly undecided!: UndecidedRecords;

  @ValueField(() => [MissingRecord], {
    description:
      'The records that Abnormal lists in the window and that could not be read, by integration and id. A record whose window reaches beyond this one may lie outside.',
  })
  readonly missing!: readonly MissingRecord[];

  @ValueField(() => Int, {
    nullable: true,
    description:
      'How many records Abnormal declared (`total`), each integration’s summed. Null unless one reading of each is of exactly this window and declared a number: declarations of several windows cannot be added up.',
  })
  readonly declared!: number | null;

  readonly countHeld!: () => Promise<number>;

  @Field(() => Int, {
    description:
      'How many records of the window are stored, in the same view: those that the list filtered by its time gives. Deleted records do not count. Counted only when asked for.',
  })
  held(): Promise<number> {
    return this.countHeld();
  }
}

@ObjectType('Freshness', {
  simpleResolvers: true,
  description: 'How fresh an answer is, once the gateway has done what it could.',
})
export class FreshnessReport {
  @ValueField(() => DateTime, {
    nullable: true,
    description: 'When Abnormal last confirmed it (UTC); null when nothing was ever read.',
  })
  readonly verifiedAt!: Instant | null;

  @ValueField(() => Boolean, {
    description: 'True when Abnormal could not be read and this is older than was accepted.',
  })
  readonly stale!: boolean;

  @ValueField(() => Boolean, { description: 'Whether Abnormal was asked for this very answer.' })
  readonly live!: boolean;

  @ValueField(() => String, {
    nullable: true,
    description: 'Why it is stale, as the error code that `staleIfError: false` would give.',
  })
  readonly code!: string | null;

  @ValueField(() => String, { nullable: true, description: 'Why it is stale, for a person.' })
  readonly reason!: string | null;
}
