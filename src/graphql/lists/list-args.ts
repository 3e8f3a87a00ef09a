import { ArgsType, Field, ID, InputType, Int, registerEnumType } from 'type-graphql';
import { DEFAULT_ORDER, type FIELDS, type ListedKind } from '../../resources/registry.js';
import type { FieldValue, Filter } from '../../values/filter.js';
import type { Instant } from '../../values/instant.js';
import { badInput } from '../base/errors.js';
import { DateTime, describedEnum } from '../base/fields.js';
import { PageArgs } from './page.js';
import type { ReadArgs } from './view.js';

interface FilterField {
  /** The name in the graph; by default the field's own. */
  readonly name?: string;
  readonly type: object;
  readonly description: string;
}

/** Every field of a kind, by its name in the definition; `null` for a field that is not in the filter. */
type FilterFields<K extends ListedKind> = {
  readonly [F in keyof (typeof FIELDS)[K]]: FilterField | null;
};

/** A filter as the caller gives it: comparisons by field, all of which must be true, and combinations of filters. */
export interface FilterInput {
  readonly and?: readonly FilterInput[] | null;
  readonly or?: readonly FilterInput[] | null;
  readonly not?: FilterInput | null;
  readonly [field: string]: unknown;
}

export interface KindFilter {
  /** The input type, for `@Field`. */
  readonly type: object;
  readonly fields: readonly (FilterField & { readonly field: string; readonly name: string })[];
  /** The store's filter; `null` when nothing is filtered. */
  readonly toFilter: (input: FilterInput | null | undefined) => Filter | null;
}

export function filterInputFor<K extends ListedKind>(typeName: string, shown: FilterFields<K>): KindFilter {
  const fields = Object.entries<FilterField | null>({ ...shown }).flatMap(([field, spec]) =>
    spec === null ? [] : [{ name: field, ...spec, field }],
  );
  class Input {}
  const optional = (type: () => object, name: string, description: string) =>
    Field(type, { nullable: true, description })(Input.prototype, name);
  for (const { name, type, description } of fields) optional(() => type, name, description);
  optional(() => [Input], 'and', 'All of these filters match; an empty list always matches.');
  optional(() => [Input], 'or', 'One of these filters matches; an empty list never matches.');
  optional(
    () => Input,
    'not',
    'This filter does not match. A comparison with a missing value does not match, so `not` includes it.',
  );
  const description =
    'All given conditions must match. `eq: null` matches records without a value; any other null is ignored.';
  InputType(typeName, { description })(Input);
  return { type: Input, fields, toFilter: (input) => readFilter(input ?? null, fields) };
}

const MOST_CONDITIONS = 100;
const MOST_VALUES = 500;
const MOST_LEVELS = 20;

function readFilter(input: FilterInput | null, fields: KindFilter['fields']): Filter | null {
  if (input === null) return null;
  const levels = levelsOf(input);
  if (levels > MOST_LEVELS) {
    throw badInput(`A filter may be nested up to ${MOST_LEVELS} levels deep; this one has ${levels}.`);
  }
  const parts = partsOf(input, fields);
  const conditions = countConditions(parts);
  if (conditions > MOST_CONDITIONS) {
    throw badInput(`A filter may have up to ${MOST_CONDITIONS} comparisons; this one has ${conditions}.`);
  }
  return parts.length > 0 ? together(parts) : null;
}

/** How deep filters are nested; the gateway's limits bound it. */
function levelsOf({ and, or, not }: FilterInput): number {
  const inner = [...(and ?? []), ...(or ?? []), ...(not ? [not] : [])];
  return inner.length === 0 ? 0 : 1 + Math.max(...inner.map(levelsOf));
}

function partsOf(input: FilterInput, fields: KindFilter['fields']): Filter[] {
  const { and, or, not } = input;
  const inner = (part: FilterInput) => together(partsOf(part, fields));
  return [
    ...fields.flatMap(({ name, field }) => comparisonsOf(field, name, input[name])),
    ...(and ?? []).map(inner),
    ...(or ? [{ or: or.map(inner) }] : []),
    ...(not ? [{ not: inner(not) }] : []),
  ];
}

