import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { isLoopback } from '../integrations/address.js';
import { ROLES, type Role } from '../values/access.js';
import { MINUTE } from '../values/instant.js';
import { listed, quote, type Variable, type VariableReader } from './reader.js';

/** Contains the SHA-256 of the key, in hex. */
interface FixedKeyConfig {
  readonly name: string;
  readonly role: Role;
  readonly hash: string;
}

/** The skew is in milliseconds. */
interface JwtConfig {
  readonly jwksUrl: string;
  readonly audience: string;
  readonly issuer: string | null;
  readonly clockSkewMs: number;
  readonly roleClaim: string;
}

export interface CallersConfig {
  readonly fixedKeys: readonly FixedKeyConfig[];
  readonly jwt: JwtConfig | null;
}

export function readCallers(read: VariableReader): CallersConfig {
  return { fixedKeys: readKeys(read), jwt: readJwt(read) };
}

/** The keys in `API_KEYS`, to keep them out of logs; in any format. */
export function keysIn(value: string): string[] {
  return listed(value).map((entry) => entry.split(':').slice(2).join(':') || entry);
}

const LEAST_KEY = 32;

function readKeys(read: VariableReader): FixedKeyConfig[] {
  const entries = listed(read.text('API_KEYS')).map((entry) => entry.split(':'));
  // the value contains keys, so no message repeats it
  const refuse = (wrong: string) =>
    read.refuse('API_KEYS', wrong, 'comma-separated entries name:role:key', 'reports:reader:<a key>');
  const names = new Set<string>();
  return entries.flatMap(([name = '', role = '', key = '', ...rest], index) => {
    const known = ROLES.find((each) => each === role);
    const nth = `has an entry, number ${index + 1},`;
    // what is in the place of the name may be a key
    if (!/^[\w.-]{1,40}$/.test(name) || role === '') refuse(`${nth} that is not name:role:key`);
    else if (!known) refuse(`${nth} with an unknown role; roles are ${ROLES.join(', ')}`);
    else if (names.has(name)) refuse(`contains the name ${quote(name)} twice`);
    else if (rest.length > 0 || !isStrong(key)) {
      const wrong = `a key of fewer than ${LEAST_KEY} characters, or one that can be guessed or cannot be sent`;
      refuse(`${nth} with ${wrong} (create one with: openssl rand -hex 32)`);
    } else {
      names.add(name);
      return [{ name, role: known, hash: createHash('sha256').update(key).digest('hex') }];
    }
    return [];
  });
}

/** Whether it fits into a header and is not a repetition of a few characters. */
function isStrong(key: string): boolean {
  return /^[\w.~+/=-]+$/.test(key) && key.length >= LEAST_KEY && new Set(key).size >= 10;
}

function readJwt(read: VariableReader): JwtConfig | null {
  const jwksUrl = read.text('JWKS_URL');
  const audience = read.text('JWT_AUDIENCE');
  const clockSkewMs = read.duration('JWT_CLOCK_SKEW', 0, 10 * MINUTE);
  if (jwksUrl === null) return null;
  const wrong = wrongWithUrl(jwksUrl);
  if (wrong !== null) {
    const right = 'the https address of your identity provider’s key set; plain http to this machine only';
    read.refuse('JWKS_URL', wrong, right, 'https://login.example.com/.well-known/jwks.json');
  }
  if (audience === null) {
    const without = 'is not set, but JWKS_URL is: tokens for any other service would be accepted';
    read.refuse('JWT_AUDIENCE', without, 'the “aud” that your identity provider writes', 'abnormal-gateway');
  }
  return {
    ...{ jwksUrl, audience: audience ?? '', issuer: read.text('JWT_ISSUER'), clockSkewMs },
    roleClaim: read.textOrDefault('JWT_ROLE_CLAIM'),
  };
}

function wrongWithUrl(text: string): string | null {
  if (!URL.canParse(text)) return 'is not a URL';
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return 'contains a user name or a password';
  if (protocol === 'https:') return null;
  if (protocol !== 'http:') return `begins with ${protocol}`;
  return isLoopback(hostname) ? null : 'would fetch keys over plain http, where they can be replaced';
}

/** The proxies that are trusted: their number or their addresses; `null`: none. */
export type TrustProxy = number | readonly string[] | null;

export function readTrustProxy(read: VariableReader): TrustProxy {
  const text = read.text('TRUST_PROXY');
  if (text === null) return null;
  if (/^[1-9]$/.test(text)) return Number(text);
  const proxies = listed(text);
  const bad = proxies.find((proxy) => !isNetwork(proxy));
  if (bad === undefined) return proxies;
  const right = 'the number of proxies in front (1 to 9), or their addresses or networks, comma-separated';
  read.refuse('TRUST_PROXY', `contains ${quote(bad)}`, right, '10.0.0.0/8');
  return null;
}

/** Whether it is an address, or a network that does not contain all addresses. */
function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const width = isIP(address) === 4 ? 32 : 128;
  if (isIP(address) === 0 || rest.length > 0) return false;
  return bits === undefined || (/^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= width);
}

/** Anyone could send the header, so it counts from a trusted proxy only, and needs a way to check its tokens. */
export function readSignInHeader(read: VariableReader): string | null {
  const name = read.text('SIGN_IN_HEADER')?.toLowerCase() ?? null;
  if (name === null) return null;
  const right = 'the name of a header, together with TRUST_PROXY and JWKS_URL';
  const example = 'x-forwarded-access-token';
  if (!/^[a-z][a-z0-9-]{0,60}$/.test(name))
    read.refuse('SIGN_IN_HEADER', `is ${quote(name)}`, right, example);
  const missing = (['TRUST_PROXY', 'JWKS_URL'] as const).filter((other) => read.text(other) === null);
  if (missing.length > 0)
    read.refuse('SIGN_IN_HEADER', `is set without ${missing.join(' and ')}`, right, example);
  return name;
}

export function readCorsOrigins(read: VariableReader): readonly string[] {
  const origins = listed(read.text('CORS_ORIGINS'));
  for (const origin of origins) {
    if (isOrigin(origin)) continue;
    const right = 'comma-separated origins, each scheme and host without a path';
    read.refuse('CORS_ORIGINS', `contains ${quote(origin)}`, right, 'https://console.example.com');
  }
  return origins;
}

function isOrigin(text: string): boolean {
  return /^https?:[/][/][^*]+$/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

const OF_JWT: readonly Variable[] = ['JWT_AUDIENCE', 'JWT_ISSUER', 'JWT_CLOCK_SKEW', 'JWT_ROLE_CLAIM'];

/** Settings of callers that have no effect, or that may admit more than is intended. */
export function callerWarnings(values: Readonly<Record<string, string>>): string[] {
  const idle = values.JWKS_URL === undefined ? OF_JWT.filter((name) => values[name] !== undefined) : [];
  const warnings = idle.map((name) => `${name} is set but JWKS_URL is not: no tokens are accepted`);
  if (values.JWKS_URL !== undefined && values.JWT_ISSUER === undefined) {
    warnings.push('JWT_ISSUER is not set: tokens of every issuer with a key in JWKS_URL are accepted');
  }
  return warnings;
}
