import type { RecordedEntry } from '../../model/ledger.js';
import { parsedJson } from '../../values/canonical-json.js';
import type { Instant } from '../../values/instant.js';
import type { RevisionFacts } from '../seal/leaf.js';
import { isPublicJwk, type PublicJwk } from '../seal/signing-key.js';

/** The manifest, as RFC 8785 canonical JSON. */
export interface PackManifest {
  readonly type: typeof PACK_TYPE;
  readonly version: 1;
  readonly period: { readonly text: string; readonly from: Instant; readonly to: Instant };
  readonly asOf: Instant;
  readonly seq: number;
  /** `null`: all that were recorded. */
  readonly integrations: readonly string[] | null;
  /** The seals in the pack, without gaps, and the hash of the last one. */
  readonly seals: { readonly first: number; readonly last: number; readonly lastHash: string };
  readonly counts: { readonly revisions: number; readonly readings: number; readonly runs: number };
  readonly files: readonly PackFile[];
  /** `null` if it is not signed. */
  readonly key: PublicJwk | null;
}

export interface PackFile {
  readonly name: string;
  readonly size: number;
  /** In hex. */
  readonly sha256: string;
}

export const PACK_TYPE = 'abnormal-gateway/pack';

/** The names of the files that a verification reads. */
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

/** `null` if it is none. */
export function readPackManifest(text: string): PackManifest | null {
  const value = (parsedJson(text) ?? {}) as Partial<PackManifest>;
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
}

/** Whether a pack about these accounts contains what a seal lists of this one. */
export function isPacked({ integrations }: Pick<PackManifest, 'integrations'>, integration: string): boolean {
  return integrations === null || integrations.includes(integration);
}

/** The facts of a version's leaf, and the response as received: its SHA-256 is the digest. */
export interface PackedRevision extends RevisionFacts {
  readonly received: string;
}

/** A reading with its position among those of its stream in the batch. */
export interface PackedReading {
  readonly place: number;
  readonly entry: RecordedEntry;
}
