import { isIPv6 } from 'node:net';
import type { Log } from '../log.js';
import { ANONYMOUS_CALLER, type Caller, LOCAL_CALLER, type Role } from '../values/access.js';
import { BoundedCache } from '../values/bounded-cache.js';
import { type ApiKeys, isSameHash, KEY_PREFIX, keyHash, parseKey } from './api-keys.js';
import type { JsonWebTokens } from './json-web-tokens.js';
import type { Sessions } from './sessions.js';

interface FixedKey {
  readonly name: string;
  readonly role: Role;
  readonly hash: string;
}

interface Presented {
  readonly authorization: string | undefined;
  readonly apiKey: string | undefined;
  /** A browser's session; used if there is neither of the others. */
  readonly session?: string | undefined;
  readonly address: string;
}

export type Identified =
  | { readonly outcome: 'KNOWN'; readonly caller: Caller }
  /** Missing or invalid; the message is for the caller. */
  | { readonly outcome: 'REFUSED'; readonly message: string }
  | { readonly outcome: 'NO_ROLE'; readonly message: string }
  | { readonly outcome: 'WAIT'; readonly ms: number }
  | { readonly outcome: 'UNAVAILABLE'; readonly message: string };

export interface Callers {
  /** Whether authentication is on: as soon as a credential exists. */
  areAsked(): Promise<boolean>;
  identify(presented: Presented): Promise<Identified>;
  /** A session of a valid credential; `null` if the credential is too long for one. */
  startSession(credential: string): Promise<string | null>;
  close(): Promise<void>;
}

interface CallersOptions {
  readonly keys: ApiKeys;
  readonly fixedKeys: readonly FixedKey[];
  readonly tokens: JsonWebTokens | null;
  readonly sessions: Sessions;
  readonly anybody: boolean;
  readonly clock: () => number;
  readonly log: Log;
}

export function createCallers(options: CallersOptions): Callers {
  return new KnownCallers(options);
}

const REASONS = {
  MISSING:
    'Authentication is required: send an API key or a token as “Authorization: Bearer …”, or a key as “x-api-key”.',
  MALFORMED: 'The Authorization header must be “Bearer” and one API key or token.',
  UNKNOWN: 'The credential is not valid.',
  WRONG: 'The credential is not valid.',
  INVALID: 'The credential is not valid.',
  REVOKED: 'The API key was revoked.',
  EXPIRED: 'The credential has expired.',
} as const;
type Reason = keyof typeof REASONS;

type Verdict = Caller | Exclude<Reason, 'MISSING' | 'MALFORMED'> | 'NO_ROLE' | 'UNAVAILABLE';

/** How long an admitted caller is not affected by others' failures at its address. */
const TRUST_MS = 60 * 60_000;

class KnownCallers implements Callers {
  readonly #attempts: FailedAttempts;
  readonly #letInAt = new BoundedCache<number>('trustedCredentials', () => 0);
  readonly #fixed: readonly (readonly [hash: Buffer, caller: Caller])[];

