import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Connection } from '../../../src/history/sqlite/connection.js';
import { Database, driverName, failureOf } from '../../../src/history/sqlite/driver.js';
import { ThreadedQueries } from '../../../src/history/sqlite/query-worker.js';
import { openSqliteStore } from '../../../src/history/sqlite/store.js';
import { caseKey, threatKey } from '../../support/records.js';

/* `sqlite-driver-node.test.ts` runs these on a Node whose own module is used, too. */

const ODD = [
  '',
  '\0',
  'a\0b',
  '\0\0end',
  'half \ud800 pair',
  '\udc00',
  'é\0Ж😀',
  '\ufffd',
  '\ufeffmark',
  "it's ? 1",
];

/** What UTF-8 makes of a text. */
const stored = (text: string) => Buffer.from(text).toString();

const LOCATIONS = ['memory', 'file'] as const;

describe(`the SQLite driver (${driverName})`, () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'driver-'));
    path = join(folder, 'it.db');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is the module of Node if that is stable, otherwise the package', () => {
    const major = Number.parseInt(process.versions.node, 10);
    expect(driverName).toBe(major >= 24 ? 'node:sqlite' : '@photostructure/sqlite');
  });

  describe.each(LOCATIONS)('in %s', (location) => {
    let db: Connection;
    beforeEach(() => {
      db = new Connection(location === 'file' ? path : ':memory:', 'create');
      db.exec('CREATE TABLE t (n INTEGER PRIMARY KEY, x)');
    });
    afterEach(() => db.close());

    it.each(ODD)('stores the whole text %j, and finds it', (text) => {
      db.run('INSERT INTO t (n, x) VALUES (?, ?)', [1, text]);
      db.run('INSERT INTO t (x, n) VALUES (?2, ?1)', [2, text]);
      const [hex] = db.first('SELECT hex(x) FROM t WHERE n = 1') ?? [];
      expect(hex).toBe(Buffer.from(text).toString('hex').toUpperCase());
      expect(db.all('SELECT x, typeof(x) FROM t ORDER BY n')).toEqual([
        [stored(text), 'text'],
        [stored(text), 'text'],
      ]);
      expect(db.first('WITH w AS (SELECT x FROM t WHERE n = 2) SELECT x FROM w')).toEqual([stored(text)]);
      expect(db.all("SELECT n, '?' FROM t WHERE x = ? AND n > ?", [text, 1])).toEqual([[2, '?']]);
      expect(db.all('SELECT value FROM json_each(?)', [JSON.stringify([stored(text)])])).toEqual([
        [stored(text)],
      ]);
    });

    it('stores any text among other values, with every kind of parameter', () => {
      const unit = fc.oneof(
        fc.constant('\0'),
        fc.string({ unit: 'binary', maxLength: 3 }),
        fc.constant('\ud83d'),
      );
      // the package writes a number next to nothing as 0
      const number = fc.double({ noNaN: true }).filter((n) => Math.abs(n) > 1e-9);
      const text = fc.array(unit, { maxLength: 6 }).map((parts) => parts.join(''));
      const value = fc.oneof(text, fc.integer(), number, fc.constant(null));
      fc.assert(
        fc.property(value, value, value, (a, b, c) => {
          const expected = [a, b, c].map((one) =>
            typeof one === 'string' ? stored(one) : one === 0 ? 0 : one,
          );
          const plain = db.first('SELECT ?, ?, ?', [a, b, c]);
          const numbered = db.first('SELECT ?3, ?1, ?2', [b, c, a]);
          expect(plain?.map((one) => (one === 0 ? 0 : one))).toEqual(expected);
          expect(numbered?.map((one) => (one === 0 ? 0 : one))).toEqual(expected);
        }),
        { numRuns: 300 },
      );
    });

    it('compares a text with a NUL character like any other', () => {
      for (const [n, x] of ['a', 'a\0', 'a\0b', 'b', 5].entries())
        db.run('INSERT INTO t VALUES (?, ?)', [n, x]);
      expect(db.all('SELECT n FROM t WHERE x >= ? ORDER BY x, n', ['a\0'])).toEqual([[1], [2], [3]]);
      expect(db.all('SELECT n FROM t WHERE x < ? ORDER BY n', ['a\0b'])).toEqual([[0], [1], [4]]);
    });

    it('reads bytes that are not UTF-8 as U+FFFD at any place', () => {
      for (const [hex, text] of [
        ['61ff62', 'a\ufffdb'],
        ['f09f98', '\ufffd'],
        ['80', '\ufffd'],
        ['00ff', '\0\ufffd'],
        ['eda080', '\ufffd\ufffd\ufffd'],
      ]) {
        db.exec(`DELETE FROM t; INSERT INTO t VALUES (1, CAST(x'${hex}' AS TEXT))`);
        expect(db.all('SELECT x FROM t')).toEqual([[text]]);
      }
    });

    it('reads integers of 64 bits exactly, and small ones as numbers', () => {
      for (const value of [2n ** 63n - 1n, 1n - 2n ** 63n, 2n ** 53n + 1n]) {
        db.run('DELETE FROM t');
        db.run('INSERT INTO t VALUES (1, ?)', [value]);
        expect(db.all('SELECT n, x, CAST(x AS TEXT) FROM t')).toEqual([[1, value, String(value)]]);
        expect(db.first('SELECT x FROM t')).toEqual([value]);
      }
      expect(db.first('SELECT 9007199254740991, -5, 0')).toEqual([9007199254740991, -5, 0]);
    });

    it('stores numbers exactly, and accepts only text and numbers', () => {
      const numbers = [0, 1.5, -1, 1e300, Number.NEGATIVE_INFINITY, Number.MAX_SAFE_INTEGER];
      for (const [n, x] of numbers.entries()) db.run('INSERT INTO t VALUES (?, ?)', [n, x]);
      expect(db.all('SELECT x FROM t ORDER BY n').flat()).toEqual(numbers);
      expect(db.all('SELECT n FROM t WHERE x = ? AND n = ?', [1.5, 1])).toEqual([[1]]);
      for (const value of [true, undefined, {}, [1], new Date()]) {
        expect(() => db.run('INSERT INTO t VALUES (9, ?)', [value as never])).toThrow(TypeError);
      }
    });

    it('stores empty values and a text of 20 MB exactly', () => {
      const large = `${'x'.repeat(10_000_000)}\0${'é'.repeat(5_000_000)}`;
      for (const [n, x] of ['', null, large].entries()) db.run('INSERT INTO t VALUES (?, ?)', [n, x]);
      const [[empty] = [], [nothing] = [], [read] = []] = db.all('SELECT x FROM t ORDER BY n');
      expect([empty, nothing]).toEqual(['', null]);
      expect(read === large).toBe(true);
    });

    it('rolls back all of a transaction that fails', () => {
      const work = () => {
        db.run('INSERT INTO t VALUES (1, 2)');
        db.run('INSERT INTO t VALUES (1, 2)');
      };
      expect(() => db.transaction(work)).toThrow(/UNIQUE/);
      expect(db.all('SELECT * FROM t')).toEqual([]);
    });

    it('reports a full disk, and continues when there is space again', () => {
      db.all(`PRAGMA max_page_count = ${Number(db.first('PRAGMA page_count')?.[0]) + 2}`);
      const fill = () => db.run('INSERT INTO t (x) VALUES (?)', ['x'.repeat(100_000)]);
      expect(fill).toThrow(expect.objectContaining({ name: 'HistoryError', code: 'FULL' }));
      db.all('PRAGMA max_page_count = 1000000');
      fill();
      expect(db.first('SELECT count(*) FROM t')).toEqual([1]);
    });
  });

  it('has the written data after the file is opened again, in a thread too', async () => {
    const db = new Connection(path, 'create');
    db.exec('CREATE TABLE t (n INTEGER PRIMARY KEY, x)');
    db.all('PRAGMA journal_mode = WAL');
    for (const [n, text] of ODD.entries()) db.run('INSERT INTO t VALUES (?, ?)', [n, text]);
    const expected = ODD.map((text) => [stored(text)]);
    const thread = new ThreadedQueries(path);
    expect(await thread.all([{ sql: 'SELECT x FROM t ORDER BY n', params: [] }])).toEqual([expected]);
    const asked = thread.all([{ sql: 'SELECT n FROM t WHERE x = ?', params: ['a\0b'] }]);
    expect(await asked).toEqual([[[ODD.indexOf('a\0b')]]]);
    await thread.close();
    db.close();
    const again = new Connection(path, 'read');
    expect(again.all('SELECT x FROM t ORDER BY n')).toEqual(expected);
    expect(() => again.run('DELETE FROM t')).toThrow(/readonly/);
    again.close();
  });

  it('gives the reason of an error, also while rows are read', () => {
    const first = new Database(`file:${path}?mode=rwc`);
    first.exec('CREATE TABLE t (x); BEGIN EXCLUSIVE');
    const second = new Database(`file:${path}?mode=rw`);
    const reasonOf = (work: () => unknown) => {
      try {
        work();
      } catch (error) {
        return failureOf(error);
      }
      return undefined;
    };
    expect(reasonOf(() => second.exec('BEGIN EXCLUSIVE'))).toBe('BUSY');
    expect(reasonOf(() => second.prepare('SELECT * FROM t').all([]))).toBe('BUSY');
    first.close();
    expect(reasonOf(() => second.prepare("SELECT json('{')").all([]))).toBe('OTHER');
    expect(reasonOf(() => first.exec('SELECT 1'))).toBe('OTHER');
    expect(failureOf(new Error('database is locked'))).toBeNull();
    second.close();
    writeFileSync(path, 'this is no database, but it is long enough to look for one '.repeat(50));
    const third = new Database(`file:${path}?mode=ro`);
    expect(reasonOf(() => third.prepare('SELECT * FROM t').all([]))).toBe('CORRUPT');
    third.close();
  });

  it('opens a history that the previous driver wrote, and reads all of it', async () => {
    const fixture = new URL('../../fixtures/history-by-libsql.db.gz', import.meta.url);
    writeFileSync(path, gunzipSync(readFileSync(fixture)));
    const store = await openSqliteStore(path, 'write');
    const { seq } = await store.head();
    expect(seq).toBe(2);
    const subjects = [
      'cut\0here',
      'Ünïcode 😀 Ж',
      'half \ud800 pair',
      'Overdue invoice 4471',
      'subject 4',
      'subject 5',
    ];
    const keys = subjects.map((_, n) => threatKey(`threat-${n}`));
    const found = await store.get(keys, seq);
    expect(found.map((revision) => revision?.record.messages[0]?.subject)).toEqual(subjects);
    expect(found.map((revision) => revision?.deleted)).toEqual(subjects.map((_, n) => n === 4));
    expect(found[3]?.record.recipientCount).toBe(9);
    const like = { kind: 'case', integrations: null, seq } as const;
    const held = { ...like, filter: { field: 'description', eq: 'Ünïcode then\0more' } };
    expect(await store.count(held)).toBe(1);
    expect(await store.count({ ...like, filter: { field: 'description', contains: 'THEN\0M' } })).toBe(1);
    expect(await store.count({ ...like, filter: { field: 'description', eq: 'Ünïcode then' } })).toBe(0);
    const [found1] = await store.get([caseKey('case-1')], seq);
    expect(found1?.record.description).toBe('Ünïcode then\0more');
    expect(await store.document('settings', 'thing')).toMatchObject({ body: { text: 'a\0b 😀' } });
    expect(await store.journalLength('audit')).toBe(1);
    const texts = await store.changesReceived({
      ...{ afterSeq: 0, toSeq: seq, kinds: ['threat', 'case'], integrations: null, after: null, limit: 50 },
    });
    expect(texts).toHaveLength(9);
    for (const { received } of texts) expect(() => JSON.parse(received)).not.toThrow();
    await store.close();
  });
});
