import type { CoreResource as Resource } from '../../../src/resources/registry.js';
import type { Fault, FaultPlan, FaultRule } from '../../../src/simulator/faults.js';
import type { Random } from '../../../src/simulator/random.js';

const LIST = /filter=/;
const DETAIL = /^\/(threats|cases|abusecampaigns|abuse-mailbox\/campaigns)\/[^?]+/;
const PATH: Record<Resource, RegExp> = {
  threats: /^\/threats/,
  cases: /^\/cases/,
  campaigns: /^\/(abusecampaigns|abuse-mailbox)/,
};

/** More than the rig lets its client read. */
export const HUGE_BYTES = 3 * 1024 * 1024;

/** What may befall any request, each with where it makes sense. `trap` is another host that must never be called. */
function sprinkles(trap: string): { readonly fault: Fault; readonly match?: RegExp }[] {
  return [
    { fault: { kind: 'rateLimited' } },
    { fault: { kind: 'rateLimited', retryAfter: '7' } },
    { fault: { kind: 'serverError' } },
    { fault: { kind: 'serverError', status: 502 } },
    { fault: { kind: 'serverError', status: 503 } },
    { fault: { kind: 'hang' } },
    { fault: { kind: 'slow', ms: 3 } },
    { fault: { kind: 'truncated' } },
    { fault: { kind: 'cutJson' } },
    { fault: { kind: 'emptyBody' } },
    { fault: { kind: 'missingKey' } },
    { fault: { kind: 'wrongContent' } },
    { fault: { kind: 'reset' } },
    { fault: { kind: 'redirect', location: trap } },
    { fault: { kind: 'echo' } },
    { fault: { kind: 'huge', bytes: HUGE_BYTES } },
    { fault: { kind: 'undecodable' }, match: DETAIL },
    { fault: { kind: 'undecodable' }, match: LIST },
    { fault: { kind: 'notFound' }, match: DETAIL },
    { fault: { kind: 'notFound' }, match: LIST },
    { fault: { kind: 'nextPage', page: 1 }, match: LIST },
    { fault: { kind: 'nextPage', page: 2 }, match: LIST },
    { fault: { kind: 'unauthorized' } },
    { fault: { kind: 'forbidden' } },
    { fault: { kind: 'notLicensed', status: 402 } },
    { fault: { kind: 'notLicensed', status: 403 }, match: DETAIL },
    { fault: { kind: 'status', status: 418, body: '{"detail":"teapot"}' } },
  ];
}

/** A few faults at a rate that retries mostly outlast. */
function showers(random: Random, trap: string): FaultRule[] {
  const all = sprinkles(trap);
  return Array.from({ length: random.between(2, 9) }, () => {
    const [first, ...rest] = all;
    const { fault, match } = first ? random.pick([first, ...rest]) : { fault: { kind: 'reset' } as const };
    const probability = [0.003, 0.01, 0.04, 0.15][random.below(4)] ?? 0.01;
    // a refusal of everything ends a pass at once: a rare one is enough
    return { fault, probability, ...(match ? { match } : {}) };
  });
}

const RESOURCES = ['threats', 'cases', 'campaigns'] as const;

/** One cause that fails all of something. */
function storm(random: Random, trap: string): FaultRule[] {
  const match = PATH[random.pick(RESOURCES)];
  switch (random.below(12)) {
    case 0:
      return [{ fault: { kind: 'unauthorized' } }];
    case 1:
      return [{ fault: { kind: 'notLicensed', status: random.chance(0.5) ? 402 : 403 }, match }];
    case 2:
      return [{ fault: { kind: 'forbidden' } }];
    case 3:
      return [{ fault: { kind: 'serverError' } }];
    case 4:
      return [{ fault: { kind: 'reset' } }];
    case 5:
      return [{ fault: { kind: 'hang' }, match }];
    case 6:
      return [{ fault: { kind: 'nextPage', page: random.between(1, 4) }, match: LIST }];
    case 7:
      return [{ fault: { kind: 'undecodable' }, match: DETAIL, probability: 0.7 }];
    case 8:
      return [{ fault: { kind: 'redirect', location: trap } }];
    case 9:
      return [{ fault: { kind: 'missingKey' }, match: LIST }];
    case 10:
      return [{ fault: { kind: 'notFound' }, match: new RegExp(`${match.source}\\?`) }];
    default:
      return [{ fault: { kind: 'serverError' }, match: DETAIL }];
  }
}

/** What goes wrong for a while; `null` now and then. */
export function weather(random: Random, trap: string): FaultPlan | null {
  const seed = random.next();
  if (random.chance(0.15)) return null;
  if (random.chance(0.2)) return { seed, rules: storm(random, trap) };
  return { seed, rules: showers(random, trap) };
}
