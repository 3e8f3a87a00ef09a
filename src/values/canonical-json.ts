import { createHash } from 'node:crypto';
import canonicalizeModule from 'canonicalize';

// the package is CommonJS but its types are ES module: the import is the function itself
const canonicalize = canonicalizeModule as unknown as (value: unknown) => string | undefined;

/** RFC 8785 canonical JSON. */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('not a JSON value');
  return text;
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
