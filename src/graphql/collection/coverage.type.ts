import type { CoverageGap, GapReason, MissingEntry } from '../../model/ledger.js';
import type { Kind } from '../../resources/registry.js';
import type { Window } from '../../values/instant.js';
import { describedEnum, outputType, Value } from '../base/fields.js';
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

export const GAP_FIELDS = {
  integration: Value.id('Name of the integration.'),
  from: Value.instant('Start of the span (UTC), inclusive.'),
  to: Value.instant('End of the span (UTC), exclusive.'),
  reason: Value.enum(() => GapReasonEnum, 'Reason for the gap.'),
  detail: Value.textOrNull('Message of the reading that left the gap, in words; null if there is none.'),
};

const CollectionGap = outputType(
  'Gap',
  'A span of source time that is not completely collected.',
  GAP_FIELDS,
);

export interface MissingOfStream extends Omit<MissingEntry, 'listedTime'>, Window {
  readonly integration: string;
  readonly kind: Kind;
}

export interface CoverageFacts extends Window {
  readonly complete: boolean;
  readonly gaps: readonly (CoverageGap & { readonly integration: string })[];
  readonly undecided: { readonly count: number; readonly reason: string | null };
  readonly missing: readonly MissingOfStream[];
  readonly declared: number | null;
  readonly countHeld: () => Promise<number>;
}

const UndecidedRecords = outputType(
  'UndecidedRecords',
  'Stored records that a filter can neither include nor exclude.',
  {
    count: Value.int(
      'Number of stored records that the filter can neither include nor exclude, because it compares a time that Abnormal did not give for them. They are not in the list. Deleted records are not counted.',
    ),
    reason: Value.textOrNull(
      'Which times have no value, and which filter returns these records; null if there are none.',
    ),
  },
);

export const MissingRecord = outputType<MissingOfStream>(
  'MissingRecord',
  'A record that Abnormal lists and that could not be read: it is not stored, or not in its newest version. Each poll requests it again.',
  {
    integration: Value.id('Name of the integration.'),
    kind: Value.enum(() => QuarantinedKindEnum, 'Kind of the record.'),
    id: Value.id('Abnormal’s id of the record, as listed.'),
    code: Value.enum(
      () => QuarantineCodeEnum,
      'Why the record is missing. `GONE`: it disappeared before it could be read, so nothing is missing for it.',
    ),
    reason: Value.text('The reason, in words.', { personal: ['texts'] }),
    since: Value.instant('When it was first requested without success (UTC).'),
    from: Value.instant(
      'Start of the window in which it was listed (UTC), inclusive. The record’s own time is in this window.',
    ),
    to: Value.instant('End of that window (UTC), exclusive.'),
  },
);

export const CoverageReport = outputType<CoverageFacts>(
  'Coverage',
  'What is stored of a resource in a window of the resource’s time (threats: received; cases: last modified; campaigns: last reported). Computed from the ledger of all readings.',
  {
    from: Value.instant('Start of the window (UTC), inclusive.'),
    to: Value.instant('End of the window (UTC), exclusive.'),
    complete: Value.boolean(
      'Whether the window is complete: no gaps, no record in `missing` that may still exist, and no records that the filter cannot decide (`undecided`).',
    ),
    gaps: Value.list(
      () => CollectionGap,
      'Spans that are not completely collected, oldest first by integration.',
    ),
    undecided: Value.object(
      () => UndecidedRecords,
      'Stored records that the filter of the list (or `from` and `to`) can neither include nor exclude. If there are any, `complete` is false.',
    ),
    missing: Value.list(
      () => MissingRecord,
      'Records that Abnormal lists in the window and that could not be read, by integration and id. A record whose window extends past this one may be outside it.',
    ),
    declared: Value.intOrNull(
      'Number of records that Abnormal declares (`total`), the sum over all integrations. Null unless each integration has one reading of exactly this window with a declared number: numbers of several windows cannot be added up.',
    ),
  },
);

export const FreshnessReport = outputType('Freshness', 'How fresh an answer is.', {
  verifiedAt: Value.instantOrNull(
    'When Abnormal last confirmed the answer (UTC); null if nothing was ever read.',
  ),
  stale: Value.boolean('Whether the answer is older than requested because Abnormal could not be read.'),
  live: Value.boolean('Whether Abnormal was asked for this answer.'),
  code: Value.textOrNull(
    'Error code that `staleIfError: false` would return; null if the answer is not stale.',
  ),
  reason: Value.textOrNull('Why the answer is stale, in words; null if it is not stale.'),
});
