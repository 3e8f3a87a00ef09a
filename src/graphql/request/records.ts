import DataLoader from 'dataloader';
import { damageOf, wholeOnes } from '../../history/errors.js';
import type { HistoryStore } from '../../history/store.js';
import type { Revision } from '../../model/revision.js';
import { type Kind, keyText, type RecordKey } from '../../resources/kind.js';
import { alignGroups } from './align.js';

type KeyOf<K extends Kind> = RecordKey & { readonly kind: K };

/** A record as some view shows it. */
export interface RecordAt<K extends Kind = Kind> {
  readonly key: KeyOf<K>;
  readonly seq: number;
}

/** Several records of one kind as some view shows them. */
interface RecordsAt {
  readonly kind: Kind;
  readonly keys: readonly RecordKey[];
  readonly seq: number;
}

/** Revisions by key and view: one store call for all that a page asks for of one kind. */
export class RecordLoader {
  readonly #single: DataLoader<RecordAt, Revision | null, string>;
  readonly #several: DataLoader<RecordsAt, (Revision | null)[]>;

  constructor(store: Pick<HistoryStore, 'get'>) {
    this.#single = new DataLoader(
      (wanted) =>
        alignGroups<RecordAt, Revision | null | Error>(
          wanted,
          ({ key, seq }) => `${seq} ${key.kind}`,
          (group) => getEach(store, group),
        ),
      { cacheKeyFn: ({ key, seq }) => `${seq} ${keyText(key)}` },
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

  /** The revision that is visible at `seq`, a tombstone included; `null` where there is none. */
  load<K extends Kind>(key: KeyOf<K>, seq: number): Promise<Revision<K> | null> {
    return this.#single.load({ key, seq }) as Promise<Revision<K> | null>;
  }

  /** Makes known what is visible at `seq`, so that it need not be read. */
  prime(revision: Revision, seq: number): void {
    this.#single.prime({ key: revision.key, seq }, revision);
  }

  /** As `load`, for several keys of one kind: one promise for all of them, since a page has hundreds. */
  loadAll<K extends Kind>(
    kind: K,
    keys: readonly KeyOf<K>[],
    seq: number,
  ): Promise<readonly (Revision<K> | null)[]> {
    return this.#several.load({ kind, keys, seq }) as Promise<(Revision<K> | null)[]>;
  }
}

/** A damaged record fails its own key only. */
async function getEach(
  store: Pick<HistoryStore, 'get'>,
  group: readonly [RecordAt, ...RecordAt[]],
): Promise<(Revision | null | Error)[]> {
  const keys = group.map(({ key }) => key);
  const found = await store.get(keys, group[0].seq);
  return found.map((revision) => (revision && damageOf(revision)) ?? revision);
}

async function getLists(
  store: Pick<HistoryStore, 'get'>,
  group: readonly [RecordsAt, ...RecordsAt[]],
): Promise<(Revision | null)[][]> {
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
