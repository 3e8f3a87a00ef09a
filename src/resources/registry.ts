import {
  type Comparison,
  compareValues,
  comparisonsIn,
  conjuncts,
  type Fields,
  type Filter,
  isMatch,
} from '../values/filter.js';
import type { Instant } from '../values/instant.js';
import type { FieldSpec, PartDefinition, ResourceDefinition } from './definition.js';
import { DEFINITIONS } from './definitions.js';

type Definition = (typeof DEFINITIONS)[number];
type Part = Definition['parts'][number];

/** The kinds that can be listed, filtered and ordered. */
export type ListedKind = Definition['kind'];
/** What is read of a record on demand; it has the record's id. */
export type PartKind = Part['kind'];
export type Kind = ListedKind | PartKind;
/** The resources that Abnormal lists and that the gateway collects, each from one or more streams. */
export type Resource = Definition['resource'];
export type CoreResource = Extract<Definition, { readonly collection: 'CORE' }>['resource'];
export type FilterKey = Definition['streams'][number]['filterKey'];
export type GraphType = Definition['graphType'];
export type PollingVariable = Definition['polling']['variable'];
export type PollingThreshold = NonNullable<Definition['polling']['threshold']>;
/** The kinds of which evidence takes each version for itself. */
export type VersionedKind = Extract<Definition, { readonly evidence: { readonly versions: 'EACH' } }>['kind'];

export type RecordOf = {
  [D in Definition | Part as D['kind']]: ReturnType<D['decode']>['record'];
};
export type AnyRecord = RecordOf[Kind];

/** Any of the definitions, for code that treats all resources alike. */
export interface AnyDefinition extends ResourceDefinition<RecordOf[ListedKind]> {
  readonly kind: ListedKind;
  readonly resource: Resource;
  readonly graphType: GraphType;
  readonly parts: readonly (PartDefinition<RecordOf[PartKind]> & { readonly kind: PartKind })[];
  readonly streams: readonly [Stream, ...Stream[]];
  readonly polling: Definition['polling'];
}

type Stream = ResourceDefinition<RecordOf[ListedKind]>['streams'][0] & { readonly filterKey: FilterKey };

const ALL: readonly AnyDefinition[] = DEFINITIONS;

/** A table with an entry for each listed kind, in the order of the definitions. */
export function byKind<T>(entryOf: (definition: AnyDefinition) => T): Record<ListedKind, T> {
  return Object.fromEntries(ALL.map((each) => [each.kind, entryOf(each)])) as Record<ListedKind, T>;
}

/** A table with an entry for each resource, in the order of the definitions. */
export function byResource<T>(entryOf: (definition: AnyDefinition) => T): Record<Resource, T> {
  return Object.fromEntries(ALL.map((each) => [each.resource, entryOf(each)])) as Record<Resource, T>;
}

export const DEFINITION_OF = byKind((definition) => definition);
export const DEFINITION_OF_RESOURCE = byResource((definition) => definition);

interface PartOfRecord {
  readonly owner: AnyDefinition;
  readonly part: AnyDefinition['parts'][number];
}

/** Each part, by kind and sorted by kind, with the definition of the record that it is a part of. */
export const PARTS = Object.fromEntries(
  ALL.flatMap((owner) => owner.parts.map((part) => [part.kind, { owner, part }] as const)).sort(([a], [b]) =>
    a < b ? -1 : 1,
  ),
) as Record<PartKind, PartOfRecord>;

export const COLLECTABLE_PARTS = Object.values(PARTS).flatMap(({ part }) =>
  part.isCollectable ? part.kind : [],
);

type OneOrMore<T> = readonly T[] & readonly [T, ...T[]];

export const RESOURCES = ALL.map(({ resource }) => resource) as readonly Resource[] as OneOrMore<Resource>;
export const CORE_RESOURCES = ALL.flatMap((each) =>
  each.collection === 'CORE' ? each.resource : [],
) as readonly Resource[] as OneOrMore<CoreResource>;
export const DEFAULT_RESOURCES = ALL.flatMap((each) => (each.collection === 'OPTIONAL' ? [] : each.resource));
export const LISTED_KINDS: readonly ListedKind[] = ALL.map(({ kind }) => kind);
export const KINDS: readonly Kind[] = [...LISTED_KINDS, ...(Object.keys(PARTS) as PartKind[])];

export const KIND_OF = byResource(({ kind }) => kind);
/** The resource that a kind is read from: a part's is that of its record. */
export const RESOURCE_OF = Object.fromEntries(
  ALL.flatMap(({ kind, parts, resource }) =>
    [kind, ...parts.map((part) => part.kind)].map((each) => [each, resource]),
  ),
) as Record<Kind, Resource>;

