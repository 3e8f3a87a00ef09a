import type { Command } from 'commander';
import { loadPolicy } from '../app/policy-file.js';
import type { RequestedReport } from '../app/report-question.js';
import { resolveReport } from '../app/reports.js';
import { recordAudit } from '../audit-trail.js';
import { evaluatePeriod, type PeriodEvidence } from '../evidence/evaluate-period.js';
import {
  nextSpan,
  type ReportJob,
  type ReportQuestion,
  readJob,
  rememberJob,
  writeReport,
} from '../evidence/report/write-report.js';
import type { HistoryStore } from '../history/store.js';
import { FRAMEWORK_IDS } from '../policy/frameworks.js';
import { toInstant } from '../values/instant.js';
import { withHistory } from './collection.js';
import { type CommandAction, type CommandContext, EXIT, untilStopped } from './command.js';
import { asOption, commandCaller, parseTimeOption, several } from './options.js';
import {
  emptySummary,
  jsonSummary,
  makePack,
  openOutput,
  openReportFile,
  optionName,
  type RawReportOptions,
  type ReportOptions,
  readReportOptions,
  reportExitCode,
  type Sink,
  textReport,
} from './report-output.js';

const DETAILS = `
Reads the recorded history, also while serve is running. Writes only an entry of the audit trail and the state of
--since-last. The same period and --as-of always give the same bytes.

  text     a summary for the terminal
  html     one page to read, print and archive; no scripts, no requests
  json     the evaluated result
  ndjson   one line per exception, per member of a population, or per recorded version (--rows)
  csv      the same for a spreadsheet, without versions; formulas are escaped
  oscal    OSCAL assessment results, as JSON; oscal-plan and oscal-component write the assessment plan and the
           component definition that belong to them
  pack     all of these with the recorded data, their seals and a signed manifest, in one .tar file that verify checks;
           as of the last seal, unless --as-of is given

Exit codes: 0 every control passed or does not apply, 1 a control failed, 2 a control could not be evaluated (and none
failed), 3 and 4 as for other commands, 64 wrong options or configuration, 70 the report could not be created, 130 or 143
ended by a signal. A file is written with the codes 0, 1 and 2 only. Versions are not evaluated: their exit code is 0.

--since-last reports from the end of the job's last report (the first time: from the last whole day) to the last midnight
(UTC). It stores the end after the report is written, whatever the verdicts. If no whole day has passed, no report is written,
and the exit code is 0.

Examples:
  abnormal-gateway report --period 2026-Q3
  abnormal-gateway report --period 2026-Q3 --out evidence-2026-Q3.html
  abnormal-gateway report --period last-30d
  abnormal-gateway report --period 2026-09-14 --controls attacks-captured,collection-continuous --quiet
  abnormal-gateway report --period 2026-09 --format csv --rows population --out september.csv
  abnormal-gateway report --period 2026-09 --format ndjson --rows revisions | gzip > september.ndjson.gz
  abnormal-gateway report --period 2026-09 --threshold remediateWithin=8h --threshold remediatedShare=99%
  abnormal-gateway report --since-last --job nightly --until 4d --json`;

export function addReport(program: Command, choose: (action: CommandAction) => void): void {
  program
    .command('report')
    .description('evaluate the controls over a period and write the evidence')
    .option(
      '--period <period>',
      '2026-Q3, 2026-09, 2026-W37, 2026-09-14 or FROM/TO (UTC, TO is exclusive); last-30d, P90D or month-to-date end where the collection is complete',
    )
    .option('--controls <ids>', 'only these controls, comma-separated', several)
    .option('--integration <name>', 'only this Abnormal account; may be given several times', several)
    .option('--as-of <instant>', 'evaluate what was recorded up to this instant (default: all)')
    .option(
      '--trend <parts>',
      'day, week, month or none: also evaluate the parts; default: depends on the length of the period',
    )
    .option(
      '--format <format>',
      'text, html, json, ndjson, csv, oscal, oscal-plan, oscal-component or pack; default: by the file name of --out, otherwise text',
    )
    .option(
      '--rows <rows>',
      'rows of CSV and NDJSON: exceptions (default), population, results (one per control) or revisions',
    )
    .option(
      '--framework <id>',
      `group the results by the requirements of a framework: ${FRAMEWORK_IDS.join(', ')}`,
    )
    .option('--threshold <name=value>', 'use another threshold; may be given several times', several)
    .option('--spreadsheet', 'CSV for Excel or LibreOffice: with a byte order mark, ids as text')
    .option('-o, --out <file>', 'write to a file, which appears only when it is complete')
    .option('--since-last', 'instead of --period: from the end of the last report')
    .option('--job <name>', 'name of the job whose last report counts; each job has its own')
    .option(
      '--until <day>',
      'with --since-last: end no later than this day, or than this duration before now',
      parseTimeOption,
    )
    .option('--json', 'print the summary as one JSON object')
    .option('-q, --quiet', 'no progress and no summary')
    .addHelpText('after', DETAILS)
    .action((raw: RawReportOptions) => choose(report(raw)));
}

