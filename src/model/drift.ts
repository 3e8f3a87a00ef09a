import type { DocumentBody } from './document.js';
import { earliest, type Instant, latest } from './instant.js';

/** `FIELD`: a field of a name that is not known. `VALUE`: a word that an open word list did not have. */
export type DriftKind = 'FIELD' | 'VALUE';

/** Something in an answer of Abnormal's that the gateway does not know; it is kept as received all the same. */
export interface DriftSighting {
  readonly kind: DriftKind;
  /** Where it stands, such as `threat.messages[].newField`; at most 200 characters. */
  readonly path: string;
  /** The word, at most 100 characters of it; `null` for a field, whose values are nobody's business. */
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
/** What is counted further than this stays at it: the graph counts no further. */
const MOST_COUNTED = 2_147_483_647;

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
  return { names: [...names.values()], beyond: Math.min(beyond, MOST_COUNTED) };
}

function joined(known: DriftName, name: DriftName): DriftName {
  return {
    ...known,
    count: Math.min(known.count + name.count, MOST_COUNTED),
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
  const isNamed = (kind === 'FIELD' || kind === 'VALUE') && typeof path === 'string';
  return isNamed && [count, firstSeenAt, lastSeenAt].every((fact) => fact !== undefined);
}
