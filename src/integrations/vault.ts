import type { HistoryStore } from '../history/store.js';
import type { StoredDocument } from '../model/document.js';
import { type Instant, latest, shift, toInstant } from '../model/instant.js';
import {
  isPrivateAddress,
  normalBaseUrl,
  REGIONS,
  type Region,
  RIGHT_ADDRESS,
  wrongWithBaseUrl,
} from './address.js';
import { type Binding, type Cipher, NotOpenedError, sealingKeyId } from './cipher.js';
import { MAKES_KEY } from './encryption-key.js';
import { checkName } from './integration-name.js';
import { Secret } from './secret.js';
import {
  describeStored,
  type IntegrationBody,
  readBody,
  type StoredIntegration,
  writeBody,
} from './stored-integration.js';
import { checkToken, tokenHint } from './token-text.js';
import { VaultError } from './vault-error.js';

/** Where an integration is read from: a region, or an address of its own; the US region unless given. */
export interface Address {
  readonly region?: Region | undefined;
  readonly baseUrl?: string | undefined;
}

/** What Abnormal says of a token. */
export interface TokenTimes {
  readonly issuedAt: Instant | null;
  readonly expiresAt: Instant | null;
}

export interface NewIntegration extends Address {
  readonly name: string;
  readonly token: Secret;
}

/**
 * The integrations that are kept, each with its token, which is write-only: it is sealed under
 * `ENCRYPTION_KEY`, bound to its integration's name and address. Every refusal is a `VaultError`.
 */
export interface Vault {
  /** By name. */
  list(): Promise<StoredIntegration[]>;
  /** `null` where there is none. */
  get(name: string): Promise<StoredIntegration | null>;
  /** Refuses what `add` would refuse, before anybody is asked for a token; gives the address that is meant. */
  prepare(name: string, address: Address): Promise<string>;
  add(integration: NewIntegration): Promise<StoredIntegration>;
  /** The address that is meant, as it is kept. */
  resolve(address: Address): string;
  /**
   * Another address, with a token for it: a token is never sent elsewhere than where whoever gave it said,
   * and Abnormal's tokens work in one region only.
   */
  update(name: string, address: Address, token: Secret): Promise<StoredIntegration>;
  /** Another token for the same address. */
  rotate(name: string, token: Secret): Promise<StoredIntegration>;
  /** Notes what Abnormal says of the token stored at `storedAt`; nothing happens when another is there by now. */
  noteTimes(name: string, storedAt: Instant, times: TokenTimes): Promise<void>;
  /** Forgets the token. What was recorded of the integration stays in the history. */
  remove(name: string): Promise<void>;
  /**
   * The token, which only `integrations/` and the client's request may look into. With `storedAt`, that very one:
   * `BUSY` when another is there by now, which may be meant for another address.
   */
  reveal(name: string, storedAt?: Instant): Promise<Secret>;
  /** Seals every token under the current key; how many were under another. */
  reseal(): Promise<{ readonly resealed: number; readonly current: number }>;
  /** Throws a `VaultError` that says what to do when a stored token does not open. */
  check(): Promise<void>;
}

export interface VaultOptions {
  readonly store: HistoryStore;
  /** `null` without `ENCRYPTION_KEY`: then tokens can be neither kept nor opened. */
  readonly cipher: Cipher | null;
  /** Whether tokens may be sent into private networks. */
  readonly allowPrivate: boolean;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

/** The vault over a history open for writing or managing; one open for reading will do to look. */
export function createVault(options: VaultOptions): Vault {
  return new DocumentVault(options);
}

const COLLECTION = 'integrations';
const PURPOSE = 'abnormal-token';
const ATTEMPTS = 20;
/** Earlier tokens that are remembered: at one in 90 days, more than ten years. */
const REMEMBERED = 50;

class DocumentVault implements Vault {
  constructor(private readonly options: VaultOptions) {}

