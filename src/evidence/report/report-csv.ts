import type { ControlId, Finding } from '../../controls/control.js';
import { csvLine } from './csv.js';
import type { Rows } from './report-rows.js';

const HEADING = [
  'control',
  'outcome',
  'integration',
  'kind',
  'id',
  'message_id',
  'stream',
  'label',
  'at',
  'until',
  'reason',
  'no_longer_given_since',
];

export function csvHeading(): string {
  return csvLine(HEADING);
}

/** The row of a finding; nothing for one that is not asked for. */
export function csvRow(control: ControlId, finding: Finding, rows: Rows): string {
  if (rows === 'exceptions' && finding.outcome !== 'EXCEPTION') return '';
  const { outcome, subject, label, at, reason, noLongerGivenSince = null } = finding;
  const about =
    subject.type === 'RECORD'
      ? [subject.key.integration, subject.key.kind, subject.key.id, subject.messageId, null, label, at, null]
      : subject.type === 'SPAN'
        ? [subject.stream.integration, null, null, null, streamName(subject.stream), label, at, subject.to]
        : [subject.integration, null, null, null, null, label, at, null];
  return csvLine([control, outcome, ...about, reason, noLongerGivenSince]);
}

function streamName({ resource, filterKey }: { resource: string; filterKey: string }): string {
  return `${resource}/${filterKey}`;
}
