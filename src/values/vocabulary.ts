/*
 * Abnormal's word lists are open: spellings differ between endpoints and years, and new words appear. Each
 * list maps known words to an enum value and others to OTHER. `null` (not given) stays `null`.
 */

const squash = (raw: string) =>
  raw
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
    .trim();

export function vocabulary<T extends string>(words: Record<T, readonly string[]>) {
  const known = new Map<string, T>();
  for (const [value, spellings] of Object.entries<readonly string[]>(words)) {
    for (const spelling of spellings) known.set(squash(spelling), value as T);
  }
  return (raw: string | null): T | 'OTHER' | null => {
    if (raw === null || raw.trim() === '') return null;
    return known.get(squash(raw)) ?? 'OTHER';
  };
}
