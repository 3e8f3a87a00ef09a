import { FILTER_KEYS } from '../model/stream.js';
import { RESOURCES } from '../resources/kind.js';
import type { StreamNeed } from './control.js';

/** Every stream that is collected. */
export const ALL_STREAMS: readonly StreamNeed[] = RESOURCES.flatMap((resource) =>
  FILTER_KEYS[resource].map((filterKey) => ({ resource, filterKey })),
);

/** The stream that says which threats there are. */
export const RECEIVED_THREATS = [{ resource: 'threats', filterKey: 'receivedTime' }] as const;
