import { createHash } from 'node:crypto';
import canonicalizeModule from 'canonicalize';

// the package is CommonJS and its types say ES module: what is imported is the function itself
const canonicalize = canonicalizeModule as unknown as (value: unknown) => string | undefined;

/** RFC 8785 canonical JSON of a JSON value. */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('not a JSON value');
  return text;
}

/** SHA-256 of UTF-8 text, in hex. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
