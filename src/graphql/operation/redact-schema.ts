import {
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLInputType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isObjectType,
} from 'graphql';
import { MASK, type RedactionGroup } from '../../values/access.js';
import { queryError } from '../base/errors.js';
import { TYPE_OF } from '../base/global-id.js';
import type { GatewayContext } from '../request/services.js';

type Groups = ReadonlySet<RedactionGroup>;
type Resolve = GraphQLFieldResolver<unknown, GatewayContext>;
type Field = GraphQLField<unknown, GatewayContext>;

/**
 * Masks fields of a schema, which is changed and returned. Callers who see everything have a schema without masks, so
 * masking costs them nothing; callers who see less cannot reach a resolver that is not masked.
 */
export function redactSchema(schema: GraphQLSchema, redact: Groups): GraphQLSchema {
  const masked = maskedNames(schema, redact);
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    for (const field of Object.values(type.getFields())) {
      if (type.name === 'FieldChange' && field.name !== 'field') maskChange(schema, field, redact);
      else if (isMasked(field, redact)) maskField(field);
      else if (field.args.some(({ type: given }) => isInputObjectType(getNamedType(given)))) {
        checkArguments(field, masked);
      }
    }
  }
  return schema;
}

function valueBy(field: Field): Resolve {
  const byName: Resolve = (source) => (source as Record<string, unknown>)[field.name];
  return field.resolve ?? byName;
}

function maskField(field: Field): void {
  const resolve = valueBy(field);
  const mask = (value: unknown) => maskedValue(value, field.type);
  field.resolve = (...given) => {
    const value = resolve(...given);
    return value instanceof Promise ? value.then(mask) : mask(value);
  };
}

/** Null stays null, and a list keeps its length. */
function maskedValue(value: unknown, type: GraphQLOutputType): unknown {
  if (value === null || value === undefined) return value;
  const own = getNullableType(type);
  if (isListType(own)) return [...(value as Iterable<unknown>)].map((item) => maskedValue(item, own.ofType));
  return getNamedType(own).name === 'JSONObject' ? { [MASK]: true } : MASK;
}

/** A change is masked if the changed field is; a field that is not known to be harmless counts as personal. */
function maskChange(schema: GraphQLSchema, field: Field, redact: Groups): void {
  const harmless = redact.size === 0 ? null : harmlessNames(schema, redact);
  const resolve = valueBy(field);
  field.resolve = (source, ...given) => {
    const value = resolve(source, ...given);
    const name = (source as { field: string }).field.replace(/^messages\[.*\][.]/s, '');
    return value === null || harmless === null || harmless.has(name) ? value : MASK;
  };
}

/** Names of plain values that no type of record masks. */
function harmlessNames(schema: GraphQLSchema, redact: Groups): Set<string> {
  const masked = maskedNames(schema, redact);
  const plain = recordFields(schema).filter(({ type }) => isLeafType(getNamedType(type)));
  return new Set(plain.map(({ name }) => name).filter((name) => !masked.has(name)));
}

/** Refuses to filter, order or group by a masked field: whether something is found would reveal its value. */
function checkArguments(field: Field, masked: ReadonlySet<string>): void {
  const resolve = valueBy(field);
  field.resolve = (source, args, ...given) => {
    for (const { name, type } of field.args) assertUnmasked(args[name], type, masked);
    return resolve(source, args, ...given);
  };
}

function assertUnmasked(value: unknown, type: GraphQLInputType, masked: ReadonlySet<string>): void {
  if (value === null || value === undefined) return;
  const own = getNullableType(type);
  if (isListType(own)) {
    for (const item of value as Iterable<unknown>) assertUnmasked(item, own.ofType, masked);
  } else if (isInputObjectType(own)) {
    for (const [name, inner] of Object.entries(value)) {
      const given = own.getFields()[name];
      if (!given || inner === null || inner === undefined) continue;
      if (masked.has(name)) throw notFor(name);
      assertUnmasked(inner, given.type, masked);
    }
  } else if (isEnumType(own) && /(?:OrderField|Dimension)$/.test(own.name) && masked.has(String(value))) {
    throw notFor(String(value));
  }
}

function notFor(name: string) {
  return queryError(
    'FORBIDDEN',
    `${name} is masked for the role reader (REDACT), so readers can neither filter nor order nor group by it.`,
  );
}

/** The groups of personal data that a field shows, as `Personal` says; none where it shows none. */
export function personalGroups({ extensions }: Pick<Field, 'extensions'>): readonly RedactionGroup[] {
  const { personal } = extensions as { readonly personal?: readonly RedactionGroup[] };
  return personal ?? [];
}

/** These fields may quote anything, so they are masked as soon as any group is. */
const QUOTING: ReadonlySet<RedactionGroup> = new Set(['texts', 'received']);

function isMasked(field: Field, redact: Groups): boolean {
  return personalGroups(field).some((group) => redact.has(group) || (redact.size > 0 && QUOTING.has(group)));
}

/** The types of records, and of what they hold: the fields of filters and of changes are called as theirs are. */
const RECORD_TYPES: readonly string[] = [...Object.values(TYPE_OF), 'Message'];

function recordFields(schema: GraphQLSchema): Field[] {
  return RECORD_TYPES.flatMap((name) => {
    const type = schema.getType(name);
    return isObjectType(type) ? Object.values(type.getFields()) : [];
  });
}

export function maskedNames(schema: GraphQLSchema, redact: Groups): ReadonlySet<string> {
  return new Set(
    recordFields(schema)
      .filter((field) => isMasked(field, redact))
      .map(({ name }) => name),
  );
}
