import { REGIONS, RIGHT_ADDRESS, wrongWithBaseUrl } from '../integrations/address.js';
import { RIGHT_TOKEN, wrongWithToken } from '../integrations/token-text.js';
import { Secret } from '../values/secret.js';
import type { Reader } from './reader.js';

/** The Abnormal account that the environment names. */
export interface AccountConfig {
  readonly token: Secret;
  readonly baseUrl: string;
}

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
  const wrong = wrongWithToken(token);
  if (wrong !== null) read.refuse('ABNORMAL_TOKEN', wrong, RIGHT_TOKEN, '<token>');
}

function baseUrl(read: Reader): string | null {
  const text = read.text('ABNORMAL_BASE_URL');
  if (text === null) return null;
  const wrong = wrongWithBaseUrl(text);
  if (wrong === null) return text.replace(/\/+$/, '');
  read.refuse('ABNORMAL_BASE_URL', wrong, RIGHT_ADDRESS, REGIONS.us);
  return null;
}
