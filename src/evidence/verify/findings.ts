import type { Pin } from '../../history/store.js';

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
  /** The batch that brought it. */
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
  /** Batches after the last seal. */
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
