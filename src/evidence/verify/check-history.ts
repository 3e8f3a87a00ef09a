import { createHash } from 'node:crypto';
import type { HistoryStore } from '../../history/store.js';
import { OPEN_SEQ, type RevisionRecord } from '../../model/revision.js';
import {
  FIELDS,
  fieldsOf,
  keyText,
  type ListedKind,
  type RecordKey,
  type RecordOf,
} from '../../resources/registry.js';
import type { Fields, FieldValue, Filter } from '../../values/filter.js';
import { toMillis } from '../../values/instant.js';
import { tolerantRead } from '../seal/walk-batches.js';

const FIRST_SIZE = 1 << 12;

/**
 * How the newest version of each record met so far ended: 24 bytes a record, whatever its name, outside of the heap.
 * Records are told apart by 64 bits of a hash.
 */
export class VersionEnds {
  #size = FIRST_SIZE;
  #used = 0;
  #names = new BigUint64Array(this.#size);
  #ends = new Float64Array(this.#size);
  #times = new Float64Array(this.#size);

  /** Whether a version begins where the one before it ended; both as they stood when batch `head` was in. */
  follows(revision: RevisionRecord, head: number): boolean {
    const name = nameOf(revision.key);
    const place = this.#find(name);
    const end = this.#ends[place];
    const isNew = this.#names[place] === 0n;
    const isRight =
      isNew || (end === revision.seqFrom && this.#times[place] === toMillis(revision.observedFrom));
    this.#set(place, name, revision, head);
    return isRight;
  }

  /** Whether the last version of this record's is held to have ended. */
  isLastEnded(key: RecordKey): boolean {
    const end = this.#ends[this.#find(nameOf(key))];
    return end !== undefined && end !== 0 && end !== OPEN_SEQ;
  }

  /** How many records' last versions are held to have ended, which none has. */
  get endedCount(): number {
    return this.#ends.reduce((count, end) => count + (end !== 0 && end !== OPEN_SEQ ? 1 : 0), 0);
  }

  #set(place: number, name: bigint, { seqTo, observedTo }: RevisionRecord, head: number): void {
    if (this.#names[place] === 0n) this.#used += 1;
    this.#names[place] = name;
    this.#ends[place] = seqTo > head ? OPEN_SEQ : seqTo;
    this.#times[place] = seqTo > head || observedTo === null ? 0 : toMillis(observedTo);
    if (this.#used * 3 > this.#size * 2) this.#grow();
  }

  #find(name: bigint): number {
    let place = Number(name % BigInt(this.#size));
    while (this.#names[place] !== 0n && this.#names[place] !== name) place = (place + 1) % this.#size;
    return place;
  }

  #grow(): void {
    const [names, ends, times] = [this.#names, this.#ends, this.#times];
    this.#size *= 2;
    this.#names = new BigUint64Array(this.#size);
    this.#ends = new Float64Array(this.#size);
    this.#times = new Float64Array(this.#size);
    for (const [i, name] of names.entries()) {
      if (name === 0n) continue;
      const place = this.#find(name);
      this.#names[place] = name;
      this.#ends[place] = ends[i] ?? 0;
      this.#times[place] = times[i] ?? 0;
    }
  }
}

function nameOf(key: RecordKey): bigint {
  const hash = createHash('sha256').update(keyText(key)).digest().readBigUInt64LE();
  // 0 stands for a free place
  return hash === 0n ? 1n : hash;
}

/** Records asked for at once: each is a condition with all of its fields. */
const AT_ONCE = 20;
/** Of a field with many values, so many are asked for. */
const VALUES = 3;

/**
 * Which of the revisions that a batch brought the history does not find by their own values, as of that batch.
 * What lists are filtered by is kept apart from the records, and could be altered by itself.
 */
export async function checkFields(
  store: HistoryStore,
  seq: number,
  revisions: readonly RevisionRecord[],
): Promise<RevisionRecord[]> {
  const lost: RevisionRecord[] = [];
  const listed = revisions.filter(
    ({ key, deleted, seqFrom }) => key.kind in FIELDS && !deleted && seqFrom === seq,
  );
  for (const [kind, integration, some] of inGroups(listed)) {
    for (let i = 0; i < some.length; i += AT_ONCE) {
      const part = some.slice(i, i + AT_ONCE);
      const found = await find(store, kind, integration, seq, part);
      lost.push(...part.filter(({ key }) => !found.has(key.id)));
    }
  }
  return lost;
}

async function find(
  store: HistoryStore,
  kind: ListedKind,
  integration: string,
  seq: number,
  revisions: readonly RevisionRecord[],
): Promise<Set<string>> {
  const ids = revisions.map(({ key }) => key.id);
  const alike = revisions.flatMap((revision) => likeness(kind, revision) ?? []);
  const filter: Filter = { and: [{ field: 'id', in: ids }, { or: alike }] };
  const order = { orderBy: 'id', descending: false, after: null, limit: revisions.length };
  const query = { kind, integrations: [integration], filter, seq, ...order };
  const page = await tolerantRead(store, () => store.page(query));
  return new Set(page?.items.map(({ position }) => position.id));
}

/** What only a record with these very values meets; `null` for what is no record of its kind any more. */
function likeness(kind: ListedKind, { record }: RevisionRecord): Filter | null {
  let fields: Fields;
  try {
    fields = fieldsOf(kind, record as RecordOf[ListedKind]);
  } catch {
    return null;
  }
  const parts = Object.keys(FIELDS[kind]).flatMap((field) => equalities(field, fields[field] ?? null));
  return { and: parts };
}

function equalities(field: string, value: FieldValue | readonly string[]): Filter[] {
  if (Array.isArray(value)) return value.slice(0, VALUES).map((eq: string) => ({ field, eq }));
  return [{ field, eq: value as FieldValue }];
}

function inGroups(revisions: readonly RevisionRecord[]): [ListedKind, string, RevisionRecord[]][] {
  const groups = new Map<string, [ListedKind, string, RevisionRecord[]]>();
  for (const revision of revisions) {
    const { kind, integration } = revision.key;
    const name = `${kind} ${integration}`;
    const group = groups.get(name) ?? [kind as ListedKind, integration, []];
    group[2].push(revision);
    groups.set(name, group);
  }
  return [...groups.values()];
}
