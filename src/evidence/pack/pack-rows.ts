import type { RecordedEntry } from '../../model/ledger.js';
import { canonicalJson, type Revision, sha256 } from '../../model/revision.js';
import { type Leaf, type RevisionFacts, recordDigest } from '../seal/leaf.js';
import { leafHash } from '../seal/merkle.js';

/** A version as a line of a pack has it: the facts that its leaf is made of, and what was received. */
export interface PackedRevision {
  readonly integration: string;
  readonly kind: string;
  readonly id: string;
  readonly seqFrom: number;
  readonly observedFrom: string;
  readonly digest: string;
  readonly deleted: boolean;
  readonly origin: string;
  readonly runId: string;
  /** SHA-256 of the decoded record's canonical JSON. */
  readonly record: string;
  /** The text to the letter, as a string: its SHA-256 is the digest. */
  readonly received: string;
}

export function packedRevision(revision: Revision, received: string): PackedRevision {
  const {
    key,
    seqFrom,
    observedFrom,
    digest,
    deleted,
    origin,
    runId,
    record,
  }: RevisionFacts & { record: unknown } = revision;
  const { integration, kind, id } = key;
  return {
    ...{ integration, kind, id, seqFrom, observedFrom, digest, deleted, origin, runId },
    record: recordDigest(record),
    received,
  };
}

/** The leaf that a line comes to. */
export function packedLeaf({ received: _received, ...facts }: PackedRevision): Leaf {
  const { kind, integration, id, seqFrom } = facts;
  return {
    seq: seqFrom,
    name: [kind, integration, id],
    hash: leafHash(canonicalJson(facts)).toString('hex'),
  };
}

/** Whether the text of a line is that of its digest. */
export function isReceived({ received, digest }: PackedRevision): boolean {
  return typeof received === 'string' && sha256(received) === digest;
}

/** A reading as a line: the entry, with its place among its stream's in the batch. */
export interface PackedReading {
  readonly place: number;
  readonly entry: RecordedEntry;
}
