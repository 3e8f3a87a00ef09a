import addressparser from 'nodemailer/lib/addressparser';
import { z } from 'zod';
import { INT_MAX, intOrNull, isRecord } from '../values/filter.js';
import { parseUpstreamTime } from '../values/instant.js';

/*
 * How single values are read: an unreadable value (wrong type, unknown time format, more than 32 bits) is
 * `null`, and an unreadable list element is left out. A record is never lost for one bad value: the payload
 * keeps it, and `unreadParts` names it.
 */

interface Read<T> {
  readonly value: T;
  /** What is wrong, as one of few texts, so that they can be counted. */
  readonly flaw?: string;
}

interface Reader {
  readonly read: (value: unknown) => Read<unknown>;
  readonly isFlawless: (value: unknown) => boolean;
}

const READERS = new WeakMap<object, Reader>();

/**
 * A field that may be missing; `read` gets the received value or `undefined`. What is `isFlawless` need not be read
 * again to know that nothing is wrong with it.
 */
function field<T>(read: (value: unknown) => Read<T>, isFlawless: (value: unknown) => boolean = () => false) {
  const schema = z.transform((value: unknown): T => read(value).value);
  READERS.set(schema, { read, isFlawless });
  return schema;
}

/** What is wrong with a value of a field; `null` if nothing is. */
function flawOf(schema: z.ZodType, value: unknown): string | null {
  const reader = value === undefined || value === null ? undefined : READERS.get(schema);
  return reader === undefined || reader.isFlawless(value) ? null : (reader.read(value).flaw ?? null);
}

const isString = (value: unknown): value is string => typeof value === 'string';
const isStringOrStrings = (value: unknown) =>
  isString(value) || (Array.isArray(value) && value.every(isString));

function wrongType(expected: string, value: unknown): { readonly value: null; readonly flaw: string } {
  return { value: null, flaw: `${nameOf(value)} instead of ${expected}` };
}

function scalar<T>(expected: string, convert: (text: string) => T | null, flaw?: string) {
  const read = (value: unknown): Read<T | null> => {
    const text = scalarText(value);
    if (text === WRONG) return wrongType(expected, value);
    if (text === null) return { value: null };
    const converted = convert(text);
    return converted === null && flaw !== undefined && !isBlank(text)
      ? { value: null, flaw }
      : { value: converted };
  };
  return field(read, flaw === undefined ? isString : undefined);
}

const WRONG = Symbol('wrong');

export const text = scalar('text', (value) => value);

/** Text in which a blank or the word `null` is no value: addresses, machines, ids of other systems. */
export const word = scalar('text', (value) => (isBlank(value) ? null : value));

/** A word of an open list, as received, except the word `null`. */
export const term = scalar('text', (value) => (/^\s*null\s*$/i.test(value) ? null : value));

export const instant = scalar('a timestamp', parseUpstreamTime, 'not a timestamp');

/** A 32-bit integer, as in a GraphQL `Int`. */
export const integer = scalar('a whole number', integerOf, `not a whole number within ±${INT_MAX}`);

function integerOf(text: string): number | null {
  return /^\s*[+-]?\d+\s*$/.test(text) ? intOrNull(Number(text)) : null;
}

const BOOLEANS = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

/** Text is accepted too: the vendor's example of `isRead` is `'true'`. */
export const flag = scalar(
  'true or false',
  (value) => BOOLEANS.get(value.trim().toLowerCase()) ?? null,
  'neither true nor false',
);

export const requiredId = z
  .unknown()
  .optional()
  .transform((value, context): string => {
    const id = idOf(value);
    if (id !== null) return id;
    context.issues.push({
      ...{ code: 'custom', message: `expected an id, received ${nameOf(value)}` },
      input: value,
    });
    return z.NEVER;
  });

export const optionalId = field((value): Read<string | null> => {
  if (scalarText(value) === WRONG) return wrongType('an id', value);
  return { value: idOf(value) };
});

/** A list, or one text with commas or semicolons. */
export const addresses = field((value): Read<readonly string[]> => {
  const { value: parts, ...flaw } = textList(value);
  return { value: parts.flatMap(splitAddresses), ...flaw };
}, isStringOrStrings);

/** A list, or one text as a list of one. */
export const texts = field(textList, isStringOrStrings);

/** An object that may be missing; its content is checked by its own shape. */
export function optionalObject<S extends z.ZodRawShape>(shape: S) {
  const schema = z.object(shape);
  return field((value): Read<z.infer<typeof schema> | null> => {
    if (value === undefined || value === null) return { value: null };
    const read = schema.safeParse(value);
    return read.success ? { value: read.data } : wrongType('an object', value);
  });
}

export function custom<T>(expected: string, read: (value: unknown) => T | null) {
  return field((value): Read<T | null> => {
    const known = value === undefined || value === null ? null : read(value);
    const isSaid = value !== undefined && value !== null && !(typeof value === 'string' && isBlank(value));
    return known === null && isSaid && typeof value !== 'string' && !isEmptyObject(value)
      ? wrongType(expected, value)
      : { value: known };
  });
}

/** An id as text; `null` if it cannot be one. */
export function idOf(value: unknown): string | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : null;
  return typeof value === 'string' && isUsableId(value) ? value : null;
}

