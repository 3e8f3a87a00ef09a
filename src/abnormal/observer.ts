import type { Resource } from '../resources/kind.js';
import type { Priority } from './client.js';
import type { UpstreamCode } from './errors.js';

/** How one request ended, as far as it is counted. A 404 is `NOT_FOUND`, whatever it turns out to mean. */
export type RequestOutcome = 'OK' | 'UNDECODABLE' | UpstreamCode;

/** Told of every request to Abnormal, to count it; must not throw. */
export interface UpstreamObserver {
  /** A request had leave to be sent after `ms` milliseconds. */
  waited(priority: Priority, ms: number): void;
  /** It ended, as the attempt it was, counted from 1. */
  ended(resource: Resource, outcome: RequestOutcome, attempt: number): void;
  /** What had ended well was not what had been asked for: JSON, but no list, or no such record. */
  misread(resource: Resource): void;
}

export const UNOBSERVED: UpstreamObserver = { waited: () => {}, ended: () => {}, misread: () => {} };
