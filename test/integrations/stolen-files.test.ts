import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BSON, MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { audited } from '../../src/audit-trail.js';
import { openStore } from '../../src/history/open-store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { createCipher, parseEncryptionKey } from '../../src/integrations/encryption.js';
import { Vault } from '../../src/integrations/stored-vault.js';
import { noteEnvironmentToken } from '../../src/integrations/token-history.js';
import { Secret } from '../../src/values/secret.js';
import { testMongo } from '../support/mongo.js';

const KEY = randomBytes(32);
const OLD_KEY = randomBytes(32);
/** Every token that was ever given: present, replaced, removed, refused, in the environment. */
const TOKENS = Array.from({ length: 6 }, () => randomBytes(30).toString('base64url'));
const [present = '', replaced = '', removed = '', refused = '', environment = '', resealed = ''] = TOKENS;

const clock = () => Date.parse('2026-03-01T12:00:00Z');
const caller = { kind: 'COMMAND_LINE', id: 'test', name: 'test', role: 'admin' } as const;

/** Does all that brings a token near a history. */
async function fill(store: HistoryStore): Promise<void> {
  const options = { store, allowPrivate: false, clock };
  const old = new Vault({ ...options, cipher: createCipher([OLD_KEY]) });
  const vault = new Vault({ ...options, cipher: createCipher([KEY, OLD_KEY]) });
  const add = (name: string, token: string, to = vault) => to.add({ name, token: new Secret(token) });
  await add('resealed', resealed, old);
  await vault.reseal();
  await add('acme', replaced);
  await vault.rotate('acme', new Secret(present));
  await add('gone', removed);
  await vault.remove('gone');
  const done = { caller, action: 'CONNECT_INTEGRATION', target: 'acme' } as const;
  await audited({ store, clock }, done, () => add('acme', refused)).catch(() => undefined);
  await audited({ store, clock }, done, () => add('bad', `Bearer ${refused}`)).catch(() => undefined);
  await noteEnvironmentToken(store, new Secret(refused), clock);
  await noteEnvironmentToken(store, new Secret(environment), clock);
}

/** What a text looks like in each way in which it might have been written. */
function formsOf(text: string): Map<string, Buffer> {
  const utf8 = Buffer.from(text);
  const utf16 = Buffer.from(text, 'utf16le');
  const forms = new Map([
    ['as it is', utf8],
    ['in UTF-16, little endian', utf16],
    ['in UTF-16, big endian', Buffer.from(utf16).swap16()],
    ['in hex', Buffer.from(utf8.toString('hex'))],
    ['in upper-case hex', Buffer.from(utf8.toString('hex').toUpperCase())],
    ['backwards', Buffer.from(utf8).reverse()],
    ['percent-encoded', Buffer.from([...utf8].map((byte) => `%${byte.toString(16)}`).join(''))],
  ]);
  for (let before = 0; before < 3; before++) {
    // what stands before it shifts the whole; the characters at the edges have bits of their neighbours
    const encoded = Buffer.concat([Buffer.alloc(before), utf8])
      .toString('base64')
      .slice(4, -4);
    forms.set(`in base64, ${before} bytes in`, Buffer.from(encoded));
    forms.set(
      `in base64url, ${before} bytes in`,
      Buffer.from(Buffer.from(encoded, 'base64').toString('base64url')),
    );
  }
  return forms;
}

function formsFound(stolen: Buffer): string[] {
  return TOKENS.flatMap((token, index) =>
    [...formsOf(token)]
      .filter(([, bytes]) => stolen.includes(bytes))
      .map(([form]) => `token ${index} ${form}`),
  );
}

/** Everything in a dump that could be a key, or from which one could have been made. */
function keysIn(stolen: Buffer): Buffer[] {
  const words = new Set(stolen.toString('latin1').match(/[\w+/=.:-]{8,}/g) ?? []);
  const hashed = [...words].map((word) => createHash('sha256').update(word).digest());
  const read = [...words].flatMap((word) => parseEncryptionKey(word) ?? []);
  return [...hashed, ...read];
}

function openWith(sealed: string, key: Buffer): string | null {
  for (const integration of ['acme', 'resealed']) {
    try {
      const audience = 'https://api.abnormalplatform.com/v1';
      return createCipher([key]).open(sealed, { integration, purpose: 'abnormal-token', audience });
    } catch {
      // another one
    }
  }
  return null;
}

function checks(stolen: () => Buffer): void {
  test('contains no token in any encoding', () => {
    expect(formsFound(stolen())).toEqual([]);
  });

  test('contains ciphertexts of the tokens, which only the key decrypts', () => {
    const sealed = [
      ...new Set(
        stolen()
          .toString('latin1')
          .match(/v1\.[\da-f]{8}\.[\w-]{40,}/g) ?? [],
      ),
    ];
    expect(sealed.map((text) => openWith(text, KEY))).toEqual(expect.arrayContaining([present, resealed]));
    const keys = keysIn(stolen());
    expect(keys.length).toBeGreaterThan(20);
    const opened = sealed.flatMap((text) => keys.flatMap((key) => openWith(text, key) ?? []));
    expect(opened).toEqual([]);
    expect([KEY, OLD_KEY].some((key) => stolen().includes(key))).toBe(false);
  });
}

test('would be found to contain a token in any encoding', () => {
  for (const [form, bytes] of formsOf(present)) {
    const dump = Buffer.concat([randomBytes(100), bytes, randomBytes(100)]);
    expect(formsFound(dump), form).toContain(`token 0 ${form}`);
  }
});

describe('a stolen SQLite file with the files next to it', () => {
  let folder: string;
  let store: HistoryStore;
  let whileOpen: Buffer;
  let closed: Buffer;
  const read = () => Buffer.concat(readdirSync(folder).map((name) => readFileSync(join(folder, name))));

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'stolen-'));
    store = await openStore(`sqlite:${join(folder, 'history.db')}`, 'write');
    await fill(store);
    whileOpen = read();
    await store.close();
    closed = read();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  describe('while the gateway runs', () => checks(() => whileOpen));
  describe('after it has ended', () => checks(() => closed));
});

const mongo = await testMongo();

describe.skipIf(mongo === null)('a dump of a MongoDB database', () => {
  let url: string;
  let dump: Buffer;

  beforeAll(async () => {
    url = mongo?.freshUrl() ?? '';
    const store = await openStore(url, 'write');
    await fill(store);
    await store.close();
    dump = await dumpOf(url);
  });
  afterAll(() => mongo?.drop(url));

  checks(() => dump);
});

/** All documents of all collections, as they are sent. */
async function dumpOf(url: string): Promise<Buffer> {
  const client = new MongoClient(url);
  try {
    const parts: Buffer[] = [];
    for (const { name } of await client.db().listCollections().toArray()) {
      const documents = await client.db().collection(name).find().toArray();
      parts.push(...documents.map((each) => Buffer.from(BSON.serialize(each))));
    }
    return Buffer.concat(parts);
  } finally {
    await client.close();
  }
}
