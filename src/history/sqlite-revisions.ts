import { LRUCache } from 'lru-cache';
import type { Kind } from '../model/kind.js';
import type { AnyRecord } from '../model/records.js';
import type { Origin, Revision } from '../model/revision.js';
import type { Connection, Row } from './sqlite-connection.js';
import type { Integrations } from './sqlite-integrations.js';

/** The columns of a revision that change while it stands; `MUTABLE` names them after its number. */
export const MUTABLE = 't.rev, t.seq_to, t.observed_to, t.verified_at';

/** What never changes of a revision. */
interface Fixed {
  readonly key: Revision['key'];
  readonly seqFrom: number;
  readonly observedFrom: string;
  readonly digest: string;
  readonly runId: string;
  readonly origin: Origin;
  readonly deleted: boolean;
  readonly record: AnyRecord;
}

const MAX_REVISIONS = 20_000;
/** What a cached revision takes besides its record, in characters of JSON. */
const OVERHEAD = 500;

/** Makes revisions of rows. What never changes of them is decoded once and kept, as much as fits. */
export class Revisions {
  readonly #fixed: LRUCache<number, Fixed>;

  constructor(
    private readonly connection: Connection,
    private readonly integrations: Integrations,
    cacheChars: number,
  ) {
    this.#fixed = new LRUCache({ max: MAX_REVISIONS, maxSize: cacheChars });
  }

  /** The revisions of rows that begin with the columns of `MUTABLE`, in their order. */
  of<K extends Kind>(kind: K, rows: readonly Row[]): Revision<K>[] {
    // taken out of the cache first: what is read in addition may drive it out
    const cached = rows.map(([rev]) => this.#fixed.get(Number(rev)));
    const missing = rows.filter((_, i) => cached[i] === undefined);
    const read = missing.length > 0 ? this.#read(kind, missing) : null;
    return rows.map(([rev, seqTo, observedTo, verifiedAt], i) => {
      const fixed = cached[i] ?? read?.get(Number(rev));
      if (!fixed) throw new Error(`revision ${rev} of kind ${kind} has gone`);
      const ended = observedTo === null ? null : String(observedTo);
      return {
        ...fixed,
        seqTo: Number(seqTo),
        observedTo: ended,
        verifiedAt: String(verifiedAt),
      } as Revision<K>;
    });
  }

  #read(kind: Kind, rows: readonly Row[]): Map<number, Fixed> {
    const sql = `SELECT t.rev, t.integration, t.id, t.seq_from, t.observed_from, t.digest, t.run_id, t.origin,
        t.deleted, b.record
      FROM json_each(?) r CROSS JOIN "${kind}" t ON t.rev = r.value CROSS JOIN bodies b ON b.rev = t.body`;
    const found = this.connection.all(sql, [JSON.stringify(rows.map(([rev]) => rev))]);
    return new Map(found.map((row) => [Number(row[0]), this.#keep(kind, row)]));
  }

  #keep(kind: Kind, row: Row): Fixed {
    const [rev, integration, id, seqFrom, observedFrom, digest, runId, origin, deleted, record] = row;
    const text = String(record);
    const fixed: Fixed = {
      key: { integration: this.integrations.nameOf(Number(integration)), kind, id: String(id) },
      seqFrom: Number(seqFrom),
      observedFrom: String(observedFrom),
      digest: String(digest),
      runId: String(runId),
      origin: origin as Origin,
      deleted: deleted === 1,
      record: JSON.parse(text) as AnyRecord,
    };
    this.#fixed.set(Number(rev), fixed, { size: text.length + OVERHEAD });
    return fixed;
  }
}
