import type { Fields } from '../model/filter.js';
import { type Instant, latest, shift } from '../model/instant.js';
import { type Kind, keyText, type RecordKey } from '../model/kind.js';
import { type Observation, OPEN_SEQ } from '../model/revision.js';
import { writeBooks } from './sqlite-bookkeeping.js';
import { COLUMN_NAMES, isListed, listedFields, references, toValues } from './sqlite-columns.js';
import type { Connection, SqlValue } from './sqlite-connection.js';
import { type Deed, deedsOf, grouped } from './sqlite-deeds.js';
import type { Integrations } from './sqlite-integrations.js';
import { statements } from './sqlite-statements.js';
import { Tallies } from './sqlite-tallies.js';
import { Tops } from './sqlite-tops.js';
import type { Batch, Pin, Recorded } from './store.js';

/** The newest view, and how far revisions are numbered in it. */
export interface Head extends Pin {
  /** The newest revision's number. */
  readonly lastRev: number;
}

/** What is held of a key. */
interface Current {
  readonly rev: number;
  readonly seqFrom: number;
  readonly verifiedAt: Instant;
  readonly verifiedSeq: number;
  readonly digest: string;
  readonly origin: string;
  readonly deleted: boolean;
  /** The revision whose body it has; a tombstone has that of the version before. */
  readonly body: number;
}

type Next = Pick<Current, 'verifiedAt' | 'digest' | 'origin' | 'deleted'> & { readonly body: number | null };

const INSERT_BODY = 'INSERT INTO bodies (rev, record, received) VALUES (?, ?, ?)';
const INSERT_BATCH = 'INSERT INTO batches (seq, at, id, last_rev, outcome) VALUES (?, ?, ?, ?, ?)';

/** Writes one batch, once, within a transaction that the caller has begun. */
export class BatchWriter {
  /** Revisions that stand differently once the batch is in. */
  readonly touched: number[] = [];
  /** Keys (as `keyText`) that have a newer revision once the batch is in. */
  readonly renewed: string[] = [];
  readonly #pin: Pin;
  readonly #current = new Map<string, Current>();
  readonly #counts = { added: 0, changed: 0, unchanged: 0, deleted: 0 };
  readonly #conflicts = new Set<Observation>();
  readonly #tallies = new Tallies();
  readonly #tops = new Tops();
  #lastRev: number;

  constructor(
    private readonly connection: Connection,
    private readonly integrations: Integrations,
    private readonly batch: Batch,
    head: Head,
  ) {
    this.#pin = { seq: head.seq + 1, at: latest(batch.now, shift(head.at, 1)) };
    this.#lastRev = head.lastRev;
  }

