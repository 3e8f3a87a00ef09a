import type { Config } from '../config/config.js';
import type { Log, LogLevel } from '../log.js';
import type { Secret } from '../values/secret.js';
import type { Progress } from './progress.js';
import type { Terminal } from './terminal.js';

/** What a command works with. */
export interface Invocation {
  readonly config: Config;
  readonly log: Log;
  readonly terminal: Terminal;
  /** How far the command has come. */
  readonly progress: Progress;
  /** Aborted when the process is asked to end; the reason is the signal's name. */
  readonly stop: AbortSignal;
  /** Keeps a credential that the configuration does not hold out of the log and of messages. */
  readonly hide: (secret: Secret) => void;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

/** Does what a command line asks for, and gives the exit code. */
export type Action = (invocation: Invocation) => Promise<number>;

/**
 * Says what is to be done, and what is logged meanwhile when `LOG_LEVEL` does not say: `warn` unless given, since
 * most commands end with a report of their own.
 */
export type Choose = (action: Action, logLevel?: LogLevel) => void;
