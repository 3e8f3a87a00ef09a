import { GraphQLError, GraphQLScalarType, type GraphQLSchema, isObjectType, Kind } from 'graphql';
import { GraphQLJSON, GraphQLJSONObject } from 'graphql-scalars';
import { Extensions, Field, Float, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
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

interface ShownOptions {
  /** The groups of personal data that the field shows, if any: see `Personal`. */
  readonly personal?: readonly RedactionGroup[];
  readonly deprecationReason?: string;
}

interface Shown extends ShownOptions {
  readonly type: () => object;
  readonly description: string;
  readonly nullable: boolean;
  /** Whether it is a list or an object. */
  readonly isLarge: boolean;
}

/** Shows what the source has under the name of the field; the field accepts these values. */
interface Named<V> extends Shown {
  readonly accepts?: (value: V) => void;
}

/** Shows what `by` reads from the source, or from the object of the type. */
interface Derived<S, O> extends Shown {
  readonly by: (source: S, object: O) => unknown;
}

type DerivedOptions<S, O, V> = ShownOptions & { readonly by: (source: S, object: O) => V };

interface ScalarForm<V> {
  <S, O>(description: string, options: DerivedOptions<S, O, V>): Derived<S, O>;
  (description: string, options?: ShownOptions): Named<V>;
}

/** A class, or an enum of `describedEnum`. */
type TypeOf<T> = (abstract new (...args: never) => T) | Readonly<Record<string, T>>;

interface TypeForm<Null> {
  <T, S, O>(type: () => TypeOf<T>, text: string, options: DerivedOptions<S, O, T | Null>): Derived<S, O>;
  <T>(type: () => TypeOf<T>, text: string, options?: ShownOptions): Named<T | Null>;
}

interface ListForm<Null> {
  <T, S, O>(
    ...given: [type: () => TypeOf<T>, text: string, DerivedOptions<S, O, readonly T[] | Null>]
  ): Derived<S, O>;
  <T>(type: () => TypeOf<T>, text: string, options?: ShownOptions): Named<readonly T[] | Null>;
}

interface FormsOf<Null> {
  readonly text: ScalarForm<string | Null>;
  readonly int: ScalarForm<number | Null>;
  readonly float: ScalarForm<number | Null>;
  readonly id: ScalarForm<string | Null>;
  readonly instant: ScalarForm<Instant | Null>;
  readonly boolean: ScalarForm<boolean | Null>;
  readonly json: ScalarForm<unknown>;
  readonly jsonObject: ScalarForm<Readonly<Record<string, unknown>> | Null>;
  readonly texts: ScalarForm<readonly string[] | Null>;
  readonly ids: ScalarForm<readonly string[] | Null>;
  readonly enum: TypeForm<Null>;
  readonly object: TypeForm<Null>;
  readonly list: ListForm<Null>;
}

function formsOf(nullable: boolean) {
  const shown = (isLarge: boolean, type: () => object, description: string, options: ShownOptions = {}) => {
    return { type, description, nullable, isLarge, ...options };
  };
  const small = (type: () => object) => (text: string, more?: ShownOptions) => shown(false, type, text, more);
  const large = (type: () => object) => (text: string, more?: ShownOptions) => shown(true, type, text, more);
  return {
    ...{ text: small(() => String), int: small(() => Int), float: small(() => Float), id: small(() => ID) },
    ...{ instant: small(() => DateTime), boolean: small(() => Boolean) },
    ...{ json: small(() => GraphQLJSON), jsonObject: small(() => GraphQLJSONObject) },
    ...{ texts: large(() => [String]), ids: large(() => [ID]) },
    enum: shown.bind(null, false),
    object: shown.bind(null, true),
    list: (type: () => object, text: string, more?: ShownOptions) => shown(true, () => [type()], text, more),
  };
}

/**
 * What a field shows: `Value.text('…')`, `Value.textOrNull('…')` if the value may be null, `Value.list(() => Letter, '…')`.
 */
export const Value = {
  ...formsOf(false),
  ...Object.fromEntries(Object.entries(formsOf(true)).map(([name, form]) => [`${name}OrNull`, form])),
} as FormsOf<never> & { readonly [N in keyof FormsOf<null> as `${N}OrNull`]: FormsOf<null>[N] };

/**
 * Declares the fields of a type whose values are in its `holder`, such as `record` or `run.counts`; those of the
 * holder `this` are in the object of the type itself. Without a resolver, which would be called for each value:
 *
 *     showFields(Letter, 'record', {
 *       subject: Value.textOrNull('…', { personal: ['subject'] }),
 *       senderName: Value.text('…', { by: ({ sender }) => sender.name }),
 *     });
 */
export function showFields<O extends object, H extends string, N extends string>(
  { prototype }: { readonly prototype: O },
  holder: H,
  fields: {
    readonly [K in N]: Derived<At<O, H>, O> | Named<K extends keyof At<O, H> ? At<O, H>[K] : unknown>;
  },
): void {
  const source = holder === 'this' ? holder : `this.${holder}`;
  for (const [name, shown] of Object.entries<Shown & { by?: unknown }>(fields)) {
    addField(prototype, name, shown);
    if (!shown.by && source === 'this') continue;
    // a compiled query reads a list or an object several times, so that it must be computed only once
    const value = shown.by
      ? `${shown.isLarge ? 'this[key] ??= ' : ''}by(${source}, this)`
      : `${source}.${name}`;
    // code of its own for each: one getter for all, with what differs in variables, is ten times slower to read
    const get = new Function('by', 'key', `return function () { return ${value}; }`)(shown.by, Symbol(name));
    Object.defineProperty(prototype, name, { get, configurable: true });
  }
}

type At<T, Path extends string> = Path extends 'this'
  ? T
  : Path extends `${infer Head}.${infer Rest}`
    ? At<T[Head & keyof T], Rest>
    : T[Path & keyof T];

/** The type of plain objects: fields show their properties. */
export function outputType<T extends object>(
  name: string,
  description: string,
  fields: { readonly [N in keyof T]?: Named<T[N]> },
): new () => T {
  class Output {}
  OutputType(description, { name })(Output);
  for (const [field, shown] of Object.entries(fields)) addField(Output.prototype, field, shown as Shown);
  return Output as new () => T;
}

function addField(prototype: object, name: string, { type, personal, ...options }: Shown): void {
  Field(type, options)(prototype, name);
  if (personal) Personal(...personal)(prototype, name);
}

/** Marks a field that shows personal data of these groups: `REDACT` with any of them masks it. */
export function Personal(...groups: readonly RedactionGroup[]) {
  return Extensions({ personal: groups });
}

export const OnlyIntegrations = Field(() => [ID], {
  nullable: true,
  description: 'Only these integrations, by name. Default: all.',
});

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
  const values = Object.entries(descriptions) as [T, string][];
  const type = enumOf(
    name,
    description,
    values.map(([value, text]) => [graphName(value), value, text] as const),
  );
  ENUM_NAMES.set(type, name);
  return type;
}

/** Registers an enum; each value has a name in the graph, what it stands for and a description. */
export function enumOf<T extends string>(
  name: string,
  description: string,
  values: readonly (readonly [graphName: string, standsFor: T, description: string])[],
): Readonly<Record<string, T>> {
  const type = Object.fromEntries(values.map(([key, standsFor]) => [key, standsFor]));
  const valuesConfig = Object.fromEntries(values.map(([key, , text]) => [key, { description: text }]));
  registerEnumType(type, { name, description, valuesConfig });
  return type as Readonly<Record<string, T>>;
}

type WordOf<Read extends (raw: string | null) => string | null> = NonNullable<ReturnType<Read>>;

/** The enum of a list of values that Abnormal may extend, by the function that reads one. */
export function openEnum<Read extends (raw: string | null) => string | null>(
  name: string,
  description: string,
  words: Readonly<Record<Exclude<WordOf<Read>, 'OTHER'>, string>>,
) {
  const OTHER = 'A value that this version of the gateway does not know; the `…Raw` field has it.';
  const all = { ...words, OTHER } as Readonly<Record<WordOf<Read>, string>>;
  return describedEnum<WordOf<Read>>(name, description, all);
}

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
