import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import type { HistoryStore } from '../history/store.js';
import type { Log } from '../log.js';
import type { StoredDocument } from '../model/documents.js';
import { type Caller, ROLES, type Role } from '../values/access.js';
import { BoundedCache } from '../values/bounded-cache.js';
import { type Instant, toInstant, toMillis } from '../values/instant.js';

/** An API key as it is kept: everything but the key. */
export interface ApiKeyRecord {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly createdAt: Instant;
  readonly expiresAt: Instant | null;
  readonly revokedAt: Instant | null;
  /** To about a minute. */
  readonly lastUsedAt: Instant | null;
}

/** The keys, for whoever has to do with them. */
export type KeyRegistry = Pick<ApiKeys, 'create' | 'list' | 'revoke'>;

/** What a key may be called, in words. */
export const KEY_NAME = 'Accepted: up to 60 letters, digits, spaces, “.”, “_”, “-” or “@”.';

/** Whether a key may be called so: nothing that a terminal or a table would trip over. */
export function isKeyName(text: string): boolean {
  return /^[\p{L}\p{N}][\p{L}\p{N} ._@-]{0,59}$/u.test(text);
}

/** Whether a key lets anybody in. */
export type KeyState = 'ACTIVE' | 'REVOKED' | 'EXPIRED';

/** Why a key lets nobody in. */
type KeyRefusal = 'UNKNOWN' | 'WRONG' | 'REVOKED' | 'EXPIRED';

interface ApiKeysOptions {
  readonly store: Pick<HistoryStore, 'document' | 'documents' | 'putDocument'>;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly log: Log;
}

/** How long what another process does to a key may go unseen. */
export const KEY_CACHE_MS = 2_000;
const LAST_USE_MS = 60_000;
/** What is known of one: names are short. */
const HELD_BYTES = 1_000;

const COLLECTION = 'apiKeys';

interface Held {
  readonly readAt: number;
  readonly key: Promise<StoredKey | null>;
}

interface StoredKey extends ApiKeyRecord {
  readonly hash: Buffer;
  readonly version: number;
}

/**
 * The API keys of the history. A key is looked up by its id and compared by its hash; what was read of it serves
 * for two seconds, so that one revoked elsewhere stops working here within that time.
 */
export class ApiKeys {
  readonly #held = new BoundedCache<Held>('apiKeys', () => HELD_BYTES);
  readonly #notedAt = new BoundedCache<number>('apiKeyUses', () => 0);
  readonly #writing = new Set<Promise<unknown>>();
  #any = false;
  #anyReadAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: ApiKeysOptions) {}

  /** Makes a key, and gives it with its text, which is kept nowhere. `lifetimeMs` `null`: it has no end. */
  async create(
    name: string,
    role: Role,
    lifetimeMs: number | null,
  ): Promise<{ key: ApiKeyRecord; text: string }> {
    const { store, clock } = this.options;
    const { id, hash, text } = mintKey();
    const now = clock();
    const expiresAt = lifetimeMs === null ? null : toInstant(now + lifetimeMs);
    const key = { name, role, createdAt: toInstant(now), expiresAt, revokedAt: null, lastUsedAt: null };
    const body = { ...key, hash: hash.toString('hex') };
    if (!(await store.putDocument(COLLECTION, id, body, 0))) throw new Error(`the key ${id} already exists`);
    this.#held.delete(id);
    this.#any = true;
    return { key: { id, ...key }, text };
  }

  /** All keys ever made, the oldest first. */
  async list(): Promise<ApiKeyRecord[]> {
    const documents = await this.options.store.documents(COLLECTION);
    const keys = documents.map(toKey).map(withoutHash);
    return keys.sort((a, b) => toMillis(a.createdAt) - toMillis(b.createdAt));
  }

