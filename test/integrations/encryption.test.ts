import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  type Binding,
  createCipher,
  encryptionKeyId,
  NotOpenedError,
  newEncryptionKey,
  parseEncryptionKey,
  sealingKeyId,
} from '../../src/integrations/encryption.js';

const KEY = randomBytes(32);
const OTHER = randomBytes(32);
const TOKEN = 'aTokenOf.some-length_0123456789';
const BINDING: Binding = { integration: 'acme', purpose: 'token', audience: 'https://api.example.org/v1' };
const cipher = createCipher([KEY]);

/** Why a text does not open; `null` when it does. */
function reasonOf(open: () => string): string | null {
  try {
    open();
    return null;
  } catch (error) {
    if (error instanceof NotOpenedError) return error.reason;
    throw error;
  }
}

describe('an encrypted text', () => {
  test.each([TOKEN, '', 'ünïcode 🔑', 'x'.repeat(10_000)])('decrypts to the original', (text) => {
    expect(cipher.open(cipher.seal(text, BINDING), BINDING)).toBe(text);
  });

  test('differs each time, under a new nonce', () => {
    const all = Array.from({ length: 2000 }, () => cipher.seal(TOKEN, BINDING));
    const nonces = all.map((sealed) =>
      Buffer.from(sealed.split('.')[2] ?? '', 'base64url')
        .subarray(0, 12)
        .toString('hex'),
    );
    expect(new Set(nonces).size).toBe(2000);
  });

  test('names its key without revealing it', () => {
    const sealed = cipher.seal(TOKEN, BINDING);
    expect(sealingKeyId(sealed)).toBe(encryptionKeyId(KEY));
    expect(KEY.toString('hex')).not.toContain(encryptionKeyId(KEY));
    expect(encryptionKeyId(KEY)).toMatch(/^[\da-f]{8}$/);
  });

  test('does not decrypt with any changed bit', () => {
    const [version = '', keyId = '', text = ''] = cipher.seal(TOKEN, BINDING).split('.');
    const bytes = Buffer.from(text, 'base64url');
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ (1 << bit);
        const sealed = `${version}.${keyId}.${changed.toString('base64url')}`;
        expect(reasonOf(() => cipher.open(sealed, BINDING))).toBe('TAMPERED');
      }
    }
  });

  test('does not decrypt with any changed, removed or inserted character', () => {
    const sealed = cipher.seal(TOKEN, BINDING);
    const alphabet = 'Az09-_.+= \u0000';
    for (let at = 0; at <= sealed.length; at++) {
      for (const other of alphabet) {
        const changed = [
          sealed.slice(0, at) + other + sealed.slice(at + 1),
          sealed.slice(0, at) + other + sealed.slice(at),
        ];
        for (const text of changed) {
          if (text !== sealed)
            expect(
              reasonOf(() => cipher.open(text, BINDING)),
              text,
            ).not.toBeNull();
        }
      }
      if (at < sealed.length) {
        expect(
          reasonOf(() => cipher.open(sealed.slice(0, at) + sealed.slice(at + 1), BINDING)),
        ).not.toBeNull();
      }
    }
  });

  test.each(['', 'v1', 'v1.00000000.', 'v2.00000000.AAAA', `v1.00000000.${'A'.repeat(36)}`, TOKEN])(
    'does not include malformed text: %j',
    (text) => {
      expect(reasonOf(() => cipher.open(text, BINDING))).toMatch(/MALFORMED|UNKNOWN_KEY/);
    },
  );

  test.each([
    ['integration', { integration: 'acme-eu' }],
    ['purpose', { purpose: 'other' }],
    ['address', { audience: 'https://elsewhere.example.org/v1' }],
  ])('does not decrypt for another %s', (_what, other) => {
    const sealed = cipher.seal(TOKEN, BINDING);
    expect(reasonOf(() => cipher.open(sealed, { ...BINDING, ...other }))).toBe('TAMPERED');
  });

  test('does not decrypt if the bound values only have the same concatenation', () => {
    const sealed = cipher.seal(TOKEN, { ...BINDING, integration: 'a","b', purpose: 'c' });
    expect(reasonOf(() => cipher.open(sealed, { ...BINDING, integration: 'a', purpose: 'b","c' }))).toBe(
      'TAMPERED',
    );
  });
});

describe('encryption keys', () => {
  test('do not decrypt what another key encrypted, and the error names that key', () => {
    const sealed = cipher.seal(TOKEN, BINDING);
    expect(reasonOf(() => createCipher([OTHER]).open(sealed, BINDING))).toBe('UNKNOWN_KEY');
    expect(() => createCipher([OTHER]).open(sealed, BINDING)).toThrow(encryptionKeyId(KEY));
  });

  test('do not decrypt what another key with the same id encrypted', () => {
    const sealed = cipher.seal(TOKEN, BINDING).replace(encryptionKeyId(KEY), encryptionKeyId(OTHER));
    expect(reasonOf(() => createCipher([OTHER, KEY]).open(sealed, BINDING))).toBe('TAMPERED');
  });

  test('decrypt old texts with an older key, and encrypt with the newest one', () => {
    const both = createCipher([OTHER, KEY]);
    expect(both.open(cipher.seal(TOKEN, BINDING), BINDING)).toBe(TOKEN);
    const sealed = both.seal(TOKEN, BINDING);
    expect(createCipher([OTHER]).open(sealed, BINDING)).toBe(TOKEN);
    expect(reasonOf(() => cipher.open(sealed, BINDING))).toBe('UNKNOWN_KEY');
  });

  test('are random, and accepted in each encoding', () => {
    const made = newEncryptionKey();
    const key = parseEncryptionKey(made);
    expect(key?.length).toBe(32);
    expect(newEncryptionKey()).not.toBe(made);
    for (const form of ['hex', 'base64', 'base64url'] as const) {
      expect(parseEncryptionKey(KEY.toString(form))?.equals(KEY)).toBe(true);
    }
    expect(parseEncryptionKey(KEY.toString('hex').toUpperCase())?.equals(KEY)).toBe(true);
  });

  test.each([
    ['nothing', ''],
    ['a password', 'correct horse battery staple'],
    ['31 bytes', randomBytes(31).toString('base64')],
    ['33 bytes', randomBytes(33).toString('base64')],
    ['16 bytes in hex', randomBytes(16).toString('hex')],
    ['64 characters that are not hex', 'g'.repeat(64)],
    ['one byte over and over', Buffer.alloc(32, 7).toString('hex')],
    ['nought', Buffer.alloc(32).toString('base64')],
  ])('cannot be %s', (_what, text) => {
    expect(parseEncryptionKey(text)).toBeNull();
  });
});
