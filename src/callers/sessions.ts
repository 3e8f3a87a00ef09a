import { randomBytes } from 'node:crypto';
import { EncryptJWT, jwtDecrypt } from 'jose';
import type { HistoryStore } from '../history/store.js';
import { HOUR } from '../values/instant.js';

/** How long a browser stays signed in; never longer than its key or token is valid. */
export const SESSION_MS = 4 * HOUR;

/** A cookie has 4,096 bytes, of which its name and attributes take some. */
const MOST_BYTES = 3_900;

const DOCUMENT = 'sessionKey';
const AUDIENCE = 'abnormal-gateway/session';

interface SessionsOptions {
  readonly store: Pick<HistoryStore, 'document' | 'putDocument'>;
  readonly clock: () => number;
}

/**
 * A session is the caller's credential, encrypted: a reader of the history who has no cookie cannot make one, and a revoked
 * key ends its sessions. The encryption key is in the history, so that every replica opens every session.
 */
export class Sessions {
  #key: Promise<Uint8Array> | null = null;

  constructor(private readonly options: SessionsOptions) {}

  /** The text of a new session; `null` if the credential is too long for a cookie. */
  async seal(credential: string): Promise<string | null> {
    const now = this.options.clock();
    const text = await new EncryptJWT({ credential })
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .setAudience(AUDIENCE)
      .setExpirationTime(new Date(now + SESSION_MS))
      .encrypt(await this.#secret());
    return text.length > MOST_BYTES ? null : text;
  }

  /** The credential; `null` if the session has ended or is not one. Throws if the history cannot be read. */
  async open(text: string): Promise<string | null> {
    if (text.length > MOST_BYTES) return null;
    const key = await this.#secret();
    try {
      const currentDate = new Date(this.options.clock());
      const { payload } = await jwtDecrypt(text, key, {
        ...{ audience: AUDIENCE, currentDate, requiredClaims: ['exp', 'credential'] },
        ...{ keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] },
      });
      return String(payload.credential);
    } catch {
      return null;
    }
  }

  #secret(): Promise<Uint8Array> {
    this.#key ??= this.#readSecret().catch((error: unknown) => {
      this.#key = null;
      throw error;
    });
    return this.#key;
  }

  /** Of two replicas that create it at once, one is faster, and both use that one. */
  async #readSecret(): Promise<Uint8Array> {
    const { store } = this.options;
    const known = await store.document('settings', DOCUMENT);
    if (known) return Buffer.from(String(known.body.key), 'base64url');
    const key = randomBytes(32);
    if (await store.putDocument('settings', DOCUMENT, { key: key.toString('base64url') }, 0)) return key;
    return this.#readSecret();
  }
}
