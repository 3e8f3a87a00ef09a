import { once } from 'node:events';
import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { ReportQuestionError } from '../app/report-question.js';
import { createApp } from '../app.js';
import { type Config, readEnv, toConfig } from '../config/config.js';
import { ConfigError, describeProblems } from '../config/reader.js';
import { HistoryError } from '../history/errors.js';
import { ListenError } from '../http/errors.js';
import { VaultError, type VaultErrorCode } from '../integrations/vault.js';
import { createLog, type LogLevel } from '../log.js';
import type { Secret } from '../values/secret.js';
import {
  type CommandAction,
  type Dispatch,
  EXIT,
  exitCodeFor,
  type Streams,
  Terminal,
  withProgressLine,
} from './command.js';
import { addIntegrations } from './integrations.js';
import { addKeys } from './keys.js';
import { addPolicy } from './policy.js';
import { addBackfill, addPoll } from './poll.js';
import { addPosture } from './posture.js';
import { addReconcile } from './reconcile.js';
import { addReport } from './report.js';
import { addStatus } from './status.js';
import { addVerify } from './verify.js';
import { addWebhooks } from './webhooks.js';

interface ProcessEnvironment {
  /** Without the interpreter and the script. */
  readonly arguments: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly terminal: Streams;
  readonly stop: AbortSignal;
  readonly clock: () => number;
}

/** Runs the command line and returns the exit code. Reports every error in words. */
export async function runCommand(world: ProcessEnvironment): Promise<number> {
  const terminal = new Terminal(world.terminal);
  const parsed = parseCommand(world.arguments, terminal);
  const [command] = world.arguments;
  if ('exitCode' in parsed) return exitCodeFor(command, parsed.exitCode);
  const config = readConfig(world);
  if (config === null) return exitCodeFor(command, EXIT.misconfigured);
  const secrets = [...config.secrets];
  const err = withProgressLine(terminal.err, world.clock);
  const log = createLog({
    level: config.logLevel ?? parsed.logLevel,
    pretty: err.isTTY === true,
    secrets,
    destination: err,
  });
  try {
    const { stop, clock } = world;
    const hide = (secret: Secret) => void secrets.push(secret);
    return await parsed.action({ config, log, terminal, progress: err.progress, stop, hide, clock });
  } catch (error) {
    const { code, message } = explain(error);
    const text = secrets.reduce((rest, secret) => secret.redactFrom(rest), message);
    terminal.err.write(`${text}\n`);
    return exitCodeFor(command, code);
  }
}

function readConfig({ env, terminal }: ProcessEnvironment): Config | null {
  const result = toConfig(readEnv(env));
  for (const warning of result.warnings) terminal.err.write(`Warning: ${warning}.\n`);
  if (result.ok) return result.config;
  terminal.err.write(`${describeProblems(result.problems)}\n`);
  return null;
}

/** Of a vault, these depend on what is stored; all other errors on the configuration or the arguments. */
const STORED: readonly VaultErrorCode[] = ['EXISTS', 'NOT_FOUND', 'BUSY'];

function knownExit(error: unknown): number | null {
  if (error instanceof HistoryError)
    return error.code === 'IN_USE' ? EXIT.historyInUse : EXIT.historyUnavailable;
  if (error instanceof VaultError) return STORED.includes(error.code) ? EXIT.failed : EXIT.misconfigured;
  if (error instanceof ListenError) return EXIT.cannotListen;
  const isAsked = error instanceof ConfigError || error instanceof ReportQuestionError;
  return isAsked ? EXIT.misconfigured : null;
}

/** Known errors explain themselves, the others need their stack. */
function explain(error: unknown): { readonly code: number; readonly message: string } {
  if (!(error instanceof Error)) return { code: EXIT.failed, message: String(error) };
  const { message, stack = message } = error;
  const code = knownExit(error);
  return code === null ? { code: EXIT.failed, message: stack } : { code, message };
}

/** The command, or the exit code if only help was requested or the arguments are wrong. */
type Parsed = { readonly action: CommandAction; readonly logLevel: LogLevel } | { readonly exitCode: number };

const { version: VERSION } = createRequire(import.meta.url)('../../package.json') as { version: string };

const CLOSING = `
The environment and a file .env contain the configuration; the README has the table of variables.
Exit codes: 0 done, 1 failed, 2 wrong configuration or arguments, 3 history in use, 4 history unavailable,
5 cannot listen, 130 or 143 ended by a signal before the end. report, posture, reconcile and verify have other exit codes: see their --help.`;

/** Help goes to `out`, errors to `err`. */
function parseCommand(args: readonly string[], terminal: Terminal): Parsed {
  const chosen: Parsed[] = [];
  const choose: Dispatch = (action, logLevel = 'warn') => void chosen.push({ action, logLevel });
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
    addPosture,
    addVerify,
    addPolicy,
    addWebhooks,
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

const SERVE_EXAMPLES = `
Prints its addresses, one per line, when it is ready; logs go to standard error. SIGTERM and SIGINT stop it: requests in
flight are answered first; a second signal stops it immediately.

Examples:
  abnormal-gateway serve
  PORT=8080 LOG_LEVEL=debug abnormal-gateway serve`;

function addServe(program: Command, choose: Dispatch): void {
  program
    .command('serve')
    .description('poll at intervals and serve the graph (the default command)')
    .addHelpText('after', SERVE_EXAMPLES)
    .action(() => choose(serve, 'info'));
}

const serve: CommandAction = async ({ config, log, terminal, stop, clock }) => {
  const app = createApp(config, { log, clock });
  try {
    const { url, accounts } = await app.start();
    const rows = [
      ['graphql', `${url}/graphql`],
      ...(config.http.ide ? [['ide', `${url}/ide`]] : []),
      ['health', `${url}/healthz`],
      ...(accounts.length > 0 ? accounts : ['none yet']).map((name) => ['account', name]),
      ['ready', url],
    ];
    terminal.table(rows);
    if (!stop.aborted) await once(stop, 'abort');
    log.info({ signal: stop.reason }, 'stopping');
    return EXIT.ok;
  } finally {
    await app.close();
  }
};
