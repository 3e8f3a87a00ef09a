import { FILTER_KEYS, type FilterKey, type Resource } from '../resources/registry.js';
import type { Instant } from '../values/instant.js';

/** One way of listing one resource of one account: the unit that windows, coverage and gaps belong to. */
export interface Stream {
  readonly integration: string;
  readonly resource: Resource;
  /** The upstream filter key that the windows are cut by. */
  readonly filterKey: FilterKey;
}

/** The streams of one account, those that define a population before those that only bring changes. */
export function streamsOf(integration: string, resource: Resource): Stream[] {
  return FILTER_KEYS[resource].map((filterKey) => ({ integration, resource, filterKey }));
}

/** The stream as one string: `default/threats/receivedTime`. */
export function streamText(stream: Stream): string {
  return `${stream.integration}/${stream.resource}/${stream.filterKey}`;
}

export const STREAM_STATUSES = [
  'NEVER_READ',
  'OK',
  'NOT_LICENSED',
  'NOT_ENABLED',
  'FORBIDDEN',
  'TOKEN_REJECTED',
  'UNAVAILABLE',
  'HISTORY_UNAVAILABLE',
] as const;

/** Whether this stream can be read and recorded, as of the last attempt. */
export type StreamStatus = (typeof STREAM_STATUSES)[number];

/** What is remembered of a stream between polls, besides its ledger. */
export interface StreamState extends Stream {
  readonly status: StreamStatus;
  /** For a person: what happened, the likely causes, what to do. `null` when all is well. */
  readonly message: string | null;
  /** Where this stream's collection begins; nothing earlier is wanted. */
  readonly collectFrom: Instant;
  readonly lastAttemptAt: Instant | null;
  /** When the stream's change window was last read to its end. */
  readonly lastSuccessAt: Instant | null;
}

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

interface IntegrationHealth {
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
