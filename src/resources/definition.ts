import { WordCache } from '../values/bounded-cache.js';
import type { Fields } from '../values/filter.js';
import type { Instant } from '../values/instant.js';
import type { Decoded, Received } from './wire.js';

/**
 * `instant` and `text` contain one string, `texts` several; lists can be sorted by fields with `order`, and
 * fields with `reference` name other records.
 */
export interface FieldSpec {
  readonly type: 'text' | 'texts' | 'instant' | 'number' | 'boolean';
  readonly order?: true;
  readonly reference?: true;
}

/** An item of a list as received. */
export type ListedItem = Readonly<Record<string, unknown>>;

export interface ReceivedDetail {
  /** The pages of the detail; a detail without pages is one page. */
  readonly pages: readonly [Received, ...Received[]];
  readonly isComplete: boolean;
  /** The record's list item where it is part of the record and at hand. */
  readonly item: ListedItem | null;
}

/** What is read of a record on demand, from a path below the record's own. It has the record's id, or one of its own. */
export interface PartDefinition<R> {
  readonly kind: string;
  /** Whether `COLLECT` may name it, so that polls read it too. */
  readonly isCollectable?: true;
  /** Where its id is an id of its own: the path before that. */
  readonly base?: string;
  /** Below the record's path, such as `/analysis`. */
  readonly path: string;
  /** With the record's id after it, as messages name it. */
  readonly noun: string;
  /** The field of the record's type that shows it. */
  readonly graphField: string;
  /** One line for the schema. */
  readonly text: string;
  readonly shapes: readonly KnownDetail[];
  decode(id: string, detail: ReceivedDetail): Decoded<R>;
}

/** One list of a resource, with the upstream filter key that its windows are cut by. */
interface StreamDefinition<R> {
  readonly filterKey: string;
  /** The times by which the record is in this list; unknown times are left out. */
  timesOf(record: R): readonly Instant[];
  /**
   * For lists that get rows later than others: a reading is final up to the newest row that is known, and after this
   * many milliseconds. By default `INGESTION_LAG` decides.
   */
  readonly lateForMs?: number;
}

/** Fields with a way to get their values. */
interface FieldTable<R> {
  readonly fields: Readonly<Record<string, FieldSpec>>;
  of(record: R): Fields;
}

export interface ItemDefinition<R> {
  /** One of them, in messages. */
  readonly noun: string;
  /** The field of the record's type that lists them, and the root field that lists those of all records. */
  readonly graphField: string;
  /** The field that they are ordered by; `defaultOrder` and `earliestField` are its latest and its earliest value. */
  readonly time: string;
  readonly fields: Readonly<Record<string, FieldSpec>>;
  /** The values of each item; a list of the record with the same name has the same values. */
  of(record: R): readonly Fields[];
}

/**
 * A resource of Abnormal's API that the gateway collects. All modules read these definitions through `registry.ts`;
 * docs/architecture.md shows what else a new resource needs.
 */
