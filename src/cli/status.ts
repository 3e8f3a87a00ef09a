import type { Command } from 'commander';
import { openHistory } from '../app/collector.js';
import type { HistoryStore } from '../history/store.js';
import { emptyAccounts } from '../integrations/empty-accounts.js';
import { describeTokenState, type TokenState, tokenState } from '../integrations/token.js';
import { readTokenSituations } from '../integrations/token-history.js';
import { replacementSteps } from '../integrations/token-watch.js';
import { type CoverageGap, isComplete, type Missing } from '../model/coverage.js';
import { UNREAD_CODES } from '../model/ledger.js';
import type { RunRecord } from '../model/run.js';
import { type StreamState, streamText } from '../model/stream.js';
import { permissionsToAct } from '../model/token-permissions.js';
import { KIND_OF, KINDS, RESOURCES, type Resource } from '../resources/registry.js';
import { findMissingWindows } from '../sync/window/missing-windows.js';
import { type Instant, toInstant } from '../values/instant.js';
import {
  type CommandAction,
  type Dispatch,
  EXIT,
  formatTable,
  print,
  shorten,
  type Terminal,
} from './command.js';

const EXAMPLES = `
Only reads, so it works beside a running serve.

Examples:
  abnormal-gateway status
  abnormal-gateway status --json | jq '.streams[] | {stream, gaps}'`;

/** What is held, how far back, and what is missing. */
export function addStatus(program: Command, choose: Dispatch): void {
  program
    .command('status')
    .description('show what the history holds, how far back it goes, and what it lacks')
    .option('--json', 'one JSON object instead of text')
    .addHelpText('after', EXAMPLES)
    .action((options: { json?: boolean }) => choose(showStatus(options)));
}

interface StreamReport extends StreamState {
  readonly stream: string;
  /** Whether all up to the last reading is held, but for what is provisional. */
  readonly complete: boolean;
  /** The gaps that keep it from being so. */
  readonly lacking: readonly CoverageGap[];
  readonly gaps: readonly CoverageGap[];
  /** Listed records that could not be read. */
  readonly missing: readonly Pick<Missing, 'id' | 'code' | 'reason' | 'since' | 'from' | 'to'>[];
}

interface TokenReport {
  readonly integration: string;
  readonly state: TokenState;
  /** What it may do; null where Abnormal does not say. */
  readonly permissions: readonly string[] | null;
  readonly message: string;
  readonly mayAct: boolean;
}

interface Status {
  readonly history: string;
  readonly at: Instant;
  /** The last batch recorded, and when. */
  readonly head: { readonly seq: number; readonly at: Instant };
  readonly held: Readonly<Record<Resource, number>>;
  /** Records that could not be read; those that are gone do not count. */
  readonly quarantined: number;
  readonly streams: readonly StreamReport[];
  readonly tokens: readonly TokenReport[];
  /** Accounts that Abnormal answers for, but has listed nothing of, each with what to do. */
  readonly empty: readonly { readonly integration: string; readonly message: string }[];
  readonly runs: readonly RunRecord[];
}

function showStatus({ json = false }: { readonly json?: boolean }): CommandAction {
  return async ({ config, log, terminal, clock }) => {
    const store = await openHistory(config, 'read', { clock, log });
    try {
      const status = await readStatus(store, toInstant(clock()));
      if (json) print(terminal, JSON.stringify(status, null, 2));
      else printStatus(terminal, status);
      return EXIT.ok;
    } finally {
      await store.close();
    }
  };
}

async function readStatus(store: HistoryStore, now: Instant): Promise<Status> {
  const head = await store.head();
  const [streams, runs, quarantined, counts] = await Promise.all([
    store.streams(),
    store.runs({ integrations: null, before: null, limit: 5 }),
    store.countQuarantine({ integrations: null, kinds: KINDS, codes: UNREAD_CODES }),
    Promise.all(RESOURCES.map((resource) => count(store, resource, head.seq))),
  ]);
  return {
    history: store.description,
    at: now,
    head,
    held: Object.fromEntries(counts) as Status['held'],
    quarantined,
    streams: await Promise.all(streams.map((state) => report(store, state, now))),
    tokens: await readTokens(store, now),
    empty: [...(await emptyAccounts(store, streams))].map(([integration, message]) => ({
      integration,
      message,
    })),
    runs,
  };
}

async function readTokens(store: HistoryStore, now: Instant): Promise<TokenReport[]> {
  return [...(await readTokenSituations(store))].map(([integration, situation]) => ({
    integration,
    state: tokenState(situation, now),
    permissions: situation.permissions ?? null,
    message: describeTokenState(situation, now, replacementSteps(integration)),
    mayAct: permissionsToAct(situation.permissions).length > 0,
  }));
}

