import type { Pin } from '../../history/store.js';
import type { Leaf } from '../seal/leaf.js';

/**
 * What is wrong. `SEAL_…`: with the chain of seals itself. `LIST_ALTERED`: the list of a seal's leaves, by which
 * what is wrong is named. `STATE_ALTERED`: what the store derives from the records, such as when a version
 * ended, and what is written over, such as the state of a stream. `FILE_…`, `MANIFEST_…`: with a pack.
 */
export type FindingCode =
  | `SEAL_${'MISSING' | 'ALTERED' | 'SIGNATURE' | 'NOT_SIGNED' | 'UNKNOWN_KEY' | 'NOT_IN_CHAIN'}`
  | `${'RECORD' | 'READING' | 'BATCH'}_${'ALTERED' | 'MISSING' | 'ADDED' | 'REORDERED'}`
  | `${'RUN' | 'FILE'}_${'ALTERED' | 'MISSING' | 'ADDED'}`
  | `${'LIST' | 'RECEIVED' | 'AUDIT' | 'STATE' | 'MANIFEST'}_ALTERED`
  | 'TRUNCATED'
  | 'ROOT_DIFFERS'
  | 'PACK_UNREADABLE';

interface ProofFinding {
  readonly code: FindingCode;
  readonly seal: number | null;
  readonly seq: number | null;
  /** What it is about: a record as `integration/kind/id`, a stream and window, a run, a file. */
  readonly what: string | null;
  readonly message: string;
}

/** So many findings are kept; the others are counted. */
const MOST = 1000;

export class Findings {
  readonly #kept: ProofFinding[] = [];
  readonly #notices: string[] = [];
  #count = 0;

  add(
    code: FindingCode,
    message: string,
    about: Partial<Pick<ProofFinding, 'seal' | 'seq' | 'what'>> = {},
  ): void {
    this.#count += 1;
    if (this.#kept.length < MOST) {
      this.#kept.push({ code, seal: null, seq: null, what: null, ...about, message });
    }
  }

  version(
    code: FindingCode,
    { integration, kind, id }: Record<'integration' | 'kind' | 'id', string>,
    seq: number,
    how: string,
    seal: number | null = null,
  ): void {
    const what = `${integration}/${kind}/${id}`;
    this.add(code, `The version of ${what} that batch ${seq} brought ${how}.`, { seal, seq, what });
  }

  /** About something that seals name; `seal`: the one by which it is known. */
  sealed(code: FindingCode, subject: string, how: string, seal: number | null, what: string): void {
    const where = seal === null ? '' : ` (seal ${seal})`;
    this.add(code, `${subject} ${how}${where}.`, { seal, what });
  }

  notice(text: string): void {
    this.#notices.push(text);
  }

  broken(seq: number, seal: number | null): void {
    const message = `What batch ${seq} brought cannot be read as records any more.`;
    this.add('RECORD_ALTERED', message, { seal, seq });
  }

  /** `read`: what was looked at; `null` if nothing could be. */
  report(subject: VerifyReport['subject'], read: Read | null): VerifyReport {
    const { seals, sealedTo, head, ...counts } = read ?? NOTHING;
    const verdict = this.#count > 0 ? 'TAMPERED' : seals === 0 ? 'UNDECIDED' : 'INTACT';
    return {
      ...{ verdict, subject, seals, sealedTo, head, ...counts },
      findingCount: this.#count,
      findings: this.#kept,
      notices: this.#notices,
    };
  }
}

/** `UNDECIDED`: nothing is sealed, so nothing can be determined. */
type VerifyVerdict = 'INTACT' | 'TAMPERED' | 'UNDECIDED';

export interface VerifyReport {
  readonly verdict: VerifyVerdict;
  readonly subject: 'HISTORY' | 'PACK';
  readonly seals: number;
  /** The last batch that a seal covers; `null` where there is no seal. */
  readonly sealedTo: Pin | null;
  readonly head: Pin | null;
  readonly revisions: number;
  readonly readings: number;
  readonly runs: number;
  readonly unsealed: number;
  readonly findingCount: number;
  /** At most the first 1,000. */
  readonly findings: readonly ProofFinding[];
  readonly notices: readonly string[];
}

type Read = Omit<VerifyReport, 'verdict' | 'subject' | 'findingCount' | 'findings' | 'notices'>;

const NOTHING: Read = {
  ...{ seals: 0, sealedTo: null, head: null },
  ...{ revisions: 0, readings: 0, runs: 0, unsealed: 0 },
};

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
