import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { isLoopback, isPrivateIp } from './address.js';

/**
 * Looks a host up and refuses one that leads into a private network, so that a public name cannot be pointed at a
 * machine within, also not after its integration was added. This machine is let be where it is named as such.
 */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, options, (error, found, family) => {
    if (error) return callback(error, found, family);
    const ips = Array.isArray(found) ? found.map(({ address }) => address) : [String(found)];
    const isRefused = !isLoopback(hostname) && ips.some(isPrivateIp);
    callback(isRefused ? refusal(hostname) : null, found, family);
  });
};

function refusal(hostname: string): NodeJS.ErrnoException {
  const what = `${hostname} leads into a private network, where tokens are sent only with ALLOW_PRIVATE_ADDRESSES=yes`;
  return Object.assign(new Error(what), { code: 'EPRIVATE' });
}
