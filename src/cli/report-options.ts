import { choiceOf, type RawReportQuestion, readReportQuestion } from '../app/report-question.js';
import { ConfigError } from '../config/reader.js';
import { REPORT_FORMATS } from '../evidence/report/write-report.js';
import { DAY, type Instant, shift } from '../values/instant.js';
import type { TimeOption } from './options.js';

/** `text`: a summary for the terminal; the others are written to files. */
const FORMATS = ['text', ...REPORT_FORMATS, 'pack'] as const;
type Format = (typeof FORMATS)[number];

export interface RawReportOptions extends Omit<RawReportQuestion, 'period'> {
  readonly period?: string;
  readonly format?: string;
  readonly out?: string;
  readonly sinceLast?: boolean;
  readonly job?: string;
  readonly until?: TimeOption;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export type ReportOptions = ReturnType<typeof readReportOptions>;

export function optionName(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Throws a `ConfigError` or a `ReportQuestionError` that says what is accepted. */
export function readReportOptions(raw: RawReportOptions, now: Instant) {
  const out = raw.out ?? null;
  const format = raw.format === undefined ? formatOf(out) : choiceOf('--format', raw.format, FORMATS);
  if (format === 'pack' && out === null)
    throw new ConfigError('A pack is a file. Pass --out, such as --out evidence.tar.');
  const job = jobOf(raw);
  if (raw.json && format !== 'text' && out === null)
    throw new ConfigError('--json prints the summary, so the report must go to a file. Pass --out.');
  // a job knows its period only after it has read its last report
  const asked = (period?: { readonly from: Instant; readonly to: Instant }) =>
    readReportQuestion(period ? { ...raw, period: `${period.from}/${period.to}` } : raw, optionName, now);
  // errors are reported before anything is opened
  if (job === null) asked();
  else asked({ from: shift(now, -DAY), to: now });
  return {
    ...{ format, out, job, asked },
    until: raw.until ?? null,
    json: raw.json ?? false,
    quiet: raw.quiet ?? false,
  };
}

/** The job that asks for what was added since its last report; `null`: a period is given. */
function jobOf({ sinceLast = false, job = 'default', period, asOf, until }: RawReportOptions) {
  if (!sinceLast) {
    const alone = until !== undefined ? '--until' : job !== 'default' ? '--job' : null;
    if (alone !== null) throw new ConfigError(`${alone} requires --since-last.`);
    return null;
  }
  if (period !== undefined)
    throw new ConfigError('--period and --since-last cannot be combined. Pass one of them.');
  if (asOf !== undefined)
    throw new ConfigError(
      '--since-last reports what is recorded now, so it cannot be combined with --as-of.',
    );
  if (/^[\w.-]{1,64}$/.test(job)) return job;
  throw new ConfigError('--job: accepted is a name of at most 64 letters, digits, dots and dashes.');
}

/** The format of a file by its name; otherwise a summary. */
function formatOf(out: string | null): Format {
  const extension = /\.(html?|json|csv|ndjson|jsonl|tar)$/i.exec(out ?? '')?.[1]?.toLowerCase();
  if (extension === undefined) return 'text';
  if (/oscal/i.test(out ?? '') && extension === 'json') return 'oscal';
  if (extension === 'jsonl') return 'ndjson';
  if (extension === 'tar') return 'pack';
  return extension === 'htm' ? 'html' : choiceOf('--out', extension, FORMATS);
}
