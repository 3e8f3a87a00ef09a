import { ObjectId } from 'mongodb';
import { type Observation, OPEN_SEQ } from '../../model/revision.js';
import { keyText, type RecordKey } from '../../resources/kind.js';
import type { Fields } from '../../values/filter.js';
import { type Instant, latest } from '../../values/instant.js';
import type { Confirmation } from '../batch-statement.js';
import type { Batch, Pin, Recorded } from '../store.js';
import { foldedFields, isListed, storedFields } from './mongo-fields.js';
import { type RevisionDoc, revisionId } from './stored-types.js';

/** What recording a batch comes to: its answer, and what is to be written. */
export interface Plan {
  readonly recorded: Recorded;
  readonly revisions: readonly RevisionDoc[];
  /** The observations whose texts are to be kept, and as what. */
  readonly bodies: ReadonlyMap<ObjectId, Observation>;
  /** Revisions that this batch supersedes. */
  readonly closed: readonly string[];
  /** Revisions that it saw again, with their `verifiedAt`. */
  readonly confirmed: ReadonlyMap<string, Instant>;
  /** All versions that it brings or confirms, as it leaves them. */
  readonly verified: readonly Omit<Confirmation, 'confirmedBy'>[];
}

/**
 * Works out what becomes of `batch` as the batch `pin`, where `currents` are the revisions now current and
 * `fields` those of each observation.
 */
export function planOf(
  batch: Batch,
  fields: ReadonlyMap<Observation, Fields | null>,
  pin: Pin,
  currents: readonly RevisionDoc[],
): Plan {
  return new Planner(batch, fields, pin, currents).plan();
}

type Version = Omit<
  RevisionDoc,
  '_id' | 'confirmedBy' | 'runId' | 'deleted' | 'seqFrom' | 'seqTo' | `observed${string}`
>;

class Planner {
  readonly #currents: Map<string, RevisionDoc>;
  readonly #revisions = new Map<string, RevisionDoc>();
  readonly #bodies = new Map<ObjectId, Observation>();
  readonly #closed: string[] = [];
  readonly #confirmed = new Map<string, Instant>();
  readonly #verified = new Map<string, Omit<Confirmation, 'confirmedBy'>>();
  readonly #conflicts: RecordKey[] = [];
  readonly #tally = { added: 0, changed: 0, unchanged: 0, deleted: 0 };

  constructor(
    private readonly batch: Batch,
    private readonly fields: ReadonlyMap<Observation, Fields | null>,
    private readonly pin: Pin,
    currents: readonly RevisionDoc[],
  ) {
    this.#currents = new Map(currents.map((current) => [keyText(current), current]));
  }

  plan(): Plan {
    const { observations, tombstones } = this.batch;
    for (const observation of observations) this.#observe(observation);
    if (tombstones.length > 0) {
      const observed = new Set(observations.map(({ key }) => keyText(key)));
      for (const key of tombstones) if (!observed.has(keyText(key))) this.#bury(key);
    }
    return {
      recorded: { ...this.pin, ...this.#tally, conflicts: this.#conflicts },
      revisions: [...this.#revisions.values()],
      bodies: this.#bodies,
      closed: this.#closed,
      confirmed: this.#confirmed,
      verified: [...this.#verified.values()],
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
    this.#hold(confirmed);
    if (this.#revisions.has(current._id)) this.#revisions.set(current._id, confirmed);
    else this.#confirmed.set(current._id, verifiedAt);
  }

  #add(seen: Observation, as: 'added' | 'changed'): void {
    this.#tally[as] += 1;
    const { key, digest, origin, fetchedAt } = seen;
    const body = new ObjectId();
    this.#bodies.set(body, seen);
    const version = { ...key, digest, origin, verifiedAt: fetchedAt, body, ...this.#storedFields(seen) };
    this.#supersede(version, false);
  }

  #storedFields(seen: Observation): Pick<RevisionDoc, 'f' | 'c'> {
    const { kind } = seen.key;
    const fields = this.fields.get(seen);
    if (!fields || !isListed(kind)) return {};
    const c = foldedFields(kind, fields);
    return { f: storedFields(fields), ...(c && { c }) };
  }

  #bury(key: RecordKey): void {
    const current = this.#currents.get(keyText(key));
    if (!current || current.deleted) return;
    this.#tally.deleted += 1;
    // it is in no list, so it needs no fields
    this.#supersede({ ...current, verifiedAt: this.pin.at }, true);
  }

  #supersede(version: Version, deleted: boolean): void {
    const current = this.#currents.get(keyText(version));
    if (current) this.#closed.push(current._id);
    const { seq, at } = this.pin;
    const revision = {
      ...version,
      ...{ _id: revisionId(version, seq), seqFrom: seq, seqTo: OPEN_SEQ, observedFrom: at, observedTo: null },
      ...{ confirmedBy: seq, runId: this.batch.run.id, deleted },
    };
    this.#hold(revision);
    this.#revisions.set(revision._id, revision);
  }

  #hold(revision: RevisionDoc): void {
    const { integration, kind, id, seqFrom, verifiedAt } = revision;
    this.#currents.set(keyText(revision), revision);
    this.#verified.set(revision._id, { key: { integration, kind, id }, seqFrom, verifiedAt });
  }
}
