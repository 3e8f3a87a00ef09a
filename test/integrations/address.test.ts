import { describe, expect, test } from 'vitest';
import {
  isPrivateAddress,
  isPrivateIp,
  normalBaseUrl,
  REGIONS,
  regionOf,
  wrongWithBaseUrl,
} from '../../src/integrations/address.js';

describe('an address for a token', () => {
  test.each(Object.entries(REGIONS))('can be the region %s', (region, url) => {
    expect(wrongWithBaseUrl(url)).toBeNull();
    expect(isPrivateAddress(url)).toBe(false);
    expect(regionOf(`${url}`)).toBe(region);
  });

  test.each([
    'https://mirror.example.org/abnormal/v1',
    'https://8.8.8.8/v1',
    'https://[2606:4700::1111]/v1',
    'http://127.0.0.1:8080/v1',
    'http://localhost/v1',
    'http://[::1]:9000/v1',
    'https://localhost/v1',
  ])('can be %s', (url) => {
    expect(wrongWithBaseUrl(url)).toBeNull();
    expect(isPrivateAddress(url)).toBe(false);
  });

  test('is stored in one form, however it was written', () => {
    expect(normalBaseUrl('HTTPS://API.Example.org:443/v1//')).toBe('https://api.example.org/v1');
    expect(regionOf('https://api.example.org/v1')).toBeNull();
  });
});

test.each([
  ['nothing', ''],
  ['no URL', 'api.example.org/v1'],
  ['plain http', 'http://api.example.org/v1'],
  ['plain http to what only begins like this machine', 'http://127.0.0.1.example.org/v1'],
  ['plain http to a name under localhost', 'http://localhost.example.org/v1'],
  ['another scheme', 'file:///etc/passwd'],
  ['another scheme', 'gopher://127.0.0.1/v1'],
  ['a user', 'https://user@api.example.org/v1'],
  ['a password', 'https://:secret@api.example.org/v1'],
  ['a query', 'https://api.example.org/v1?x=1'],
  ['a fragment', 'https://api.example.org/v1#x'],
])('an address is refused: %s', (_what, url) => {
  expect(wrongWithBaseUrl(url)).not.toBeNull();
});

describe('a private network', () => {
  test.each([
    // the metadata services of clouds, in every way in which the address can be written
    'https://169.254.169.254/latest',
    'https://[fd00:ec2::254]/latest',
    'https://0xa9fea9fe/latest',
    'https://2852039166/latest',
    'https://0251.0376.0251.0376/latest',
    'https://169.254.43518/latest',
    'https://[::ffff:169.254.169.254]/latest',
    'https://[::ffff:a9fe:a9fe]/latest',
    'https://[64:ff9b::a9fe:a9fe]/latest',
    'https://[2002:a9fe:a9fe::]/latest',
    'https://169。254。169。254/latest',
    'https://metadata.google.internal/v1',
    'https://metadata.google.internal./v1',
    'https://100.100.100.200/v1',
    'https://10.0.0.1/v1',
    'https://172.16.0.1/v1',
    'https://172.31.255.255/v1',
    'https://192.168.1.1/v1',
    'https://0.0.0.0/v1',
    'https://[::]/v1',
    'https://[fe80::1]/v1',
    'https://[fc00::1]/v1',
    'https://[::ffff:127.0.0.1]/v1',
    'https://mirror/v1',
    'https://mirror.local/v1',
    'https://printer.lan/v1',
    'https://some.localhost/v1',
  ])('includes %s', (url) => {
    expect(isPrivateAddress(url)).toBe(true);
  });

  test.each([
    '172.15.255.255',
    '172.32.0.1',
    '9.255.255.255',
    '11.0.0.1',
    '100.63.255.255',
    '100.128.0.1',
    '2001:4860::8888',
  ])('does not include the neighbour %s', (ip) => {
    expect(isPrivateIp(ip)).toBe(false);
  });

  test('includes text that is not an IP address, so that it is refused', () => {
    expect(isPrivateIp('example.org')).toBe(true);
  });
});
