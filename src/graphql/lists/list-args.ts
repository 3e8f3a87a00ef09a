import { ArgsType, Field, ID, InputType, Int, registerEnumType } from 'type-graphql';
import { DEFAULT_ORDER, type FIELDS, type ListedKind } from '../../resources/registry.js';
import type { FieldValue, Filter } from '../../values/filter.js';
import { type Instant, shift } from '../../values/instant.js';
import { badInput } from '../base/errors.js';
import { DateTime, describedEnum } from '../base/fields.js';
import { PageArgs } from './page.js';
import type { Operator } from './value-filters.js';
import type { ReadArgs } from './view.js';

interface FilterField {
  /** The name in the graph; by default the field's own. */
  readonly name?: string;
  /** A name that it had, for one more release. */
  readonly formerName?: string;
  readonly type: object;
  readonly description: string;
  /** For the items of a record: the filter of which one of them must match all. */
  readonly items?: KindFilter;
}

/** Every field of a kind, by its name in the definition; `null` for a field that is not in the filter. */
type FilterFields<K extends ListedKind> = {
  readonly [F in keyof (typeof FIELDS)[K]]: FilterField | null;
};

/** All comparisons and combinations must match. */
export interface FilterInput {
  readonly and?: readonly FilterInput[] | null;
  readonly or?: readonly FilterInput[] | null;
  readonly not?: FilterInput | null;
  readonly [field: string]: unknown;
}

type ShownFields = readonly (FilterField & { readonly field: string; readonly name: string })[];

export interface KindFilter {
  readonly type: object;
  readonly fields: ShownFields;
  /** The store's filter; `null` when nothing is filtered. */
  readonly toFilter: (input: FilterInput | null | undefined, present: Present) => Filter | null;
}

/** The instant that `last` counts back from, and the comparisons that do. */
export interface Present {
  readonly at: Instant;
  readonly relative: { readonly field: string; readonly ms: number; readonly isOfItems?: true }[];
}

/** The filter of a kind: all of its fields, and what else its records are found by. */
export function filterInputFor<K extends ListedKind>(
  typeName: string,
  shown: FilterFields<K> & Readonly<Record<string, FilterField | null>>,
): KindFilter {
  return filterInputOf(typeName, { ...shown });
}

/** The same for other fields than those of a kind. */
export function filterInputOf(
  typeName: string,
  shown: Readonly<Record<string, FilterField | null>>,
): KindFilter {
  const fields = Object.entries(shown).flatMap(([field, spec]) =>
    spec === null ? [] : [{ name: field, ...spec, field }],
  );
  class Input {}
  const optional = (type: () => object, name: string, description: string, more: object = {}) =>
    Field(type, { nullable: true, description, ...more })(Input.prototype, name);
  for (const { name, formerName, type, description } of fields) {
    optional(() => type, name, description);
    if (formerName) optional(() => type, formerName, description, { deprecationReason: `Use ${name}.` });
  }
  optional(() => [Input], 'and', 'All of these filters match; an empty list always matches.');
  optional(() => [Input], 'or', 'One of these filters matches; an empty list never matches.');
  const not =
    'This filter does not match. A comparison with a missing value does not match, so `not` includes it.';
  optional(() => Input, 'not', not);
  const description =
    'All given conditions must match. `eq: null` matches records without a value, `ne: null` those with one; any other null is ignored.';
  InputType(typeName, { description })(Input);
  return { type: Input, fields, toFilter: (input, present) => readFilter(input ?? null, fields, present) };
}

/** The field of a filter that matches records by their items: `{ some: … }`. */
export function someOf(typeName: string, items: KindFilter, description: string): FilterField {
  class Input {}
  const some = 'One of them matches this filter: all of its conditions hold for the same one.';
  Field(() => items.type, { nullable: true, description: some })(Input.prototype, 'some');
  InputType(typeName, { description })(Input);
  return { type: Input, description, items };
}

const MOST_CONDITIONS = 100;
const MOST_VALUES = 500;
const MOST_LEVELS = 20;

function readFilter(input: FilterInput | null, fields: ShownFields, present: Present): Filter | null {
  if (input === null) return null;
  const levels = levelsOf(input);
  if (levels > MOST_LEVELS) {
    const message = `A filter may be nested up to ${MOST_LEVELS} levels deep; this one has ${levels}.`;
    throw badInput(message, 'filter');
  }
  const parts = partsOf(input, fields, present, ['filter']);
  const conditions = countConditions(parts);
  if (conditions > MOST_CONDITIONS) {
    const message = `A filter may have up to ${MOST_CONDITIONS} comparisons; this one has ${conditions}.`;
    throw badInput(message, 'filter');
  }
  return parts.length > 0 ? together(parts) : null;
}

/** The gateway's limits bound the depth. */
function levelsOf({ and, or, not, ...fields }: FilterInput): number {
  const some = Object.values(fields)
    .map(someIn)
    .filter((each) => each !== null);
  const inner = [...(and ?? []), ...(or ?? []), ...(not ? [not] : []), ...some];
  return inner.length === 0 ? 0 : 1 + Math.max(...inner.map(levelsOf));
}

function someIn(field: unknown): FilterInput | null {
  return (field as { readonly some?: FilterInput | null } | null | undefined)?.some ?? null;
}

type Path = readonly [argument: string, ...within: (string | number)[]];

