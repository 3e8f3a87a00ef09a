import { FILTER_KEYS, type FilterKey, type Resource } from '../resources/registry.js';
import type { Instant } from '../values/instant.js';

/** One way to list one resource of one account: the unit of windows, coverage and gaps. */
export interface Stream {
  readonly integration: string;
  readonly resource: Resource;
  readonly filterKey: FilterKey;
}

/** Streams that define a population come before those that only bring changes. */
export function streamsOf(integration: string, resource: Resource): Stream[] {
  return FILTER_KEYS[resource].map((filterKey) => ({ integration, resource, filterKey }));
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

/** Whether the stream can be read and recorded, as of the last attempt; see `sync/sync.ts`. */
export type StreamStatus = (typeof STREAM_STATUSES)[number];

export interface StreamState extends Stream {
  readonly status: StreamStatus;
  readonly message: string | null;
  readonly collectFrom: Instant;
  readonly lastAttemptAt: Instant | null;
  /** When the change window was last read to its end. */
  readonly lastSuccessAt: Instant | null;
}

/** As of the last attempts. `LIMITED`: some resources can be read and others not. */
export const INTEGRATION_STATUSES = [
  'NEVER_READ',
  'OK',
  'LIMITED',
  'TOKEN_REJECTED',
  'FORBIDDEN',
  'UNAVAILABLE',
  'HISTORY_UNAVAILABLE',
] as const;

export type IntegrationStatus = (typeof INTEGRATION_STATUSES)[number];

interface IntegrationHealth {
  readonly status: IntegrationStatus;
  readonly message: string | null;
}

type State = Pick<StreamState, 'status' | 'message' | 'lastAttemptAt' | 'lastSuccessAt'>;

export function integrationHealth(states: readonly State[]): IntegrationHealth {
  const tried = states.filter(({ status }) => status !== 'NEVER_READ');
  const refused = tried.filter(({ status }) => status !== 'OK');
  if (tried.length === 0) return { status: 'NEVER_READ', message: null };
  if (refused.length === 0) return { status: 'OK', message: null };
  // a token belongs to the account: rejected for one resource, it is rejected for all, until a later success
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

const OF_ALL = ['FORBIDDEN', 'UNAVAILABLE', 'TOKEN_REJECTED', 'HISTORY_UNAVAILABLE'] as const;

function wholeStatus(refused: readonly State[], tried: readonly State[]): IntegrationHealth | null {
  const status = OF_ALL.find((each) => refused.every((state) => state.status === each));
  return status && refused.length === tried.length ? { status, message: messagesOf(refused) } : null;
}

function messagesOf(refused: readonly State[]): string {
  return [...new Set(refused.flatMap(({ message }) => message ?? []))].join(' ');
}
