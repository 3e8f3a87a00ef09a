import { type Signer, signerOf } from '../evidence/seal/signing-key.js';
import { isLoopback, REGIONS, RIGHT_ADDRESS, wrongWithBaseUrl } from '../integrations/address.js';
import { encryptionKeyId, parseEncryptionKey } from '../integrations/encryption.js';
import { webhookKey } from '../integrations/webhook-secrets.js';
import { RIGHT_TOKEN, wrongWithToken } from '../model/token.js';
import {
  type CostLimits,
  DEFAULT_COST_LIMITS,
  DEFAULT_QUERY_LIMITS,
  type QueryLimits,
  REDACTION_GROUPS,
  type RedactionGroup,
} from '../values/access.js';
import { Secret } from '../values/secret.js';
import { listed, quote, type Variable, type VariableReader } from './reader.js';

export interface AccountConfig {
  readonly token: Secret;
  readonly baseUrl: string;
}

/** `null` without a token. */
export function readAccount(read: VariableReader): AccountConfig | null {
  const region = read.oneOf('ABNORMAL_REGION', Object.keys(REGIONS) as (keyof typeof REGIONS)[]);
  const given = baseUrl(read);
  if (given !== null && read.text('ABNORMAL_REGION') !== null && given !== REGIONS[region]) {
    const wrong = `is set together with ABNORMAL_REGION=${region}, which means ${REGIONS[region]}`;
    read.refuse('ABNORMAL_BASE_URL', wrong, 'one of the two, not both', REGIONS[region]);
  }
  const token = read.text('ABNORMAL_TOKEN');
  if (token === null) return null;
  checkToken(read, token);
  return { token: new Secret(token), baseUrl: given ?? REGIONS[region] };
}

function checkToken(read: VariableReader, token: string): void {
  const wrong = wrongWithToken(token);
  if (wrong !== null) read.refuse('ABNORMAL_TOKEN', wrong, RIGHT_TOKEN, '<token>');
}

function baseUrl(read: VariableReader): string | null {
  const text = read.text('ABNORMAL_BASE_URL');
  if (text === null) return null;
  const wrong = wrongWithBaseUrl(text);
  if (wrong === null) return text.replace(/\/+$/, '');
  read.refuse('ABNORMAL_BASE_URL', wrong, RIGHT_ADDRESS, REGIONS.us);
  return null;
}

export interface LimitsConfig {
  /** Per caller; 0: no limit. */
  readonly ratePerMinute: number;
  /** In milliseconds. */
  readonly requestTimeout: number;
  readonly query: QueryLimits;
  readonly cost: CostLimits;
  /** A file with the operations that readers may run; `null`: any. */
  readonly persistedOperations: string | null;
  /** The groups of fields that are masked for readers. */
  readonly redact: ReadonlySet<RedactionGroup>;
}

const HOUR_MS = 3_600_000;
const MOST = 1_000_000_000;

export function readLimits(read: VariableReader): LimitsConfig {
  const isUnlimited = read.text('RATE_LIMIT')?.toLowerCase() === 'off';
  return {
    ratePerMinute: isUnlimited ? 0 : read.number('RATE_LIMIT', 1, 10_000_000),
    requestTimeout: read.duration('REQUEST_TIMEOUT', 100, HOUR_MS),
    query: numbers(read, 'QUERY_LIMITS', { ...DEFAULT_QUERY_LIMITS }),
    cost: numbers(read, 'COST_LIMITS', { ...DEFAULT_COST_LIMITS }),
    persistedOperations: read.text('PERSISTED_OPERATIONS'),
    redact: redaction(read),
  };
}

/** Numbers by name, `depth=20,aliases=100`; missing names keep their defaults. */
function numbers<T extends Record<string, number>>(read: VariableReader, name: Variable, defaults: T): T {
  const names = Object.keys(defaults);
  const given: Record<string, number> = {};
  for (const part of listed(read.text(name))) {
    const [, key = '', digits = ''] = /^(\w+)\s*=\s*(\d{1,9})$/.exec(part) ?? [];
    if (names.includes(key) && Number(digits) > 0 && Number(digits) < MOST) given[key] = Number(digits);
    else refuseNumber(read, name, part, defaults);
  }
  return { ...defaults, ...given };
}

function refuseNumber(
  read: VariableReader,
  name: Variable,
  part: string,
  defaults: Record<string, number>,
): void {
  const [first = ''] = Object.entries(defaults).map((entry) => entry.join('='));
  const right = `comma-separated numbers by name; the names are ${Object.keys(defaults).join(', ')}`;
  read.refuse(name, `contains ${quote(part)}`, right, first);
}

function redaction(read: VariableReader): Set<RedactionGroup> {
  const groups = Object.keys(REDACTION_GROUPS) as RedactionGroup[];
  const parts = listed(read.text('REDACT')).map((part) => part.toLowerCase());
  if (parts.includes('all')) return new Set(groups);
  return new Set(
    parts.flatMap((part) => {
      const group = groups.find((known) => known === part);
      if (group) return [group];
      const right = `all, or some of ${groups.join(', ')}, comma-separated`;
      read.refuse('REDACT', `contains ${quote(part)}`, right, 'subject,addresses,names');
      return [];
    }),
  );
}

export interface ProofConfig {
  /** Signs seals and packs; `null`: they are not signed. */
  readonly signer: Signer | null;
  /** Where the hash of each seal is sent: `https://…` or `file:…`. */
  readonly hook: string | null;
}

