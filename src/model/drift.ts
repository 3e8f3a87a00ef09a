import { INT_MAX } from '../values/filter.js';
import { earliest, type Instant, latest } from '../values/instant.js';
import type { DocumentBody } from './documents.js';

/** `FIELD`, `VALUE`: an unknown field or list word. `UNREADABLE`: a wrong type or list element. */
export const DRIFT_KINDS = ['FIELD', 'VALUE', 'UNREADABLE'] as const;
export type DriftKind = (typeof DRIFT_KINDS)[number];

export interface DriftSighting {
  readonly kind: DriftKind;
  readonly path: string;
  /** The word, at most 100 characters; for UNREADABLE the problem; `null` for a field. */
  readonly value: string | null;
}

export interface DriftName extends DriftSighting {
  readonly count: number;
  readonly firstSeenAt: Instant;
  readonly lastSeenAt: Instant;
}

export interface DriftTally {
  /** In the order of first appearance; at most `MOST_NAMES`. */
  readonly names: readonly DriftName[];
  /** How often content appeared that was not among the stored names. */
  readonly beyond: number;
}

export const MOST_NAMES = 500;

export const NO_DRIFT: DriftTally = { names: [], beyond: 0 };

export function driftText({ kind, path, value }: DriftSighting): string {
  return `${kind} ${path} ${value ?? ''}`;
}

/** Adds the counts of `later`; names beyond the limit only count as `beyond`. */
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
