import { once } from 'node:events';
import { open, rename, rm } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { partialNameOf } from '../history/temporary-files.js';
import type { Output } from './terminal.js';

/** Where a report goes, piece by piece. */
export interface Sink {
  write(text: string): Promise<void>;
  /** Ends it for good: only now does a file stand under its name. */
  close(): Promise<void>;
  /** Leaves nothing behind. */
  discard(): Promise<void>;
}

/** A file that appears whole or not at all. */
export async function openFile(path: string): Promise<Sink> {
  const partial = partialNameOf(path, 'partial');
  const file = await open(partial, 'w');
  return {
    write: async (text) => void (await file.write(text)),
    close: async () => {
      await file.sync();
      await file.close();
      await rename(partial, path);
    },
    discard: async () => {
      await file.close();
      await rm(partial, { force: true });
    },
  };
}

/** The terminal's results, no faster than they are taken. */
export function openOutput(output: Output): Sink {
  return {
    write: async (text) => {
      if (output.write(text) === false && output instanceof Writable) await once(output, 'drain');
    },
    close: async () => undefined,
    discard: async () => undefined,
  };
}
