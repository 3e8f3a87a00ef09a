import { ArgsType, Field } from 'type-graphql';
import { countItems } from '../../history/items.js';
import type { Unit } from '../../history/statistics.js';
import type { ListQuery } from '../../history/store.js';
import {
  coverageOf,
  isComplete,
  type Missing,
  type RecordedEntry,
  stillMissing,
  streamText,
  type WindowStatus,
} from '../../model/ledger.js';
import type { Stream } from '../../model/stream.js';
import {
  DEFAULT_ORDER,
  DEFINITION_OF,
  FILTER_KEYS,
  type FilterKey,
  KIND_OF,
  type ListedKind,
  type Resource,
  type Undecided,
  undecidedBy,
} from '../../resources/registry.js';
import { type Filter, intOrNull } from '../../values/filter.js';
import { earliest, type Instant, latest, shift, type Window } from '../../values/instant.js';
import { badInput } from '../base/errors.js';
import { DateTime, OnlyIntegrations } from '../base/fields.js';
import { currentSecond, latestView, pastView, toReadOptions, type View } from '../lists/view.js';
import { checkIntegrations, integrationNames, type RequestServices } from '../request/services.js';
import type { CoverageFacts, MissingOfStream } from './coverage.type.js';
import { ResourceEnum } from './run.type.js';

const NONE_UNDECIDED = { count: 0, reason: null };
const EPOCH: Instant = '1970-01-01T00:00:00.000Z';

/** The bounds `[from, to)` that a filter sets on a field, whatever its other conditions are. */
export function boundsOf(filter: Filter | null, field: string): { from: Instant | null; to: Instant | null } {
  if (filter === null) return { from: null, to: null };
  if ('and' in filter) {
    const bounds = filter.and.map((part) => boundsOf(part, field));
    return {
      from: bounds.map(({ from }) => from).reduce((a, b) => (a && b ? latest(a, b) : (a ?? b)), null),
      to: bounds.map(({ to }) => to).reduce((a, b) => (a && b ? earliest(a, b) : (a ?? b)), null),
    };
  }
  if (!('field' in filter) || filter.field !== field) return { from: null, to: null };
  if ('eq' in filter && typeof filter.eq === 'string') return { from: filter.eq, to: shift(filter.eq, 1) };
  if ('gte' in filter && typeof filter.gte === 'string') return { from: filter.gte, to: null };
  if ('lte' in filter && typeof filter.lte === 'string') return { from: null, to: shift(filter.lte, 1) };
  return { from: null, to: null };
}

/**
 * What the history contains of a resource within the bounds, in a view. Without a lower bound the window begins where
 * the collection of each integration begins; without an upper bound it ends now, or at the instant of a past view.
 */
export async function reportCoverage(
  services: RequestServices,
  view: Pick<View, 'seq' | 'asOf' | 'frozen'>,
  resource: Resource,
  integrations: readonly string[],
  bounds: { readonly from: Instant | null; readonly to: Instant | null },
  filterKey: FilterKey = FILTER_KEYS[resource][0],
): Promise<CoverageFacts> {
  const second = currentSecond(services);
  const end = view.frozen ? view.asOf : second.from;
  const to = bounds.to === null ? end : earliest(bounds.to, end);
  if (!view.frozen && to === end) services.reads.noteTime(second);
  const states = await services.loaders.current.streams();
  const parts = await Promise.all(
    integrations.map(async (integration) => {
      const stream: Stream = { integration, resource, filterKey };
      const state = states.find((s) => streamText(s) === streamText(stream));
      const from = bounds.from ?? state?.collectFrom ?? EPOCH;
      const entries = await services.store.ledger(stream, from, to, view.seq);
      return reportStream(services, view.seq, stream, entries, { from, to });
    }),
  );
  return combine(parts, bounds.from ?? to, to);
}

/** Adds the stored records that the filter can neither include nor exclude; if there are any, it is not complete. */
export async function withUndecided(
  { store }: RequestServices,
  report: CoverageFacts,
  query: ListQuery,
  unit: Unit = 'RECORD',
): Promise<CoverageFacts> {
  const { kind } = query;
  const parts = await Promise.all(
    undecidedBy(kind, query.filter, unit === 'ITEM').map(async ({ filter, ...times }) => ({
      ...{ ...times, kind, unit },
      count: await (unit === 'ITEM'
        ? countItems(store, { ...query, filter })
        : store.count({ ...query, filter })),
    })),
  );
  const found = parts.filter(({ count }) => count > 0);
  if (found.length === 0) return report;
  const undecided = { count: sum(found.map(({ count }) => count)), reason: found.map(reasonText).join(' ') };
  return { ...report, complete: false, undecided };
}

interface UndecidedCount extends Omit<Undecided, 'filter'> {
  readonly kind: ListedKind;
  readonly unit: Unit;
  readonly count: number;
}

