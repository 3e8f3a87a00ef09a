import type { Config } from '../config/config.js';
import { type Thresholds, toThresholds } from '../controls/thresholds.js';

/** What controls are judged by: the defaults, with the intervals at which this gateway polls. */
export function thresholdsOf({ poll }: Config, changes: Partial<Thresholds> = {}): Thresholds {
  const { every, ingestionLag } = poll;
  const intervals = { pollThreatsEvery: every.threats, pollCasesEvery: every.cases };
  return toThresholds({ ...intervals, pollCampaignsEvery: every.campaigns, ingestionLag, ...changes });
}
