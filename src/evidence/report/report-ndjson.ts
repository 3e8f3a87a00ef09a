import type { ControlId, Finding } from '../../controls/control.js';
import type { Evidence, EvidenceRequest } from '../evaluate-period.js';
import { exceptionOf, judgedOf, periodOf } from './json.js';
import type { Rows } from './report-rows.js';

/*
 * The evidence as lines of JSON: one that says what it is of, one for each row as it is found, one for each
 * control's result, and one that closes it. What lacks its last line was cut off.
 */

/** The first line: what is asked of which view. */
export function ndjsonHeading(request: Omit<EvidenceRequest, 'keep'>, rows: Rows): string {
  const { period, pin, integrations, thresholds, controls } = request;
  return line({
    type: 'report',
    format: 'abnormal-gateway/evidence-lines',
    version: 1,
    ...{ rows, period: periodOf(period), asOf: pin.at, seq: pin.seq, integrations },
    ...(rows === 'revisions' ? {} : { controls: controls.map(({ id }) => id), thresholds }),
  });
}

/** The line of a finding; nothing for one that is not asked for. */
export function ndjsonRow(control: ControlId, finding: Finding, rows: Rows): string {
  if (rows === 'exceptions' && finding.outcome !== 'EXCEPTION') return '';
  const { type: subject, ...facts } = exceptionOf(finding);
  return line({ type: 'finding', control, outcome: finding.outcome, subject, ...facts });
}

/** The results and the end, after so many rows. */
export function ndjsonClosing({ results }: Evidence, rows: number): string {
  return `${results.map((result) => line({ type: 'result', ...judgedOf(result) })).join('')}${ndjsonEnd(rows)}`;
}

/** The last line. */
export function ndjsonEnd(rows: number): string {
  return line({ type: 'end', rows });
}

function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