function reasonText({ kind, unit, fields, isOfItems, count }: UndecidedCount): string {
  const { noun, graphField } = DEFINITION_OF[kind].items ?? { noun: 'item', graphField: 'items' };
  const one = unit === 'ITEM' ? noun : 'record';
  const isOfRecord = unit === 'ITEM' || !isOfItems;
  const times = fields.join(' or ');
  const [records, them] =
    count === 1 ? [`1 stored ${one} has`, 'it'] : [`${count} stored ${one}s have`, 'them'];
  const conditions = fields.map((field) => `{ ${field}: { eq: null } }`);
  const condition = conditions.length === 1 ? conditions[0] : `{ or: [${conditions.join(', ')}] }`;
  return (
    `${records} ${isOfRecord ? 'no' : `a ${noun} without`} ${times}, so the filter can neither include nor exclude ${them}. ` +
    `\`filter: ${isOfRecord ? condition : `{ ${graphField}: { some: ${condition} } }`}\` lists all ${one}s ` +
    `${isOfRecord ? 'without' : `with a ${noun} without`} ${times}.`
  );
}

async function reportStream(
  services: RequestServices,
  seq: number,
  stream: Stream,
  entries: readonly RecordedEntry[],
  { from, to }: Window,
): Promise<CoverageFacts> {
  const { integration, resource } = stream;
  const { gaps, missing } = coverageOf(entries, from, to);
  const left = await stillMissing(services.store, stream, missing, seq);
  const only = entries.findLast(
    (entry) => entry.from === from && entry.to === to && READ.includes(entry.status),
  );
  return {
    ...{ from, to, complete: isComplete(gaps, left) },
    gaps: gaps.map((gap) => ({ ...gap, integration })),
    undecided: NONE_UNDECIDED,
    missing: left.map((each) => toMissingRecord(stream, each)),
    declared: intOrNull(only?.declared ?? null),
    countHeld: () => countWithin(services, seq, integration, resource, { from, to }),
  };
}

export function toMissingRecord(
  { integration, resource }: Pick<Stream, 'integration' | 'resource'>,
  { id, code, reason, since, from, to }: Missing,
): MissingOfStream {
  return { integration, kind: KIND_OF[resource], id, code, reason, since, from, to };
}

const READ: readonly WindowStatus[] = ['COMPLETE', 'PARTIAL'];

/** A record that disappeared before it could be read is listed as missing, but does not make coverage incomplete. */
function countWithin(
  { store }: RequestServices,
  seq: number,
  integration: string,
  resource: Resource,
  { from, to }: Window,
): Promise<number> {
  if (from >= to) return Promise.resolve(0);
  const kind = KIND_OF[resource];
  const field = DEFAULT_ORDER[kind];
  const filter: Filter = {
    and: [
      { field, gte: from },
      { field, lte: shift(to, -1) },
    ],
  };
  return store.count({ kind, integrations: [integration], filter, seq });
}

function combine(parts: readonly CoverageFacts[], from: Instant, to: Instant): CoverageFacts {
  const declared = parts.map((part) => part.declared);
  return {
    from: parts.map((part) => part.from).reduce(earliest, from),
    to,
    complete: parts.every((part) => part.complete),
    gaps: parts.flatMap((part) => part.gaps),
    undecided: NONE_UNDECIDED,
    missing: parts.flatMap((part) => part.missing),
    declared: declared.length === 0 || declared.includes(null) ? null : intOrNull(sum(declared)),
    countHeld: async () => sum(await Promise.all(parts.map((part) => part.countHeld()))),
  };
}

function sum(numbers: readonly (number | null)[]): number {
  return numbers.reduce<number>((total, n) => total + (n ?? 0), 0);
}

export async function readCoverage(services: RequestServices, args: CoverageArgs): Promise<CoverageFacts> {
  const { from = null, to = null, resource } = args;
  if (from !== null && to !== null && to < from)
    throw badInput(`to (${to}) must not be before from (${from}).`, 'to');
  const options = toReadOptions(services, { asOf: args.asOf ?? null });
  const { asOf } = options;
  // before all else, so that what is recorded meanwhile changes the head
  const head = await services.store.head();
  services.reads.noteHead(head.seq);
  const view =
    asOf === null
      ? latestView(services, options, null, head)
      : await pastView(services, { ...options, asOf });
  const integrations = await checkIntegrations(services, args.integrations);
  const names = integrations ?? (await integrationNames(services));
  const report = await reportCoverage(services, view, resource, names, { from, to });
  const kind = KIND_OF[resource];
  const query = { kind, filter: windowFilter(kind, from, to), integrations, seq: view.seq };
  return withUndecided(services, report, query);
}

function windowFilter(kind: ListedKind, from: Instant | null, to: Instant | null): Filter | null {
  const field = DEFAULT_ORDER[kind];
  const parts = [
    ...(from === null ? [] : [{ field, gte: from }]),
    ...(to === null ? [] : [{ field, lte: to }]),
  ];
  return parts.length === 0 ? null : { and: parts };
}

@ArgsType()
export class CoverageArgs {
  @Field(() => ResourceEnum, { description: 'The resource.' })
  resource!: Resource;

  @Field(() => DateTime, {
    nullable: true,
    description: 'Start of the window (UTC), inclusive. Default: the start of the collection.',
  })
  from?: Instant | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'End of the window (UTC), exclusive, at most now (or `asOf`), which is the default.',
  })
  to?: Instant | null;

  @OnlyIntegrations
  integrations?: string[] | null;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'The coverage as recorded at this instant of the gateway’s clock (UTC). Must not be in the future.',
  })
  asOf?: Instant | null;
}
