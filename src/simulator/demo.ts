import type { TenantOptions } from './options.js';

/** The tenant behind the built-in demo. */
export function demoTenant(now: number): TenantOptions {
  throw new Error(`not yet: ${now}`);
}