/** The filter keys that each resource is collected by; the first is the one that defines its population. */
export const FILTER_KEYS = byResource(
  ({ streams }) => streams.map(({ filterKey }) => filterKey) as [FilterKey, ...FilterKey[]],
);

/** The name of Abnormal's id of a record in the graph. */
export const ID_NAMES = byKind(({ upstream }) => upstream.idName ?? upstream.idField ?? 'recordId');

type FieldsOf = { readonly [D in Definition as D['kind']]: D['fields'] };
/** The fields of each listed kind. Stores make their columns and indexes from this table. */
export const FIELDS = byKind(({ fields }) => fields) as FieldsOf;

/**
 * The fields that every history was written by. The others came later, with nothing stored to project anew. A change of
 * one of the first fields needs a higher `PROJECTION` in both stores.
 */
export const FIRST_FIELDS = Object.fromEntries(
  CORE_RESOURCES.map((resource) => [KIND_OF[resource], FIELDS[KIND_OF[resource]]]),
);

type DefaultOrder = { readonly [D in Definition as D['kind']]: D['defaultOrder'] };
/** The time that a kind is listed by when nobody says otherwise, and by which Abnormal windows it. */
export const DEFAULT_ORDER = byKind(({ defaultOrder }) => defaultOrder) as DefaultOrder;

export interface RecordKey {
  readonly integration: string;
  readonly kind: Kind;
  readonly id: string;
}

/** For maps; a space never occurs in an integration's name or a kind. */
export function keyText(key: RecordKey): string {
  return `${key.integration} ${key.kind} ${key.id}`;
}

export function isListed(kind: Kind): kind is ListedKind {
  return Object.hasOwn(FIELDS, kind);
}

export function fieldSpec(kind: ListedKind, field: string): FieldSpec | undefined {
  const specs: Record<string, FieldSpec> = FIELDS[kind];
  return Object.hasOwn(specs, field) ? specs[field] : undefined;
}

/** The fields for filters and orders, all of them present. */
export function fieldsOf<K extends ListedKind>(kind: K, record: RecordOf[K]): Fields {
  return DEFINITION_OF[kind].fieldsOf(record);
}

/** The time that its kind is ordered by; `null` if the record has none. */
export function defaultTimeOf<K extends ListedKind>(kind: K, record: RecordOf[K]): Instant | null {
  const time = fieldsOf(kind, record)[DEFAULT_ORDER[kind]];
  return typeof time === 'string' ? time : null;
}

export interface RecordValues {
  /** Those of `fieldsOf`, and the facets. */
  readonly fields: Fields;
  readonly items: readonly Fields[];
}

export function recordValues(kind: ListedKind, record: AnyRecord, fields?: Fields): RecordValues {
  const { facets, items } = DEFINITION_OF[kind];
  const own = record as RecordOf[ListedKind];
  return {
    fields: { ...(fields ?? fieldsOf(kind, own)), ...facets?.of(own) },
    items: items?.of(own) ?? [],
  };
}

export function isRecordMatch(kind: ListedKind, record: AnyRecord, filter: Filter): boolean {
  const { fields, items } = recordValues(kind, record);
  return isMatch(fields, filter, items);
}

/** A time field that every match of the filter is without, if its top level asks for that: an index finds them. */
export function absentTime(kind: ListedKind, filter: Filter | null): string | null {
  for (const part of conjuncts(filter)) {
    if ('eq' in part && part.eq === null && fieldSpec(kind, part.field)?.type === 'instant')
      return part.field;
  }
  return null;
}

/** The order of the versions that one batch records. */
export function compareWritten(a: RecordKey, b: RecordKey): number {
  return (
    compareValues(a.kind, b.kind) || compareValues(a.integration, b.integration) || compareValues(a.id, b.id)
  );
}

/** The keys of one kind and integration, each with its place in the list that they are from. */
export interface KeyGroup<K extends Kind = Kind> {
  readonly kind: K;
  readonly integration: string;
  readonly ids: string[];
  readonly places: number[];
}

/** The keys by kind and integration, as stores look them up, in that order. */
export function groupKeys<K extends Kind>(keys: Iterable<RecordKey & { readonly kind: K }>): KeyGroup<K>[] {
  const groups = new Map<string, KeyGroup<K>>();
  let place = 0;
  for (const { kind, integration, id } of keys) {
    const name = `${kind} ${integration}`;
    const group = groups.get(name) ?? { kind, integration, ids: [], places: [] };
    groups.set(name, group);
    group.ids.push(id);
    group.places.push(place);
    place += 1;
  }
  return [...groups].sort(([a], [b]) => compareValues(a, b)).map(([, group]) => group);
}