function together(parts: readonly Filter[]): Filter {
  const [only] = parts;
  return parts.length === 1 && only ? only : { and: parts };
}

interface Comparison {
  readonly eq?: FieldValue;
  readonly in?: readonly FieldValue[] | null;
  readonly gte?: string | number | null;
  readonly lte?: string | number | null;
  readonly contains?: string | null;
}

function comparisonsOf(field: string, name: string, given: unknown): Filter[] {
  if (given === undefined || given === null) return [];
  const { eq, in: values, gte, lte, contains } = given as Comparison;
  if (values && values.length > MOST_VALUES) {
    throw badInput(`${name}.in may list up to ${MOST_VALUES} values; it has ${values.length}.`);
  }
  return [
    ...(eq === undefined ? [] : [{ field, eq }]),
    ...(values ? [{ field, in: values }] : []),
    ...(gte === undefined || gte === null ? [] : [{ field, gte }]),
    ...(lte === undefined || lte === null ? [] : [{ field, lte }]),
    ...(contains === undefined || contains === null ? [] : [{ field, contains }]),
  ];
}

function countConditions(filters: readonly Filter[]): number {
  return filters.reduce((sum, filter) => sum + sizeOf(filter), 0);
}

function sizeOf(filter: Filter): number {
  if ('and' in filter) return 1 + countConditions(filter.and);
  if ('or' in filter) return 1 + countConditions(filter.or);
  if ('not' in filter) return 1 + sizeOf(filter.not);
  return 1;
}

const EQ_NULL = '`null` matches records without a value.';
const ANY = 'For a field with several values, one matching value is enough.';

@InputType({ description: `Compares text. ${ANY}` })
export class TextFilter {
  @Field(() => String, { nullable: true, description: `Equal, case-sensitive. ${EQ_NULL}` })
  eq?: string | null;

  @Field(() => [String], {
    nullable: true,
    description: 'Equal to one of these values, case-sensitive; at most 500.',
  })
  in?: string[] | null;

  @Field(() => String, { nullable: true, description: 'Contains this text, ignoring case.' })
  contains?: string | null;
}

@InputType({ description: 'Compares instants.' })
export class DateTimeFilter {
  @Field(() => DateTime, { nullable: true, description: `Equal to the millisecond. ${EQ_NULL}` })
  eq?: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'At this instant or later.' })
  gte?: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'At this instant or earlier.' })
  lte?: Instant | null;
}

@InputType({ description: 'Compares integers.' })
export class IntFilter {
  @Field(() => Int, { nullable: true, description: `Equal. ${EQ_NULL}` })
  eq?: number | null;

  @Field(() => [Int], {
    nullable: true,
    description: 'Equal to one of these values, case-sensitive; at most 500.',
  })
  in?: number[] | null;

  @Field(() => Int, { nullable: true, description: 'Greater or equal.' })
  gte?: number | null;

  @Field(() => Int, { nullable: true, description: 'Less or equal.' })
  lte?: number | null;
}

@InputType({ description: 'Compares booleans.' })
export class BooleanFilter {
  @Field(() => Boolean, { nullable: true, description: `Equal. ${EQ_NULL}` })
  eq?: boolean | null;
}

export function enumFilter(name: string, type: object): object {
  @InputType(`${name}Filter`, { description: `Compares values of ${name}. ${ANY}` })
  class EnumFilter {
    @Field(() => type, { nullable: true, description: `Equal. ${EQ_NULL}` })
    eq?: string | null;

    @Field(() => [type], { nullable: true, description: 'Equal to one of these values.' })
    in?: string[] | null;
  }
  return EnumFilter;
}

const OrderDirection = describedEnum<'ASC' | 'DESC'>('OrderDirection', 'Direction of an order.', {
  ASC: 'Ascending: smallest or oldest first; records without a value come first.',
  DESC: 'Descending: largest or newest first; records without a value come last.',
});

