import type { Pin } from '../../history/store.js';

/**
 * What is wrong. `SEAL_…`: with the chain of seals itself. `LIST_ALTERED`: the list of a seal's leaves, by which
 * what is wrong is named. `STATE_ALTERED`: what the store works out beside the records, such as when a version
 * ended, and what is written over, such as the state of a stream. `FILE_…`, `MANIFEST_…`: with a pack.
 */
export type FindingCode =
  | 'SEAL_MISSING'
  | 'SEAL_ALTERED'
  | 'SEAL_SIGNATURE'
  | 'SEAL_NOT_SIGNED'
  | 'SEAL_UNKNOWN_KEY'
  | 'SEAL_NOT_IN_CHAIN'
  | 'LIST_ALTERED'
  | 'RECORD_ALTERED'
  | 'RECORD_MISSING'
  | 'RECORD_ADDED'
  | 'RECORD_REORDERED'
  | 'RECEIVED_ALTERED'
  | 'READING_ALTERED'
  | 'READING_MISSING'
  | 'READING_ADDED'
  | 'READING_REORDERED'
  | 'BATCH_ALTERED'
  | 'BATCH_MISSING'
  | 'BATCH_ADDED'
  | 'BATCH_REORDERED'
  | 'RUN_ALTERED'
  | 'RUN_MISSING'
  | 'RUN_ADDED'
  | 'AUDIT_ALTERED'
  | 'STATE_ALTERED'
  | 'TRUNCATED'
  | 'ROOT_DIFFERS'
  | 'FILE_ALTERED'
  | 'FILE_MISSING'
  | 'FILE_ADDED'
  | 'MANIFEST_ALTERED'
  | 'PACK_UNREADABLE';

interface ProofFinding {
  readonly code: FindingCode;
  /** The seal that covers it, by its index. */
  readonly seal: number | null;
  /** The batch that brought it. */
  readonly seq: number | null;
  /** What it is about: a record as `integration/kind/id`, a stream and window, a run, a file. */
  readonly what: string | null;
  /** For a person. */
  readonly message: string;
}

/** So many are kept by name; the others are counted. */
const MOST = 1000;

/** Collects what is found wrong, and what is to be said beside it. */
export class Findings {
  readonly kept: ProofFinding[] = [];
  readonly notices: string[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(
    code: FindingCode,
    message: string,
    about: Partial<Pick<ProofFinding, 'seal' | 'seq' | 'what'>> = {},
  ): void {
    this.#count += 1;
    if (this.kept.length < MOST) {
      this.kept.push({ code, seal: null, seq: null, what: null, ...about, message });
    }
  }

  notice(text: string): void {
    this.notices.push(text);
  }
}

/** `UNDECIDED`: nothing is sealed, so nothing can be told. */
type VerifyVerdict = 'INTACT' | 'TAMPERED' | 'UNDECIDED';

export interface VerifyReport {
  readonly verdict: VerifyVerdict;
  readonly subject: 'HISTORY' | 'PACK';
  readonly seals: number;
  /** The last batch that a seal covers; `null` where there is no seal. */
  readonly sealedTo: Pin | null;
  readonly head: Pin | null;
  readonly revisions: number;
  /** Entries of the ledger. */
  readonly readings: number;
  readonly runs: number;
  /** Batches after the last seal. */
  readonly unsealed: number;
  readonly findingCount: number;
  /** At most the first 1,000. */
  readonly findings: readonly ProofFinding[];
  readonly notices: readonly string[];
}

export function proofVerdict(findings: Findings, seals: number): VerifyVerdict {
  if (findings.count > 0) return 'TAMPERED';
  return seals === 0 ? 'UNDECIDED' : 'INTACT';
}
