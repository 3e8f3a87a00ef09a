import { setImmediate } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { KINDS, type Kind, keyText, type RecordKey } from '../model/kind.js';
import type { AnyRecord } from '../model/records.js';
import { OPEN_SEQ, type Origin, type Revision } from '../model/revision.js';
import type { Confirmation } from './batch-statement.js';
import type { Connection, Row, SqlValue } from './sqlite-connection.js';
import type { Integrations } from './sqlite-integrations.js';

/** What changes of a revision while it stands. */
type Standing = Pick<Revision, 'seqTo' | 'observedTo' | 'verifiedAt'>;

interface Entry {
  /** The generation as of which it is known how the revision stands. */
  readonly generation: number;
  readonly revision: Revision;
}

const STANDING = `t.rev, t.seq_to, (SELECT at FROM batches WHERE seq = t.seq_to), t.verified_at`;

const MAX_REVISIONS = 20_000;
/** How many revisions are decoded before other work is let in. */
const AT_ONCE = 200;
const CONFIRMED_AT_ONCE = 2_000;
/** What a cached revision takes besides its record, in characters of JSON. */
const OVERHEAD = 500;

/**
 * Revisions by their numbers. A version's record never changes, so it is decoded once and kept, as much as
 * fits; how the revision stands is read anew after it may have changed.
 */
export class Revisions {
  readonly #entries: LRUCache<number, Entry>;
  /** The newest revision of a key, where it is known. */
  readonly #newest = new LRUCache<string, number>({ max: MAX_REVISIONS });
  #generation = 0;

  constructor(
    private readonly connection: Connection,
    private readonly integrations: Integrations,
    cacheChars: number,
  ) {
    this.#entries = new LRUCache({ max: MAX_REVISIONS, maxSize: cacheChars });
  }

  /** The revisions of one kind with these numbers, in their order. */
  of<K extends Kind>(kind: K, revs: readonly number[]): Revision<K>[] {
    const known = revs.map((rev) => this.#entries.get(rev));
    const missing = revs.filter((_, i) => known[i] === undefined);
    const stale = known.flatMap((entry, i) =>
      entry && entry.generation < this.#generation ? (revs[i] ?? []) : [],
    );
    const read = missing.length > 0 ? this.#read(kind, missing) : null;
    const renewed = stale.length > 0 ? this.#renew(kind, stale) : null;
    return revs.map((rev, i) => {
      const revision = read?.get(rev) ?? renewed?.get(rev) ?? known[i]?.revision;
      if (!revision) throw new Error(`revision ${rev} of kind ${kind} has gone`);
      return revision as Revision<K>;
    });
  }

  /** As `of`, letting other work in between when there are many to decode. */
  async ofMany<K extends Kind>(kind: K, revs: readonly number[]): Promise<Revision<K>[]> {
    const revisions = this.of(kind, revs.slice(0, AT_ONCE));
    for (let i = AT_ONCE; i < revs.length; i += AT_ONCE) {
      await setImmediate();
      revisions.push(...this.of(kind, revs.slice(i, i + AT_ONCE)));
    }
    return revisions;
  }

  /** The newest revision of a key, if it is known and visible at `seq`. */
  newest(key: RecordKey, seq: number): Revision | undefined {
    const rev = this.#newest.get(keyText(key));
    const entry = rev === undefined ? undefined : this.#entries.get(rev);
    if (!entry || entry.generation < this.#generation || entry.revision.seqFrom > seq) return undefined;
    return entry.revision;
  }

  /** What this process has just committed: revisions that stand differently, and keys with a newer one. */
  changed(revs: Iterable<number>, keys: Iterable<string>): void {
    for (const key of keys) this.#newest.delete(key);
    for (const rev of revs) {
      const entry = this.#entries.peek(rev);
      if (entry) this.#keep(rev, { ...entry, generation: -1 });
    }
  }

  /** Another process has committed something: how revisions stand is no longer known. */
  outdate(): void {
    this.#generation += 1;
    this.#newest.clear();
  }

  #read(kind: Kind, revs: readonly number[]): Map<number, Revision> {
    const sql = `SELECT ${STANDING}, t.integration, t.id, t.seq_from, f.at, t.digest, f.run_id, t.origin,
        t.deleted, b.record
      FROM json_each(?) r CROSS JOIN "${kind}" t ON t.rev = r.value
      CROSS JOIN batches f ON f.seq = t.seq_from
      CROSS JOIN bodies b ON b.rev = coalesce(t.body, t.rev)`;
    const found = new Map<number, Revision>();
    for (const row of this.connection.all(sql, [JSON.stringify(revs)])) {
      const revision = this.#decoded(kind, row);
      const size = String(row.at(-1)).length + OVERHEAD;
      found.set(Number(row[0]), revision);
      this.#keep(Number(row[0]), { generation: this.#generation, revision }, size);
    }
    return found;
  }

  #renew(kind: Kind, revs: readonly number[]): Map<number, Revision> {
    const sql = `SELECT ${STANDING}
      FROM json_each(?) r CROSS JOIN "${kind}" t ON t.rev = r.value`;
    const found = new Map<number, Revision>();
    for (const row of this.connection.all(sql, [JSON.stringify(revs)])) {
      const rev = Number(row[0]);
      const entry = this.#entries.peek(rev);
      if (!entry) continue;
      const revision = { ...entry.revision, ...standing(row) };
      found.set(rev, revision);
      this.#keep(rev, { generation: this.#generation, revision });
    }
    return found;
  }

