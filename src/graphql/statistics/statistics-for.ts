import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, ArgsType, Ctx, Field, Info, Int, ObjectType, Query, Resolver } from 'type-graphql';
import type { Statistics } from '../../history/statistics.js';
import type { GapReason } from '../../model/ledger.js';
import type { FieldValue } from '../../values/filter.js';
import { type Instant, toInstant } from '../../values/instant.js';
import { OutputType, ValueField } from '../base/fields.js';
import { CoverageReport, GapReasonEnum } from '../collection/coverage.type.js';
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
import { DurationFigures, groupText, registered, StatisticsArgs } from './statistics.type.js';

/** Makes the resolver of the statistics of one noun, with the types that it returns. */
export function statisticsFor(spec: StatisticsSpec) {
  const { noun, plural } = spec;
  const root = `${noun.charAt(0).toLowerCase()}${noun.slice(1)}Statistics`;
  const byField = (_: string, { field }: { readonly field: string }) => field;
  const TimeField = registered(
    `${noun}TimeField`,
    `Times by which ${plural} are counted.`,
    spec.times,
    byField,
  );
  const DimensionEnum = registered(
    `${noun}Dimension`,
    `What ${plural} are grouped by.`,
    spec.dimensions,
    byField,
  );
  const DistinctEnum = registered(
    `${noun}Distinct`,
    `What is counted without repetition.`,
    spec.distinct,
    byField,
  );
  const [defaultDuration] = Object.keys(spec.durations);
  const distinctText = `Number of different values among the counted ${plural}, exact. Values without content are not counted. Do not add them up: a value can be in several groups.`;
  const durationText = `Durations of the counted ${plural}; null only if the history cannot be read.`;

  @OutputType('The value of a group in one dimension.', { name: `${noun}Key` })
  class Key {
    @ValueField(() => DimensionEnum, { description: 'The dimension.' })
    readonly dimension!: string;

    @ValueField.textOrNull(
      'The value; `OTHER` for a word of Abnormal’s that the gateway does not know. Null if Abnormal gives none.',
    )
    readonly value!: string | null;
  }

  /** What a group, the rest or the total has in one span or over the window. */
  class CellSource {
    constructor(
      readonly reading: StatisticsReading,
      readonly slot: Slot,
      readonly bucket: number | null,
      readonly found: number,
    ) {}
  }

  /** Of the total, a group, or one span of it; `bucket` is null over the whole window. */
  @ObjectType()
  abstract class Counted extends CellSource {
    @ValueField.int(`Number of ${plural}.`)
    get count(): number {
      return this.found;
    }

    @Field(() => Int, { description: distinctText })
    distinct(@Arg('of', () => DistinctEnum, { description: 'What to count.' }) of: string): Promise<number> {
      return this.reading.distinct(of, this.slot, this.bucket);
    }

    duration(of: string): Promise<DurationFigures> {
      return figuresOf(this, of);
    }
  }
  if (defaultDuration !== undefined) {
    const description = `Durations of ${plural}.`;
    const DurationEnum = registered(`${noun}Duration`, description, spec.durations, (name) => name);
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
    @ValueField.instant('Start (UTC), inclusive.')
    get from(): Instant {
      return toInstant(this.reading.edges[this.bucket ?? 0] ?? 0);
    }

    @ValueField.instant('End (UTC), exclusive.')
    get to(): Instant {
      return toInstant(this.reading.edges[(this.bucket ?? 0) + 1] ?? 0);
    }

    @Field(() => [GapReasonEnum], {
      description:
        'Why the span may be incomplete; empty if everything was collected, so that 0 means that nothing happened. `PROVISIONAL` alone: records may still arrive.',
    })
    gapReasons(): Promise<GapReason[]> {
      return this.reading.gapReasons(this.bucket ?? 0);
    }

    @ValueField.boolean('Whether the window cuts the span short.')
    get partial(): boolean {
      return this.reading.isPartial(this.bucket ?? 0);
    }
  }

  @OutputType(`The ${plural} with the same values, or all of them.`, { name: `${noun}Group` })
  class Group extends Counted {
    readonly keys!: readonly Key[];
    readonly buckets!: readonly Bucket[] | null;
  }
  ValueField(() => [Key], { description: 'The values of the group, by dimension; empty for the total.' })(
    Group.prototype,
    'keys',
  );
  const BUCKETS = 'The spans of the window, oldest first, also those with count 0; null without `interval`.';
  ValueField(() => [Bucket], { nullable: true, description: BUCKETS })(Group.prototype, 'buckets');

  @OutputType(
    `The ${plural} of all groups that are not shown (\`top\`, \`minCount\`). Not the same as the value \`OTHER\` or null.`,
    { name: `${noun}Rest` },
  )
  class Rest extends CellSource {
    readonly values!: number;
    readonly buckets!: readonly Bucket[] | null;

    @ValueField.int(`Number of ${plural}, each counted once.`)
    get count(): number {
      return this.found;
    }
  }
  ValueField(() => Int, { description: 'Number of groups that are not shown.' })(Rest.prototype, 'values');
  ValueField(() => [Bucket], { nullable: true, description: BUCKETS })(Rest.prototype, 'buckets');

  async function figuresOf({ reading, slot, bucket }: CellSource, of: string): Promise<DurationFigures> {
    const [summary, { bound }] = await reading.duration(of, slot, bucket);
    return new DurationFigures(summary, bound);
  }

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
      private readonly reading: StatisticsReading,
      private readonly counts: Statistics,
      private readonly dimensions: readonly string[],
    ) {}

    @ValueField.instant('The instant of the snapshot (UTC).')
    get asOf(): Instant {
      return this.reading.view.asOf;
    }

    @ValueField.instant('Start of the window (UTC), inclusive.')
    get from(): Instant {
      return this.reading.from;
    }

    @ValueField.instant('End of the window (UTC), exclusive.')
    get to(): Instant {
      return this.reading.to;
    }

    @ValueField.text('The time zone of the buckets.')
    get timeZone(): string {
      return this.reading.zone.name;
    }

    @Field(() => CoverageReport, {
      description: 'Whether the window was collected completely, and what is missing.',
    })
    coverage(): Promise<CoverageReport> {
      return this.reading.coverage();
    }

    @ValueField(() => Group, {
      description: `All counted ${plural}: as many as the list of the same filter has.`,
    })
    get total(): Group {
      const { all, buckets } = this.counts.total;
      return this.#group('TOTAL', Number(all), buckets, []);
    }

    @ValueField(() => [Group], {
      description:
        'The groups, the largest first; equal counts by value. A group for `null` contains what Abnormal gives no value for.',
    })
    get groups(): Group[] {
      return this.counts.groups.map(({ keys, all, buckets }, slot) =>
        this.#group(slot, Number(all), buckets, keys),
      );
    }

    #group(slot: Slot, count: number, buckets: readonly unknown[], values: readonly FieldValue[]): Group {
      const keys = values.map((value, i) => {
        const dimension = this.dimensions[i] ?? '';
        return Object.assign(new Key(), { dimension, value: groupText(dimension, value) });
      });
      const group = new Group(this.reading, slot, null, count);
      return Object.assign(group, { keys, buckets: bucketsOf(this.reading, slot, buckets) });
    }

    @ValueField(() => Rest, { nullable: true, description: 'What is not in a group; null if nothing is.' })
    get rest(): Rest | null {
      const { rest } = this.counts;
      if (rest === null) return null;
      const { values, all, buckets } = rest;
      const cell = new Rest(this.reading, 'REST', null, Number(all));
      return Object.assign(cell, { values, buckets: bucketsOf(this.reading, 'REST', buckets) });
    }

    @ValueField.boolean(
      'Whether one of them can be in several groups. The counts of the groups then add up to more than the total.',
    )
    get overlapping(): boolean {
      return this.reading.isOverlapping;
    }

    @ValueField.int(
      'Number of records among them of which Abnormal returns only a sample, such as threats with fewer messages than mailboxes. Values from these are lower bounds.',
    )
    get sampled(): number {
      return this.counts.sampled;
    }

    @ValueField.int(`Number of matching ${plural} without the time \`timeField\`; not counted.`)
    get untimed(): number {
      return this.counts.untimed;
    }
  }

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