  constructor(private readonly options: CallersOptions) {
    this.#attempts = new FailedAttempts(options.clock);
    this.#fixed = options.fixedKeys.map(({ name, role, hash }) => [
      Buffer.from(hash, 'hex'),
      { kind: 'API_KEY', id: `API_KEYS:${name}`, name, role },
    ]);
  }

  async areAsked(): Promise<boolean> {
    const { keys, tokens } = this.options;
    return this.#fixed.length > 0 || tokens !== null || (await keys.areThere());
  }

  async identify(presented: Presented): Promise<Identified> {
    try {
      if (await this.areAsked()) return await this.#authenticate(presented);
    } catch (err) {
      this.options.log.error({ err }, 'the caller cannot be looked up');
      return unavailable('The caller cannot be looked up now: the history does not respond. Retry later.');
    }
    return { outcome: 'KNOWN', caller: this.options.anybody ? ANONYMOUS_CALLER : LOCAL_CALLER };
  }

  startSession(credential: string): Promise<string | null> {
    return this.options.sessions.seal(credential);
  }

  close(): Promise<void> {
    return this.options.keys.close();
  }

  async #authenticate(presented: Presented): Promise<Identified> {
    const given = credentialIn(presented);
    const { session } = presented;
    const credential = given ?? (session === undefined ? null : await this.options.sessions.open(session));
    if (credential === null) return { outcome: 'REFUSED', message: REASONS.MISSING };
    const { address } = presented;
    const hash = keyHash(credential);
    const proof = `${networkOf(address)} ${hash.toString('base64')}`;
    const ms = this.#isTrusted(proof) ? 0 : this.#attempts.waitFor(address);
    if (ms > 0) return { outcome: 'WAIT', ms };
    const verdict = credential === '' ? 'MALFORMED' : await this.#verdictOn(credential, hash);
    if (verdict === 'UNAVAILABLE') return unavailable(NO_SIGNING_KEYS);
    if (verdict === 'NO_ROLE') return this.#forbid(address);
    // a credential that a session contains was valid, so it is no guess
    if (typeof verdict === 'string' && given === null)
      return { outcome: 'REFUSED', message: REASONS[verdict] };
    if (typeof verdict === 'string') return this.#refuse(verdict, credential, address, proof);
    this.#letInAt.set(proof, this.options.clock());
    return { outcome: 'KNOWN', caller: verdict };
  }

  async #verdictOn(credential: string, hash: Buffer): Promise<Verdict> {
    const { keys, tokens } = this.options;
    // all keys are compared, so that the time reveals nothing
    const [fixed] = this.#fixed.filter(([known]) => isSameHash(known, hash));
    if (fixed) return fixed[1];
    const parts = parseKey(credential);
    if (parts) return keys.callerOf(parts);
    return tokens && isTokenLike(credential) ? tokens.callerOf(credential) : 'UNKNOWN';
  }

  #refuse(reason: Reason, credential: string, address: string, proof: string): Identified {
    this.#letInAt.delete(proof);
    this.#attempts.note(address);
    const { log } = this.options;
    log.warn({ address, key: parseKey(credential)?.id, reason }, 'a caller was rejected');
    if (this.#attempts.waitFor(address) > 0)
      log.warn({ address }, 'an address must wait: it sent too many invalid credentials');
    return { outcome: 'REFUSED', message: REASONS[reason] };
  }

  /** A valid credential is no guess, so it does not count as a failure. */
  #forbid(address: string): Identified {
    this.options.log.warn({ address, reason: 'NO_ROLE' }, 'a caller was rejected');
    return { outcome: 'NO_ROLE', message: NO_ROLE };
  }

  /** A guess is never among them, so this does not help an attacker. */
  #isTrusted(proof: string): boolean {
    const at = this.#letInAt.get(proof);
    return at !== undefined && Math.abs(this.options.clock() - at) < TRUST_MS;
  }
}

const NO_SIGNING_KEYS =
  'Whether the token is valid cannot be determined now: its signing keys cannot be fetched. Retry later.';
const NO_ROLE = 'The token is valid but has none of the roles reader, operator and admin.';

function unavailable(message: string): Identified {
  return { outcome: 'UNAVAILABLE', message };
}

function credentialIn({ authorization, apiKey }: Presented): string | null {
  if (authorization === undefined) return apiKey === undefined ? null : apiKey.trim();
  const [, credential = ''] = /^Bearer +([\w.~+/=-]+) *$/i.exec(authorization) ?? [];
  return credential;
}

function isTokenLike(credential: string): boolean {
  return !credential.startsWith(KEY_PREFIX) && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(credential);
}

export const MOST_FAILURES = 10;
export const FAILURE_WINDOW_MS = 60_000;
const FAILURES_BYTES = 50;

interface Failures {
  count: number;
  since: number;
}

/**
 * An IPv6 network counts as one address, because its owner has all its addresses. Bounded: the addresses
 * without recent failures are forgotten first.
 */
export class FailedAttempts {
  readonly #failures = new BoundedCache<Failures>('failedAttempts', () => FAILURES_BYTES);

  constructor(private readonly clock: () => number) {}

  waitFor(address: string): number {
    const failures = this.#failures.get(networkOf(address));
    if (!failures || failures.count < MOST_FAILURES) return 0;
    const left = failures.since + FAILURE_WINDOW_MS - this.clock();
    // a clock that was set back must not extend the wait
    return left > FAILURE_WINDOW_MS ? 0 : Math.max(0, left);
  }

  note(address: string): void {
    const network = networkOf(address);
    const now = this.clock();
    const failures = this.#failures.get(network);
    const age = failures ? now - failures.since : Number.NaN;
    if (failures && age >= 0 && age < FAILURE_WINDOW_MS) failures.count += 1;
    else this.#failures.set(network, { count: 1, since: now });
  }
}

/** An IPv4 address, or the first 64 bits of an IPv6 address. */
export function networkOf(address: string): string {
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('%', 1)[0]?.split('::') ?? [];
  const groups = head.split(':').filter((group) => group !== '');
  const rest = tail === undefined ? [] : tail.split(':').filter((group) => group !== '');
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - rest.length) }, () => '0');
  const whole = [...groups, ...(tail === undefined ? [] : zeros), ...rest];
  return `${whole
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
