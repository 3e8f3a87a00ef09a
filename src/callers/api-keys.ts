import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { HistoryError } from '../history/errors.js';
import type { HistoryStore } from '../history/store.js';
import type { Log } from '../log.js';
import type { StoredDocument } from '../model/documents.js';
import { type Caller, ROLES, type Role } from '../values/access.js';
import { BoundedCache } from '../values/bounded-cache.js';
import { type Instant, toInstant, toMillis } from '../values/instant.js';

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

export type KeyRegistry = Pick<ApiKeys, 'create' | 'list' | 'revoke'>;

/** What a key may be called, in words. */
export const KEY_NAME = 'Accepted: up to 60 letters, digits, spaces, “.”, “_”, “-” or “@”.';

export function isKeyName(text: string): boolean {
  return /^[\p{L}\p{N}][\p{L}\p{N} ._@-]{0,59}$/u.test(text);
}

export type KeyState = 'ACTIVE' | 'REVOKED' | 'EXPIRED';

type KeyRefusal = 'UNKNOWN' | 'WRONG' | 'REVOKED' | 'EXPIRED';

interface ApiKeysOptions {
  readonly store: Pick<HistoryStore, 'document' | 'documents' | 'putDocument'>;
  readonly clock: () => number;
  readonly log: Log;
}

/** How long a change by another process may go unnoticed. */
export const KEY_CACHE_MS = 2_000;
/** How long a key that was read stays valid while the history is unavailable. */
export const KEY_OUTAGE_MS = 15 * 60_000;
const LAST_USE_MS = 60_000;
const HELD_BYTES = 1_000;

const COLLECTION = 'apiKeys';

interface Held {
  readonly checkedAt: number;
  readonly key: Promise<StoredKey | null>;
  readAt: number;
}

interface StoredKey extends ApiKeyRecord {
  readonly hash: Buffer;
  readonly version: number;
}

/**
 * A key is found by its id and compared by its hash. It is cached for two seconds, so that a revocation
 * elsewhere works within that time. While the history is unavailable, the last answer counts for a quarter of an hour.
 */
export class ApiKeys {
  readonly #held = new BoundedCache<Held>('apiKeys', () => HELD_BYTES);
  readonly #notedAt = new BoundedCache<number>('apiKeyUses', () => 0);
  readonly #writing = new Set<Promise<unknown>>();
  #any = false;
  #anyReadAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: ApiKeysOptions) {}

  /** Creates a key and returns it with its text, which is not stored. `lifetimeMs` `null`: no expiry. */
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

  async list(): Promise<ApiKeyRecord[]> {
    const documents = await this.options.store.documents(COLLECTION);
    const keys = documents.map(toKey).map(withoutHash);
    return keys.sort((a, b) => toMillis(a.createdAt) - toMillis(b.createdAt));
  }

  /** Revokes a key; `null` if the id is unknown. An earlier revocation time is kept. */
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

  /** Whether a key was ever created; revoking the last one does not open the gateway. */
  async areThere(): Promise<boolean> {
    const { store, clock } = this.options;
    if (this.#any || clock() - this.#anyReadAt < KEY_CACHE_MS) return this.#any;
    try {
      this.#any = (await store.documents(COLLECTION)).length > 0;
      this.#anyReadAt = clock();
    } catch (error) {
      if (!isOutage(error) || clock() - this.#anyReadAt > KEY_OUTAGE_MS) throw error;
    }
    return this.#any;
  }

  /** The caller with this key, or why it is refused. Throws if the history cannot be read. */
  async callerOf(parts: KeyParts): Promise<Caller | KeyRefusal> {
    const key = await this.#cached(parts.id);
    // an unknown id costs a comparison too, so that the time reveals nothing
    const isSame = isSameHash(key?.hash ?? NO_HASH, parts.hash);
    if (key === null) return 'UNKNOWN';
    if (!isSame) return 'WRONG';
    const state = stateOf(key, toInstant(this.options.clock()));
    if (state !== 'ACTIVE') return state;
    this.#noteUse(key);
    return { kind: 'API_KEY', id: key.id, name: key.name, role: key.role };
  }

  async close(): Promise<void> {
    await Promise.all(this.#writing);
  }

  #cached(id: string): Promise<StoredKey | null> {
    const now = this.options.clock();
    const held = this.#held.get(id);
    if (held && Math.abs(now - held.checkedAt) < KEY_CACHE_MS) return held.key;
    const key = this.#read(id).catch(async (error: unknown) => {
      const last = held && Math.abs(now - held.readAt) < KEY_OUTAGE_MS ? await held.key : null;
      if (last === null || !isOutage(error)) throw error;
      next.readAt = held?.readAt ?? now;
      return last;
    });
    const next: Held = { checkedAt: now, readAt: now, key };
    this.#held.set(id, next);
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

  /** Writes the last use at most once a minute; no caller waits for it, and a failure is ignored. */
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

function isOutage(error: unknown): boolean {
  return error instanceof HistoryError && error.code === 'UNAVAILABLE';
}

export function stateOf({ revokedAt, expiresAt }: ApiKeyRecord, now: Instant): KeyState {
  if (revokedAt !== null) return 'REVOKED';
  return expiresAt !== null && expiresAt <= now ? 'EXPIRED' : 'ACTIVE';
}

function withoutHash({ hash, version, ...key }: StoredKey): ApiKeyRecord {
  return key;
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

interface KeyParts {
  readonly id: string;
  /** SHA-256 of the secret, which itself is never stored. */
  readonly hash: Buffer;
}

const SHAPE = /^agk_([0-9a-f]{12})_([A-Za-z0-9_-]{43})([0-9a-f]{8})$/;

export const KEY_PREFIX = 'agk_';

/** A key is `agk_`, its id, `_`, 32 random bytes in base64url, and a CRC-32 of all that in hex. */
export function mintKey(): KeyParts & { readonly text: string } {
  const id = randomBytes(6).toString('hex');
  const secret = randomBytes(32).toString('base64url');
  const body = `${KEY_PREFIX}${id}_${secret}`;
  return { id, hash: keyHash(secret), text: `${body}${checksum(body)}` };
}

/** `null` if malformed, mistyped or cut off. */
export function parseKey(text: string): KeyParts | null {
  const [, id, secret, sum] = SHAPE.exec(text) ?? [];
  if (id === undefined || secret === undefined || checksum(text.slice(0, -8)) !== sum) return null;
  return { id, hash: keyHash(secret) };
}

/** Compares in constant time. */
export function isSameHash(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

export function keyHash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function checksum(body: string): string {
  return crc32(body).toString(16).padStart(8, '0');
}
