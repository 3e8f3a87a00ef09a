import DataLoader from 'dataloader';
import { damageOf, wholeOnes } from '../../history/errors.js';
import type { FirstQuery, HistoryStore, Pin } from '../../history/store.js';
import type { RevisionRecord } from '../../model/revision.js';
import type { RunRecord } from '../../model/run.js';
import type { StreamState } from '../../model/stream.js';
import { type Kind, keyText, type ListedKind, type RecordKey } from '../../resources/registry.js';

/** What one request reads the history through; nothing in it outlives the request. */
export interface Loaders {
  readonly current: CurrentLoader;
  readonly records: RecordLoader;
  readonly referrers: ReferrerLoader;
  readonly revisionCounts: Pick<DataLoader<RecordAt, number, string>, 'load'>;
  readonly runs: Pick<DataLoader<string, RunRecord | null>, 'load'>;
}

export function createLoaders(store: HistoryStore): Loaders {
  return {
    current: createCurrent(store),
    records: new RecordLoader(store),
    referrers: new ReferrerLoader(store),
    revisionCounts: new DataLoader(
      (keys) => Promise.all(keys.map(({ key, seq }) => store.countRevisions(key, seq))),
      { cacheKeyFn: recordAtText },
    ),
    runs: new DataLoader((ids) => Promise.all(ids.map((id) => store.run(id)))),
  };
}

/**
 * Answers a batch whose keys fall into groups, with one store call for each group, in the order of the keys.
 * A group that fails fails its own keys only.
 */
export async function alignGroups<K, V>(
  keys: readonly K[],
  groupOf: (key: K) => string,
  read: (group: readonly [K, ...K[]]) => Promise<readonly V[]>,
): Promise<(V | Error)[]> {
  const groups = new Map<string, number[]>();
  keys.forEach((key, index) => {
    const group = groupOf(key);
    const indexes = groups.get(group);
    if (indexes) indexes.push(index);
    else groups.set(group, [index]);
  });
  const answers: (V | Error)[] = new Array(keys.length);
  const readGroup = async (indexes: readonly number[]) => {
    const group = indexes.map((index) => keys[index] as K) as [K, ...K[]];
    const values = await read(group).catch((error: unknown) => toError(error));
    indexes.forEach((index, place) => {
      answers[index] = values instanceof Error ? values : (values[place] as V);
    });
  };
  await Promise.all([...groups.values()].map(readGroup));
  return answers;
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** The current state of the history: one store call for all concurrent callers, repeated each time. */
interface CurrentLoader {
  head(): Promise<Pin>;
  streams(): Promise<StreamState[]>;
  /** Looked up once per request, because it never changes. */
  firstRecorded(query: FirstQuery): Promise<Pin | null>;
}

function createCurrent(store: HistoryStore): CurrentLoader {
  const first = new DataLoader<FirstQuery, Pin | null, string>(
    (queries) => Promise.all(queries.map((query) => store.firstRecorded(query))),
    { cacheKeyFn: JSON.stringify },
  );
  return {
    head: shared(() => store.head()),
    streams: shared(() => store.streams()),
    firstRecorded: (query) => first.load(query),
  };
}

function shared<V>(read: () => Promise<V>): () => Promise<V> {
  const answerAll = async (keys: readonly true[]) => {
    const value = await read();
    return keys.map(() => value);
  };
  const loader = new DataLoader<true, V>(answerAll, { cache: false });
  return () => loader.load(true);
}

type KeyOf<K extends Kind> = RecordKey & { readonly kind: K };

interface RecordAt<K extends Kind = Kind> {
  readonly key: KeyOf<K>;
  readonly seq: number;
}

function recordAtText({ key, seq }: RecordAt): string {
  return `${seq} ${keyText(key)}`;
}

interface RecordsAt {
  readonly kind: Kind;
  readonly keys: readonly RecordKey[];
  readonly seq: number;
}

/** One store call for all revisions of one kind and view that a page needs. */
class RecordLoader {
  readonly #single: DataLoader<RecordAt, RevisionRecord | null, string>;
  readonly #several: DataLoader<RecordsAt, (RevisionRecord | null)[]>;

  constructor(store: Pick<HistoryStore, 'get'>) {
    this.#single = new DataLoader(
      (wanted) =>
        alignGroups<RecordAt, RevisionRecord | null | Error>(
          wanted,
          ({ key, seq }) => `${seq} ${key.kind}`,
          (group) => getEach(store, group),
        ),
      { cacheKeyFn: recordAtText },
    );
    this.#several = new DataLoader(
      (wanted) =>
        alignGroups(
          wanted,
          ({ kind, seq }) => `${seq} ${kind}`,
          (group) => getLists(store, group),
        ),
      { cache: false },
    );
  }

  /** Tombstones included; `null` if there is none. */
  load<K extends Kind>(key: KeyOf<K>, seq: number): Promise<RevisionRecord<K> | null> {
    return this.#single.load({ key, seq }) as Promise<RevisionRecord<K> | null>;
  }

  /** Adds a revision that is known, so that it is not read. */
  prime(revision: RevisionRecord, seq: number): void {
    this.#single.prime({ key: revision.key, seq }, revision);
  }

  /** One promise for several keys of one kind, because a page has hundreds. */
  loadAll<K extends Kind>(
    kind: K,
    keys: readonly KeyOf<K>[],
    seq: number,
  ): Promise<readonly (RevisionRecord<K> | null)[]> {
    return this.#several.load({ kind, keys, seq }) as Promise<(RevisionRecord<K> | null)[]>;
  }
}

