import type { Leaf } from '../seal/leaf.js';
import type { Findings } from './findings.js';

type Sort = 'RECORD' | 'READING' | 'BATCH';
type Verb = 'ALTERED' | 'MISSING' | 'ADDED' | 'REORDERED';

/** Compares what is there of one batch with what its seal lists, and names each difference. */
export function compareLeaves(
  findings: Findings,
  sort: Sort,
  seal: number,
  listed: readonly Leaf[],
  found: readonly Leaf[],
): void {
  const say = (verb: Verb, leaf: Leaf, how: string) => {
    const { seq } = leaf;
    const what = whatOf(sort, leaf);
    const thing = sort === 'RECORD' ? 'The version' : 'A reading';
    const named = sort === 'BATCH' ? `Batch ${seq}` : `${thing} of ${what} that batch ${seq} brought`;
    findings.add(`${sort}_${verb}`, `${named} ${how} (seal ${seal}).`, { seal, seq, what });
  };
  const expected = listed.map((leaf) => nameOf(sort, leaf));
  const names = found.map((leaf) => nameOf(sort, leaf));
  const there = new Map(found.map((leaf, i) => [names[i], leaf]));
  const second = there.size < found.length && found.find((_, i) => names.indexOf(names[i] ?? '') < i);
  if (second) say('ADDED', second, 'is there twice');
  const left = new Map(there);
  for (const [i, leaf] of listed.entries()) {
    const other = left.get(expected[i]);
    left.delete(expected[i]);
    if (other === undefined) say('MISSING', leaf, 'is missing');
    else if (other.hash !== leaf.hash) {
      const isMoved = other.seq !== leaf.seq;
      const how = isMoved ? `was altered: it is now in batch ${other.seq}` : 'was altered';
      say('ALTERED', leaf, how);
    }
  }
  for (const leaf of left.values()) say('ADDED', leaf, 'was added: the seal does not know it');
  const known = new Set(expected);
  const order = expected.filter((name) => there.has(name));
  const actual = found.filter((_, i) => known.has(names[i] ?? ''));
  if (actual.length !== order.length) return;
  for (const [i, leaf] of actual.entries()) {
    if (nameOf(sort, leaf) !== order[i]) say('REORDERED', leaf, 'is in another position');
  }
}

/** A record as `integration/kind/id`; a reading as its stream and window. */
function whatOf(sort: Sort, { name, seq }: Leaf): string {
  const [first = '', second = '', third = ''] = name;
  if (sort === 'BATCH') return `batch ${seq}`;
  return sort === 'RECORD' ? `${second}/${first}/${third}` : `${first} from ${second} to ${third}`;
}

/** A batch brings one version of a record; a window is read again and again. */
function nameOf(sort: Sort, { name, seq }: Leaf): string {
  return JSON.stringify(sort === 'RECORD' ? name : [seq, ...name]);
}

/** Takes leaves batch by batch from a list that is in the order of batches. */
export class LeafCursor {
  #next = 0;

  constructor(private readonly leaves: readonly Leaf[]) {}

  /** The batch of the next leaf; `null` at the end. */
  get seq(): number | null {
    return this.leaves[this.#next]?.seq ?? null;
  }

  take(): Leaf[] {
    const { seq } = this;
    const from = this.#next;
    while (this.#next < this.leaves.length && this.seq === seq) this.#next += 1;
    return this.leaves.slice(from, this.#next);
  }
}
