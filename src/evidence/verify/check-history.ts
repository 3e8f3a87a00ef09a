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
import { tolerantRead } from '../seal/leaf.js';

/** Two numbers for each 64-bit hash: 24 bytes an entry, outside of the heap. */
export class HashTable {
  #size = 1 << 12;
  #used = 0;
  #hashes = new BigUint64Array(this.#size);
  #first = new Float64Array(this.#size);
  #second = new Float64Array(this.#size);

  get firsts(): Float64Array {
    return this.#first;
  }

  set(hash: bigint, first: number, second: number): void {
    const place = this.#find(hash);
    if (this.#hashes[place] === 0n) this.#used += 1;
    // 0 stands for a free place
    this.#hashes[place] = hash || 1n;
    this.#first[place] = first;
    this.#second[place] = second;
    if (this.#used * 3 > this.#size * 2) this.#grow();
  }

  get(hash: bigint): readonly [first: number, second: number] | null {
    const place = this.#find(hash);
    return this.#hashes[place] === 0n ? null : [this.#first[place] ?? 0, this.#second[place] ?? 0];
  }

  #find(hash: bigint): number {
    const wanted = hash || 1n;
    let place = Number(wanted % BigInt(this.#size));
    while (this.#hashes[place] !== 0n && this.#hashes[place] !== wanted) place = (place + 1) % this.#size;
    return place;
  }

  #grow(): void {
    const [hashes, first, second] = [this.#hashes, this.#first, this.#second];
    this.#size *= 2;
    this.#used = 0;
    this.#hashes = new BigUint64Array(this.#size);
    this.#first = new Float64Array(this.#size);
    this.#second = new Float64Array(this.#size);
    for (const [i, hash] of hashes.entries()) if (hash !== 0n) this.set(hash, first[i] ?? 0, second[i] ?? 0);
  }
}

const isEnd = (seq: number) => seq !== 0 && seq !== OPEN_SEQ;

/** How the newest version of each record read so far ended. */
export class VersionEnds {
  readonly #ends = new HashTable();

  /** Whether a version begins where the one before it ended; both as of batch `head`. */
  follows({ key, seqFrom, seqTo, observedFrom, observedTo }: RevisionRecord, head: number): boolean {
    const hash = hashOf(key);
    const before = this.#ends.get(hash);
    const isOpen = seqTo > head;
    this.#ends.set(hash, isOpen ? OPEN_SEQ : seqTo, isOpen || observedTo === null ? 0 : toMillis(observedTo));
    return before === null || (before[0] === seqFrom && before[1] === toMillis(observedFrom));
  }

  isLastEnded(key: RecordKey): boolean {
    return isEnd(this.#ends.get(hashOf(key))?.[0] ?? 0);
  }

  /** Whether any record's last version is stored as ended; in an intact history none is. */
  get hasEnded(): boolean {
    return this.#ends.firsts.some(isEnd);
  }
}

function hashOf(key: RecordKey): bigint {
  return createHash('sha256').update(keyText(key)).digest().readBigUInt64LE();
}

/** Records asked for at once: each is a condition with all of its fields. */
const AT_ONCE = 20;
/** Values that are asked for of a field with many. */
const VALUES = 3;

/**
 * Which of the revisions that a batch brought the history does not find by their own values, as of that batch.
 * What lists are filtered by is stored apart from the records, and could be altered by itself.
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
