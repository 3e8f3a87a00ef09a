import { WordCache } from '../../values/bounded-cache.js';

/** `read` with its answers kept, for pure readings of texts of which few occur over and over. */
export function remembered<T>(read: (text: string | null) => T): (text: string | null) => T {
  const answers = new WordCache<T>('normalisedWords');
  return (text) => {
    const known = answers.get(text);
    if (known !== undefined) return known;
    const answer = read(text);
    answers.set(text, answer);
    return answer;
  };
}
