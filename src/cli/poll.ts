import type { Command } from 'commander';
import { openCollector, pollUntil } from '../app/collector.js';
import { RESOURCES, type Resource } from '../model/kind.js';
import { exitCodeOf, printReport, withProgress } from './collection.js';
import { EXIT } from './exit-codes.js';
import type { Action, Choose } from './invocation.js';
import { resourceOption } from './resource-option.js';

const EXAMPLES = `
Brings the history up to date: what is new, then older gaps, newest first, then what may have changed unseen.

Examples:
  abnormal-gateway poll --once
  abnormal-gateway poll --once --resource cases --resource threats
  abnormal-gateway poll --once --json | jq '.passes[] | {resource, status, callsPerNew}'
  abnormal-gateway poll`;

interface Options {
  readonly once?: boolean;
  readonly resource?: readonly Resource[];
  readonly json?: boolean;
}

/** Collects without serving. */
export function addPoll(program: Command, choose: Choose): void {
  program
    .command('poll')
    .description('collect in intervals, or once, without serving')
    .option('--once', 'one pass, then a report of what it cost and brought')
    .addOption(resourceOption())
    .option('--json', 'with --once: the report as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action((options: Options) =>
      options.once ? choose(pollOnce(options)) : choose(keepPolling(options), 'info'),
    );
}

function pollOnce({ resource = RESOURCES, json = false }: Options): Action {
  return async ({ config, log, terminal, progress, stop, clock }) => {
    const collector = await openCollector(config, { log, clock });
    try {
      const report = await withProgress(progress, (onProgress) =>
        collector.sync.poll({ resources: resource, signal: stop, onProgress }),
      );
      printReport(terminal, report, json);
      return exitCodeOf(report, stop);
    } finally {
      await collector.close();
    }
  };
}

function keepPolling({ resource = RESOURCES }: Options): Action {
  return async ({ config, log, stop, clock }) => {
    const collector = await openCollector(config, { log, clock });
    try {
      await pollUntil(stop, config, { log, clock }, collector, resource);
      return EXIT.ok;
    } finally {
      await collector.close();
    }
  };
}