  async list(): Promise<StoredIntegration[]> {
    return (await this.options.store.documents(COLLECTION)).map(describeStored);
  }

  async get(name: string): Promise<StoredIntegration | null> {
    const document = await this.options.store.document(COLLECTION, name);
    return document && describeStored(document);
  }

  async prepare(name: string, address: Address): Promise<string> {
    checkName(name);
    const baseUrl = this.resolve(address);
    if (await this.options.store.document(COLLECTION, name)) throw exists(name);
    this.cipher();
    // a vault under two keys, neither of which opens everything, would not start again
    await this.check();
    return baseUrl;
  }

  async add({ name, token, ...address }: NewIntegration): Promise<StoredIntegration> {
    const baseUrl = await this.prepare(name, address);
    const now = this.now();
    const sealed = this.sealed(name, baseUrl, token, now);
    const body = { ...sealed, baseUrl, createdAt: now, updatedAt: now, earlierTokens: [] };
    const isNew = await this.options.store.putDocument(COLLECTION, name, writeBody(body), 0);
    if (!isNew) throw exists(name);
    return describeStored({ id: name, version: 1, body: writeBody(body) });
  }

  update(name: string, address: Address, token: Secret): Promise<StoredIntegration> {
    const baseUrl = this.resolve(address);
    return this.change(name, (body) => this.replaced(name, body, baseUrl, token));
  }

  rotate(name: string, token: Secret): Promise<StoredIntegration> {
    return this.change(name, (body) => this.replaced(name, body, body.baseUrl, token));
  }

  async noteTimes(name: string, storedAt: Instant, { issuedAt, expiresAt }: TokenTimes): Promise<void> {
    await this.change(name, (body) => {
      const isSame = body.issuedAt === issuedAt && body.expiresAt === expiresAt;
      return body.storedAt !== storedAt || isSame ? null : { ...body, issuedAt, expiresAt };
    });
  }

