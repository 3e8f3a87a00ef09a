import { isPrivateAddress, normalBaseUrl, REGIONS, RIGHT_ADDRESS, wrongWithBaseUrl } from './address.js';
import type { Address } from './vault.js';
import { badAddress } from './vault-refusals.js';

/** The address that is meant, as it is kept. Throws a `VaultError` for one that a token must not be sent to. */
export function resolveAddress({ region, baseUrl }: Address, allowPrivate: boolean): string {
  if (baseUrl === undefined) return REGIONS[region ?? 'us'];
  if (region !== undefined) throw badAddress('is given beside a region', 'one of the two, not both');
  const wrong = wrongWithBaseUrl(baseUrl);
  if (wrong !== null) throw badAddress(wrong, RIGHT_ADDRESS);
  if (allowPrivate || !isPrivateAddress(baseUrl)) return normalBaseUrl(baseUrl);
  const right = 'a public one, or ALLOW_PRIVATE_ADDRESSES=yes where a mirror in your own network is meant';
  throw badAddress('leads into a private network', right);
}
