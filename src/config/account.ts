import { isIP } from 'node:net';
import { Secret } from '../integrations/secret.js';
import type { Reader } from './reader.js';

/** The Abnormal account that the environment names. */
export interface AccountConfig {
  readonly token: Secret;
  readonly baseUrl: string;
}

/** Where each region's tenants are served; a token works in its own region only. */
export const REGIONS = {
  us: 'https://api.abnormalplatform.com/v1',
  eu: 'https://eu.rest.abnormalsecurity.com/v1',
  gov: 'https://rest.abnormalsecurity.us/v1',
} as const;

/** The account, or `null` without a token. */
export function readAccount(read: Reader): AccountConfig | null {
  const region = read.oneOf('ABNORMAL_REGION', 'us', Object.keys(REGIONS) as (keyof typeof REGIONS)[]);
  const given = baseUrl(read);
  if (given !== null && read.text('ABNORMAL_REGION') !== null && given !== REGIONS[region]) {
    const wrong = `is set beside ABNORMAL_REGION=${region}, which means ${REGIONS[region]}`;
    read.refuse('ABNORMAL_BASE_URL', wrong, 'one of the two, not both', REGIONS[region]);
  }
  const token = read.text('ABNORMAL_TOKEN');
  if (token === null) return null;
  checkToken(read, token);
  return { token: new Secret(token), baseUrl: given ?? REGIONS[region] };
}

function checkToken(read: Reader, token: string): void {
  const right = 'the token alone, as Abnormal showed it once (Settings → Integrations → Abnormal REST API)';
  const refuse = (wrong: string) => read.refuse('ABNORMAL_TOKEN', wrong, right, '<token>');
  if (/^bearer\s/i.test(token)) refuse('begins with the word "Bearer"');
  else if (/^(["']).*\1$/.test(token)) refuse('is in quotation marks');
  else if (!/^[\w.~+/=-]+$/.test(token)) refuse('has blanks or other characters that no token has');
  else if (token.length < 8) refuse(`has only ${token.length} characters`);
}

function baseUrl(read: Reader): string | null {
  const text = read.text('ABNORMAL_BASE_URL');
  if (text === null) return null;
  const wrong = wrongWithBaseUrl(text);
  if (wrong === null) return text.replace(/\/+$/, '');
  const right = 'an https address without user, query or fragment; plain http only to this machine itself';
  read.refuse('ABNORMAL_BASE_URL', wrong, right, REGIONS.us);
  return null;
}

function wrongWithBaseUrl(text: string): string | null {
  if (!URL.canParse(text)) return 'is not a URL';
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return 'holds a user name or a password';
  if (url.search !== '' || url.hash !== '') return 'has a query or a fragment';
  if (url.protocol === 'https:') return null;
  if (url.protocol !== 'http:') return `begins with ${url.protocol}`;
  return isLoopback(url.hostname) ? null : 'would send the token in clear over plain http';
}

/** Whether a host is this machine itself. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  if (isIP(bare) === 4) return bare.startsWith('127.');
  return bare === 'localhost' || bare === '::1';
}