export interface ResourceDefinition<R> {
  /** What a record is called in the history, and the root field that gives one. */
  readonly kind: string;
  /** What the list is called in streams, commands and the root field that lists. */
  readonly resource: string;
  /** The type of its nodes. */
  readonly graphType: string;
  readonly upstream: {
    /** Tried in this order: accounts differ. */
    readonly listPaths: readonly [string, ...string[]];
    /** The key that holds a list's items; `null`: the body is the list. */
    readonly collectionKey: string | null;
    /** The field that holds an item's id, in lists and details; `null`: the id is the SHA-256 of the item. */
    readonly idField: string | null;
    /** The name of the id in the graph, where it is not `idField`. */
    readonly idName?: string;
    /** `WITH_LIST_ITEM`: the list item is part of the record. `NONE`: it is the record. */
    readonly detail: 'PAGED_MESSAGES' | 'WITH_LIST_ITEM' | 'SINGLE' | 'NONE';
    /** By default a filter and pages. `START_END`: the parameters `start` and `end`, and everything in one response. */
    readonly window?: 'START_END';
    /** Parameters; the list is that of all of them together. */
    readonly variants?: readonly [Readonly<Record<string, string>>, ...Readonly<Record<string, string>>[]];
    /** The field of an item that says when it happened, for items without a time of modification. */
    readonly itemTime?: string;
    /** Abnormal lists nothing older, and does not say so. */
    readonly keptForMs?: number;
    /** `ADD_ON`: an account without it is not a fault. */
    readonly availability: 'EVERY_ACCOUNT' | 'ADD_ON';
  };
  decode(id: string, detail: ReceivedDetail): Decoded<R>;
  /** The fields and words that are known; everything else is reported as drift. */
  readonly shapes: readonly KnownDetail[];
  readonly parts: readonly PartDefinition<unknown>[];
  /** The first stream defines the population, the others only bring changes. */
  readonly streams: readonly [StreamDefinition<R>, ...StreamDefinition<R>[]];
  /** The fields of filters and orders. Stores make their columns and indexes from this table. */
  readonly fields: Readonly<Record<string, FieldSpec>>;
  /** The values of `fields`; all of them are present. */
  fieldsOf(record: R): Fields;
  /** Fields without `reference` whose values lists are often narrowed to: stores find them by an index. */
  readonly searchedBy: readonly string[];
  /** What statistics need of a record in addition to `fields`. Stores keep it in column blocks only. */
  readonly facets?: FieldTable<R>;
  /** The parts of a record that are counted one by one, such as the messages of a threat. */
  readonly items?: ItemDefinition<R>;
  /** The field that lists are ordered by unless asked otherwise: the latest time of the first stream. */
  readonly defaultOrder: string;
  /** The field with the earliest time of the first stream. */
  readonly earliestField: string;
  /** The field that is true while the record may change without being listed again; `null`: records never change. */
  readonly unsettledField: string | null;
  readonly population: {
    /** Whether a change gives the record a later time in the first stream. */
    readonly changesMoveRecords: boolean;
    /** A second source that the list is compared with. */
    readonly export: 'THREAT_LOG' | null;
  };
  readonly evidence: {
    /** `MERGED`: one state made from all versions; `EACH`: a record with all of its versions. */
    readonly versions: 'MERGED' | 'EACH';
    /** With `EACH`: fields of the record, of which the first that has a value assigns the record to a period. */
    readonly times: readonly string[];
  };
  /**
   * `CORE` and `DEFAULT` are collected unless `COLLECT` says otherwise, `OPTIONAL` only if it does. The controls about
   * the collection need the `CORE` resources.
   */
  readonly collection: 'CORE' | 'DEFAULT' | 'OPTIONAL';
  readonly polling: {
    readonly variable: string;
    readonly defaultMs: number;
    /** `null`: no control judges how often it is polled, as with all but `CORE` resources. */
    readonly threshold: string | null;
  };
  /** The names in the graph of the record's fields that have another name there. */
  readonly shownAs: Readonly<Record<string, string>>;
  /** For the schema, a line each: a record, the resource, its list; and the default order of a list. */
  readonly texts: Readonly<Record<'record' | 'resource' | 'list' | 'order', string>>;
}

export interface Unreadable {
  /** Unreadable parts by path with the problem, at most ten; missing if there are none. */
  readonly unread?: readonly string[];
}

export type IsUnknown = (word: string) => boolean;

/** The known fields of an object, and how to check their values: objects, lists, words. */
export type Shape = ReadonlyMap<string, Shape | IsUnknown | null>;

const NO_VALUE = /^\s*(null|others?)?\s*$/i;

/** Tells the words that `normalise` does not know. */
export function isUnknownBy(normalise: (word: string) => string | null): IsUnknown {
  const known = new WordCache<true>('knownWords');
  return (word) => {
    if (known.get(word)) return false;
    const isUnknown = normalise(word) === 'OTHER' && !NO_VALUE.test(word);
    if (!isUnknown) known.set(word, true);
    return isUnknown;
  };
}

type Parts = Readonly<Record<string, Shape | IsUnknown | null>>;

/** The fields that a schema reads, those of `looked` looked into, and others that Abnormal documents. */
export function shape(schema: object, looked: Parts = {}, others: readonly string[] = []): Shape {
  const read = Object.keys(schema).map((name) => [name, null] as const);
  const documented = others.map((name) => [name, null] as const);
  return new Map([...read, ...documented, ...Object.entries(looked)]);
}

/** What is known of a detail, by what its paths begin with and where it stands in what was received. */
interface KnownDetail {
  readonly name: string;
  readonly shape: Shape;
  /** `null`: the whole value. */
  readonly at: 'detail' | 'item' | null;
}
