import DataLoader from 'dataloader';
import { nextTurn } from '../../async/waiting.js';
import type { RevisionRecord } from '../../model/revision.js';
import {
  compareWritten,
  groupKeys,
  type KeyGroup,
  KINDS,
  type Kind,
  type ListedKind,
  type RecordKey,
} from '../../resources/registry.js';
import type { ChangesQuery, KeyOf, ReceivedRevision } from '../store.js';
import { wellFormed } from './columns.js';
import type { Connection, Integrations } from './connection.js';
import type { Row } from './driver.js';
import type { Limits, QueryRunner } from './query-worker.js';
import { type Revisions, readReceived, receivedTexts } from './revisions.js';
import { keyIndex, referenceTable, referenceValue } from './schema.js';

interface Written {
  readonly kind: Kind;
  readonly rev: number;
}

interface Version {
  readonly key: RecordKey;
  readonly seqFrom: number;
}

/** How many received texts are unpacked without letting other work in between. */
const TEXTS_AT_ONCE = 50;

/** Records by their key, by what they refer to, and in the order in which they were written. */
export class Records {
  readonly #texts = new DataLoader((versions: readonly Version[]) => this.#receivedTexts(versions), {
    cache: false,
  });

  constructor(
    private readonly connection: Connection,
    private readonly integrations: Integrations,
    private readonly revisions: Revisions,
    private readonly answers: QueryRunner,
    private readonly limits: Limits,
  ) {}

  get<K extends Kind>(
    keys: readonly KeyOf<K>[],
    seq: number,
    isWalk?: boolean,
  ): (RevisionRecord<K> | null)[] {
    const found = keys.map((key) => (this.revisions.newest(key, seq) ?? null) as RevisionRecord<K> | null);
    const unknown = keys.map((_, place) => place).filter((place) => found[place] === null);
    for (const group of groupKeys(unknown.flatMap((place) => keys[place] ?? []))) {
      for (const [n, revision] of this.#visible(group, seq, isWalk)) {
        const place = unknown[group.places[n] ?? -1];
        if (place !== undefined) found[place] = revision;
      }
    }
    return found;
  }

  /** The visible revisions of a group, each with its place there. */
  #visible<K extends Kind>(
    { kind, integration: name, ids }: KeyGroup<K>,
    seq: number,
    isWalk?: boolean,
  ): [number, RevisionRecord<K>][] {
    const integration = this.integrations.find(name);
    if (integration === undefined) return [];
    const sql = `SELECT t.rev, k.key FROM json_each(?1) k
      CROSS JOIN "${kind}" t INDEXED BY ${keyIndex(kind)}
      ON t.integration = ?2 AND t.id = k.value AND t.seq_to > ?3 AND t.seq_from <= ?3`;
    const list = JSON.stringify(ids.map((id) => wellFormed(id)));
    const rows = this.connection.all(sql, [list, integration, seq]);
    return this.#of(kind, rows, isWalk).map((revision, i) => [Number(rows[i]?.[1]), revision]);
  }

  /** The revisions of rows that begin with a revision's number. */
  #of<K extends Kind>(kind: K, rows: readonly Row[], isWalk?: boolean): RevisionRecord<K>[] {
    return this.revisions.of(
      kind,
      rows.map(([rev]) => Number(rev)),
      isWalk,
    );
  }

  referrers<K extends ListedKind>(
    kind: K,
    field: string,
    name: string,
    values: readonly string[],
    seq: number,
  ): RevisionRecord<K>[][] {
    const integration = this.integrations.find(name);
    const found = values.map((): RevisionRecord<K>[] => []);
    if (integration === undefined) return found;
    const sql = `SELECT t.rev, v.key FROM json_each(?1) v
      CROSS JOIN ${referenceTable(kind, field)} r ON r.integration = ?2 AND r.value = ${referenceValue('v.value')}
      CROSS JOIN "${kind}" t ON t.rev = r.rev AND t.seq_from <= ?3 AND t.seq_to > ?3
      ORDER BY t.id`;
    const list = JSON.stringify(values.map((value) => wellFormed(value)));
    const rows = this.connection.all(sql, [list, integration, seq]);
    for (const [i, revision] of this.#of(kind, rows).entries()) found[Number(rows[i]?.[1])]?.push(revision);
    return found;
  }

  revisionsOf<K extends Kind>(key: KeyOf<K>, beforeSeq: number, limit: number): RevisionRecord<K>[] {
    const integration = this.integrations.find(key.integration);
    if (integration === undefined) return [];
    // revisions end in the order in which they began, and the index is by their ends
    const sql = `SELECT t.rev FROM "${key.kind}" t INDEXED BY ${keyIndex(key.kind)}
      WHERE t.integration = ? AND t.id = ? AND t.seq_from < ? ORDER BY t.seq_to DESC LIMIT ?`;
    const rows = this.connection.all(sql, [integration, key.id, beforeSeq, limit]);
    return this.#of(key.kind, rows);
  }

  async *versions<K extends Kind>(
    keys: readonly KeyOf<K>[],
    seq: number,
  ): AsyncGenerator<readonly RevisionRecord<K>[]> {
    for (const { kind, integration: name, ids } of groupKeys(keys)) {
      const integration = this.integrations.find(name);
      if (integration === undefined) continue;
      const sql = `SELECT t.rev FROM json_each(?1) k
        CROSS JOIN "${kind}" t INDEXED BY ${keyIndex(kind)}
        ON t.integration = ?2 AND t.id = k.value AND t.seq_from <= ?3 ORDER BY k.key, t.rev DESC`;
      const list = JSON.stringify([...new Set(ids)].map((id) => wellFormed(id)));
      const revs = this.connection.all(sql, [list, integration, seq]).map(([rev]) => Number(rev));
      yield* this.revisions.inChunks(kind, revs, true);
    }
  }

  countRevisions({ integration, kind, id }: RecordKey, seq: number): number {
    const n = this.integrations.find(integration);
    if (n === undefined) return 0;
    const sql = `SELECT count(*) FROM "${kind}" WHERE integration = ? AND id = ? AND seq_from <= ?`;
    return Number(this.connection.first(sql, [n, id, seq])?.[0]);
  }

  received(key: RecordKey, seqFrom: number): Promise<string | null> {
    return this.#texts.load({ key, seqFrom });
  }

  /** Received texts are packed together, and unpacking takes long: each pack once, and some at a time. */
  async #receivedTexts(versions: readonly Version[]): Promise<(string | null)[]> {
    const revs = versions.map((version) => this.#bodyOf(version));
    const wanted = [...new Set(revs)].filter((rev) => rev !== null).sort((a, b) => a - b);
    const texts = new Map<string, string>();
    for (let i = 0; i < wanted.length; i += TEXTS_AT_ONCE) {
      if (i > 0) await nextTurn();
      const some = receivedTexts(this.connection, wanted.slice(i, i + TEXTS_AT_ONCE));
      for (const [rev, text] of some) texts.set(rev, text);
    }
    return revs.map((rev) => texts.get(String(rev)) ?? null);
  }

  /** The revision that brought the text of a version. */
  #bodyOf({ key: { integration, kind, id }, seqFrom }: Version): number | null {
    const n = this.integrations.find(integration);
    if (n === undefined) return null;
    const sql = `SELECT coalesce(body, rev) FROM "${kind}" WHERE integration = ? AND id = ? AND seq_from = ?`;
    const row = this.connection.first(sql, [n, id, seqFrom]);
    return row ? Number(row[0]) : null;
  }

  async changes(query: ChangesQuery): Promise<RevisionRecord[]> {
    return this.#inOrder(await this.#written(query), (kind, revs) => this.revisions.ofMany(kind, revs, true));
  }

  async changesReceived(query: ChangesQuery): Promise<ReceivedRevision[]> {
    const { connection, integrations } = this;
    const read = (kind: Kind, revs: readonly number[]) => readReceived(connection, integrations, kind, revs);
    return this.#inOrder(await this.#written(query), read);
  }

  /** Revisions are numbered in the order of changes, across the kinds, so a kind's are a stretch of its table. */
  async #written(query: ChangesQuery): Promise<Written[]> {
    const { after, afterSeq, toSeq, integrations, limit } = query;
    const kinds = [...new Set(query.kinds)];
    const first = Math.max(this.#lastRev(afterSeq), after ? this.#place(after) : 0);
    const last = this.#lastRev(toSeq);
    const whose = JSON.stringify(this.integrations.select(integrations).map(({ n }) => n));
    const queries = kinds.map((kind) => ({
      sql: `SELECT t.rev FROM "${kind}" t NOT INDEXED
        WHERE t.rev > ? AND t.rev <= ? AND t.integration IN (SELECT value FROM json_each(?))
        ORDER BY t.rev LIMIT ?`,
      params: [first, last, whose, limit],
    }));
    const isQuick = integrations === null || last - first <= this.limits.scan;
    const found = await this.answers.all(queries, isQuick);
    const wanted = kinds.flatMap((kind, i) => (found[i] ?? []).map(([rev]) => ({ kind, rev: Number(rev) })));
    return wanted.sort((a, b) => a.rev - b.rev).slice(0, limit);
  }

  async #inOrder<T>(
    wanted: readonly Written[],
    read: (kind: Kind, revs: readonly number[]) => Promise<T[]>,
  ): Promise<T[]> {
    const found = new Map<number, T>();
    for (const kind of new Set(wanted.map(({ kind }) => kind))) {
      const revs = wanted.flatMap((written) => (written.kind === kind ? written.rev : []));
      for (const [i, revision] of (await read(kind, revs)).entries()) {
        found.set(revs[i] ?? 0, revision);
      }
    }
    return wanted.flatMap(({ rev }) => found.get(rev) ?? []);
  }

  /** The number of the last revision written by batches up to `seq`. */
  #lastRev(seq: number): number {
    const sql = 'SELECT last_rev FROM batches WHERE seq <= ? ORDER BY seq DESC LIMIT 1';
    return Number(this.connection.first(sql, [seq])?.[0] ?? 0);
  }

  /** The number after which the revisions that follow a key in its batch begin. */
  #place({ seqFrom, key }: NonNullable<ChangesQuery['after']>): number {
    const [from, to] = [this.#lastRev(seqFrom - 1), this.#lastRev(seqFrom)];
    const before = KINDS.flatMap((kind) => this.#keysWithin(kind, from, to)).filter(
      (written) => compareWritten(written, key) <= 0,
    );
    return from + before.length;
  }

  #keysWithin(kind: Kind, from: number, to: number): RecordKey[] {
    const sql = `SELECT integration, id FROM "${kind}" WHERE rev > ? AND rev <= ?`;
    return this.connection.all(sql, [from, to]).map(([integration, id]) => ({
      integration: this.integrations.nameOf(Number(integration)),
      kind,
      id: String(id),
    }));
  }
}
