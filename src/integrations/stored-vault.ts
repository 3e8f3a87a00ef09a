import type { HistoryStore } from '../history/store.js';
import { changeDocument } from '../history/store-access.js';
import type { StoredDocument } from '../model/documents.js';
import {
  EARLIER_TOKENS_KEPT,
  factsOf,
  hasTokenTimes,
  type TokenTimes,
  withTokenTimes,
} from '../model/token.js';
import { type Instant, latest, shift, toInstant } from '../values/instant.js';
import { Secret } from '../values/secret.js';
import { ENVIRONMENT_ACCOUNT, SIMULATED_ACCOUNT } from './accounts.js';
import { isPrivateAddress, normalBaseUrl, REGIONS, RIGHT_ADDRESS, wrongWithBaseUrl } from './address.js';
import {
  type Binding,
  type Cipher,
  createCipher,
  NotOpenedError,
  parseEncryptionKey,
  sealingKeyId,
} from './encryption.js';
import {
  type Address,
  badAddress,
  busy,
  checkToken,
  describeStored,
  exists,
  heldAlready,
  hintOf,
  type IntegrationBody,
  type NewIntegration,
  noKey,
  notFound,
  notOpened,
  readBody,
  type StoredIntegration,
  VaultError,
} from './vault.js';

interface VaultOptions {
  readonly store: HistoryStore;
  /** `null` without `ENCRYPTION_KEY`: tokens can be neither stored nor read. */
  readonly cipher: Cipher | null;
  readonly allowPrivate: boolean;
  readonly clock: () => number;
}

const COLLECTION = 'integrations';
const PURPOSE = 'abnormal-token';
const ATTEMPTS = 20;

type Change = (body: IntegrationBody) => IntegrationBody | null;

/**
 * The stored integrations of a history that is open for writing or managing; for listing, reading is enough. Each token
 * is encrypted with `ENCRYPTION_KEY`, bound to its integration's name and address, and never returned to users.
 * Refusals are `VaultError`s.
 */
export class Vault {
  constructor(private readonly options: VaultOptions) {}

  async list(): Promise<StoredIntegration[]> {
    return (await this.options.store.documents(COLLECTION)).map(describeStored);
  }

  async get(name: string): Promise<StoredIntegration | null> {
    const document = await this.options.store.document(COLLECTION, name);
    return document && describeStored(document);
  }

  /** Refuses what `add` would refuse, before the user enters a token; returns the base URL. */
  async prepare(name: string, address: Address): Promise<string> {
    checkName(name);
    const baseUrl = this.resolve(address);
    if (await this.options.store.document(COLLECTION, name)) throw exists(name);
    this.cipher();
    // a vault under two keys, neither of which decrypts everything, could not be opened again
    await this.check();
    return baseUrl;
  }

  async add({ name, token, ...address }: NewIntegration): Promise<StoredIntegration> {
    const baseUrl = await this.prepare(name, address);
    const now = this.now();
    const sealed = this.sealed(name, baseUrl, token, now);
    const body = { ...sealed, baseUrl, createdAt: now, updatedAt: now, earlierTokens: [] };
    if (!(await this.options.store.putDocument(COLLECTION, name, body, 0))) throw exists(name);
    return describeStored({ id: name, version: 1, body });
  }

  /** Address and token change together: a token is only sent to the address it was given for. */
  update(name: string, address: Address, token: Secret): Promise<StoredIntegration> {
    const baseUrl = this.resolve(address);
    return this.change(name, (body) => this.replaced(name, body, baseUrl, token));
  }

  /** Whether it equals the stored token; false if that does not decrypt. */
  async holds(name: string, token: Secret): Promise<boolean> {
    return this.isHeld(name, readBody(await this.document(name)), token);
  }

  /** Replaces the token for the same address; `BAD_TOKEN` if it is the stored one. */
  rotate(name: string, token: Secret): Promise<StoredIntegration> {
    return this.change(name, (body) => {
      // its age would seem to restart
      if (this.isHeld(name, body, token)) throw heldAlready(name);
      return this.replaced(name, body, body.baseUrl, token);
    });
  }

  /** Stores what Abnormal reports about the token of `storedAt`, unless it was replaced. */
  async noteTimes(name: string, storedAt: Instant, times: TokenTimes): Promise<void> {
    await this.change(name, (body) =>
      body.storedAt !== storedAt || hasTokenTimes(body, times) ? null : withTokenTimes(body, times),
    );
  }

