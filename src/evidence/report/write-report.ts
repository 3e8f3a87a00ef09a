import type { ControlFinding, ControlId } from '../../controls/control.js';
import type { HistoryStore } from '../../history/store.js';
import { type EvidenceRequest, evaluatePeriod, type PeriodEvidence } from '../evaluate-period.js';
import { sealBefore } from '../seal/make-seals.js';
import { htmlReport } from './html-report.js';
import { jsonReport } from './json.js';
import { oscalReport } from './oscal.js';
import {
  csvHeading,
  csvRow,
  exportRevisions,
  ndjsonClosing,
  ndjsonEnd,
  ndjsonHeading,
  ndjsonRow,
  type Rows,
} from './rows.js';

/** What a report can be written as. */
export const REPORT_FORMATS = ['html', 'json', 'ndjson', 'csv', 'oscal'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

/** Exceptions of one control that a page, JSON or OSCAL gives; NDJSON and CSV give all. */
const KEPT = 10_000;

export type ReportQuestion = Omit<EvidenceRequest, 'keep'> & {
  readonly format: ReportFormat;
  /** Of CSV and NDJSON; `revisions` of NDJSON alone. */
  readonly rows: Rows;
  /** Integrations whose records are invented. */
  readonly simulated: readonly string[];
};

export interface WriteOptions {
  /** Called with the number of records or revisions read so far. */
  readonly onProgress?: (read: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Takes a piece of the report; the next is not made before it is through. */
export type Write = (text: string) => Promise<void>;

/**
 * Writes a report piece by piece, in memory that does not grow with the records, and gives what was judged: `null`
 * for revisions, about which nothing is. What cannot be written whole rejects; what was written till then is no report.
 */
export async function writeReport(
  store: HistoryStore,
  question: ReportQuestion,
  write: Write,
  options: WriteOptions = {},
): Promise<PeriodEvidence | null> {
  const { format, rows, simulated } = question;
  if (format === 'ndjson' && rows === 'revisions') {
    await writeRevisions(store, question, write, options);
    return null;
  }
  if (format === 'csv' || format === 'ndjson')
    return writeRows(store, question, ROWS_OF[format], write, options);
  const evidence = await evaluatePeriod(store, { ...question, keep: { skip: 0, limit: KEPT } }, options);
  if (format === 'html')
    await write(htmlReport(evidence, { simulated, seal: await sealBefore(store, question.pin) }));
  else if (format === 'json') await write(jsonReport(evidence));
  else await writeJoined(oscalReport(evidence, { simulated }), write);
  return evidence;
}

const AT_ONCE = 64 * 1024;

/** Small pieces in larger ones. */
async function writeJoined(pieces: Iterable<string>, write: Write): Promise<void> {
  let text = '';
  for (const piece of pieces) {
    text += piece;
    if (text.length < AT_ONCE) continue;
    await write(text);
    text = '';
  }
  await write(text);
}

/** How findings become lines. */
interface RowFormat {
  heading(question: ReportQuestion): string;
  row(control: ControlId, finding: ControlFinding, rows: Rows): string;
  closing(evidence: PeriodEvidence, rows: number): string;
}

const ROWS_OF: Record<'csv' | 'ndjson', RowFormat> = {
  csv: { heading: csvHeading, row: csvRow, closing: () => '' },
  ndjson: {
    heading: (question) => ndjsonHeading(question, question.rows),
    row: ndjsonRow,
    closing: ndjsonClosing,
  },
};

async function writeRows(
  store: HistoryStore,
  question: ReportQuestion,
  { heading, row, closing }: RowFormat,
  write: Write,
  { onProgress, signal }: WriteOptions,
): Promise<PeriodEvidence> {
  let lines = [heading(question)];
  let count = 0;
  const flush = async () => {
    const text = lines.join('');
    lines = [];
    if (text !== '') await write(text);
  };
  const keep = { skip: 0, limit: 0 };
  const evidence = await evaluatePeriod(
    store,
    { ...question, trend: null, keep },
    {
      signal,
      onFinding(control, finding) {
        const line = row(control, finding, question.rows);
        if (line === '') return;
        lines.push(line);
        count += 1;
      },
      onProgress: async (records) => {
        onProgress?.(records);
        await flush();
      },
    },
  );
  lines.push(closing(evidence, count));
  await flush();
  return evidence;
}

async function writeRevisions(
  store: HistoryStore,
  question: ReportQuestion,
  write: Write,
  { onProgress, signal }: WriteOptions,
): Promise<void> {
  const { pin, integrations, period } = question;
  await write(ndjsonHeading(question, 'revisions'));
  let written = 0;
  for await (const { text, count } of exportRevisions(store, { pin, integrations, ...period })) {
    signal?.throwIfAborted();
    await write(text);
    written += count;
    onProgress?.(written);
  }
  await write(ndjsonEnd(written));
}
