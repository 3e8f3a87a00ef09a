import { DAY, type Instant, toInstant, toMillis } from '../values/instant.js';
import type { TenantOptions } from './options.js';

/** Fixed, so that a restart tomorrow finds the same records under the same ids. */
const FROM: Instant = '2020-01-01T00:00:00.000Z';
const TO: Instant = '2070-01-01T00:00:00.000Z';
const DAYS = Math.round((toMillis(TO) - toMillis(FROM)) / DAY);

/**
 * The tenant behind the built-in demo: in any 30 days about 600 threats, 60 cases and 40 campaigns, and new ones
 * as the clock goes on, in office hours one or two threats an hour. Nothing in it depends on `now`, ms since the
 * epoch, which must lie within the years that it covers; a RangeError otherwise.
 */
export function demoTenant(now: number): TenantOptions {
  if (!(now > toMillis(FROM) + 60 * DAY && now < toMillis(TO))) {
    throw new RangeError(`the demo covers ${FROM} to ${TO}, not ${toInstant(now)}`);
  }
  return {
    seed: 'demo',
    from: FROM,
    to: TO,
    threats: DAYS * 20,
    cases: DAYS * 2,
    campaigns: Math.round((DAYS * 4) / 3),
    shares: { missingThreats: 0.003, deletedThreats: 0.003, hugeThreats: 0.003 },
  };
}
