import type { Pin } from '../../history/store.js';
import type { Instant } from '../../values/instant.js';
import type { Leaf } from '../seal/leaf.js';
import type { Seal } from '../seal/seal.js';
import type { ChainCheck, ChainOptions, CheckedSeal } from './check-chain.js';

export interface VerifyOptions extends ChainOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: VerifyProgress) => void;
}

export interface VerifyProgress {
  readonly seal: number;
  readonly revisions: number;
  readonly seq: number;
  readonly toSeq: number;
}

/** Where seals lie together with what they cover: a history or a pack. */
export interface SealedSource {
  readonly subject: 'HISTORY' | 'PACK';
  readonly head: Pin;
  readonly chain: ChainOptions;
  /** The index of the first seal that must be there. */
  readonly firstSeal: number;
  /** Which leaves of a seal's list are here; if absent, all of them. */
  readonly only?: (leaf: Leaf, integration: string) => boolean;
  /** The seals in their order; `null` for one that cannot be read. */
  seals(): AsyncIterable<readonly [index: number, at: Instant | null, seal: Seal | null]>;
  /**
   * The revisions of a seal's batches. The source checks a batch further when it is asked for the next one, so that
   * what differs from the seal is named first.
   */
  batches(seal: CheckedSeal): AsyncIterable<FoundBatch>;
  readings(seal: CheckedSeal): Promise<Found>;
  /** Checks that only this source can make, in the order of their findings. */
  readonly extraChecks: readonly ExtraCheck[];
  /** How much was read; once all of it was. */
  readonly counts: { readonly revisions: number; readonly readings: number; readonly runs: number };
}

export interface Found {
  readonly leaves: readonly Leaf[];
  /** Whether another finding already names the leaf as unreadable, so that it is not missing. */
  readonly isUnreadable?: (leaf: Leaf) => boolean;
}

export interface FoundBatch extends Found {
  readonly seq: number;
  /** Set if the batch cannot be read at once; `leaves` are those revisions that can be read one by one. */
  readonly isBroken?: boolean;
}

export interface ExtraCheck {
  /** Called for each seal before its batches are compared. */
  take?(seal: CheckedSeal): Promise<void> | void;
  /** Called after the last seal. */
  finish(chain: ChainCheck): Promise<void> | void;
}
