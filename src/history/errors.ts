import type { RevisionRecord } from '../model/revision.js';
import type { Kind, RecordKey, RecordOf } from '../resources/registry.js';

/**
 * `IN_USE`: another process writes to it. `UNAVAILABLE`: it cannot be reached. `UNUSABLE`: it is not a history of this
 * version. `FULL`: its disk has no space left. `DAMAGED`: one thing in it cannot be read, the rest can.
 */
export type HistoryErrorCode = 'IN_USE' | 'UNAVAILABLE' | 'UNUSABLE' | 'FULL' | 'DAMAGED';

/** The history cannot do what was asked; the message is for a person and says what to do. */
export class HistoryError extends Error {
  override readonly name = 'HistoryError';

  constructor(
    readonly code: HistoryErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** One version of one record is damaged in the history; the message names it, and no place. */
export class DamagedRecordError extends HistoryError {
  constructor(
    readonly key: RecordKey,
    readonly seqFrom: number,
  ) {
    const version = `${key.kind} ${key.id} of integration ${key.integration}, recorded by batch ${seqFrom}`;
    super('DAMAGED', `The ${version}, is damaged in the history. Run verify, and restore it from a backup.`);
  }
}

/**
 * The revision with the record in `text`. If `text` holds none, reading `record` throws a `DamagedRecordError`, so that
 * one damaged record stops nothing but its own use.
 */
export function withRecord<K extends Kind>(
  facts: Omit<RevisionRecord<K>, 'record'>,
  text: unknown,
): RevisionRecord<K> {
  const record = parsedRecord<K>(text);
  if (record !== null) return { ...facts, record };
  const damaged = {
    ...facts,
    get record(): RecordOf[K] {
      throw new DamagedRecordError(facts.key, facts.seqFrom);
    },
  };
  return damaged;
}

function parsedRecord<K extends Kind>(text: unknown): RecordOf[K] | null {
  try {
    const value: unknown = typeof text === 'string' ? JSON.parse(text) : null;
    return typeof value === 'object' && !Array.isArray(value) ? (value as RecordOf[K] | null) : null;
  } catch {
    return null;
  }
}

/** Why the record of a revision cannot be read; `null` if it can. */
export function damageOf(revision: RevisionRecord): DamagedRecordError | null {
  try {
    return revision.record ? null : new DamagedRecordError(revision.key, revision.seqFrom);
  } catch (error) {
    if (error instanceof DamagedRecordError) return error;
    throw error;
  }
}

/** The revisions, of which none is damaged; else the error that names the first that is. */
export function wholeOnes<R extends RevisionRecord | null>(revisions: readonly R[]): readonly R[] {
  for (const revision of revisions) {
    const damage = revision && damageOf(revision);
    if (damage) throw damage;
  }
  return revisions;
}

/** The JSON object in a cell that the gateway wrote; `what` names the cell to a person. */
export function parseStored<T>(text: unknown, what: string, kind?: StoredKind): T {
  let value: unknown;
  try {
    value = typeof text === 'string' ? JSON.parse(text) : null;
  } catch {
    // said below, without the parser's words, which quote the text
  }
  return checkStored(value, what, kind);
}

/** The fields by which the gateway finds and counts things, and their types; every version of it wrote them. */
const STORED_FIELDS = {
  reading: { from: 'string', to: 'string', settledTo: 'string', readAt: 'string', status: 'string' },
  stream: { integration: 'string', resource: 'string', filterKey: 'string', status: 'string' },
  run: { id: 'string', integration: 'string', resource: 'string', startedAt: 'string', counts: 'object' },
  quarantined: { key: 'object', code: 'string', reason: 'string', firstSeenAt: 'string', tries: 'number' },
} as const;

type StoredKind = keyof typeof STORED_FIELDS;

/** The value of a cell or document that the gateway wrote, if it is one. */
export function checkStored<T>(value: unknown, what: string, kind?: StoredKind): T {
  if (isObject(value)) {
    const fields = Object.entries(kind ? STORED_FIELDS[kind] : {});
    if (fields.every(([name, type]) => typeof value[name] === type && value[name] !== null))
      return value as T;
  }
  throw damaged(what);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function damaged(what: string, options?: ErrorOptions): HistoryError {
  const text = `${what} is damaged in the history. Run verify, and restore it from a backup.`;
  return new HistoryError('DAMAGED', text, options);
}
