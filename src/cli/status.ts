import type { Command } from 'commander';
import type { HistoryStore } from '../history/store.js';
import { readTokenSituations } from '../integrations/token-history.js';
import { emptyAccounts, reportToken } from '../integrations/token-watch.js';
import { type CoverageGap, streamText, UNREAD_CODES } from '../model/ledger.js';
import type { RunRecord } from '../model/run.js';
import type { StreamState } from '../model/stream.js';
import { CORE_RESOURCES, KIND_OF, KINDS, RESOURCES, type Resource } from '../resources/registry.js';
import { findMissingWindows } from '../sync/window/missing-windows.js';
import { type Instant, toInstant } from '../values/instant.js';
import { withHistory } from './collection.js';
import { type CommandAction, type Dispatch, EXIT, secondText, shorten, type Terminal } from './command.js';

const EXAMPLES = `
Only reads; works while serve is running.

Examples:
  abnormal-gateway status
  abnormal-gateway status --json | jq '.streams[] | {stream, gaps}'`;

export function addStatus(program: Command, choose: Dispatch): void {
  program
    .command('status')
    .description('show what is stored, since when, and what is missing')
    .option('--json', 'print one JSON object instead of text')
    .addHelpText('after', EXAMPLES)
    .action((options: { json?: boolean }) => choose(showStatus(options)));
}

type Status = Awaited<ReturnType<typeof readStatus>>;

function showStatus({ json = false }: { readonly json?: boolean }): CommandAction {
  return (invocation) =>
    withHistory(invocation, 'read', async (store) => {
      const { terminal, clock } = invocation;
      const status = await readStatus(store, toInstant(clock()));
      if (json) terminal.json(status);
      else printStatus(terminal, status);
      return EXIT.ok;
    });
}

async function readStatus(store: HistoryStore, now: Instant) {
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
    held: Object.fromEntries(counts) as Record<Resource, number>,
    // records that could not be read, without those that are gone
    quarantined,
    streams: await Promise.all(streams.map((state) => report(store, state, now))),
    tokens: await readTokens(store, now),
    // accounts that Abnormal answers for, but has listed nothing of, with advice
    empty: [...(await emptyAccounts(store, streams))].map(([integration, message]) => ({
      integration,
      message,
    })),
    runs,
  };
}

async function readTokens(store: HistoryStore, now: Instant) {
  return [...(await readTokenSituations(store))].map(([integration, situation]) => ({
    integration,
    ...reportToken(integration, situation, now),
  }));
}

async function count(store: HistoryStore, resource: Resource, seq: number): Promise<[Resource, number]> {
  return [resource, await store.count({ kind: KIND_OF[resource], integrations: null, filter: null, seq })];
}

async function report(store: HistoryStore, state: StreamState, now: Instant) {
  const { gaps, missing } = await findMissingWindows(store, state, state.collectFrom, now);
  // time after the last reading, or within the ingestion lag before it, is not expected to be collected
  const readTo = state.lastSuccessAt ?? now;
  const lacking = gaps.filter((gap) => gap.reason !== 'PROVISIONAL' && gap.from < readTo);
  const complete = lacking.length === 0 && missing.every(({ code }) => code === 'GONE');
  const named = missing.map(({ id, code, reason, since, from, to }) => {
    return { id, code, reason, since, from, to };
  });
  return { ...state, stream: streamText(state), complete, gaps, lacking, missing: named };
}

/** The first resources always, the others if there are any: `589 threats, …, 8 vendor cases`. */
function storedText(held: Status['held']): string {
  const shown = RESOURCES.filter(
    (resource) => held[resource] > 0 || CORE_RESOURCES.some((core) => core === resource),
  );
  const words = (resource: Resource) => resource.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return shown.map((resource) => `${held[resource]} ${words(resource)}`).join(', ');
}

function printStatus(terminal: Terminal, status: Status): void {
  const { held, head, quarantined } = status;
  terminal.print(`History     ${status.history}`);
  terminal.print(`Last write  ${head.seq === 0 ? 'none yet' : `${secondText(head.at)} (batch ${head.seq})`}`);
  terminal.print(`Stored      ${storedText(held)}`);
  terminal.print(`Not read    ${quarantined}`);
  terminal.print();
  terminal.table(streamRows(status.streams));
  for (const line of notesOf(status)) terminal.print(line);
  const rows = status.streams.flatMap(({ stream, lacking }) =>
    lacking.map((gap) => gapRow(stream, gap, terminal)),
  );
  printSection(terminal, GAP_HEADING, rows);
  const records = status.streams.flatMap(({ stream, missing }) =>
    missing.map((each) => [
      stream,
      each.id,
      each.code,
      secondText(each.since),
      shorten(each.reason, terminal.out, 100),
    ]),
  );
  printSection(terminal, MISSING_HEADING, records.slice(0, SHOWN));
  if (records.length > SHOWN) terminal.print(`and ${records.length - SHOWN} more; --json has all of them`);
  if (status.runs.length > 0) terminal.print();
  terminal.table([RUN_HEADING, ...status.runs.map(runRow)]);
}

function printSection(terminal: Terminal, heading: readonly string[], rows: readonly string[][]): void {
  if (rows.length === 0) return;
  terminal.print();
  terminal.table([heading, ...rows]);
}

function notesOf({ tokens, empty }: Status): string[] {
  const notable = tokens.filter(({ state, mayAct }) => state !== 'OK' || mayAct);
  const notes = [...notable, ...empty].map(({ integration, message }) => `${integration}: ${message}`);
  return notes.length === 0 ? [] : ['', ...notes];
}

function streamRows(streams: Status['streams']): string[][] {
  const rows = streams.map((stream) => [
    stream.stream,
    stream.status,
    secondText(stream.collectFrom),
    stream.lastSuccessAt === null ? 'never' : secondText(stream.lastSuccessAt),
    stream.complete ? 'yes' : 'no',
    stream.message ?? '',
  ]);
  return [['STREAM', 'STATE', 'COLLECTED FROM', 'LAST READ', 'WHOLE', ''], ...rows];
}

const GAP_HEADING = ['NOT COMPLETE', 'FROM', 'TO', 'REASON', ''];

function gapRow(stream: string, gap: CoverageGap, { out }: Terminal): string[] {
  return [stream, secondText(gap.from), secondText(gap.to), gap.reason, shorten(gap.detail ?? '', out, 100)];
}

const SHOWN = 50;

const MISSING_HEADING = ['LISTED, NOT READ', 'ID', 'WHY', 'SINCE', ''];

const RUN_HEADING = ['RECENT RUNS', 'BEGAN', 'TRIGGER', 'STATUS', 'CALLS', 'NEW', 'CHANGED', 'QUARANTINED'];

function runRow({ integration, resource, startedAt, trigger, status, counts }: RunRecord): string[] {
  const numbers = [counts.calls, counts.added, counts.changed, counts.quarantined].map(String);
  return [`${integration}/${resource}`, secondText(startedAt), trigger, status, ...numbers];
}