/** A damaged record fails its own key only. */
async function getEach(
  store: Pick<HistoryStore, 'get'>,
  group: readonly [RecordAt, ...RecordAt[]],
): Promise<(RevisionRecord | null | Error)[]> {
  const keys = group.map(({ key }) => key);
  const found = await store.get(keys, group[0].seq);
  return found.map((revision) => (revision && damageOf(revision)) ?? revision);
}

async function getLists(
  store: Pick<HistoryStore, 'get'>,
  group: readonly [RecordsAt, ...RecordsAt[]],
): Promise<(RevisionRecord | null)[][]> {
  const places = new Map<string, number>();
  const distinct: RecordKey[] = [];
  const wanted = group.map(({ keys }) =>
    keys.map((key) => {
      const text = keyText(key);
      const place = places.get(text) ?? distinct.push(key) - 1;
      places.set(text, place);
      return place;
    }),
  );
  const found = wholeOnes(await store.get(distinct, group[0].seq));
  return wanted.map((list) => list.map((place) => found[place] ?? null));
}

interface Reference<K extends ListedKind = ListedKind> {
  readonly kind: K;
  readonly field: string;
  readonly integration: string;
  readonly value: string;
  readonly seq: number;
}

/** Reverse look-ups: one store call for all of one field that a page needs. */
class ReferrerLoader {
  readonly #loader: DataLoader<Reference, RevisionRecord<ListedKind>[], string>;

  constructor(store: Pick<HistoryStore, 'referrers'>) {
    this.#loader = new DataLoader(
      (references) =>
        alignGroups(references, groupOf, async (group) => {
          const [{ kind, field, integration, seq }] = group;
          const values = group.map(({ value }) => value);
          const found = await store.referrers(kind, field, integration, values, seq);
          wholeOnes(found.flat());
          return found;
        }),
      { cacheKeyFn: (reference) => `${groupOf(reference)} ${reference.value}` },
    );
  }

  /** Sorted by id. */
  load<K extends ListedKind>(reference: Reference<K>): Promise<RevisionRecord<K>[]> {
    return this.#loader.load(reference) as Promise<RevisionRecord<K>[]>;
  }
}

function groupOf({ kind, field, integration, seq }: Reference): string {
  return `${seq} ${kind} ${field} ${integration}`;
}
