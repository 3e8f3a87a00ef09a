import type { Leaf } from '../seal/leaf.js';
import type { FindingCode, Findings } from './findings.js';

type Sort = 'RECORD' | 'READING' | 'BATCH';

/**
 * Compares what is there of one batch with what its seal lists, and names each difference. `mayLack`: what is not
 * there need not be.
 */
export function compareLeaves(
  findings: Findings,
  sort: Sort,
  seal: number,
  listed: readonly Leaf[],
  found: readonly Leaf[],
  mayLack = false,
): void {
  const byName = new Map(found.map((leaf) => [nameOf(sort, leaf), leaf]));
  if (byName.size < found.length) {
    say(findings, sort, 'ADDED', seal, twice(sort, found), 'is there twice');
  }
  for (const leaf of listed) {
    const name = nameOf(sort, leaf);
    const there = byName.get(name);
    byName.delete(name);
    if (there === undefined) {
      if (!mayLack) say(findings, sort, 'MISSING', seal, leaf, 'is missing');
    } else if (there.hash !== leaf.hash) {
      const how =
        there.seq === leaf.seq ? 'was altered' : `was altered: it stands as one of batch ${there.seq}`;
      say(findings, sort, 'ALTERED', seal, leaf, how);
    }
  }
  for (const leaf of byName.values()) {
    say(findings, sort, 'ADDED', seal, leaf, 'was added: the seal does not know it');
  }
  compareOrder(findings, sort, seal, listed, found);
}

function compareOrder(
  findings: Findings,
  sort: Sort,
  seal: number,
  listed: readonly Leaf[],
  found: readonly Leaf[],
): void {
  const names = new Set(found.map((leaf) => nameOf(sort, leaf)));
  const expected = listed.filter((leaf) => names.has(nameOf(sort, leaf)));
  const known = new Set(expected.map((leaf) => nameOf(sort, leaf)));
  const there = found.filter((leaf) => known.has(nameOf(sort, leaf)));
  if (there.length !== expected.length) return;
  for (const [i, leaf] of there.entries()) {
    const right = expected[i];
    if (right && nameOf(sort, right) !== nameOf(sort, leaf)) {
      say(findings, sort, 'REORDERED', seal, leaf, 'stands in another place');
    }
  }
}

function twice(sort: Sort, found: readonly Leaf[]): Leaf {
  const names = new Set<string>();
  const second = found.find((leaf) => names.size === names.add(nameOf(sort, leaf)).size);
  return second ?? { seq: 0, name: [], hash: '' };
}

function say(
  findings: Findings,
  sort: Sort,
  verb: 'ALTERED' | 'MISSING' | 'ADDED' | 'REORDERED',
  seal: number,
  leaf: Leaf,
  how: string,
): void {
  const code: FindingCode = `${sort}_${verb}`;
  const { seq } = leaf;
  const what = whatOf(sort, leaf);
  const thing = sort === 'RECORD' ? 'The version' : 'A reading';
  const named = sort === 'BATCH' ? `Batch ${seq}` : `${thing} of ${what} that batch ${seq} brought`;
  findings.add(code, `${named} ${how} (seal ${seal}).`, { seal, seq, what });
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

  /** The leaves of the next batch. */
  take(): Leaf[] {
    const { seq } = this;
    const from = this.#next;
    while (this.#next < this.leaves.length && this.seq === seq) this.#next += 1;
    return this.leaves.slice(from, this.#next);
  }
}
