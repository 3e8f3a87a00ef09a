import { isListed, KINDS, type Kind } from '../../resources/registry.js';
import type { Fields } from '../../values/filter.js';
import { DAY, type Instant, latest, toInstant, toMillis } from '../../values/instant.js';
import type { Pin } from '../store.js';
import { COLUMNS, type Column, references } from './columns.js';
import type { Connection } from './connection.js';
import { statements } from './schema.js';

/** Gathers what new revisions refer to, then writes it, all of one field in one go: several times as quick. */
export class References {
  /** By the statement that writes them: each value with the revision that has it. */
  readonly #found = new Map<string, Map<number, [value: string, rev: number][]>>();

  add(kind: Kind, integration: number, rev: number, fields: Fields): void {
    for (const { field, sql } of statements(kind).refer) {
      const values = references(fields, field);
      if (values.length === 0) continue;
      const ofField = this.#found.get(sql) ?? new Map<number, [string, number][]>();
      const pairs = ofField.get(integration) ?? [];
      for (const value of values) pairs.push([value, rev]);
      this.#found.set(sql, ofField.set(integration, pairs));
    }
  }

  write(connection: Connection): void {
    for (const [sql, ofField] of this.#found) {
      for (const [integration, pairs] of ofField) connection.run(sql, [integration, JSON.stringify(pairs)]);
    }
    this.#found.clear();
  }
}

const LIVE = `SELECT live FROM tallies WHERE kind = ? AND integration = ? AND seq <= ?
  ORDER BY seq DESC LIMIT 1`;
const INSERT_LIVE_COUNT = 'INSERT INTO tallies (kind, integration, seq, live) VALUES (?, ?, ?, ?)';

/** How many records of a listed kind were live after batch `seq`. */
export function liveCountAt(connection: Connection, kind: Kind, integration: number, seq: number): number {
  return Number(connection.first(LIVE, [kind, integration, seq])?.[0] ?? 0);
}

/** Counts what one batch brings to life and ends, then writes how many are live after it. */
export class LiveCounts {
  readonly #changes = new Map<Kind, Map<number, number>>();

  add(kind: Kind, integration: number, change: 1 | -1): void {
    if (!isListed(kind)) return;
    const ofKind = this.#changes.get(kind) ?? new Map<number, number>();
    this.#changes.set(kind, ofKind.set(integration, (ofKind.get(integration) ?? 0) + change));
  }

  write(connection: Connection, seq: number): void {
    for (const [kind, ofKind] of this.#changes) {
      for (const [integration, change] of ofKind) {
        const live = liveCountAt(connection, kind, integration, seq) + change;
        connection.run(INSERT_LIVE_COUNT, [kind, integration, seq, live]);
      }
    }
  }
}

/*
 * In a view of the past, a walk of an index from the newest time down would first meet all that came later.
 * So each batch leaves behind, for each field of time, the newest that was recorded up to it: its top, where
 * that view's walk begins. One record with a date in the far future would lift the top for good; such records
 * are marked as ahead, do not count, and have an index of their own.
 */

/** How far beyond what is known a time may lie without being ahead. */
const AHEAD_MS = 30 * DAY;
/** How many new revisions tell what times are usual where none is known. */
const ENOUGH = 8;
const END_OF_TIME_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

const TOP = `SELECT top FROM tops
  WHERE kind = ? AND field = ? AND integration = ? AND seq <= ? ORDER BY seq DESC LIMIT 1`;
const INSERT_MARK = 'INSERT INTO tops (kind, field, integration, seq, top) VALUES (?, ?, ?, ?, ?)';

/** The newest time of a field recorded up to `seq`, those ahead left out; `null` when there is none. */
export function markAt(
  connection: Connection,
  kind: Kind,
  field: string,
  integration: number,
  seq: number,
): Instant | null {
  const row = connection.first(TOP, [kind, field, integration, seq]);
  return row ? String(row[0]) : null;
}

/** A revision that a batch brought, with what lists see of it. */
export interface Timed {
  readonly rev: number;
  readonly fields: Fields;
}

/** The fields of time of each kind. */
export const TIMES: ReadonlyMap<Kind, readonly Column[]> = new Map(
  KINDS.map((kind) => [kind, timesOf(kind)]),
);

function timesOf(kind: Kind): Column[] {
  return isListed(kind) ? COLUMNS[kind].filter(({ spec }) => spec.type === 'instant') : [];
}

/** Gathers the times of one batch's new revisions, then writes the tops that it leaves behind. */
export class TimeMarks {
  readonly #added = new Map<Kind, Map<number, Timed[]>>();

  add(kind: Kind, integration: number, rev: number, fields: Fields): void {
    const ofKind = this.#added.get(kind) ?? new Map<number, Timed[]>();
    const added = ofKind.get(integration) ?? [];
    added.push({ rev, fields });
    this.#added.set(kind, ofKind.set(integration, added));
  }

  write(connection: Connection, pin: Pin): void {
    for (const [kind, ofKind] of this.#added) {
      for (const [integration, added] of ofKind) {
        for (const { field } of TIMES.get(kind) ?? [])
          writeTop(connection, pin, kind, field, integration, added);
      }
    }
  }
}

function writeTop(
  connection: Connection,
  { seq, at }: Pin,
  kind: Kind,
  field: string,
  integration: number,
  added: readonly Timed[],
): void {
  const { lifted, ahead } = topAfter(at, markAt(connection, kind, field, integration, seq), field, added);
  if (lifted !== null) connection.run(INSERT_MARK, [kind, field, integration, seq, lifted]);
  for (const rev of ahead) connection.run(`UPDATE "${kind}" SET ahead = 1 WHERE rev = ?`, [rev]);
}

/** What becomes of a field's top by what a batch brought at `at`, if it is lifted, and which revisions are ahead. */
export function topAfter(
  at: Instant,
  top: Instant | null,
  field: string,
  added: readonly Timed[],
): { readonly lifted: Instant | null; readonly ahead: readonly number[] } {
  const times = added.flatMap(({ fields }) => instantOf(fields, field) ?? []).sort();
  const limit = limitOf(latest(at, top ?? usual(times) ?? at));
  const highest = times.findLast((time) => time <= limit) ?? null;
  const isLifted = highest !== null && (top === null || highest > top);
  const isAhead = ({ fields }: Timed) => (instantOf(fields, field) ?? limit) > limit;
  return { lifted: isLifted ? highest : null, ahead: added.filter(isAhead).map(({ rev }) => rev) };
}

function instantOf(fields: Fields, field: string): Instant | null {
  const value = fields[field];
  return typeof value === 'string' ? value : null;
}

/** The middle of sorted times, where there are enough of them to go by. */
function usual(times: readonly Instant[]): Instant | undefined {
  return times.length < ENOUGH ? undefined : times[Math.floor(times.length / 2)];
}

function limitOf(newest: Instant): Instant {
  return toInstant(Math.min(toMillis(newest) + AHEAD_MS, END_OF_TIME_MS));
}
