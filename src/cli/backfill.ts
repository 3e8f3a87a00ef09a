import type { Command } from 'commander';
import { openCollector } from '../app/collector.js';
import { ConfigError } from '../config/config-error.js';
import { toInstant } from '../model/instant.js';
import { RESOURCES, type Resource } from '../model/kind.js';
import { exitCodeOf, printReport, withProgress } from './collection.js';
import type { Action, Choose } from './invocation.js';
import { type Moment, parseMoment } from './moment.js';
import { resourceOption } from './resource-option.js';

const EXAMPLES = `
Collects newest first, and can be stopped at any time: the next backfill or poll carries on. What is wanted begins
at the given day from then on, for serve too.

Examples:
  abnormal-gateway backfill --from 2026-01-01
  abnormal-gateway backfill --from 90d --resource threats`;

interface Options {
  readonly from: Moment;
  readonly resource?: readonly Resource[];
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
    .option('--json', 'the report as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action((options: Options) => choose(backfill(options)));
}

function backfill({ from, resource = RESOURCES, json = false }: Options): Action {
  return async ({ config, log, terminal, progress, stop, clock }) => {
    const now = toInstant(clock());
    const start = from(now);
    if (start >= now) throw new ConfigError(`--from is ${start}, which is not in the past.`);
    const collector = await openCollector(config, { log, clock });
    try {
      const report = await withProgress(progress, (onProgress) =>
        collector.sync.backfill({ from: start, resources: resource, signal: stop, onProgress }),
      );
      printReport(terminal, report, json);
      return exitCodeOf(report, stop);
    } finally {
      await collector.close();
    }
  };
}
