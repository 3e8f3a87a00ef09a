import type { StreamState, StreamStatus } from './stream.js';

/**
 * Whether Abnormal lets an account be read, as of the last attempts. `LIMITED`: some of its resources can be read
 * and others not, each of which says why.
 */
export type IntegrationStatus =
  | 'NEVER_READ'
  | 'OK'
  | 'LIMITED'
  | 'TOKEN_REJECTED'
  | 'FORBIDDEN'
  | 'UNAVAILABLE'
  | 'HISTORY_UNAVAILABLE';

export const INTEGRATION_STATUSES = [
  'NEVER_READ',
  'OK',
  'LIMITED',
  'TOKEN_REJECTED',
  'FORBIDDEN',
  'UNAVAILABLE',
  'HISTORY_UNAVAILABLE',
] as const satisfies readonly IntegrationStatus[];

export interface IntegrationHealth {
  readonly status: IntegrationStatus;
  /** For a person: what happened, the likely causes, what to do. `null` when all is well. */
  readonly message: string | null;
}

type State = Pick<StreamState, 'status' | 'message' | 'lastAttemptAt' | 'lastSuccessAt'>;

/** How an account stands, by the streams of it that have been tried. */
export function integrationHealth(states: readonly State[]): IntegrationHealth {
  const tried = states.filter(({ status }) => status !== 'NEVER_READ');
  const refused = tried.filter(({ status }) => status !== 'OK');
  if (tried.length === 0) return { status: 'NEVER_READ', message: null };
  if (refused.length === 0) return { status: 'OK', message: null };
  // a token is the account's own: rejected for one resource, it is for all, until a later reading went well
  const rejected = refused.find((state) => state.status === 'TOKEN_REJECTED' && isLatest(state, tried));
  if (rejected) return { status: 'TOKEN_REJECTED', message: rejected.message };
  const whole = wholeStatus(refused, tried);
  if (whole) return whole;
  return { status: 'LIMITED', message: messagesOf(refused) };
}

function isLatest({ lastAttemptAt }: State, tried: readonly State[]): boolean {
  const well = tried.filter(({ status }) => status === 'OK');
  return well.every(({ lastSuccessAt }) => (lastSuccessAt ?? '') <= (lastAttemptAt ?? ''));
}

const OF_ALL: readonly StreamStatus[] = ['FORBIDDEN', 'UNAVAILABLE', 'TOKEN_REJECTED', 'HISTORY_UNAVAILABLE'];

/** The state that every stream is in, where it is one that can be an account's. */
function wholeStatus(refused: readonly State[], tried: readonly State[]): IntegrationHealth | null {
  const [first] = refused;
  const isOne = first && refused.length === tried.length && refused.every((s) => s.status === first.status);
  if (!isOne || !OF_ALL.includes(first.status)) return null;
  return { status: first.status as IntegrationStatus, message: messagesOf(refused) };
}

function messagesOf(refused: readonly State[]): string {
  return [...new Set(refused.flatMap(({ message }) => message ?? []))].join(' ');
}
