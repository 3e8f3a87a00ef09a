import { MINUTE } from '../values/instant.js';
import type { Resource } from './options.js';
import type { Random } from './random.js';

export interface SimulatedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function json(status: number, body: string, headers: Record<string, string> = {}): SimulatedAnswer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body };
}

/** The error format of the core endpoints: `{"message": …}`. */
export function failureAnswer(
  status: number,
  message: string,
  headers: Record<string, string> = {},
): SimulatedAnswer {
  return json(status, JSON.stringify({ message }), headers);
}

export function htmlAnswer(status: number, text: string): SimulatedAnswer {
  const body = `<html>\r\n<head><title>${text}</title></head>\r\n<body><h1>${text}</h1></body>\r\n</html>\r\n`;
  return { status, headers: { 'content-type': 'text/html' }, body };
}

export const NOT_AUTHORIZED =
  'The server could not verify that you are authorized to access the URL requested. You either supplied the wrong credentials or your token is no longer valid.';
export const TOO_MANY = 'Request count exceeds allowed number of concurrent requests for this resource type';

/** The longest delay until an event is visible. */
export const MAX_LAG = 14 * MINUTE;

/** The delay until an event is visible: usually up to a minute, sometimes 3 to 14. */
export function lag(random: Random, lateShare: number): number {
  return random.chance(lateShare) ? random.between(3 * MINUTE, MAX_LAG) : random.between(2_000, 70_000);
}

/** `2026-03-01T08:15:00Z`, cut to the second. */
export function zulu(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** The same with a fraction of 1 to 9 digits, trailing zeros dropped; `finer` is what follows the milliseconds. */
export function zuluFraction(ms: number, finer: string): string {
  const fraction = `${new Date(ms).toISOString().slice(20, 23)}${finer}`.replace(/0+$/, '');
  return fraction === '' ? zulu(ms) : `${new Date(ms).toISOString().slice(0, 19)}.${fraction}Z`;
}

/** `2026-03-01T08:15:00.123456+00:00`, without a fraction when that is nought. */
export function offsetUtc(ms: number, micros: number): string {
  const iso = new Date(ms).toISOString();
  const fraction = `${iso.slice(20, 23)}${String(micros).padStart(3, '0')}`;
  return `${iso.slice(0, 19)}${fraction === '000000' ? '' : `.${fraction}`}+00:00`;
}

/** The same instant by a clock eight hours behind UTC: `2026-03-01T00:15:00-08:00`. */
export function pacific(ms: number): string {
  return `${new Date(ms - 480 * MINUTE).toISOString().slice(0, 19)}-08:00`;
}

/** A placeholder for a 64-bit integer in a value that becomes JSON. */
export function wireInteger(text: string): string {
  return `@int64:${text}@`;
}

const MARK = /"@int64:(-?\d+)@"/g;

/** JSON in which the placeholders of `wireInteger` become integers. */
export function wireJson(value: unknown): string {
  return JSON.stringify(value).replace(MARK, '$1');
}

/** A 64-bit integer as a complete collection stores it: text if JavaScript cannot represent the number. */
export function heldInteger(text: string): string | number {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : text;
}

/** The value after a round trip through JSON, without undefined fields. */
export function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

export type IntegerForm = typeof wireInteger | typeof heldInteger;

/** The meaning of a `filter` parameter: a window on a key, no filter, or an error. */
type ParsedFilter =
  | { readonly kind: 'window'; readonly key: string; readonly window: TimeWindow }
  | { readonly kind: 'ignored' }
  | { readonly kind: 'bad'; readonly message: string };

const CLAUSES = /^(?:(gte|lte) (\S+)) ?(?:(?:and (\S+) )?(gte|lte) (\S+))?$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;

/**
 * Parses a filter like the API: `KEY gte T lte T`, in either order or with one end, optionally `and KEY`
 * between. Threats round both ends down to seconds and exclude `lte`; cases and campaigns include it.
 */
export function parseFilter(resource: Resource, text: string): ParsedFilter {
  const trimmed = text.trim();
  // a filter that repeats the parameter's name is dropped without a word
  if (trimmed.startsWith('filter=')) return { kind: 'ignored' };
  const space = trimmed.indexOf(' ');
  const key = trimmed.slice(0, Math.max(space, 0));
  const parts = space < 0 ? null : CLAUSES.exec(trimmed.slice(space + 1));
  if (!parts) return bad(`Invalid filter: ${text}`);
  const [, firstWord, firstTime = '', again, secondWord, secondTime = ''] = parts;
  if (again !== undefined && again !== key) return bad('Only one filter key is allowed');
  const times = [firstTime, ...(secondWord ? [secondTime] : [])];
  if (times.some((time) => !isTime(time))) return bad('Filter times must look like YYYY-MM-DDTHH:MM:SSZ');
  const ends = times.map((time, place) => ({
    word: place === 0 ? firstWord : secondWord,
    time: millis(resource, time),
  }));
  // a second `gte` replaces the first, and so for `lte`
  const from = ends.findLast((end) => end.word === 'gte')?.time ?? Number.NEGATIVE_INFINITY;
  const to = ends.findLast((end) => end.word === 'lte')?.time ?? Number.POSITIVE_INFINITY;
  return { kind: 'window', key, window: { from, to, inclusive: resource !== 'threats' } };
}

function bad(message: string): ParsedFilter {
  return { kind: 'bad', message };
}

function isTime(text: string): boolean {
  return TIME.test(text) && !Number.isNaN(Date.parse(text));
}

function millis(resource: Resource, text: string): number {
  const ms = Date.parse(text);
  return resource === 'threats' ? Math.floor(ms / 1000) * 1000 : ms;
}

/** In ms since the epoch; either end may be infinite. */
export interface TimeWindow {
  readonly from: number;
  readonly to: number;
  /** Whether `to` itself is inside. */
  readonly inclusive: boolean;
}
