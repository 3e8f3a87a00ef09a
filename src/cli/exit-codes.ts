/** How a command ends; documented in docs/operations.md, since scripts depend on it. */
export const EXIT = {
  ok: 0,
  /** Something failed; what, is said. For `poll` and `backfill`: something wanted could not be read. */
  failed: 1,
  /** The configuration or the command line is wrong. */
  misconfigured: 2,
  /** Another process writes to the history. */
  historyInUse: 3,
  /** The history cannot be reached, or is not one of this version. */
  historyUnavailable: 4,
  /** The server cannot listen where it was told to. */
  cannotListen: 5,
  /** Ended by SIGINT before it was done; what was read is kept. SIGTERM ends with 143. */
  interrupted: 130,
  terminated: 143,
} as const;

/** Verdicts as exit codes, of the commands that judge. */
export const EXIT_VERDICT = { failed: 1, undecided: 2 } as const;
const JUDGING: readonly (string | undefined)[] = ['report', 'reconcile', 'verify'];

/**
 * The exit code of a command that did not come to its end, or not as it should. Where 1 and 2 are verdicts, what
 * they mean elsewhere has other numbers.
 */
export function exitCodeFor(command: string | undefined, code: number): number {
  if (!JUDGING.includes(command)) return code;
  if (code === EXIT.misconfigured) return 64;
  return code === EXIT.failed ? 70 : code;
}
