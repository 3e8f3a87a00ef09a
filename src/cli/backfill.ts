import type { Command } from 'commander';
import { ConfigError } from '../config/config-error.js';
import type { Resource } from '../resources/kind.js';
import type { PollReport } from '../sync/pass/pass-report.js';
import { EARLIEST_ASKED, toInstant } from '../values/instant.js';
import { exitCodeOf, printReport, summaryOf, withProgress } from './collection.js';
import { integrationOption } from './integration-option.js';
import type { Action, Choose } from './invocation.js';
import { type Moment, parseMoment } from './moment.js';
import { resourceOption } from './resource-option.js';
import { withCollector } from './with-collector.js';

const EXAMPLES = `
Collects newest first, and can be stopped at any time: the next backfill or poll carries on. What is wanted begins
at the given day from then on, for serve too.

Examples:
  abnormal-gateway backfill --from 2026-01-01
  abnormal-gateway backfill --from 90d --resource threats`;

interface Options {
  readonly from: Moment;
  readonly resource?: readonly Resource[];
  readonly integration?: readonly string[];
  readonly json?: boolean;
}

/** Collects the past. */
export function addBackfill(program: Command, choose: Choose): void {
  program
    .command('backfill')
    .description('collect back to a day')
    .requiredOption(
      '--from <day>',
      'a day or an instant in UTC (2026-01-31), or how long ago (90d)',
      parseMoment,
    )
    .addOption(resourceOption())
    .addOption(integrationOption())
    .option('--json', 'the report as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action((options: Options) => choose(backfill(options)));
}

function backfill({ from, resource: resources, integration: integrations, json = false }: Options): Action {
  return async (invocation) => {
    const { terminal, progress, stop, clock } = invocation;
    const now = toInstant(clock());
    const start = from(now);
    if (start >= now) throw new ConfigError(`--from is ${start}, which is not in the past.`);
    if (start < EARLIEST_ASKED)
      throw new ConfigError(`--from is ${start}: right is ${EARLIEST_ASKED.slice(0, 10)} or later.`);
    const report = await withCollector(invocation, {
      ...{ action: 'BACKFILL', integration: integrations },
      detailOf: (done: PollReport) => `from ${start}: ${summaryOf(done)}`,
      work: ({ sync }) =>
        withProgress(progress, (onProgress) =>
          sync.backfill({ from: start, resources, integrations, signal: stop, onProgress }),
        ),
    });
    printReport(terminal, report, json);
    return exitCodeOf(report, stop);
  };
}
