import { fieldsOf } from '../model/fields.js';
import { type Instant, latest } from '../model/instant.js';
import { keyText, type RecordKey } from '../model/kind.js';
import { type Observation, OPEN_SEQ } from '../model/revision.js';
import type { RevisionDoc } from './mongo-documents.js';
import { isListed } from './mongo-extents.js';
import { foldedFields } from './mongo-filter.js';
import type { Batch, Pin, Recorded } from './store.js';

/** What of a current revision decides what becomes of a batch. */
export type Current = Omit<RevisionDoc, 'seqFrom' | 'seqTo' | 'observedFrom' | 'observedTo'>;

/** What recording a batch comes to: its answer, and what is to be written. */
export interface Plan {
  readonly recorded: Recorded;
  readonly revisions: readonly RevisionDoc[];
  /** The observations among `revisions`, whose texts are to be kept. */
  readonly bodies: ReadonlyMap<string, Observation>;
  /** Revisions that this batch supersedes. */
  readonly closed: readonly string[];
  /** Revisions that it saw again, with their `verifiedAt`. */
  readonly confirmed: ReadonlyMap<string, Instant>;
}

/** Works out what becomes of `batch` as the batch `pin`, where `currents` are the revisions now current. */
export function planOf(batch: Batch, pin: Pin, currents: readonly RevisionDoc[]): Plan {
  const planner = new Planner(batch, pin, currents);
  return planner.plan();
}

class Planner {
  readonly #currents: Map<string, RevisionDoc>;
  readonly #revisions = new Map<string, RevisionDoc>();
  readonly #bodies = new Map<string, Observation>();
  readonly #closed: string[] = [];
  readonly #confirmed = new Map<string, Instant>();
  readonly #conflicts: RecordKey[] = [];
  readonly #tally = { added: 0, changed: 0, unchanged: 0, deleted: 0 };

  constructor(
    private readonly batch: Batch,
    private readonly pin: Pin,
    currents: readonly RevisionDoc[],
  ) {
    this.#currents = new Map(currents.map((current) => [current.k, current]));
  }

  plan(): Plan {
    const { observations, tombstones } = this.batch;
    for (const observation of observations) this.#observe(observation);
    const observed = new Set(observations.map(({ key }) => keyText(key)));
    for (const key of tombstones) if (!observed.has(keyText(key))) this.#bury(key);
    return {
      recorded: { ...this.pin, ...this.#tally, conflicts: this.#conflicts },
      revisions: [...this.#revisions.values()],
      bodies: this.#bodies,
      closed: this.#closed,
      confirmed: this.#confirmed,
    };
  }

  #observe(seen: Observation): void {
    const current = this.#currents.get(keyText(seen.key));
    if (!current) this.#add(seen, 'added');
    else if (!current.deleted && current.digest === seen.digest) this.#confirm(current, seen.fetchedAt);
    else if (current.confirmedBy > seen.basis) this.#conflicts.push(seen.key);
    else this.#add(seen, current.deleted ? 'added' : 'changed');
  }

  #confirm(current: RevisionDoc, fetchedAt: Instant): void {
    this.#tally.unchanged += 1;
    const verifiedAt = latest(current.verifiedAt, fetchedAt);
    const confirmed = { ...current, verifiedAt, confirmedBy: this.pin.seq };
    this.#currents.set(current.k, confirmed);
    if (this.#revisions.has(current._id)) this.#revisions.set(current._id, confirmed);
    else this.#confirmed.set(current._id, verifiedAt);
  }

  #add(seen: Observation, as: 'added' | 'changed'): void {
    this.#tally[as] += 1;
    const { key, record, digest, origin, fetchedAt } = seen;
    const f = isListed(key.kind) ? fieldsOf(key.kind, record as Parameters<typeof fieldsOf>[1]) : null;
    const c = f && isListed(key.kind) ? foldedFields(key.kind, f) : null;
    const _id = this.#idOf(key);
    this.#bodies.set(_id, seen);
    this.#supersede(
      { _id, ...key, k: keyText(key), digest, origin, verifiedAt: fetchedAt, body: _id, f, c },
      false,
    );
  }

  #bury(key: RecordKey): void {
    const current = this.#currents.get(keyText(key));
    if (!current || current.deleted) return;
    this.#tally.deleted += 1;
    this.#supersede({ ...current, _id: this.#idOf(key), verifiedAt: this.pin.at }, true);
  }

  #supersede(next: Omit<Current, 'confirmedBy' | 'runId' | 'deleted'>, deleted: boolean): void {
    const current = this.#currents.get(next.k);
    if (current) this.#closed.push(current._id);
    const { seq, at } = this.pin;
    const revision = {
      ...next,
      ...{ seqFrom: seq, seqTo: OPEN_SEQ, observedFrom: at, observedTo: null },
      ...{ confirmedBy: seq, runId: this.batch.run.id, deleted },
    };
    this.#currents.set(next.k, revision);
    this.#revisions.set(revision._id, revision);
  }

  #idOf(key: RecordKey): string {
    return `${keyText(key)} ${this.pin.seq}`;
  }
}
