import DataLoader from 'dataloader';
import type { FirstQuery, HistoryStore, Pin } from '../../history/store.js';
import type { StreamState } from '../../model/stream.js';

/** What is true of the whole history now: one store call for all who ask at once, asked anew each time. */
export class CurrentLoader {
  readonly #head: DataLoader<'head', Pin>;
  readonly #streams: DataLoader<'streams', StreamState[]>;
  readonly #first: DataLoader<FirstQuery, Pin | null, string>;

  constructor(store: Pick<HistoryStore, 'head' | 'streams' | 'firstRecorded'>) {
    this.#head = shared(() => store.head());
    this.#streams = shared(() => store.streams());
    this.#first = new DataLoader(
      (queries) => Promise.all(queries.map((query) => store.firstRecorded(query))),
      { cacheKeyFn: JSON.stringify },
    );
  }

  /** The newest view. */
  head(): Promise<Pin> {
    return this.#head.load('head');
  }

  /** The first batch that recorded anything of the kinds; each is looked up once a request, since it never changes. */
  firstRecorded(query: FirstQuery): Promise<Pin | null> {
    return this.#first.load(query);
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
