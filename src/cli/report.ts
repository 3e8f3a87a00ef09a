import type { Command } from 'commander';
import { openHistory } from '../app/collector.js';
import { thresholdsOf } from '../app.js';
import { ConfigError } from '../config/config-error.js';
import type { CredentialFact, Verdict } from '../controls/control.js';
import { type Evidence, type EvidenceRequest, evaluatePeriod } from '../evidence/evaluate-period.js';
import { csvHeading, csvRow } from '../evidence/report-csv.js';
import { htmlReport } from '../evidence/report-html.js';
import { jsonReport } from '../evidence/report-json.js';
import type { HistoryStore } from '../history/store.js';
import { SIMULATED_ACCOUNT } from '../integrations/open-account.js';
import { toInstant } from '../model/instant.js';
import { EXIT, EXIT_VERDICT } from './exit-codes.js';
import type { Action, Invocation } from './invocation.js';
import { type RawReportOptions, type ReportOptions, readReportOptions } from './report-options.js';
import { openFile, openOutput, type Sink } from './report-output.js';
import { textReport } from './report-text.js';
import { print } from './terminal.js';

const DETAILS = `
Judges the recorded history; it only reads, so it works beside a running serve. The same period as of the same
instant gives the same bytes at any time.

Exit codes: 0 every control passed or does not apply, 1 a control failed, 2 one could not be judged (and none
failed), 3 and 4 as elsewhere, 64 wrong options or configuration, 70 the report could not be made, 130 or 143
ended by a signal. With any code but 0, 1 and 2 no file is written.

Examples:
  abnormal-gateway report --period 2026-Q3
  abnormal-gateway report --period 2026-Q3 --out evidence-2026-Q3.html
  abnormal-gateway report --period 2026-09-14 --controls attacks-captured,collection-continuous --quiet
  abnormal-gateway report --period 2026-09 --format csv --rows population --out september.csv
  abnormal-gateway report --period 2026-09 --threshold remediateWithin=8h --threshold remediatedShare=99%`;

/** Judges a period and writes what is found. */
export function addReport(program: Command, choose: (action: Action) => void): void {
  const add = (text: string, before: readonly string[] | undefined) => [...(before ?? []), text];
  program
    .command('report')
    .description('judge the controls over a period and write the evidence')
    .option('--period <period>', '2026-Q3, 2026-09, 2026-W37, 2026-09-14 or FROM/TO (UTC, TO not included)')
    .option('--controls <ids>', 'only these controls, separated by commas', add)
    .option('--integration <name>', 'only this Abnormal account; may be given several times', add)
    .option('--as-of <instant>', 'judge what was recorded by then, instead of all there is')
    .option(
      '--trend <parts>',
      'day, week, month or none: judge the parts too; by default as suits the period',
    )
    .option('--format <format>', 'text, html, json or csv; by default what --out is called, else text')
    .option('--rows <rows>', 'what the CSV lists: exceptions (the default) or population')
    .option('--threshold <name=value>', 'judge by another number; may be given several times', add)
    .option('-o, --out <file>', 'write to a file, which appears only when it is complete')
    .option('-q, --quiet', 'neither progress nor a summary')
    .addHelpText('after', DETAILS)
    .action((raw: RawReportOptions) => choose(report(raw)));
}

function report(raw: RawReportOptions): Action {
  return async (invocation) => {
    const { config, log, clock } = invocation;
    const options = readReportOptions(raw);
    const store = await openHistory(config, 'read', { clock, log });
    try {
      return await writeReport(store, options, invocation);
    } finally {
      await store.close();
    }
  };
}

async function writeReport(
  store: HistoryStore,
  options: ReportOptions,
  invocation: Invocation,
): Promise<number> {
  const { terminal, stop } = invocation;
  const request = await requestOf(store, options, invocation);
  const sink = options.out === null ? openOutput(terminal.out) : await openSink(options.out);
  try {
    const evidence = await evaluateInto(sink, store, request, options, invocation);
    await sink.close();
    if (options.out !== null && !options.quiet) {
      terminal.out.write(textReport(evidence));
      print(terminal, `\nWritten to ${options.out}`);
    }
    return exitCodeOf(evidence);
  } catch (error) {
    await sink.discard();
    if (stop.aborted) return stop.reason === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted;
    throw error;
  }
}

async function openSink(path: string): Promise<Sink> {
  return openFile(path).catch((error: unknown) => {
    throw new ConfigError(`--out: ${error instanceof Error ? error.message : String(error)}`);
  });
}

async function requestOf(
  store: HistoryStore,
  options: ReportOptions,
  { config, clock }: Invocation,
): Promise<EvidenceRequest> {
  const { period, controls, integrations, asOf, trend, format, thresholds } = options;
  const now = toInstant(clock());
  if (asOf !== null && asOf > now)
    throw new ConfigError(`--as-of is ${asOf}, which is yet to come: here it is ${now}.`);
  await checkIntegrations(store, integrations);
  return {
    ...{ period, controls, integrations },
    // CSV has no trend, and its rows are written as they are found
    trend: format === 'html' || format === 'json' ? trend : null,
    keep: { skip: 0, limit: format === 'html' || format === 'json' ? KEPT : 0 },
    pin: asOf === null ? await store.head() : await store.pinAt(asOf),
    thresholds: thresholdsOf(config, thresholds),
    credentials: CREDENTIALS,
  };
}

/** Exceptions of one control that a page or a JSON report gives; the CSV gives all. */
const KEPT = 10_000;

/** The simulated tenant has no token; when an account's was issued nobody says yet. */
const CREDENTIALS: readonly CredentialFact[] = [
  { integration: SIMULATED_ACCOUNT, kind: 'NONE', issuedAt: null, expiresAt: null },
];

async function checkIntegrations(store: HistoryStore, wanted: readonly string[] | null): Promise<void> {
  if (wanted === null) return;
  const known = [...new Set((await store.streams()).map(({ integration }) => integration))].sort();
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new ConfigError(
    `--integration: there is no ${JSON.stringify(unknown)}: there is ${known.join(', ') || 'none'}.`,
  );
}

/** Evaluates the request and writes it as it is wanted; CSV while the records are walked. */
async function evaluateInto(
  sink: Sink,
  store: HistoryStore,
  request: EvidenceRequest,
  { format, rows, quiet }: ReportOptions,
  { progress, stop }: Invocation,
): Promise<Evidence> {
  const lines = format === 'csv' ? [csvHeading()] : [];
  const flush = () => sink.write(lines.splice(0).join(''));
  const evidence = await evaluatePeriod(store, request, {
    signal: stop,
    ...(format === 'csv' ? { onFinding: (id, finding) => void lines.push(csvRow(id, finding, rows)) } : {}),
    onProgress: async (records) => {
      if (!quiet) progress.show(`${request.period.text}: ${records} records read`);
      if (lines.length > 0) await flush();
    },
  });
  progress.end();
  if (format === 'csv') await flush();
  else if (format === 'html') await sink.write(htmlReport(evidence, { simulated: [SIMULATED_ACCOUNT] }));
  else if (format === 'json') await sink.write(jsonReport(evidence));
  else if (!quiet) await sink.write(textReport(evidence));
  return evidence;
}

/** The worst that a control said. */
export function exitCodeOf({ results }: Pick<Evidence, 'results'>): number {
  const has = (wanted: Verdict) => results.some(({ verdict }) => verdict === wanted);
  if (has('FAIL')) return EXIT_VERDICT.failed;
  return has('INSUFFICIENT_DATA') ? EXIT_VERDICT.undecided : EXIT.ok;
}
