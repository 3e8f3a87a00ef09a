import DataLoader from 'dataloader';
import { wholeOnes } from '../../history/errors.js';
import type { HistoryStore } from '../../history/store.js';
import type { Revision } from '../../model/revision.js';
import type { ListedKind } from '../../resources/kind.js';
import { alignGroups } from './align.js';

/** A question for who refers to something: the live records of `kind` whose `field` has `value`. */
export interface Reference<K extends ListedKind = ListedKind> {
  readonly kind: K;
  readonly field: string;
  readonly integration: string;
  readonly value: string;
  readonly seq: number;
}

/** Reverse look-ups: one store call for all that a page asks for of one field. */
export class ReferrerLoader {
  readonly #loader: DataLoader<Reference, Revision<ListedKind>[], string>;

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

  /** The records that refer, by id. */
  load<K extends ListedKind>(reference: Reference<K>): Promise<Revision<K>[]> {
    return this.#loader.load(reference) as Promise<Revision<K>[]>;
  }
}

function groupOf({ kind, field, integration, seq }: Reference): string {
  return `${seq} ${kind} ${field} ${integration}`;
}
