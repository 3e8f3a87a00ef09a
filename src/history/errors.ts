import type { RevisionRecord } from '../model/revision.js';
import type { Kind, RecordKey, RecordOf } from '../resources/registry.js';
import { isRecord } from '../values/filter.js';

/**
 * `IN_USE`: another process writes to it. `UNUSABLE`: it is not a history of this version. `FULL`: its disk
 * is full. `DAMAGED`: one part cannot be read, the rest can.
 */
export type HistoryErrorCode = 'IN_USE' | 'UNAVAILABLE' | 'UNUSABLE' | 'FULL' | 'DAMAGED';

/** The message is for people and says what to do. */
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

/** The message names the version, and no file or host. */
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
 * `facts` with their record: the same object, because copying it to add a property takes 3 µs. If `text` is damaged,
 * reading `record` throws a `DamagedRecordError`, so that a damaged record affects only its own use.
 */
export function withRecord<K extends Kind>(
  facts: Omit<RevisionRecord<K>, 'record'>,
  text: unknown,
): RevisionRecord<K> {
  const record = parsedRecord<K>(text);
  if (record !== null) return Object.assign(facts, { record });
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

/** `null` if the record can be read. */
export function damageOf(revision: RevisionRecord): DamagedRecordError | null {
  try {
    return revision.record ? null : new DamagedRecordError(revision.key, revision.seqFrom);
  } catch (error) {
    if (error instanceof DamagedRecordError) return error;
    throw error;
  }
}

/** Throws for the first damaged one. */
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
    // reported below, because the parser's message quotes the text
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
  if (isRecord(value)) {
    const fields = Object.entries(kind ? STORED_FIELDS[kind] : {});
    if (fields.every(([name, type]) => typeof value[name] === type && value[name] !== null))
      return value as T;
  }
  throw damaged(what);
}

export function damaged(what: string, options?: ErrorOptions): HistoryError {
  const text = `${what} is damaged in the history. Run verify, and restore it from a backup.`;
  return new HistoryError('DAMAGED', text, options);
}
