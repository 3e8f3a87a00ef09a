import DataLoader from 'dataloader';
import type { HistoryStore } from '../../history/store.js';
import { keyText } from '../../resources/kind.js';
import type { RecordAt } from './records.js';

/** How many versions records have up to a view; each is counted once a request. */
export class RevisionCountLoader {
  readonly #loader: DataLoader<RecordAt, number, string>;

  constructor(store: Pick<HistoryStore, 'countRevisions'>) {
    this.#loader = new DataLoader(
      (keys) => Promise.all(keys.map(({ key, seq }) => store.countRevisions(key, seq))),
      { cacheKeyFn: ({ key, seq }) => `${seq} ${keyText(key)}` },
    );
  }

  load(at: RecordAt): Promise<number> {
    return this.#loader.load(at);
  }
}