export function readProof(read: VariableReader): ProofConfig {
  return { signer: signer(read), hook: hook(read) };
}

function signer(read: VariableReader): Signer | null {
  const text = read.text('SIGNING_KEY');
  if (text === null) return null;
  try {
    return signerOf(text);
  } catch (error) {
    const wrong = error instanceof RangeError ? error.message : 'cannot be read';
    const right = 'an Ed25519 private key as the command "keys signing" prints it (PKCS#8 in base64, or PEM)';
    read.refuse('SIGNING_KEY', wrong, right, '<key>');
    return null;
  }
}

function hook(read: VariableReader): string | null {
  const text = read.text('SEAL_HOOK');
  if (text === null) return null;
  const wrong = wrongWithHook(text);
  if (wrong === null) return text;
  const right = 'an https address (plain http to this machine only), or file: and a path';
  read.refuse('SEAL_HOOK', wrong, right, 'file:/var/log/abnormal-seals.ndjson');
  return null;
}

/** The problem, without repeating what may contain a credential. */
function wrongWithHook(text: string): string | null {
  if (/^file:./.test(text)) return null;
  if (!URL.canParse(text)) return 'is neither a URL nor a file';
  const { protocol, hostname } = new URL(text);
  if (protocol === 'https:') return null;
  if (protocol !== 'http:') return `begins with ${protocol}`;
  return isLoopback(hostname) ? null : 'would send over plain http, where the data can be changed';
}

export function secretsInProof(values: Readonly<Record<string, string>>): string[] {
  const { SIGNING_KEY = '', SEAL_HOOK = '' } = values;
  const { username = '', password = '', search = '' } = /^https?:/.test(SEAL_HOOK) ? urlOf(SEAL_HOOK) : {};
  // the address of such a hook is often the credential
  return [SIGNING_KEY, username, password, search, search === '' ? '' : SEAL_HOOK];
}

function urlOf(text: string): Partial<URL> {
  return URL.canParse(text) ? new URL(text) : {};
}

export interface VaultConfig {
  /** The current key first, then older ones, 32 bytes each; empty without `ENCRYPTION_KEY`. */
  readonly encryptionKeys: readonly Secret[];
  /** The token that a command must store; `null`: it comes from standard input. */
  readonly newToken: Secret | null;
  /** Whether a stored integration may have an address in a private network. */
  readonly allowPrivate: boolean;
  /** By name; they sign the messages of webhooks. */
  readonly webhookSecrets: ReadonlyMap<string, Secret>;
}

export function readVault(read: VariableReader): VaultConfig {
  const newToken = read.text('ABNORMAL_NEW_TOKEN');
  return {
    newToken: newToken === null ? null : new Secret(newToken),
    encryptionKeys: encryptionKeys(read),
    allowPrivate: read.oneOf('ALLOW_PRIVATE_ADDRESSES', ['yes', 'no']) === 'yes',
    webhookSecrets: webhookSecrets(read),
  };
}

/** `name=whsec_…`, comma-separated. */
function webhookSecrets(read: VariableReader): Map<string, Secret> {
  const secrets = new Map<string, Secret>();
  for (const [index, part] of listed(read.text('WEBHOOK_SECRETS')).entries()) {
    const [, name = '', text = ''] = /^([a-z\d-]{1,40})=(.+)$/.exec(part) ?? [];
    // the value may be a secret, so no message repeats it
    if (webhookKey(text) === null || secrets.has(name)) {
      const wrong = secrets.has(name) ? `has ${quote(name)} twice` : `is not valid at position ${index + 1}`;
      const right =
        'secrets by name, comma-separated: “whsec_” and 24 to 64 bytes in base64, as “webhooks secret” prints one';
      read.refuse('WEBHOOK_SECRETS', wrong, right, 'siem=whsec_<base64>');
    } else secrets.set(name, new Secret(text));
  }
  return secrets;
}

export function webhookSecretsIn(text: string): string[] {
  return listed(text).map((part) => part.slice(part.indexOf('=') + 1));
}

function encryptionKeys(read: VariableReader): Secret[] {
  const texts = keyTexts(read.text('ENCRYPTION_KEY') ?? '');
  const wrong = wrongWithKeys(texts);
  if (wrong === null) return texts.map((text) => new Secret(text));
  const right =
    'a key as the command "keys encryption" prints it, 32 random bytes in base64 or hex; older keys may follow, comma-separated';
  read.refuse('ENCRYPTION_KEY', wrong, right, '<key>');
  return [];
}

/** The problem, without repeating any key. */
function wrongWithKeys(texts: readonly string[]): string | null {
  const keys = texts.map(parseEncryptionKey);
  const bad = keys.indexOf(null);
  if (bad !== -1) {
    const which = texts.length === 1 ? 'is' : `has at position ${bad + 1} of ${texts.length} a value that is`;
    return `${which} not a key of 32 random bytes`;
  }
  const ids = keys.flatMap((key) => (key === null ? [] : encryptionKeyId(key)));
  return new Set(ids).size < ids.length ? 'contains a key twice' : null;
}

function keyTexts(text: string): string[] {
  return text === '' ? [] : text.split(',').map((part) => part.trim());
}

/** All forms of the keys in `text`, to keep them out of logs. */
export function formsOfKeys(text: string): string[] {
  return keyTexts(text).flatMap((given) => {
    const key = parseEncryptionKey(given);
    const forms = key && [key.toString('hex'), key.toString('base64'), key.toString('base64url')];
    return [given, ...(forms ?? [])];
  });
}
