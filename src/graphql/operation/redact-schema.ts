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
import { DEFINITION_OF } from '../../resources/registry.js';
import { MASK, type RedactionGroup } from '../../values/access.js';
import { queryError } from '../base/errors.js';
import { TYPE_OF } from '../base/global-id.js';
import type { GatewayContext } from '../request/services.js';

type Groups = ReadonlySet<RedactionGroup>;
type Resolve = GraphQLFieldResolver<unknown, GatewayContext>;
type Field = GraphQLField<unknown, GatewayContext>;

/**
 * Masks fields of a schema, which is changed and given back. A schema of its own for those who see less costs
 * those who see everything nothing, and a resolver that is not masked cannot be reached by forgetting to ask.
 */
export function redactSchema(schema: GraphQLSchema, redact: Groups): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    for (const field of Object.values(type.getFields())) {
      const name = `${type.name}.${field.name}`;
      if (type.name === 'FieldChange' && field.name !== 'field') maskChange(schema, field, redact);
      else if (isMasked(name, redact)) maskField(field);
      else if (field.args.some(({ type: given }) => isInputObjectType(getNamedType(given)))) {
        checkArguments(field, redact);
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
  const mask = (value: unknown) => masked(value, field.type);
  field.resolve = (...given) => {
    const value = resolve(...given);
    return value instanceof Promise ? value.then(mask) : mask(value);
  };
}

/** What is not said stays unsaid, and a list as long as it is. */
function masked(value: unknown, type: GraphQLOutputType): unknown {
  if (value === null || value === undefined) return value;
  const own = getNullableType(type);
  if (isListType(own)) return [...(value as Iterable<unknown>)].map((item) => masked(item, own.ofType));
  return getNamedType(own).name === 'JSONObject' ? { [MASK]: true } : MASK;
}

/** A change is masked where what changed is; what is not known to be harmless counts as personal. */
function maskChange(schema: GraphQLSchema, field: Field, redact: Groups): void {
  const harmless = redact.size === 0 ? null : harmlessNames(schema, redact);
  const resolve = valueBy(field);
  field.resolve = (source, ...given) => {
    const value = resolve(source, ...given);
    const name = (source as { field: string }).field.replace(/^messages\[.*\][.]/s, '');
    return value === null || harmless === null || harmless.has(name) ? value : MASK;
  };
}

/** Names under which every type of record that has them shows something plain and unmasked. */
function harmlessNames(schema: GraphQLSchema, redact: Groups): Set<string> {
  const fields = RECORD_TYPES.flatMap((name) => {
    const type = schema.getType(name);
    return isObjectType(type) ? Object.values(type.getFields()) : [];
  });
  const plain = fields.filter(({ type }) => isLeafType(getNamedType(type))).map(({ name }) => name);
  return new Set(plain.filter((name) => !isMaskedName(name, redact)));
}

/** Refuses to filter or order by what is masked: whether something is found would tell what it is. */
function checkArguments(field: Field, redact: Groups): void {
  const resolve = valueBy(field);
  field.resolve = (source, args, ...given) => {
    for (const { name, type } of field.args) assertUnmasked(args[name], type, redact);
    return resolve(source, args, ...given);
  };
}

function assertUnmasked(value: unknown, type: GraphQLInputType, redact: Groups): void {
  if (value === null || value === undefined) return;
  const own = getNullableType(type);
  if (isListType(own)) {
    for (const item of value as Iterable<unknown>) assertUnmasked(item, own.ofType, redact);
  } else if (isInputObjectType(own)) {
    for (const [name, inner] of Object.entries(value)) {
      const given = own.getFields()[name];
      if (!given || inner === null || inner === undefined) continue;
      if (isMaskedName(name, redact)) throw notFor(name);
      assertUnmasked(inner, given.type, redact);
    }
  } else if (isEnumType(own) && own.name.endsWith('OrderField') && isMaskedName(String(value), redact)) {
    throw notFor(String(value));
  }
}

function notFor(name: string) {
  return queryError(
    'FORBIDDEN',
    `${name} is masked for the role reader (REDACT), so readers can neither filter nor order by it.`,
  );
}

const DEFINED = Object.values(DEFINITION_OF).flatMap(({ graphType, personal }) =>
  Object.entries(personal).map(([field, groups]) => [`${graphType}.${field}`, groups] as const),
);

/**
 * Every field that shows something personal, with what it belongs to: masked with any of these. A test holds this
 * table against the schema: a field of text that stands neither here nor among the harmless ones fails it.
 */
export const PERSONAL_FIELDS: Readonly<Record<string, readonly RedactionGroup[]>> = {
  ...Object.fromEntries(DEFINED),
  'Attachment.name': ['attachments'],
  'CustomerOverride.reason': ['texts'],
  'CustomerOverride.value': ['texts'],
  'DriftedName.value': ['texts'],
  'FieldChange.after': ['texts'],
  'FieldChange.before': ['texts'],
  'Insight.description': ['texts'],
  'Link.displayText': ['urls'],
  'Link.domain': ['urls'],
  'Link.url': ['urls'],
  'Message.attachmentNames': ['attachments'],
  'Message.ccAddresses': ['addresses'],
  'Message.fromAddress': ['addresses'],
  'Message.fromName': ['names'],
  'Message.internetMessageId': ['addresses'],
  'Message.recipientAddress': ['addresses'],
  'Message.replyToAddresses': ['addresses'],
  'Message.returnPath': ['addresses'],
  'Message.senderDomain': ['addresses'],
  'Message.senderIpAddress': ['locations'],
  'Message.subject': ['subject'],
  'Message.summaryInsights': ['texts'],
  'Message.toAddresses': ['addresses'],
  'Message.urls': ['urls'],
  'MissingRecord.reason': ['texts'],
  'QuarantinedRecord.body': ['received'],
  'QuarantinedRecord.reason': ['texts'],
  'Revision.received': ['received'],
  'TimelineEvent.description': ['texts'],
  'TimelineEvent.details': ['texts'],
  'TimelineEvent.ipAddress': ['locations'],
  'TimelineEvent.location': ['locations'],
  'TimelineEvent.previousLocation': ['locations'],
  'TimelineEvent.title': ['texts'],
};

/** What may quote anything, and so is masked as soon as anything is. */
const QUOTING: ReadonlySet<RedactionGroup> = new Set(['texts', 'received']);

/** Whether a field is masked where these groups are. */
function isMasked(field: string, redact: ReadonlySet<RedactionGroup>): boolean {
  const groups = PERSONAL_FIELDS[field] ?? [];
  return groups.some((group) => redact.has(group) || (redact.size > 0 && QUOTING.has(group)));
}

/** The types of records, and of what they hold: the fields of filters and of changes are called as theirs are. */
const RECORD_TYPES: readonly string[] = [...Object.values(TYPE_OF), 'Message'];

/** Whether something called `name` is masked on any type of record. */
export function isMaskedName(name: string, redact: ReadonlySet<RedactionGroup>): boolean {
  return RECORD_TYPES.some((type) => isMasked(`${type}.${name}`, redact));
}
