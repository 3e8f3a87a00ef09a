import { z } from 'zod';
import { type Instant, parseUpstreamTime } from '../../model/instant.js';
import { isUsableId } from '../paths.js';

/*
 * How single values are read. One rule throughout: what is there but of another build than it should be (an
 * object for a text, a number for a list) makes the record undecodable, since the answer is then not what we
 * think it is. A scalar that merely does not read, such as a time of an unknown form, is `null`: a record must
 * not be lost for one bad field, what was sent stays in the payload, and `unreadTimes` names it for the log.
 */

/** What a reader gives for a value that cannot be meant. */
const WRONG = Symbol('wrong');

/** A field that may be missing; `read` sees what was sent, `undefined` when nothing was. */
function field<T>(expected: string, read: (value: unknown) => T | typeof WRONG) {
  return z
    .unknown()
    .optional()
    .transform((value, context): T => {
      const result = read(value);
      if (result !== WRONG) return result;
      context.issues.push({
        code: 'custom',
        message: `expected ${expected}, received ${nameOf(value)}`,
        input: value,
      });
      return z.NEVER;
    });
}

/** Free text as sent. */
export const text = field('text', (value) => scalarText(value));

/** Text where a blank, or `null` spelt out, says nothing: addresses, names of machines, ids of other systems. */
export const word = field('text', (value) => {
  const read = scalarText(value);
  return typeof read === 'string' && isBlank(read) ? null : read;
});

/** A value of one of Abnormal's open word lists, as sent, but for `null` spelt out. */
export const term = field('text', (value) => {
  const read = scalarText(value);
  return typeof read === 'string' && /^\s*null\s*$/i.test(read) ? null : read;
});

export const instant = field('a timestamp', (value): Instant | null | typeof WRONG => {
  const read = scalarText(value);
  return typeof read === 'string' ? parseUpstreamTime(read) : read;
});

export const integer = field('a whole number', (value) => {
  const read = scalarText(value);
  if (typeof read !== 'string') return read;
  return /^\s*[+-]?\d+\s*$/.test(read) && Number.isSafeInteger(Number(read)) ? Number(read) : null;
});

const BOOLEANS = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

/** Also one that is spelt out: the vendor's own example of `isRead` is the text `'true'`. */
export const flag = field('true or false', (value) => {
  const read = scalarText(value);
  return typeof read === 'string' ? (BOOLEANS.get(read.trim().toLowerCase()) ?? null) : read;
});

/** The id that a record must have, sent as text or as a number. */
export const requiredId = field('an id', (value) => idOf(value) ?? WRONG);

/** An id that may be missing. */
export const optionalId = field('an id', (value) => {
  const read = scalarText(value);
  return read === WRONG ? WRONG : idOf(value);
});

/** Addresses: a list, or one text with commas, with or without blanks after them. */
export const addresses = field('addresses', (value) => {
  const read = textList(value);
  return read === WRONG ? WRONG : read.flatMap(splitAddresses);
});

/** Texts: a list, or one text that stands for a list of one. */
export const texts = field('a list of texts', (value) => textList(value));

/** An id as text, or `null` when the value cannot be one. */
export function idOf(value: unknown): string | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : null;
  return typeof value === 'string' && isUsableId(value) ? value : null;
}

/** What a value is, for a person. */
export function nameOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function scalarText(value: unknown): string | null | typeof WRONG {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return wellFormed(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  // an empty object has been seen where there was nothing to say
  return isRecord(value) && Object.keys(value).length === 0 ? null : WRONG;
}

function textList(value: unknown): string[] | typeof WRONG {
  const read = (Array.isArray(value) ? value : [value]).map(scalarText);
  if (read.includes(WRONG)) return WRONG;
  return read.filter((item): item is string => typeof item === 'string' && !isBlank(item));
}

function isBlank(value: string): boolean {
  return value.trim() === '' || value.trim().toLowerCase() === 'null';
}

/** Commas within quotes belong to a display name. */
function splitAddresses(list: string): string[] {
  const parts = list.match(/(?:"[^"]*"|[^,"]|")+/g) ?? [];
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

/** Subjects are cut off upstream, now and then within a character; half of one is no text that a store could keep. */
function wellFormed(value: string): string {
  return value.replace(/\p{Surrogate}/gu, '\uFFFD');
}
