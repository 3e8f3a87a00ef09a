import { Field, InputType, Int } from 'type-graphql';
import type { FIELDS, ListedKind } from '../../resources/registry.js';
import type { FieldValue, Filter } from '../../values/filter.js';
import type { Instant } from '../../values/instant.js';
import { badInput } from '../base/errors.js';
import { DateTime } from '../base/scalars.js';

/** How one field of a kind shows in its filter. */
interface FilterField {
  /** Its name in the graph; the field's own when not given. */
  readonly name?: string;
  /** The input that compares it. */
  readonly type: object;
  readonly description: string;
}

/** Every filterable field of a kind, by its name in `model/fields.ts`; `null` for one kept out of filters. */
type FilterFields<K extends ListedKind> = {
  readonly [F in keyof (typeof FIELDS)[K]]: FilterField | null;
};

/** A filter as the caller gives it: comparisons by field, all of which must hold, and how to combine filters. */
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
  /** What the store is asked; `null` when nothing is filtered. */
  readonly toFilter: (input: FilterInput | null | undefined) => Filter | null;
}

/** Makes a kind's filter input, and what reads it. */
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

/** How deep filters stand in one another; the gateway's limits keep that from growing without end. */
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

/** The input that compares values of one enum, `<name>Filter`. */
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
