import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Db, MongoClient, MongoServerError, ObjectId } from 'mongodb';
import { describe, expect, it } from 'vitest';
import { verifyHistory } from '../../../src/evidence/verify/verify.js';
import { HistoryError } from '../../../src/history/errors.js';
import { openMongoStore } from '../../../src/history/mongo/store.js';
import { openStore } from '../../../src/history/open-store.js';
import type { HistoryStore } from '../../../src/history/store.js';
import { alteredJson, alteredValues, answersOf, recordEverything } from '../../support/every-field.js';
import { testMongo } from '../../support/mongo.js';
import { SIGNER } from '../../support/sealed-history.js';
import { type Cell, Forger } from '../../support/tampering.js';

const mongo = await testMongo();

/** Each field is altered once, the keys within a JSON text some of them; in every way there is by TAMPER_FIELDS=all. */
const IS_ALL = process.env.TAMPER_FIELDS === 'all';

/** Some of what a value may be made into, others for each name. */
function someOf<T>(name: string, others: readonly T[], atMost = 1): T[] {
  if (IS_ALL) return [...others];
  const step = Math.max(1, Math.floor(others.length / atMost));
  const first = name.length + name.charCodeAt(name.length - 1);
  return others.filter((_, i) => (i + first) % step === 0).slice(0, atMost);
}

/**
 * What may be altered so that an answer changes and verify does not find it, each with the reason. Everything else is
 * found, or changes no answer.
 */
const UNDETECTED: Readonly<Record<string, string>> = {
  'documents.version':
    'a document of a later version than the sealed one was changed since, for all that can be told',
  'documents inserted':
    'one of settings or drift may have come in since the last seal; of others the audit trail tells',
};

/** Leases only say which process works; they are no part of what was read. */
const NOT_EVIDENCE = ['leases'];

/** How an alteration ended: found by verify, refused by the store, of no effect on any answer, or none of these. */
type Outcome = 'found' | 'refused' | 'no effect' | 'OVERLOOKED';

interface Tried {
  readonly name: string;
  readonly outcome: Outcome;
}

async function outcomeOf(
  open: () => Promise<HistoryStore>,
  held: Held,
  before: readonly string[],
): Promise<Outcome> {
  let store: HistoryStore | null = null;
  try {
    store = await open();
    const options = { publicKeys: [SIGNER.publicKey], mustBeSigned: false, held };
    const { verdict } = await verifyHistory(store, options);
    if (verdict === 'TAMPERED') return 'found';
    const after = await answersOf(store);
    return after.every((answer, i) => answer === before[i]) ? 'no effect' : 'OVERLOOKED';
  } catch (error) {
    if (error instanceof HistoryError) return 'refused';
    throw error;
  } finally {
    await store?.close();
  }
}

type Held = readonly { readonly hash: string; readonly index: number | null }[];

async function lastSealOf(store: HistoryStore): Promise<Held> {
  const [last] = await store.journal({ journal: 'seals', from: null, descending: true, limit: 1 });
  return [{ hash: String(last?.body.hash), index: last?.index ?? null }];
}

function judge(tried: readonly Tried[]): void {
  const overlooked = new Set(tried.filter(({ outcome }) => outcome === 'OVERLOOKED').map(({ name }) => name));
  expect([...overlooked].filter((name) => !(name in UNDETECTED))).toEqual([]);
  // nothing stands on the list that is not needed there
  expect([...overlooked].sort()).toEqual(Object.keys(UNDETECTED).sort());
  expect(tried.filter(({ outcome }) => outcome === 'found').length).toBeGreaterThan(tried.length / 3);
}

