import { createHash } from 'node:crypto';
import { OPEN_SEQ, type Revision } from '../../model/revision.js';
import { keyText, type RecordKey } from '../../resources/kind.js';
import { toMillis } from '../../values/instant.js';

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
  follows(revision: Revision, head: number): boolean {
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

  #set(place: number, name: bigint, { seqTo, observedTo }: Revision, head: number): void {
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
