import { type ASTVisitor, type GraphQLResolveInfo, Kind, visit } from 'graphql';
import type {
  Cells,
  Dimension,
  DurationSummary,
  Measured,
  Statistics,
  StatisticsMeasure,
  StatisticsQuery,
  Unit,
} from '../../history/statistics.js';
import type { GapReason } from '../../model/ledger.js';
import {
  bucketEdges,
  INTERVALS,
  type Interval,
  isStart,
  type LocalTime,
  localTimeOf,
} from '../../model/time-buckets.js';
import { DEFINITION_OF, FILTER_KEYS, type FilterKey, type ListedKind } from '../../resources/registry.js';
import { DAY, HOUR, type Instant, shift, toInstant, toMillis } from '../../values/instant.js';
import { badInput, queryError } from '../base/errors.js';
import { reportCoverage, withUndecided } from '../collection/coverage.js';
import type { CoverageFacts } from '../collection/coverage.type.js';
import type { FilterInput } from '../lists/filter-input.js';
import type { OrderedList } from '../lists/list-records.js';
import { currentSecond, latestView, pastView, toReadOptions, type View } from '../lists/view.js';
import { checkIntegrations, integrationNames, type RequestServices } from '../request/services.js';
import {
  ACCOUNT_DIMENSION,
  AGE_DIMENSION,
  type NamedDuration,
  type NamedField,
  type NamedTime,
  type StatisticsArgs,
} from './statistics.type.js';

/** What statistics of one noun offer: each table by the name in the graph. */
export interface StatisticsSpec extends Pick<OrderedList<ListedKind>, 'kind' | 'filter'> {
  readonly noun: string;
  readonly plural: string;
  readonly unit: Unit;
  /** The first is the default. */
  readonly times: Readonly<Record<string, NamedTime>>;
  readonly dimensions: Readonly<Record<string, NamedField>>;
  readonly distinct: Readonly<Record<string, NamedField>>;
  /** The first is the default. May be empty. */
  readonly durations: Readonly<Record<string, NamedDuration>>;
  /** The field that is true unless a record is only a sample. */
  readonly whole: string | null;
}

/** Stands for the records that items belong to. */
export const OWNERS = 'OWNERS';

const MOST_CELLS = 10_000;
const MOST_GROUPS = 100;
const DEFAULT_SPAN = 30 * DAY;
const AGE_LIMITS = [HOUR, DAY, 7 * DAY, 30 * DAY];

interface StatisticsInput extends StatisticsArgs {
  readonly filter?: FilterInput | null;
  readonly timeField?: string | null;
  readonly groupBy?: readonly string[] | null;
}

/** The total, a group by its place, or the rest. */
export type Slot = 'TOTAL' | 'REST' | number;

/** Statistics as they are read: counts first, other measures when they are asked for. */
export class StatisticsReading {
  readonly #measured = new Map<string, Promise<Statistics>>();
  #coverage: Promise<CoverageFacts> | null = null;
  #gaps: Promise<GapSpan[]> | null = null;

  constructor(
    private readonly services: RequestServices,
    readonly spec: StatisticsSpec,
    readonly view: View,
    private readonly query: Omit<StatisticsQuery, 'measure'>,
    private readonly names: readonly string[],
    readonly zone: { readonly name: string; readonly interval: Interval | null; readonly local: LocalTime },
  ) {}

  get edges(): readonly number[] {
    return this.query.edges;
  }

  get from(): Instant {
    return toInstant(this.edges[0] ?? 0);
  }

  get to(): Instant {
    return toInstant(this.edges.at(-1) ?? 0);
  }

  /** Whether a record can be in several groups. */
  get isOverlapping(): boolean {
    const { kind, unit } = this.spec;
    const { fields, facets, items } = DEFINITION_OF[kind];
    const specs = { ...fields, ...facets?.fields, ...(unit === 'ITEM' ? items?.fields : {}) };
    return this.query.groupBy.some(
      (dimension) =>
        dimension.type === 'FIELD' && specs[dimension.field as keyof typeof specs]?.type === 'texts',
    );
  }

  counts(): Promise<Statistics> {
    return this.#read({ type: 'COUNT' });
  }

  async distinct(of: string, slot: Slot, bucket: number | null): Promise<number> {
    return this.#cell(await this.#read(distinctMeasure(of)), slot, bucket) as number;
  }

