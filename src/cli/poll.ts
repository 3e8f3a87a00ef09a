import type { Command } from 'commander';
import { pollerOf } from '../app/collector.js';
import { ConfigError } from '../config/reader.js';
import type { Resource } from '../resources/registry.js';
import type { PollReport } from '../sync/sync.js';
import { EARLIEST_ASKED, toInstant } from '../values/instant.js';
import { pollExitCode, printReport, summaryOf, withCollector, withProgress } from './collection.js';
import { type CommandAction, type Dispatch, EXIT } from './command.js';
import { integrationOption, parseTimeOption, resourceOption, type TimeOption } from './options.js';

const POLL_EXAMPLES = `
Updates the history: new records first, then older gaps, newest first, then records that may have changed.

Examples:
  abnormal-gateway poll --once
  abnormal-gateway poll --once --resource cases --resource threats
  abnormal-gateway poll --once --integration emea
  abnormal-gateway poll --once --json | jq '.passes[] | {resource, status, callsPerNew}'
  abnormal-gateway poll`;

interface PollOptions {
  readonly once?: boolean;
  readonly resource?: readonly Resource[];
  readonly integration?: readonly string[];
  readonly json?: boolean;
}

/** Collects without serving. */
export function addPoll(program: Command, choose: Dispatch): void {
  program
    .command('poll')
    .description('poll at intervals, or once, without serving')
    .option('--once', 'make one pass and report its cost and results')
    .addOption(resourceOption())
    .addOption(integrationOption())
    .option('--json', 'with --once: print the report as one JSON object')
    .addHelpText('after', POLL_EXAMPLES)
    .action((options: PollOptions) =>
      options.once ? choose(pollOnce(options)) : choose(keepPolling(options), 'info'),
    );
}

function pollOnce({
  resource: resources,
  integration: integrations,
  json = false,
}: PollOptions): CommandAction {
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
    return pollExitCode(report, stop);
  };
}

function keepPolling({ resource: resources, integration: integrations }: PollOptions): CommandAction {
  return async (invocation) => {
    const { config, log, stop, clock } = invocation;
    await withCollector(invocation, {
      ...{
        action: 'POLL',
        integration: integrations,
        detailOf: () => 'polled at intervals until it was stopped',
      },
      work: (collector) => pollerOf(config, { log, clock }, collector, { resources, integrations }).run(stop),
    });
    return EXIT.ok;
  };
}

const BACKFILL_EXAMPLES = `
Collects newest records first. It can be stopped at any time: the next backfill or poll continues. From then on, collection
begins at the given day, for serve too.

Examples:
  abnormal-gateway backfill --from 2026-01-01
  abnormal-gateway backfill --from 90d --resource threats`;

interface BackfillCommandOptions {
  readonly from: TimeOption;
  readonly resource?: readonly Resource[];
  readonly integration?: readonly string[];
  readonly json?: boolean;
}

/** Collects the past. */
export function addBackfill(program: Command, choose: Dispatch): void {
  program
    .command('backfill')
    .description('collect back to a day')
    .requiredOption(
      '--from <day>',
      'a day or an instant in UTC (2026-01-31), or a duration before now (90d)',
      parseTimeOption,
    )
    .addOption(resourceOption())
    .addOption(integrationOption())
    .option('--json', 'print the report as one JSON object')
    .addHelpText('after', BACKFILL_EXAMPLES)
    .action((options: BackfillCommandOptions) => choose(backfill(options)));
}

function backfill({
  from,
  resource: resources,
  integration: integrations,
  json = false,
}: BackfillCommandOptions): CommandAction {
  return async (invocation) => {
    const { terminal, progress, stop, clock } = invocation;
    const now = toInstant(clock());
    const start = from(now);
    if (start >= now) throw new ConfigError(`--from is ${start}. It must be in the past.`);
    if (start < EARLIEST_ASKED)
      throw new ConfigError(`--from is ${start}; accepted: ${EARLIEST_ASKED.slice(0, 10)} or later.`);
    const report = await withCollector(invocation, {
      ...{ action: 'BACKFILL', integration: integrations },
      detailOf: (done: PollReport) => `from ${start}: ${summaryOf(done)}`,
      work: ({ sync }) =>
        withProgress(progress, (onProgress) =>
          sync.backfill({ from: start, resources, integrations, signal: stop, onProgress }),
        ),
    });
    printReport(terminal, report, json);
    return pollExitCode(report, stop);
  };
}
