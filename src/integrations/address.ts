import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** The base URL of each region; a token works in its own region only. */
export const REGIONS = {
  us: 'https://api.abnormalplatform.com/v1',
  eu: 'https://eu.rest.abnormalsecurity.com/v1',
  gov: 'https://rest.abnormalsecurity.us/v1',
} as const;
export type Region = keyof typeof REGIONS;

export const RIGHT_ADDRESS =
  'an https address without user, query or fragment; plain http to this machine only';

export function regionOf(baseUrl: string): Region | null {
  const found = Object.entries(REGIONS).find(([, url]) => url === baseUrl);
  return found ? (found[0] as Region) : null;
}

/** Why a token may not be sent to `text`; `null` if it may. */
export function wrongWithBaseUrl(text: string): string | null {
  if (!URL.canParse(text)) return 'is not a URL';
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return 'contains a user name or a password';
  if (url.search !== '' || url.hash !== '') return 'has a query or a fragment';
  if (url.protocol === 'https:') return null;
  if (url.protocol !== 'http:') return `begins with ${url.protocol}`;
  return isLoopback(url.hostname) ? null : 'would send the token unencrypted over plain http';
}

export function normalBaseUrl(text: string): string {
  return new URL(text).href.replace(/\/+$/, '');
}

/** Whether a host is this machine by definition, without a name server. */
export function isLoopback(host: string): boolean {
  const bare = bareHost(host);
  if (isIP(bare) === 4) return bare.startsWith('127.');
  return bare === 'localhost' || bare === '::1';
}

/**
 * Not public by itself: an IP address (including cloud metadata services) or a name that no public name
 * server has. This machine, written as such, is not included.
 */
export function isPrivateAddress(baseUrl: string): boolean {
  const host = bareHost(new URL(baseUrl).hostname);
  if (isLoopback(host)) return false;
  return isIP(host) === 0 ? isPrivateName(host) : isPrivateIp(host);
}

export function isPrivateIp(ip: string): boolean {
  const version = isIP(ip);
  return version === 0 || NOT_PUBLIC.check(ip, version === 4 ? 'ipv4' : 'ipv6');
}

function isPrivateName(host: string): boolean {
  const name = host.replace(/\.$/, '');
  return (
    !name.includes('.') || /\.(internal|local|localhost|localdomain|lan|intranet|corp|home|arpa)$/.test(name)
  );
}

function bareHost(host: string): string {
  return host.replace(/^\[|\]$/g, '').toLowerCase();
}

// IANA's special-purpose registries; an IPv4 rule also matches that address written as IPv6 (::ffff:…)
const NOT_PUBLIC = new BlockList();
for (const range of [
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24',
  '192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4',
].flatMap((line) => line.split(' '))) {
  const [net = '', bits] = range.split('/');
  NOT_PUBLIC.addSubnet(net, Number(bits), 'ipv4');
}
// the last two contain an IPv4 address
for (const range of '::/127 100::/64 2001:db8::/32 fc00::/7 fe80::/10 fec0::/10 ff00::/8 64:ff9b::/32 2002::/16'.split(
  ' ',
)) {
  const [net = '', bits] = range.split('/');
  NOT_PUBLIC.addSubnet(net, Number(bits), 'ipv6');
}

/**
 * Refuses private addresses, so that a public name cannot be pointed at an internal machine later. This
 * machine is allowed by its own names.
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
  const what = `${hostname} resolves to a private network, where tokens are sent only with ALLOW_PRIVATE_ADDRESSES=yes`;
  return Object.assign(new Error(what), { code: 'EPRIVATE' });
}
