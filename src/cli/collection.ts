import { type Collector, openCollector, openHistory } from '../app/collector.js';
import { loadPolicy } from '../app/policy-file.js';
import { type AuditAction, audited } from '../audit-trail.js';
import { ConfigError } from '../config/reader.js';
import type { HistoryStore, OpenMode } from '../history/store.js';
import type { RunCounts } from '../model/run.js';
import { NO_POLICY, type Policy } from '../policy/policy.js';
import type {
  OnProgress,
  PassReport,
  PollReport,
  StreamReport,
  Progress as SyncProgress,
} from '../sync/sync.js';
import {
  type CommandContext,
  EXIT,
  type ProgressLine,
  shorten,
  signalExit,
  type Terminal,
} from './command.js';
import { commandCaller, sourceNames } from './options.js';

export async function withProgress<T>(
  progress: ProgressLine,
  collect: (onProgress: OnProgress) => Promise<T>,
): Promise<T> {
  const latest = new Map<string, SyncProgress>();
  try {
    return await collect((step) => {
      latest.set(`${step.integration}/${step.resource}`, step);
      const steps = [...latest.values()];
      const nameOf = sourceNames(steps);
      progress.show(steps.map((each) => describe(nameOf(each), each)).join(' · '));
    });
  } finally {
    progress.end();
  }
}

function describe(resource: string, { phase, window, counts, remainingMs, etaMs }: SyncProgress): string {
  const done = `${counts.added} new, ${counts.changed} changed`;
  if (phase === 'REREAD') return `${resource} re-reading, ${counts.changed} changed`;
  const back = window ? `, back to ${window.from.slice(0, 10)}` : '';
  const left = remainingMs > 0 && etaMs !== null ? `, ${minutes(etaMs)} left` : '';
  return `${resource} ${done}${back}${left}`;
}

export function summaryOf({ passes }: PollReport): string {
  return passes
    .map(({ integration, resource, status, counts }) => {
      const { added, changed } = counts;
      return `${integration}/${resource} ${status}, ${added} new, ${changed} changed`;
    })
    .join('; ');
}

function minutes(ms: number): string {
  return ms < 60_000 ? `${Math.ceil(ms / 1000)} s` : `${Math.ceil(ms / 60_000)} min`;
}

export function printReport(terminal: Terminal, report: PollReport, json: boolean): void {
  if (json) {
    terminal.json(report);
    return;
  }
  const nameOf = sourceNames(report.passes);
  const rows = report.passes.flatMap((pass) => passRows(nameOf(pass), pass));
  terminal.table([HEADING, ...rows]);
  for (const pass of report.passes) {
    const { streams, errors } = pass;
    const resource = nameOf(pass);
    for (const stream of streams) {
      for (const text of lacking(stream)) terminal.print(`${resource}/${stream.filterKey}: ${text}`);
    }
    for (const error of errors.slice(0, SHOWN))
      terminal.print(`${resource}: ${shorten(error, terminal.out)}`);
    if (errors.length > SHOWN) terminal.print(`${resource}: and ${errors.length - SHOWN} more`);
  }
}

/** `--json` and the run contain all of them. */
const SHOWN = 3;

const HEADING = [
  'RESOURCE',
  'STATUS',
  'NEW',
  'CHANGED',
  'SAME',
  'GONE',
  'QUARANTINED',
  'CALLS',
  'LISTS',
  'DETAILS',
  'CALLS/NEW',
  'COMPLETE SINCE',
];

function passRows(
  resource: string,
  { status, counts, reread, callsPerNew, streams }: PassReport,
): string[][] {
  const since = streams[0]?.coverage.contiguousFrom?.slice(0, 16) ?? '-';
  const main = [resource, status, ...numbers(counts), callsPerNew?.toFixed(2) ?? '-', since];
  return reread === null ? [main] : [main, [`${resource} re-read`, '', ...numbers(reread), '-', '']];
}

function numbers(counts: RunCounts): string[] {
  const { added, changed, unchanged, deleted, quarantined, calls, listCalls, detailCalls } = counts;
  return [added, changed, unchanged, deleted, quarantined, calls, listCalls, detailCalls].map(String);
}

function lacking({ status, message, coverage }: StreamReport): string[] {
  const gaps = Object.entries(coverage.missingMs)
    .filter(([reason]) => reason !== 'PROVISIONAL')
    .map(([reason, ms]) => `${reason} for ${(ms / 86_400_000).toFixed(2)} days`);
  const state = status === 'OK' ? [] : [message ?? status];
  const { GONE = 0, ...unread } = coverage.missingRecords;
  const count = Object.values(unread).reduce((sum, n) => sum + n, 0);
  return [
    ...state,
    ...(gaps.length > 0 ? [`not complete: ${gaps.join(', ')}`] : []),
    ...(count > 0 ? [`listed and could not be read: ${count}`] : []),
    ...(GONE > 0 ? [`disappeared before they could be read: ${GONE}`] : []),
  ];
}

/**
 * 1 if something could not be read. What the account has no licence for, or Abnormal no longer keeps, does not count.
 */
export function pollExitCode(report: PollReport, stop: AbortSignal): number {
  if (stop.aborted) return signalExit(stop);
  return report.passes.some(({ streams }) => streams.some(isUnread)) ? EXIT.failed : EXIT.ok;
}

function isUnread({ status, coverage }: StreamReport): boolean {
  if (status === 'NOT_LICENSED' || status === 'NOT_ENABLED') return false;
  const { FAILED = 0, NOT_COLLECTED = 0 } = coverage.missingMs;
  return status !== 'OK' || FAILED + NOT_COLLECTED > 0;
}

export async function withHistory<T>(
  { config, log, clock }: Pick<CommandContext, 'config' | 'log' | 'clock'>,
  mode: OpenMode,
  work: (store: HistoryStore) => Promise<T>,
): Promise<T> {
  const store = await openHistory(config, mode, { clock, log });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

interface Collecting<T> {
  readonly action: AuditAction;
  readonly integration: readonly string[] | undefined;
  readonly work: (collector: Collector) => Promise<T>;
  readonly detailOf: (result: T) => string;
}

/** Opens the collector, does the work and writes it to the audit trail. */
export async function withCollector<T>(
  { config, log, clock }: Pick<CommandContext, 'config' | 'log' | 'clock'>,
  { action, integration, work, detailOf }: Collecting<T>,
): Promise<T> {
  const collector = await openCollector(config, { log, clock });
  try {
    checkAccounts(collector, integration);
    const policy = policyForWebhooks(config, log);
    collector.webhooks.usePolicy(() => policy);
    const done = { caller: commandCaller(), action, target: integration?.join(', ') ?? null };
    return await audited({ store: collector.store, clock }, done, () => work(collector), detailOf);
  } finally {
    await collector.close();
  }
}

/** A policy that cannot be used stops no collection: the webhooks wait. */
function policyForWebhooks({ policy }: CommandContext['config'], log: CommandContext['log']): Policy {
  try {
    return loadPolicy(policy);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    log.error({ problem: error.message }, 'the policy cannot be used: no webhook is sent');
    return NO_POLICY;
  }
}

/** Throws a `ConfigError` if there is nothing to read, or no account with that name. */
function checkAccounts({ accounts }: Collector, integration: readonly string[] = []): void {
  const names = accounts.list().map(({ name }) => name);
  if (names.length === 0) {
    throw new ConfigError(
      'No account is connected. Set ABNORMAL_TOKEN, or add an account (integrations add).',
    );
  }
  const unknown = integration.find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new ConfigError(`There is no account "${unknown}". Known accounts: ${names.join(', ')}.`);
}