function report(raw: RawReportOptions): CommandAction {
  return async (invocation) => {
    const options = readReportOptions(raw, toInstant(invocation.clock()));
    const mode = options.job === null ? 'read' : 'manage';
    const code = await withHistory(invocation, mode, (store) => make(store, options, invocation));
    if (code !== EXIT.interrupted && code !== EXIT.terminated) await noteReport(invocation, raw);
    return code;
  };
}

async function make(
  store: HistoryStore,
  options: ReportOptions,
  invocation: CommandContext,
): Promise<number> {
  if (options.job === null) return makeReport(store, options.asked(), options, invocation);
  return reportSinceLast(store, await readJob(store, options.job), options, invocation);
}

async function reportSinceLast(
  store: HistoryStore,
  job: ReportJob,
  options: ReportOptions,
  invocation: CommandContext,
): Promise<number> {
  const { terminal, clock } = invocation;
  const now = toInstant(clock());
  const span = nextSpan(job, options.until?.(now) ?? now, await store.head());
  if (span === null) {
    const since = job.reportedTo?.slice(0, 10) ?? 'the beginning of the history';
    if (options.json) terminal.out.write(emptySummary(job.name));
    else if (!options.quiet) terminal.print(`Nothing to report: no whole day has passed since ${since}.`);
    return EXIT.ok;
  }
  const code = await makeReport(store, options.asked(span), options, invocation);
  if (code === EXIT.interrupted || code === EXIT.terminated) return code;
  if (await rememberJob(store, job, span.to)) return code;
  throw new Error(
    `Another run of the job ${job.name} ended at the same time: the same span was reported twice.`,
  );
}

async function makeReport(
  store: HistoryStore,
  asked: RequestedReport,
  options: ReportOptions,
  invocation: CommandContext,
): Promise<number> {
  const { terminal, config, clock, progress } = invocation;
  const { out, format } = options;
  const policy = loadPolicy(config.policy);
  const question = await resolveReport(
    { store, config, clock, policy: () => policy },
    asked,
    format === 'text' ? 'json' : format,
    optionName,
  );
  if (format === 'pack') return reportPack(store, question, options, invocation);
  const sink = out === null ? openOutput(terminal.out) : await asOption('--out', () => openReportFile(out));
  return untilStopped(invocation, async () => {
    try {
      const evidence = await writeInto(sink, store, question, options, invocation);
      await sink.close();
      progress.end();
      summarise(evidence, options, invocation);
      return evidence === null ? EXIT.ok : reportExitCode(evidence);
    } catch (error) {
      await sink.discard();
      throw error;
    }
  });
}

async function reportPack(
  store: HistoryStore,
  question: ReportQuestion,
  options: ReportOptions,
  invocation: CommandContext,
): Promise<number> {
  return untilStopped(invocation, async () => {
    const evidence = await makePack(store, question, options, invocation);
    invocation.progress.end();
    summarise(evidence, options, invocation);
    return reportExitCode(evidence);
  });
}

async function writeInto(
  sink: Sink,
  store: HistoryStore,
  question: ReportQuestion,
  { format, out, quiet, json }: ReportOptions,
  { progress, stop: signal }: CommandContext,
): Promise<PeriodEvidence | null> {
  const what = question.rows === 'revisions' ? 'versions' : 'records';
  const onProgress = (read: number) => {
    if (!quiet) progress.show(`${question.period.text}: ${read} ${what} read`);
  };
  if (format !== 'text' && format !== 'pack')
    return writeReport(store, question, (text) => sink.write(text), { signal, onProgress });
  const request = { ...question, trend: null, keep: { skip: 0, limit: 0 } };
  const evidence = await evaluatePeriod(store, request, { signal, onProgress });
  if (out !== null || !(quiet || json)) await sink.write(textReport(evidence));
  return evidence;
}

function summarise(
  evidence: PeriodEvidence | null,
  options: ReportOptions,
  { terminal }: CommandContext,
): void {
  const { out, json, quiet } = options;
  if (json && evidence !== null) terminal.out.write(jsonSummary(evidence, options));
  if (json || quiet || out === null) return;
  if (evidence !== null) terminal.out.write(`${textReport(evidence)}\n`);
  terminal.print(`Written to ${out}`);
}

/** A read-only history has no audit trail of its reports; the report is valid all the same. */
export async function noteReport(
  invocation: Pick<CommandContext, 'config' | 'log' | 'clock'>,
  { period, job, rows, format, out }: RawReportOptions,
): Promise<void> {
  const { log, clock } = invocation;
  try {
    const detail = [format ?? out?.split('.').at(-1) ?? 'text', out ? 'to a file' : 'to the standard output'];
    const entry = {
      caller: commandCaller(),
      action: rows === 'revisions' ? 'EXPORT' : 'REPORT',
      target: period ?? `since the last of the job ${job ?? 'default'}`,
      outcome: 'SUCCEEDED',
      detail: detail.join(', '),
    } as const;
    await withHistory(invocation, 'manage', (store) => recordAudit({ store, clock }, entry));
  } catch (error) {
    log.warn({ err: error }, 'the report could not be recorded in the audit trail');
  }
}
