import type { Command } from 'commander';
import { pollerOf } from '../app/collector.js';
import type { Resource } from '../resources/kind.js';
import { exitCodeOf, printReport, summaryOf, withProgress } from './collection.js';
import { EXIT } from './exit-codes.js';
import { integrationOption } from './integration-option.js';
import type { Action, Choose } from './invocation.js';
import { resourceOption } from './resource-option.js';
import { withCollector } from './with-collector.js';

const EXAMPLES = `
Brings the history up to date: what is new, then older gaps, newest first, then what may have changed unseen.

Examples:
  abnormal-gateway poll --once
  abnormal-gateway poll --once --resource cases --resource threats
  abnormal-gateway poll --once --integration emea
  abnormal-gateway poll --once --json | jq '.passes[] | {resource, status, callsPerNew}'
  abnormal-gateway poll`;

interface Options {
  readonly once?: boolean;
  readonly resource?: readonly Resource[];
  readonly integration?: readonly string[];
  readonly json?: boolean;
}

/** Collects without serving. */
export function addPoll(program: Command, choose: Choose): void {
  program
    .command('poll')
    .description('collect in intervals, or once, without serving')
    .option('--once', 'one pass, then a report of what it cost and brought')
    .addOption(resourceOption())
    .addOption(integrationOption())
    .option('--json', 'with --once: the report as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action((options: Options) =>
      options.once ? choose(pollOnce(options)) : choose(keepPolling(options), 'info'),
    );
}

function pollOnce({ resource: resources, integration: integrations, json = false }: Options): Action {
  return async (invocation) => {
    const { config, terminal, progress, stop } = invocation;
    const maxAgeMs = config.maxAge;
    const report = await withCollector(invocation, {
      ...{ action: 'POLL', integration: integrations, detailOf: summaryOf },
      work: ({ sync }) =>
        withProgress(progress, (onProgress) =>
          sync.poll({ resources, integrations, maxAgeMs, signal: stop, onProgress }),
        ),
    });
    printReport(terminal, report, json);
    return exitCodeOf(report, stop);
  };
}

function keepPolling({ resource: resources, integration: integrations }: Options): Action {
  return async (invocation) => {
    const { config, log, stop, clock } = invocation;
    await withCollector(invocation, {
      ...{
        action: 'POLL',
        integration: integrations,
        detailOf: () => 'polled in intervals until it was stopped',
      },
      work: (collector) => pollerOf(config, { log, clock }, collector, { resources, integrations }).run(stop),
    });
    return EXIT.ok;
  };
}