  /** Deletes the token. The integration's records stay in the history. */
  async remove(name: string): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { version } = await this.document(name);
      if (await this.options.store.removeDocument(COLLECTION, name, version)) return;
    }
    throw busy(name);
  }

  /**
   * For `integrations/` and the client's request only. With `storedAt`, exactly that token: `BUSY` if it was
   * replaced, because the new one may be for another address.
   */
  async reveal(name: string, storedAt?: Instant): Promise<Secret> {
    const body = readBody(await this.document(name));
    if (storedAt !== undefined && body.storedAt !== storedAt) throw busy(name);
    return this.open(name, body);
  }

  /** Encrypts every token with the current key; returns how many had another one. */
  async reseal(): Promise<{ resealed: number; current: number }> {
    await this.check();
    let resealed = 0;
    const documents = await this.options.store.documents(COLLECTION);
    for (const { id } of documents) if (await this.resealOne(id)) resealed++;
    return { resealed, current: documents.length - resealed };
  }

  /** Throws a `VaultError` that says what to do if a stored token does not decrypt. */
  async check(): Promise<void> {
    for (const document of await this.options.store.documents(COLLECTION)) {
      this.open(document.id, readBody(document));
    }
  }

  /** The base URL of an address to which a token may be sent. */
  resolve({ region, baseUrl }: Address): string {
    if (baseUrl === undefined) return REGIONS[region ?? 'us'];
    if (region !== undefined) throw badAddress('is given together with a region', 'one of the two, not both');
    const wrong = wrongWithBaseUrl(baseUrl);
    if (wrong !== null) throw badAddress(wrong, RIGHT_ADDRESS);
    if (this.options.allowPrivate || !isPrivateAddress(baseUrl)) return normalBaseUrl(baseUrl);
    const right = 'a public address, or ALLOW_PRIVATE_ADDRESSES=yes for a mirror in your own network';
    throw badAddress('resolves to a private network', right);
  }

  private async resealOne(name: string): Promise<boolean> {
    const { isChanged } = await this.write(name, (body) => {
      const cipher = this.cipher();
      if (sealingKeyId(body.sealed) === cipher.keyId) return null;
      const token = this.open(name, body);
      return { ...body, sealed: cipher.seal(token.reveal(), bindingOf(name, body.baseUrl)) };
    });
    return isChanged;
  }

  private async change(name: string, change: Change): Promise<StoredIntegration> {
    return describeStored((await this.write(name, change)).document);
  }

  private write(name: string, change: Change) {
    const changed = (document: StoredDocument) => {
      if (document.version === 0) throw notFound(name);
      const body = change(readBody(document));
      return body && { ...body, updatedAt: this.now() };
    };
    return changeDocument(this.options.store, COLLECTION, name, changed, () => busy(name));
  }

  private replaced(name: string, body: IntegrationBody, baseUrl: string, token: Secret): IntegrationBody {
    const { permissions: _earlier, ...others } = body;
    const facts = factsOf(body);
    const { storedAt } = facts;
    if (this.isHeld(name, body, token)) {
      return { ...body, ...this.sealed(name, baseUrl, token, storedAt), ...facts, baseUrl };
    }
    // the instant distinguishes consecutive tokens
    const now = latest(this.now(), shift(storedAt, 1));
    const earlier = { ...facts, replacedAt: now };
    return {
      ...others,
      ...this.sealed(name, baseUrl, token, now),
      baseUrl,
      earlierTokens: [...body.earlierTokens, earlier].slice(-EARLIER_TOKENS_KEPT),
    };
  }

  private sealed(name: string, baseUrl: string, token: Secret, now: Instant) {
    checkToken(token);
    const sealed = this.cipher().seal(token.reveal(), bindingOf(name, baseUrl));
    return { storedAt: now, issuedAt: null, expiresAt: null, hint: hintOf(token), sealed };
  }

  /** Whether it equals the stored token; false if that does not decrypt. */
  private isHeld(name: string, body: IntegrationBody, token: Secret): boolean {
    try {
      return this.open(name, body).reveal() === token.reveal();
    } catch (error) {
      if (error instanceof VaultError) return false;
      throw error;
    }
  }

  private open(name: string, { sealed, baseUrl }: IntegrationBody): Secret {
    const cipher = this.cipher(name);
    try {
      return new Secret(cipher.open(sealed, bindingOf(name, baseUrl)));
    } catch (error) {
      if (!(error instanceof NotOpenedError)) throw error;
      throw notOpened(name, error, cipher);
    }
  }

  private cipher(name: string | null = null): Cipher {
    const { cipher } = this.options;
    if (cipher) return cipher;
    throw noKey(name);
  }

  private async document(name: string): Promise<StoredDocument> {
    const document = await this.options.store.document(COLLECTION, name);
    if (document) return document;
    throw notFound(name);
  }

  private now(): Instant {
    return toInstant(this.options.clock());
  }
}

function bindingOf(integration: string, baseUrl: string): Binding {
  return { integration, purpose: PURPOSE, audience: baseUrl };
}

interface VaultSettings {
  readonly encryptionKeys: readonly Secret[];
  readonly allowPrivate: boolean;
}

/** The vault of a history without a check, for repairing one that does not decrypt. */
export function vaultOf(store: HistoryStore, settings: VaultSettings, clock: () => number): Vault {
  const { encryptionKeys, allowPrivate } = settings;
  return new Vault({ store, cipher: cipherOf(encryptionKeys), allowPrivate, clock });
}

/** Checks that every stored token decrypts. Throws a `VaultError` that says what to do otherwise. */
export async function openVault(
  store: HistoryStore,
  settings: VaultSettings,
  clock: () => number,
): Promise<Vault> {
  const vault = vaultOf(store, settings, clock);
  await vault.check();
  return vault;
}

export function cipherOf(keys: readonly Secret[]): Cipher | null {
  const [current, ...older] = keys.map((key) => keyOf(key.reveal()));
  return current ? createCipher([current, ...older]) : null;
}

function keyOf(text: string): Buffer {
  const key = parseEncryptionKey(text);
  if (key) return key;
  throw new TypeError('an encryption key that is invalid');
}

const TAKEN: Readonly<Record<string, string>> = {
  [ENVIRONMENT_ACCOUNT]: 'the account that ABNORMAL_TOKEN names in the environment',
  [SIMULATED_ACCOUNT]: 'the built-in simulated tenant',
};

export function checkForm(name: string, what: string): void {
  if (/^[a-z\d-]{1,40}$/.test(name)) return;
  const shown = JSON.stringify(name.slice(0, 60));
  const right = '1 to 40 characters from a to z, 0 to 9 and "-"';
  throw new VaultError('BAD_NAME', `${shown} cannot be ${what} name. Accepted: ${right}.`);
}

function checkName(name: string): void {
  checkForm(name, "an integration's");
  const owner = TAKEN[name];
  if (owner) throw new VaultError('BAD_NAME', `"${name}" is the name of ${owner}. Choose another name.`);
}
