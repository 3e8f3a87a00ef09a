import { hash } from 'node:crypto';

/** The keys of an object as they come, and sorted. `json` is the JSON of a key and a colon; `after` has a comma before it. */
interface KeyOrder {
  readonly keys: readonly string[];
  readonly sorted: readonly (readonly [key: string, json: string, after: string])[];
}

const PLACES = 64;
const MOST_KEYS = 100;
/** The orders seen last: objects have few, and sorting takes as long as everything else. */
const ORDERS: (KeyOrder | undefined)[] = new Array(PLACES);

/** RFC 8785 canonical JSON. */
export function canonicalJson(value: unknown): string {
  if (value === undefined || typeof value === 'function') throw new TypeError('not a JSON value');
  return textOf(value);
}

/** Texts that are the same in JSON; most are, and a call of JSON.stringify for each takes longer than all else. */
const PLAIN = /^[ !#-[\]-~]*$/;

function textOf(value: unknown): string {
  if (typeof value === 'string') return PLAIN.test(value) ? `"${value}"` : JSON.stringify(value);
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`not a JSON value: ${value}`);
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return listOf(value);
  let text = '{';
  for (const [key, json, after] of sortedKeys(Object.keys(value))) {
    const member = (value as Record<string, unknown>)[key];
    if (member === undefined) continue;
    text += text === '{' ? json : after;
    // with as few pieces as there can be: each is an object of its own
    if (typeof member === 'string' && PLAIN.test(member)) text += `"${member}"`;
    else text += textOf(member);
  }
  return `${text}}`;
}

function listOf(values: readonly unknown[]): string {
  let text = '[';
  for (let i = 0; i < values.length; i += 1) text += `${i === 0 ? '' : ','}${textOf(values[i])}`;
  return `${text}]`;
}

function sortedKeys(keys: readonly string[]): KeyOrder['sorted'] {
  const place = (keys.length * 7 + (keys[0]?.length ?? 0)) % PLACES;
  const known = ORDERS[place];
  if (known && areEqual(known.keys, keys)) return known.sorted;
  const sorted = [...keys].sort().map((key) => {
    const json = `${JSON.stringify(key)}:`;
    return [key, json, `,${json}`] as const;
  });
  if (keys.length <= MOST_KEYS) ORDERS[place] = { keys, sorted };
  return sorted;
}

function areEqual(some: readonly string[], others: readonly string[]): boolean {
  if (some.length !== others.length) return false;
  for (let i = 0; i < some.length; i += 1) if (some[i] !== others[i]) return false;
  return true;
}

/** The value of a JSON text; `undefined` if it is none. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function sha256(text: string): string {
  return hash('sha256', text);
}
