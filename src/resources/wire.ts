import addressparser from 'nodemailer/lib/addressparser';
import { z } from 'zod';
import { parseUpstreamTime } from '../values/instant.js';
import { INT_MAX, intOrNull } from '../values/int.js';

/*
 * How single values are read. One rule throughout: a value that does not read (an object for a text, a time of an
 * unknown form, an integer beyond 32 bits) is `null`, and an element of a list that does not read is left out. A
 * record must not be lost for one bad value: what was sent stays in the payload, and `unreadParts` names it.
 */

/** A value as it is understood. */
interface Read<T> {
  readonly value: T;
  /** What is wrong with what was sent, in so few words that they can be counted. */
  readonly flaw?: string;
}

type Reader = (value: unknown) => Read<unknown>;

const READERS = new WeakMap<object, Reader>();

/** A field that may be missing; `read` sees what was sent, `undefined` when nothing was. */
function field<T>(read: (value: unknown) => Read<T>) {
  const schema = z
    .unknown()
    .optional()
    .transform((value): T => read(value).value);
  READERS.set(schema, read);
  return schema;
}

/** What is wrong with a value of a field of this schema; `null` when nothing is. */
function flawOf(schema: unknown, value: unknown): string | null {
  const read = typeof schema === 'object' && schema !== null ? READERS.get(schema) : undefined;
  return read?.(value).flaw ?? null;
}

function wrongType(expected: string, value: unknown): { readonly value: null; readonly flaw: string } {
  return { value: null, flaw: `${nameOf(value)} instead of ${expected}` };
}

function scalar<T>(expected: string, convert: (text: string) => T | null, flaw?: string) {
  return field((value): Read<T | null> => {
    const read = scalarText(value);
    if (read === WRONG) return wrongType(expected, value);
    if (read === null) return { value: null };
    const converted = convert(read);
    return converted === null && flaw !== undefined && !isBlank(read)
      ? { value: null, flaw }
      : { value: converted };
  });
}

/** What a reader gives for a value that cannot be meant. */
const WRONG = Symbol('wrong');

/** Free text as sent. */
export const text = scalar('text', (value) => value);

/** Text where a blank, or `null` spelt out, says nothing: addresses, names of machines, ids of other systems. */
export const word = scalar('text', (value) => (isBlank(value) ? null : value));

/** A value of one of Abnormal's open word lists, as sent, but for `null` spelt out. */
export const term = scalar('text', (value) => (/^\s*null\s*$/i.test(value) ? null : value));

export const instant = scalar('a timestamp', parseUpstreamTime, 'not a timestamp');

/** A whole number that the graph can show: an `Int` has 32 bits. */
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

/** Also one that is spelt out: the vendor's own example of `isRead` is the text `'true'`. */
export const flag = scalar(
  'true or false',
  (value) => BOOLEANS.get(value.trim().toLowerCase()) ?? null,
  'neither true nor false',
);

/** The id that a record must have, sent as text or as a number. */
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

/** An id that may be missing. */
export const optionalId = field((value): Read<string | null> => {
  if (scalarText(value) === WRONG) return wrongType('an id', value);
  return { value: idOf(value) };
});

/** Addresses: a list, or one text with commas or semicolons. */
export const addresses = field((value): Read<readonly string[]> => {
  const { value: parts, ...flaw } = textList(value);
  return { value: parts.flatMap(splitAddresses), ...flaw };
});

/** Texts: a list, or one text that stands for a list of one. */
export const texts = field(textList);

/** An object that may be missing; what is wrong within it is found by its own shape. */
export function optionalObject<S extends z.ZodRawShape>(shape: S) {
  const schema = z.object(shape);
  return field((value): Read<z.infer<typeof schema> | null> => {
    if (value === undefined || value === null) return { value: null };
    const read = schema.safeParse(value);
    return read.success ? { value: read.data } : wrongType('an object', value);
  });
}

/** A field that is read in a way of its own. */
export function custom<T>(expected: string, read: (value: unknown) => T | null) {
  return field((value): Read<T | null> => {
    const known = value === undefined || value === null ? null : read(value);
    const isSaid = value !== undefined && value !== null && !(typeof value === 'string' && isBlank(value));
    return known === null && isSaid && typeof value !== 'string' && !isEmptyObject(value)
      ? wrongType(expected, value)
      : { value: known };
  });
}

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
  return value.trim() === '' || value.trim().toLowerCase() === 'null';
}