  /** Makes a key stop working; `null` where there is none with this id. One revoked before stays as it was. */
  async revoke(id: string): Promise<ApiKeyRecord | null> {
    const revokedAt = toInstant(this.options.clock());
    try {
      for (;;) {
        const key = await this.#read(id);
        if (key === null || key.revokedAt !== null) return key && withoutHash(key);
        if (await this.#write({ ...key, revokedAt })) return withoutHash({ ...key, revokedAt });
      }
    } finally {
      this.#held.delete(id);
    }
  }

  /** Whether a key was ever made: one that was revoked since does not open what it closed. */
  async areThere(): Promise<boolean> {
    const { store, clock } = this.options;
    if (this.#any || clock() - this.#anyReadAt < KEY_CACHE_MS) return this.#any;
    this.#any = (await store.documents(COLLECTION)).length > 0;
    this.#anyReadAt = clock();
    return this.#any;
  }

  /** Who shows a key; or why nobody is let in by it. Throws where the history cannot be read. */
  async callerOf(parts: KeyParts): Promise<Caller | KeyRefusal> {
    const key = await this.#cached(parts.id);
    // an unknown id takes a comparison as well, so that the time says nothing of it
    const isSame = isSameHash(key?.hash ?? NO_HASH, parts.hash);
    if (key === null) return 'UNKNOWN';
    if (!isSame) return 'WRONG';
    const state = stateOf(key, toInstant(this.options.clock()));
    if (state !== 'ACTIVE') return state;
    this.#noteUse(key);
    return { kind: 'API_KEY', id: key.id, name: key.name, role: key.role };
  }

  /** Waits for what is being written of last uses. */
  async close(): Promise<void> {
    await Promise.all(this.#writing);
  }

  #cached(id: string): Promise<StoredKey | null> {
    const now = this.options.clock();
    const held = this.#held.get(id);
    if (held && Math.abs(now - held.readAt) < KEY_CACHE_MS) return held.key;
    const key = this.#read(id);
    this.#held.set(id, { readAt: now, key });
    key.catch(() => this.#held.delete(id));
    return key;
  }

  async #read(id: string): Promise<StoredKey | null> {
    const document = await this.options.store.document(COLLECTION, id);
    return document && toKey(document);
  }

  #write({ id, version, hash, ...key }: StoredKey): Promise<boolean> {
    return this.options.store.putDocument(COLLECTION, id, { ...key, hash: hash.toString('hex') }, version);
  }

  /** Writes when a key was last used, at most once a minute; nobody waits for it, and if it fails nothing is lost. */
  #noteUse(key: StoredKey): void {
    const now = this.options.clock();
    const notedAt = Math.max(this.#notedAt.get(key.id) ?? 0, key.lastUsedAt ? toMillis(key.lastUsedAt) : 0);
    if (Math.abs(now - notedAt) < LAST_USE_MS) return;
    this.#notedAt.set(key.id, now);
    const writing = this.#write({ ...key, lastUsedAt: toInstant(now) })
      .catch((err: unknown) =>
        this.options.log.debug({ err, key: key.id }, 'the last use of a key could not be stored'),
      )
      .finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
  }
}

const NO_HASH = Buffer.alloc(32);

/** Whether a key lets anybody in at `now`, and if not, why. */
export function stateOf({ revokedAt, expiresAt }: ApiKeyRecord, now: Instant): KeyState {
  if (revokedAt !== null) return 'REVOKED';
  return expiresAt !== null && expiresAt <= now ? 'EXPIRED' : 'ACTIVE';
}

function withoutHash({
  id,
  name,
  role,
  createdAt,
  expiresAt,
  revokedAt,
  lastUsedAt,
}: ApiKeyRecord): ApiKeyRecord {
  return { id, name, role, createdAt, expiresAt, revokedAt, lastUsedAt };
}

const instant = z.string();
const BODY = z.object({
  name: z.string(),
  role: z.enum(ROLES),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  createdAt: instant,
  expiresAt: instant.nullable(),
  revokedAt: instant.nullable(),
  lastUsedAt: instant.nullable(),
});

function toKey({ id, version, body }: StoredDocument): StoredKey {
  const { hash, ...key } = BODY.parse(body);
  return { id, version, ...key, hash: Buffer.from(hash, 'hex') };
}

/** The parts of an API key that say which it is and that it is. */
interface KeyParts {
  readonly id: string;
  /** SHA-256 of the secret part: all that is ever kept of it. */
  readonly hash: Buffer;
}

/** A new key as its caller will show it, which is the only place where all of it is. */
interface MintedKey extends KeyParts {
  readonly text: string;
}

const SHAPE = /^agk_([0-9a-f]{12})_([A-Za-z0-9_-]{43})([0-9a-f]{8})$/;

/** What every key begins with, so that people and scanners of secrets know one when they see it. */
export const KEY_PREFIX = 'agk_';

/** Makes a key: `agk_`, its id, `_`, 32 random bytes in base64url, and a CRC-32 of all that in hex. */
export function mintKey(): MintedKey {
  const id = randomBytes(6).toString('hex');
  const secret = randomBytes(32).toString('base64url');
  const body = `${KEY_PREFIX}${id}_${secret}`;
  return { id, hash: keyHash(secret), text: `${body}${checksum(body)}` };
}

/** Takes a key apart; `null` where it is none, or was mistyped or cut off. */
export function parseKey(text: string): KeyParts | null {
  const [, id, secret, sum] = SHAPE.exec(text) ?? [];
  if (id === undefined || secret === undefined || checksum(text.slice(0, -8)) !== sum) return null;
  return { id, hash: keyHash(secret) };
}

/** Whether two hashes are the same, in a time that does not say where they differ. */
export function isSameHash(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

export function keyHash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function checksum(body: string): string {
  return crc32(body).toString(16).padStart(8, '0');
}