export interface OrderInput {
  readonly field: string;
  readonly direction?: 'ASC' | 'DESC' | null;
}

export interface Order {
  readonly field: string;
  readonly descending: boolean;
}

type Fields<K extends ListedKind> = (typeof FIELDS)[K];

type OrderFieldOf<K extends ListedKind> = {
  [F in keyof Fields<K>]: Fields<K>[F] extends { order: true } ? F : never;
}[keyof Fields<K>];

export interface KindOrder {
  /** The input type, for `@Field`. */
  readonly type: object;
  readonly fields: readonly string[];
  /** The order to read in; by default the kind's own, newest first. */
  readonly toOrder: (input: OrderInput | null | undefined) => Order;
}

/** Makes a kind's order input from its orderable fields, each with its name in the graph and a description. */
export function orderOf<K extends ListedKind>(
  kind: K,
  noun: string,
  fields: Readonly<Record<OrderFieldOf<K> & string, { readonly name: string; readonly description: string }>>,
): KindOrder {
  const entries = Object.entries<{ name: string; description: string }>(fields);
  const names = Object.fromEntries(entries.map(([field, { name }]) => [name, field]));
  const valuesConfig = Object.fromEntries(
    entries.map(([, { name, description }]) => [name, { description }]),
  );
  registerEnumType(names, {
    name: `${noun}OrderField`,
    description: `Fields that a list of ${noun} can be ordered by.`,
    valuesConfig,
  });

  @InputType(`${noun}Order`, {
    description:
      'The order of a list. Equal values are ordered by integration, then by Abnormal’s id, in the same direction.',
  })
  class Input {
    @Field(() => names, { description: 'The field to order by.' })
    field!: string;

    @Field(() => OrderDirection, {
      nullable: true,
      defaultValue: 'DESC',
      description: 'The direction. `null` means the default.',
    })
    direction?: 'ASC' | 'DESC' | null;
  }

  const byDefault: Order = { field: DEFAULT_ORDER[kind], descending: true };
  const toOrder = (input: OrderInput | null | undefined): Order =>
    input ? { field: input.field, descending: input.direction !== 'ASC' } : byDefault;
  return { type: Input, fields: entries.map(([field]) => field), toOrder };
}

const AS_OF =
  'Returns the graph as it was recorded at this instant (UTC), including everything below. Never asks Abnormal, so it cannot be combined with `maxAge`. Must not be in the future. Before the first recording the answer is the error `NOT_COLLECTED`, which names that instant.';
const MAX_AGE =
  'Maximum age of the answer in seconds; 0 always asks Abnormal. If the stored answer is older, the gateway asks Abnormal first and records the response. Default: `DEFAULT_MAX_AGE`.';
const STALE_IF_ERROR =
  'If Abnormal cannot answer: return what is recorded and mark it as stale (true), or fail with the reason (false).';

@ArgsType()
export class NodeArgs implements ReadArgs {
  @Field(() => DateTime, { nullable: true, description: AS_OF })
  asOf?: Instant | null;

  @Field(() => Int, { nullable: true, description: MAX_AGE })
  maxAge?: number | null;

  @Field(() => Boolean, { nullable: true, defaultValue: true, description: STALE_IF_ERROR })
  staleIfError?: boolean | null;
}

@ArgsType()
export class RecordArgs extends NodeArgs {
  @Field(() => ID, {
    nullable: true,
    description: 'Name of the integration that the record belongs to. Optional if there is only one.',
  })
  integration?: string | null;
}

@ArgsType()
export class ListArgs extends PageArgs implements ReadArgs {
  @Field(() => [ID], {
    nullable: true,
    description: 'Only these integrations, by name. Default: all.',
  })
  integrations?: string[] | null;

  @Field(() => DateTime, { nullable: true, description: AS_OF })
  asOf?: Instant | null;

  @Field(() => Int, { nullable: true, description: MAX_AGE })
  maxAge?: number | null;

  @Field(() => Boolean, { nullable: true, defaultValue: true, description: STALE_IF_ERROR })
  staleIfError?: boolean | null;
}
