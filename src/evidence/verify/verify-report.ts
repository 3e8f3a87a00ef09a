import type { Pin } from '../../history/store.js';
import type { Finding, Findings } from './findings.js';

/** `UNDECIDED`: nothing is sealed, so nothing can be told. */
export type VerifyVerdict = 'INTACT' | 'TAMPERED' | 'UNDECIDED';

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
  readonly findings: readonly Finding[];
  readonly notices: readonly string[];
}

export function verdictOf(findings: Findings, seals: number): VerifyVerdict {
  if (findings.count > 0) return 'TAMPERED';
  return seals === 0 ? 'UNDECIDED' : 'INTACT';
}
