import { WordCache } from '../values/bounded-cache.js';

/** Whether a word is one that its list does not have. */
export type IsUnknown = (word: string) => boolean;

/** The fields of an object that are known, and what is looked at of their values: objects, lists of them, words. */
export type Shape = ReadonlyMap<string, Shape | IsUnknown | null>;

/** What Abnormal says of nothing in particular is one of its own words. */
const NOTHING_SAID = /^\s*(null|others?)?\s*$/i;

/** Tells the words that `normalise` does not know. */
export function isUnknownBy(normalise: (word: string) => string | null): IsUnknown {
  const known = new WordCache<true>('knownWords');
  return (word) => {
    if (known.get(word)) return false;
    const isUnknown = normalise(word) === 'OTHER' && !NOTHING_SAID.test(word);
    if (!isUnknown) known.set(word, true);
    return isUnknown;
  };
}

export type Parts = Readonly<Record<string, Shape | IsUnknown | null>>;

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
  /** `null`: it is all of it. */
  readonly at: 'detail' | 'item' | null;
}
