import { POLLING_VARIABLES } from '../resources/registry.js';

/** Every variable that is understood. */
export const VARIABLES = [
  'ABNORMAL_TOKEN',
  'ABNORMAL_BASE_URL',
  'ABNORMAL_REGION',
  'ABNORMAL_NEW_TOKEN',
  'ENCRYPTION_KEY',
  'ALLOW_PRIVATE_ADDRESSES',
  'SIMULATOR',
  'HISTORY',
  'HOST',
  'PORT',
  'ALLOW_UNAUTHENTICATED',
  'API_KEYS',
  'JWKS_URL',
  'JWT_AUDIENCE',
  'JWT_ISSUER',
  'JWT_CLOCK_SKEW',
  'JWT_ROLE_CLAIM',
  'TRUST_PROXY',
  'CORS_ORIGINS',
  'IDE',
  'LANDING_PAGE',
  'INTROSPECTION',
  'METRICS',
  ...POLLING_VARIABLES,
  'BACKFILL_FROM',
  'INGESTION_LAG',
  'REREAD_HORIZON',
  'RECONCILE_EVERY',
  'DEFAULT_MAX_AGE',
  'SIGNING_KEY',
  'SEAL_HOOK',
  'UPSTREAM_RPM',
  'UPSTREAM_CONCURRENCY',
  'UPSTREAM_TIMEOUT',
  'RATE_LIMIT',
  'REQUEST_TIMEOUT',
  'QUERY_LIMITS',
  'COST_LIMITS',
  'PERSISTED_OPERATIONS',
  'REDACT',
  'LOG_LEVEL',
] as const;
export type Variable = (typeof VARIABLES)[number];

/** The known variable that `name` is probably a slip for; short names are too alike to tell. */
export function nearestVariable(name: string): Variable | null {
  const upper = name.toUpperCase();
  const [best] = VARIABLES.map((known) => ({ known, distance: editDistance(upper, known) })).sort(
    (a, b) => a.distance - b.distance,
  );
  if (!best) return null;
  const ours = /^(ABNORMAL_|UPSTREAM_|POLL_)/.test(upper);
  const near = Math.min(upper.length, best.known.length) < 7 ? 0 : 2;
  return ours || best.distance <= near ? best.known : null;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const swap = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(swap, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
