import { createHash } from 'node:crypto';
import { streamText } from '../model/stream.js';
import { keyText, type RecordKey } from '../resources/registry.js';
import { canonicalJson, sha256 } from '../values/canonical-json.js';
import { type Instant, toInstant, toMillis } from '../values/instant.js';
import { quarantineChanges } from './batch-plan.js';
import type { Batch, BatchStatement, Confirmation } from './store.js';

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
  batch: Batch,
  freed: readonly string[],
  verified: Iterable<Omit<Confirmation, 'confirmedBy'>>,
): BatchStatement {
  const { run, streams } = batch;
  const quarantine = new Map<string, string | null>(freed.map((key) => [key, null]));
  for (const entry of quarantineChanges(batch).added) quarantine.set(keyText(entry.key), stateDigest(entry));
  const states = new Map(streams.map((state) => [streamText(state), stateDigest(state)]));
  return {
    run: [run.id, stateDigest(run)],
    streams: [...states].sort(byName),
    quarantine: [...quarantine].sort(byName),
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
