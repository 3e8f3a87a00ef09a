import type { ControlId, Finding } from '../controls/control.js';
import { csvLine } from './csv.js';

/** What a row is for: what counts against a control, or every member of its population. */
export const CSV_ROWS = ['exceptions', 'population'] as const;
export type CsvRows = (typeof CSV_ROWS)[number];

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
];

export function csvHeading(): string {
  return csvLine(HEADING);
}

/** The row of a finding; nothing for one that is not asked for. */
export function csvRow(control: ControlId, finding: Finding, rows: CsvRows): string {
  if (rows === 'exceptions' && finding.outcome !== 'EXCEPTION') return '';
  const { outcome, subject, label, at, reason } = finding;
  const about =
    subject.type === 'RECORD'
      ? [subject.key.integration, subject.key.kind, subject.key.id, subject.messageId, null, label, at, null]
      : subject.type === 'SPAN'
        ? [subject.stream.integration, null, null, null, streamName(subject.stream), label, at, subject.to]
        : [subject.integration, null, null, null, null, label, at, null];
  return csvLine([control, outcome, ...about, reason]);
}

function streamName({ resource, filterKey }: { resource: string; filterKey: string }): string {
  return `${resource}/${filterKey}`;
}
