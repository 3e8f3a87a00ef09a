import { type Config, readEnv, toConfig } from '../config/config.js';
import { ConfigError } from '../config/config-error.js';
import { describeProblems } from '../config/reader.js';
import { HistoryError, type HistoryErrorCode } from '../history/errors.js';
import { ListenError } from '../http/listen-error.js';
import { VaultError, type VaultErrorCode } from '../integrations/vault-error.js';
import { createLog } from '../log.js';
import type { Secret } from '../values/secret.js';
import { EXIT, exitCodeFor } from './exit-codes.js';
import { parseCommand } from './parse-command.js';
import { withProgressLine } from './progress.js';
import type { Terminal } from './terminal.js';

/** The process as a command sees it. */
export interface World {
  /** Without the interpreter and the script. */
  readonly arguments: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
  readonly stop: AbortSignal;
  readonly clock: () => number;
}

/** Runs what the command line says and gives the exit code. Everything that goes wrong is told in words. */
export async function runCommand(world: World): Promise<number> {
  const { terminal } = world;
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
    const text = secrets.reduce((rest, secret) => secret.blotFrom(rest), message);
    terminal.err.write(`${text}\n`);
    return exitCodeFor(command, code);
  }
}

function readConfig({ env, terminal }: World): Config | null {
  const result = toConfig(readEnv(env));
  for (const warning of result.warnings) terminal.err.write(`Warning: ${warning}.\n`);
  if (result.ok) return result.config;
  terminal.err.write(`${describeProblems(result.problems)}\n`);
  return null;
}

const HISTORY_EXIT: Record<HistoryErrorCode, number> = {
  IN_USE: EXIT.historyInUse,
  UNAVAILABLE: EXIT.historyUnavailable,
  UNUSABLE: EXIT.historyUnavailable,
  FULL: EXIT.historyUnavailable,
  DAMAGED: EXIT.historyUnavailable,
};

const VAULT_EXIT: Record<VaultErrorCode, number> = {
  BAD_NAME: EXIT.misconfigured,
  BAD_TOKEN: EXIT.misconfigured,
  BAD_ADDRESS: EXIT.misconfigured,
  NO_KEY: EXIT.misconfigured,
  NOT_OPENED: EXIT.misconfigured,
  EXISTS: EXIT.failed,
  NOT_FOUND: EXIT.failed,
  BUSY: EXIT.failed,
};

/** What to say of a failure: known ones explain themselves, the others need their stack. */
function explain(error: unknown): { readonly code: number; readonly message: string } {
  if (error instanceof HistoryError) return { code: HISTORY_EXIT[error.code], message: error.message };
  if (error instanceof VaultError) return { code: VAULT_EXIT[error.code], message: error.message };
  if (error instanceof ListenError) return { code: EXIT.cannotListen, message: error.message };
  if (error instanceof ConfigError) return { code: EXIT.misconfigured, message: error.message };
  return {
    code: EXIT.failed,
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}
