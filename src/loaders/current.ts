import DataLoader from 'dataloader';
import type { HistoryStore, Pin } from '../history/store.js';
import type { StreamState } from '../model/stream.js';

/** What is true of the whole history now: one store call for all who ask at once, asked anew each time. */
export class CurrentLoader {
  readonly #head: DataLoader<'head', Pin>;
  readonly #streams: DataLoader<'streams', StreamState[]>;

  constructor(store: Pick<HistoryStore, 'head' | 'streams'>) {
    this.#head = shared(() => store.head());
    this.#streams = shared(() => store.streams());
  }

  /** The newest view. */
  head(): Promise<Pin> {
    return this.#head.load('head');
  }

  /** All streams ever read, with their state. */
  streams(): Promise<StreamState[]> {
    return this.#streams.load('streams');
  }
}

function shared<K, V>(read: () => Promise<V>): DataLoader<K, V> {
  const answerAll = async (keys: readonly K[]) => {
    const value = await read();
    return keys.map(() => value);
  };
  return new DataLoader(answerAll, { cache: false });
}