  #keep(rev: number, entry: Entry, size = this.#entries.info(rev)?.size ?? OVERHEAD): void {
    this.#entries.set(rev, entry, { size });
    if (entry.revision.seqTo === OPEN_SEQ && entry.generation === this.#generation) {
      this.#newest.set(keyText(entry.revision.key), rev);
    }
  }

  #decoded(kind: Kind, row: Row): Revision {
    const [integration, id, seqFrom, observedFrom, digest, runId, origin, deleted, record] = row.slice(4);
    return {
      key: { integration: this.integrations.nameOf(Number(integration)), kind, id: String(id) },
      seqFrom: Number(seqFrom),
      ...standing(row),
      observedFrom: String(observedFrom),
      digest: String(digest),
      runId: String(runId),
      origin: origin as Origin,
      deleted: deleted === 1,
      record: JSON.parse(String(record)) as AnyRecord,
    };
  }
}

function standing([, seqTo, observedTo, verifiedAt]: readonly SqlValue[]): Standing {
  return {
    seqTo: Number(seqTo),
    observedTo: typeof observedTo === 'string' ? observedTo : null,
    verifiedAt: String(verifiedAt),
  };
}

/** When each version was last verified, and by which batch. */
export async function* readConfirmations(
  connection: Connection,
  integrations: Integrations,
): AsyncGenerator<readonly Confirmation[]> {
  for (const kind of KINDS) {
    const sql = `SELECT rev, integration, id, seq_from, verified_at, coalesce(verified_seq, seq_from)
      FROM "${kind}" WHERE rev > ? ORDER BY rev LIMIT ${CONFIRMED_AT_ONCE}`;
    for (let last = 0, rows: Row[] = []; ; last = Number(rows.at(-1)?.[0])) {
      rows = connection.all(sql, [last]);
      yield rows.map(([, integration, id, seqFrom, verifiedAt, confirmedBy]) => ({
        key: { integration: integrations.nameOf(Number(integration)), kind, id: String(id) },
        ...{ seqFrom: Number(seqFrom), verifiedAt: String(verifiedAt), confirmedBy: Number(confirmedBy) },
      }));
      if (rows.length < CONFIRMED_AT_ONCE) break;
      await setImmediate();
    }
  }
}
