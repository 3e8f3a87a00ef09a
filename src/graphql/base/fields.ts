import { GraphQLError, GraphQLScalarType, type GraphQLSchema, isObjectType, Kind } from 'graphql';
import { Extensions, Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { RedactionGroup } from '../../values/access.js';
import { DAY, HOUR, type Instant, MINUTE, parseUpstreamTime } from '../../values/instant.js';
import { Secret } from '../../values/secret.js';
import type { GatewayContext } from '../request/services.js';

type GraphInterface = abstract new (...args: never) => object;

interface OutputOptions {
  /** The name in the graph; that of the class if left out. */
  readonly name?: string;
  readonly implements?: GraphInterface | GraphInterface[];
}

/** A type of what is returned: its values are read from the object, except those of fields with a resolver. */
export function OutputType(description: string, { name, ...options }: OutputOptions = {}): ClassDecorator {
  const settings = { ...options, description, simpleResolvers: true };
  return name === undefined ? ObjectType(settings) : ObjectType(name, settings);
}

interface FieldOptions {
  /** The groups of personal data that the field shows, if any: see `Personal`. */
  readonly personal?: readonly RedactionGroup[];
}

interface ValueFieldOptions extends FieldOptions {
  readonly description: string;
  readonly nullable?: boolean;
}

const SHORT_FORMS = {
  text: () => String,
  int: () => Int,
  id: () => ID,
  instant: () => DateTime,
  boolean: () => Boolean,
};

type ShortName = keyof typeof SHORT_FORMS;

/** The decorators of fields of common types: `text('…')`, or `textOrNull('…')` if the value may be null. */
function shortForms<F>(formOf: (type: () => object, nullable: boolean) => F) {
  const forms = Object.entries(SHORT_FORMS).flatMap(([name, type]) => [
    [name, formOf(type, false)],
    [`${name}OrNull`, formOf(type, true)],
  ]);
  return Object.fromEntries(forms) as Readonly<Record<ShortName | `${ShortName}OrNull`, F>>;
}

/**
 * A field whose value is read from the object, including getters. `@Field` on a getter would add a resolver,
 * which is called for each value; on types with `simpleResolvers` this field has none.
 */
export const ValueField = Object.assign(
  valueField,
  shortForms((type, nullable) => (description: string, options: FieldOptions = {}) => {
    return valueField(type, { ...options, description, nullable });
  }),
);

function valueField(type: () => object, { personal, ...options }: ValueFieldOptions) {
  return (prototype: object, name: string, descriptor?: PropertyDescriptor): void => {
    Field(type, options)(prototype, name);
    if (personal) Personal(...personal)(prototype, name);
    if (descriptor?.get) descriptor.get = onceIfLarge(type, name, descriptor.get);
  };
}

const LEAVES: readonly unknown[] = [String, Boolean, Number];

/** A compiled query reads a list or an object several times, so that a getter of one must compute it only once. */
function onceIfLarge(type: () => object, name: string, read: () => unknown): () => unknown {
  const key = Symbol(name);
  let isLarge: boolean | null = null;
  return function (this: { [key]?: unknown }) {
    isLarge ??= Array.isArray(type()) || (typeof type() === 'function' && !LEAVES.includes(type()));
    if (!isLarge) return read.call(this);
    if (this[key] === undefined) this[key] = read.call(this);
    return this[key];
  };
}

interface Shown<From> extends FieldOptions {
  readonly from?: From;
}

/**
 * Makes the decorator of the fields that show what another object, the `holder`, has under the same name (or under
 * the name `from`). Such a field is only declared; its getter is put on the prototype:
 *
 *     const RecordValue = valueFieldFrom('record');
 *
 *     @RecordValue.text('…')
 *     readonly subject!: string;
 *
 * A name with a question mark (`account?`, `messages[0]?.subject`) may be missing; the value is then null.
 */
export function valueFieldFrom<Holder extends string>(holder: Holder) {
  const shown =
    <From extends string = never>(
      type: () => object,
      { from, ...options }: ValueFieldOptions & Shown<From>,
    ) =>
    <T extends object, Name extends string>(
      prototype: T & Shows<T, Name, `${Holder}.${[From] extends [never] ? Name : From}`>,
      name: Name,
    ): void => {
      valueField(type, options)(prototype, name);
      // code of its own for each: one getter for all, with the names in variables, is ten times slower to read
      const path = `${holder}.${from ?? name}`;
      const get = new Function(`return this.${path}${path.includes('?') ? ' ?? null' : ''}`) as () => unknown;
      Object.defineProperty(prototype, name, { get, configurable: true });
    };
  const forms = shortForms(
    (type, nullable) =>
      <From extends string = never>(description: string, options: Shown<From> = {}) =>
        shown<From>(type, { ...options, description, nullable }),
  );
  return Object.assign(shown, forms);
}

/** `never`, unless the value of `T` at the path has the type that is declared under the name. */
type Shows<T, Name extends string, Path extends string> = [ValueAt<T, Path>] extends [never]
  ? never
  : ValueAt<T, Path> extends T[Name & keyof T]
    ? unknown
    : never;

type ValueAt<T, Path extends string> = Path extends `${infer Head}?.${infer Rest}`
  ? NonNullable<ValueAt<NonNullable<ValueAt<T, Head>>, Rest>> | null
  : Path extends `${infer Head}.${infer Rest}`
    ? ValueAt<ValueAt<T, Head>, Rest>
    : Path extends `${infer List}[0]`
      ? ValueAt<T, List> extends readonly (infer Item)[]
        ? Item
        : never
      : Path extends keyof T
        ? T[Path]
        : never;

/** Marks a field that shows personal data of these groups: `REDACT` with any of them masks it. */
export function Personal(...groups: readonly RedactionGroup[]) {
  return Extensions({ personal: groups });
}

type SyncResolverFn = (root: never, args: never, context: GatewayContext) => unknown;

/**
 * Marks a field resolver that runs once per record of a page. It is called directly with (root, args, context), so
 * its parameters must be in that order. The library's own call converts and validates each argument through promises,
 * which costs more than the field itself.
 */
export function SyncResolver<T extends SyncResolverFn>(
  prototype: object,
  name: string,
  descriptor: TypedPropertyDescriptor<T>,
) {
  Extensions({ direct: descriptor.value })(prototype, name, descriptor);
}

export function installSyncResolvers(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      const direct = field.extensions.direct as SyncResolverFn | undefined;
      if (direct) field.resolve = (root, args, context) => direct(root as never, args as never, context);
    }
  }
}

