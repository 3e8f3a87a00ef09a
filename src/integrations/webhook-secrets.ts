import { createHmac, randomBytes } from 'node:crypto';
import type { HistoryStore } from '../history/store.js';
import { changeDocument } from '../history/store-access.js';
import type { DocumentBody } from '../model/documents.js';
import { type Instant, toInstant } from '../values/instant.js';
import type { Secret } from '../values/secret.js';
import { type Binding, type Cipher, NotOpenedError, sealingKeyId } from './encryption.js';
import { checkForm } from './stored-vault.js';
import { busy, noKey, VaultError } from './vault.js';

/** In bytes, as Standard Webhooks asks for. */
const LEAST_BYTES = 24;
const MOST_BYTES = 64;
const PREFIX = 'whsec_';

/** The bytes of a secret; `null` if it is none. */
export function webhookKey(text: string): Buffer | null {
  const [, encoded = ''] = /^whsec_([\w+/-]+={0,2})$/.exec(text) ?? [];
  const key = Buffer.from(encoded, 'base64');
  return key.length >= LEAST_BYTES && key.length <= MOST_BYTES ? key : null;
}

export function newWebhookSecret(): string {
  return `${PREFIX}${randomBytes(32).toString('base64')}`;
}

interface SignedContent {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly timestamp: number;
  readonly body: string;
}

interface WebhookSecretsOptions {
  readonly store: HistoryStore;
  readonly cipher: Cipher | null;
  /** Those of the environment. */
  readonly fixed: ReadonlyMap<string, Secret>;
  readonly clock: () => number;
}

const COLLECTION = 'settings';
const ID_PREFIX = 'webhook-secret-';

/** The secrets that sign messages of webhooks, by name: those of the environment, and those stored encrypted. */
export class WebhookSecrets {
  constructor(private readonly options: WebhookSecretsOptions) {}

  /** The header `webhook-signature`: a signature for each secret. Throws a `VaultError` if one is missing. */
  async sign(names: readonly string[], { id, timestamp, body }: SignedContent): Promise<string> {
    const keys = await Promise.all(names.map((name) => this.key(name)));
    const signed = keys.map((key) =>
      createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64'),
    );
    return signed.map((signature) => `v1,${signature}`).join(' ');
  }

  /** Replaces the stored secret of that name by a new one, and returns it. */
  async create(name: string): Promise<string> {
    checkForm(name, "a secret's");
    if (this.options.fixed.has(name))
      throw new VaultError(
        'EXISTS',
        `WEBHOOK_SECRETS has the secret "${name}" already. Choose another name.`,
      );
    const secret = newWebhookSecret();
    const sealed = this.cipher(null).seal(secret, bindingOf(name));
    await this.put(name, () => ({ sealed, createdAt: this.now() }));
    return secret;
  }

  /** Encrypts every stored secret with the current key; returns how many had another one. */
  async reseal(): Promise<{ resealed: number; current: number }> {
    const documents = await this.options.store.documents(COLLECTION);
    const names = documents.flatMap(({ id, body }) =>
      id.startsWith(ID_PREFIX) && 'sealed' in body ? id.slice(ID_PREFIX.length) : [],
    );
    let resealed = 0;
    for (const name of names) {
      const cipher = this.cipher(name);
      if (sealingKeyId((await this.sealed(name)) ?? '') === cipher.keyId) continue;
      const sealed = cipher.seal(await this.stored(name), bindingOf(name));
      await this.put(name, (body) => ({ ...body, sealed }));
      resealed += 1;
    }
    return { resealed, current: names.length - resealed };
  }

  private async key(name: string): Promise<Buffer> {
    const fixed = this.options.fixed.get(name);
    const key = webhookKey(fixed ? fixed.reveal() : await this.stored(name));
    if (key) return key;
    throw new VaultError('NOT_OPENED', `The webhook secret "${name}" is not valid. ${renewal(name)}`);
  }

  private async stored(name: string): Promise<string> {
    const sealed = await this.sealed(name);
    if (sealed === null) {
      const advice = `Add it to WEBHOOK_SECRETS, or create it with: webhooks secret ${name}`;
      throw new VaultError('NOT_FOUND', `There is no webhook secret "${name}". ${advice}`);
    }
    try {
      return this.cipher(name).open(sealed, bindingOf(name));
    } catch (error) {
      if (!(error instanceof NotOpenedError)) throw error;
      const what = `The webhook secret "${name}" cannot be decrypted: ${error.message}. ${renewal(name)}`;
      throw new VaultError('NOT_OPENED', what, { cause: error });
    }
  }

  private async sealed(name: string): Promise<string | null> {
    const sealed = (await this.options.store.document(COLLECTION, ID_PREFIX + name))?.body.sealed;
    return typeof sealed === 'string' ? sealed : null;
  }

  private cipher(name: string | null): Cipher {
    if (this.options.cipher) return this.options.cipher;
    if (name === null) throw noKey(null);
    throw new VaultError('NO_KEY', `The webhook secret "${name}" is stored, but ENCRYPTION_KEY is not set.`);
  }

  private async put(name: string, change: (body: DocumentBody) => DocumentBody): Promise<void> {
    const { store } = this.options;
    const whyNot = () => busy(name, 'webhook secret');
    await changeDocument(store, COLLECTION, ID_PREFIX + name, ({ body }) => change(body), whyNot);
  }

  private now(): Instant {
    return toInstant(this.options.clock());
  }
}

function bindingOf(name: string): Binding {
  return { integration: name, purpose: 'webhook-secret', audience: '' };
}

function renewal(name: string): string {
  return `Create another one with: webhooks secret ${name}`;
}
