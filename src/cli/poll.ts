import type { Command } from 'commander';
import { pollerOf } from '../app/collector.js';
import type { AuditAction } from '../audit-trail.js';
import { ConfigError } from '../config/reader.js';
import type { PollOptions as PassOptions, PollReport, Sync } from '../sync/sync.js';
import { toInstant } from '../values/instant.js';
import { pollExitCode, printReport, summaryOf, withCollector, withProgress } from './collection.js';
import { type CommandAction, type CommandContext, type Dispatch, EXIT } from './command.js';
import {
  addSourceOptions,
  checkFrom,
  type OutputOptions,
  parseTimeOption,
  type SourceOptions,
  type TimeOption,
} from './options.js';

const POLL_EXAMPLES = `
Updates the history: new records first, then older gaps, newest first, then records that may have changed.

Examples:
  abnormal-gateway poll --once
  abnormal-gateway poll --once --resource cases --resource threats
  abnormal-gateway poll --once --integration emea
  abnormal-gateway poll --once --json | jq '.passes[] | {resource, status, callsPerNew}'
  abnormal-gateway poll`;

interface PollOptions extends SourceOptions, OutputOptions {
  readonly once?: boolean;
}

export function addPoll(program: Command, choose: Dispatch): void {
  const command = program
    .command('poll')
    .description('poll at intervals, or once, without serving')
    .option('--once', 'make one pass and report its cost and results');
  addSourceOptions(command)
    .option('--json', 'with --once: print the report as one JSON object')
    .addHelpText('after', POLL_EXAMPLES)
    .action((options: PollOptions) =>
      options.once ? choose(pollOnce(options)) : choose(keepPolling(options), 'info'),
    );
}

function pollOnce(options: PollOptions): CommandAction {
  return (invocation) =>
    collectOnce(invocation, options, 'POLL', summaryOf, (sync, pass) =>
      sync.poll({ ...pass, maxAgeMs: invocation.config.maxAge }),
    );
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

interface BackfillCommandOptions extends SourceOptions, OutputOptions {
  readonly from: TimeOption;
}

export function addBackfill(program: Command, choose: Dispatch): void {
  const command = program
    .command('backfill')
    .description('collect back to a day')
    .requiredOption(
      '--from <day>',
      'a day or an instant in UTC (2026-01-31), or a duration before now (90d)',
      parseTimeOption,
    );
  addSourceOptions(command)
    .option('--json', 'print the report as one JSON object')
    .addHelpText('after', BACKFILL_EXAMPLES)
    .action((options: BackfillCommandOptions) => choose(backfill(options)));
}

function backfill({ from, ...options }: BackfillCommandOptions): CommandAction {
  return async (invocation) => {
    const now = toInstant(invocation.clock());
    const start = from(now);
    if (start >= now) throw new ConfigError(`--from is ${start}. It must be in the past.`);
    checkFrom(start);
    const detailOf = (done: PollReport) => `from ${start}: ${summaryOf(done)}`;
    return collectOnce(invocation, options, 'BACKFILL', detailOf, (sync, pass) =>
      sync.backfill({ ...pass, from: start }),
    );
  };
}

async function collectOnce(
  invocation: CommandContext,
  { resource: resources, integration: integrations, json = false }: SourceOptions & OutputOptions,
  action: AuditAction,
  detailOf: (report: PollReport) => string,
  collect: (sync: Sync, pass: Omit<PassOptions, 'trigger'>) => Promise<PollReport>,
): Promise<number> {
  const { terminal, progress, stop: signal } = invocation;
  const report = await withCollector(invocation, {
    ...{ action, integration: integrations, detailOf },
    work: ({ sync }) =>
      withProgress(progress, (onProgress) => collect(sync, { resources, integrations, signal, onProgress })),
  });
  printReport(terminal, report, json);
  return pollExitCode(report, signal);
}