/** Whether the fields of the kind decide a filter; facets and items are not in the tables of stores. */
export function isByFields(kind: ListedKind, filter: Filter): boolean {
  if ('and' in filter) return filter.and.every((part) => isByFields(kind, part));
  if ('or' in filter) return filter.or.every((part) => isByFields(kind, part));
  if ('not' in filter) return isByFields(kind, filter.not);
  return !('some' in filter || Object.hasOwn(DEFINITION_OF[kind].facets?.fields ?? {}, filter.field));
}

export interface Undecided {
  /** The times without a value: one of the record, or some of its items. */
  readonly fields: readonly string[];
  readonly isOfItems: boolean;
  /** Matches those records. Its top level requires `field` to be null, so that an index finds them. */
  readonly filter: Filter;
}

/**
 * Those with a null time that `filter` compares: records, or items by a filter of items. One part per time field, and one
 * for the times of a record's items; nothing is in two parts.
 */
export function undecidedBy(kind: ListedKind, filter: Filter | null, isOfItems = false): Undecided[] {
  if (filter === null) return [];
  const compared = comparisonsIn(filter, isOfItems).filter((each) => isOpen(kind, each, each.isOfItem));
  const timesOf = (ofItems: boolean) => [
    ...new Set(compared.flatMap(({ field, isOfItem }) => (isOfItem === ofItems ? field : []))),
  ];
  const [fields, inner] = [timesOf(isOfItems), timesOf(!isOfItems)];
  const certain = resolved(kind, filter, isOfItems, false);
  const open = { and: [resolved(kind, filter, isOfItems, true), { not: certain }] };
  const own = fields.map((field, index) => ({
    ...{ fields: [field], isOfItems },
    filter: {
      and: [
        { field, eq: null },
        unknown(field),
        ...fields.slice(0, index).map((earlier) => ({ not: unknown(earlier) })),
        open,
      ],
    },
  }));
  const others = { and: [...fields.map((field) => ({ not: unknown(field) })), open] };
  return inner.length === 0 ? own : [...own, { fields: inner, isOfItems: true, filter: others }];
}

/** The states in which a time of remediation must exist: one that was not remediated has none, which is known. */
const WITH_TIME: Readonly<Record<string, Filter>> = {
  latestRemediationTime: { field: 'remediationState', in: ['REMEDIATED', 'PARTLY', 'UNKNOWN'] },
  remediationTime: { field: 'remediation', in: ['REMEDIATED', 'UNKNOWN'] },
};

/** Records or items with an unknown time: null, unless null is its correct value. */
function unknown(field: string): Filter {
  const absent: Filter = { field, eq: null };
  const known = WITH_TIME[field];
  return known ? { and: [absent, known] } : absent;
}

/** What may match once unknown times are known; or, if not `mayMatch`, what matches for all of their values. */
function resolved(kind: ListedKind, filter: Filter, isOfItem: boolean, mayMatch: boolean): Filter {
  const inner = (part: Filter) => resolved(kind, part, isOfItem, mayMatch);
  if ('and' in filter) return { and: filter.and.map(inner) };
  if ('or' in filter) return { or: filter.or.map(inner) };
  if ('not' in filter) return { not: resolved(kind, filter.not, isOfItem, !mayMatch) };
  if ('some' in filter) return { some: resolved(kind, filter.some, true, mayMatch) };
  return mayMatch && isOpen(kind, filter, isOfItem) ? { or: [filter, unknown(filter.field)] } : filter;
}

/** Whether a comparison is undecided for null: one with a time, unless it asks for null. */
function isOpen(kind: ListedKind, leaf: Comparison, isOfItem: boolean): boolean {
  const spec = isOfItem ? DEFINITION_OF[kind].items?.fields[leaf.field] : fieldSpec(kind, leaf.field);
  if (spec?.type !== 'instant') return false;
  if ('eq' in leaf) return leaf.eq !== null;
  return !('in' in leaf) || !leaf.in.includes(null);
}

/** The ids, references or searched values that a filter names, if it does so at its top level. */
export function namedValues(
  kind: ListedKind,
  filter: Filter | null,
): { readonly field: string; readonly values: readonly string[] } | null {
  const named = conjuncts(filter).flatMap((part) => {
    const values = 'eq' in part ? [part.eq] : 'in' in part ? part.in : [null];
    const isNaming = 'field' in part && selectivityOf(kind, part.field) > 0;
    return isNaming && values.every((value) => typeof value === 'string')
      ? [{ field: part.field, values }]
      : [];
  });
  return named.sort((a, b) => selectivityOf(kind, b.field) - selectivityOf(kind, a.field))[0] ?? null;
}

/** How few records have the same value of a field, by what the definition says of it; 0: it does not say. */
function selectivityOf(kind: ListedKind, field: string): number {
  if (field === 'id') return 3;
  if (fieldSpec(kind, field)?.reference) return 2;
  return DEFINITION_OF[kind].searchedBy.includes(field) ? 1 : 0;
}
