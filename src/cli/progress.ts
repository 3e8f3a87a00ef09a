import type { Output } from './terminal.js';

/** Shows how far something has come: one line written over at a terminal, else a line now and then. */
export interface Progress {
  show(text: string): void;
  /** Leaves the last state standing, so that what follows begins a new line. */
  end(): void;
}

/** An output that keeps a line of progress below whatever else is written to it. */
export interface ProgressOutput extends Output {
  readonly progress: Progress;
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
  readonly progress: Progress = { show: (text) => this.show(text), end: () => this.end() };
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
  readonly progress: Progress = { show: (text) => this.show(text), end: () => this.writeNew() };
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