  async remove(name: string): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { version } = await this.document(name);
      if (await this.options.store.removeDocument(COLLECTION, name, version)) return;
    }
    throw busy(name);
  }

  async reveal(name: string, storedAt?: Instant): Promise<Secret> {
    const body = readBody(await this.document(name));
    if (storedAt !== undefined && body.storedAt !== storedAt) throw busy(name);
    return this.open(name, body);
  }

  async reseal(): Promise<{ resealed: number; current: number }> {
    await this.check();
    let resealed = 0;
    const documents = await this.options.store.documents(COLLECTION);
    for (const { id } of documents) if (await this.resealOne(id)) resealed++;
    return { resealed, current: documents.length - resealed };
  }

  async check(): Promise<void> {
    for (const document of await this.options.store.documents(COLLECTION)) {
      this.open(document.id, readBody(document));
    }
  }

  resolve({ region, baseUrl }: Address): string {
    if (baseUrl === undefined) return REGIONS[region ?? 'us'];
    if (region !== undefined) throw badAddress('is given beside a region', 'one of the two, not both');
    const wrong = wrongWithBaseUrl(baseUrl);
    if (wrong !== null) throw badAddress(wrong, RIGHT_ADDRESS);
    if (!this.options.allowPrivate && isPrivateAddress(baseUrl)) {
      const right =
        'a public one, or ALLOW_PRIVATE_ADDRESSES=yes where a mirror in your own network is meant';
      throw badAddress('leads into a private network', right);
    }
    return normalBaseUrl(baseUrl);
  }

  private async resealOne(name: string): Promise<boolean> {
    let isResealed = false;
    await this.change(name, (body) => {
      const cipher = this.cipher();
      isResealed = sealingKeyId(body.sealed) !== cipher.keyId;
      if (!isResealed) return null;
      const token = this.open(name, body);
      return { ...body, sealed: cipher.seal(token.reveal(), bindingOf(name, body.baseUrl)) };
    });
    return isResealed;
  }

  /** Writes what `change` makes of an integration as it stands, again when somebody else was faster. */
  private async change(
    name: string,
    change: (body: IntegrationBody) => IntegrationBody | null,
  ): Promise<StoredIntegration> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const document = await this.document(name);
      const changed = change(readBody(document));
      if (changed === null) return describeStored(document);
      const body = writeBody({ ...changed, updatedAt: this.now() });
      if (await this.options.store.putDocument(COLLECTION, name, body, document.version)) {
        return describeStored({ id: name, version: document.version + 1, body });
      }
    }
    throw busy(name);
  }

  private replaced(name: string, body: IntegrationBody, baseUrl: string, token: Secret): IntegrationBody {
    const { storedAt, issuedAt, expiresAt } = body;
    // the instant tells one token from the next
    const now = latest(this.now(), shift(storedAt, 1));
    const earlier = { storedAt, issuedAt, expiresAt, replacedAt: now };
    return {
      ...body,
      ...this.sealed(name, baseUrl, token, now),
      baseUrl,
      earlierTokens: [...body.earlierTokens, earlier].slice(-REMEMBERED),
    };
  }

  private sealed(name: string, baseUrl: string, token: Secret, now: Instant) {
    checkToken(token);
    const text = token.reveal();
    const sealed = this.cipher().seal(text, bindingOf(name, baseUrl));
    return { storedAt: now, issuedAt: null, expiresAt: null, hint: tokenHint(text), sealed };
  }

  private open(name: string, { sealed, baseUrl }: IntegrationBody): Secret {
    const cipher = this.cipher(name);
    try {
      return new Secret(cipher.open(sealed, bindingOf(name, baseUrl)));
    } catch (error) {
      if (!(error instanceof NotOpenedError)) throw error;
      throw new VaultError('NOT_OPENED', notOpened(name, error, cipher), { cause: error });
    }
  }

  private cipher(name?: string): Cipher {
    const { cipher } = this.options;
    if (cipher) return cipher;
    const what =
      name === undefined
        ? `A token is only kept encrypted, and ENCRYPTION_KEY is not set. Make one with: ${MAKES_KEY}`
        : `The integration "${name}" is stored, and ENCRYPTION_KEY, under which its token is encrypted, is not set. Set it to the key that was there when the integration was added; if that is lost, remove the integration (integrations remove ${name}; its history stays).`;
    throw new VaultError('NO_KEY', what);
  }

  private async document(name: string): Promise<StoredDocument> {
    const document = await this.options.store.document(COLLECTION, name);
    if (document) return document;
    throw new VaultError(
      'NOT_FOUND',
      `No integration "${name}" is stored. Those that are: integrations list`,
    );
  }

  private now(): Instant {
    return toInstant(this.options.clock());
  }
}

function bindingOf(integration: string, baseUrl: string): Binding {
  return { integration, purpose: PURPOSE, audience: baseUrl };
}

function notOpened(name: string, { reason, message }: NotOpenedError, cipher: Cipher): string {
  const known = cipher.knownKeyIds.join(', ');
  const again = `give its token again (integrations rotate ${name}) or remove it (integrations remove ${name}; its history stays)`;
  return reason === 'UNKNOWN_KEY'
    ? `ENCRYPTION_KEY is not the key for the token of the integration "${name}": ${message}, and ENCRYPTION_KEY holds ${known}. Put that key back, after the current one and a comma (current,older). If it is lost, ${again}.`
    : `The stored token of the integration "${name}" does not open: ${message}. Restore the history from a backup, or ${again}.`;
}

function badAddress(wrong: string, right: string): VaultError {
  return new VaultError('BAD_ADDRESS', `The address ${wrong}. Right: ${right}.`);
}

function exists(name: string): VaultError {
  const what = `An integration "${name}" is there already. For another token: integrations rotate ${name}`;
  return new VaultError('EXISTS', what);
}

function busy(name: string): VaultError {
  return new VaultError('BUSY', `Others keep changing the integration "${name}"; try again.`);
}
