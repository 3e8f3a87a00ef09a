import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { closing, forward } from './forward.js';

/** A server before another that counts requests, and can hold them back. */
export interface Gate {
  /** In place of the other's. */
  readonly baseUrl: string;
  /** Path and query of every request that has come, as they came. */
  readonly seen: readonly string[];
  /** Lets nothing through from now on. */
  shut(): void;
  /** Lets through what has waited, and whatever comes. */
  open(): void;
  /** Forgets what has come. */
  forget(): void;
  close(): Promise<void>;
}

export async function startGate(behind: string): Promise<Gate> {
  const target = new URL(behind);
  const seen: string[] = [];
  let waiting: (() => void)[] | null = null;
  const server = createServer((incoming, response) => {
    seen.push(incoming.url ?? '');
    const pass = () => forward(target, incoming, response);
    if (waiting) waiting.push(pass);
    else pass();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}${target.pathname}`,
    seen,
    shut: () => {
      waiting ??= [];
    },
    open: () => {
      const passing = waiting ?? [];
      waiting = null;
      for (const pass of passing) pass();
    },
    forget: () => void seen.splice(0),
    close: () => closing(server),
  };
}
