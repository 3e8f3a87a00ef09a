import { pino } from 'pino';
import { type Budget, createBudget } from '../../src/abnormal/budget.js';
import type { AbnormalClient, CallOptions } from '../../src/abnormal/client.js';
import { UpstreamError } from '../../src/abnormal/errors.js';
import { type ClientOptions, createAbnormalClient } from '../../src/abnormal/rest-client.js';
import { DecodeError } from '../../src/resources/wire.js';
import { startUpstream, type UpstreamServer } from '../support/upstream-server.js';

export const TOKEN = 'd2f1c8a7-5b3e/4c90-TOKEN+of=tests';
export const POLL: CallOptions = { priority: 'poll' };
export const WINDOW = { from: '2026-02-01T00:00:00.000Z', to: '2026-02-02T00:00:00.000Z' };

/** A client of a server that the test scripts, with all that it logged. */
export interface Harness {
  readonly server: UpstreamServer;
  readonly client: AbnormalClient;
  readonly budget: Budget;
  readonly logged: () => string;
  readonly close: () => Promise<void>;
}

/** Retries at once and has a budget that stands in nobody's way, unless `overrides` say otherwise. */
export async function startHarness(overrides: Partial<ClientOptions> = {}): Promise<Harness> {
  const server = await startUpstream();
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  const clock = overrides.clock ?? Date.now;
  const budget = overrides.budget ?? createBudget({ rpm: 600_000, concurrency: 4, clock });
  const client = createAbnormalClient({
    baseUrl: server.baseUrl,
    token: () => TOKEN,
    timeoutMs: 10_000,
    log,
    ...overrides,
    clock,
    budget,
    retry: { baseMs: 1, capMs: 2, pauseMs: 2, ...overrides.retry },
  });
  const close = async () => {
    client.close();
    await server.close();
  };
  return { server, client, budget, logged: () => lines.join(''), close };
}

/** The `UpstreamError` that a call ends with. */
export async function upstreamError(call: Promise<unknown>): Promise<UpstreamError> {
  const error = await call.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof UpstreamError) return error;
  throw new Error(`expected an UpstreamError, got ${String(error)}`);
}

/** The `DecodeError` that a call ends with. */
export async function decodeError(call: Promise<unknown>): Promise<DecodeError> {
  const error = await call.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof DecodeError) return error;
  throw new Error(`expected a DecodeError, got ${String(error)}`);
}
