import { nextTurn } from '../../async/waiting.js';
import type { ControlFinding } from '../../controls/control.js';
import type { HistoryStore, Pin } from '../../history/store.js';
import type { ControlId } from '../../policy/policy.js';
import { DAY, earliest, type Instant, shift, toInstant, toMillis } from '../../values/instant.js';
import { type EvidenceRequest, evaluatePeriod, type PeriodEvidence } from '../evaluate-period.js';
import { sealBefore } from '../seal/make-seals.js';
import { htmlReport } from './html-report.js';
import { jsonReport } from './json.js';
import { oscalReport } from './oscal.js';
import { oscalComponent, oscalPlan } from './oscal-plan.js';
import {
  csvClosing,
  csvHeading,
  csvRow,
  exportRevisions,
  ndjsonClosing,
  ndjsonEnd,
  ndjsonHeading,
  ndjsonRow,
  type Rows,
} from './rows.js';

export const REPORT_FORMATS = [
  'html',
  'json',
  'ndjson',
  'csv',
  'oscal',
  'oscal-plan',
  'oscal-component',
] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

/** In a page, JSON and OSCAL; NDJSON and CSV contain all exceptions. */
const KEPT = 10_000;

export type ReportQuestion = Omit<EvidenceRequest, 'keep'> & {
  readonly format: ReportFormat;
  /** For CSV and NDJSON; `revisions` for NDJSON only. */
  readonly rows: Rows;
  /** Whether a CSV is for a spreadsheet: a byte order mark, and ids as text. */
  readonly spreadsheet?: boolean;
  readonly simulated: readonly string[];
};

interface WriteOptions {
  readonly onProgress?: (read: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** The next piece is not made before this one is written. */
type Write = (text: string) => Promise<void>;

/**
 * Writes piece by piece, in constant memory, and returns the evidence, or `null` for revisions. Rejects if
 * the report cannot be completed; then the pieces are no report.
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
  if (format === 'oscal-plan' || format === 'oscal-component') {
    await write(format === 'oscal-plan' ? oscalPlan(question) : oscalComponent(question));
    return null;
  }
  if (format === 'csv' || format === 'ndjson')
    return writeRows(store, question, ROWS_OF[format], write, options);
  const evidence = await evaluatePeriod(store, { ...question, keep: { skip: 0, limit: KEPT } }, options);
  if (format === 'html')
    await write(htmlReport(evidence, { simulated, seal: await sealBefore(store, question.pin) }));
  else if (format === 'json') await writeJoined(jsonReport(evidence), write);
  else await writeJoined(oscalReport(evidence, { simulated }), write);
  return evidence;
}

const AT_ONCE = 64 * 1024;

async function writeJoined(pieces: Iterable<string>, write: Write): Promise<void> {
  let text = '';
  for (const piece of pieces) {
    text += piece;
    if (text.length < AT_ONCE) continue;
    await write(text);
    await nextTurn();
    text = '';
  }
  await write(text);
}

interface RowFormat {
  heading(question: ReportQuestion): string;
  row(control: ControlId, finding: ControlFinding, question: ReportQuestion): string;
  closing(evidence: PeriodEvidence, rows: number, question: ReportQuestion): string;
}

const ROWS_OF: Record<'csv' | 'ndjson', RowFormat> = {
  csv: {
    heading: csvHeading,
    row: csvRow,
    closing: (evidence, _rows, question) => csvClosing(evidence, question),
  },
  ndjson: {
    heading: (question) => ndjsonHeading(question, question.rows),
    row: (control, finding, { rows }) => ndjsonRow(control, finding, rows),
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
        const line = row(control, finding, question);
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
  lines.push(closing(evidence, count, question));
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

export interface ReportJob {
  readonly name: string;
  /** The beginning of its next report; `null` before its first. */
  readonly reportedTo: Instant | null;
  readonly version: number;
}

const COLLECTION = 'settings';
const idOf = (name: string) => `report-job ${name}`;

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
 * The span of a job's next report: from the end of the last one, or the last whole day for the first, to the
 * last midnight (UTC) before `until` and in the view. `null` if no whole day has passed.
 */
export function nextSpan(
  { reportedTo }: ReportJob,
  until: Instant,
  view: Pin,
): { readonly from: Instant; readonly to: Instant } | null {
  if (view.seq === 0) return null;
  const to = midnightBefore(earliest(until, view.at));
  const from = reportedTo ?? shift(to, -DAY);
  return from < to ? { from, to } : null;
}

function midnightBefore(at: Instant): Instant {
  return toInstant(Math.floor(toMillis(at) / DAY) * DAY);
}

/** False if another run of the job was faster. */
export function rememberJob(store: HistoryStore, job: ReportJob, reportedTo: Instant): Promise<boolean> {
  return store.putDocument(COLLECTION, idOf(job.name), { reportedTo }, job.version);
}
