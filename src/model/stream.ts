import type { Resource } from '../resources/kind.js';
import type { Instant } from '../values/instant.js';

/** One way of listing one resource of one account: the unit that windows, coverage and gaps belong to. */
export interface Stream {
  readonly integration: string;
  readonly resource: Resource;
  /** The upstream filter key that the windows are cut by. */
  readonly filterKey: FilterKey;
}

export type FilterKey = 'receivedTime' | 'latestTimeRemediated' | 'lastModifiedTime' | 'lastReportedTime';

/** The filter keys that each resource is collected by; the first is the one that defines its population. */
export const FILTER_KEYS: Record<Resource, readonly [FilterKey, ...FilterKey[]]> = {
  threats: ['receivedTime', 'latestTimeRemediated'],
  cases: ['lastModifiedTime'],
  campaigns: ['lastReportedTime'],
};

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
