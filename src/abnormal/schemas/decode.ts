import type { z } from 'zod';
import { parseUpstreamTime } from '../../model/instant.js';
import { DecodeError } from '../errors.js';
import { instant, isRecord } from './scalars.js';

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

/** The fields of `raw` that hold a time of a form nobody has seen yet, by their paths. */
export function unreadTimes(shape: Readonly<Record<string, unknown>>, raw: unknown, path = ''): string[] {
  if (!isRecord(raw)) return [];
  return Object.keys(shape).flatMap((name) => {
    const value = raw[name];
    const isText = typeof value === 'string' && value.trim() !== '' && !/^\s*null\s*$/i.test(value);
    return shape[name] === instant && isText && parseUpstreamTime(value) === null ? [`${path}${name}`] : [];
  });
}
