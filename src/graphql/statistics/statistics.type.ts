import { ArgsType, Field, Int } from 'type-graphql';
import type { DurationMeasure, DurationSummary } from '../../history/statistics.js';
import type { Interval } from '../../model/time-buckets.js';
import type { FieldValue } from '../../values/filter.js';
import type { Instant } from '../../values/instant.js';
import { DateTime, describedEnum, OnlyIntegrations, OutputType, showFields, Value } from '../base/fields.js';

/** A dimension, a distinct value or a time: the field that it stands for, and what it is. */
export interface NamedField {
  readonly field: string;
  readonly description: string;
}

export interface NamedTime extends NamedField {
  /** The stream that brings changes of this time, if it is not the one that defines the population. */
  readonly filterKey?: string;
}

export interface NamedDuration {
  readonly measure: Omit<DurationMeasure, 'type'>;
  readonly bound: DurationBound;
  readonly description: string;
}

type DurationBound = 'EXACT' | 'AT_MOST';

const DurationBoundEnum = describedEnum<DurationBound>('DurationBound', 'How exact durations are.', {
  EXACT: 'Both times come from Abnormal.',
  AT_MOST:
    'Abnormal does not report the end. It is the first time that the gateway saw the record in its final state, so the true duration may be shorter.',
});

const IntervalEnum = describedEnum<Interval>('StatisticsInterval', 'The length of buckets.', {
  HOUR: 'Hours. An hour that the clock repeats is two buckets.',
  DAY: 'Days of the time zone, which may have 23 or 25 hours.',
  WEEK: 'Weeks, from Monday.',
  MONTH: 'Months.',
});

/** The ages that the dimension AGE has, by the number of limits that an age reaches. */
const AGES = ['UNDER_1_HOUR', 'UNDER_1_DAY', 'UNDER_7_DAYS', 'UNDER_30_DAYS', 'OVER_30_DAYS'] as const;

const seconds = (ms: number | null) => (ms === null ? null : Math.ceil(ms / 1000));

@OutputType(
  'Durations of a group in seconds, rounded up: to minutes from an hour on, to hours from a week on. Negative durations count as 0. Percentiles are nearest-rank.',
  { name: 'Duration' },
)
export class DurationFigures {
  constructor(
    readonly summary: DurationSummary,
    readonly bound: DurationBound,
  ) {}
}

showFields(DurationFigures, 'summary', {
  count: Value.int('Number of durations that are over.'),
  pending: Value.int('Number that are not over yet.'),
  unknown: Value.int('Number without a duration because a time is missing.'),
  min: Value.intOrNull('The shortest; null if none is over.', { by: (summary) => seconds(summary.min) }),
  median: Value.intOrNull('The median; null if none is over.', {
    by: (summary) => seconds(summary.median),
  }),
  p95: Value.intOrNull('The 95th percentile; null if none is over.', {
    by: (summary) => seconds(summary.p95),
  }),
  max: Value.intOrNull('The longest; null if none is over.', { by: (summary) => seconds(summary.max) }),
  mean: Value.intOrNull('The mean; null if none is over.', { by: (summary) => seconds(summary.mean) }),
});

showFields(DurationFigures, 'this', {
  bound: Value.enum(() => DurationBoundEnum, 'How exact the durations are.'),
});

@ArgsType()
export class StatisticsArgs {
  @OnlyIntegrations
  integrations?: string[] | null;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'Counts what was recorded at this instant of the gateway’s clock (UTC). Must not be in the future. Default: now.',
  })
  asOf?: Instant | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'Start of the window of `timeField` (UTC), inclusive. Default: 30 days before `to`.',
  })
  from?: Instant | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'End of the window of `timeField` (UTC), exclusive. Default: now, or `asOf`.',
  })
  to?: Instant | null;

  @Field(() => IntervalEnum, {
    nullable: true,
    description:
      'The length of buckets. Without it there are no buckets. Buckets × (groups + 1) may be 10,000 at most.',
  })
  interval?: Interval | null;

  @Field(() => String, {
    nullable: true,
    defaultValue: 'UTC',
    description: 'The IANA name of the time zone in which buckets begin, such as `Europe/Berlin`.',
  })
  timeZone?: string | null;

  @Field(() => Int, {
    nullable: true,
    defaultValue: 10,
    description: 'Number of groups, the largest first; 1 to 100.',
  })
  top?: number | null;

  @Field(() => Int, {
    nullable: true,
    defaultValue: 1,
    description: 'Groups with a smaller count are part of `rest`.',
  })
  minCount?: number | null;
}

export function groupText(dimension: string, value: FieldValue): string | null {
  if (value === null) return null;
  return dimension === AGE_DIMENSION ? (AGES[Number(value)] ?? null) : String(value);
}

/** Dimensions that stand for something else than a field. */
export const ACCOUNT_DIMENSION = 'INTEGRATION';
export const AGE_DIMENSION = 'AGE';

export const BY_ACCOUNT = { field: ACCOUNT_DIMENSION, description: 'Name of the integration.' };
export const BY_AGE = {
  field: AGE_DIMENSION,
  description:
    'How long ago `timeField` was, at the instant of the snapshot: UNDER_1_HOUR, UNDER_1_DAY, UNDER_7_DAYS, UNDER_30_DAYS, OVER_30_DAYS.',
};
