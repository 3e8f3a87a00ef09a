import type { Readable } from 'node:stream';

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

/** `text` as long as goes on one line of the output; a width is assumed where it has none. */
export function shorten(text: string, output: Output, used = 20): string {
  const room = Math.max(40, (output.columns ?? 160) - used);
  return text.length <= room ? text : `${text.slice(0, room - 1)}…`;
}
