import type { Kind, ListedKind } from '../../resources/registry.js';
import type { Fields } from '../../values/filter.js';
import type { Instant } from '../../values/instant.js';
import { raiseMark, type TimedRevision, TRACKED_TIMES } from '../high-water-marks.js';
import type { Pin } from '../store.js';
import { references } from './columns.js';
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

/** Writes how many records are live after batch `seq`. */
export function writeLiveCounts(
  connection: Connection,
  seq: number,
  changes: readonly { readonly kind: ListedKind; readonly n: number; readonly change: number }[],
): void {
  for (const { kind, n, change } of changes) {
    const live = liveCountAt(connection, kind, n, seq) + change;
    connection.run(INSERT_LIVE_COUNT, [kind, n, seq, live]);
  }
}

const MARK = `SELECT top FROM tops
  WHERE kind = ? AND field = ? AND integration = ? AND seq <= ? ORDER BY seq DESC LIMIT 1`;
const INSERT_MARK = 'INSERT INTO tops (kind, field, integration, seq, top) VALUES (?, ?, ?, ?, ?)';

/** The newest time of a field recorded up to `seq`, those ahead left out; `null` when there is none. */
export function markAt(
  connection: Connection,
  kind: ListedKind,
  field: string,
  integration: number,
  seq: number,
): Instant | null {
  const row = connection.first(MARK, [kind, field, integration, seq]);
  return row ? String(row[0]) : null;
}

/** Gathers the times of one batch's new revisions, then writes the marks that it leaves behind. */
export class TimeMarks {
  readonly #added = new Map<ListedKind, Map<number, TimedRevision[]>>();

  add(kind: ListedKind, integration: number, rev: number, fields: Fields): void {
    const ofKind = this.#added.get(kind) ?? new Map<number, TimedRevision[]>();
    const added = ofKind.get(integration) ?? [];
    added.push({ rev, fields });
    this.#added.set(kind, ofKind.set(integration, added));
  }

  write(connection: Connection, { seq, at }: Pin): void {
    for (const [kind, ofKind] of this.#added) {
      for (const [integration, added] of ofKind) {
        for (const field of TRACKED_TIMES[kind]) {
          const newest = markAt(connection, kind, field, integration, seq);
          const { raised, ahead } = raiseMark(at, newest, field, added);
          if (raised !== null) connection.run(INSERT_MARK, [kind, field, integration, seq, raised]);
          for (const rev of ahead) connection.run(`UPDATE "${kind}" SET ahead = 1 WHERE rev = ?`, [rev]);
        }
      }
    }
    this.#added.clear();
  }
}
