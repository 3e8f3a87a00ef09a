import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import type { LogLevel } from '../log.js';
import { addBackfill } from './backfill.js';
import { EXIT } from './exit-codes.js';
import { addIntegrations } from './integrations.js';
import type { Action, Choose } from './invocation.js';
import { addKeys } from './keys.js';
import { addPoll } from './poll.js';
import { addReconcile } from './reconcile.js';
import { addReport } from './report.js';
import { addServe } from './serve.js';
import { addStatus } from './status.js';
import type { Terminal } from './terminal.js';
import { addVerify } from './verify.js';

/** What a command line asks for; or, when it only wanted help or cannot be understood, the exit code. */
export type Parsed = { readonly action: Action; readonly logLevel: LogLevel } | { readonly exitCode: number };

const { version: VERSION } = createRequire(import.meta.url)('../../package.json') as { version: string };

const CLOSING = `
Configuration comes from the environment and from a file .env; the README has the table.
Exit codes: 0 done, 1 failed, 2 wrong configuration or arguments, 3 history in use, 4 history unavailable,
5 cannot listen, 130 or 143 ended by a signal before it was done. Those of report, reconcile and verify are their own: see --help of each.`;

/** Reads a command line. Help goes to the terminal's results, complaints to its errors. */
export function parseCommand(args: readonly string[], terminal: Terminal): Parsed {
  const chosen: Parsed[] = [];
  const choose: Choose = (action, logLevel = 'warn') => void chosen.push({ action, logLevel });
  const program = new Command('abnormal-gateway')
    .description('GraphQL over Abnormal Security’s REST API, with a history of every version.')
    .helpCommand(false)
    .version(VERSION, '-v, --version', 'print the version')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out.write(text),
      writeErr: (text) => terminal.err.write(text),
    })
    .addHelpText('after', CLOSING);
  for (const add of [
    addServe,
    addPoll,
    addBackfill,
    addStatus,
    addReconcile,
    addReport,
    addVerify,
    addKeys,
    addIntegrations,
  ])
    add(program, choose);
  try {
    program.parse(args.length > 0 ? [...args] : ['serve'], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { exitCode: error.exitCode === 0 ? EXIT.ok : EXIT.misconfigured };
  }
  return chosen[0] ?? { exitCode: EXIT.misconfigured };
}
