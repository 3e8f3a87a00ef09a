import type { DocumentBody } from '../../model/documents.js';
import type { Instant } from '../../values/instant.js';
import { HistoryError, parseStored } from '../errors.js';
import type { HistoryStore, OpenMode } from '../store.js';
import { packOwn, unpackText } from '../stored-texts.js';
import { isName } from './columns.js';
import type { Connection } from './connection.js';
import type { Row, SqlValue } from './driver.js';
import type { Limits, QueryRunner } from './query-worker.js';

/** How many times as large as a row of another table an entry of a journal may be. */
const ENTRY_ROWS = 10;

const PUT_NEW = `INSERT INTO documents (collection, id, version, body) VALUES (?, ?, 1, ?)
  ON CONFLICT DO NOTHING RETURNING version`;
const PUT_OVER = `UPDATE documents SET version = version + 1, body = ?
  WHERE collection = ? AND id = ? AND version = ? RETURNING version`;
const REMOVE = 'DELETE FROM documents WHERE collection = ? AND id = ? AND version = ? RETURNING version';
const LAST = 'SELECT max(n) FROM journals WHERE journal = ?';
const APPEND = `INSERT INTO journals (journal, n, at, body)
  SELECT ?1, ?2, ?3, ?4 WHERE ?2 = 1 + coalesce((SELECT max(n) FROM journals WHERE journal = ?1), 0)
  RETURNING n`;

/**
 * The documents and journals. Several processes may write them, so nothing of them is remembered, and whether a
 * write may be is decided by the statement that makes it.
 */
export class Documents {
  constructor(
    private readonly connection: Connection,
    private readonly answers: QueryRunner,
    private readonly limits: Limits,
    private readonly mode: OpenMode,
  ) {}

  document: HistoryStore['document'] = async (collection, id) => {
    const sql = 'SELECT id, version, body FROM documents WHERE collection = ? AND id = ?';
    const row = this.connection.first(sql, [collection, id]);
    return row ? documentOf(row) : null;
  };

  documents: HistoryStore['documents'] = async (collection) => {
    const sql = 'SELECT id, version, body FROM documents WHERE collection = ? ORDER BY id';
    return this.connection.all(sql, [collection]).map(documentOf);
  };

  putDocument: HistoryStore['putDocument'] = async (collection, id, body, expected) => {
    if (!isName(id)) throw new TypeError(`not the id of a document: ${JSON.stringify(id)}`);
    const json = JSON.stringify(body);
    if (expected === 0) return this.#write(PUT_NEW, [collection, id, json]);
    return this.#write(PUT_OVER, [json, collection, id, expected]);
  };

  removeDocument: HistoryStore['removeDocument'] = async (collection, id, expected) =>
    this.#write(REMOVE, [collection, id, expected]);

  append: HistoryStore['append'] = async (journal, index, at, body) =>
    this.#write(APPEND, [journal, index, at, packOwn(JSON.stringify(body))]);

  journal: HistoryStore['journal'] = async ({ journal, from, descending, limit }) => {
    const beyond = from === null ? '' : `AND n ${descending ? '<' : '>'} ?`;
    const order = descending ? 'DESC' : 'ASC';
    const sql = `SELECT n, at, body FROM journals WHERE journal = ? ${beyond} ORDER BY n ${order} LIMIT ?`;
    const params = [journal, ...(from === null ? [] : [from]), limit];
    const [rows = []] = await this.answers.all([{ sql, params }], limit * ENTRY_ROWS <= this.limits.scan);
    return rows.map(entryOf);
  };

  journalLength: HistoryStore['journalLength'] = async (journal) =>
    Number(this.connection.first(LAST, [journal])?.[0] ?? 0);

  /** Whether the statement did what it says. It waits while another process writes. */
  #write(sql: string, params: readonly SqlValue[]): boolean {
    if (this.mode !== 'read') return this.connection.all(sql, params).length > 0;
    throw new HistoryError('UNUSABLE', `${this.connection.path} is open for reading only`);
  }
}

function documentOf([id, version, body]: Row) {
  return {
    ...{ id: String(id), version: Number(version) },
    body: parseStored<DocumentBody>(body, `The document ${id}`),
  };
}

function entryOf([n, at, body]: Row) {
  return {
    ...{ index: Number(n), at: String(at) as Instant },
    body: parseStored<DocumentBody>(unpackText(body), `Entry ${n} of a journal`),
  };
}
