import type { Instant } from '../model/instant.js';
import type { ListedKind } from '../model/kind.js';
import type { AnyRecord } from '../model/records.js';
import { COLUMN_NAMES, LISTED_KINDS, listedFields, references, toValues } from './sqlite-columns.js';
import type { Connection, Row } from './sqlite-connection.js';
import { kindSql, LAYOUT, REVISION_COLUMNS } from './sqlite-schema.js';
import { statements } from './sqlite-statements.js';
import { Tops } from './sqlite-tops.js';

const CHUNK = 500;

/** Whether the columns that lists go by are those that `FIELDS` asks for. */
export function isLaidOut(connection: Connection): boolean {
  return connection.first('SELECT fields FROM layout')?.[0] === LAYOUT;
}

/**
 * Makes the columns, indexes and references that lists go by anew from the records, which hold all that they
 * need: a field may be added to `FIELDS` without a thought for the histories that are there. One transaction;
 * a million revisions take a minute or two.
 */
export function layOut(connection: Connection): void {
  connection.transaction(() => {
    connection.run('DELETE FROM tops');
    for (const kind of LISTED_KINDS) remake(connection, kind);
    connection.run('UPDATE layout SET fields = ?', [LAYOUT]);
  });
}

function remake(connection: Connection, kind: ListedKind): void {
  const named = `SELECT name FROM sqlite_master WHERE type = ? AND name GLOB '${kind}_*'`;
  for (const [name] of connection.all(named, ['index'])) connection.exec(`DROP INDEX "${name}"`);
  for (const [name] of connection.all(named, ['table'])) connection.exec(`DROP TABLE "${name}"`);
  connection.exec(`ALTER TABLE "${kind}" RENAME TO "old ${kind}"`);
  connection.exec(kindSql(kind));
  new Copy(connection, kind).run();
  connection.exec(`DROP TABLE "old ${kind}"`);
}

/** Copies a kind's revisions in the order in which they were written, a batch's tops after its revisions. */
class Copy {
  #tops = new Tops();
  #seq = 0;
  #at: Instant = '';

  constructor(
    private readonly connection: Connection,
    private readonly kind: ListedKind,
  ) {}

  run(): void {
    const columns = REVISION_COLUMNS.map((name) => `t.${name}`).join(', ');
    const sql = `SELECT ${columns}, b.record FROM "old ${this.kind}" t JOIN bodies b ON b.rev = t.body
      WHERE t.rev > ? ORDER BY t.rev LIMIT ${CHUNK}`;
    for (let last = 0, rows: Row[] = []; ; last = Number(rows.at(-1)?.[0])) {
      rows = this.connection.all(sql, [last]);
      for (const row of rows) this.#copy(row);
      if (rows.length < CHUNK) break;
    }
    this.#endBatch();
  }

  #copy(row: Row): void {
    const values = row.slice(0, REVISION_COLUMNS.length);
    const [rev, integration, , seqFrom, , observedFrom] = values;
    if (seqFrom !== this.#seq) this.#endBatch();
    this.#seq = Number(seqFrom);
    this.#at = String(observedFrom);
    values[REVISION_COLUMNS.indexOf('ahead')] = 0;
    const isDeleted = values[REVISION_COLUMNS.indexOf('deleted')] === 1;
    const { insert } = statements(this.kind);
    if (isDeleted) this.connection.run(insert, [...values, ...COLUMN_NAMES[this.kind].map(() => null)]);
    else this.#project(values, Number(rev), Number(integration), JSON.parse(String(row.at(-1))));
  }

  #project(values: Row, rev: number, integration: number, record: AnyRecord): void {
    const fields = listedFields(this.kind, record);
    const { insert, refer } = statements(this.kind);
    this.connection.run(insert, [...values, ...toValues(this.kind, fields)]);
    this.#tops.add(this.kind, integration, rev, fields);
    for (const { field, sql } of refer) {
      this.connection.run(sql, [integration, rev, JSON.stringify(references(fields, field))]);
    }
  }

  #endBatch(): void {
    this.#tops.write(this.connection, { seq: this.#seq, at: this.#at });
    this.#tops = new Tops();
  }
}
