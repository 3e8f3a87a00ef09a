import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import type { Log } from '../log.js';
import type { Caller } from '../model/caller.js';
import { callerOfClaims } from './caller-claims.js';

/** Where tokens come from and what is asked of them. */
export interface JwtSettings {
  readonly jwksUrl: string;
  readonly audience: string;
  /** `null`: any, which is well where the JWKS is one issuer's own. */
  readonly issuer: string | null;
  readonly clockSkewMs: number;
  readonly roleClaim: string;
}

export interface JwtOptions extends JwtSettings {
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly log: Log;
}

/** Why a token lets nobody in; `UNAVAILABLE`: that cannot be told now, since its signing key cannot be fetched. */
export type JwtRefusal = 'EXPIRED' | 'INVALID' | 'NO_ROLE' | 'UNAVAILABLE';

// a public key that is used as a shared secret would let anybody sign: symmetric ones are out, and so is `none`
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

/** How long fetched keys serve before they are fetched again, behind the requests that use them. */
export const JWKS_AGE_MS = 10 * 60_000;
/** How long after a fetch nobody can cause another; after one that failed, less. */
export const JWKS_REST_MS = 30_000;
export const JWKS_RETRY_MS = 5_000;
const JWKS_PATIENCE_MS = 5_000;

/**
 * Tokens that an identity provider signed. Its public keys are fetched once and again in intervals; while it
 * cannot be reached, those known go on working.
 */
export class JsonWebTokens {
  readonly #keys;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #hasFailed = false;

  constructor(private readonly options: JwtOptions) {
    this.#keys = createRemoteJWKSet(new URL(options.jwksUrl), {
      cacheMaxAge: Number.POSITIVE_INFINITY,
      // the library's own rest counts from successes only, and by a clock of its own
      cooldownDuration: 0,
      timeoutDuration: JWKS_PATIENCE_MS,
      [customFetch]: (url, init) => this.#fetch(url, init),
    });
  }

  async callerOf(token: string): Promise<Caller | JwtRefusal> {
    const { clock, audience, issuer, clockSkewMs, roleClaim } = this.options;
    try {
      const { payload } = await jwtVerify(token, this.#keyFor, {
        algorithms: ALGORITHMS,
        audience,
        ...(issuer === null ? {} : { issuer }),
        clockTolerance: clockSkewMs / 1000,
        currentDate: new Date(clock()),
        requiredClaims: ['exp', 'sub'],
      });
      return callerOfClaims(payload, roleClaim) ?? 'NO_ROLE';
    } catch (error) {
      return refusalFor(error);
    }
  }

  readonly #keyFor: JWTVerifyGetKey = async (header, token) => {
    const isOld = this.#sinceFetch() >= JWKS_AGE_MS;
    // nobody waits for it: what is known serves until it is there
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
      const response = await fetch(url, init as RequestInit);
      if (response.status !== 200) throw new Error(`status ${response.status}`);
      // read here, so that what is no key set is a failure like any other
      const text = await response.text();
      if (!Array.isArray((JSON.parse(text) as { keys?: unknown }).keys)) throw new Error('no key set');
      this.#hasFailed = false;
      return new Response(text);
    } catch (err) {
      this.#hasFailed = true;
      this.options.log.warn({ err }, 'the JWKS cannot be fetched; keys that are known go on working');
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
