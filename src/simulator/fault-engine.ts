import { toMillis } from '../values/instant.js';
import type { Fault, FaultPlan, FaultRule } from './faults.js';
import { seedOf, unit } from './random.js';

/** Decides which requests go wrong. */
export class FaultEngine {
  readonly #seed: number;
  readonly #rules: readonly { readonly rule: FaultRule; matched: number; struck: number }[];

  constructor(plan: FaultPlan | null) {
    this.#seed = seedOf(plan?.seed ?? 0);
    this.#rules = (plan?.rules ?? []).map((rule) => ({ rule, matched: 0, struck: 0 }));
  }

  /** The fault of the next request, which asks for `path` at `now`; `null` for none. */
  next(path: string, now: number): Fault | null {
    let fault: Fault | null = null;
    // every rule counts every request that it matches, whichever rule strikes
    for (const [place, entry] of this.#rules.entries()) {
      if (!matches(entry.rule, path, now)) continue;
      entry.matched++;
      if (fault || !this.#strikes(entry.rule, place, entry.matched, entry.struck)) continue;
      entry.struck++;
      fault = entry.rule.fault;
    }
    return fault;
  }

  #strikes(rule: FaultRule, place: number, matched: number, struck: number): boolean {
    const { nth, times, probability } = rule;
    if (nth !== undefined && !(typeof nth === 'number' ? nth === matched : nth.includes(matched)))
      return false;
    if (times !== undefined && struck >= times) return false;
    return probability === undefined || unit(this.#seed, place, matched) < probability;
  }
}

function matches(rule: FaultRule, path: string, now: number): boolean {
  if (rule.from !== undefined && now < toMillis(rule.from)) return false;
  if (rule.until !== undefined && now >= toMillis(rule.until)) return false;
  const { match } = rule;
  if (match === undefined) return true;
  return typeof match === 'function' ? match(path) : path.search(match) >= 0;
}
