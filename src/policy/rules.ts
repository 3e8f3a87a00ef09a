import type { Policy } from './policy.js';
import { type Thresholds, toThresholds } from './thresholds.js';

/** What verdicts depend on besides the records: the policy and the thresholds that follow from it. */
export interface Rules {
  readonly policy: Policy;
  readonly thresholds: Thresholds;
  /** The thresholds of accounts with values of their own. */
  readonly own: Readonly<Record<string, Thresholds>>;
  /** Thresholds that were given for one evaluation (`--threshold`); they replace those of the policy. */
  readonly overrides: Partial<Thresholds>;
}

/**
 * The thresholds in effect: defaults, then the gateway's `configured` intervals, then the policy, then `overrides`.
 * Throws a RangeError for a value out of range.
 */
export function applyPolicy(
  policy: Policy,
  configured: Partial<Thresholds> = {},
  overrides: Partial<Thresholds> = {},
): Rules {
  const general = { ...configured, ...policy.thresholds };
  const own = Object.entries(policy.integrations).map(([name, values]) => [
    name,
    toThresholds({ ...general, ...values, ...overrides }),
  ]);
  const thresholds = toThresholds({ ...general, ...overrides });
  return { policy, thresholds, own: Object.fromEntries(own), overrides };
}

export function thresholdsFor({ thresholds, own }: Rules, integration: string): Thresholds {
  return own[integration] ?? thresholds;
}

/** The same rules have the same text; the policy's own text is replaced by its digest. */
export function rulesKey({ policy, ...rest }: Rules): string {
  return JSON.stringify([policy.file?.digest ?? null, rest]);
}
