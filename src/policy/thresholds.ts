import {
  CORE_RESOURCES,
  DEFINITION_OF_RESOURCE,
  type PollingThreshold,
  type Resource,
} from '../resources/registry.js';
import { DAY, HOUR, MINUTE } from '../values/instant.js';
import { formatDuration, parseDuration } from '../values/time-text.js';

/** `duration` in milliseconds, `share` from 0 to 1, `count` a whole number. */
export type ThresholdType = 'duration' | 'share' | 'count';

interface ThresholdSpec {
  readonly type: ThresholdType;
  readonly byDefault: number;
  readonly least?: number;
  readonly description: string;
}

/** How often each resource is polled, by the name of the threshold. */
const POLLING = Object.fromEntries(
  Object.values(DEFINITION_OF_RESOURCE).flatMap(
    ({ resource, polling: { threshold, variable, defaultMs } }) => {
      const description = `How often ${resource} are polled (\`${variable}\`).`;
      const spec = { type: 'duration', byDefault: defaultMs, least: 1000, description };
      return threshold === null ? [] : [[threshold, spec]];
    },
  ),
);

/** Every number that a verdict depends on besides the records, with its default. */
export const THRESHOLDS = {
  ...(POLLING as Record<PollingThreshold, ThresholdSpec>),
  ingestionLag: {
    type: 'duration',
    byDefault: 15 * MINUTE,
    description: 'How long Abnormal may take to list a record (`INGESTION_LAG`), and how late a poll may be.',
  },
  quietFor: {
    type: 'duration',
    byDefault: 7 * DAY,
    description: 'A period of at least this length without any detection is a failure.',
  },
  capturedShare: {
    type: 'share',
    byDefault: 1,
    description: 'The minimum share of a period’s threats that must be stored completely.',
  },
  reconciledShare: {
    type: 'share',
    byDefault: 0,
    description:
      'The minimum share of a period whose threats must have been compared with Abnormal’s (`reconcile`) and be complete.',
  },
  remediatedShare: {
    type: 'share',
    byDefault: 1,
    description: 'The minimum share of malicious messages that must be remediated.',
  },
  remediateWithin: {
    type: 'duration',
    byDefault: DAY,
    description: 'How long a malicious message may be in a mailbox before it is an exception.',
  },
  remediationMedian: {
    type: 'duration',
    byDefault: 5 * MINUTE,
    description: 'The maximum median of the time from receipt to remediation.',
  },
  remediationP95: {
    type: 'duration',
    byDefault: 4 * HOUR,
    description: 'The maximum 95th percentile of the time from receipt to remediation.',
  },
  casesHandledShare: {
    type: 'share',
    byDefault: 1,
    description: 'The minimum share of account-takeover cases that must be acknowledged or resolved in time.',
  },
  handleCasesWithin: {
    type: 'duration',
    byDefault: DAY,
    description: 'How long a case may wait to be acknowledged or resolved.',
  },
  behaviouralSample: {
    type: 'count',
    byDefault: 30,
    description: 'The minimum number of malicious messages for comparing the mix of attacks.',
  },
  behaviouralDrop: {
    type: 'share',
    byDefault: 0.5,
    description: 'How much the share of behavioural detections may fall compared with the previous period.',
  },
  reportsJudgedShare: {
    type: 'share',
    byDefault: 1,
    description: 'The minimum share of user-reported campaigns that must be judged in time.',
  },
  judgeReportsWithin: {
    type: 'duration',
    byDefault: 2 * DAY,
    description: 'How long a user-reported campaign may wait for its judgement.',
  },
  missedPolls: {
    type: 'count',
    byDefault: 0,
    description: 'How many polls may be missed in a period, over all streams.',
  },
  longestGap: {
    type: 'duration',
    byDefault: 0,
    description: 'The maximum length of a gap in the collection.',
  },
  tokenAge: {
    type: 'duration',
    byDefault: 90 * DAY,
    description: 'The maximum age of a token.',
  },
} as const satisfies Record<string, ThresholdSpec>;

export type ThresholdName = keyof typeof THRESHOLDS;
export type Thresholds = Readonly<Record<ThresholdName, number>>;

export const THRESHOLD_NAMES = Object.keys(THRESHOLDS) as ThresholdName[];

/** The thresholds that say how often each core resource is polled. */
export const POLLING_THRESHOLDS = CORE_RESOURCES.flatMap(
  (resource) => DEFINITION_OF_RESOURCE[resource].polling.threshold ?? [],
);

/** The thresholds with some of the defaults replaced; a RangeError names what is out of its range. */
export function toThresholds(changes: Partial<Thresholds> = {}): Thresholds {
  const entries = THRESHOLD_NAMES.map((name) => [
    name,
    checked(name, changes[name] ?? THRESHOLDS[name].byDefault),
  ]);
  return Object.fromEntries(entries) as Thresholds;
}

export function rangeOf(name: ThresholdName): string {
  const { type } = THRESHOLDS[name];
  if (type === 'share') return 'a share from 0 to 1';
  return type === 'count' ? 'an integer, 0 or more' : 'a duration such as 30m, 4h or 90d';
}

/** A value as it is written: a duration, `0.99` or `99%`, a whole number; `null` if it is none. */
export function parseThreshold(name: ThresholdName, text: string): number | null {
  const { type } = THRESHOLDS[name];
  if (type === 'duration') return parseDuration(text);
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? [];
  if (digits === undefined || (unit === '%' && type !== 'share')) return null;
  return unit === '%' ? Number(digits) / 100 : Number(digits);
}

/** A value as `parseThreshold` reads it. */
export function thresholdInput(name: ThresholdName, value: number): string {
  return THRESHOLDS[name].type === 'duration' ? formatDuration(value) : String(value);
}

export function isInRange(name: ThresholdName, value: number): boolean {
  const { type, least = 0 }: ThresholdSpec = THRESHOLDS[name];
  return type === 'share' ? value >= 0 && value <= 1 : Number.isSafeInteger(value) && value >= least;
}

function checked(name: ThresholdName, value: number): number {
  if (isInRange(name, value)) return value;
  throw new RangeError(`${name} is ${value}; it must be ${rangeOf(name)}.`);
}

/** Those thresholds for a gateway's own intervals. */
export function pollingThresholds(every: Readonly<Record<Resource, number>>): Partial<Thresholds> {
  const entries = CORE_RESOURCES.map((resource) => [
    DEFINITION_OF_RESOURCE[resource].polling.threshold,
    every[resource],
  ]);
  return Object.fromEntries(entries);
}

/** In milliseconds. */
export function intervalOf(thresholds: Thresholds, resource: Resource): number {
  const { threshold, defaultMs } = DEFINITION_OF_RESOURCE[resource].polling;
  return threshold === null ? defaultMs : thresholds[threshold];
}

/** The longest regular time between two polls of a resource, in milliseconds. */
export function mostBetweenPolls(thresholds: Thresholds, resource: Resource): number {
  return intervalOf(thresholds, resource) + thresholds.ingestionLag;
}
