import type { Instant } from '../../values/instant.js';
import { isPublicJwk, type PublicJwk } from '../seal/signing-key.js';

/** What a pack says of itself, as RFC 8785 canonical JSON. */
export interface PackManifest {
  readonly type: typeof PACK_TYPE;
  readonly version: 1;
  readonly period: { readonly text: string; readonly from: Instant; readonly to: Instant };
  /** The view that was judged. */
  readonly asOf: Instant;
  readonly seq: number;
  /** The accounts it is about; `null`: all that were recorded. */
  readonly integrations: readonly string[] | null;
  /** The seals inside, without holes, and the hash of the last. */
  readonly seals: { readonly first: number; readonly last: number; readonly lastHash: string };
  readonly counts: { readonly revisions: number; readonly readings: number; readonly runs: number };
  /** Every other file, in its order. */
  readonly files: readonly PackFile[];
  /** By whom the manifest is signed; `null` when by nobody. */
  readonly key: PublicJwk | null;
}

export interface PackFile {
  readonly name: string;
  readonly size: number;
  /** In hex. */
  readonly sha256: string;
}

export const PACK_TYPE = 'abnormal-gateway/pack';

/** The names of files that a verification reads. */
export const PACKED = {
  manifest: 'manifest.json',
  /** 64 bytes: Ed25519 over the manifest's bytes. */
  signature: 'manifest.sig',
  keys: 'public-keys.json',
  seals: 'seals.ndjson',
  revisions: 'revisions.ndjson',
  ledger: 'ledger.ndjson',
  runs: 'runs.ndjson',
} as const;

/** The manifest that a text is; `null` when it is none. */
export function readManifest(text: string): PackManifest | null {
  try {
    const value = JSON.parse(text) as Partial<PackManifest>;
    const isOne =
      value.type === PACK_TYPE &&
      value.version === 1 &&
      Number.isSafeInteger(value.seq) &&
      Array.isArray(value.files) &&
      value.files.every((file: Partial<PackFile> | null) => typeof file?.name === 'string') &&
      typeof value.seals?.lastHash === 'string' &&
      [value.seals.first, value.seals.last].every(Number.isSafeInteger) &&
      typeof value.counts === 'object' &&
      value.counts !== null &&
      (value.key === null || isPublicJwk(value.key)) &&
      (value.integrations === null || Array.isArray(value.integrations));
    return isOne ? (value as PackManifest) : null;
  } catch {
    return null;
  }
}

/** Whether a pack about these accounts has what is called so in a seal's list. */
export function isPacked({ integrations }: Pick<PackManifest, 'integrations'>, integration: string): boolean {
  return integrations === null || integrations.includes(integration);
}
