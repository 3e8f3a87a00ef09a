import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import type { Log } from '../log.js';
import { sendOnce } from '../outgoing.js';
import { type Caller, ROLES, type Role } from '../values/access.js';
import { BoundedCache, jsonBytes } from '../values/bounded-cache.js';
import { keyHash } from './api-keys.js';

export interface JwtOptions {
  readonly jwksUrl: string;
  readonly audience: string;
  /** `null`: any, for a JWKS that belongs to one issuer. */
  readonly issuer: string | null;
  readonly clockSkewMs: number;
  readonly roleClaim: string;
  readonly clock: () => number;
  readonly log: Log;
}

/** `UNAVAILABLE`: the signing keys cannot be fetched. */
type JwtRefusal = 'EXPIRED' | 'INVALID' | 'NO_ROLE' | 'UNAVAILABLE';

// only asymmetric algorithms: with a symmetric one, the public key would be a shared secret; `none` is
// excluded too
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

/** After this age keys are fetched again, in the background. */
export const JWKS_AGE_MS = 10 * 60_000;
/** The minimum time between two fetches; shorter after a failure. */
export const JWKS_REST_MS = 30_000;
export const JWKS_RETRY_MS = 5_000;
const JWKS_PATIENCE_MS = 5_000;
const MOST_JWKS_BYTES = 1024 * 1024;
/** How long a validated token is not validated again, at most until its expiry. */
export const CHECKED_MS = 30_000;

interface Checked {
  readonly caller: Caller;
  readonly at: number;
  readonly until: number;
}

/** The provider's public keys are fetched in intervals; while it is unreachable, known keys remain valid. */
export class JsonWebTokens {
  readonly #keys;
  readonly #checked = new BoundedCache<Checked>('checkedTokens', jsonBytes);
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #hasFailed = false;

  constructor(private readonly options: JwtOptions) {
    this.#keys = createRemoteJWKSet(new URL(options.jwksUrl), {
      cacheMaxAge: Number.POSITIVE_INFINITY,
      // the library's cooldown counts from successes only, and uses its own clock
      cooldownDuration: 0,
      timeoutDuration: JWKS_PATIENCE_MS,
      [customFetch]: (url, init) => this.#fetch(url, init),
    });
  }

  async callerOf(token: string): Promise<Caller | JwtRefusal> {
    const hash = keyHash(token).toString('base64');
    const now = this.options.clock();
    const known = this.#checked.get(hash);
    if (known && known.at <= now && now < known.until) return known.caller;
    try {
      const { caller, end } = await this.#check(token, now);
      if (caller) this.#checked.set(hash, { caller, at: now, until: Math.min(now + CHECKED_MS, end) });
      return caller ?? 'NO_ROLE';
    } catch (error) {
      return refusalFor(error);
    }
  }

  async #check(token: string, now: number): Promise<{ caller: Caller | null; end: number }> {
    const { audience, issuer, clockSkewMs, roleClaim } = this.options;
    const { payload } = await jwtVerify(token, this.#keyFor, {
      algorithms: ALGORITHMS,
      audience,
      ...(issuer === null ? {} : { issuer }),
      clockTolerance: clockSkewMs / 1000,
      currentDate: new Date(now),
      requiredClaims: ['exp', 'sub'],
    });
    return { caller: callerOfClaims(payload, roleClaim), end: (payload.exp ?? 0) * 1000 + clockSkewMs };
  }

  readonly #keyFor: JWTVerifyGetKey = async (header, token) => {
    const isOld = this.#sinceFetch() >= JWKS_AGE_MS;
    // in the background: known keys are used until it ends
    if (this.#keys.jwks() && isOld) void this.#keys.reload().catch(() => {});
    return this.#keys(header, token);
  };

  #sinceFetch(): number {
    return Math.abs(this.options.clock() - this.#fetchedAt);
  }

  async #fetch(...[url, init]: Parameters<FetchImplementation>): Promise<Response> {
    if (this.#sinceFetch() < (this.#hasFailed ? JWKS_RETRY_MS : JWKS_REST_MS)) {
      throw this.#hasFailed ? new JwksUnavailableError() : new errors.JWKSNoMatchingKey();
    }
    this.#fetchedAt = this.options.clock();
    try {
      const { headers, signal } = init;
      const request = { headers: Object.fromEntries(headers), signal };
      const { status, text } = await sendOnce(url, request, MOST_JWKS_BYTES);
      if (status !== 200) throw new Error(`status ${status}`);
      // parsed here, so that an invalid key set is a failure like any other
      if (!Array.isArray((JSON.parse(text) as { keys?: unknown }).keys)) throw new Error('no key set');
      this.#hasFailed = false;
      return new Response(text);
    } catch (err) {
      this.#hasFailed = true;
      this.options.log.warn({ err }, 'the JWKS cannot be fetched; known keys remain valid');
      throw new JwksUnavailableError();
    }
  }
}

class JwksUnavailableError extends Error {
  override readonly name = 'JwksUnavailableError';
}

function refusalFor(error: unknown): JwtRefusal {
  if (error instanceof errors.JWTExpired) return 'EXPIRED';
  const isOurs = error instanceof JwksUnavailableError;
  const isFaulty = error instanceof errors.JWKSInvalid || error instanceof errors.JWKSTimeout;
  return isOurs || isFaulty ? 'UNAVAILABLE' : 'INVALID';
}

type Claims = Readonly<Record<string, unknown>>;

/** The subject with the highest role in the claim; `null` without one: the token has another purpose. */
function callerOfClaims(claims: Claims, roleClaim: string): Caller | null {
  const { sub } = claims;
  const role = roleOf(claimAt(claims, roleClaim));
  if (typeof sub !== 'string' || sub === '' || role === null) return null;
  return { kind: 'JWT', id: sub, name: nameOf(claims) ?? sub, role };
}

function roleOf(claim: unknown): Role | null {
  const named: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  return ROLES.findLast((role) => named.includes(role)) ?? null;
}

/** A claim by its name, which may be a URL, or by its path, `realm_access.roles`. */
function claimAt(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  return name.split('.').reduce<unknown>((value, part) => {
    const isObject = typeof value === 'object' && value !== null && Object.hasOwn(value, part);
    return isObject ? (value as Claims)[part] : undefined;
  }, claims);
}

function nameOf({ name, preferred_username, email }: Claims): string | null {
  const [first] = [name, preferred_username, email].filter((each) => typeof each === 'string' && each !== '');
  return typeof first === 'string' ? first : null;
}