/** The parser takes time that grows with the square of some texts; Abnormal cuts its lists at 255 characters. */
const LONGEST_ADDRESSES = 16_384;

/**
 * The addresses of a list as a header has it, without their display names. What has no address, such as a last one
 * that was cut off, stays as its text.
 */
function splitAddresses(list: string): string[] {
  if (list.length > LONGEST_ADDRESSES) return [list.trim()];
  return addressparser(list, { flatten: true }).flatMap(({ address, name }) => {
    // addresses with nothing but blanks between them: all but one are taken for a name
    if (address && name.includes('@') && !/[<("]/.test(list)) return [address, ...name.split(/\s+/)];
    return [address || name].filter((text) => text !== '');
  });
}

/** Subjects are cut off upstream, now and then within a character; half of one is no text that a store could keep. */
function wellFormed(value: string): string {
  return value.replace(/\p{Surrogate}/gu, '\uFFFD');
}

/** A received value with the means to show it to a person. */
export interface Received {
  readonly json: unknown;
  readonly evidence: () => string;
}

const MOST_ISSUES = 5;

/** Reads `received` by `schema`; a `DecodeError` names the path of each of the first faults. */
export function decode<T>(schema: z.ZodType<T>, received: Received, what: string): T {
  const result = schema.safeParse(received.json);
  if (result.success) return result.data;
  const { issues } = result.error;
  const faults = issues.slice(0, MOST_ISSUES).map((issue) => `${pathText(issue.path)}: ${issue.message}`);
  const more = issues.length > MOST_ISSUES ? ` (and ${issues.length - MOST_ISSUES} more)` : '';
  throw undecodable(received, what, `${faults.join('; ')}${more}`);
}

/** The error of an answer that arrived whole but is not what it should be. */
export function undecodable(received: Received, what: string, why: string): DecodeError {
  return new DecodeError(`Abnormal's answer for ${what} does not read as one: ${why}`, received.evidence());
}

/** Says so when a detail is not of the record that was asked for: it must never be kept under that one's name. */
export function assertId(asked: string, answered: string, received: Received, what: string): void {
  if (asked === answered) return;
  throw undecodable(received, what, `it is of another record, ${JSON.stringify(answered)}`);
}

function pathText(path: readonly PropertyKey[]): string {
  return path.length === 0 ? 'the body' : path.map(String).join('.');
}

/** A part of an answer that does not read, while the rest of it does. */
export interface UnreadPart {
  /** Where it stands, with the places in lists: `messages.2.urlCount`. */
  readonly path: string;
  /** What is wrong with it; never what was sent. */
  readonly flaw: string;
}

/** The fields of `raw` that do not read by `shape`, and within the objects of `inner`. */
export function unreadParts(
  shape: Readonly<Record<string, unknown>>,
  raw: unknown,
  path = '',
  inner: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {},
): UnreadPart[] {
  if (!isRecord(raw)) return [];
  return Object.entries(shape).flatMap(([name, schema]) => {
    const value = raw[name];
    const flaw = flawOf(schema, value);
    if (flaw !== null) return [{ path: `${path}${name}`, flaw }];
    const within = inner[name];
    return within ? unreadParts(within, value, `${path}${name}.`) : [];
  });
}

interface ListParts<T> {
  readonly read: readonly { readonly raw: unknown; readonly value: T }[];
  /** Elements that do not read. */
  readonly lost: readonly { readonly raw: unknown; readonly flaw: string }[];
  /** What does not read, elements and parts of elements, by their places in the list at `path`. */
  readonly unread: readonly UnreadPart[];
}

/** Reads each element of a list for itself: one that does not read costs no other. */
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

/** An answer that arrived whole but does not read as what it should be: bad data, not an HTTP failure. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';

  constructor(
    message: string,
    /** The body as received, at most 64 KiB of it. */
    readonly body: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const CONTROL = /[\p{Cc}\p{Cs}]/u;

/** Whether text can be a record's id: it names one path segment, which `.` and `..` do not. */
export function isUsableId(text: string): boolean {
  return (
    text.length > 0 &&
    text.length <= 256 &&
    text.trim() === text &&
    !['.', '..', 'null', 'undefined'].includes(text) &&
    !CONTROL.test(text)
  );
}

/** A decoded record, with the value that is to be recorded as received. */
export interface Decoded<T> {
  readonly record: T;
  readonly payload: unknown;
  /** What of it does not read; the record lacks it. */
  readonly unread: readonly UnreadPart[];
}
