import { HistoryError } from '../history/errors.js';
import type { HistoryStore } from '../history/store.js';
import { type WriteWatch, writeFailureText } from '../history/watch-writes.js';
import { streamText } from '../model/stream.js';

/** What one part says of itself. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** For a person: why it is not, or what it is. */
  readonly message: string;
}

/** Whether the gateway can serve; it can when every check is well. */
export interface Readiness {
  readonly ready: boolean;
  readonly checks: readonly Check[];
}

export interface CheckPart {
  readonly name: string;
  check(): Promise<Pick<Check, 'ok' | 'message'>>;
}

const PATIENCE_MS = 3000;

/** Asks all parts at once; one that throws or does not answer in time is not well. */
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

/** Without names of files and hosts, which are in the log: this page is for everyone. */
function reasonOf(error: unknown): string {
  if (error instanceof HistoryError) return `cannot be used (${error.code}); the log has the reason`;
  return error instanceof Error ? error.message : String(error);
}

/** Whether the history answers. */
export function historyCheck(store: HistoryStore): CheckPart {
  return {
    name: 'history',
    check: async () => {
      await store.ping();
      return { ok: true, message: store.description };
    },
  };
}

/** Whether what is collected can be recorded. */
export function writesCheck(writes: Pick<WriteWatch, 'failure'>): CheckPart {
  return {
    name: 'recording',
    check: async () => {
      const failure = writes.failure();
      return { ok: failure === null, message: failure ? writeFailureText(failure) : 'can be written' };
    },
  };
}

/**
 * Whether there is anything to serve, or at least a reason why not: Abnormal has been asked once, or there is no
 * account to ask for.
 */
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