  async duration(name: string, slot: Slot, bucket: number | null): Promise<[DurationSummary, NamedDuration]> {
    const named = this.spec.durations[name];
    if (!named) throw badInput(`There is no duration ${name}.`, 'of');
    const found = await this.#read({ type: 'DURATION', ...named.measure });
    return [this.#cell(found, slot, bucket) as DurationSummary, named];
  }

  /** Begins to read measures that will be asked for: a store reads together what it is asked for at the same time. */
  begin(measures: readonly StatisticsMeasure[]): void {
    for (const measure of measures) this.#read(measure).catch(() => {});
  }

  #read(measure: StatisticsMeasure): Promise<Statistics> {
    const key = JSON.stringify(measure);
    const reading = this.#measured.get(key) ?? this.services.store.statistics({ ...this.query, measure });
    this.#measured.set(key, reading);
    return reading;
  }

  #cell(found: Statistics, slot: Slot, bucket: number | null): Measured | undefined {
    const cells: Cells | null | undefined =
      slot === 'TOTAL' ? found.total : slot === 'REST' ? found.rest : found.groups[slot];
    return bucket === null ? cells?.all : cells?.buckets[bucket];
  }

  /** Whether a bucket is cut by the window. */
  isPartial(bucket: number): boolean {
    const { interval, local } = this.zone;
    const [start, end] = [this.edges[bucket] ?? 0, this.edges[bucket + 1] ?? 0];
    if (interval === null) return false;
    return !isStart(start, interval, local) || !isStart(end, interval, local);
  }

  coverage(): Promise<CoverageFacts> {
    this.#coverage ??= this.#reportCoverage();
    return this.#coverage;
  }

  async #reportCoverage(): Promise<CoverageFacts> {
    const { kind, unit } = this.spec;
    const { from, to } = this;
    const report = await reportCoverage(this.services, this.view, DEFINITION_OF[kind].resource, this.names, {
      from,
      to,
    });
    const { integrations, filter, seq } = this.query;
    return withUndecided(this.services, report, { kind, integrations, filter, seq }, unit);
  }

  /** Why a bucket may be incomplete; none if it is complete. */
  async gapReasons(bucket: number): Promise<GapReason[]> {
    this.#gaps ??= this.#readGaps();
    const [start, end] = [toInstant(this.edges[bucket] ?? 0), toInstant(this.edges[bucket + 1] ?? 0)];
    const isMoving = DEFINITION_OF[this.spec.kind].population.changesMoveRecords;
    const gaps = (await this.#gaps).filter((gap) => gap.to > start && (isMoving || gap.from < end));
    return [...new Set(gaps.map(({ reason }) => reason))];
  }

  /**
   * The gaps that buckets may have. A record that moves in its stream with each change may come from any later time, so
   * everything from the bucket on must be complete.
   */
  async #readGaps(): Promise<GapSpan[]> {
    const { kind, times } = this.spec;
    const { resource, population } = DEFINITION_OF[kind];
    const end = this.view.frozen ? this.view.asOf : this.services.now();
    const bounds = { from: this.from, to: population.changesMoveRecords ? end : this.to };
    const { filterKey } = Object.values(times).find(({ field }) => field === this.query.time) ?? {};
    const keys = [FILTER_KEYS[resource][0], ...(filterKey ? [filterKey as FilterKey] : [])];
    const reports = await Promise.all(
      keys.map((key) => reportCoverage(this.services, this.view, resource, this.names, bounds, key)),
    );
    const ahead: GapSpan[] = this.to > end ? [{ from: end, to: this.to, reason: 'NOT_COLLECTED' }] : [];
    return [...reports.flatMap(({ gaps }) => gaps), ...ahead];
  }
}

function distinctMeasure(of: string): StatisticsMeasure {
  return { type: 'DISTINCT', of: of === OWNERS ? null : of };
}

/** The measures that are selected anywhere within statistics. One that a variable names is read when it is asked for. */
export function measuresIn(
  { fieldNodes, fragments }: Pick<GraphQLResolveInfo, 'fieldNodes' | 'fragments'>,
  { distinct, durations }: StatisticsSpec,
): StatisticsMeasure[] {
  const found: StatisticsMeasure[] = [];
  const [defaultDuration] = Object.keys(durations);
  const visitor: ASTVisitor = {
    Field({ name, arguments: [of] = [] }) {
      const value = of === undefined ? defaultDuration : of.value.kind === Kind.ENUM ? of.value.value : '';
      const field = name.value === 'distinct' ? distinct[value ?? '']?.field : undefined;
      const duration = name.value === 'duration' ? durations[value ?? ''] : undefined;
      if (field) found.push(distinctMeasure(field));
      if (duration) found.push({ type: 'DURATION', ...duration.measure });
    },
    FragmentSpread({ name }) {
      const fragment = fragments[name.value];
      if (fragment) visit(fragment, visitor);
    },
  };
  for (const node of fieldNodes) visit(node, visitor);
  return found;
}

