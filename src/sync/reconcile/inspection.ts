import type { UpstreamError } from '../../abnormal/errors.js';
import type { Window } from '../../model/ledger.js';
import type { Stream } from '../../model/stream.js';
import { type Instant, shift } from '../../values/instant.js';
import { clip, floorToSecond } from '../../values/window.js';
import type { Reading, Source, SyncEnv } from '../pass.js';
import { StopError, toUpstreamError } from '../stop.js';

/** One window of one source, as it is being compared with what Abnormal has. */
export interface Inspection extends SyncEnv, Source, Reading {
  readonly window: Window;
  /** The stream that defines the source's population. */
  readonly stream: Stream;
}

/** Where Abnormal named a record: in `span`, and at `time` where it said so. */
export interface Sighting {
  readonly span: Window;
  readonly time: Instant | null;
}

/** Asks Abnormal; a failure is an answer too, unless it is that the work was ended. */
export async function attempt<T>({ signal }: Reading, ask: () => Promise<T>): Promise<T | UpstreamError> {
  try {
    return await ask();
  } catch (thrown) {
    const error = toUpstreamError(thrown);
    if (signal.aborted || error.code === 'CANCELLED') throw new StopError({ kind: 'INTERRUPTED' });
    return error;
  }
}

/** Sources do not agree to the second: a list may go by another of a message's times than an export does. */
const MARGIN = 60_000;

/** The narrowest part of `window` in which lists are sure to name what was seen. */
export function spanAround({ span, time }: Sighting, window: Window): Window {
  if (time === null) return span;
  const from = floorToSecond(shift(time, -MARGIN));
  return clip({ from, to: shift(from, 2 * MARGIN + 1_000) }, window.from, window.to) ?? span;
}
