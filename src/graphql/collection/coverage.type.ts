import { ID, Int, ObjectType } from 'type-graphql';
import type { GapReason } from '../../model/coverage.js';
import type { Instant } from '../../model/instant.js';
import { DateTime } from '../date-time.scalar.js';
import { describedEnum } from '../described-enum.js';
import { PlainField } from '../plain-field.js';

export const GapReasonEnum = describedEnum<GapReason>(
  'GapReason',
  'Why a span of time is not known to be whole.',
  {
    NOT_COLLECTED: 'Never read.',
    PROVISIONAL: 'Read before everything could have arrived (`INGESTION_LAG`); it is read again.',
    PARTIAL: 'Listed to its end, but some listed records could not be had or understood.',
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
  @PlainField(() => ID, { description: 'The integration, by name.' })
  readonly integration!: string;

  @PlainField(() => DateTime, { description: 'Where it begins (UTC), inclusive.' })
  readonly from!: Instant;

  @PlainField(() => DateTime, { description: 'Where it ends (UTC), exclusive.' })
  readonly to!: Instant;

  @PlainField(() => GapReasonEnum, { description: 'Why it is a gap.' })
  readonly reason!: GapReason;

  @PlainField(() => String, {
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
  @PlainField(() => Int, {
    description:
      'How many stored records the filter can neither include nor exclude, because it compares a time that Abnormal did not give for them. They are not in the list. Deleted records are not counted.',
  })
  readonly count!: number;

  @PlainField(() => String, {
    nullable: true,
    description: 'Which times have no value, and which filter returns these records; null if there are none.',
  })
  readonly reason!: string | null;
}

@ObjectType('Coverage', {
  simpleResolvers: true,
  description:
    'What is held of a resource in a window of its own time (threats: received; cases: last modified; campaigns: last reported). Computed from the ledger of every reading.',
})
export class CoverageReport {
  @PlainField(() => DateTime, { description: 'Where the window begins (UTC), inclusive.' })
  readonly from!: Instant;

  @PlainField(() => DateTime, { description: 'Where the window ends (UTC), exclusive.' })
  readonly to!: Instant;

  @PlainField(() => Boolean, {
    description:
      'Whether the history vouches for the whole window: no gaps, and no records that the filter cannot decide (`undecided`).',
  })
  readonly complete!: boolean;

  @PlainField(() => [Gap], { description: 'What it cannot vouch for, oldest first by integration.' })
  readonly gaps!: readonly Gap[];

  @PlainField(() => UndecidedRecords, {
    description:
      'Stored records that the filter of the list (or `from` and `to`) can neither include nor exclude. While there are any, `complete` is false.',
  })
  readonly undecided!: UndecidedRecords;

  @PlainField(() => Int, {
    nullable: true,
    description:
      'How many records Abnormal declared (`total`) in the newest readings within the window that do not overlap; null where it declared none. Adjacent readings share a boundary, so a record on it counts twice.',
  })
  readonly declared!: number | null;

  @PlainField(() => Int, {
    description:
      'How many of the records that those readings listed the history holds, deleted ones included.',
  })
  readonly held!: number;
}

@ObjectType('Freshness', {
  simpleResolvers: true,
  description: 'How fresh an answer is, once the gateway has done what it could.',
})
export class FreshnessReport {
  @PlainField(() => DateTime, {
    nullable: true,
    description: 'When Abnormal last confirmed it (UTC); null when nothing was ever read.',
  })
  readonly verifiedAt!: Instant | null;

  @PlainField(() => Boolean, {
    description: 'True when Abnormal could not be read and this is older than was accepted.',
  })
  readonly stale!: boolean;

  @PlainField(() => Boolean, { description: 'Whether Abnormal was asked for this very answer.' })
  readonly live!: boolean;

  @PlainField(() => String, {
    nullable: true,
    description: 'Why it is stale, as the error code that `staleIfError: false` would give.',
  })
  readonly code!: string | null;

  @PlainField(() => String, { nullable: true, description: 'Why it is stale, for a person.' })
  readonly reason!: string | null;
}
