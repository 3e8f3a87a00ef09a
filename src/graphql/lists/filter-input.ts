import { Field, InputType, Int } from 'type-graphql';
import type { FieldSpec } from '../../resources/definition.js';
import { DEFINITION_OF, FIELDS, ID_NAMES, type ListedKind } from '../../resources/registry.js';
import type { FieldValue, Filter } from '../../values/filter.js';
import { type Instant, shift } from '../../values/instant.js';
import { badInput } from '../base/errors.js';
import { DateTime, Duration, ENUM_NAMES } from '../base/fields.js';

const EQ_NULL = '`null` matches records without a value.';
const NE = 'The opposite of `eq`: it matches records without a value, and `null` matches those with one.';
const NONE = 'The opposite of `in`: it matches records without a value.';
const ANY = 'For a field with several values, one matching value is enough.';

function comparisonInput(
  name: string,
  type: object,
  description: string,
  operators: Readonly<Partial<Record<Operator, string>>>,
): object {
  class Input {}
  for (const [operator, text] of Object.entries(operators)) {
    const isList = operator === 'in' || operator === 'notIn';
    const ofOne = operator === 'last' ? Duration : type;
    Field(() => (isList ? [type] : ofOne), { nullable: true, description: text })(Input.prototype, operator);
  }
  InputType(name, { description })(Input);
  return Input;
}

const TextFilter = comparisonInput('TextFilter', String, `Compares text. ${ANY}`, {
  eq: `Equal, case-sensitive. ${EQ_NULL}`,
  in: 'Equal to one of these values, case-sensitive; at most 500.',
  ne: `Not equal, case-sensitive. ${NE}`,
  notIn: `Equal to none of these values, case-sensitive; at most 500. ${NONE}`,
  contains: 'Contains this text, ignoring case.',
  startsWith: 'Starts with this text, ignoring case.',
});

const DateTimeFilter = comparisonInput('DateTimeFilter', DateTime, 'Compares instants.', {
  eq: `Equal to the millisecond. ${EQ_NULL}`,
  ne: `Not equal, to the millisecond. ${NE}`,
  gt: 'Later than this instant.',
  gte: 'At this instant or later.',
  lt: 'Earlier than this instant.',
  lte: 'At this instant or earlier.',
  last: 'At most this long before the current second (with `asOf`: before that instant), or later: `P1D`. All pages of a list use the instant of the first page.',
});

const EXACT = {
  eq: `Equal. ${EQ_NULL}`,
  in: 'Equal to one of these values; at most 500.',
  ne: `Not equal. ${NE}`,
  notIn: `Equal to none of these values; at most 500. ${NONE}`,
};

const IntFilter = comparisonInput('IntFilter', Int, 'Compares integers.', {
  ...EXACT,
  gt: 'Greater than this value.',
  gte: 'Greater or equal.',
  lt: 'Less than this value.',
  lte: 'Less or equal.',
});

const BooleanFilter = comparisonInput('BooleanFilter', Boolean, 'Compares booleans.', {
  eq: EXACT.eq,
  ne: EXACT.ne,
});

const enumFilters = new Map<object, object>();

/** The same input type for the same enum, whatever asks for it. */
function enumFilter(type: object): object {
  const known = enumFilters.get(type);
  if (known) return known;
  const name = ENUM_NAMES.get(type);
  const made = comparisonInput(`${name}Filter`, type, `Compares values of ${name}. ${ANY}`, EXACT);
  enumFilters.set(type, made);
  return made;
}

/** The input types by the types of the fields of definitions. */
const TYPES: Readonly<Record<FieldSpec['type'], object>> = {
  ...{ text: TextFilter, texts: TextFilter, instant: DateTimeFilter },
  ...{ number: IntFilter, boolean: BooleanFilter },
};

interface FilterField {
  /** The name in the graph; by default the field's own. */
  readonly name?: string;
  /** A name that it had, for one more release. */
  readonly formerName?: string;
  /** The enum of its values, if they are those of one. */
  readonly type?: object;
  /** What it filters by, in words. */
  readonly by: string;
}

/** The items of a record, of which one must match a filter. */
interface ItemField {
  readonly type: object;
  readonly description: string;
  readonly items: KindFilter;
}

/** By name; text for a field with nothing but words, `null` for a field that is not in the filter. */
type ShownBy = Readonly<Record<string, string | FilterField | ItemField | null>>;

/** Every field of a kind, by its name in the definition, and what else its records are found by. */
export type FilterFields<K extends ListedKind> = ShownBy & {
  readonly [F in keyof (typeof FIELDS)[K]]: ShownBy[string];
};

/** All comparisons and combinations must match. */
export interface FilterInput {
  readonly and?: readonly FilterInput[] | null;
  readonly or?: readonly FilterInput[] | null;
  readonly not?: FilterInput | null;
  readonly [field: string]: unknown;
}

interface ShownField {
  readonly field: string;
  readonly name: string;
  readonly formerName?: string;
  readonly type: object;
  readonly description: string;
  readonly items?: KindFilter;
}

export interface KindFilter {
  readonly type: object;
  readonly fields: readonly ShownField[];
  /** The store's filter; `null` when nothing is filtered. */
  readonly toFilter: (input: FilterInput | null | undefined, present: Present) => Filter | null;
}

/** The instant that `last` counts back from, and the comparisons that do. */
export interface Present {
  readonly at: Instant;
  readonly relative: { readonly field: string; readonly ms: number; readonly isOfItems?: true }[];
}

/** The filter of a kind: all of its fields, and what else its records are found by. */
export function filterInputFor<K extends ListedKind>(kind: K, shown: FilterFields<K>): KindFilter {
  const { graphType, facets } = DEFINITION_OF[kind];
  const specs = { ...FIELDS[kind], ...facets?.fields };
  return filterInputOf(`${graphType}Filter`, specs, shown, ID_NAMES[kind]);
}

/** The same for other fields than those of a kind. Throws for a field that has no specification. */
export function filterInputOf(
  typeName: string,
  specs: Readonly<Record<string, FieldSpec>>,
  shown: ShownBy,
  idName = 'id',
): KindFilter {
  const fields = Object.entries(shown).flatMap(([field, given]): ShownField[] => {
    if (given === null) return [];
    if (typeof given === 'object' && 'items' in given) return [{ name: field, ...given, field }];
    const { by, type: words, ...names }: FilterField = typeof given === 'string' ? { by: given } : given;
    const spec = specs[field];
    if (!spec) throw new TypeError(`${typeName} has the field ${field}, which the definition does not have.`);
    const type = words ? enumFilter(words) : TYPES[spec.type];
    const name = field === 'id' ? idName : field;
    return [{ name, ...names, type, field, description: `Filter by ${by}.` }];
  });
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
export function someOf(typeName: string, items: KindFilter, description: string): ItemField {
  class Input {}
  const some = 'One of them matches this filter: all of its conditions hold for the same one.';
  Field(() => items.type, { nullable: true, description: some })(Input.prototype, 'some');
  InputType(typeName, { description })(Input);
  return { type: Input, description, items };
}

const MOST_CONDITIONS = 100;
const MOST_VALUES = 500;
const MOST_LEVELS = 20;

function readFilter(
  input: FilterInput | null,
  fields: readonly ShownField[],
  present: Present,
): Filter | null {
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

function partsOf(input: FilterInput, fields: readonly ShownField[], present: Present, path: Path): Filter[] {
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
const COMPARISONS = {
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
} satisfies Readonly<Record<string, (field: string, value: never, present: Present) => Filter>>;

type Operator = keyof typeof COMPARISONS;

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
