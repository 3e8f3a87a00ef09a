import DataLoader from 'dataloader';
import type { HistoryStore } from '../history/store.js';
import { type Kind, keyText, type RecordKey } from '../model/kind.js';
import type { Revision } from '../model/revision.js';
import { alignGroups } from './align.js';

/** A record as some view shows it. */
export interface RecordAt<K extends Kind = Kind> {
  readonly key: RecordKey & { readonly kind: K };
  readonly seq: number;
}

/** Revisions by key and view: one store call for all that a page asks for of one kind. */
export class RecordLoader {
  readonly #loader: DataLoader<RecordAt, Revision | null, string>;

  constructor(store: Pick<HistoryStore, 'get'>) {
    this.#loader = new DataLoader(
      (keys) =>
        alignGroups(
          keys,
          ({ key, seq }) => `${seq} ${key.kind}`,
          (group) =>
            store.get(
              group.map(({ key }) => key),
              group[0].seq,
            ),
        ),
      { cacheKeyFn: ({ key, seq }) => `${seq} ${keyText(key)}` },
    );
  }

  /** The revision that is visible at `seq`, a tombstone included; `null` where there is none. */
  load<K extends Kind>(key: RecordAt<K>['key'], seq: number): Promise<Revision<K> | null> {
    return this.#loader.load({ key, seq }) as Promise<Revision<K> | null>;
  }

  /** Makes known what is visible at `seq`, so that it need not be read. */
  prime(revision: Revision, seq: number): void {
    this.#loader.prime({ key: revision.key, seq }, revision);
  }

  /** As `load`, for several keys. */
  loadAll<K extends Kind>(keys: readonly RecordAt<K>['key'][], seq: number): Promise<(Revision<K> | null)[]> {
    return Promise.all(keys.map((key) => this.load(key, seq)));
  }
}
