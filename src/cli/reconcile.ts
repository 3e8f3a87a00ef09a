import type { Command } from 'commander';
import { ConfigError } from '../config/reader.js';
import type { IdSample } from '../model/run.js';
import { DEFINITION_OF_RESOURCE } from '../resources/registry.js';
import {
  type Reconciled,
  type ReconcileProgress,
  type ReconcileReport,
  WIDEST_RECONCILED,
} from '../sync/sync.js';
import { type Instant, shift, toInstant } from '../values/instant.js';
import { withCollector } from './collection.js';
import {
  type CommandAction,
  type CommandContext,
  type Dispatch,
  EXIT,
  EXIT_VERDICT,
  secondText,
  signalExit,
  type Terminal,
} from './command.js';
import {
  addSourceOptions,
  checkFrom,
  type OutputOptions,
  parseTimeOption,
  type SourceOptions,
  sourceNames,
  type TimeOption,
} from './options.js';

const DETAILS = `
Reads the records of Abnormal again, threats from the export of the threat log and other resources from lists with other
window boundaries, and compares them with the stored records. A missing record becomes a gap, which the next poll fills. Only
the collected span is compared: from the start of the collection to the last poll.

The results are recorded. A SQLite history has one writer: while serve or poll uses it, that process reconciles at its own
interval (RECONCILE_EVERY), and the graph returns the results (reconciliations).

  MATCH       exactly the records that Abnormal names are stored
  SHORT       Abnormal names records that are not stored
  EXTRA       records are stored that Abnormal no longer names; this alone does not mean that they were deleted
  UNVERIFIED  Abnormal's records could not be read completely

Exit codes: 0 all windows match, 1 a window is SHORT or EXTRA, 2 a window is UNVERIFIED (and none is SHORT or EXTRA) or
nothing could be compared, 3 and 4 as for other commands, 64 wrong options or configuration, 70 failed, 130 or 143 ended by
a signal. Resources without a licence are ignored.

Examples:
  abnormal-gateway reconcile
  abnormal-gateway reconcile --resource threats --from 90d
  abnormal-gateway reconcile --json --quiet | jq '.reconciliations[] | select(.verdict != "MATCH")'`;

interface Options extends SourceOptions, OutputOptions {
  readonly from?: TimeOption;
  readonly to?: TimeOption;
}

export function addReconcile(program: Command, choose: Dispatch): void {
  const command = program
    .command('reconcile')
    .description("compare stored records with Abnormal's, and name what is missing");
  addSourceOptions(command)
    .option(
      '--from <day>',
      'a day or an instant in UTC (2026-01-31), or a duration before now; default 14d',
      parseTimeOption,
    )
    .option('--to <day>', 'as --from, exclusive; default now', parseTimeOption)
    .option('--json', 'print the report as one JSON object')
    .option('-q, --quiet', 'no progress, and no rows for windows that match')
    .addHelpText('after', DETAILS)
    .action((options: Options) => choose(reconcile(options)));
}

function reconcile(options: Options): CommandAction {
  return async (invocation) => {
    const { terminal, stop, clock } = invocation;
    const span = spanOf(options, toInstant(clock()));
    const { resource: resources, integration: integrations } = options;
    const onProgress = progressOf(options, invocation);
    try {
      const report = await withCollector(invocation, {
        ...{ action: 'RECONCILE', integration: integrations, detailOf: verdictsOf },
        work: ({ sync }) => sync.reconcile({ ...span, resources, integrations, signal: stop, onProgress }),
      });
      invocation.progress.end();
      if (options.json) terminal.json(report);
      else printReconciliations(terminal, report, options.quiet ?? false);
      return reconcileExitCode(report, stop);
    } finally {
      invocation.progress.end();
    }
  };
}

function spanOf({ from, to }: Options, now: Instant): { readonly from: Instant; readonly to: Instant } {
  const span = { from: from?.(now) ?? shift(now, -WIDEST_RECONCILED), to: to?.(now) ?? now };
  checkFrom(span.from);
  if (span.from < span.to) return span;
  throw new ConfigError(`--from is ${span.from}, which is not before ${to ? '--to' : 'now'}, ${span.to}.`);
}

function progressOf({ quiet }: Options, { progress }: CommandContext) {
  return ({ integration, resource, window, done, total }: ReconcileProgress) => {
    if (!quiet)
      progress.show(
        `${done} of ${total} windows compared; ${integration}/${resource} since ${secondText(window.from)}`,
      );
  };
}

const HEADING = ['RESOURCE', 'FROM', 'TO', 'VERDICT', 'BY', 'ABNORMAL', 'HELD', 'MISSING', 'EXTRA', 'GONE'];

export function printReconciliations(
  terminal: Terminal,
  { reconciliations }: ReconcileReport,
  quiet: boolean,
): void {
  const shown = reconciliations.filter(({ verdict }) => !quiet || verdict !== 'MATCH');
  const nameOf = sourceNames(reconciliations);
  const rows = shown.map((found) => row(nameOf(found), found));
  if (rows.length > 0) terminal.table([HEADING, ...rows]);
  if (reconciliations.length === 0) terminal.print('Nothing of this span has been collected yet.');
  for (const found of shown) for (const line of details(nameOf(found), found)) terminal.print(line);
}

function row(name: string, found: Reconciled): string[] {
  const { from, to, verdict, sources, population, held, missing, extra, gone } = found;
  const by = sources.length > 0 ? sources.join('+').toLowerCase() : '-';
  const counts = [missing, extra, gone].map(({ count }) => String(count));
  const span = [from, to].map(secondText);
  return [name, ...span, verdict, by, population?.toString() ?? '-', String(held), ...counts];
}

function details(name: string, { from, reason, missing, extra, opened, verdict }: Reconciled): string[] {
  const where = `${name} since ${secondText(from)}`;
  if (verdict === 'MATCH' && reason === null) return [];
  return [
    ...(reason === null ? [] : ['', `${where}: ${reason}`]),
    ...idLines('missing', missing),
    ...idLines('extra', extra),
    ...opened.map((gap) => `  opened   ${secondText(gap.from)} to ${secondText(gap.to)}`),
  ];
}

function idLines(what: string, { count, ids }: IdSample): string[] {
  const more = count > ids.length ? [`  ${what.padEnd(7)}  and ${count - ids.length} more`] : [];
  return [...ids.map((id) => `  ${what.padEnd(7)}  ${id}`), ...more];
}

function verdictsOf({ reconciliations }: ReconcileReport): string {
  const verdicts = reconciliations.map(
    ({ integration, resource, verdict }) => `${integration}/${resource} ${verdict}`,
  );
  return verdicts.join('; ');
}

/** The worst verdict. Resources without a licence do not count. */
export function reconcileExitCode({ reconciliations }: ReconcileReport, stop: AbortSignal): number {
  if (stop.aborted) return signalExit(stop);
  const wanted = reconciliations.filter((found) => !isNotOffered(found));
  if (wanted.some(({ verdict }) => verdict === 'SHORT' || verdict === 'EXTRA')) return EXIT_VERDICT.failed;
  const isJudged = wanted.length > 0 && wanted.every(({ verdict }) => verdict === 'MATCH');
  return isJudged ? EXIT.ok : EXIT_VERDICT.undecided;
}

/** A resource that every account has is checked even if the account cannot read it. */
function isNotOffered({ verdict, failure, resource }: Reconciled): boolean {
  if (verdict !== 'UNVERIFIED' || DEFINITION_OF_RESOURCE[resource].upstream.availability !== 'ADD_ON')
    return false;
  return failure === 'NOT_LICENSED' || failure === 'NOT_ENABLED';
}
