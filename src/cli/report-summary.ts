import type { Verdict } from '../controls/control.js';
import { shownMeasure } from '../controls/shares.js';
import type { Evidence } from '../evidence/evaluate-period.js';
import { judgedOf } from '../evidence/report/json.js';
import { EXIT, EXIT_VERDICT } from './exit-codes.js';

/** The worst that a control said. */
export function exitCodeOf({ results }: Pick<Evidence, 'results'>): number {
  const has = (wanted: Verdict) => results.some(({ verdict }) => verdict === wanted);
  if (has('FAIL')) return EXIT_VERDICT.failed;
  return has('INSUFFICIENT_DATA') ? EXIT_VERDICT.undecided : EXIT.ok;
}

/** What a report came to, as one JSON object for the program that asked for it. */
export function jsonSummary(
  evidence: Evidence,
  { out, job }: { readonly out: string | null; readonly job: string | null },
): string {
  const { period, pin, integrations, results } = evidence;
  const controls = results.map((result) => {
    const { control, verdict, reason, outcomes } = judgedOf(result);
    return { control, verdict, reason, measured: shownMeasure(result), exceptions: outcomes.EXCEPTION };
  });
  const { text, from, to } = period;
  const summary = {
    period: { text, from, to },
    ...{ asOf: pin.at, seq: pin.seq, integrations },
    exitCode: exitCodeOf(evidence),
    ...{ controls, out, job },
  };
  return `${JSON.stringify(summary, null, 2)}\n`;
}

/** The same of a job for which there is nothing to report yet. */
export function emptySummary(job: string): string {
  const nothing = { period: null, asOf: null, seq: null, integrations: [] };
  return `${JSON.stringify({ ...nothing, exitCode: EXIT.ok, controls: [], out: null, job }, null, 2)}\n`;
}