interface GapSpan {
  readonly from: Instant;
  readonly to: Instant;
  readonly reason: GapReason;
}

export async function readStatistics(
  services: RequestServices,
  spec: StatisticsSpec,
  args: StatisticsInput,
  measures: readonly StatisticsMeasure[],
): Promise<{ readonly reading: StatisticsReading; readonly counts: Statistics }> {
  const options = toReadOptions(services, { asOf: args.asOf ?? null });
  const { asOf } = options;
  const view =
    asOf === null
      ? latestView(services, options, null, await services.loaders.current.head())
      : await pastView(services, { ...options, asOf });
  const integrations = await checkIntegrations(services, args.integrations);
  const to = args.to ?? asOf ?? services.now();
  const from = args.from ?? shift(to, -DEFAULT_SPAN);
  if (from >= to) throw badInput(`from (${from}) must be before to (${to}).`, 'from');
  const dimensions = args.groupBy ?? [];
  const time = args.timeField ?? Object.values(spec.times)[0]?.field ?? '';
  const top = checkedNumber('top', args.top ?? 10, MOST_GROUPS);
  const zone = zoneOf(args);
  const query = {
    ...{
      kind: spec.kind,
      unit: spec.unit,
      integrations,
      filter: spec.filter.toFilter(args.filter, { at: asOf ?? currentSecond(services).from, relative: [] }),
      seq: view.seq,
    },
    ...{ time, edges: edgesOf(toMillis(from), toMillis(to), zone, dimensions.length === 0 ? 0 : top) },
    groupBy: dimensionsOf(dimensions, time, asOf ?? services.now()),
    ...{
      top,
      minCount: checkedNumber('minCount', args.minCount ?? 1, Number.MAX_SAFE_INTEGER),
      whole: spec.whole,
    },
  };
  const names = integrations ?? (await integrationNames(services));
  const reading = new StatisticsReading(services, spec, view, query, names, zone);
  reading.begin(measures);
  return { reading, counts: await reading.counts() };
}

function checkedNumber(name: string, value: number, most: number): number {
  if (value >= 1 && value <= most) return value;
  throw badInput(`${name} must be from 1 to ${most}; it is ${value}.`, name);
}

function zoneOf({ timeZone, interval }: StatisticsArgs) {
  const name = timeZone ?? 'UTC';
  const local = localTimeOf(name);
  if (local !== null) return { name, interval: interval ?? null, local };
  throw badInput(
    `timeZone must be an IANA name such as Europe/Berlin or UTC; it is ${JSON.stringify(name)}.`,
    'timeZone',
  );
}

function edgesOf(
  from: number,
  to: number,
  { interval, local }: StatisticsReading['zone'],
  groups: number,
): number[] {
  const most = Math.floor(MOST_CELLS / (groups + 1));
  const edges = bucketEdges(from, to, interval, local, most);
  if (edges !== null) return edges;
  const coarser = INTERVALS.find(
    (each, i) =>
      i > INTERVALS.indexOf(interval ?? 'MONTH') && bucketEdges(from, to, each, local, most) !== null,
  );
  const advice = coarser
    ? `Use the interval ${coarser}, or a shorter window.`
    : 'Use a shorter window or fewer groups.';
  throw queryError(
    'LIMIT_EXCEEDED',
    `Buckets × (groups + 1) may be ${MOST_CELLS} at most: with ${groups} groups, ${most} buckets. ${advice}`,
    { limit: 'STATISTICS_CELLS', allowed: MOST_CELLS, ...(coarser && { interval: coarser }) },
  );
}

function dimensionsOf(fields: readonly string[], time: string, at: Instant): Dimension[] {
  if (fields.length > 2)
    throw badInput(`groupBy takes up to 2 dimensions; it has ${fields.length}.`, 'groupBy');
  if (new Set(fields).size < fields.length) throw badInput('groupBy names a dimension twice.', 'groupBy');
  return fields.map((field): Dimension => {
    if (field === ACCOUNT_DIMENSION) return { type: 'ACCOUNT' };
    if (field === AGE_DIMENSION) return { type: 'AGE', field: time, at: toMillis(at), limits: AGE_LIMITS };
    return { type: 'FIELD', field };
  });
}
