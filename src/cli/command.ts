import type { Readable } from 'node:stream';
import type { Config } from '../config/config.js';
import type { Log, LogLevel } from '../log.js';
import type { Instant } from '../values/instant.js';
import type { Secret } from '../values/secret.js';

/** What a command works with. */
export interface CommandContext {
  readonly config: Config;
  readonly log: Log;
  readonly terminal: Terminal;
  /** How far the command has come. */
  readonly progress: ProgressLine;
  /** Aborted when the process is asked to end; the reason is the signal's name. */
  readonly stop: AbortSignal;
  /** Keeps a credential that the configuration does not hold out of the log and of messages. */
  readonly hide: (secret: Secret) => void;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

/** Does what a command line asks for, and gives the exit code. */
export type CommandAction = (invocation: CommandContext) => Promise<number>;

/**
 * Says what is to be done, and what is logged meanwhile when `LOG_LEVEL` does not say: `warn` unless given, since
 * most commands end with a report of their own.
 */
export type Dispatch = (action: CommandAction, logLevel?: LogLevel) => void;

/** How a command ends; documented in docs/operations.md, since scripts depend on it. */
export const EXIT = {
  ok: 0,
  /** Something failed; what, is said. For `poll` and `backfill`: something wanted could not be read. */
  failed: 1,
  /** The configuration or the command line is wrong. */
  misconfigured: 2,
  /** Another process writes to the history. */
  historyInUse: 3,
  /** The history cannot be reached, or is not one of this version. */
  historyUnavailable: 4,
  /** The server cannot listen where it was told to. */
  cannotListen: 5,
  /** Ended by SIGINT before it was done; what was read is kept. SIGTERM ends with 143. */
  interrupted: 130,
  terminated: 143,
} as const;

/** The exit code of a command that `stop` ended. */
export function signalExit(stop: AbortSignal): number {
  return stop.reason === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted;
}

/** The exit code that `work` gives; that of the signal if it failed because it was stopped. */
export async function untilStopped(
  { progress, stop }: Pick<CommandContext, 'progress' | 'stop'>,
  work: () => Promise<number>,
): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (stop.aborted) return signalExit(stop);
    throw error;
  } finally {
    progress.end();
  }
}

/** Verdicts as exit codes, of the commands that judge. */
export const EXIT_VERDICT = { failed: 1, undecided: 2 } as const;
const JUDGING: readonly (string | undefined)[] = ['report', 'reconcile', 'verify'];

/**
 * The exit code of a command that did not come to its end, or not as it should. Where 1 and 2 are verdicts, what
 * they mean elsewhere has other numbers.
 */
export function exitCodeFor(command: string | undefined, code: number): number {
  if (!JUDGING.includes(command)) return code;
  if (code === EXIT.misconfigured) return 64;
  return code === EXIT.failed ? 70 : code;
}

/** Where a command writes: results to `out`, everything said on the way to `err`. */
export interface Terminal {
  readonly out: Output;
  readonly err: Output;
  /** What a person types, or another program sends; few commands ask for it. */
  readonly in?: Input | undefined;
}

export type Input = Readable & {
  readonly isTTY?: boolean | undefined;
  setRawMode?(isRaw: boolean): unknown;
};

export interface Output {
  write(text: string): unknown;
  /** Whether a person looks on, so that a line may be written over. */
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** Writes one line of results. */
export function print(terminal: Terminal, line = ''): void {
  terminal.out.write(`${line}\n`);
}

/** Writes a result for a program. */
export function printJson(terminal: Terminal, value: unknown): void {
  print(terminal, JSON.stringify(value, null, 2));
}

/** Writes rows in columns below a heading. */
export function printTable(terminal: Terminal, rows: readonly (readonly string[])[]): void {
  for (const line of formatTable(rows)) print(terminal, line);
}

/** An instant to the second, as people write it. */
export function secondText(instant: Instant): string {
  return `${instant.slice(0, 19).replace('T', ' ')}Z`;
}

/** `text` as long as goes on one line of the output; a width is assumed where it has none. */
export function shorten(text: string, output: Output, used = 20): string {
  const room = Math.max(40, (output.columns ?? 160) - used);
  return text.length <= room ? text : `${text.slice(0, room - 1)}…`;
}

/** Rows as text in columns of equal width, two blanks apart; the first row is the heading. */
export function formatTable(rows: readonly (readonly string[])[]): string[] {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** Shows how far something has come: one line written over at a terminal, else a line now and then. */
export interface ProgressLine {
  show(text: string): void;
  /** Leaves the last state standing, so that what follows begins a new line. */
  end(): void;
}

/** An output that keeps a line of progress below whatever else is written to it. */
interface ProgressOutput extends Output {
  readonly progress: ProgressLine;
}

const REDRAW_MS = 100;
const REPEAT_MS = 10_000;
const CLEAR = '\r\u001b[2K';

/** `clock` in milliseconds. */
export function withProgressLine(output: Output, clock: () => number): ProgressOutput {
  return output.isTTY ? new OverwrittenLine(output, clock) : new RepeatedLine(output, clock);
}

class OverwrittenLine implements ProgressOutput {
  readonly isTTY = true;
  readonly progress: ProgressLine = { show: (text) => this.show(text), end: () => this.end() };
  private line = '';
  private drawnAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly output: Output,
    private readonly clock: () => number,
  ) {}

  get columns(): number | undefined {
    return this.output.columns;
  }

  write(text: string): void {
    if (this.line === '') this.output.write(text);
    else this.output.write(`${CLEAR}${text}${this.shortened()}`);
  }

  private show(text: string): void {
    this.line = text;
    if (this.clock() - this.drawnAt < REDRAW_MS) return;
    this.drawnAt = this.clock();
    this.output.write(CLEAR + this.shortened());
  }

  private end(): void {
    if (this.line === '') return;
    this.output.write(`${CLEAR}${this.shortened()}\n`);
    this.line = '';
  }

  /** A line longer than the terminal would break, and could not be written over. */
  private shortened(): string {
    return this.line.slice(0, (this.output.columns ?? 80) - 1);
  }
}

class RepeatedLine implements ProgressOutput {
  readonly progress: ProgressLine = { show: (text) => this.show(text), end: () => this.writeNew() };
  private line = '';
  private written = '';
  private writtenAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly output: Output,
    private readonly clock: () => number,
  ) {}

  write(text: string): void {
    this.output.write(text);
  }

  private show(text: string): void {
    this.line = text;
    if (this.clock() - this.writtenAt >= REPEAT_MS) this.writeNew();
  }

  private writeNew(): void {
    if (this.line === this.written) return;
    this.writtenAt = this.clock();
    this.written = this.line;
    this.output.write(`${this.line}\n`);
  }
}
