import {
  CORE_RESOURCES,
  DEFINITION_OF_RESOURCE,
  type PollingThreshold,
  type Resource,
} from '../resources/registry.js';
import { DAY, formatDuration, HOUR, MINUTE, parseDuration } from '../values/instant.js';

/** `duration` in milliseconds, `share` from 0 to 1, `count` a whole number. */
export type ThresholdType = 'duration' | 'share' | 'count';

interface ThresholdSpec {
  readonly type: ThresholdType;
  readonly byDefault: number;
  readonly least?: number;
  readonly description: string;
}

type Spec = (byDefault: number, description: string) => ThresholdSpec;
const duration: Spec = (byDefault, description) => ({ type: 'duration', byDefault, description });
const share: Spec = (byDefault, description) => ({ type: 'share', byDefault, description });
const count: Spec = (byDefault, description) => ({ type: 'count', byDefault, description });

/** How often each resource is polled, by the name of the threshold. */
const POLLING = Object.fromEntries(
  Object.values(DEFINITION_OF_RESOURCE).flatMap(
    ({ resource, polling: { threshold, variable, defaultMs } }) => {
      const description = `How often ${resource} are polled (\`${variable}\`).`;
      const spec = { ...duration(defaultMs, description), least: 1000 };
      return threshold === null ? [] : [[threshold, spec]];
    },
  ),
);

/** Every number that a verdict depends on besides the records, with its default. */
export const THRESHOLDS = {
  ...(POLLING as Record<PollingThreshold, ThresholdSpec>),
  ingestionLag: duration(
    15 * MINUTE,
    'How long Abnormal may take to list a record (`INGESTION_LAG`), and how late a poll may be.',
  ),
  quietFor: duration(7 * DAY, 'A period of at least this length without any detection is a failure.'),
  capturedShare: share(1, 'The minimum share of a period’s threats that must be stored completely.'),
  reconciledShare: share(
    0,
    'The minimum share of a period whose threats must have been compared with Abnormal’s (`reconcile`) and be complete.',
  ),
  remediatedShare: share(1, 'The minimum share of malicious messages that must be remediated.'),
  remediateWithin: duration(
    DAY,
    'How long a malicious message may be in a mailbox before it is an exception.',
  ),
  remediationMedian: duration(5 * MINUTE, 'The maximum median of the time from receipt to remediation.'),
  remediationP95: duration(4 * HOUR, 'The maximum 95th percentile of the time from receipt to remediation.'),
  casesHandledShare: share(
    1,
    'The minimum share of account-takeover cases that must be acknowledged or resolved in time.',
  ),
  handleCasesWithin: duration(DAY, 'How long a case may wait to be acknowledged or resolved.'),
  behaviouralSample: count(30, 'The minimum number of malicious messages for comparing the mix of attacks.'),
  behaviouralDrop: share(
    0.5,
    'How much the share of behavioural detections may fall compared with the previous period.',
  ),
  reportsJudgedShare: share(1, 'The minimum share of user-reported campaigns that must be judged in time.'),
  judgeReportsWithin: duration(2 * DAY, 'How long a user-reported campaign may wait for its judgement.'),
  missedPolls: count(0, 'How many polls may be missed in a period, over all streams.'),
  longestGap: duration(0, 'The maximum length of a gap in the collection.'),
  tokenAge: duration(90 * DAY, 'The maximum age of a token.'),
};

export type ThresholdName = keyof typeof THRESHOLDS;
export type Thresholds = Readonly<Record<ThresholdName, number>>;

export const THRESHOLD_NAMES = Object.keys(THRESHOLDS) as ThresholdName[];

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

export function thresholdInput(name: ThresholdName, value: number): string {
  return THRESHOLDS[name].type === 'duration' ? formatDuration(value) : String(value);
}

export function isInRange(name: ThresholdName, value: number): boolean {
  const { type, least = 0 } = THRESHOLDS[name];
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
