import { createHash } from 'node:crypto';
import { canonicalJson, sha256 } from '../model/revision.js';
import { streamText } from '../model/stream.js';
import { keyText, type RecordKey } from '../resources/kind.js';
import { type Instant, toInstant, toMillis } from '../values/instant.js';
import { type Batch, type Recorded, releasedKeys } from './store.js';

/**
 * What a batch left of everything that later batches write over. It lies with the batch and never changes, so that
 * what stands now can be derived again from all of them, the last word counting, and compared.
 */
export interface BatchStatement {
  /** The run by its id, with its `stateDigest`. */
  readonly run: readonly [id: string, digest: string];
  /** Each stream's state that was written. */
  readonly streams: readonly (readonly [stream: string, digest: string])[];
  /** What was set aside; `null`: taken out. By the record's key, as `keyText`. */
  readonly quarantine: readonly (readonly [key: string, digest: string | null])[];
  /** The versions that were brought or confirmed, 14 bytes each: `versionMark`, then `verifiedAt` in ms. In base64. */
  readonly verified: string;
}

/** A batch as the history has it. */
export interface BatchNote {
  readonly id: string;
  /** What it is found by. */
  readonly seq: number;
  readonly at: Instant;
  /** What was answered when it was recorded. */
  readonly recorded: Recorded;
  /** `null` where the gateway that recorded it made none. */
  readonly stated: BatchStatement | null;
}

/** When a version was last verified, and by which batch. */
export interface Confirmation {
  readonly key: RecordKey;
  readonly seqFrom: number;
  readonly verifiedAt: Instant;
  readonly confirmedBy: number;
}

/** Something that the store works out of the records, and that is not what they come to. */
export interface DerivedFault {
  /** The record as `integration/kind/id`, or the name of what is wrong. */
  readonly what: string | null;
  readonly seq: number | null;
  /** For a person: a sentence. */
  readonly message: string;
}

const MARK_BYTES = 8;
const ENTRY_BYTES = MARK_BYTES + 6;
const SURROGATES = /[\ud800-\udfff]/;

/** The SHA-256 of a JSON value as every store gives it back: half surrogate pairs cannot be kept everywhere. */
export function stateDigest(value: unknown): string {
  const json = JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'string' && SURROGATES.test(part) ? part.replace(/\p{Surrogate}/gu, '\ufffd') : part,
  );
  return sha256(canonicalJson(JSON.parse(json)));
}

/**
 * What a batch states. `freed`: the keys that it took out of quarantine; `verified`: the versions that it brought
 * or confirmed, as it left them.
 */
export function statementOf(
  { run, streams, quarantine, ...batch }: Batch,
  freed: readonly string[],
  verified: Iterable<Omit<Confirmation, 'confirmedBy'>>,
): BatchStatement {
  const out = new Set(releasedKeys({ run, streams, quarantine, ...batch }).map(keyText));
  const aside = new Map<string, string | null>([...freed].map((key) => [key, null]));
  for (const entry of quarantine) {
    const key = keyText(entry.key);
    if (!out.has(key)) aside.set(key, stateDigest(entry));
  }
  const states = new Map(streams.map((state) => [streamText(state), stateDigest(state)]));
  return {
    run: [run.id, stateDigest(run)],
    streams: [...states].sort(byName),
    quarantine: [...aside].sort(byName),
    verified: packed(verified),
  };
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

function packed(verified: Iterable<Omit<Confirmation, 'confirmedBy'>>): string {
  const entries = Array.from(verified, ({ key, seqFrom, verifiedAt }) => {
    const entry = Buffer.alloc(ENTRY_BYTES);
    entry.writeBigUInt64BE(versionMark(key, seqFrom));
    entry.writeUIntBE(Math.max(0, toMillis(verifiedAt)), MARK_BYTES, ENTRY_BYTES - MARK_BYTES);
    return entry;
  });
  return Buffer.concat(entries.sort(Buffer.compare)).toString('base64');
}

/** What `verified` says. */
export function* verifiedIn({ verified }: BatchStatement): Generator<{ mark: bigint; verifiedMs: number }> {
  const bytes = Buffer.from(verified, 'base64');
  for (let at = 0; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
    const verifiedMs = bytes.readUIntBE(at + MARK_BYTES, ENTRY_BYTES - MARK_BYTES);
    yield { mark: bytes.readBigUInt64BE(at), verifiedMs };
  }
}

/** Tells versions apart: 64 bits of a hash, never 0. */
export function versionMark({ kind, integration, id }: RecordKey, seqFrom: number): bigint {
  const text = JSON.stringify([kind, integration, id, seqFrom]);
  const mark = createHash('sha256').update(text).digest().readBigUInt64BE();
  return mark === 0n ? 1n : mark;
}

/** Whether an instant is that of the milliseconds, to the letter. */
export function isInstantOf(instant: Instant, ms: number): boolean {
  return instant === toInstant(ms);
}
