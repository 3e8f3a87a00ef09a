import { Field, Int } from 'type-graphql';
import type { GapReason, QuarantineCode } from '../../model/ledger.js';
import type { Kind } from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import { describedEnum, OutputType, ValueField } from '../base/fields.js';
import { QuarantineCodeEnum, QuarantinedKindEnum } from '../records/vocabulary.enums.js';

export const GapReasonEnum = describedEnum<GapReason>(
  'GapReason',
  'Why a span of time is not known to be complete.',
  {
    NOT_COLLECTED: 'The span was never read.',
    PROVISIONAL:
      'The span was read before all records could have arrived (`INGESTION_LAG`); it is read again.',
    PARTIAL:
      'The list was read to its end, but records without a usable id may be missing. Listed records that could not be read are no gaps: see `missing`.',
    FAILED: 'The reading failed; it is retried.',
    NOT_LICENSED: 'The account does not have the licence or the add-on.',
    OUT_OF_RETENTION: 'Abnormal no longer stores the requested time.',
  },
);

@OutputType('A span of source time that is not completely collected.', { name: 'Gap' })
export class CollectionGap {
  @ValueField.id('Name of the integration.')
  readonly integration!: string;

  @ValueField.instant('Start of the span (UTC), inclusive.')
  readonly from!: Instant;

  @ValueField.instant('End of the span (UTC), exclusive.')
  readonly to!: Instant;

  @ValueField(() => GapReasonEnum, { description: 'Reason for the gap.' })
  readonly reason!: GapReason;

  @ValueField.textOrNull('Message of the reading that left the gap, in words; null if there is none.')
  readonly detail!: string | null;
}

@OutputType('Stored records that a filter can neither include nor exclude.')
export class UndecidedRecords {
  @ValueField.int(
    'Number of stored records that the filter can neither include nor exclude, because it compares a time that Abnormal did not give for them. They are not in the list. Deleted records are not counted.',
  )
  readonly count!: number;

  @ValueField.textOrNull(
    'Which times have no value, and which filter returns these records; null if there are none.',
  )
  readonly reason!: string | null;
}

@OutputType(
  'A record that Abnormal lists and that could not be read: it is not stored, or not in its newest version. Each poll requests it again.',
)
export class MissingRecord {
  @ValueField.id('Name of the integration.')
  readonly integration!: string;

  @ValueField(() => QuarantinedKindEnum, { description: 'Kind of the record.' })
  readonly kind!: Kind;

  @ValueField.id('Abnormal’s id of the record, as listed.')
  readonly id!: string;

  @ValueField(() => QuarantineCodeEnum, {
    description:
      'Why the record is missing. `GONE`: it disappeared before it could be read, so nothing is missing for it.',
  })
  readonly code!: QuarantineCode;

  @ValueField.text('The reason, in words.', { personal: ['texts'] })
  readonly reason!: string;

  @ValueField.instant('When it was first requested without success (UTC).')
  readonly since!: Instant;

  @ValueField.instant(
    'Start of the window in which it was listed (UTC), inclusive. The record’s own time is in this window.',
  )
  readonly from!: Instant;

  @ValueField.instant('End of that window (UTC), exclusive.')
  readonly to!: Instant;
}

@OutputType(
  'What is stored of a resource in a window of the resource’s time (threats: received; cases: last modified; campaigns: last reported). Computed from the ledger of all readings.',
  { name: 'Coverage' },
)
export class CoverageReport {
  @ValueField.instant('Start of the window (UTC), inclusive.')
  readonly from!: Instant;

  @ValueField.instant('End of the window (UTC), exclusive.')
  readonly to!: Instant;

  @ValueField.boolean(
    'Whether the window is complete: no gaps, no record in `missing` that may still exist, and no records that the filter cannot decide (`undecided`).',
  )
  readonly complete!: boolean;

  @ValueField(() => [CollectionGap], {
    description: 'Spans that are not completely collected, oldest first by integration.',
  })
  readonly gaps!: readonly CollectionGap[];

  @ValueField(() => UndecidedRecords, {
    description:
      'Stored records that the filter of the list (or `from` and `to`) can neither include nor exclude. If there are any, `complete` is false.',
  })
  readonly undecided!: UndecidedRecords;

  @ValueField(() => [MissingRecord], {
    description:
      'Records that Abnormal lists in the window and that could not be read, by integration and id. A record whose window extends past this one may be outside it.',
  })
  readonly missing!: readonly MissingRecord[];

  @ValueField.intOrNull(
    'Number of records that Abnormal declares (`total`), the sum over all integrations. Null unless each integration has one reading of exactly this window with a declared number: numbers of several windows cannot be added up.',
  )
  readonly declared!: number | null;

  readonly countHeld!: () => Promise<number>;

  @Field(() => Int, {
    description:
      'Number of stored records in the window, in the same view: those that the list returns when it is filtered by its time. Deleted records are not counted. Counted only if selected.',
  })
  held(): Promise<number> {
    return this.countHeld();
  }
}

@OutputType('How fresh an answer is.', { name: 'Freshness' })
export class FreshnessReport {
  @ValueField.instantOrNull('When Abnormal last confirmed the answer (UTC); null if nothing was ever read.')
  readonly verifiedAt!: Instant | null;

  @ValueField.boolean('Whether the answer is older than requested because Abnormal could not be read.')
  readonly stale!: boolean;

  @ValueField.boolean('Whether Abnormal was asked for this answer.')
  readonly live!: boolean;

  @ValueField.textOrNull(
    'Error code that `staleIfError: false` would return; null if the answer is not stale.',
  )
  readonly code!: string | null;

  @ValueField.textOrNull('Why the answer is stale, in words; null if it is not stale.')
  readonly reason!: string | null;
}