function partsOf(input: FilterInput, fields: ShownFields, present: Present, path: Path): Filter[] {
  const { and, or, not } = input;
  const inner = (part: FilterInput, ...place: Path) =>
    together(partsOf(part, fields, present, [...path, ...place]));
  return [
    ...fields.flatMap(({ name, formerName = name, field, items }) =>
      [...new Set([name, formerName])].flatMap((each) =>
        items
          ? someOfItems(items, input[each], present, [...path, each])
          : comparisonsOf(field, input[each], present, [...path, each]),
      ),
    ),
    ...(and ?? []).map((part, index) => inner(part, 'and', index)),
    ...(or ? [{ or: or.map((part, index) => inner(part, 'or', index)) }] : []),
    ...(not ? [{ not: inner(not, 'not') }] : []),
  ];
}

function someOfItems(
  { fields }: KindFilter,
  given: unknown,
  { at, relative }: Present,
  path: Path,
): Filter[] {
  const some = someIn(given);
  if (some === null) return [];
  const present: Present = { at, relative: [] };
  const filter = together(partsOf(some, fields, present, [...path, 'some']));
  relative.push(...present.relative.map((each) => ({ ...each, isOfItems: true as const })));
  return [{ some: filter }];
}

function together(parts: readonly Filter[]): Filter {
  const [only] = parts;
  return parts.length === 1 && only ? only : { and: parts };
}

/** A comparison of the graph as one of the stores, which have fewer. */
const COMPARISONS: Readonly<Record<Operator, (field: string, value: never, present: Present) => Filter>> = {
  eq: (field, eq: FieldValue) => ({ field, eq }),
  ne: (field, eq: FieldValue) => ({ not: { field, eq } }),
  in: (field, values: readonly FieldValue[]) => ({ field, in: values }),
  notIn: (field, values: readonly FieldValue[]) => ({ not: { field, in: values } }),
  gt: (field, gte: string | number) => ({ and: [{ field, gte }, { not: { field, eq: gte } }] }),
  gte: (field, gte: string | number) => ({ field, gte }),
  lt: (field, lte: string | number) => ({ and: [{ field, lte }, { not: { field, eq: lte } }] }),
  lte: (field, lte: string | number) => ({ field, lte }),
  contains: (field, contains: string) => ({ field, contains }),
  startsWith: (field, startsWith: string) => ({ field, startsWith }),
  last: (field, ms: number, { at, relative }) => {
    relative.push({ field, ms });
    return { field, gte: shift(at, -ms) };
  },
};

function comparisonsOf(field: string, given: unknown, present: Present, path: Path): Filter[] {
  return Object.entries(given ?? {}).flatMap(([name, value]: [string, unknown]) => {
    const compare = COMPARISONS[name as Operator];
    const isIgnored = value === undefined || (value === null && name !== 'eq' && name !== 'ne');
    if (!compare || isIgnored) return [];
    if (Array.isArray(value) && value.length > MOST_VALUES) {
      const message = `${path.at(-1)}.${name} may list up to ${MOST_VALUES} values; it has ${value.length}.`;
      throw badInput(message, ...path, name);
    }
    return compare(field, value as never, present);
  });
}

function countConditions(filters: readonly Filter[]): number {
  return filters.reduce((sum, filter) => sum + sizeOf(filter), 0);
}

function sizeOf(filter: Filter): number {
  if ('and' in filter || 'or' in filter) return 1 + countConditions('and' in filter ? filter.and : filter.or);
  if ('not' in filter) return 1 + sizeOf(filter.not);
  return 'some' in filter ? 1 + sizeOf(filter.some) : 1;
}

const OrderDirection = describedEnum<'ASC' | 'DESC'>('OrderDirection', 'Direction of an order.', {
  ASC: 'Ascending: smallest or oldest first; records without a value come first.',
  DESC: 'Descending: largest or newest first; records without a value come last.',
});

interface OrderInput {
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
  readonly type: object;
  readonly fields: readonly string[];
  /** Default: the kind's own order, newest first. */
  readonly toOrder: (input: OrderInput | null | undefined) => Order;
}

export function orderOf<K extends ListedKind>(
  kind: K,
  noun: string,
  fields: Readonly<Record<OrderFieldOf<K> & string, OrderField>>,
): KindOrder {
  return orderBy(noun, fields, DEFAULT_ORDER[kind], 'integration, then by Abnormal’s id');
}

interface OrderField {
  readonly name: string;
  readonly description: string;
}

/** An order of anything; `ties` says by what equal values are ordered. */
export function orderBy(
  noun: string,
  fields: Readonly<Record<string, OrderField>>,
  byDefault: string,
  ties: string,
): KindOrder {
  const entries = Object.entries(fields);
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
    description: `The order of a list. Equal values are ordered by ${ties}, in the same direction.`,
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

  const toOrder = (input: OrderInput | null | undefined): Order =>
    input
      ? { field: input.field, descending: input.direction !== 'ASC' }
      : { field: byDefault, descending: true };
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
class ListArgs extends PageArgs implements ReadArgs {
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

/** The arguments of a list with its own filter and order. */
export function listArgsOf(
  filter: KindFilter,
  order: KindOrder,
  noun: string,
  byDefault: string,
): new () => FilteredListArgs {
  @ArgsType()
  class Args extends ListArgs {
    @Field(() => filter.type, { nullable: true, description: `Only ${noun} that match this filter.` })
    filter?: FilterInput | null;

    @Field(() => order.type, { nullable: true, description: `The order. Default: ${byDefault}.` })
    orderBy?: OrderInput | null;
  }
  return Args;
}

export type FilteredListArgs = ListArgs & {
  readonly filter?: FilterInput | null;
  readonly orderBy?: OrderInput | null;
};