describe('every column of every table of a history in SQLite', () => {
  it('is either found altered or changes no response', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fields-'));
    const kept = join(folder, 'kept.db');
    try {
      const made = await openStore(`sqlite:${kept}`, 'write');
      await recordEverything(made);
      const held = await lastSealOf(made);
      await made.close();
      let copies = 0;
      // under a new name each time: what is left of an earlier connection must not meet another file
      const altered = (edit: Edit['edit']): string | null => {
        const path = join(folder, `${copies++}.db`);
        copyFileSync(kept, path);
        const forger = new Forger(path, () => 0);
        const isDone = edit(forger);
        forger.close();
        return isDone ? path : null;
      };
      const open = (path: string) => openStore(`sqlite:${path}`, 'read');
      const untouched = await open(kept);
      const before = await answersOf(untouched);
      await untouched.close();
      const tried: Tried[] = [];
      for (const { name, edit } of [...columnEdits(kept), { name: 'nothing', edit: () => true }]) {
        const path = altered(edit);
        if (path === null) continue;
        tried.push({ name, outcome: await outcomeOf(() => open(path), held, before) });
        for (const end of ['', '-wal', '-shm']) rmSync(path + end, { force: true });
      }
      expect(tried.at(-1)).toEqual({ name: 'nothing', outcome: 'no effect' });
      judge(tried);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 1_800_000);
});

interface Edit {
  readonly name: string;
  /** Whether it could be made. */
  readonly edit: (forger: Forger) => boolean;
}

function columnEdits(path: string): Edit[] {
  const forger = new Forger(path, () => 0);
  const tables = forger.all("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
  const edits = tables.flatMap(({ name }) => tableEdits(forger, String(name)));
  forger.close();
  return edits.filter(({ name }) => !NOT_EVIDENCE.some((table) => name.startsWith(table)));
}

function tableEdits(forger: Forger, table: string): Edit[] {
  const columns = forger.all(`PRAGMA table_info("${table}")`).map(({ name }) => String(name));
  const rows = forger.all(`SELECT * FROM "${table}"`);
  if (rows.length === 0) throw new Error(`nothing in ${table}: a field that is not altered is not tested`);
  const middle = rows[rows.length >> 1] ?? {};
  const where = columns.map((column) => `"${column}" IS ?`).join(' AND ');
  const keyOf = (row: (typeof rows)[number]) => columns.map((column) => row[column] ?? null);
  const attempt = (forger: Forger, sql: string, params: readonly Cell[]) => {
    try {
      forger.run(sql, ...params);
      return true;
    } catch {
      // a constraint of the table
      return false;
    }
  };
  const ofColumns = columns.flatMap((column) => {
    // a row in which the column says something, if there is one
    const row = [middle, ...rows].find((each) => each[column] !== null && each[column] !== 0) ?? middle;
    const value = row[column] ?? null;
    const isJson = typeof value === 'string' && /^[{[]/.test(value);
    const others = isJson
      ? someOf(column, alteredJson(value), 6).map(([, json]) => json)
      : alteredValues(value);
    return others.map((other) => ({
      name: `${table}.${column}`,
      edit: (forger: Forger) =>
        attempt(forger, `UPDATE "${table}" SET "${column}" = ? WHERE ${where}`, [
          other as Cell,
          ...keyOf(row),
        ]),
    }));
  });
  const copyOf = (row: (typeof rows)[number]) =>
    columns.map((column) => {
      const value = row[column] ?? null;
      if (typeof value === 'number' && ['rev', 'n', 'seq'].includes(column)) return value + 1000;
      return ['id', 'name', 'journal', 'stream'].includes(column) ? `${value}-forged` : value;
    });
  const list = columns.map((column) => `"${column}"`).join(', ');
  const marks = columns.map(() => '?').join(', ');
  const removal = `DELETE FROM "${table}" WHERE ${where}`;
  const insertion = `INSERT INTO "${table}" (${list}) VALUES (${marks})`;
  const ofRows = [...new Set([rows[0] ?? {}, middle, rows.at(-1) ?? {}])].flatMap((row) => [
    { name: `${table} removed`, edit: (forger: Forger) => attempt(forger, removal, keyOf(row)) },
    { name: `${table} inserted`, edit: (forger: Forger) => attempt(forger, insertion, copyOf(row)) },
  ]);
  return [...ofColumns, ...ofRows];
}

type Doc = Record<string, unknown> & { _id: never };

/** As many histories are altered at once: most of the time is spent in waiting for answers. */
const LANES = 4;

describe.skipIf(!mongo)('every field of every collection of a history in MongoDB', () => {
  it('is either found altered or changes no response', async () => {
    const lanes = await Promise.all(Array.from({ length: LANES }, (_, lane) => tryLane(lane)));
    judge(lanes.flat());
  }, 1_800_000);
});

/** The lane in which a field is altered. */
function laneOf(field: string): number {
  return [...field].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % LANES;
}

/** Makes the alterations of its lane, each in a history that is otherwise as it was made. */
async function tryLane(lane: number): Promise<Tried[]> {
  if (!mongo) throw new Error('no MongoDB');
  const url = mongo.freshUrl();
  const client = new MongoClient(url);
  try {
    const made = await openMongoStore(url, 'write');
    await recordEverything(made);
    const held = await lastSealOf(made);
    const before = await answersOf(made);
    await made.close();
    const open = () => openMongoStore(url, 'read');
    const tried: Tried[] = [];
    const db = client.db();
    const names = (await db.listCollections().toArray()).map(({ name }) => name).sort();
    for (const name of names.filter((each) => !NOT_EVIDENCE.includes(each))) {
      for (const { field, doc, edited } of await docEdits(db, name)) {
        if (laneOf(field) !== lane || !(await put(db, name, doc, edited))) continue;
        tried.push({ name: field, outcome: await outcomeOf(open, held, before) });
        await put(db, name, edited, doc);
      }
    }
    expect(await outcomeOf(open, held, before)).toBe('no effect');
    return tried;
  } finally {
    await client.close();
    await mongo.drop(url);
  }
}

/** Puts one document in the place of another; `null`: none. False where a unique index refuses that. */
async function put(db: Db, name: string, from: Doc | null, to: Doc | null): Promise<boolean> {
  if (from) await db.collection(name).deleteOne({ _id: from._id });
  if (!to) return true;
  try {
    await db.collection(name).insertOne(to);
    return true;
  } catch (error) {
    if (!(error instanceof MongoServerError) || error.code !== 11_000) throw error;
    if (from) await db.collection(name).insertOne(from);
    return false;
  }
}

interface DocEdit {
  readonly field: string;
  readonly doc: Doc | null;
  readonly edited: Doc | null;
}

async function docEdits(db: Db, name: string): Promise<DocEdit[]> {
  const docs = (await db.collection(name).find().sort({ _id: 1 }).toArray()) as Doc[];
  // only texts beyond 8 MiB have parts
  if (docs.length === 0 && name !== 'parts')
    throw new Error(`nothing in ${name}: a field that is not altered is not tested`);
  const middle = docs[docs.length >> 1];
  const seen = new Set<string>();
  const edits: DocEdit[] = [];
  for (const doc of [middle, ...docs]) {
    for (const [path, value] of pathsOf(doc ?? {})) {
      if (seen.has(path) || path === '_id') continue;
      seen.add(path);
      // what stands on the list is shown to belong there
      const others = `${name}.${path}` in UNDETECTED ? alteredValues(value) : othersFor(path, value);
      for (const other of others) {
        edits.push({
          field: `${name}.${path}`,
          doc: doc ?? null,
          edited: withPath(doc as Doc, path.split('.'), other),
        });
      }
    }
  }
  for (const doc of new Set([docs[0], middle, docs.at(-1)])) {
    if (!doc) continue;
    const _id = (doc._id as unknown) instanceof ObjectId ? new ObjectId() : `${doc._id}-forged`;
    const named = 'index' in doc ? { index: 999 } : 'collection' in doc ? { id: `${doc.id}-forged` } : {};
    const edited = { ...doc, ...named, ...('seq' in doc && { seq: 999 }), _id: _id as never };
    if ('collection' in doc) edited._id = `${doc.collection}/${doc.id}-forged` as never;
    edits.push(
      { field: `${name} removed`, doc, edited: null },
      { field: `${name} inserted`, doc: null, edited },
    );
  }
  return edits;
}

function othersFor(path: string, value: unknown): unknown[] {
  if (value instanceof ObjectId) return [new ObjectId()];
  if (typeof value === 'string' && /^[{[]/.test(value))
    return someOf(path, alteredJson(value), 3).map(([, json]) => json);
  return someOf(path, Array.isArray(value) ? [[...value, 'x']] : alteredValues(value));
}

/** The paths to everything that is no object itself. */
function pathsOf(value: object, before: readonly string[] = []): [path: string, value: unknown][] {
  return Object.entries(value).flatMap(([key, part]): [string, unknown][] => {
    const path = [...before, key];
    const isPlain =
      typeof part === 'object' && part !== null && Object.getPrototypeOf(part) === Object.prototype;
    // a key with a dot in it is no path
    if (isPlain && !key.includes('.')) return pathsOf(part, path);
    return key.includes('.') ? [] : [[path.join('.'), part]];
  });
}

function withPath(doc: Doc, [key = '', ...rest]: readonly string[], value: unknown): Doc {
  const part = rest.length === 0 ? value : withPath(doc[key] as Doc, rest, value);
  return { ...doc, [key]: part };
}
