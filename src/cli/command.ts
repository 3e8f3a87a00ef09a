import type { Readable } from 'node:stream';
import type { Config } from '../config/config.js';
import type { Log, LogLevel } from '../log.js';
import type { Instant } from '../values/instant.js';
import type { Secret } from '../values/secret.js';

export interface CommandContext {
  readonly config: Config;
  readonly log: Log;
  readonly terminal: Terminal;
  readonly progress: ProgressLine;
  /** Aborted when the process is asked to end; the reason is the signal's name. */
  readonly stop: AbortSignal;
  /** Keeps a credential that is not part of the configuration out of the log and of messages. */
  readonly hide: (secret: Secret) => void;
  readonly clock: () => number;
}

export type CommandAction = (invocation: CommandContext) => Promise<number>;

/** `logLevel` applies if `LOG_LEVEL` is not set; default: `warn`, because most commands print a report. */
export type Dispatch = (action: CommandAction, logLevel?: LogLevel) => void;

/** Exit codes; docs/operations.md documents them, because scripts depend on them. */
export const EXIT = {
  ok: 0,
  /** Something failed. For `poll` and `backfill`: something could not be read. */
  failed: 1,
  misconfigured: 2,
  historyInUse: 3,
  /** The history cannot be reached, or is not a history of this version. */
  historyUnavailable: 4,
  cannotListen: 5,
  /** SIGINT before the end; what was read is recorded. SIGTERM ends with 143. */
  interrupted: 130,
  terminated: 143,
} as const;

export function signalExit(stop: AbortSignal): number {
  return stop.reason === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted;
}

/** The exit code of `work`, or that of the signal if it was stopped. */
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

/** Exit codes of commands that return a verdict. */
export const EXIT_VERDICT = { failed: 1, undecided: 2 } as const;
const JUDGING: readonly (string | undefined)[] = ['report', 'posture', 'reconcile', 'verify'];

/** Where 1 and 2 are verdicts, failures have other exit codes. */
export function exitCodeFor(command: string | undefined, code: number): number {
  if (!JUDGING.includes(command)) return code;
  if (code === EXIT.misconfigured) return 64;
  return code === EXIT.failed ? 70 : code;
}

/** Results go to `out`, everything else to `err`. */
export interface Streams {
  readonly out: Output;
  readonly err: Output;
  readonly in?: Input | undefined;
}

export type Input = Readable & {
  readonly isTTY?: boolean | undefined;
  setRawMode?(isRaw: boolean): unknown;
};

export interface Output {
  write(text: string): unknown;
  /** Whether a line can be overwritten. */
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

export class Terminal implements Streams {
  readonly out: Output;
  readonly err: Output;
  readonly in: Input | undefined;

  constructor(streams: Streams) {
    this.out = streams.out;
    this.err = streams.err;
    this.in = streams.in;
  }

  print(line = ''): void {
    this.out.write(`${line}\n`);
  }

  json(value: unknown): void {
    this.print(JSON.stringify(value, null, 2));
  }

  table(rows: readonly (readonly string[])[]): void {
    for (const line of formatTable(rows)) this.print(line);
  }
}

export function secondText(instant: Instant): string {
  return `${instant.slice(0, 19).replace('T', ' ')}Z`;
}

/** Shortened to one line of the terminal; a width is assumed if it has none. */
export function shorten(text: string, output: Output, used = 20): string {
  const room = Math.max(40, (output.columns ?? 160) - used);
  return text.length <= room ? text : `${text.slice(0, room - 1)}…`;
}

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

/** One line that is overwritten at a terminal, otherwise a line now and then. */
export interface ProgressLine {
  show(text: string): void;
  /** Leaves the last state, so that further output begins a new line. */
  end(): void;
}

interface ProgressOutput extends Output {
  readonly progress: ProgressLine;
}

const REDRAW_MS = 100;
const REPEAT_MS = 10_000;
const CLEAR = '\r\u001b[2K';

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

  /** A wrapped line cannot be overwritten. */
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