/** The type of a value, for people. */
export function nameOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function scalarText(value: unknown): string | null | typeof WRONG {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return wellFormed(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  // an empty object has been observed in place of null
  return isEmptyObject(value) ? null : WRONG;
}

function isEmptyObject(value: unknown): boolean {
  return isRecord(value) && Object.keys(value).length === 0;
}

function textList(value: unknown): Read<readonly string[]> {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  const read = items.map(scalarText);
  const wrong = items[read.indexOf(WRONG)];
  const expected = Array.isArray(value) ? 'text in a list' : 'a list of texts';
  return {
    value: read.filter((item): item is string => typeof item === 'string' && !isBlank(item)),
    ...(read.includes(WRONG) && { flaw: wrongType(expected, wrong).flaw }),
  };
}

function isBlank(value: string): boolean {
  const trimmed = value.trim();
  return trimmed === '' || (trimmed.length === 4 && trimmed.toLowerCase() === 'null');
}

/** Parsing time grows with the square of some texts; Abnormal cuts its lists at 255 characters. */
const LONGEST_ADDRESSES = 16_384;

/** Plain addresses, as most lists are, which the parser would only return. */
const PLAIN_ADDRESSES = /^[\w.+-]+@[\w-]+(?:\.[\w-]+)*(?:, ?[\w.+-]+@[\w-]+(?:\.[\w-]+)*)*$/;

/** Without display names. A part without an address, such as a truncated last one, stays as text. */
function splitAddresses(list: string): string[] {
  if (list.length > LONGEST_ADDRESSES) return [list.trim()];
  if (PLAIN_ADDRESSES.test(list)) return list.split(/, ?/);
  return addressparser(list, { flatten: true }).flatMap(({ address, name }) => {
    // addresses separated by blanks only: all but one would be taken for a name
    if (address && name.includes('@') && !/[<("]/.test(list)) return [address, ...name.split(/\s+/)];
    return [address || name].filter((text) => text !== '');
  });
}

/** Subjects are truncated upstream, sometimes within a character, which no store can save. */
function wellFormed(value: string): string {
  return value.toWellFormed();
}

export interface Received {
  readonly json: unknown;
  readonly evidence: () => string;
}

const MOST_ISSUES = 5;

/** Parses `received` by `schema`; a `DecodeError` names the path of the first faults. */
export function decode<T>(schema: z.ZodType<T>, received: Received, what: string): T {
  const result = schema.safeParse(received.json);
  if (result.success) return result.data;
  const { issues } = result.error;
  const faults = issues.slice(0, MOST_ISSUES).map((issue) => `${pathText(issue.path)}: ${issue.message}`);
  const more = issues.length > MOST_ISSUES ? ` (and ${issues.length - MOST_ISSUES} more)` : '';
  throw undecodable(received, what, `${faults.join('; ')}${more}`);
}

export function undecodable(received: Received, what: string, why: string): DecodeError {
  return new DecodeError(`Abnormal's answer for ${what} does not read as one: ${why}`, received.evidence());
}

/** Throws if a detail belongs to another record than requested. */
export function assertId(asked: string, answered: string, received: Received, what: string): void {
  if (asked === answered) return;
  throw undecodable(received, what, `it is of another record, ${JSON.stringify(answered)}`);
}

function pathText(path: readonly PropertyKey[]): string {
  return path.length === 0 ? 'the body' : path.map(String).join('.');
}

export interface UnreadPart {
  /** With list positions: `messages.2.urlCount`. */
  readonly path: string;
  /** Never contains the received value. */
  readonly flaw: string;
}

export function unreadParts(
  shape: Readonly<z.ZodRawShape>,
  raw: unknown,
  path = '',
  inner: Readonly<Record<string, Readonly<z.ZodRawShape>>> = {},
): UnreadPart[] {
  const unread: UnreadPart[] = [];
  if (!isRecord(raw)) return unread;
  for (const name in shape) {
    const value = raw[name];
    const flaw = flawOf(shape[name] as z.ZodType, value);
    const within = inner[name];
    if (flaw !== null) unread.push({ path: `${path}${name}`, flaw });
    else if (within) unread.push(...unreadParts(within, value, `${path}${name}.`));
  }
  return unread;
}

interface ListParts<T> {
  readonly read: readonly { readonly raw: unknown; readonly value: T }[];
  readonly lost: readonly { readonly raw: unknown; readonly flaw: string }[];
  /** Unreadable elements and parts of elements, by their position in the list at `path`. */
  readonly unread: readonly UnreadPart[];
}

export function decodeEach<T>(
  schema: z.ZodType<T>,
  list: readonly unknown[],
  path: string,
  flawsOf: (raw: unknown, path: string) => readonly UnreadPart[],
): ListParts<T> {
  const read: ListParts<T>['read'][number][] = [];
  const lost: ListParts<T>['lost'][number][] = [];
  const unread: UnreadPart[] = [];
  for (const [index, raw] of list.entries()) {
    const at = `${path}.${index}`;
    const result = schema.safeParse(raw);
    if (result.success) {
      read.push({ raw, value: result.data });
      unread.push(...flawsOf(raw, `${at}.`));
      continue;
    }
    const [issue] = result.error.issues;
    const flaw = issue?.code === 'custom' ? issue.message : `${nameOf(raw)} instead of an object`;
    lost.push({ raw, flaw });
    unread.push({ path: at, flaw });
  }
  return { read, lost, unread };
}

/** A complete but invalid response: bad data, not an HTTP failure. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';

  constructor(
    message: string,
    /** As received, at most 64 KiB. */
    readonly body: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const CONTROL = /[\p{Cc}\p{Cs}]/u;

/** An id is one path segment, unlike `.` and `..`. */
export function isUsableId(text: string): boolean {
  return (
    text.length > 0 &&
    text.length <= 256 &&
    text.trim() === text &&
    !['.', '..', 'null', 'undefined'].includes(text) &&
    !CONTROL.test(text)
  );
}

export interface Decoded<T> {
  readonly record: T;
  readonly payload: unknown;
  readonly unread: readonly UnreadPart[];
}
