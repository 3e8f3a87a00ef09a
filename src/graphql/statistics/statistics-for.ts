import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, ArgsType, Ctx, Field, Info, Int, ObjectType, Query, Resolver } from 'type-graphql';
import type { Cells, Statistics } from '../../history/statistics.js';
import type { GapReason } from '../../model/ledger.js';
import { DEFINITION_OF } from '../../resources/registry.js';
import type { FieldValue } from '../../values/filter.js';
import { toInstant } from '../../values/instant.js';
import { enumOf, OutputType, outputType, showFields, Value } from '../base/fields.js';
import { type CoverageFacts, CoverageReport, GapReasonEnum } from '../collection/coverage.type.js';
import type { FilterInput } from '../lists/filter-input.js';
import { Guard } from '../operation/guard.js';
import type { GatewayContext } from '../request/services.js';
import {
  measuresIn,
  readStatistics,
  type Slot,
  type StatisticsReading,
  type StatisticsSpec,
} from './read-statistics.js';
import { DurationFigures, groupText, type NamedField, StatisticsArgs } from './statistics.type.js';

type Offered = Pick<StatisticsSpec, 'plural' | 'times' | 'dimensions' | 'distinct' | 'durations'>;

export function statisticsOf({ kind, filter }: Pick<StatisticsSpec, 'kind' | 'filter'>, offered: Offered) {
  const noun = DEFINITION_OF[kind].graphType;
  return statisticsFor({ noun, kind, filter, unit: 'RECORD', whole: null, ...offered });
}

