import type { z } from 'zod';
import { DecodeError } from '../abnormal/errors.js';
import { flawOf, isRecord, nameOf } from './scalars.js';

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
