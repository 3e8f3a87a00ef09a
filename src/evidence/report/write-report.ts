import type { ControlFinding, ControlId } from '../../controls/control.js';
import type { HistoryStore, Pin } from '../../history/store.js';
import { DAY, earliest, type Instant, shift, toInstant, toMillis } from '../../values/instant.js';
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

/** What is remembered of a job that reports what came since its last report. */
export interface ReportJob {
  readonly name: string;
  /** Where its next report begins; `null` before its first. */
  readonly reportedTo: Instant | null;
  /** What the memory stands at. */
  readonly version: number;
}

const COLLECTION = 'settings';
const idOf = (name: string) => `report-job ${name}`;

/** What is remembered of the job of that name. */
export async function readJob(store: HistoryStore, name: string): Promise<ReportJob> {
  const document = await store.document(COLLECTION, idOf(name));
  const { reportedTo } = document?.body ?? {};
  return {
    name,
    reportedTo: typeof reportedTo === 'string' ? reportedTo : null,
    version: document?.version ?? 0,
  };
}

/**
 * What a job's next report is about: from the end of its last one, or the last whole day for its first, to the last
 * midnight (UTC) that is past at `until` and in the view. `null` while no whole day has passed.
 */
export function nextSpan(
  { reportedTo }: ReportJob,
  until: Instant,
  view: Pin,
): { readonly from: Instant; readonly to: Instant } | null {
  // nothing recorded, nothing to go on from
  if (view.seq === 0) return null;
  const to = midnightBefore(earliest(until, view.at));
  const from = reportedTo ?? shift(to, -DAY);
  return from < to ? { from, to } : null;
}

function midnightBefore(at: Instant): Instant {
  return toInstant(Math.floor(toMillis(at) / DAY) * DAY);
}

/** Remembers that a job has reported up to an instant. False when another run of it was faster. */
export function rememberJob(store: HistoryStore, job: ReportJob, reportedTo: Instant): Promise<boolean> {
  return store.putDocument(COLLECTION, idOf(job.name), { reportedTo }, job.version);
}
