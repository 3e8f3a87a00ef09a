import type { Resource } from '../resources/kind.js';
import type { TimeWindow } from './upstream.js';

/** What a `filter` parameter means: a window on a key, nothing at all, or a mistake. */
export type ParsedFilter =
  | { readonly kind: 'window'; readonly key: string; readonly window: TimeWindow }
  | { readonly kind: 'ignored' }
  | { readonly kind: 'bad'; readonly message: string };

const CLAUSES = /^(?:(gte|lte) (\S+)) ?(?:(?:and (\S+) )?(gte|lte) (\S+))?$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;

/**
 * Reads a filter as the API does: `KEY gte T lte T`, in either order or with one end, `and KEY` between them if
 * liked. Threats floor both ends to whole seconds and leave `lte` itself out; cases and campaigns keep it in.
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
