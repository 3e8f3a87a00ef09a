import { earliest, type Instant, latest } from '../values/instant.js';
import { INT_MAX } from '../values/int.js';
import type { DocumentBody } from './documents.js';

/**
 * `FIELD`: a field of a name that is not known. `VALUE`: a word that an open word list did not have. `UNREADABLE`: a
 * value that does not read, such as an object for a text, or an element of a list that is not one.
 */
export const DRIFT_KINDS = ['FIELD', 'VALUE', 'UNREADABLE'] as const;
export type DriftKind = (typeof DRIFT_KINDS)[number];

/** Something in an answer of Abnormal's that the gateway does not know; it is kept as received all the same. */
export interface DriftSighting {
  readonly kind: DriftKind;
  /** Where it stands, such as `threat.messages[].newField`; at most 200 characters. */
  readonly path: string;
  /** The word, at most 100 characters of it; what is wrong with what does not read; `null` for a field. */
  readonly value: string | null;
}

/** What was seen of it so far. */
export interface DriftName extends DriftSighting {
  /** How many answers had it. */
  readonly count: number;
  readonly firstSeenAt: Instant;
  readonly lastSeenAt: Instant;
}

/** What differs in the answers to one integration. */
export interface DriftTally {
  /** In the order in which they were first seen; at most `MOST_NAMES`. */
  readonly names: readonly DriftName[];
  /** How often something was seen that found no room among the names. */
  readonly beyond: number;
}

export const MOST_NAMES = 500;

export const NO_DRIFT: DriftTally = { names: [], beyond: 0 };

/** A sighting as one string, for maps. */
export function driftText({ kind, path, value }: DriftSighting): string {
  return `${kind} ${path} ${value ?? ''}`;
}

/** Adds what `later` counted to `tally`; names past the bound only count as `beyond`. */
export function addDrift(tally: DriftTally, later: DriftTally): DriftTally {
  const names = new Map(tally.names.map((name) => [driftText(name), name]));
  let beyond = tally.beyond + later.beyond;
  for (const name of later.names) {
    const text = driftText(name);
    const known = names.get(text);
    if (known) names.set(text, joined(known, name));
    else if (names.size < MOST_NAMES) names.set(text, name);
    else beyond += name.count;
  }
  return { names: [...names.values()], beyond: Math.min(beyond, INT_MAX) };
}

function joined(known: DriftName, name: DriftName): DriftName {
  return {
    ...known,
    count: Math.min(known.count + name.count, INT_MAX),
    firstSeenAt: earliest(known.firstSeenAt, name.firstSeenAt),
    lastSeenAt: latest(known.lastSeenAt, name.lastSeenAt),
  };
}

/** The tally as a document holds it; what does not read as one is left out. */
export function driftOf({ names, beyond }: DocumentBody): DriftTally {
  return {
    names: Array.isArray(names) ? names.filter(isDriftName) : [],
    beyond: typeof beyond === 'number' ? beyond : 0,
  };
}

function isDriftName(name: unknown): name is DriftName {
  if (typeof name !== 'object' || name === null) return false;
  const { kind, path, count, firstSeenAt, lastSeenAt } = name as Partial<Record<keyof DriftName, unknown>>;
  const isNamed = DRIFT_KINDS.some((known) => known === kind) && typeof path === 'string';
  return isNamed && [count, firstSeenAt, lastSeenAt].every((fact) => fact !== undefined);
}