/** The names of the enums of `describedEnum`. */
export const ENUM_NAMES = new WeakMap<object, string>();

/**
 * Registers an enum from the descriptions of its values. A value's name in the graph is the value in upper case
 * (`caseAnalysis` is `CASE_ANALYSIS`). The parameter type requires a description for every value of the union.
 */
export function describedEnum<T extends string>(
  name: string,
  description: string,
  descriptions: Readonly<Record<T, string>>,
): Readonly<Record<string, T>> {
  const values = Object.keys(descriptions) as T[];
  const type = Object.fromEntries(values.map((value) => [graphName(value), value]));
  const valuesConfig = Object.fromEntries(
    values.map((value) => [graphName(value), { description: descriptions[value] }]),
  );
  registerEnumType(type, { name, description, valuesConfig });
  ENUM_NAMES.set(type, name);
  return type;
}

/** The name of an enum’s value in the graph. */
export function graphName(value: string): string {
  return value.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '_').toUpperCase();
}

const ISO_8601 = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2})(:\d{2}(?:\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$/i;

/**
 * The history stores instants as fixed-width UTC text, so the text is the serialised value. The common DateTime
 * scalars check it and make a `Date` of every value first.
 */
export const DateTime = new GraphQLScalarType<Instant, Instant>({
  name: 'DateTime',
  description:
    'An instant in UTC, as ISO 8601 text with milliseconds: `2026-03-01T08:15:00.000Z`. Input may be any ISO 8601 date and time with a time zone (`2026-03-01T09:15+01:00`); digits after the milliseconds are dropped.',
  specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time.html',
  serialize: (value) => value as Instant,
  parseValue: (value) => readInstant(value),
  parseLiteral: (node) => readInstant(node.kind === Kind.STRING ? node.value : undefined),
});

function readInstant(value: unknown): Instant {
  const parts = typeof value === 'string' ? ISO_8601.exec(value.trim()) : null;
  const [, minutes, seconds = ':00', zone] = parts ?? [];
  const instant = minutes && zone ? parseUpstreamTime(`${minutes}${seconds}${zone}`.toUpperCase()) : null;
  if (instant !== null) return instant;
  throw new GraphQLError(
    `DateTime cannot represent ${JSON.stringify(value)}. Pass a date and time with a time zone, such as 2026-03-01T08:15:00Z.`,
  );
}

const DURATION =
  /^P(?=\d|T\d)(?:(\d{1,9})W)?(?:(\d{1,9})D)?(?:T(?=\d)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?$/;
const UNITS = [7 * DAY, DAY, HOUR, MINUTE, 1_000];

/** In milliseconds. */
export const Duration = new GraphQLScalarType<number, string>({
  name: 'ISO8601Duration',
  description:
    'A duration as ISO 8601 text in weeks, days, hours, minutes and seconds, such as `P1D`, `PT12H` or `P2W`. A day has 24 hours. Years and months are not accepted, because their length varies.',
  serialize: String,
  parseValue: (value) => readDuration(value),
  parseLiteral: (node) => readDuration(node.kind === Kind.STRING ? node.value : undefined),
});

function readDuration(value: unknown): number {
  const parts = typeof value === 'string' ? DURATION.exec(value) : null;
  const ms = UNITS.reduce((sum, unit, n) => sum + unit * Number(parts?.[n + 1] ?? 0), 0);
  if (ms > 0) return ms;
  throw new GraphQLError(
    `ISO8601Duration cannot represent ${JSON.stringify(value)}. Pass weeks, days, hours, minutes and seconds, such as P1D or PT12H.`,
  );
}

/** Stands for a value that is not text; the check of tokens refuses it and says what a token looks like. */
const NO_TEXT = new Secret('(no text)');

/**
 * Accepts every value: a scalar that refuses a value repeats it in its error, and the value may contain the token,
 * for example if it was given within an object.
 */
export const Token = new GraphQLScalarType<Secret, string>({
  name: 'Token',
  description:
    'An API token of Abnormal, as text: only the token, as Abnormal displayed it. Write-only: it is stored encrypted and never returned.',
  parseValue: toSecret,
  parseLiteral: (node) => toSecret(node.kind === Kind.STRING ? node.value : null),
  serialize: () => '[secret]',
});

function toSecret(value: unknown): Secret {
  return typeof value === 'string' ? new Secret(value.trim()) : NO_TEXT;
}
