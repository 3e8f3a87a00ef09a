import { once } from 'node:events';
import { open, rename, rm } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { choiceOf, type RawReportQuestion, readReportQuestion } from '../app/report-question.js';
import { ConfigError } from '../config/reader.js';
import type { ControlVerdict } from '../controls/control.js';
import { instantText } from '../controls/words.js';
import type { PeriodEvidence } from '../evidence/evaluate-period.js';
import { PackError } from '../evidence/pack/pack-history.js';
import { writePack } from '../evidence/pack/write-pack.js';
import { criteriaOf } from '../evidence/report/json.js';
import { REPORT_FORMATS, type ReportQuestion } from '../evidence/report/write-report.js';
import type { HistoryStore } from '../history/store.js';
import { partialNameOf } from '../history/temporary-files.js';
import { FRAMEWORKS, type FrameworkId } from '../policy/frameworks.js';
import { waiverState, waiverSubject } from '../policy/waivers.js';
import { DAY, type Instant, shift } from '../values/instant.js';
import { type CommandContext, EXIT, EXIT_VERDICT, formatTable, type Output } from './command.js';
import type { TimeOption } from './options.js';

export interface Sink {
  write(text: string): Promise<void>;
  /** Only now the file appears under its name. */
  close(): Promise<void>;
  /** Removes what was written. */
  discard(): Promise<void>;
}

/** A file that appears complete or not at all. */
export async function openReportFile(path: string): Promise<Sink> {
  const partial = partialNameOf(path, 'partial');
  const file = await open(partial, 'w');
  return {
    write: async (text) => void (await file.write(text)),
    close: async () => {
      await file.sync();
      await file.close();
      await rename(partial, path);
    },
    discard: async () => {
      await file.close();
      await rm(partial, { force: true });
    },
  };
}

export function openOutput(output: Output): Sink {
  return {
    write: async (text) => {
      if (output.write(text) === false && output instanceof Writable) await once(output, 'drain');
    },
    close: async () => undefined,
    discard: async () => undefined,
  };
}

/** Throws a `ConfigError` if the pack cannot be complete. */
export async function makePack(
  store: HistoryStore,
  question: ReportQuestion,
  { out, quiet }: Pick<ReportOptions, 'out' | 'quiet'>,
  { config, progress, stop }: CommandContext,
): Promise<PeriodEvidence> {
  try {
    return await writePack(store, question, out ?? '', {
      signer: config.proof.signer,
      signal: stop,
      onProgress: (words) => {
        if (!quiet) progress.show(`${question.period.text}: ${words}`);
      },
    });
  } catch (error) {
    if (error instanceof PackError) throw new ConfigError(error.message);
    if (isPathError(error)) throw new ConfigError(`--out: ${error.message}`);
    throw error;
  }
}

function isPathError(error: unknown): error is Error {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  return ['ENOENT', 'EACCES', 'ENOTDIR', 'EISDIR', 'EROFS'].includes(String(code));
}

export function reportExitCode({ results }: Pick<PeriodEvidence, 'results'>): number {
  const has = (wanted: ControlVerdict) => results.some(({ verdict }) => verdict === wanted);
  if (has('FAIL')) return EXIT_VERDICT.failed;
  return has('INSUFFICIENT_DATA') ? EXIT_VERDICT.undecided : EXIT.ok;
}

export function jsonSummary(
  evidence: PeriodEvidence,
  { out, job }: Pick<ReportOptions, 'out' | 'job'>,
): string {
  const { period, pin, integrations, results, rules } = evidence;
  const controls = results.map((result) => {
    const { control, verdict, reason, outcomes, headline } = result;
    const measured = headline.measure ?? result.measures[0] ?? null;
    const counts = { exceptions: outcomes.EXCEPTION, waived: outcomes.WAIVED };
    return { control, verdict, reason, measured, headline, ...counts };
  });
  const { text, from, to } = period;
  const summary = {
    period: { text, from, to },
    ...{ asOf: pin.at, seq: pin.seq, integrations },
    policy: rules.policy.file?.digest ?? null,
    exitCode: reportExitCode(evidence),
    ...{ controls, out, job },
  };
  return `${JSON.stringify(summary, null, 2)}\n`;
}

export function emptySummary(job: string): string {
  const nothing = { period: null, asOf: null, seq: null, integrations: [] };
  return `${JSON.stringify({ ...nothing, exitCode: EXIT.ok, controls: [], out: null, job }, null, 2)}\n`;
}

function criteriaRows(results: PeriodEvidence['results'], framework: FrameworkId): string[] {
  const { criteria } = criteriaOf({ results }, framework);
  const rows = criteria.flatMap(({ criterion, title, controls }) =>
    controls.map(({ control, verdict }, i) => [
      i === 0 ? criterion : '',
      i === 0 ? title : '',
      control,
      verdict,
    ]),
  );
  return formatTable([
    [FRAMEWORKS[framework].title.toUpperCase(), 'REQUIREMENT', 'CONTROL', 'VERDICT'],
    ...rows,
  ]);
}

export function textReport(evidence: PeriodEvidence): string {
  const { period, pin, integrations, results, rules, framework } = evidence;
  const { file } = rules.policy;
  const replaced = Object.keys(rules.overrides);
  const rows = results.map((result) => {
    const { control, verdict, outcomes, headline } = result;
    return [control, verdict, String(outcomes.EXCEPTION), headline.text];
  });
  const lines = [
    `Period    ${period.text}: ${instantText(period.from)} to ${instantText(period.to)} (UTC)`,
    `As of     ${instantText(pin.at)}, snapshot ${pin.seq}`,
    `Accounts  ${integrations.join(', ') || 'none was read'}`,
    ...(file ? [`Policy    SHA-256 ${file.digest}`] : []),
    ...(replaced.length > 0 ? [`Given     ${replaced.join(', ')} (--threshold)`] : []),
    '',
    ...formatTable([['CONTROL', 'VERDICT', 'EXCEPTIONS', 'DECIDED BY'], ...rows]),
    ...(framework === null ? [] : ['', ...criteriaRows(results, framework)]),
    '',
    ...results
      .filter(({ verdict }) => verdict !== 'PASS')
      .map(({ control, reason }) => `${control}: ${reason}`),
    ...results.flatMap(({ control, waivers }) =>
      waivers
        .filter(({ problem }) => problem !== null)
        .map((use) => `${control}: waiver of ${waiverSubject(use.waiver)}: ${waiverState(use)}.`),
    ),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

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
