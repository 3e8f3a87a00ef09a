import { HistoryError } from '../history/errors.js';
import type { HistoryStore } from '../history/store.js';
import { type WriteWatch, writeFailureText } from '../history/watch-writes.js';
import { streamText } from '../model/ledger.js';

interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** For people: the problem, or the state. */
  readonly message: string;
}

export interface Readiness {
  readonly ready: boolean;
  readonly checks: readonly Check[];
}

export interface CheckPart {
  readonly name: string;
  check(): Promise<Pick<Check, 'ok' | 'message'>>;
}

/** A probe learns of an outage within three seconds. */
const PATIENCE_MS = 2500;

/** Runs all checks concurrently; one that throws or is late is unhealthy. */
export async function readiness(parts: readonly CheckPart[], patienceMs = PATIENCE_MS): Promise<Readiness> {
  const checks = await Promise.all(parts.map((part) => answerOf(part, patienceMs)));
  return { ready: checks.every((check) => check.ok), checks };
}

async function answerOf(part: CheckPart, patienceMs: number): Promise<Check> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Check>((resolve) => {
    const message = `did not answer within ${patienceMs} ms`;
    timer = setTimeout(() => resolve({ name: part.name, ok: false, message }), patienceMs);
  });
  try {
    return await Promise.race([part.check().then((answer) => ({ name: part.name, ...answer })), late]);
  } catch (error) {
    return { name: part.name, ok: false, message: reasonOf(error) };
  } finally {
    clearTimeout(timer);
  }
}

/** Without names of files and hosts, because this page is public. */
function reasonOf(error: unknown): string {
  if (error instanceof HistoryError) return `cannot be used (${error.code}); the log has the reason`;
  return error instanceof Error ? error.message : String(error);
}

export function historyCheck(store: HistoryStore): CheckPart {
  return {
    name: 'history',
    check: async () => {
      await store.ping();
      return { ok: true, message: store.description };
    },
  };
}

export function writesCheck(writes: Pick<WriteWatch, 'failure'>): CheckPart {
  return {
    name: 'recording',
    check: async () => {
      const failure = writes.failure();
      return { ok: failure === null, message: failure ? writeFailureText(failure) : 'can be written' };
    },
  };
}

/** Data to serve or a reason why not: Abnormal was contacted once, or there is no account. */
export function collectionCheck(store: HistoryStore, hasAccounts: () => boolean = () => true): CheckPart {
  return {
    name: 'collection',
    check: async () => {
      const tried = (await store.streams()).filter((stream) => stream.lastAttemptAt !== null);
      const failing = tried.filter(({ status }) => status !== 'OK' && status !== 'NEVER_READ');
      if (tried.length === 0 && !hasAccounts()) return { ok: true, message: 'no account is connected' };
      if (tried.length === 0) return { ok: false, message: 'Abnormal was not read yet' };
      const states = failing.map((stream) => `${streamText(stream)} ${stream.status}`);
      return { ok: true, message: states.length > 0 ? states.join(', ') : 'collecting' };
    },
  };
}
