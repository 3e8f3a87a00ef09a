import type { Resource } from '../resources/registry.js';
import { DAY, HOUR, MINUTE } from '../values/instant.js';

/** `duration` in milliseconds, `share` from 0 to 1, `count` a whole number. */
export type ThresholdType = 'duration' | 'share' | 'count';

export interface ThresholdSpec {
  readonly type: ThresholdType;
  readonly byDefault: number;
  readonly least?: number;
  readonly description: string;
}

export const THRESHOLDS = {
  pollThreatsEvery: {
    type: 'duration',
    byDefault: 4 * HOUR,
    least: 1000,
    description: 'How often threats are polled (`POLL_THREATS_EVERY`).',
  },
  pollCasesEvery: {
    type: 'duration',
    byDefault: 4 * HOUR,
    least: 1000,
    description: 'How often cases are polled (`POLL_CASES_EVERY`).',
  },
  pollCampaignsEvery: {
    type: 'duration',
    byDefault: DAY,
    least: 1000,
    description: 'How often campaigns are polled (`POLL_CAMPAIGNS_EVERY`).',
  },
  ingestionLag: {
    type: 'duration',
    byDefault: 15 * MINUTE,
    description:
      'How long Abnormal may take to list what has happened (`INGESTION_LAG`), and how late a poll may be.',
  },
  quietFor: {
    type: 'duration',
    byDefault: 7 * DAY,
    description: 'From this length on, a period in which nothing at all was detected is a failure.',
  },
  capturedShare: {
    type: 'share',
    byDefault: 1,
    description: 'The least share of a period’s threats that must be held in full.',
  },
  reconciledShare: {
    type: 'share',
    byDefault: 0,
    description:
      'The least share of a period whose threats must have been compared with Abnormal’s own (`reconcile`) and found whole.',
  },
  remediatedShare: {
    type: 'share',
    byDefault: 1,
    description: 'The least share of malicious messages that must be remediated.',
  },
  remediateWithin: {
    type: 'duration',
    byDefault: DAY,
    description: 'How long a malicious message may be in a mailbox before it is an exception.',
  },
  remediationMedian: {
    type: 'duration',
    byDefault: 5 * MINUTE,
    description: 'The most that the median time from receipt to remediation may be.',
  },
  remediationP95: {
    type: 'duration',
    byDefault: 4 * HOUR,
    description: 'The most that the 95th percentile of the time from receipt to remediation may be.',
  },
  casesHandledShare: {
    type: 'share',
    byDefault: 1,
    description: 'The least share of account-takeover cases that must be acknowledged or resolved in time.',
  },
  handleCasesWithin: {
    type: 'duration',
    byDefault: DAY,
    description: 'How long a case may wait to be acknowledged or resolved.',
  },
  behaviouralSample: {
    type: 'count',
    byDefault: 30,
    description: 'The least number of malicious messages from which a mix of attacks is judged.',
  },
  behaviouralDrop: {
    type: 'share',
    byDefault: 0.5,
    description: 'By how much the share of behavioural detections may fall against the period before.',
  },
  reportsJudgedShare: {
    type: 'share',
    byDefault: 1,
    description: 'The least share of user-reported campaigns that must be judged in time.',
  },
  judgeReportsWithin: {
    type: 'duration',
    byDefault: 2 * DAY,
    description: 'How long a user-reported campaign may wait for its judgement.',
  },
  missedPolls: {
    type: 'count',
    byDefault: 0,
    description: 'How many polls may be missed in a period, all streams together.',
  },
  longestGap: {
    type: 'duration',
    byDefault: 0,
    description: 'How long a gap in what was collected may be.',
  },
  tokenAge: {
    type: 'duration',
    byDefault: 90 * DAY,
    description: 'How old a token may be.',
  },
} as const satisfies Record<string, ThresholdSpec>;

export type ThresholdName = keyof typeof THRESHOLDS;
export type Thresholds = Readonly<Record<ThresholdName, number>>;

export const THRESHOLD_NAMES = Object.keys(THRESHOLDS) as ThresholdName[];

/** Replaces some defaults; throws a RangeError for a value out of range. */
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
  return type === 'count' ? 'a whole number from 0' : 'a duration such as 30m, 4h or 90d';
}

function checked(name: ThresholdName, value: number): number {
  const { type, least = 0 }: ThresholdSpec = THRESHOLDS[name];
  const isRight = type === 'share' ? value >= 0 && value <= 1 : Number.isSafeInteger(value) && value >= least;
  if (isRight) return value;
  throw new RangeError(`${name} is ${value}: it must be ${rangeOf(name)}.`);
}

const INTERVAL = {
  threats: 'pollThreatsEvery',
  cases: 'pollCasesEvery',
  campaigns: 'pollCampaignsEvery',
} as const satisfies Record<Resource, ThresholdName>;

/** In milliseconds. */
export function intervalOf(thresholds: Thresholds, resource: Resource): number {
  return thresholds[INTERVAL[resource]];
}

/** The longest regular time between two polls of a resource, in milliseconds. */
export function mostBetweenPolls(thresholds: Thresholds, resource: Resource): number {
  return intervalOf(thresholds, resource) + thresholds.ingestionLag;
}
