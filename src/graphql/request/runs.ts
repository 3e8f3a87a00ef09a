import DataLoader from 'dataloader';
import type { HistoryStore } from '../../history/store.js';
import type { Run } from '../../model/run.js';

/** Runs by id; each is read once a request. */
export class RunLoader {
  readonly #loader: DataLoader<string, Run | null>;

  constructor(store: Pick<HistoryStore, 'run'>) {
    this.#loader = new DataLoader((ids) => Promise.all(ids.map((id) => store.run(id))));
  }

  load(id: string): Promise<Run | null> {
    return this.#loader.load(id);
  }
}