async function count(store: HistoryStore, resource: Resource, seq: number): Promise<[Resource, number]> {
  return [resource, await store.count({ kind: KIND_OF[resource], integrations: null, filter: null, seq })];
}

async function report(store: HistoryStore, state: StreamState, now: Instant): Promise<StreamReport> {
  const { gaps, missing } = await findMissingWindows(store, state, state.collectFrom, now);
  // what happened since the last reading, or within the ingestion lag before it, nobody takes for collected
  const readTo = state.lastSuccessAt ?? now;
  const lacking = gaps.filter((gap) => gap.reason !== 'PROVISIONAL' && gap.from < readTo);
  const complete = isComplete(lacking, missing);
  const named = missing.map(({ id, code, reason, since, from, to }) => ({
    id,
    code,
    reason,
    since,
    from,
    to,
  }));
  return { ...state, stream: streamText(state), complete, gaps, lacking, missing: named };
}

function printStatus(terminal: Terminal, status: Status): void {
  const { held, head, quarantined } = status;
  print(terminal, `History     ${status.history}`);
  print(terminal, `Last write  ${head.seq === 0 ? 'none yet' : `${day(head.at)} (batch ${head.seq})`}`);
  print(terminal, `Held        ${held.threats} threats, ${held.cases} cases, ${held.campaigns} campaigns`);
  print(terminal, `Not read    ${quarantined}`);
  print(terminal);
  for (const line of formatTable(streamRows(status.streams))) print(terminal, line);
  for (const line of notesOf(status)) print(terminal, line);
  const rows = status.streams.flatMap(({ stream, lacking }) =>
    lacking.map((gap) => gapRow(stream, gap, terminal)),
  );
  if (rows.length > 0) print(terminal);
  for (const line of rows.length > 0 ? formatTable([GAP_HEADING, ...rows]) : []) print(terminal, line);
  const records = status.streams.flatMap(({ stream, missing }) =>
    missing.map((each) => [
      stream,
      each.id,
      each.code,
      day(each.since),
      shorten(each.reason, terminal.out, 100),
    ]),
  );
  if (records.length > 0) print(terminal);
  for (const line of records.length > 0 ? formatTable([MISSING_HEADING, ...records.slice(0, SHOWN)]) : [])
    print(terminal, line);
  if (records.length > SHOWN) print(terminal, `and ${records.length - SHOWN} more; --json has all of them`);
  if (status.runs.length > 0) print(terminal);
  for (const line of formatTable([RUN_HEADING, ...status.runs.map(runRow)])) print(terminal, line);
}

function notesOf({ tokens, empty }: Status): string[] {
  const notable = tokens.filter(({ state, mayAct }) => state !== 'OK' || mayAct);
  const notes = [...notable, ...empty].map(({ integration, message }) => `${integration}: ${message}`);
  return notes.length === 0 ? [] : ['', ...notes];
}

function streamRows(streams: readonly StreamReport[]): string[][] {
  const rows = streams.map((stream) => [
    stream.stream,
    stream.status,
    day(stream.collectFrom),
    stream.lastSuccessAt === null ? 'never' : day(stream.lastSuccessAt),
    stream.complete ? 'yes' : 'no',
    stream.message ?? '',
  ]);
  return [['STREAM', 'STATE', 'COLLECTED FROM', 'LAST READ', 'WHOLE', ''], ...rows];
}

const GAP_HEADING = ['NOT VOUCHED FOR', 'FROM', 'TO', 'REASON', ''];

function gapRow(stream: string, gap: CoverageGap, { out }: Terminal): string[] {
  return [stream, day(gap.from), day(gap.to), gap.reason, shorten(gap.detail ?? '', out, 100)];
}

/** So many missing records are shown. */
const SHOWN = 50;

const MISSING_HEADING = ['LISTED, NOT READ', 'ID', 'WHY', 'SINCE', ''];

const RUN_HEADING = ['RECENT RUNS', 'BEGAN', 'TRIGGER', 'STATUS', 'CALLS', 'NEW', 'CHANGED', 'SET ASIDE'];

function runRow({ integration, resource, startedAt, trigger, status, counts }: RunRecord): string[] {
  const numbers = [counts.calls, counts.added, counts.changed, counts.quarantined].map(String);
  return [`${integration}/${resource}`, day(startedAt), trigger, status, ...numbers];
}

/** An instant to the second, as people write it. */
function day(instant: Instant): string {
  return `${instant.slice(0, 19).replace('T', ' ')}Z`;
}
