import { WordCache } from '../values/bounded-cache.js';

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
export interface KnownDetail {
  readonly name: string;
  readonly shape: Shape;
  /** `null`: the whole value. */
  readonly at: 'detail' | 'item' | null;
}
