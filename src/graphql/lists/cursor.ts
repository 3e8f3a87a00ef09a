import { createHash } from 'node:crypto';
import { badInput } from '../base/errors.js';

export type CursorValue = string | number | boolean | null;

/** What a cursor remembers besides its place. */
export interface CursorScope {
  /** Which list it belongs to. */
  readonly list: string;
  /** What must be asked again for the list to go on, by the argument's name. */
  readonly terms: Readonly<Record<string, CursorValue>>;
  /** The view that the first page pinned: every page after it is read there. */
  readonly pin: readonly CursorValue[];
}

export interface ReadCursor {
  readonly pin: readonly CursorValue[];
  readonly place: readonly CursorValue[];
}

/** Writes the cursors of one list; what they share is made once. */
export function cursorWriter(scope: CursorScope): (place: readonly CursorValue[]) => string {
  const head = JSON.stringify([scope.list, Object.values(scope.terms), scope.pin]).slice(0, -1);
  return (place) => Buffer.from(`${head},${JSON.stringify(place)}]`).toString('base64url');
}

/**
 * Reads a cursor for a list that is asked for with `terms`. A cursor of another list, or of this one with
 * other arguments, is the caller's error.
 */
export function readCursor(text: string, list: string, terms: CursorScope['terms']): ReadCursor {
  const [ofList, ofTerms, pin, place] = parse(text);
  if (ofList !== list) throw badInput(`This cursor belongs to ${ofList}, not to ${list}: ${ANEW}`);
  Object.entries(terms).forEach(([name, value], index) => {
    if (ofTerms[index] !== value) {
      throw badInput(`This cursor belongs to a list with another ${name}: give the same ${name}; ${ANEW}`);
    }
  });
  return { pin, place };
}

const ANEW = 'to begin a new walk, leave the cursor out.';

type Parsed = [string, CursorValue[], CursorValue[], CursorValue[]];

function parse(text: string): Parsed {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (isParsed(value)) return value;
  } catch {
    // not JSON: refused below
  }
  throw badInput(
    `${JSON.stringify(text)} is not a cursor of this graph: give a "cursor", "startCursor" or "endCursor" of an earlier page, unchanged.`,
  );
}

function isParsed(value: unknown): value is Parsed {
  if (!Array.isArray(value) || value.length !== 4 || typeof value[0] !== 'string') return false;
  return value.slice(1).every((part) => Array.isArray(part) && part.every(isCursorValue));
}

function isCursorValue(value: unknown): value is CursorValue {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

/** A short fingerprint of arguments, equal for equal JSON. */
export function fingerprint(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, 11);
}