/** Makes the resolver of the statistics of one noun, with the types that it returns. */
export function statisticsFor(spec: StatisticsSpec) {
  const { noun, plural } = spec;
  const root = `${noun.charAt(0).toLowerCase()}${noun.slice(1)}Statistics`;
  const fieldEnum = (what: string, text: string, fields: Readonly<Record<string, NamedField>>) =>
    enumOf(
      `${noun}${what}`,
      text,
      Object.entries(fields).map(([name, { field, description }]) => [name, field, description]),
    );
  const TimeField = fieldEnum('TimeField', `Times by which ${plural} are counted.`, spec.times);
  const DimensionEnum = fieldEnum('Dimension', `What ${plural} are grouped by.`, spec.dimensions);
  const DistinctEnum = fieldEnum('Distinct', 'What is counted without repetition.', spec.distinct);
  const [defaultDuration] = Object.keys(spec.durations);
  const distinctText = `Number of different values among the counted ${plural}, exact. Values without content are not counted. Do not add them up: a value can be in several groups.`;
  const durationText = `Durations of the counted ${plural}; null only if the history cannot be read.`;

  const Key = outputType<{ dimension: string; value: string | null }>(
    `${noun}Key`,
    'The value of a group in one dimension.',
    {
      dimension: Value.enum(() => DimensionEnum, 'The dimension.'),
      value: Value.textOrNull(
        'The value; `OTHER` for a word of Abnormal’s that the gateway does not know. Null if Abnormal gives none.',
      ),
    },
  );

  /** What a group, the rest or the total has in one span or over the window, where `bucket` is null. */
  class Cell {
    constructor(
      readonly reading: StatisticsReading,
      readonly slot: Slot,
      readonly bucket: number | null,
      readonly count: number,
    ) {}
  }

  @ObjectType()
  abstract class Counted extends Cell {
    @Field(() => Int, { description: distinctText })
    distinct(@Arg('of', () => DistinctEnum, { description: 'What to count.' }) of: string): Promise<number> {
      return this.reading.distinct(of, this.slot, this.bucket);
    }

    async duration(of: string): Promise<DurationFigures> {
      const [summary, { bound }] = await this.reading.duration(of, this.slot, this.bucket);
      return new DurationFigures(summary, bound);
    }
  }
  showFields(Counted, 'this', { count: Value.int(`Number of ${plural}.`) });

  if (defaultDuration !== undefined) {
    const DurationEnum = enumOf(
      `${noun}Duration`,
      `Durations of ${plural}.`,
      Object.entries(spec.durations).map(([name, { description }]) => [name, name, description]),
    );
    const { prototype } = Counted;
    const method = Object.getOwnPropertyDescriptor(prototype, 'duration');
    const argument = { defaultValue: defaultDuration, description: 'The duration.' };
    Arg('of', () => DurationEnum, argument)(prototype, 'duration', 0);
    Field(() => DurationFigures, { nullable: true, description: durationText })(
      prototype,
      'duration',
      method as TypedPropertyDescriptor<unknown>,
    );
  }

  @OutputType('One span of time of a group.', { name: `${noun}Bucket` })
  class Bucket extends Counted {
    constructor(
      reading: StatisticsReading,
      slot: Slot,
      readonly index: number,
      count: number,
    ) {
      super(reading, slot, index, count);
    }

    @Field(() => [GapReasonEnum], {
      description:
        'Why the span may be incomplete; empty if everything was collected, so that 0 means that nothing happened. `PROVISIONAL` alone: records may still arrive.',
    })
    gapReasons(): Promise<GapReason[]> {
      return this.reading.gapReasons(this.index);
    }
  }
  showFields(Bucket, 'reading', {
    from: Value.instant('Start (UTC), inclusive.', {
      by: ({ edges }, { index }) => toInstant(edges[index] ?? 0),
    }),
    to: Value.instant('End (UTC), exclusive.', {
      by: ({ edges }, { index }) => toInstant(edges[index + 1] ?? 0),
    }),
    partial: Value.boolean('Whether the window cuts the span short.', {
      by: (reading, { index }) => reading.isPartial(index),
    }),
  });

  const buckets = Value.listOrNull(
    () => Bucket,
    'The spans of the window, oldest first, also those with count 0; null without `interval`.',
  );

  @OutputType(`The ${plural} with the same values, or all of them.`, { name: `${noun}Group` })
  class Group extends Counted {
    readonly keys!: readonly InstanceType<typeof Key>[];
    readonly buckets!: readonly Bucket[] | null;
  }
  showFields(Group, 'this', {
    keys: Value.list(() => Key, 'The values of the group, by dimension; empty for the total.'),
    buckets,
  });

  @OutputType(
    `The ${plural} of all groups that are not shown (\`top\`, \`minCount\`). Not the same as the value \`OTHER\` or null.`,
    { name: `${noun}Rest` },
  )
  class Rest extends Cell {
    readonly values!: number;
    readonly buckets!: readonly Bucket[] | null;
  }
  showFields(Rest, 'this', {
    count: Value.int(`Number of ${plural}, each counted once.`),
    values: Value.int('Number of groups that are not shown.'),
    buckets,
  });

  function bucketsOf(reading: StatisticsReading, slot: Slot, cells: readonly unknown[]): Bucket[] | null {
    if (reading.zone.interval === null) return null;
    return cells.map((count, i) => new Bucket(reading, slot, i, Number(count)));
  }

  @OutputType(
    `Counts of stored ${plural} in a window, by groups and spans of time, from one snapshot of the history.`,
    { name: `${noun}Statistics` },
  )
  class Result {
    constructor(
      readonly reading: StatisticsReading,
      readonly counts: Statistics,
      private readonly dimensions: readonly string[],
    ) {}

    @Field(() => CoverageReport, {
      description: 'Whether the window was collected completely, and what is missing.',
    })
    coverage(): Promise<CoverageFacts> {
      return this.reading.coverage();
    }

    group(slot: Slot, { all, buckets }: Cells, values: readonly FieldValue[]): Group {
      const keys = values.map((value, i) => {
        const dimension = this.dimensions[i] ?? '';
        return { dimension, value: groupText(dimension, value) };
      });
      const group = new Group(this.reading, slot, null, Number(all));
      return Object.assign(group, { keys, buckets: bucketsOf(this.reading, slot, buckets) });
    }
  }

  showFields(Result, 'reading', {
    asOf: Value.instant('The instant of the snapshot (UTC).', { by: ({ view }) => view.asOf }),
    from: Value.instant('Start of the window (UTC), inclusive.'),
    to: Value.instant('End of the window (UTC), exclusive.'),
    timeZone: Value.text('The time zone of the buckets.', { by: ({ zone }) => zone.name }),
    overlapping: Value.boolean(
      'Whether one of them can be in several groups. The counts of the groups then add up to more than the total.',
      { by: ({ isOverlapping }) => isOverlapping },
    ),
  });

  showFields(Result, 'counts', {
    total: Value.object(() => Group, `All counted ${plural}: as many as the list of the same filter has.`, {
      by: ({ total }, result) => result.group('TOTAL', total, []),
    }),
    groups: Value.list(
      () => Group,
      'The groups, the largest first; equal counts by value. A group for `null` contains what Abnormal gives no value for.',
      { by: ({ groups }, result) => groups.map((group, slot) => result.group(slot, group, group.keys)) },
    ),
    rest: Value.objectOrNull(() => Rest, 'What is not in a group; null if nothing is.', {
      by: ({ rest }, { reading }) => {
        if (rest === null) return null;
        const { values, all, buckets } = rest;
        const cell = new Rest(reading, 'REST', null, Number(all));
        return Object.assign(cell, { values, buckets: bucketsOf(reading, 'REST', buckets) });
      },
    }),
    sampled: Value.int(
      'Number of records among them of which Abnormal returns only a sample, such as threats with fewer messages than mailboxes. Values from these are lower bounds.',
    ),
    untimed: Value.int(`Number of matching ${plural} without the time \`timeField\`; not counted.`),
  });

  @ArgsType()
  class StatisticsArguments extends StatisticsArgs {
    @Field(() => spec.filter.type, { nullable: true, description: `Only ${plural} that match this filter.` })
    filter?: FilterInput | null;

    @Field(() => TimeField, {
      nullable: true,
      description: `The time by which ${plural} are counted. Default: ${Object.keys(spec.times)[0]}.`,
    })
    timeField?: string | null;

    @Field(() => [DimensionEnum], { nullable: true, description: 'Up to two dimensions to group by.' })
    groupBy?: string[] | null;
  }

  @Resolver()
  class StatisticsResolver {
    @Guard('reader')
    @Query(() => Result, {
      name: root,
      nullable: true,
      description: `Counts stored ${plural} by groups and spans of time. Reads the history only.`,
    })
    async statistics(
      @Args(() => StatisticsArguments) args: StatisticsArguments,
      @Ctx() context: GatewayContext,
      @Info() info: GraphQLResolveInfo,
    ): Promise<Result> {
      const { reading, counts } = await readStatistics(context.services, spec, args, measuresIn(info, spec));
      return new Result(reading, counts, args.groupBy ?? []);
    }
  }
  return StatisticsResolver;
}
