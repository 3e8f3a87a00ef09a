import { type AnyRecord, isListed, KINDS, type ListedKind } from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import { parseStored } from '../errors.js';
import { unpackText } from '../stored-texts.js';
import { COLUMN_NAMES, listedFields, TimeMarks, toValues } from './columns.js';
import type { Connection } from './connection.js';
import type { Row } from './driver.js';
import { kindSql, PROJECTION_KEY, References } from './schema.js';

const CHUNK = 500;
/** What is the same whatever the fields are. */
const KEPT =
  'rev, integration, id, seq_from, seq_to, verified_at, verified_seq, digest, origin, deleted, body';

/** Whether every kind has its table, with the columns that `FIELDS` asks for. */
export function isCurrentLayout(connection: Connection): boolean {
  return isProjected(connection) && missingKinds(connection).length === 0;
}

function isProjected(connection: Connection): boolean {
  return connection.first('SELECT fields FROM layout')?.[0] === PROJECTION_KEY;
}

/** The kinds that the gateway did not know when it made the file. */
function missingKinds(connection: Connection) {
  const tables = connection.all("SELECT name FROM sqlite_master WHERE type = 'table'");
  const there = new Set(tables.map(([name]) => name));
  return KINDS.filter((kind) => !there.has(kind));
}

/**
 * Makes the tables of new kinds. If fields changed, makes the columns, indexes and references of the others again from the records,
 * which hold all that they need: a field or a kind may be added without a change to existing histories. One
 * transaction; a million revisions take a minute or two.
 */
export function relayout(connection: Connection): void {
  connection.transaction(() => {
    const isAnew = !isProjected(connection);
    if (isAnew) connection.run('DELETE FROM tops');
    const missing = new Set(missingKinds(connection));
    for (const kind of KINDS) {
      if (missing.has(kind)) connection.exec(kindSql(kind));
      else if (isAnew && isListed(kind)) remake(connection, kind);
    }
    connection.run('UPDATE layout SET fields = ?', [PROJECTION_KEY]);
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
  readonly #marks = new TimeMarks();
  readonly #references = new References();
  /** One revision, with what the columns of `COLUMN_NAMES` are to hold, and its number. */
  readonly #copy: string;
  #seq = 0;
  #at: Instant = '';

  constructor(
    private readonly connection: Connection,
    private readonly kind: ListedKind,
  ) {
    const names = COLUMN_NAMES[kind];
    this.#copy = `INSERT INTO "${kind}" (${KEPT}, ${names.join(', ')})
      SELECT ${KEPT}, ${names.map(() => '?').join(', ')} FROM "old ${kind}" WHERE rev = ?`;
  }

  run(): void {
    const sql = `SELECT t.rev, t.integration, t.seq_from, f.at, t.deleted, b.record, t.id FROM "old ${this.kind}" t
      JOIN batches f ON f.seq = t.seq_from JOIN bodies b ON b.rev = coalesce(t.body, t.rev)
      WHERE t.rev > ? ORDER BY t.rev LIMIT ${CHUNK}`;
    for (let last = 0, rows: Row[] = []; ; last = Number(rows.at(-1)?.[0])) {
      rows = this.connection.all(sql, [last]);
      for (const row of rows) this.#remake(row);
      if (rows.length < CHUNK) break;
    }
    this.#endBatch();
  }

  #remake([rev, integration, seqFrom, at, deleted, record, id]: Row): void {
    if (seqFrom !== this.#seq) this.#endBatch();
    this.#seq = Number(seqFrom);
    this.#at = String(at);
    // a tombstone is in no list
    const read = () => parseStored<AnyRecord>(unpackText(record), `The ${this.kind} ${id}`);
    const fields = deleted === 1 ? null : listedFields(this.kind, read());
    const values = fields ? toValues(this.kind, fields) : COLUMN_NAMES[this.kind].map(() => null);
    this.connection.run(this.#copy, [...values, Number(rev)]);
    if (fields === null) return;
    this.#marks.add(this.kind, Number(integration), Number(rev), fields);
    this.#references.add(this.kind, Number(integration), Number(rev), fields);
  }

  #endBatch(): void {
    this.#marks.write(this.connection, { seq: this.#seq, at: this.#at });
    this.#references.write(this.connection);
  }
}