  get recorded(): Recorded {
    const conflicts = this.batch.observations.filter((seen) => this.#conflicts.has(seen));
    return { ...this.#pin, ...this.#counts, conflicts: conflicts.map(({ key }) => key) };
  }

  get head(): Head {
    return { ...this.#pin, lastRev: this.#lastRev };
  }

  write(): void {
    const { seq, at } = this.#pin;
    const deeds = deedsOf(this.batch);
    this.#loadCurrent(deeds);
    for (const deed of deeds) {
      if (deed.seen) this.#observe(deed, deed.seen);
      else this.#bury(deed);
    }
    this.#tops.write(this.connection, this.#pin);
    this.#tallies.write(this.connection, seq);
    writeBooks(this.connection, this.batch, seq);
    const outcome = JSON.stringify(this.recorded);
    this.connection.run(INSERT_BATCH, [seq, at, this.batch.id, this.#lastRev, outcome]);
  }

  #loadCurrent(deeds: readonly Deed[]): void {
    for (const [kind, ofKind] of grouped(deeds, ({ key }) => key.kind)) {
      for (const [integration, some] of grouped(ofKind, ({ key }) => key.integration)) {
        const ids = JSON.stringify([...new Set(some.map(({ key }) => key.id))]);
        const n = this.integrations.numberOf(integration);
        for (const [id, ...row] of this.connection.all(statements(kind).current, [ids, n, OPEN_SEQ])) {
          this.#current.set(keyText({ integration, kind, id: String(id) }), currentOf(row));
        }
      }
    }
  }

  #observe({ key, text }: Deed, seen: Observation): void {
    const current = this.#current.get(text);
    const live = current && !current.deleted;
    if (live && current.digest === seen.digest) this.#verify(text, current, seen);
    else if (current && this.#isNewer(current, seen)) this.#conflicts.add(seen);
    else {
      const fields = isListed(key.kind) ? listedFields(key.kind, seen.record) : null;
      const next = { ...seen, verifiedAt: seen.fetchedAt, deleted: false, body: null };
      const rev = this.#supersede(key, current, next, fields);
      this.connection.run(INSERT_BODY, [rev, JSON.stringify(seen.record), seen.received]);
      if (fields) this.#project(key, rev, fields);
      this.#counts[live ? 'changed' : 'added'] += 1;
      if (!live) this.#tallies.add(key.kind, this.integrations.numberOf(key.integration), 1);
    }
  }

  /** Whether what is held was confirmed by a batch that the observation did not know of. */
  #isNewer(current: Current, seen: Observation): boolean {
    return current.verifiedSeq > seen.basis || current.seqFrom === this.#pin.seq;
  }

  #verify(text: string, current: Current, { key, fetchedAt }: Observation): void {
    const verifiedAt = latest(current.verifiedAt, fetchedAt);
    this.connection.run(statements(key.kind).verify, [verifiedAt, this.#pin.seq, current.rev]);
    this.touched.push(current.rev);
    this.#current.set(text, { ...current, verifiedAt, verifiedSeq: this.#pin.seq });
    this.#counts.unchanged += 1;
  }

  #bury({ key, text }: Deed): void {
    const current = this.#current.get(text);
    if (!current || current.deleted) return;
    this.#supersede(key, current, { ...current, verifiedAt: this.#pin.at, deleted: true }, null);
    this.#tallies.add(key.kind, this.integrations.numberOf(key.integration), -1);
    this.#counts.deleted += 1;
  }

  /** Closes the current revision, if there is one, and opens the next, whose number it gives. */
  #supersede(key: RecordKey, current: Current | undefined, next: Next, fields: Fields | null): number {
    const { seq, at } = this.#pin;
    if (current) {
      this.connection.run(statements(key.kind).close, [seq, at, current.rev]);
      this.touched.push(current.rev);
      this.renewed.push(keyText(key));
    }
    const rev = ++this.#lastRev;
    const opened: Current = { ...next, rev, seqFrom: seq, verifiedSeq: seq, body: next.body ?? rev };
    this.connection.run(statements(key.kind).insert, [
      ...[rev, this.integrations.numberOf(key.integration), key.id, seq, OPEN_SEQ, at, null],
      ...[next.verifiedAt, seq, next.digest, this.batch.run.id, next.origin, next.deleted ? 1 : 0],
      ...[opened.body, 0],
      ...fieldValues(key.kind, fields),
    ]);
    this.#current.set(keyText(key), opened);
    return rev;
  }

  /** Writes what lists need of a new version besides its row. */
  #project({ kind, integration }: RecordKey, rev: number, fields: Fields): void {
    const n = this.integrations.numberOf(integration);
    this.#tops.add(kind, n, rev, fields);
    for (const { field, sql } of statements(kind).refer) {
      const values = references(fields, field);
      if (values.length > 0) this.connection.run(sql, [n, rev, JSON.stringify(values)]);
    }
  }
}

/** A tombstone is in no list: its field columns stay empty. */
function fieldValues(kind: Kind, fields: Fields | null): SqlValue[] {
  if (!isListed(kind)) return [];
  return fields === null ? COLUMN_NAMES[kind].map(() => null) : toValues(kind, fields);
}

function currentOf(row: readonly SqlValue[]): Current {
  const [rev, seqFrom, verifiedAt, verifiedSeq, digest, origin, deleted, body] = row;
  return {
    rev: Number(rev),
    seqFrom: Number(seqFrom),
    verifiedAt: String(verifiedAt),
    verifiedSeq: Number(verifiedSeq),
    digest: String(digest),
    origin: String(origin),
    deleted: deleted === 1,
    body: Number(body),
  };
}
